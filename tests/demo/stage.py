# SPDX-License-Identifier: Apache-2.0
"""The demo's stage: a folder of its own under build/demo/, the two programs in it, the callers.

Python's standard library alone, and nothing of tests/flow: the whole demo is these two files.
"""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("TOLLGATE_BUILD", TOP / "build" / "release")).resolve()
TOLLGATE = BUILD / "tollgate"
MODEL_SERVER = BUILD / "tests" / "upstream" / "scripted-model"
PATIENCE = 20.0
ISSUER = ["--issuer", "https://idp.example.com/", "--audience", "tollgate"]
PICO = 10**12


class Trouble(Exception):
    """What went wrong, in one line."""


def wait_until(ask, what, seconds=PATIENCE):
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise Trouble(f"{what} within {seconds:.0f} s")
        time.sleep(0.02)
    return answer


class Program:
    """A program in the background, its output in a file. It ends when we end, however that is."""

    def __init__(self, name, command, folder):
        self.name = name
        self.log = folder / f"{name}.log"
        with open(self.log, "wb") as log:
            # Out of our process group, so that Ctrl-C reaches us alone and we end them in order.
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *map(str, command)], cwd=folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=subprocess.STDOUT, process_group=0)

    def wait_log(self, pattern):
        """All groups of all matches, once there is one."""
        def look():
            found = re.findall(pattern, self.log.read_text(errors="replace"), re.M)
            if not found and self.process.poll() is not None:
                raise Trouble(f"{self.name} ended with status {self.process.returncode}:\n{self.tail()}")
            return found
        return wait_until(look, f"{self.name} did not say /{pattern}/")

    def tail(self, lines=8):
        return "\n".join("    " + line for line in self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self):
        """Ends it in order; trouble unless it ended well."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Trouble(f"{self.name} did not end within {PATIENCE:.0f} s of SIGTERM") from None
        if status != 0:
            raise Trouble(f"{self.name} ended with status {status}:\n{self.tail()}")


class Answer:
    def __init__(self, response, body):
        self.status = response.status
        self.request = response.headers.get("x-tollgate-request-id", "")
        self.policy = response.headers.get("x-tollgate-policy", "")
        self.body = body

    def json(self):
        return json.loads(self.body)


class Stage:
    """Two programs and the files between them. Use as a context: what was started is ended."""

    def __init__(self):
        self.programs = []
        # The whole run, also over midnight at the end of a month.
        self.since = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))
        (TOP / "build" / "demo").mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="run-", dir=TOP / "build" / "demo"))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        """The folder stays for a look when something went wrong."""
        self.stop()
        if kind is None or kind is BrokenPipeError or not issubclass(kind, Exception):
            shutil.rmtree(self.folder, ignore_errors=True)

    def stop(self):
        """The gateway first: it drains, and books what is left."""
        troubles = []
        while self.programs:
            try:
                self.programs.pop().stop()
            except Trouble as trouble:
                troubles.append(str(trouble))
        if troubles:
            raise Trouble("\n".join(troubles))

    def start_model_server(self):
        for program in (TOLLGATE, MODEL_SERVER):
            if not os.access(program, os.X_OK):
                raise Trouble(f"{program} is not there: ./dev build release makes it, ./dev demo does it all")
        shutil.copy(TOP / "tests/demo/vendor.prices", self.folder)
        server = Program("model-server", [MODEL_SERVER, "--prices", "vendor.prices", "--bill", "bill.json"], self.folder)
        self.programs.append(server)
        self.model_port = int(server.wait_log(r"^listening (\d+)$")[0])

    def write_files(self):
        text = (TOP / "tests/demo/tollgate.yaml").read_text()
        (self.folder / "tollgate.yaml").write_text(text.replace("127.0.0.1:4000", f"127.0.0.1:{self.model_port}"))
        shutil.copy(TOP / "tests/demo/prices.yaml", self.folder)
        shutil.copy(TOP / "conf/entities.json", self.folder)
        shutil.copytree(TOP / "conf/policies", self.folder / "policies")
        (self.folder / "vendor.key").write_text("the-vendor-knows-the-gateway-by-this\n")

    def start_gateway(self):
        gateway = Program("tollgate", [TOLLGATE, "serve", "--config", "tollgate.yaml"], self.folder)
        self.programs.append(gateway)
        self.gateway = gateway.process
        gateway.wait_log(r" ready workers=(\d+)")
        ports = dict(gateway.wait_log(r" listening listener=(\S+) address=\S*:(\d+)"))
        self.admin_port = int(ports.pop("admin"))
        (self.port,) = map(int, ports.values())
        self.url = f"http://127.0.0.1:{self.port}"

    # Commands and calls ---------------------------------------------------------------------------

    def tollgate(self, *words):
        """What a command of tollgate prints."""
        done = subprocess.run([TOLLGATE, *words], cwd=self.folder, capture_output=True, text=True, check=False,
                              timeout=PATIENCE, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Trouble(f"tollgate {' '.join(words)} ended with status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def new_key(self, name, bu, *words):
        return json.loads(self.tollgate("key", "create", "--name", name, "--bu", bu, "--format", "json", *words))["key"]

    def new_token(self, subject, **claims):
        words = [word for name, value in claims.items() for word in ("--claim", f"{name}={json.dumps(value)}")]
        return self.tollgate("token", "issue", "--key", "idp.pem", "--alg", "ES256", "--kid", "idp", *ISSUER, "--subject",
                             subject, *words).strip()

    @contextlib.contextmanager
    def open(self, path, body, key, headers):
        peer = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        fields = {"content-type": "application/json", **headers}
        if key:
            fields["authorization"] = f"Bearer {key}"
        try:
            peer.request("POST" if body else "GET", path, body and json.dumps(body), fields)
            yield peer.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise Trouble(f"{path}: {error!r}") from error
        finally:
            peer.close()

    def call(self, path, body=None, key=None, headers=None):
        with self.open(path, body, key, headers or {}) as response:
            return Answer(response, response.read())

    def stream(self, path, body, key):
        """Yields each event's document as it arrives, at last the answer."""
        with self.open(path, body, key, {}) as response:
            for line in response:
                if line.startswith(b"data: {"):
                    yield json.loads(line[6:])
            yield Answer(response, b"")

    # What is remembered ---------------------------------------------------------------------------

    def records(self, request):
        """The journal's records of a call: (decision or intent, settle or None)."""
        lines = self.tollgate("audit", "show", "--state", "state", "--format", "json", request).splitlines()
        found = {record["type"].removeprefix("tollgate."): record["data"] for record in map(json.loads, lines)}
        return found.get("decision") or found.get("intent"), found.get("settle")

    def booked(self):
        """The ledger: (number of calls, pico by model, pico in all)."""
        report = json.loads(self.tollgate("cost", "report", "--by", "model", "--from", self.since, "--state", "state",
                                          "--format", "json"))
        return (report["requests"], {row["model"]: pico(row["cost"]) for row in report["rows"]},
                sum(pico(total["cost"]) for total in report["totals"]))

    def billed(self):
        """The model server's bill: (number of calls, pico by its own model names, pico in all)."""
        if self.programs:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.model_port}/bill", timeout=PATIENCE) as answer:
                bill = json.load(answer)
        else:
            bill = json.loads((self.folder / "bill.json").read_text())
        costs = {}
        for line in bill["lines"]:
            costs[line["model"]] = costs.get(line["model"], 0) + int(line["cost_pico"])
        return bill["complete"], costs, int(bill["cost_pico"])


def pico(text):
    """Decimal text as whole pico, exactly."""
    whole, _, fraction = text.partition(".")
    if len(fraction) > 12:
        raise Trouble(f"{text} has more than twelve decimals")
    return int(whole) * PICO + int(fraction.ljust(12, "0"))
