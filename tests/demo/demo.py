# SPDX-License-Identifier: Apache-2.0
"""A day at the gateway, in under a minute.

usage: tests/demo/demo.py [--stay]     (./dev demo builds first)

Starts a model server that keeps its own bill and `tollgate serve` in front of it, lets callers call,
shows what was allowed and denied and why, finance's report, the model server's bill beside the
ledger, and the journal. Then it ends what it started. Exit status 0 when ledger and bill are equal to
the last digit, 1 when not or when anything else went wrong. --stay keeps it running until Ctrl-C,
with lines to paste, and compares once more at the end.
"""

import argparse
import concurrent.futures
import itertools
import os
import shutil
import signal
import sys
import time

from stage import PICO, TOLLGATE, TOP, Stage, Trouble, wait_until

# What clients call it, and what the model server does.
SERVED = {"gpt-x": "gpt-x-2026+pause-60", "claude-x": "claude-x-2026", "embed-x": "embed-x",
          "hr-screening": "hr-screening-3", "iris-classifier": "iris-classifier"}
FLOWERS = [[5.1, 3.5, 1.4, 0.2], [6.2, 2.9, 4.3, 1.3], [7.7, 3.8, 6.7, 2.2]]
OVERSIGHT = {"x-tollgate-annex-iii": "true", "x-tollgate-human-oversight": "true", "x-tollgate-fria-id": "FRIA-2026-014"}

ON_TERMINAL = sys.stdout.isatty()
STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


# The page --------------------------------------------------------------------------------------------


def paint(text, style):
    if not ON_TERMINAL or "NO_COLOR" in os.environ:
        return text
    return f"\033[{STYLES[style]}m{text}\033[0m"


def say(text="", style=None):
    print(paint(text, style) if style else text, flush=True)


class Scene:
    """A heading with its number. On a terminal a breath is taken before it."""
    count = 0

    def __init__(self, text):
        Scene.count += 1
        if ON_TERMINAL:
            time.sleep(0.7)
        say()
        say(f"{Scene.count}. {text}", "bold")


def show_command(text):
    say(f"   $ {text}", "cyan")


def show_output(text):
    """As it came; where the terminal is too narrow, blanks that all lines share go, then the ends."""
    width = shutil.get_terminal_size().columns - 3 if ON_TERMINAL else 10**6
    lines = text.rstrip().splitlines()
    if max(map(len, lines)) > width:
        columns = list(itertools.zip_longest(*lines, fillvalue=" "))
        kept = [column for column, left, right in zip(columns, columns[1:], columns[2:] + [()])
                if set((*column, *left, *right)) != {" "}]
        lines = ["".join(line).rstrip() for line in zip(*kept)]
    for line in lines:
        say("   " + (line if len(line) <= width else line[:width - 1] + "…"))


def show_refusal(status, *rows):
    for index, (name, text) in enumerate(rows):
        say(f"   {status if index == 0 else '':<5}{name:<8}{text}", "red")


def money(value):
    """Pico as currency to the last nano; more if there is more."""
    text = f"{'-' if value < 0 else ''}{abs(value) // PICO}.{abs(value) % PICO:012d}"
    return text[:-3] if text.endswith("000") else text


# The story -------------------------------------------------------------------------------------------


