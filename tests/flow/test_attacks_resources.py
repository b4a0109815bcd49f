# SPDX-License-Identifier: Apache-2.0
"""Promise: no caller can take the gateway down or take it from others: every wait, queue and count is bounded."""

import contextlib
import resource
import shutil
import threading
import time

import pytest

from attack import (ANA, CHAT_PATH, AnsweringUpstream, assert_alive, cpu_seconds, descriptors, exchange, good, head, metric,
                    read_all, rss_bytes, shared_gateway, statuses, unary_answer)
from harness import RawUpstream, request_bytes, wait_for
from setup_gateway import chat_body
from test_durability import small_disk  # noqa: F401, a fixture

MB = 1 << 20


def tight(config, **limits):
    """One worker whose patience is short."""
    config["gateway"]["workers"] = 1
    config["limits"].update({"head_timeout": "500ms", "body_timeout": "500ms", "idle_timeout": "5s", "write_stall": "700ms",
                             **limits})
    for row in config["models"]:
        row["on_abort"] = "cancel"


def test_a_denied_caller_that_leaves_at_once_harms_nobody(gateway):
    """The denial is recorded and the gateway goes on, whenever the connection was cut."""
    for index in range(60):
        client = gateway.connect()
        client.send(request_bytes("POST", CHAT_PATH, chat_body("denied"), ANA) * (1 + index % 2))
        if index % 3:
            client.reset()
        else:
            client.close()
    assert gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA).status == 200
    assert wait_for(lambda: metric(gateway, "tollgate_requests_in_flight") == 0)
    assert {row["data"]["status"] for row in gateway.records("decision")} <= {403}


def test_callers_that_leave_at_any_moment_harm_nobody(tmp_path):
    """Cut by FIN or RST after each of many delays, in every step of a call: each intent is settled, nothing is left open."""
    def slow(peer):
        time.sleep(0.004)
        peer.send(unary_answer())
    with shared_gateway(tmp_path, tight, AnsweringUpstream(lambda request: slow)) as gateway:
        whole = good()
        for index in range(150):
            client = gateway.connect()
            client.send(whole[:len(whole) - (index % 5 == 0)] * (1 + index % 3))
            time.sleep(0.0001 * (index % 60))
            if index % 2:
                client.reset()
            else:
                client.close()
        assert wait_for(lambda: metric(gateway, "tollgate_requests_in_flight") == 0)
        assert wait_for(lambda: metric(gateway, "tollgate_connections_open") == 0)
        assert len(gateway.records("settle")) == len(gateway.records("intent"))


class Drip(threading.Thread):
    """Many connections that send one byte at a time; ends by itself when all are closed."""

    def __init__(self, gateway, count, start, pause):
        super().__init__(daemon=True)
        self.peers = [gateway.connect() for _ in range(count)]
        self.pause = pause
        self.ended = {}
        self.began = time.monotonic()
        for peer in self.peers:
            peer.send(start)
            peer.sock.setblocking(False)
        self.start()

    def run(self):
        while len(self.ended) < len(self.peers) and time.monotonic() - self.began < 15:
            for peer in self.peers:
                if peer in self.ended:
                    continue
                with contextlib.suppress(BlockingIOError):
                    try:
                        peer.sock.send(b"x")
                        if not peer.sock.recv(4096):
                            self.ended[peer] = time.monotonic() - self.began
                    except BlockingIOError:
                        raise
                    except OSError:
                        self.ended[peer] = time.monotonic() - self.began
            time.sleep(self.pause)
        for peer in self.peers:
            peer.close()


@pytest.mark.parametrize("kind", ["head", "body", "chunked"])
def test_slow_senders_are_ended_and_slow_down_nobody(tmp_path, kind):
    """Two hundred heads or bodies that trickle in are given up in bounded time; others are served meanwhile."""
    start = {"head": f"POST {CHAT_PATH} HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode(),
             "body": head(b"Content-Length: 3000000"), "chunked": head(b"Transfer-Encoding: chunked") + b"ffff\r\n"}[kind]
    with shared_gateway(tmp_path, tight, AnsweringUpstream()) as gateway:
        drip = Drip(gateway, 200, start + (b'"' if kind != "head" else b""), 0.1)
        peer = gateway.connect()
        slowest = 0.0
        while drip.is_alive():
            began = time.monotonic()
            assert gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA, peer=peer).status == 200
            slowest = max(slowest, time.monotonic() - began)
            drip.join(0.02)
        peer.close()
        assert len(drip.ended) == 200 and max(drip.ended.values()) < 4, max(drip.ended.values(), default=None)
        assert slowest < 1
        assert wait_for(lambda: metric(gateway, "tollgate_connections_open") == 0)


