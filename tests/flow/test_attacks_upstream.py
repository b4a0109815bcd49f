# SPDX-License-Identifier: Apache-2.0
"""Promise: an upstream is not believed. After anything odd its connection is never used again, and the caller gets a
502 or a visibly broken answer: never another one's bytes, never a whole-looking part."""

import json
import re
import socket
import threading
import time

import pytest

from attack import (ANA, CHAT_PATH, UNARY, AnsweringUpstream, assert_alive, exchange, good, head, is_whole, metric, read_all,
                    rss_bytes, shared_gateway, statuses, unary_answer)
from harness import Peer, RawUpstream, request_bytes, wait_for
from setup_gateway import chat_body, compact

CLOSE = [("connection", "close")]
REQUEST = request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA, CLOSE)
STREAM_REQUEST = request_bytes("POST", CHAT_PATH, chat_body("raw", stream=True), ANA, CLOSE)
LENGTH = b"Content-Length: %d\r\n" % len(UNARY)


# What came on connections behind an odd answer: nothing should.
REUSED = []


def play(data, then="keep"):
    """Answers with these bytes; then keeps the connection, ends it, or resets it."""
    def player(peer):
        for piece in data if isinstance(data, list) else [data]:
            peer.send(piece)
        if then == "fin":
            peer.sock.shutdown(socket.SHUT_WR)
        elif then == "reset":
            peer.reset()
            return
        behind, _ = read_all(peer, 20, answers=0)
        if behind:
            REUSED.append((data, behind))
    return player


class Scripted(AnsweringUpstream):
    """What `script` says, for each request anew."""

    def __init__(self):
        self.script = unary_answer()
        super().__init__(lambda request: self.script)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    def change(config):
        config["gateway"]["workers"] = 1  # so that every call could meet every pooled connection
        for row in config["upstreams"]:
            row["timeouts"] = {"connect": "2s", "first_byte": "600ms", "idle": "600ms"}
    with shared_gateway(tmp_path_factory.mktemp("upstream"), change, Scripted()) as made:
        yield made
        wait_for(lambda: metric(made, "tollgate_requests_in_flight") == 0)
        intents, settles = made.records("intent"), made.records("settle")
        assert sorted(row["data"]["request"] for row in intents) == sorted(row["data"]["request"] for row in settles)


def head_and_body(data):
    start, _, body = data.partition(b"\r\n\r\n")
    return start, body


def is_broken_or_502(data, is_ended):
    """A whole 502 of ours, or an answer whose end is missing and whose connection is gone."""
    codes = statuses(data)
    if codes == [502] or codes == [504]:
        return is_whole(data)
    if not is_ended or len(codes) > 1:
        return False
    start, body = head_and_body(data)
    length = re.search(rb"(?i)content-length: (\d+)", start)
    if length:
        return len(body) < int(length.group(1))
    return not body.endswith(b"0\r\n\r\n")


def dechunk(body):
    data = b""
    while b"\r\n" in body:
        line, _, body = body.partition(b"\r\n")
        size = int(line, 16)
        if size == 0 or not body:
            break
        data, body = data + body[:size], body[size + 2:]
    return data


def assert_clean_after(gateway):
    """The next call, of another client, gets its own answer."""
    gateway.raw.script = unary_answer(b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}')
    data, _ = exchange(gateway, REQUEST)
    assert statuses(data) == [200] and b'"total_tokens":2}' in data, data