class Demo:
    def __init__(self, stage):
        self.stage = stage
        self.calls = 0

    def set_up(self):
        stage = self.stage
        say("tollgate stands between callers and models: it knows who calls, decides by written policy,")
        say("and remembers what each call cost. All of this runs here and now, for real; only what the")
        say("models say is scripted, and their prices are invented.")
        Scene("The stage: two programs, five callers")
        stage.start_model_server()
        stage.write_files()
        analyst = ["--role", "analyst", "--scope", "models:read", "--attribute", "home_region=EU"]
        self.ana = stage.new_key("ana", "risk", "--kind", "user", "--team", "fraud", *analyst, "--attribute", "clearance=2",
                                 "--attribute", "trainings=[ai-act-deployer]")
        self.bob = stage.new_key("bob", "retail", "--kind", "user", "--team", "shop", *analyst)
        self.etl = stage.new_key("etl", "science", "--kind", "service", "--team", "batch", "--attribute", "clearance=1",
                                 "--attribute", "env=test")
        self.finn = stage.new_key("finn", "finance", "--kind", "user", "--scope", "models:read")
        stage.tollgate("token", "keygen", "--alg", "ES256", "--out", ".", "--kid", "idp")
        self.dora = stage.new_token("dora", bu="hr", team="people", roles=["analyst"], clearance=1, region="EU")
        checked = stage.tollgate("check", "--config", "tollgate.yaml")
        stage.start_gateway()
        show_command("tollgate check")
        show_output(checked)
        show_command("tollgate serve")
        say(f"   the gateway listens on {stage.url}, in front of a model server that keeps its own bill")
        say("   configuration: tests/demo/tollgate.yaml, rules: conf/policies/", "dim")
        say()
        say("   who   what they are            pays      how they prove it", "dim")
        say(f"   ana   user, trained analyst    risk      API key {self.ana[:7]}…  (tollgate key create: shown once,")
        say(f"   bob   user, analyst            retail    API key {self.bob[:7]}…   stored as a digest)")
        say(f"   etl   service                  science   API key {self.etl[:7]}…")
        say(f"   finn  user                     finance   API key {self.finn[:7]}…")
        say(f"   dora  user, analyst            hr        JWT {self.dora[:9]}… (tollgate token issue, ES256)")

    def call(self, path, body, key, headers=None, want=200):
        answer = self.stage.call(path, body, key, headers)
        if answer.status != want:
            raise Trouble(f"{path}: {answer.status} instead of {want}: {answer.body[:300]!r}")
        self.calls += want == 200
        return answer

    def show_allowed(self, answer):
        """What the journal says of it: who allowed it, what was counted, what it cost."""
        intent, settle = self.stage.records(answer.request)
        counted = ", ".join(f"{line['quantity']} {line['meter']}" for line in settle["lines"] if line["pico"])
        say(f"   allowed by {', '.join(intent['reasons'])}", "green")
        say(f"   {counted}: {money(settle['cost_pico'])} {settle['currency']}", "dim")

    def stream_a_chat(self):
        Scene("ana asks a chat model, and the answer streams")
        show_command("POST /v1/chat/completions   model gpt-x, stream     OpenAI's dialect")
        begin = time.monotonic()
        times = []
        sys.stdout.write("   ")
        for event in self.stage.stream("/v1/chat/completions", chat("gpt-x", "Why was this payment flagged?", stream=True),
                                       self.ana):
            if not isinstance(event, dict):
                break
            times.append(time.monotonic() - begin)
            sys.stdout.write("".join(choice["delta"].get("content") or "" for choice in event["choices"]))
            sys.stdout.flush()
        say()
        if event.status != 200 or not times:
            raise Trouble(f"the stream: {event.status}, {len(times)} events")
        self.calls += 1
        say(f"   {len(times)} events as they came: the first after {times[0] * 1000:.0f} ms, the last after "
            f"{times[-1] * 1000:.0f} ms", "dim")
        self.show_allowed(event)

    def speak_dialects(self):
        Scene("Other dialects, same gateway: every kind of token has its own price")
        show_command("POST /v1/messages           model claude-x          bob, Anthropic's dialect")
        body = {"model": "claude-x", "max_tokens": 200, "messages": [{"role": "user", "content": "summarise this: " * 40}]}
        self.show_allowed(self.call("/v1/messages", body, self.bob))
        show_command("POST /v1/embeddings         model embed-x           dora, by her token")
        answer = self.call("/v1/embeddings", {"model": "embed-x", "input": ["a letter", "another letter"]}, self.dora)
        self.show_allowed(answer)
        show_command("POST /v2/models/iris-classifier/infer               etl, a model server's dialect (V2)")
        answer = self.call("/v2/models/iris-classifier/infer", infer(FLOWERS), self.etl)
        say(f"   predictions {answer.json()['outputs'][0]['data']}")
        self.show_allowed(answer)

    def govern_risk(self):
        Scene("Screening applicants is a high-risk use: policy wants more than a key")
        say("   the rule, as it stands in conf/policies/ai-act.cedar", "dim")
        rules = (self.stage.folder / "policies/ai-act.cedar").read_text()
        show_output(rules[rules.index('@id("ai-act-high-risk")'):rules.index("};") + 2])
        body = chat("hr-screening", "Rank these applicants.")
        rows = [("ana", self.ana, {}, 403, "says nothing about oversight"),
                ("ana", self.ana, OVERSIGHT, 200, "declares human oversight and an impact assessment"),
                ("bob", self.bob, OVERSIGHT, 403, "declares the same, but has no training")]
        for name, key, headers, want, what in rows:
            show_command(f"POST /v1/chat/completions   model hr-screening      {name} {what}")
            answer = self.call("/v1/chat/completions", body, key, headers, want)
            if want == 200:
                self.show_allowed(answer)
                continue
            if answer.policy != "ai-act-high-risk":
                raise Trouble(f"denied by {answer.policy!r} instead of ai-act-high-risk")
            show_refusal(answer.status, ("rule", answer.policy), ("reason", answer.json()["error"]["message"].split(": ", 1)[-1]))
        say("   denied calls never reach the model, and are remembered too", "dim")

    def know_callers(self):
        Scene("Who asks decides what there is")
        show_command("GET /v1/models                                      finn, of finance")
        names = [model["id"] for model in self.stage.call("/v1/models", None, self.finn).json()["data"]]
        if "hr-screening" in names or "gpt-x" not in names:
            raise Trouble(f"finn sees {names}")
        say(f"   {', '.join(names)}", "green")
        say("   no hr-screening: what a caller may not use is not listed", "dim")
        show_command("POST /v1/chat/completions                           a stranger with a made-up key")
        answer = self.call("/v1/chat/completions", chat("gpt-x", "let me in"), "tg_" + "A" * 43, want=401)
        show_refusal(answer.status, ("reason", answer.json()["error"]["message"]))

    def work_in_parallel(self):
        Scene("The rest of the day, eight calls at a time")
        jobs = []
        for index in range(8):
            jobs += [("/v1/chat/completions", chat("gpt-x-latest", "explain " * (30 * index + 1)), (self.ana, self.dora)[index % 2]),
                     ("/v1/messages", {"model": "claude-x", "max_tokens": 200, "messages": [
                         {"role": "user", "content": "summarise " * (25 * index + 1)}]}, (self.bob, self.finn)[index % 2]),
                     ("/v2/models/iris-classifier/infer", infer(FLOWERS * (index + 1)), self.etl)]
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda job: self.stage.call(*job).status == 200 or self.fail(job[0]), jobs))
        self.calls += len(jobs)
        say(f"   {len(jobs)} calls, all answered, in {time.monotonic() - begin:.2f} s", "green")

    def fail(self, path):
        raise Trouble(f"{path}: not answered by 200")

    def report(self):
        Scene("Finance reads what the month cost, by business unit and model")
        # Booking follows the journal by a tenth of a second.
        wait_until(lambda: self.stage.booked()[0] >= self.calls, f"the ledger did not book {self.calls} calls")
        show_command("tollgate cost report --by bu,model")
        show_output(self.stage.tollgate("cost", "report", "--by", "bu,model", "--state", "state"))

    def compare(self):
        """The two totals side by side. True when they are the same everywhere, calls included."""
        calls, ledger, ledger_total = self.stage.booked()
        billed_calls, bill, bill_total = self.stage.billed()
        say(f"   {'model':<18}{'our ledger':>18}{'their bill':>18}{'difference':>18}", "dim")
        for name in sorted(SERVED, key=lambda name: -ledger.get(name, 0)):
            show_pair(name, ledger.get(name, 0), bill.get(SERVED[name], 0))
        show_pair("total", ledger_total, bill_total)
        show_pair("calls", calls, billed_calls, str)
        self.difference = ledger_total - bill_total
        by_name = {SERVED[name]: cost for name, cost in ledger.items()}
        self.calls = billed_calls
        return by_name == bill and calls == billed_calls and self.difference == 0

    def reconcile(self):
        Scene("The model server's own bill, beside the ledger, in USD to the last nano")
        say("   it counted by itself, from its own price list, in code of its own", "dim")
        calls = self.calls
        same = self.compare()
        if same and self.calls != calls:
            raise Trouble(f"{self.calls} calls are on both sides, but {calls} were made")
        return same

    def show_journal(self):
        Scene("The journal has both sides of each call")
        say("   intent: on disk before the call goes out; settle: before the answer's last byte leaves", "dim")
        show_command("tollgate audit tail --lines 4")
        show_output(self.stage.tollgate("audit", "tail", "--state", "state", "--lines", "4"))

    def tell(self):
        self.set_up()
        self.stream_a_chat()
        self.speak_dialects()
        self.know_callers()
        self.work_in_parallel()
        self.govern_risk()
        self.report()
        same = self.reconcile()
        self.show_journal()
        return same

    def stay(self):
        """Until somebody wants it to end; then the comparison once more, all calls in."""
        print_lines_to_paste(self)
        awaited = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}
        signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
        gone = signal.sigwait(awaited)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited)
        if gone == signal.SIGCHLD:
            raise Trouble("a program ended by itself:\n" + self.stage.programs[-1].tail())
        Scene("The end: the gateway drained and stopped, the same comparison with your calls in it")
        self.stage.stop()
        return self.compare()


