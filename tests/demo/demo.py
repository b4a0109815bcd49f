# SPDX-License-Identifier: Apache-2.0
"""A day at the gateway, in under a minute.

usage: tests/demo/demo.py [--stay]     (through ./dev demo)

Starts the scripted model server and `tollgate serve` in build/demo/, lets three callers call, shows
a denial, finance's report, the model server's own bill beside it, and the journal's last records.
Then it stops what it started. --stay keeps all running until Ctrl-C, with lines to paste. Exit
status 0 when the ledger equals the bill.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.setdefault("TOLLGATE_BUILD", str(TOP / "build" / "release")))
sys.path.insert(0, str(TOP / "tests" / "flow"))

from harness import ModelServer, Peer, Program, pico, request_bytes, wait_for  # noqa: E402

FOLDER = TOP / "build" / "demo"
TOLLGATE = BUILD / "tollgate"
SERVED = {"gpt-x-2026+pause-40": "assistant", "claude-x-2026": "writer", "iris": "iris"}

BOLD, DIM, RED, GREEN, PLAIN = ("\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m") if sys.stdout.isatty() else [""] * 5


def say(text="", style=""):
    print(f"{style}{text}{PLAIN if style else ''}", flush=True)


def title(number, text):
    say(f"\n{number}. {text}", BOLD)


def tollgate(*words):
    """A command of tollgate in the demo's folder; its output."""
    done = subprocess.run([str(TOLLGATE), *words], cwd=FOLDER, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"demo: tollgate {' '.join(words)}: {done.stderr}")
    return done.stdout


def lay_out(port):
    """A fresh build/demo/ from tests/demo/."""
    for name in ("tollgate.yaml", "prices.yaml"):
        text = (TOP / "tests/demo" / name).read_text()
        (FOLDER / name).write_text(text.replace("127.0.0.1:4000", f"127.0.0.1:{port}"))
    shutil.copytree(TOP / "tests/demo/policies", FOLDER / "policies")


def new_key(name, bu, *words):
    made = tollgate("key", "create", "--name", name, "--bu", bu, "--format", "json", *words)
    return json.loads(made)["key"]


class Demo:
    def __init__(self):
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        self.server = ModelServer(FOLDER / "models", {})
        # The real price table replaces the empty one the class writes.
        self.server.close()
        shutil.copy(TOP / "tests/demo/vendor-prices", FOLDER / "models/prices")
        self.server.program = Program([BUILD / "tests/upstream/scripted-model", "--prices", "prices", "--bill", "bill"],
                                      FOLDER / "models")
        self.server.port = int(self.server.program.wait_log(r"^listening (\d+)$").group(1))
        self.server.url = f"http://127.0.0.1:{self.server.port}"
        lay_out(self.server.port)
        self.ana = new_key("ana", "risk", "--kind", "user", "--team", "fraud", "--role", "analyst")
        self.bob = new_key("bob", "retail", "--kind", "user", "--team", "shop", "--role", "analyst")
        self.etl = new_key("etl", "science", "--kind", "service", "--team", "batch")
        self.calls = 0
        self.start()

    def start(self):
        self.gateway = Program([TOLLGATE, "serve", "--config", "tollgate.yaml"], FOLDER, {"DEMO_VENDOR_KEY": "vendor-secret"})
        ports = {}
        mark = 0
        while len(ports) < 2:
            match = self.gateway.wait_log(r"listening .*listener=(\S+) address=\S*?:(\d+)", after=mark)
            ports["admin" if match.group(1) == "admin" else "client"] = int(match.group(2))
            mark = self.gateway.lines.index(match.string) + 1
        self.gateway.wait_log(r" ready ")
        self.port, self.admin_port = ports["client"], ports["admin"]
        self.url = f"http://127.0.0.1:{self.port}"

    def open(self, path, body, key):
        import socket
        peer = Peer(socket.create_connection(("127.0.0.1", self.port), 20))
        peer.send(request_bytes("POST", path, body, key))
        return peer

    def call(self, path, body, key):
        peer = self.open(path, body, key)
        answer = peer.message()
        peer.close()
        self.calls += answer.status == 200
        return answer

    def stop(self):
        for program in (self.gateway, self.server.program):
            if program.process.poll() is None:
                program.stop()