OK_LINE = b"HTTP/1.1 200 OK\r\n"
CHUNKS = b"%x\r\n" % len(UNARY) + UNARY + b"\r\n0\r\n\r\n"
TE = b"Transfer-Encoding: chunked\r\n"
ANOMALIES = {
    "CL and TE": OK_LINE + LENGTH + TE + b"\r\n" + CHUNKS,
    "TE and CL": OK_LINE + TE + LENGTH + b"\r\n" + CHUNKS,
    "CL twice": OK_LINE + LENGTH + LENGTH + b"\r\n" + UNARY,
    "CL twice, other": OK_LINE + LENGTH + b"Content-Length: 5\r\n\r\n" + UNARY,
    "CL list": OK_LINE + b"Content-Length: 5, 5\r\n\r\nhello",
    "CL negative": OK_LINE + b"Content-Length: -5\r\n\r\nhello",
    "CL plus": OK_LINE + b"Content-Length: +5\r\n\r\nhello",
    "CL hex": OK_LINE + b"Content-Length: 0x5\r\n\r\nhello",
    "CL empty": OK_LINE + b"Content-Length:\r\n\r\nhello",
    "CL beyond": OK_LINE + b"Content-Length: 99999999999999999999\r\n\r\nhello",
    "CL underscore": OK_LINE + b"Content_Length: 3\r\n" + LENGTH + b"\r\n" + UNARY,
    "TE twice": OK_LINE + TE + TE + b"\r\n" + CHUNKS,
    "TE gzip": OK_LINE + b"Transfer-Encoding: gzip\r\n\r\n" + CHUNKS,
    "TE gzip, chunked": OK_LINE + b"Transfer-Encoding: gzip, chunked\r\n\r\n" + CHUNKS,
    "TE identity": OK_LINE + b"Transfer-Encoding: identity\r\n\r\n" + UNARY,
    "TE chunked with VT": OK_LINE + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKS,
    "TE on 1.0": b"HTTP/1.0 200 OK\r\n" + TE + b"\r\n" + CHUNKS,
    "bare LF status line": b"HTTP/1.1 200 OK\n" + LENGTH + b"\r\n" + UNARY,
    "short status line, LF": b"HTTP/1.1 200\n" + LENGTH + b"\r\n" + UNARY,
    "all LF": (OK_LINE + LENGTH + b"\r\n").replace(b"\r\n", b"\n") + UNARY,
    "lone CR": OK_LINE + b"X: a\rContent-Length: 5\r\n" + LENGTH + b"\r\n" + UNARY,
    "obs-fold": OK_LINE + b"X: a\r\n b\r\n" + LENGTH + b"\r\n" + UNARY,
    "obs-fold at once": OK_LINE + b" X: a\r\n" + LENGTH + b"\r\n" + UNARY,
    "space before colon": OK_LINE + b"X : a\r\n" + LENGTH + b"\r\n" + UNARY,
    "empty name": OK_LINE + b": a\r\n" + LENGTH + b"\r\n" + UNARY,
    "no colon": OK_LINE + b"X\r\n" + LENGTH + b"\r\n" + UNARY,
    "NUL in a value": OK_LINE + b"X: a\0b\r\n" + LENGTH + b"\r\n" + UNARY,
    "a head of 1 MB": OK_LINE + b"X: " + b"a" * 1000000 + b"\r\n" + LENGTH + b"\r\n" + UNARY,
    "5000 fields": OK_LINE + b"X: a\r\n" * 5000 + LENGTH + b"\r\n" + UNARY,
    "101 fields": OK_LINE + b"X: a\r\n" * 101 + LENGTH + b"\r\n" + UNARY,
    "1xx flood": b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 1000 + unary_answer(),
    "100 flood": b"HTTP/1.1 100 Continue\r\n\r\n" * 100000 + unary_answer(),
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + unary_answer(),
    "1xx with a body": b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\nhello" + unary_answer(),
    "204 with length": b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
    "204 with chunks": b"HTTP/1.1 204 No Content\r\n" + TE + b"\r\n" + CHUNKS,
    "status 099": b"HTTP/1.1 099 OK\r\n" + LENGTH + b"\r\n" + UNARY,
    "status 600": b"HTTP/1.1 600 OK\r\n" + LENGTH + b"\r\n" + UNARY,
    "status 2000": b"HTTP/1.1 2000 OK\r\n" + LENGTH + b"\r\n" + UNARY,
    "status 20": b"HTTP/1.1 20 OK\r\n" + LENGTH + b"\r\n" + UNARY,
    "status +20": b"HTTP/1.1 +20 OK\r\n" + LENGTH + b"\r\n" + UNARY,
    "two spaces": b"HTTP/1.1  200 OK\r\n" + LENGTH + b"\r\n" + UNARY,
    "version 2.0": b"HTTP/2.0 200 OK\r\n" + LENGTH + b"\r\n" + UNARY,
    "version 1.2": b"HTTP/1.2 200 OK\r\n" + LENGTH + b"\r\n" + UNARY,
    "lower case": b"http/1.1 200 OK\r\n" + LENGTH + b"\r\n" + UNARY,
    "ICY": b"ICY 200 OK\r\n" + LENGTH + b"\r\n" + UNARY,
    "leading CRLF": b"\r\n" + unary_answer(),
    "HTTP/0.9": UNARY + b"\r\n\r\n",
    "a request": b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "TLS": b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n",
    "noise": bytes(range(256)) * 8 + b"\r\n\r\n",
    "chunk size huge": OK_LINE + TE + b"\r\nffffffffffffffff\r\n" + UNARY,
    "chunk size beyond": OK_LINE + TE + b"\r\n10000000000000000\r\n" + UNARY,
    "chunk sizes that overflow": OK_LINE + TE + b"\r\n1\r\nx\r\nffffffffffffffff\r\n" + UNARY,
    "chunk size negative": OK_LINE + TE + b"\r\n-1\r\n" + UNARY,
    "chunk size empty": OK_LINE + TE + b"\r\n\r\n" + UNARY,
    "chunk extension": OK_LINE + TE + b"\r\n%x;a=b\r\n" % len(UNARY) + UNARY + b"\r\n0\r\n\r\n",
    "chunk line LF": OK_LINE + TE + b"\r\n%x\n" % len(UNARY) + UNARY + b"\r\n0\r\n\r\n",
    "chunk end": OK_LINE + TE + b"\r\n%x\r\n" % len(UNARY) + UNARY + b"XX0\r\n\r\n",
    "trailer with a length": OK_LINE + TE + b"\r\n" + CHUNKS[:-2] + b"Content-Length: 5\r\n\r\n",
    "trailer with a NUL": OK_LINE + TE + b"\r\n" + CHUNKS[:-2] + b"X: \0\r\n\r\n",
    "trailer without end": OK_LINE + TE + b"\r\n" + CHUNKS[:-2] + b"X: " + b"a" * 100000,
}


