# SPDX-License-Identifier: Apache-2.0
"""What the loop is done to: three gateways, one Redis, the model server with its own bill, callers.

The programs are those of the flow tests (tests/flow/harness.py); here they can be hurt and healed.
"""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque

from harness import BUILD, SANITIZER, ModelServer, Program, Redis, Timeout, request_bytes
from setup_gateway import caller_key, chat_body, infer_body, messages_body, new_gateway, upstream_prices

GATEWAYS = 3
CALLERS = 6
CALL_SECONDS = 8.0
KEPT_LIVES = 4  # whose logs are kept
SMALL_DISK_GATEWAY = 0
FAKED_CLOCK_GATEWAY = 1
UNIX_SOCKET_GATEWAY = 2
WALL_CLOCK = BUILD / "tests/chaos/libwall_clock.so"


class ChaosRedis(Redis):
    """Redis as most run it: what it acknowledged in the last second may be lost."""

    def __init__(self, folder):
        self.socket_path = folder / "socket"
        super().__init__(folder)

    def start(self):
        self.program = Program(["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--unixsocket", self.socket_path,
                                "--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--dir", self.folder],
                               self.folder)
        self.program.wait_log(r"Ready to accept connections")

    def is_running(self):
        return self.program.process.poll() is None

    def try_command(self, *words):
        """None when it cannot be asked now."""
        if not self.is_running():
            return None
        self.program.send_signal(signal.SIGCONT)
        try:
            return self.command(*words)
        except (OSError, EOFError, Timeout, ValueError):
            return None

    def log_file(self):
        """The part of the append-only file that is being written."""
        parts = sorted((self.folder / "appendonlydir").glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))
        return parts[-1] if parts else None


class Disk:
    """A small file system of its own for one gateway; None of this without root."""

    def __init__(self, folder):
        self.folder = folder
        self.why_not = None
        folder.mkdir(parents=True)
        if os.geteuid() != 0:
            self.why_not = "mounting a small file system needs root"
            return
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", folder], capture_output=True, text=True,
                              check=False)
        if done.returncode:
            self.why_not = f"mounting a small file system is not allowed here: {done.stderr.strip()}"

    def fill(self):
        with contextlib.suppress(OSError), open(self.folder / "ballast", "wb", buffering=0) as file:
            while True:
                file.write(b"\0" * 65536)

    def clear(self):
        (self.folder / "ballast").unlink(missing_ok=True)

    def close(self):
        if not self.why_not:
            subprocess.run(["umount", "-l", self.folder], check=False)


class Fleet:
    """One world. Everything in it lives in `folder` and ends with close()."""

    def __init__(self, folder, seed):
        self.folder = folder
        self.disk = Disk(folder / "disk")
        self.clock_file = folder / "clock"
        self.clock_file.write_bytes(bytes(8))
        self.why_no_clock = None
        if not WALL_CLOCK.exists():
            self.why_no_clock = "a clock is preloaded, which only a release build takes"
        self.redis = ChaosRedis(folder / "redis")
        self.models = ModelServer(folder / "models", upstream_prices())
        self.gateways = [self._gateway(index) for index in range(GATEWAYS)]
        self.killed = [False] * GATEWAYS
        self.deaths = []  # gateways that ended though nobody ended them
        self.counts = Counter()  # faults done, by name
        self.logs = [deque(maxlen=KEPT_LIVES) for _ in range(GATEWAYS)]  # of those that ended
        for gateway in self.gateways:
            gateway.start()
        self.callers = Callers(self, seed)

    def _gateway(self, index):
        def change(config):
            config["gateway"].update(id=f"gw-{index}", drain_timeout="3s")
            config["journal"] = {"segment": "1MiB"}
            where = {"socket": str(self.redis.socket_path)} if index == UNIX_SOCKET_GATEWAY else {"url": self.redis.url}
            config["ledger"] = {"store": "redis", "interval": "20ms", "redis": {**where, "timeout": "300ms"}}
        folder = self.disk.folder if index == SMALL_DISK_GATEWAY else self.folder
        gateway = new_gateway(folder / f"gateway-{index}", self.models.url, self.models.url, self.models.url, change)
        if index == FAKED_CLOCK_GATEWAY and not self.why_no_clock:
            gateway.env.update(LD_PRELOAD=str(WALL_CLOCK), CHAOS_CLOCK=str(self.clock_file))
        return gateway

    def set_clock(self, seconds):
        with open(self.clock_file, "r+b", buffering=0) as file:
            file.write((seconds * 10**9).to_bytes(8, sys.byteorder, signed=True))

    # --- hurting and healing

    def is_running(self, index):
        return self.gateways[index].program.process.poll() is None

    def note_death(self, index):
        if not self.is_running(index) and not self.killed[index]:
            program = self.gateways[index].program
            self.deaths.append(f"gw-{index} ended by itself with {program.process.returncode}:\n{program.log()[-4000:]}")
            self.killed[index] = True

    def end(self, index, number):
        """Ends a gateway with this signal, whatever state it is in."""
        self.note_death(index)
        if self.is_running(index):
            self.killed[index] = True
            program = self.gateways[index].program
            program.send_signal(signal.SIGCONT)
            try:
                program.stop(number)
            except Timeout as problem:
                self.deaths.append(f"gw-{index}: {problem}")
            self._search(index)

    def _search(self, index):
        log = self.gateways[index].program.log()
        self.logs[index].append(log)
        if SANITIZER.search(log.encode()):
            self.deaths.append(f"gw-{index}:\n{log[-4000:]}")

    def begin(self, index, may_fail=False):
        self.note_death(index)
        if self.is_running(index):
            return
        try:
            self.gateways[index].start()
            self.killed[index] = False
        except Timeout as problem:
            if not may_fail:
                self.deaths.append(f"gw-{index} does not start:\n{problem}")

    def heal(self):
        self.disk.clear()
        if not self.redis.is_running():
            self.redis.start()
        self.redis.program.send_signal(signal.SIGCONT)
        for words in (("REPLICAOF", "NO", "ONE"), ("CONFIG", "SET", "maxmemory", "0"),
                      ("CONFIG", "SET", "min-replicas-to-write", "0"), ("CLIENT", "UNPAUSE")):
            self.redis.command(*words)
        self.models.program.send_signal(signal.SIGCONT)
        for index in range(GATEWAYS):
            self.note_death(index)
            if self.is_running(index):
                self.gateways[index].program.send_signal(signal.SIGCONT)
            self.begin(index)

    def close(self):
        """True when every program ended as told."""
        self.callers.close()
        for index in range(GATEWAYS):
            self.end(index, signal.SIGTERM)
            status = self.gateways[index].program.process.returncode
            if status not in (0, -signal.SIGKILL):
                self.deaths.append(f"gw-{index} ended with {status}")
        self.redis.close()
        self.models.program.stop()
        self.disk.close()


