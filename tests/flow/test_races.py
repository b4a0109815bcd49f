# SPDX-License-Identifier: Apache-2.0
"""Whoever leaves, breaks or answers at the wrong moment: the gateway stands, and every intent has its settle."""

import contextlib
import ctypes
import json
import os
import signal
import socket
import time

import pytest

from harness import request_bytes, wait_for
from setup_gateway import POLICIES, caller_key, chat_body, compact, upstream_row

ANA = caller_key("ana")
CHAT_PATH = "/v1/chat/completions"
UNARY = compact({"id": "1", "object": "chat.completion", "model": "raw-x", "choices": [{"message": {"content": "hi"}}],
                 "usage": {"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}})
EVENT = b'data: {"choices":[{"delta":{"content":"hello"}}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}}\n\n'
DONE = b"data: [DONE]\n\n"


def answer(body=UNARY, status="200 OK", content_type="application/json"):
    return f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def chunk(data):
    return b"%x\r\n" % len(data) + data + b"\r\n"


STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def settles(gateway, count=1):
    """The settle records, once there are so many; there are never more, and one for each intent."""
    assert wait_for(lambda: len(gateway.records("settle")) >= count), gateway.records()
    rows = gateway.records("settle")
    assert len(rows) == count
    assert sorted(row["id"].rsplit(".", 1)[0] for row in rows) == \
        sorted(row["id"].rsplit(".", 1)[0] for row in gateway.records("intent"))
    return [row["data"] for row in rows]


# More than the kernel takes for an upstream that does not read; see narrow().
LONG = "x" * 16_000_000


def narrow(upstream):
    """A change that lets LONG in, and a raw upstream whose window is too small for it."""
    upstream.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    def change(config):
        config["limits"].update(body="32MiB")
        tuned(timeouts={"connect": "2s", "first_byte": "20s", "idle": "20s"})(config)
    return change


def call(gateway, model="raw", **more):
    """A connection with one call on it."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body(model, **more), ANA))
    return client


def tuned(**changes):
    """A change of the raw upstream's row and of its model."""
    def change(config):
        model = changes.pop("model", {})
        for index, row in enumerate(config["upstreams"]):
            if row["name"] == "raw":
                config["upstreams"][index] = upstream_row("raw", row["url"], **changes)
        for row in config["models"]:
            if row["upstream"] == "raw":
                row.update(model)
    return change


LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH, WALL = 0x4206, 0x4207, 17, 0x40000000


def trace(request, thread):
    return LIBC.ptrace(ctypes.c_long(request), ctypes.c_long(thread), None, None) == 0


@contextlib.contextmanager
def disk_standing_still(gateway):
    """The journal's thread, the first that the program starts, is stopped: nothing becomes durable."""
    thread = sorted(map(int, os.listdir(f"/proc/{gateway.program.process.pid}/task")))[1]
    if not trace(PTRACE_SEIZE, thread):
        pytest.skip(f"stopping one thread is not allowed here: {os.strerror(ctypes.get_errno())}")
    assert trace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        assert trace(PTRACE_DETACH, thread)


def counter(gateway, name):
    """One number of /metrics."""
    lines = gateway.admin("/metrics").body.decode().splitlines()
    return next(int(line.split(" ")[1]) for line in lines if line.split(" ")[0] == name)


def leave(gateway, client):
    """The client is gone, and the gateway has seen it."""
    before = counter(gateway, "tollgate_connections_open")
    client.reset()
    assert wait_for(lambda: counter(gateway, "tollgate_connections_open") < before)


def still_serves(gateway):
    assert gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA).status == 200


# --- the client leaves ------------------------------------------------------------------------------


def test_a_client_that_leaves_before_its_denial_is_durable(gateway):
    """A denial waits for the disk; who does not wait for it is recorded all the same, and nothing breaks."""
    with disk_standing_still(gateway):
        client = call(gateway, "denied")
        assert wait_for(lambda: counter(gateway, "tollgate_denied_total") == 1)
        assert client.is_silent()
        leave(gateway, client)
        assert gateway.records("decision") == []
    assert wait_for(lambda: len(gateway.records("decision")) == 1)
    still_serves(gateway)


def test_a_client_that_leaves_before_its_intent_is_durable(gateway, upstream):
    """Nothing is forwarded for somebody who is gone, and the intent is settled at no cost."""
    with disk_standing_still(gateway):
        client = call(gateway)
        assert wait_for(lambda: counter(gateway, "tollgate_requests_total") == 1)
        assert upstream.is_untouched()
        leave(gateway, client)
    row = settles(gateway)[0]
    assert row["outcome"] == "aborted" and row["cost_pico"] == 0
    assert upstream.is_untouched(0.1)


def test_a_client_that_leaves_before_its_settle_is_durable(gateway, upstream):
    """The end of an answer waits for its settle; who leaves meanwhile has still been served."""
    client = call(gateway)
    peer = upstream.accept()
    peer.message()
    with disk_standing_still(gateway):
        peer.send(answer())
        assert wait_for(lambda: counter(gateway, "tollgate_settles_total") == 1)
        assert client.is_silent()
        leave(gateway, client)
    assert settles(gateway)[0]["outcome"] == "complete"


def test_an_answer_ends_when_its_settle_is_durable(gateway, upstream):
    """No client sees the last byte of what is not remembered."""
    client = call(gateway, stream=True)
    peer = upstream.accept()
    peer.message()
    with disk_standing_still(gateway):
        peer.send(STREAM_HEAD + chunk(EVENT) + chunk(USAGE) + chunk(DONE) + b"0\r\n\r\n")
        client.take_until(EVENT)
        assert wait_for(lambda: counter(gateway, "tollgate_settles_total") == 1)
        assert b"[DONE]" not in client.received
    assert client.take_until(b"0\r\n\r\n").endswith(b"[DONE]\n\n\r\n0\r\n\r\n")


@pytest.mark.parametrize("what", ["denial", "intent", "settle"])
def test_the_drain_deadline_while_the_disk_stands_still(make_gateway, upstream, what):
    """Clients are let go at the deadline; the program ends when the records that wait are durable."""
    gateway = make_gateway(lambda config: config["gateway"].update(drain_timeout="100ms"))
    if what == "settle":
        call(gateway)
        peer = upstream.accept()
        peer.message()
    with disk_standing_still(gateway):
        if what == "settle":
            peer.send(answer())
            assert wait_for(lambda: counter(gateway, "tollgate_settles_total") == 1)
        else:
            client = call(gateway, "denied" if what == "denial" else "raw")
            assert wait_for(lambda: counter(gateway, "tollgate_requests_total") == 1)
        gateway.program.send_signal(signal.SIGTERM)
        gateway.program.wait_log("drain_expired")
        if what != "settle":
            assert client.take_rest() == b""
    gateway.stop()
    assert len(gateway.records("settle")) == len(gateway.records("intent")) == (what != "denial")
    assert len(gateway.records("decision")) == (what == "denial")


def test_a_client_that_leaves_with_half_a_body(gateway, upstream):
    """No intent, no settle, nothing upstream."""
    whole = request_bytes("POST", CHAT_PATH, chat_body("raw", "x" * 5000), ANA)
    for cut in (len(whole) - 1, len(whole) - 2500, whole.index(b"\r\n\r\n") + 4):
        client = gateway.connect()
        client.send(whole[:cut])
        client.reset()
    still_serves(gateway)
    assert len(gateway.records("intent")) == 1
    assert upstream.is_untouched(0.05)


def test_a_client_that_leaves_while_waiting_for_a_connection(make_gateway, upstream):
    """The line of a busy pool forgets who left; the next in it is served."""
    gateway = make_gateway(lambda config: (config["gateway"].update(workers=1), tuned(connections=1)(config)))
    first = call(gateway)
    peer = upstream.accept()
    peer.message()
    second = call(gateway)
    assert wait_for(lambda: len(gateway.records("intent")) == 2)
    third = call(gateway)
    assert wait_for(lambda: len(gateway.records("intent")) == 3)
    second.reset()
    assert settles_of(gateway, 1)[0]["outcome"] == "aborted"
    peer.send(answer())
    assert first.message().status == 200
    peer.message()
    peer.send(answer())
    assert third.message().status == 200
    assert [row["outcome"] for row in settles(gateway, 3)] == ["aborted", "complete", "complete"]
    assert settles(gateway, 3)[0]["cost_pico"] == 0


def settles_of(gateway, count):
    assert wait_for(lambda: len(gateway.records("settle")) >= count), gateway.records()
    return [row["data"] for row in gateway.records("settle")]


def test_the_drain_time_holds_when_the_head_comes_after_the_client_left(make_gateway, upstream):
    """Who leaves before the answer's head is drained for no longer than who leaves after it."""
    gateway = make_gateway(tuned(model={"drain": {"bytes": "4MiB", "time": "500ms"}},
                                 timeouts={"connect": "2s", "first_byte": "20s", "idle": "20s"}))
    client = call(gateway, stream=True)
    peer = upstream.accept()
    peer.message()
    client.reset()
    assert gateway.program.process.poll() is None
    time.sleep(0.1)
    peer.send(STREAM_HEAD + chunk(EVENT))
    row = settles(gateway)[0]
    assert row["outcome"] == "aborted" and row["usage_source"] == "estimate"
    peer.take_rest()


def test_the_drain_time_holds_when_the_head_never_comes(make_gateway, upstream):
    """What was sent whole and never answered is billed as an estimate."""
    gateway = make_gateway(tuned(model={"drain": {"bytes": "4MiB", "time": "200ms"}},
                                 timeouts={"connect": "2s", "first_byte": "20s", "idle": "20s"}))
    client = call(gateway)
    peer = upstream.accept()
    peer.message()
    client.reset()
    row = settles(gateway)[0]
    assert row["outcome"] == "aborted" and row["usage_source"] == "estimate" and row["cost_pico"] > 0
    peer.take_rest()


def test_the_drain_bytes_hold(make_gateway, upstream):
    """An answer that is too long is not read on for somebody who is gone."""
    gateway = make_gateway(tuned(model={"drain": {"bytes": "64KiB", "time": "20s"}},
                                 timeouts={"connect": "2s", "first_byte": "20s", "idle": "20s"}))
    client = call(gateway, stream=True)
    peer = upstream.accept()
    peer.message()
    peer.send(STREAM_HEAD + chunk(EVENT))
    client.take_until(b"hello")
    client.reset()
    with pytest.raises(OSError):
        for _ in range(2000):
            peer.send(chunk(EVENT * 100))
    row = settles(gateway)[0]
    assert row["outcome"] == "aborted" and row["usage_source"] == "estimate" and row["cost_pico"] > 0


@pytest.mark.parametrize("seen", [b"", STREAM_HEAD, STREAM_HEAD + chunk(EVENT), STREAM_HEAD + chunk(EVENT[:20])])
def test_a_drained_stream_is_settled_with_the_providers_count(gateway, upstream, seen):
    """Wherever the client leaves, the usage event is still read."""
    client = call(gateway, stream=True)
    peer = upstream.accept()
    peer.message()
    peer.send(seen)
    if b"hello" in seen:
        client.take_until(b"hello")
    elif seen:
        client.take_until(b"\r\n\r\n")
    client.reset()
    time.sleep(0.1)
    peer.send((STREAM_HEAD + chunk(EVENT) + chunk(USAGE) + chunk(DONE) + b"0\r\n\r\n")[len(seen):]
              if not seen.endswith(chunk(EVENT[:20])) or not seen else
              chunk(EVENT[20:]) + chunk(USAGE) + chunk(DONE) + b"0\r\n\r\n")
    row = settles(gateway)[0]
    assert row["outcome"] == "aborted" and row["usage_source"] == "provider", row
    assert {line["meter"]: line["quantity"] for line in row["lines"]} == {"in_text_uncached": 7, "out_text": 5}


def test_nothing_is_drained_for_a_request_that_was_not_sent_whole(make_gateway, upstream):
    """An upstream that has not read the request has served nothing: leaving costs nothing."""
    gateway = make_gateway(narrow(upstream))
    client = call(gateway, text=LONG)
    peer = upstream.accept()
    peer.take_until(b"\r\n\r\n")
    client.reset()
    row = settles(gateway)[0]
    assert row["outcome"] == "aborted" and row["cost_pico"] == 0 and row["usage_source"] == "none", row
    peer.take_rest()


def test_a_client_that_half_closes_still_gets_its_answer(gateway, upstream):
    """The end of what a client sends is not the end of the client."""
    client = call(gateway)
    client.sock.shutdown(socket.SHUT_WR)
    peer = upstream.accept()
    peer.message()
    peer.send(answer())
    assert client.message().body == UNARY
    assert client.take_rest() == b""
    assert settles(gateway)[0]["outcome"] == "complete"


# --- the upstream breaks ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_upstream_that_breaks_while_it_is_sent_the_body_is_tried_again(make_gateway, upstream, how):
    """Not sent whole, so it cannot have been served: another connection, the whole body once more."""
    gateway = make_gateway(narrow(upstream))
    client = call(gateway, text=LONG)
    first = upstream.accept()
    first.take_until(b"\r\n\r\n")
    getattr(first, how)()
    second = upstream.accept()
    assert json.loads(second.message().body)["messages"][0]["content"] == LONG
    second.send(answer())
    assert client.message().status == 200
    assert settles(gateway)[0]["outcome"] == "complete"


def test_an_upstream_that_breaks_every_time_is_a_502(make_gateway, upstream):
    """Retries end; each intent has one settle, and nothing was served."""
    gateway = make_gateway(narrow(upstream))
    client = call(gateway, text=LONG)
    for _ in range(2):
        peer = upstream.accept()
        peer.take_until(b"\r\n\r\n")
        peer.reset()
    assert client.message().status == 502
    row = settles(gateway)[0]
    assert row["outcome"] == "upstream_error" and row["cost_pico"] == 0


@pytest.mark.parametrize("cut", [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n",
                                 b"HTTP/1.1 103 Early\r\n\r\n"])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_an_upstream_that_breaks_in_the_head_is_a_502(gateway, upstream, cut, how):
    """Sent whole: it may have been served, so it is not sent twice, and it is billed as an estimate."""
    client = call(gateway)
    peer = upstream.accept()
    peer.message()
    peer.send(cut)
    getattr(peer, how)()
    assert client.message().status == 502
    row = settles(gateway)[0]
    assert row["outcome"] == "upstream_error" and row["usage_source"] == "estimate"
    assert upstream.is_untouched(0.1)


@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize("sent", [STREAM_HEAD, STREAM_HEAD + chunk(EVENT), STREAM_HEAD + chunk(EVENT)[:12],
                                  STREAM_HEAD + chunk(EVENT) + chunk(USAGE),
                                  answer()[:-1], answer()[:-len(UNARY)]])
def test_an_upstream_that_breaks_in_the_body_is_visible(gateway, upstream, sent, how):
    """An answer cut short never looks whole: its end is missing, and it is settled as the upstream's failure."""
    client = call(gateway, stream=sent.startswith(STREAM_HEAD))
    peer = upstream.accept()
    peer.message()
    peer.send(sent)
    # Seen by the gateway before the break: a reset may overtake what was sent.
    assert wait_for(lambda: b"tollgate_upstream_attempts_total 1" in gateway.admin("/metrics").body)
    if sent.startswith(STREAM_HEAD):
        client.take_until(b"\r\n\r\n")
    getattr(peer, how)()
    if sent == answer()[:-len(UNARY)]:
        assert client.message().status == 502
    else:
        rest = client.take_rest()
        assert not rest.endswith(b"0\r\n\r\n") and not rest.endswith(UNARY)
    row = settles(gateway)[0]
    assert row["outcome"] == "upstream_error", row


def test_an_upstream_that_falls_silent_in_the_body(gateway, upstream):
    """The idle time-out ends it."""
    client = call(gateway, stream=True)
    peer = upstream.accept()
    peer.message()
    peer.send(STREAM_HEAD + chunk(EVENT))
    rest = client.take_rest()
    assert b"upstream_timeout" in rest and not rest.endswith(b"0\r\n\r\n")
    assert settles(gateway)[0]["outcome"] == "upstream_error"


# --- answers at odd moments ---------------------------------------------------------------------------


def test_an_answer_before_the_body_was_read_is_relayed(make_gateway, upstream):
    """An upstream may refuse without reading: its answer is the caller's, its connection is not used again."""
    gateway = make_gateway(narrow(upstream))
    client = call(gateway, text=LONG)
    peer = upstream.accept()
    peer.take_until(b"\r\n\r\n")
    refusal = compact({"error": {"message": "too long"}})
    peer.send(answer(refusal, "413 Content Too Large"))
    message = client.message()
    assert message.status == 413 and message.body == refusal
    row = settles(gateway)[0]
    assert row["status"] == 413 and row["cost_pico"] == 0
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
    again = upstream.accept()
    again.message()
    again.send(answer())
    assert client.message().status == 200


def test_an_answer_larger_than_announced_is_the_end_of_that_connection(gateway, upstream):
    """Bytes behind an answer are nobody's answer."""
    client = call(gateway)
    peer = upstream.accept()
    peer.message()
    peer.send(answer() + answer(b'{"smuggled":1}'))
    assert client.message().body == UNARY
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
    second = upstream.accept()
    second.message()
    second.send(answer())
    assert client.message().body == UNARY


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_an_answer_without_a_body(gateway, upstream, status):
    """The head alone is the answer, also where an event stream was announced."""
    client = call(gateway, stream=True)
    peer = upstream.accept()
    peer.message()
    peer.send(f"HTTP/1.1 {status}\r\ncontent-type: text/event-stream\r\n\r\n".encode())
    assert client.message().status == int(status[:3])
    assert settles(gateway)[0]["outcome"] == "complete"


def test_an_answer_that_ends_with_the_connection(gateway, upstream):
    """Without a length the end of the stream is the end: relayed as chunks."""
    client = call(gateway)
    peer = upstream.accept()
    peer.message()
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + UNARY)
    peer.close()
    message = client.message()
    assert message.body == UNARY and message.get("transfer-encoding") == "chunked"
    row = settles(gateway)[0]
    assert row["outcome"] == "complete" and row["usage_source"] == "provider"


def test_an_answer_byte_by_byte(gateway, upstream):
    """Any split of an answer gives the same bytes and the same count."""
    client = call(gateway, stream=True)
    peer = upstream.accept()
    peer.message()
    for byte in STREAM_HEAD + chunk(EVENT) + chunk(USAGE) + chunk(DONE) + b"0\r\n\r\n":
        peer.send(bytes([byte]))
    assert client.message().body == EVENT + DONE
    row = settles(gateway)[0]
    assert {line["meter"]: line["quantity"] for line in row["lines"]} == {"in_text_uncached": 7, "out_text": 5}


def test_a_client_that_sends_on_while_it_is_answered(gateway, upstream):
    """The next request waits its turn; it does not disturb the one before."""
    client = gateway.connect()
    one = request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA)
    client.send(one + one + one[:30])
    for _ in range(2):
        peer = upstream.peers[-1] if upstream.peers else upstream.accept()
        peer.message()
        peer.send(answer())
        assert client.message().status == 200
    client.reset()
    assert len(settles(gateway, 2)) == 2


