# SPDX-License-Identifier: Apache-2.0
"""Programs and sockets for the flow tests: the gateway, its upstreams, raw clients, and an
independent reader of the journal.

Nothing here sleeps: every wait is for an event (a log line, bytes, an end of file, an exit) and has
a deadline, after which the test fails with what was seen so far.
"""

import base64
import contextlib
import hashlib
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("TOLLGATE_BUILD", TOP / "build" / "debug")).resolve()
DEADLINE = 20.0
SANITIZER = re.compile(rb"AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:|ASSERT|assert.* failed")
SANITIZER_ENV = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99:strict_string_checks=1",
                 "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99"}


class Timeout(AssertionError):
    """What was waited for did not come."""


def wait_for(ask, timeout=DEADLINE, pause=0.01):
    """The first true answer, for what nobody announces."""
    deadline = time.monotonic() + timeout
    while True:
        answer = ask()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(pause)


# --- programs -------------------------------------------------------------------------------------


class Program:
    """A child process whose stdout and stderr are kept line by line."""

    def __init__(self, command, folder, env=None):
        self.command = [str(part) for part in command]
        self.lines = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen(
            self.command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, **SANITIZER_ENV, **(env or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append(None)
            self.changed.notify_all()

    def log(self):
        with self.changed:
            return "\n".join(line for line in self.lines if line is not None)

    def wait_log(self, pattern, timeout=DEADLINE, after=0):
        """The match of the first line from `after` on; fails when the program ends without it."""
        deadline = time.monotonic() + timeout
        index = after
        with self.changed:
            while True:
                while index < len(self.lines):
                    if self.lines[index] is None:
                        raise Timeout(f"{self.command[0]} ended before /{pattern}/:\n" +
                                      "\n".join(filter(None, self.lines)))
                    match = re.search(pattern, self.lines[index])
                    if match:
                        return match
                    index += 1
                if not self.changed.wait(deadline - time.monotonic()):
                    raise Timeout(f"no /{pattern}/ within {timeout} s:\n" + "\n".join(filter(None, self.lines)))

    def mark(self):
        """For `after`: lines from now on."""
        with self.changed:
            return len(self.lines)

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=DEADLINE):
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Timeout(f"{self.command[0]} did not end within {timeout} s:\n{self.log()}") from None
        self.reader.join(timeout)
        return status

    def stop(self, number=signal.SIGTERM, timeout=DEADLINE):
        if self.process.poll() is None:
            self.send_signal(number)
        return self.wait(timeout)


def run_tollgate(*arguments, folder, env=None, stdin=None):
    """A command that ends by itself: (exit status, stdout, stderr)."""
    done = subprocess.run([str(BUILD / "tollgate"), *map(str, arguments)], cwd=folder, capture_output=True, text=True,
                          timeout=60, check=False, input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
                          env={**os.environ, **SANITIZER_ENV, **(env or {})})
    assert not SANITIZER.search(done.stderr.encode()), done.stderr
    return done.returncode, done.stdout, done.stderr


# --- the model server -----------------------------------------------------------------------------


class ModelServer:
    """tests/upstream/scripted-model; its README is the contract."""

    def __init__(self, folder, prices):
        folder.mkdir(parents=True, exist_ok=True)
        self.calls_path = folder / "calls"
        (folder / "prices").write_text("".join(
            f"{model} {meter} {micro}\n" for model, rates in prices.items() for meter, micro in rates.items()))
        self.program = Program([BUILD / "tests/upstream/scripted-model", "--prices", "prices", "--bill", "bill",
                                "--calls", "calls"], folder)
        self.port = int(self.program.wait_log(r"^listening (\d+)$").group(1))
        self.url = f"http://127.0.0.1:{self.port}"

    def bill(self):
        with urllib.request.urlopen(f"{self.url}/bill", timeout=DEADLINE) as answer:
            return json.load(answer)

    def calls(self):
        """Every ended call, by the trace id it came with."""
        if not self.calls_path.exists():
            return []
        return [json.loads(line) for line in self.calls_path.read_text().splitlines()]

    def close(self):
        assert self.program.stop() == 0, self.program.log()


# --- the raw upstream -----------------------------------------------------------------------------


class Peer:
    """One byte stream, either side. Keeps every byte that came in `received`."""

    def __init__(self, sock):
        self.sock = sock
        self.received = bytearray()  # grown in place: messages of megabytes come in small pieces
        self.buffer = bytearray()
        self.at_end = False

    def fill(self, timeout=DEADLINE):
        """More bytes into the buffer; False at the end of the stream."""
        self.sock.settimeout(timeout)
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            raise Timeout(f"nothing came within {timeout} s; so far {bytes(self.received[-2000:])!r}") from None
        except ConnectionResetError:
            data = b""
        self.received += data
        self.buffer += data
        self.at_end = self.at_end or not data
        return bool(data)

    def take(self, count):
        while len(self.buffer) < count:
            if not self.fill():
                raise EOFError(f"the stream ended {count - len(self.buffer)} bytes early: {bytes(self.buffer)!r}")
        return self.cut(count)

    def cut(self, count):
        """What stands at the front of the buffer."""
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data

    def take_until(self, mark):
        while mark not in self.buffer:
            if not self.fill():
                raise EOFError(f"the stream ended before {mark!r}: {bytes(self.buffer)!r}")
        return self.cut(self.buffer.index(mark) + len(mark))

    def take_rest(self, timeout=DEADLINE):
        """Everything up to the end of the stream."""
        while not self.at_end:
            self.fill(timeout)
        return self.cut(len(self.buffer))

    def is_silent(self, seconds=0.3):
        """Nothing comes for a while. The one place where time is the event."""
        if self.buffer or self.at_end:
            return False
        readable, _, _ = select.select([self.sock], [], [], seconds)
        return not readable

    def send(self, data):
        self.sock.sendall(data)

    def reset(self):
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        with contextlib.suppress(OSError):
            self.sock.close()

    def message(self, without_body=False):
        """The next message: start line, fields and body; chunked bodies are decoded."""
        return Message(self, without_body)


class Message:
    def __init__(self, peer, without_body):
        self.head = peer.take_until(b"\r\n\r\n")
        lines = self.head[:-4].split(b"\r\n")
        self.start = lines[0].decode("latin-1")
        self.fields = [(name.decode("latin-1").lower(), value.strip().decode("latin-1"))
                       for name, _, value in (line.partition(b":") for line in lines[1:])]
        parts = self.start.split(" ", 2)
        self.status = int(parts[1]) if parts[0].startswith("HTTP/") else None
        self.method, self.path = (None, None) if self.status else (parts[0], parts[1])
        self.raw_body = b""
        self.chunks = []
        if without_body or self.status == 204 or self.status == 304 or (self.status and self.status < 200):
            self.body = b""
        elif (self.get("transfer-encoding") or "").endswith("chunked"):
            self.body = self._chunked(peer)
        elif self.get("content-length") is not None:
            self.body = self.raw_body = peer.take(int(self.get("content-length")))
        else:
            self.body = self.raw_body = peer.take_rest() if self.status else b""

    def _chunked(self, peer):
        body = b""
        while True:
            line = peer.take_until(b"\r\n")
            size = int(line.split(b";")[0], 16)
            data = peer.take(size)
            if size == 0:
                trailer = peer.take_until(b"\r\n")
                while trailer != b"\r\n":
                    trailer = peer.take_until(b"\r\n")
                return body
            assert peer.take(2) == b"\r\n"
            self.chunks.append(data)
            body += data

    def get(self, name):
        return next((value for field, value in self.fields if field == name), None)

    def all(self, name):
        return [value for field, value in self.fields if field == name]

    def json(self):
        return json.loads(self.body)

    def events(self):
        """(event, data) of each server-sent event."""
        found = []
        for block in self.body.decode().split("\n\n"):
            name, data = None, []
            for line in block.split("\n"):
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data.append(line[6:])
            if data:
                found.append((name, "\n".join(data)))
        return found


class RawUpstream:
    """A listening socket whose every byte the test decides itself."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.peers = []

    def accept(self, timeout=DEADLINE):
        self.listener.settimeout(timeout)
        try:
            sock, _ = self.listener.accept()
        except socket.timeout:
            raise Timeout(f"nobody connected within {timeout} s") from None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.peers.append(Peer(sock))
        return self.peers[-1]

    def is_untouched(self, seconds=0.3):
        """Nobody connected, and no byte came on what is open."""
        sockets = [self.listener, *(peer.sock for peer in self.peers if peer.sock.fileno() >= 0)]
        readable, _, _ = select.select(sockets, [], [], seconds)
        return not readable

    def close(self):
        for peer in self.peers:
            peer.close()
        self.listener.close()


# --- Redis ----------------------------------------------------------------------------------------


class Redis:
    """Debian's redis-server on a free port, every write on disk before it is answered."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.start()

    def start(self):
        self.program = Program(["redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--appendonly",
                                "yes", "--appendfsync", "always", "--dir", self.folder], self.folder)
        self.program.wait_log(r"Ready to accept connections")

    def kill(self):
        self.program.stop(signal.SIGKILL)

    def command(self, *words):
        """One command over its own connection; replies as Python values."""
        with socket.create_connection(("127.0.0.1", self.port), DEADLINE) as sock:
            peer = Peer(sock)
            peer.send(b"*%d\r\n" % len(words) + b"".join(
                b"$%d\r\n%s\r\n" % (len(str(word).encode()), str(word).encode()) for word in words))
            return self._reply(peer)

    def _reply(self, peer):
        line = peer.take_until(b"\r\n")[:-2].decode()
        kind, rest = line[0], line[1:]
        if kind == "$":
            return None if rest == "-1" else peer.take(int(rest) + 2)[:-2].decode()
        if kind == "*":
            return [self._reply(peer) for _ in range(int(rest))]
        return int(rest) if kind == ":" else rest

    def close(self):
        if self.program.process.poll() is None:
            self.program.stop(signal.SIGTERM)


# --- the journal, read by other code than its writer's ----------------------------------------------


def _crc32c_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC32C = _crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ CRC32C[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


SEGMENT_HEAD_BYTES = 64
FRAME_HEAD = struct.Struct("<IBBHIIQI16s")
TYPES = {1: "intent", 2: "settle", 3: "progress", 4: "decision", 5: "lifecycle"}


def read_journal(state):
    """Every record in order as (type, document); fails on a frame that does not verify. Where two
    segments hold the same sequence, the later one has the copy that counts."""
    records = {}
    for path in sorted(Path(state, "journal").glob("*.segment")):
        data = path.read_bytes()
        at = SEGMENT_HEAD_BYTES
        while at + FRAME_HEAD.size <= len(data):
            length, kind, zero, attempt, _, epoch, sequence, _, call = FRAME_HEAD.unpack_from(data, at)
            if length == 0 and kind == 0:
                break
            end = at + FRAME_HEAD.size + length
            payload = data[at + FRAME_HEAD.size:end]
            assert zero == 0 and struct.unpack_from("<I", data, end)[0] == crc32c(data[at:end]), f"{path}:{at}"
            document = json.loads(payload)
            document["_"] = {"epoch": epoch, "sequence": sequence, "attempt": attempt, "call": call.hex()}
            records[sequence] = (TYPES[kind], document)
            at = end + 4
    assert not records or sorted(records) == list(range(min(records), max(records) + 1)), "sequences have a gap"
    return [records[sequence] for sequence in sorted(records)]


# --- the gateway ----------------------------------------------------------------------------------


def make_key(number):
    """An API key and the digest under which it is stored; deterministic."""
    secret = hashlib.sha256(f"flow test key {number}".encode()).digest()
    key = "tg_" + base64.urlsafe_b64encode(secret).decode().rstrip("=")
    return key, hashlib.sha256(key.encode()).hexdigest()


RATES = {"in_text_uncached": "2.50", "in_cache_read": "0.25", "in_cache_write_5m": "3.125", "in_cache_write_1h": "5",
         "in_cache_write_other": "3.125", "out_text": "15", "out_reasoning": "15", "requests": "0", "rows": "40",
         "searches": "10000", "out_audio": "20", "out_image": "40", "images": "40000", "audio_ms": "0.1", "chars": "15"}


def micro(rate):
    """A decimal text per million as integer micro."""
    whole, _, fraction = rate.partition(".")
    return int(whole) * 1_000_000 + int(fraction.ljust(6, "0") or "0")


RATES_MICRO = {meter: micro(rate) for meter, rate in RATES.items()}


class Gateway:
    """`tollgate serve` in its own folder. `config` is the document of tollgate.yaml, written as JSON,
    which is YAML; `files` are further files by name."""

    def __init__(self, folder, config, files, env=None):
        self.folder = folder
        self.config = config
        self.env = env or {}
        self.prefix = []  # a program that runs it, such as prlimit
        self.program = None
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            self.write(name, content)
        self.write("tollgate.yaml", config)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        text = content if isinstance(content, str) else json.dumps(content, indent=1) + "\n"
        path.write_text(text)

    @property
    def state(self):
        return self.folder / "state"

    def start(self):
        self.program = Program([*self.prefix, BUILD / "tollgate", "serve", "--config", "tollgate.yaml"], self.folder, self.env)
        self.ports = {}
        mark = 0
        wanted = len(self.config["listeners"]) + ("admin" in self.config)
        while len(self.ports) < wanted:
            match = self.program.wait_log(r"\blistening\b.*\blistener=(\S+).*\baddress=\"?[^ ]*?:(\d+)", after=mark)
            self.ports.setdefault(match.group(1), int(match.group(2)))
            mark = next(i for i, line in enumerate(self.program.lines) if i >= mark and line == match.string) + 1
        self.admin_port = self.ports.get("admin")
        self.port = next(port for name, port in self.ports.items() if name != "admin")
        return self

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def connect(self, port=None):
        sock = socket.create_connection(("127.0.0.1", port or self.port), DEADLINE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Peer(sock)

    def call(self, method, path, body=None, key=None, headers=(), peer=None, port=None):
        """One call; on its own connection unless a peer is given."""
        own = peer is None
        peer = peer or self.connect(port)
        peer.send(request_bytes(method, path, body, key, headers))
        message = peer.message(without_body=method == "HEAD")
        while message.status < 200:
            message = peer.message()
        if own:
            peer.close()
        return message

    def admin(self, path):
        return self.call("GET", path, port=self.admin_port)

    def records(self, kind=None):
        return [document for type_, document in read_journal(self.state) if kind in (None, type_)]

    def reload(self):
        """SIGHUP, and waits for the word that it was taken or refused."""
        mark = self.program.mark()
        self.program.send_signal(signal.SIGHUP)
        return self.program.wait_log(r"\breload(ed|_refused|_failed)?\b.*", after=mark).group(0)

    def kill(self):
        self.program.stop(signal.SIGKILL)

    def stop(self, timeout=DEADLINE):
        """Drains and ends; fails on a sanitizer's report."""
        status = self.program.stop(timeout=timeout)
        log = self.program.log()
        assert not SANITIZER.search(log.encode()), log
        assert status == 0, f"exit status {status}:\n{log}"

    def close(self):
        if self.program and self.program.process.poll() is None:
            self.stop()
        elif self.program:
            self.program.wait()
            assert not SANITIZER.search(self.program.log().encode()), self.program.log()


def pico(text):
    """Decimal currency as integer pico; more than twelve decimals would be a loss."""
    whole, _, fraction = text.partition(".")
    assert len(fraction) <= 12, text
    return int(whole) * 10**12 + int(fraction.ljust(12, "0") or "0")


def report(gateway, by="bu,model", redis=None):
    """The rows of `tollgate cost report`, each with its exact cost in pico."""
    store = ["--redis", redis.url] if redis else ["--state", gateway.state]
    status, out, err = run_tollgate("cost", "report", "--by", by, "--format", "json", *store, folder=gateway.folder)
    assert status == 0, err
    document = json.loads(out)
    rows = [{**row, "pico": pico(row["cost"])} for row in document["rows"]]
    assert sum(row["pico"] for row in rows) == sum(pico(total["cost"]) for total in document["totals"])
    return rows


def request_bytes(method, path, body=None, key=None, headers=()):
    data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.lower() for name, _ in headers}
    fields = [("host", "gateway")]
    if key and not names & {"authorization", "x-api-key"}:
        fields.append(("authorization", f"Bearer {key}"))
    if body is not None and "transfer-encoding" not in names and "content-length" not in names:
        fields += [("content-type", "application/json"), ("content-length", str(len(data)))]
    fields += list(headers)
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields)
    return head.encode() + b"\r\n" + data
