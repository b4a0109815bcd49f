# SPDX-License-Identifier: Apache-2.0
"""Tools of the attack tests: gateways shared by a whole file, clients that read whatever comes, an
upstream that answers by itself and keeps every byte, and scans for secrets that got out."""

import base64
import contextlib
import os
import re
import select
import socket
import threading
import time

from harness import DEADLINE, SANITIZER, Peer, RawUpstream, make_key
from setup_gateway import KEYS, caller_key, compact, new_gateway

CHAT_PATH = "/v1/chat/completions"
ANA = caller_key("ana")
NOWHERE = "http://127.0.0.1:1"
UNARY = (b'{"id":"c1","object":"chat.completion","model":"raw-x","choices":[],'
         b'"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}')
UPSTREAM_SECRET = "upstream-secret-1"


def unary_answer(body=UNARY, extra=b"", status=b"200 OK"):
    return (b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body) + extra +
            b"\r\n" + body)


@contextlib.contextmanager
def shared_gateway(folder, change=None, upstream=None, models_url=NOWHERE, env=None, prefix=()):
    """One gateway for the tests of a file; ends with the search for sanitizer reports and secrets."""
    raw = upstream or RawUpstream()
    gateway = new_gateway(folder, models_url, raw.url, NOWHERE, change)
    gateway.env.update(env or {})
    gateway.prefix = list(prefix)
    gateway.raw = raw
    gateway.start()
    try:
        yield gateway
    finally:
        raw.close()
        gateway.close()
    assert_no_secret(gateway)


def assert_alive(gateway):
    """Neither gone nor with a finding in its log."""
    log = gateway.program.log()
    assert gateway.program.process.poll() is None, log[-4000:]
    assert not SANITIZER.search(log.encode()), log[-4000:]


# --- clients that take what comes --------------------------------------------------------------------


def read_all(peer, timeout=5.0, answers=0):
    """(bytes, whether the other side ended): see exchange."""
    data = bytes(peer.buffer)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if not select.select([peer.sock], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return data, False
        try:
            more = peer.sock.recv(65536)
        except OSError:
            return data, True
        if not more:
            return data, True
        data += more
        if answers and is_whole(data, answers):
            # Whether the end follows at once is part of the answer.
            answers, deadline = 0, time.monotonic() + 0.02
    return data, False


STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3}) [^\r\n]*\r\n")


def statuses(data):
    """The status of each answer in a reply of the gateway's own: no body of ours holds a status line."""
    return [int(code) for code in STATUS_LINE.findall(data)]


def is_whole(data, count=1):
    """Do the bytes hold that many final answers, each with its length in its head?"""
    while count:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return False
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)\r\n", data[:end + 2])
        rest = data[end + 4:]
        count -= data[9:10] != b"1"
        size = int(length.group(1)) if length else 0
        if len(rest) < size:
            return False
        data = rest[size:]
    return True


def exchange(gateway, *pieces, timeout=5.0, pause=0.004, answers=0):
    """Sends the pieces with pauses on a new connection: (bytes, whether the connection was ended). Reads up to its
    end, or until so many answers have come, or for `timeout`."""
    peer = gateway.connect()
    try:
        for index, piece in enumerate(pieces):
            if index:
                time.sleep(pause)
            with contextlib.suppress(OSError):
                peer.send(piece)
        return read_all(peer, timeout, answers)
    finally:
        peer.close()


# --- an upstream that answers by itself -----------------------------------------------------------------


class AnsweringUpstream:
    """Accepts for ever, keeps every byte of every connection, answers each whole request by `answer`."""

    def __init__(self, answer=None):
        self.answer = answer or (lambda request: unary_answer())
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.peers = []
        self.requests = []
        self.is_closed = False
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            if self.is_closed:
                sock.close()
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.peers.append(Peer(sock))
            threading.Thread(target=self._serve, args=(self.peers[-1],), daemon=True).start()

    def _serve(self, peer):
        with contextlib.suppress(OSError, EOFError, AssertionError, ValueError, IndexError):
            while True:
                message = peer.message()
                self.requests.append(message)
                answer = self.answer(message)
                if callable(answer):
                    answer(peer)
                    peer.close()
                    return
                peer.send(answer)

    def received(self):
        return sum(len(peer.received) for peer in self.peers)

    def close(self):
        self.is_closed = True
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        self.listener.close()
        for peer in self.peers:
            peer.close()


# --- what must never get out ----------------------------------------------------------------------------


def forms(secret):
    """A secret as it may stand in an output: plain, hex, and base64 at each of the three alignments."""
    data = secret.encode()
    found = {data, data.hex().encode(), data.hex().upper().encode()}
    for shift in range(3):
        coded = base64.b64encode(b"\0" * shift + data)
        # Characters that also hold bits of a neighbour are left out.
        found.add(coded[4 * (shift > 0):len(coded) // 4 * 4 - 4])
        found.add(base64.urlsafe_b64encode(b"\0" * shift + data)[4 * (shift > 0):len(coded) // 4 * 4 - 4])
    return found


def secrets_in(data, secrets):
    return [secret for secret in secrets for form in forms(secret) if form in data]


def every_secret():
    return [UPSTREAM_SECRET, *(caller_key(name) for name in KEYS), *(make_key(name)[0] for name in ("old", "revoked"))]


def assert_no_secret(gateway, *outputs):
    """No secret in the log, in any file of the state folder, or in the given outputs."""
    places = {"log": gateway.program.log().encode()}
    for path in gateway.state.rglob("*"):
        if path.is_file():
            places[str(path)] = path.read_bytes().rstrip(b"\0")
    for index, output in enumerate(outputs):
        places[f"output {index}"] = output
    for place, data in places.items():
        assert not secrets_in(data, every_secret()), place


# --- what a process uses -----------------------------------------------------------------------------------


def rss_bytes(gateway):
    with open(f"/proc/{gateway.program.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(gateway):
    with open(f"/proc/{gateway.program.process.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.program.process.pid}/fd"))


def metric(gateway, name):
    for line in gateway.admin("/metrics").body.decode().splitlines():
        if line.startswith(name + " "):
            return float(line.rsplit(" ", 1)[1])
    raise AssertionError(f"no metric {name}")


def head(*lines, method="POST", path=CHAT_PATH, version="HTTP/1.1", key=ANA):
    """A head that would pass but for the given lines (bytes are taken as they are)."""
    fields = [f"{method} {path} {version}".encode(), b"Host: gateway", f"Authorization: Bearer {key}".encode(),
              b"Content-Type: application/json", *lines]
    return b"\r\n".join(fields) + b"\r\n\r\n"


def good(model="raw", **more):
    """A whole request that reaches the upstream."""
    body = compact({"model": model, "messages": [], **more})
    return head(b"Content-Length: %d" % len(body)) + body


__all__ = [name for name in dir() if not name.startswith("_")]