# --- the gateway ends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["reading", "waiting", "connecting", "awaiting", "relaying", "drained"])
def test_the_drain_deadline_ends_every_state(make_gateway, upstream, state):
    """SIGTERM and a deadline: whatever a call is doing, it is settled and the program ends with 0."""
    def change(config):
        config["gateway"].update(drain_timeout="300ms", workers=1)
        tuned(connections=1, timeouts={"connect": "20s", "first_byte": "20s", "idle": "20s"})(config)
    gateway = make_gateway(change)
    client = gateway.connect()
    whole = request_bytes("POST", CHAT_PATH, chat_body("raw", stream=True), ANA)
    if state == "reading":
        client.send(whole[:-5])
    else:
        client.send(whole)
        peer = upstream.accept()
        peer.message()
    if state == "waiting":
        call(gateway)
        assert wait_for(lambda: len(gateway.records("intent")) == 2)
    if state in ("relaying", "drained"):
        peer.send(STREAM_HEAD + chunk(EVENT))
        client.take_until(b"hello")
    if state == "drained":
        client.reset()
    gateway.stop()
    intents = gateway.records("intent")
    assert len(gateway.records("settle")) == len(intents)
    assert all(row["data"]["outcome"] in ("aborted", "upstream_error") for row in gateway.records("settle"))