def test_idle_connections_are_cheap_and_end(tmp_path):
    """Thousands of silent connections: little memory each, all ended by the idle time."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(10000, hard - hard // 10 - 500)
    try:
        with shared_gateway(tmp_path, lambda config: tight(config, connections=20000, idle_timeout="5s"),
                            AnsweringUpstream()) as gateway:
            before, cpu = rss_bytes(gateway), cpu_seconds(gateway)
            peers = [gateway.connect() for _ in range(count)]
            assert wait_for(lambda: metric(gateway, "tollgate_connections_open") >= count, 10)
            assert gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA).status == 200
            assert (rss_bytes(gateway) - before) / count < 16 * 1024
            assert cpu_seconds(gateway) - cpu < 6
            for peer in peers[::2]:
                peer.close()
            assert wait_for(lambda: metric(gateway, "tollgate_connections_open") == 0, 15, 0.2)
            for peer in peers:
                peer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_connection_cap_holds(tmp_path):
    """Beyond the cap a connection is closed at once; within it all goes on, and a place that is given back is free."""
    with shared_gateway(tmp_path, lambda config: tight(config, connections=50), AnsweringUpstream()) as gateway:
        peers = [gateway.connect() for _ in range(50)]
        assert wait_for(lambda: metric(gateway, "tollgate_connections_open") == 50)
        for _ in range(20):
            extra = gateway.connect()
            assert read_all(extra, 3) == (b"", True)
            extra.close()
        assert metric(gateway, "tollgate_connections_refused_total") >= 20
        assert gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA, peer=peers[0]).status == 200
        peers.pop().close()
        assert wait_for(lambda: metric(gateway, "tollgate_connections_open") == 49)
        assert gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA).status == 200
        for peer in peers:
            peer.close()


def test_slow_readers_cost_bounded_memory(tmp_path):
    """Twenty readers that take nothing of 64 MB each: little is kept, all are ended, the upstream is let go."""
    piece = b"%x\r\n" % 65536 + b"data: " + b"x" * 65528 + b"\n\n" + b"\r\n"

    def pour(peer):
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(1024):
            peer.send(piece)
    with shared_gateway(tmp_path, tight, AnsweringUpstream(lambda request: pour)) as gateway:
        before = rss_bytes(gateway)
        readers = [gateway.connect() for _ in range(20)]
        for reader in readers:
            reader.send(good(stream=True))
        assert wait_for(lambda: metric(gateway, "tollgate_requests_in_flight") == 20)
        highest = 0
        while metric(gateway, "tollgate_requests_in_flight"):
            highest = max(highest, rss_bytes(gateway) - before)
            time.sleep(0.05)
        assert highest < 40 * MB, highest
        assert wait_for(lambda: metric(gateway, "tollgate_connections_open") == 0)
        assert len(gateway.records("settle")) == 20
        for reader in readers:
            reader.close()


def test_a_million_tiny_chunks_are_refused(tmp_path):
    """Framing that outweighs the body is 400, in bounded time."""
    with shared_gateway(tmp_path, None, AnsweringUpstream()) as gateway:
        for piece in (b"1\r\n \r\n", b"0000000000000001\r\n \r\n"):
            cpu = cpu_seconds(gateway)
            data, is_ended = exchange(gateway, head(b"Transfer-Encoding: chunked") + piece * 1_000_000, timeout=10)
            assert statuses(data) == [400] and is_ended
            assert cpu_seconds(gateway) - cpu < 3
        assert gateway.raw.requests == []


def test_bodies_too_large_are_refused_early_and_late(tmp_path):
    """A declared length at the head, a chunked body at its bound; what was kept of it is given back."""
    with shared_gateway(tmp_path, lambda config: tight(config, body_timeout="5s"), AnsweringUpstream()) as gateway:
        before = rss_bytes(gateway)
        for size in (4 * MB + 1, 1 << 40, (1 << 64) - 1):
            began = time.monotonic()
            data, is_ended = exchange(gateway, head(b"Content-Length: %d" % size))
            assert statuses(data) == [413] and is_ended and time.monotonic() - began < 3
        for size in (b"fffffff", b"ffffffffffffffff", b"400001"):
            data, _ = exchange(gateway, head(b"Transfer-Encoding: chunked") + size + b"\r\n" + b" " * (5 * MB))
            assert statuses(data) == [413], data
        for _ in range(8):
            data, _ = exchange(gateway, head(b"Transfer-Encoding: chunked") + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 80)
            assert statuses(data) == [413]
        assert gateway.raw.requests == []
        assert wait_for(lambda: metric(gateway, "tollgate_requests_in_flight") == 0)
        assert rss_bytes(gateway) - before < 40 * MB


def test_many_models_are_listed_whole(tmp_path):
    """A list of five thousand models comes whole, and asking for it costs bounded time."""
    def change(config):
        config["models"] += [{**config["models"][-2], "name": f"many-{index:06}", "aliases": []} for index in range(5000)]
    with shared_gateway(tmp_path, change, AnsweringUpstream()) as gateway:
        cpu = cpu_seconds(gateway)
        for _ in range(3):
            answer = gateway.call("GET", "/v1/models", key=ANA)
            assert answer.status == 200 and len(answer.json()["data"]) > 5000
        assert cpu_seconds(gateway) - cpu < 3
        assert_alive(gateway)


def test_pipelined_floods_wait_their_turn(tmp_path):
    """Thousands of requests in one write are answered one by one in bounded memory, also to a client that reads nothing."""
    with shared_gateway(tmp_path, tight, AnsweringUpstream()) as gateway:
        before = rss_bytes(gateway)
        peer = gateway.connect()
        flood = request_bytes("GET", "/v1/models", None, ANA) * 20000
        sender = threading.Thread(target=peer_send, args=(peer, flood), daemon=True)
        sender.start()
        time.sleep(0.5)
        assert rss_bytes(gateway) - before < 24 * MB
        assert gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA).status == 200
        sender.join(10)
        peer.close()
        assert wait_for(lambda: metric(gateway, "tollgate_connections_open") == 0, 10)


def peer_send(peer, data):
    with contextlib.suppress(OSError):
        peer.sock.settimeout(5)
        peer.sock.sendall(data)


def test_descriptors_used_up(tmp_path):
    """With 64 descriptors and 200 callers: no spinning, who is in is served, and all is well when they leave."""
    if not shutil.which("prlimit"):
        pytest.skip("prlimit is not installed")

    def change(config):
        tight(config, idle_timeout="60s")
    with shared_gateway(tmp_path, change, AnsweringUpstream(), prefix=["prlimit", "--nofile=64:64"]) as gateway:
        first = gateway.connect()
        assert gateway.call("GET", "/v1/models", key=ANA, peer=first).status == 200
        peers = [gateway.connect() for _ in range(200)]
        time.sleep(0.3)
        cpu, began = cpu_seconds(gateway), time.monotonic()
        time.sleep(1.5)
        assert (cpu_seconds(gateway) - cpu) / (time.monotonic() - began) < 0.3
        assert descriptors(gateway) <= 64
        # An upstream connection, a journal segment, the admin listener: there is room for what is needed.
        for _ in range(3):
            assert gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA, peer=first).status == 200
        assert gateway.admin("/healthz").status == 200
        for peer in peers:
            peer.close()
        assert wait_for(lambda: metric(gateway, "tollgate_connections_open") <= 1, 10)
        assert gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA).status == 200
        first.close()


def test_a_full_disk_with_streams_open(tmp_path, small_disk):  # noqa: F811
    """Streams that were admitted end whole and settled; new calls are 503 before a byte goes upstream; then all is well."""
    def change(config):
        tight(config)
        config["journal"] = {"segment": "256KiB"}
        config["upstreams"][1]["timeouts"] = {"connect": "2s", "first_byte": "60s", "idle": "60s"}
    upstream = RawUpstream()
    with shared_gateway(small_disk / "gateway", change, upstream) as gateway:
        clients = []
        for _ in range(10):
            client = gateway.connect()
            client.send(good(stream=True))
            peer = upstream.accept()
            peer.message()
            peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            clients.append((client, peer))
        ballast = small_disk / "ballast"
        with open(ballast, "wb") as file, contextlib.suppress(OSError):
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        # Denials use the last segment up: they are records, and no call of theirs goes upstream.
        filler = gateway.connect()
        for _ in range(400):
            filler.send(request_bytes("POST", CHAT_PATH, chat_body("denied"), ANA) * 20)
            answers = [filler.message().status for _ in range(20)]
            if gateway.admin("/readyz").status == 503:
                break
        assert set(answers) <= {403, 503} and gateway.admin("/readyz").status == 503
        filler.close()
        for _ in range(5):
            assert gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA).status == 503
        assert len(upstream.peers) == 10 and upstream.is_untouched(0.05)
        event = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\n\ndata: [DONE]\n\n'
        for client, peer in clients:
            peer.send(b"%x\r\n" % len(event) + event + b"\r\n0\r\n\r\n")
        for client, _ in clients:
            assert client.message().status == 200
            client.close()
        ballast.unlink()
        assert wait_for(lambda: gateway.admin("/readyz").status == 200, 10)
        settles = [row["data"]["outcome"] for row in gateway.records("settle")]
        assert settles == ["complete"] * 10
        assert_alive(gateway)


def test_reloads_and_admin_cannot_be_reached_from_the_front(gateway):
    """What operators use is on its own listener, and a flood of idle operators does not stop callers."""
    for path in ("/admin/reload", "/metrics", "/healthz", "/readyz"):
        for method in ("GET", "POST"):
            assert gateway.call(method, path, None, ANA).status in (404, 405)
    peers = [gateway.connect(gateway.admin_port) for _ in range(100)]
    assert gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA).status == 200
    for peer in peers:
        peer.close()
    assert wait_for(lambda: gateway.admin("/healthz").status == 200)