def chat(model, text, **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def stream_a_call(demo):
    title(1, "ana, an analyst of business unit risk, asks the assistant; the answer streams")
    say("   POST /v1/chat/completions  model=assistant  stream=true", DIM)
    peer = demo.open("/v1/chat/completions", chat("assistant", "Why was this payment flagged?", stream=True), demo.ana)
    peer.take_until(b"\r\n\r\n")
    sys.stdout.write("   > ")
    while size := int(peer.take_until(b"\r\n").strip() or b"0", 16):
        for line in peer.take(size).decode().split("\n"):
            if line.startswith("data: {"):
                choices = json.loads(line[6:])["choices"]
                sys.stdout.write(choices[0]["delta"].get("content", "") if choices else "")
                sys.stdout.flush()
        peer.take(2)
    peer.close()
    demo.calls += 1
    say("\n   allowed by analysts-standard-models", GREEN)


def deny_a_call(demo):
    title(2, "ana asks a model that is classified as high risk")
    say("   POST /v1/chat/completions  model=credit-scorer", DIM)
    answer = demo.call("/v1/chat/completions", chat("credit-scorer", "Should this person get a loan?"), demo.ana)
    if answer.status != 403 or b"ai-act-high-risk" not in answer.body:
        raise SystemExit(f"demo: expected a denial by ai-act-high-risk, got {answer.start} {answer.body!r}")
    say(f"   {answer.status}: {answer.json()['error']['message']}", RED)


def call_v2(demo):
    title(3, "etl, a service of business unit science, calls a V2 model")
    say("   POST /v2/models/iris/infer", DIM)
    body = {"inputs": [{"name": "x", "shape": [3, 4], "datatype": "FP32",
                        "data": [5.1, 3.5, 1.4, 0.2, 6.2, 2.9, 4.3, 1.3, 7.7, 3.8, 6.7, 2.2]}]}
    answer = demo.call("/v2/models/iris/infer", body, demo.etl)
    say(f"   predictions {answer.json()['outputs'][0]['data']}", GREEN)


def more_calls(demo):
    title(4, "and the rest of the day")
    for index in range(12):
        key, name = ((demo.ana, "ana"), (demo.bob, "bob"))[index % 2]
        body = {"model": "writer", "max_tokens": 200, "messages": [{"role": "user", "content": "summarise " * (20 * index + 1)}]}
        demo.call("/v1/messages", body, key)
        demo.call("/v1/chat/completions", chat("assistant-latest", "explain " * (30 * index + 1)), key)
        demo.call("/v2/models/iris/infer", {"inputs": [{"name": "x", "shape": [index + 1, 1], "datatype": "FP32",
                                                        "data": [1.0] * (index + 1)}]}, demo.etl)
    say(f"   {demo.calls} calls allowed so far, by ana, bob and etl")


def show_report(demo):
    title(5, "finance reads the month by business unit and model: tollgate cost report --by bu,model")
    for line in tollgate("cost", "report", "--by", "bu,model", "--state", "state").rstrip().split("\n"):
        say("   " + line)


def nano(value):
    return f"{value // 10**12}.{value % 10**12 // 1000:09d}"


def compare(demo):
    """The ledger and the bill, to the pico; True when they are the same."""
    title(6, "the model server's own bill, beside the ledger (USD, to the last nano)")
    with urllib.request.urlopen(f"{demo.server.url}/bill", timeout=20) as answer:
        bill = json.load(answer)
    billed = {SERVED[line["model"]]: int(line["cost_pico"]) for line in bill["lines"]}
    document = json.loads(tollgate("cost", "report", "--by", "model", "--state", "state", "--format", "json"))
    booked = {row["model"]: pico(row["cost"]) for row in document["rows"]}
    say(f"   {'model':<16}{'ledger':>16}{'bill':>16}{'difference':>14}", DIM)
    for model in sorted(billed.keys() | booked.keys()):
        mine, theirs = booked.get(model, 0), billed.get(model, 0)
        say(f"   {model:<16}{nano(mine):>16}{nano(theirs):>16}{mine - theirs:>14}")
    difference = sum(booked.values()) - int(bill["cost_pico"])
    same = booked == billed and difference == 0 and bill["complete"] == demo.calls
    return same, bill["complete"], difference


def show_journal():
    title(7, "the journal's last records: tollgate audit tail")
    for line in tollgate("audit", "tail", "--state", "state", "--lines", "6").rstrip().split("\n"):
        say("   " + line)


def stay(demo):
    say(f"\nThe gateway stays at {demo.url}; Ctrl-C ends it. A key: {demo.ana}", BOLD)
    say(f"""
curl:
  curl {demo.url}/v1/chat/completions -H 'authorization: Bearer {demo.ana}' \\
    -H 'content-type: application/json' -d '{{"model":"assistant","messages":[{{"role":"user","content":"hello"}}]}}'

Python (pip install openai):
  from openai import OpenAI
  client = OpenAI(base_url="{demo.url}/v1", api_key="{demo.ana}")
  print(client.chat.completions.create(model="assistant", messages=[{{"role": "user", "content": "hello"}}]))

Node (npm install openai):
  import OpenAI from "openai";
  const client = new OpenAI({{ baseURL: "{demo.url}/v1", apiKey: "{demo.ana}" }});
  console.log(await client.chat.completions.create({{ model: "assistant", messages: [{{ role: "user", content: "hello" }}] }}));

Configuration, policies and state: {FOLDER}. Metrics: http://127.0.0.1:{demo.admin_port}/metrics""")
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stay", action="store_true")
    options = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM} if options.stay else set())
    demo = Demo()
    try:
        say("tollgate: a model server that keeps its own bill, a gateway in front of it, three callers.")
        stream_a_call(demo)
        deny_a_call(demo)
        call_v2(demo)
        more_calls(demo)
        # Booking follows the journal by a tenth of a second.
        wait_for(lambda: int(json.loads(tollgate("cost", "report", "--state", "state", "--format", "json"))["requests"])
                 >= demo.calls)
        show_report(demo)
        same, calls, difference = compare(demo)
        show_journal()
        if options.stay:
            stay(demo)
    finally:
        demo.stop()
    say()
    say(f"demo: ledger {'==' if same else '!='} bill, {calls} calls, difference {difference}", BOLD if same else RED)
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