def test_a_reload_while_a_call_waits_for_its_upstream(gateway, upstream):
    """A call ends with the upstream it was decided for, though the configuration has changed meanwhile."""
    client = call(gateway)
    peer = upstream.accept()
    peer.message()
    for row in gateway.config["upstreams"]:
        row["connections"] = 5
    gateway.write("tollgate.yaml", gateway.config)
    gateway.write("policies/test.cedar", POLICIES + '@id("more") permit (principal, action, resource);')
    gateway.reload()
    peer.send(answer())
    assert client.message().status == 200
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
    second = upstream.accept()
    second.message()
    second.send(answer())
    assert client.message().status == 200
    rows = settles(gateway, 2)
    assert [row["outcome"] for row in rows] == ["complete", "complete"]
    # The pool of the old rules has let its connection go.
    assert peer.take_rest() == b""


def test_a_stopped_gateway_meets_a_storm_of_events(make_gateway, upstream):
    """Many things in one turn: upstreams that closed, clients that left and came, answers that arrived."""
    gateway = make_gateway(lambda config: config["gateway"].update(workers=1))
    clients = [call(gateway) for _ in range(8)]
    peers = [upstream.accept() for _ in clients]
    for peer in peers:
        peer.message()
    for peer in peers[:4]:
        peer.send(answer())
    for client in clients[:4]:
        assert client.message().status == 200
    for round_number in range(10):
        gateway.program.send_signal(signal.SIGSTOP)
        more = [call(gateway, "chat") for _ in range(4)]
        for client in clients[:4]:
            client.send(request_bytes("POST", CHAT_PATH, chat_body("chat"), ANA))
        if round_number == 0:
            for index, peer in enumerate(peers):
                peer.reset() if index % 2 else peer.close()
        more[0].reset()
        gateway.program.send_signal(signal.SIGCONT)
        for client in clients[:4] + more[1:]:
            assert client.message().status == 200
        for client in more[1:]:
            client.close()
    still_serves(gateway)
    intents = len(gateway.records("intent"))
    assert wait_for(lambda: len(gateway.records("settle")) == intents)