# name, weight, path, body of (text, random)
def _calls():
    chat, claude = "/v1/chat/completions", "/v1/messages"
    return [
        ("unary", 30, chat, lambda text, _: chat_body("chat", text)),
        ("stream", 20, chat, lambda text, _: chat_body("chat", text, stream=True)),
        ("stream-usage", 10, chat, lambda text, _: chat_body("chat", text, stream=True,
                                                             stream_options={"include_usage": True})),
        ("cached", 8, chat, lambda text, _: chat_body("cached", text * 4)),
        ("claude", 8, claude, lambda text, _: messages_body("claude", text, stream=True)),
        ("responses", 5, "/v1/responses", lambda text, _: {"model": "chat", "input": text, "stream": True}),
        ("embed", 5, "/v1/embeddings", lambda text, _: {"model": "embed", "input": [text, "b"]}),
        ("rows", 5, "/v2/models/iris/infer", lambda _, chance: infer_body(chance.randrange(1, 9))),
        ("drip", 3, chat, lambda text, _: chat_body("drip", "s", stream=True)),
        ("nousage", 2, chat, lambda text, chance: chat_body("nousage", text, stream=chance.random() < 0.5)),
        ("reset", 2, chat, lambda text, _: chat_body("resetbody", text)),
        ("broken", 1, chat, lambda text, _: chat_body("broken", text)),
        ("leave-drain", 8, chat, lambda text, _: chat_body("slow", text, stream=True)),
        ("leave-cancel", 8, chat, lambda text, _: chat_body("slow-cancel", text, stream=True)),
    ]


CALLS = _calls()
LAST_EVENT = {"/v1/chat/completions": (None, "[DONE]"), "/v1/messages": "message_stop", "/v1/responses": "response.completed"}


def is_whole(path, body, answer):
    """The client has an answer that says of itself that it is finished."""
    if answer.status != 200:
        return False
    if not body.get("stream"):
        return True
    events = answer.events()
    last = LAST_EVENT[path]
    return bool(events) and (events[-1] == last if isinstance(last, tuple) else events[-1][0] == last)


class Callers:
    """Threads that call until told to pause; they note which answers they saw whole."""

    def __init__(self, fleet, seed):
        self.fleet = fleet
        self.going = threading.Event()
        self.is_over = False
        self.lock = threading.Condition()
        self.busy = 0
        self.calls = 0
        self.aborts = 0
        self.whole = {}  # trace -> gateway
        self.keys = [caller_key(name) for name in ("ana", "bob", "etl")]
        self.threads = [threading.Thread(target=self._run, args=(random.Random(f"{seed}/caller/{index}"),), daemon=True)
                        for index in range(CALLERS)]
        for thread in self.threads:
            thread.start()

    def _run(self, chance):
        while not self.is_over:
            if not self.going.wait(0.2):
                continue
            with self.lock:
                self.busy += 1
            try:
                self._call(chance)
            except (OSError, EOFError, Timeout, ValueError, IndexError):
                time.sleep(0.005)
            finally:
                with self.lock:
                    self.busy -= 1
                    self.lock.notify_all()

    def _call(self, chance):
        name, _, path, make = chance.choices(CALLS, [row[1] for row in CALLS])[0]
        body = make("x" * chance.randrange(400), chance)
        trace = f"{chance.getrandbits(128):032x}"
        index = chance.randrange(GATEWAYS)
        leave_after = chance.randrange(12) if name.startswith("leave") or chance.random() < 0.08 else None
        gateway = self.fleet.gateways[index]
        peer = gateway.connect()
        try:
            peer.sock.settimeout(CALL_SECONDS)
            peer.send(request_bytes("POST", path, body, chance.choice(self.keys),
                                    [("traceparent", f"00-{trace}-00f067aa0ba902b7-01"),
                                     ("connection", "keep-alive" if leave_after is None else "close")]))
            self.calls += 1
            if leave_after is not None:
                self.aborts += 1
                for _ in range(leave_after):
                    peer.take_until(b"\n\n" if body.get("stream") else b"\n")
                if chance.random() < 0.5:
                    peer.reset()
                return
            answer = peer.message()
            if is_whole(path, body, answer):
                self.whole[trace] = index
        finally:
            peer.close()

    def start(self):
        self.going.set()

    def pause(self):
        """Returns when no call is in flight on this side."""
        self.going.clear()
        deadline = time.monotonic() + 3 * CALL_SECONDS
        with self.lock:
            while self.busy and time.monotonic() < deadline:
                self.lock.wait(0.1)

    def close(self):
        self.pause()
        self.is_over = True
        for thread in self.threads:
            thread.join(CALL_SECONDS)