def chat(model, text, **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def infer(rows):
    return {"inputs": [{"name": "flowers", "shape": [len(rows), 4], "datatype": "FP32", "data": sum(rows, [])}]}


def show_pair(name, ours, theirs, text=money):
    say(f"   {name:<18}{text(ours):>18}{text(theirs):>18}{text(ours - theirs) if ours != theirs else '0':>18}", "green" if ours == theirs else "red")


def print_lines_to_paste(demo):
    stage = demo.stage
    print(f"""
{paint("It stays. Paste these into another terminal.", "bold")}

   base URL   {stage.url}/v1
   key        {demo.ana}      (ana's)

{paint("curl", "bold")}
curl {stage.url}/v1/chat/completions -H 'authorization: Bearer {demo.ana}' \\
  -H 'content-type: application/json' \\
  -d '{{"model": "gpt-x", "messages": [{{"role": "user", "content": "hello"}}]}}'

{paint("Python", "bold")} (pip install openai)
from openai import OpenAI
client = OpenAI(base_url="{stage.url}/v1", api_key="{demo.ana}")
for event in client.chat.completions.create(model="gpt-x", stream=True, messages=[{{"role": "user", "content": "hello"}}]):
    print(event.choices[0].delta.content or "", end="", flush=True)

{paint("Node", "bold")} (npm install openai; a file that ends in .mjs)
import OpenAI from "openai";
const client = new OpenAI({{ baseURL: "{stage.url}/v1", apiKey: "{demo.ana}" }});
const answer = await client.chat.completions.create({{ model: "gpt-x", messages: [{{ role: "user", content: "hello" }}] }});
console.log(answer.choices[0].message.content, answer.usage);

{paint("And beside it", "bold")}
cd {stage.folder}
{TOLLGATE} cost report --by principal,model
{TOLLGATE} audit tail --follow
curl http://127.0.0.1:{stage.admin_port}/metrics
edit policies/*.cedar, then: kill -HUP {stage.gateway.pid}

{paint("To stop", "bold")}: Ctrl-C here, or kill {os.getpid()}.""", flush=True)


def end_on_signal(number, _frame):
    raise SystemExit(128 + number)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stay", action="store_true", help="keep it running until Ctrl-C, with lines to paste")
    options = parser.parse_args()
    sys.stdout.reconfigure(errors="replace")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end_on_signal)
    begin = time.monotonic()
    try:
        with Stage() as stage:
            demo = Demo(stage)
            same = demo.tell()
            if options.stay:
                same = demo.stay() and same
    except BrokenPipeError:
        # Nobody reads any more, as with `| head`.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Trouble as trouble:
        say()
        print(paint(f"demo: {trouble}", "red"), flush=True)
        print(f"demo: failed; what it left is in {stage.folder.relative_to(TOP)}", flush=True)
        return 1
    say()
    if not options.stay:
        say(f"That took {time.monotonic() - begin:.0f} s; both programs are stopped. ./dev demo --stay keeps them for you.")
    say(f"demo: ledger {'==' if same else '!='} bill, {demo.calls} calls, difference {money(demo.difference) if demo.difference else 0}",
        "green" if same else "red")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