@pytest.mark.parametrize("then", ["keep", "fin"])
def test_anomalies_end_in_502_or_visibly_broken(gateway, then):
    """Each case: the caller is told, the connection is not used again, others are not touched."""
    bystander = gateway.connect()
    raw_stream = threading.Event()

    def stream(peer):
        peer.send(OK_LINE + b"Content-Type: text/event-stream\r\n" + TE + b"\r\n")
        peer.send(b'10\r\ndata: {"n": 0}\n\n\r\n')
        while not raw_stream.wait(0.2):
            peer.send(b"3\r\n:\n\n\r\n")
        peer.send(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
    gateway.raw.script = stream
    bystander.send(STREAM_REQUEST)
    bystander.take_until(b'{"n": 0}')
    wrong = []
    for name, data in ANOMALIES.items():
        gateway.raw.script = play(data, then)
        got, is_ended = exchange(gateway, REQUEST, timeout=3)
        if not is_broken_or_502(got, is_ended):
            wrong.append((name, got[:300]))
        assert_clean_after(gateway)
    assert not wrong, "\n".join(map(str, wrong))
    assert REUSED == []
    raw_stream.set()
    rest, _ = read_all(bystander, 5)
    assert rest.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n"), rest
    bystander.close()
    assert_alive(gateway)


def test_bytes_behind_an_answer_are_nobodys(gateway):
    """Extra bytes behind a whole answer: it is given as it was, and the connection with the rest is thrown away."""
    forged = unary_answer(b'{"forged":true}')
    for data in (unary_answer() + b"X", unary_answer() + forged, unary_answer() + b"\r\n", OK_LINE + TE + b"\r\n" + CHUNKS + forged,
                 b"HTTP/1.1 204 No Content\r\n\r\n" + forged, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 20\r\n\r\n" + forged,
                 [unary_answer(), forged], OK_LINE + b"Content-Length: 0\r\n\r\n" + forged):
        gateway.raw.script = play(data)
        got, _ = exchange(gateway, REQUEST)
        assert len(statuses(got)) == 1 and statuses(got)[0] in (200, 204, 304) and b"forged" not in got, (data, got)
        wait_for(lambda: metric(gateway, "tollgate_requests_in_flight") == 0)
        for _ in range(2):
            gateway.raw.script = unary_answer()
            got, _ = exchange(gateway, REQUEST)
            assert statuses(got) == [200] and b"forged" not in got and UNARY in got
        assert REUSED == []


def test_an_answer_to_no_request_ends_the_connection(tmp_path):
    """Bytes on an idle pooled connection answer nothing: the next call gets a new connection."""
    upstream = AnsweringUpstream()
    with shared_gateway(tmp_path, lambda config: config["gateway"].update(workers=1), upstream) as gateway:
        assert statuses(exchange(gateway, REQUEST)[0]) == [200]
        upstream.peers[0].send(unary_answer(b'{"forged":true}'))
        assert wait_for(lambda: not read_all(upstream.peers[0], 0.01)[0] and upstream.peers[0].sock.fileno() < 0 or
                        peer_is_gone(upstream.peers[0]))
        got, _ = exchange(gateway, REQUEST)
        assert statuses(got) == [200] and b"forged" not in got and len(upstream.peers) == 2


def peer_is_gone(peer):
    try:
        return peer.sock.fileno() < 0 or peer.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


SSE = [b'data: {"id":"c","model":"raw-x","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n',
       b'data: {"id":"c","model":"raw-x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n',
       b"data: [DONE]\n\n"]
STREAM = (OK_LINE + b"Content-Type: text/event-stream\r\n" + TE + b"\r\n" +
          b"".join(b"%x\r\n" % len(event) + event + b"\r\n" for event in SSE) + b"0\r\n\r\n")


@pytest.mark.parametrize("then", ["fin", "reset"])
def test_streams_cut_at_every_byte_show_it(gateway, then):
    """FIN or RST behind each byte of a stream: a 502 before the head is whole, later an end without the end."""
    seen = b"".join(event for event in SSE if b"usage" not in event)
    for cut in range(len(STREAM)):
        gateway.raw.script = play(STREAM[:cut], then)
        got, is_ended = exchange(gateway, STREAM_REQUEST, timeout=4)
        assert is_broken_or_502(got, is_ended), (cut, got)
        if statuses(got) == [200]:
            body = dechunk(head_and_body(got)[1]).split(b"event: error")[0]
            assert seen.startswith(body) or (seen + SSE[1]).startswith(body), (cut, body)
    gateway.raw.script = STREAM
    got, _ = exchange(gateway, STREAM_REQUEST)
    assert statuses(got) == [200] and got.endswith(b"0\r\n\r\n") and dechunk(head_and_body(got)[1]) == seen
    assert_alive(gateway)


def server_sent(text):
    """(event, data) of each event that a browser would dispatch: fields to a blank line, any of three line ends."""
    events, name, data = [], "", []
    for line in re.split("\r\n|\r|\n", text):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
        elif line == "":
            if data:
                events.append((name, "\n".join(data)))
            name, data = "", []
    return events


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_an_error_event_stands_by_itself_wherever_the_stream_was_cut(gateway, line_end):
    """Cut behind each byte that the caller sees: the last event is the error, whole, and no other one is part of it."""
    request = request_bytes("POST", CHAT_PATH, chat_body("raw", stream=True, stream_options={"include_usage": True}), ANA,
                            CLOSE)
    events = b"".join(event.replace(b"\n", line_end) for event in SSE[:2])
    sent = OK_LINE + b"Content-Type: text/event-stream\r\n" + TE + b"\r\n"
    for cut in range(1, len(events) + 1):
        gateway.raw.script = play(sent + b"%x\r\n" % cut + events[:cut] + b"\r\n", "fin")
        got, is_ended = exchange(gateway, request, timeout=4)
        assert is_ended and statuses(got) == [200], (cut, got)
        text = dechunk(head_and_body(got)[1])
        assert text.startswith(events[:cut])
        name, data = server_sent(text.decode())[-1]
        assert name == "error" and json.loads(data)["error"]["code"] == "upstream_error", (cut, text)


def test_an_error_line_stands_by_itself_wherever_the_stream_was_cut(gateway):
    """The same for a stream of lines."""
    lines = b'{"choices":[{"index":0,"text":"a"}]}\n{"choices":[{"index":0,"text":"b"}]}\n'
    sent = OK_LINE + b"Content-Type: application/x-ndjson\r\n" + TE + b"\r\n"
    for cut in range(1, len(lines) + 1):
        gateway.raw.script = play(sent + b"%x\r\n" % cut + lines[:cut] + b"\r\n", "fin")
        got, is_ended = exchange(gateway, STREAM_REQUEST, timeout=4)
        assert is_ended and statuses(got) == [200], (cut, got)
        text = dechunk(head_and_body(got)[1])
        assert text.startswith(lines[:cut])
        assert json.loads(text.splitlines()[-1])["error"]["code"] == "upstream_error", (cut, text)


@pytest.mark.parametrize("then", ["fin", "reset"])
def test_whole_answers_cut_at_every_byte_show_it(gateway, then):
    """The same for an answer of known length."""
    whole = unary_answer()
    for cut in range(0, len(whole)):
        gateway.raw.script = play(whole[:cut], then)
        got, is_ended = exchange(gateway, REQUEST, timeout=4)
        assert is_broken_or_502(got, is_ended), (cut, got)
        body = head_and_body(got)[1] if statuses(got) == [200] else b""
        assert UNARY.startswith(body), (cut, body)
    assert_alive(gateway)


def early(data, take, then):
    """Answers when `take` bytes of the request have come."""
    def run(upstream, done):
        sock, _ = upstream.listener.accept()
        peer = Peer(sock)
        upstream.peers.append(peer)
        while len(peer.received) < take:
            peer.fill()
        peer.send(data)
        if then == "fin":
            peer.close()
        else:
            done.wait(10)
    return run


@pytest.mark.parametrize("then", ["fin", "keep"])
@pytest.mark.parametrize("status", [b"200 OK", b"413 Content Too Large"])
def test_an_answer_before_the_request_was_read(tmp_path, then, status):
    """An early answer is passed on or broken, and a half-sent request is never followed by another."""
    upstream, done = RawUpstream(), threading.Event()
    # So that the kernel cannot take the whole request for it.
    upstream.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    body = compact(chat_body("raw", "x" * 12000000))

    def change(config):
        config["gateway"]["workers"] = 1
        config["limits"]["body"] = "16MiB"
        config["upstreams"][1]["retries"] = 0  # the retry would be taken for the second request
    with shared_gateway(tmp_path, change, upstream) as gateway:
        thread = threading.Thread(target=early(unary_answer(status=status), 1000, then), args=(upstream, done), daemon=True)
        thread.start()
        got, is_ended = exchange(gateway, head(b"Content-Length: %d" % len(body), b"Connection: close") + body, timeout=8)
        assert statuses(got) == [int(status[:3])] and UNARY in got or is_broken_or_502(got, is_ended), got
        second = threading.Thread(target=lambda: exchange(gateway, good(), timeout=1), daemon=True)
        second.start()
        fresh = upstream.accept()
        fresh.message()
        fresh.send(unary_answer())
        second.join()
        done.set()
        thread.join()
        assert b"POST" not in upstream.peers[0].received[100:]


def test_an_endless_event_costs_bounded_memory(tmp_path):
    """One event of 64 MB without a line end, an answer of 64 MB in one-byte chunks' worst relatives: nothing is kept."""
    piece = b"%x\r\n" % 65536 + b"x" * 65536 + b"\r\n"

    def pour(peer):
        peer.send(OK_LINE + b"Content-Type: text/event-stream\r\n" + TE + b"\r\n" + b"6\r\ndata: \r\n")
        for _ in range(1024):
            peer.send(piece)
        peer.send(b"2\r\n\n\n\r\n0\r\n\r\n")
    with shared_gateway(tmp_path, upstream=AnsweringUpstream(lambda request: pour)) as gateway:
        client = gateway.connect()
        before = rss_bytes(gateway)
        client.send(STREAM_REQUEST)
        count = 0
        while client.fill(10):
            count += len(client.buffer)
            client.buffer = client.received = b""
        assert count > 64 << 20
        assert rss_bytes(gateway) - before < 24 << 20
        client.close()


def test_a_dripping_head_is_a_504(gateway):
    """A head that comes one byte at a time is waited for no longer than for none."""
    def drip(peer):
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000:
            peer.send(bytes([byte]))
            time.sleep(0.05)
    gateway.raw.script = drip
    began = time.monotonic()
    got, _ = exchange(gateway, REQUEST, timeout=5)
    assert statuses(got) == [504] and time.monotonic() - began < 3


def test_a_stalled_stream_ends_broken(gateway):
    """An upstream that stops in the middle is given up after its idle time."""
    gateway.raw.script = play(STREAM[:200])
    got, is_ended = exchange(gateway, STREAM_REQUEST, timeout=5)
    assert statuses(got) == [200] and is_ended and not got.endswith(b"0\r\n\r\n")
