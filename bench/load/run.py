# SPDX-License-Identifier: Apache-2.0
"""The comparison side by side, in one interleaved run.

usage: bench/load/run.py [--quick] [--suite NAME]... [--pairs N] [--write]    (through ./dev bench)

The same requests go through nothing, nginx (plain proxy), HAProxy (RS256 verified) and tollgate with
everything on. The proxy has the second core, generator and upstream the first. Every slice against
a proxy has a slice against nginx beside it; a ratio is the median of the slices' quotients. Suites:
unary, body (32 KB), latency, burst, paced, memory. --quick runs unary and latency against tollgate
alone, in under a minute, and ends with `cpu_ratio_to_nginx=X p99_added_us=Y`. --write puts the table
into bench/results/.
"""

import argparse
import contextlib
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import time

import peers
from peers import BUILD, FOLDER, TOP

SLICE_MS = 800
RATE = 2000
CONNECTIONS = 64
SUITES = ["memory", "unary", "body", "latency", "burst", "paced"]


def say(text=""):
    print(text, flush=True)


def chat_request(name, token, content_bytes, **more):
    """A file with the request as it goes on the wire; what tells the upstream how to answer comes first."""
    body = {"model": "bench-model", **more, "max_tokens": 256, "temperature": 0,
            "messages": [{"role": "system", "content": "You answer in one short sentence."},
                         {"role": "user", "content": ""}]}
    text = json.dumps(body, separators=(",", ":"))
    words = "the quick brown fox jumps over a lazy dog " * (content_bytes // 40 + 1)
    body["messages"][1]["content"] = words[:content_bytes - len(text)]
    text = json.dumps(body, separators=(",", ":"))
    path = FOLDER / f"{name}.request"
    path.write_bytes((f"POST /v1/chat/completions HTTP/1.1\r\nhost: models.bench.example\r\nuser-agent: bench\r\n"
                      f"accept: application/json\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n"
                      f"content-length: {len(text)}\r\n\r\n{text}").encode())
    return path


class Bench:
    def __init__(self, options):
        self.options = options
        self.cores = (0, 1) if len(os.sched_getaffinity(0)) > 1 else (None, None)
        self.can_realtime = True
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        token = peers.make_token()
        stream = {"stream": True, "stream_options": {"include_usage": True}}
        self.requests = {
            "unary": chat_request("unary", token, 1024),
            "body": chat_request("body", token, 32768),
            "burst": chat_request("burst", token, 1024, user="burst", **stream),
            "paced": chat_request("paced", token, 1024, user="paced", **stream),
        }
        self.upstream, self.upstream_port = peers.start_upstream(self.cores[0])
        self.nginx = peers.start_nginx(self.upstream_port, self.cores[1])
        self.tollgate = peers.start_tollgate(self.upstream_port, self.cores[1])
        self.haproxy = None if options.quick else peers.start_haproxy(self.upstream_port, self.cores[1])
        self.others = [peer for peer in (self.haproxy, self.tollgate) if peer]

    # --- slices -------------------------------------------------------------------------------

    def load_command(self, port, request, *words, realtime=False):
        command = ["taskset", "-c", str(self.cores[0])] if self.cores[0] is not None else []
        if realtime:
            command += ["chrt", "-r", "1"]
        return [*command, str(BUILD / "bench/load"), "--connect", f"127.0.0.1:{port}", "--request",
                str(self.requests[request]), *map(str, words)]

    def load(self, port, request, *words, realtime=False):
        done = subprocess.run(self.load_command(port, request, *words, realtime=realtime), capture_output=True,
                              text=True, timeout=60, check=False)
        if done.returncode:
            raise SystemExit(f"bench: the generator failed: {done.stderr}")
        report = json.loads(done.stdout)
        if report["errors"] or report["unfinished"]:
            raise SystemExit(f"bench: {report['errors']} errors, {report['unfinished']} unfinished of "
                             f"{report['requests']} requests to port {port}")
        return report

    def settle(self, process):
        """Until what a slice left behind (the journal's and the ledger's work) is done."""
        before = process.cpu_ns()
        for _ in range(40):
            time.sleep(0.05)
            after = process.cpu_ns()
            if after - before < 500_000:
                return after
            before = after
        return before

    def slice(self, peer, request, *words, realtime=False):
        """One visit: the generator's report, with CPU µs per request and per event."""
        port = peer.stream_port if request in ("burst", "paced") else peer.port
        before = peer.process.cpu_ns()
        report = self.load(port, request, *words, realtime=realtime)
        cpu = self.settle(peer.process) - before
        report["cpu_us"] = cpu / 1000 / max(1, report["requests"])
        report["cpu_event_us"] = cpu / 1000 / max(1, report["events"])
        report["per_second"] = report["measured"] * 1000 / report["milliseconds"]
        return report

    def pairs(self, peer, count, request, *words, realtime=False):
        """Slices of nginx and of the peer beside each other, the first of each pair in turn."""
        found = []
        for number in range(count):
            order = [self.nginx, peer] if number % 2 == 0 else [peer, self.nginx]
            pair = {one.name: self.slice(one, request, *words, realtime=realtime) for one in order}
            found.append((pair["nginx"], pair[peer.name]))
        return found

    @contextlib.contextmanager
    def realtime(self):
        """So that other work on the machine cannot preempt what is timed; where that is allowed."""
        try:
            for process in peers.opened:
                process.set_realtime(True)
        except PermissionError:
            self.can_realtime = False
        yield self.can_realtime
        for process in peers.opened if self.can_realtime else []:
            process.set_realtime(False)

    # --- suites ----------------------------------------------------------------------------------

    def saturation(self, request, count):
        rows = {}
        closed = ("--connections", CONNECTIONS, "--milliseconds", SLICE_MS, "--warm", 50)
        for peer in self.others:
            found = self.pairs(peer, count, request, *closed)
            rows[peer.name] = summary(found, "cpu_us")
            rows.setdefault("nginx", {"cpu_us": [], "per_second": []})
            rows["nginx"]["cpu_us"] += [base["cpu_us"] for base, _ in found]
            rows["nginx"]["per_second"] += [base["per_second"] for base, _ in found]
            say(f"  {request}: {peer.name} {rows[peer.name]['cpu_us']:.1f} us/request, "
                f"{ratio_text(rows[peer.name])} x nginx, {rows[peer.name]['per_second']:,.0f} requests/s")
        rows["nginx"] = {name: statistics.median(values) for name, values in rows["nginx"].items()}
        direct = [self.load(self.upstream_port, request, *closed) for _ in range(3)]
        rows["direct"] = {"per_second": statistics.median(
            one["measured"] * 1000 / one["milliseconds"] for one in direct)}
        return rows

    def latency(self, visits):
        words = ("--connections", CONNECTIONS, "--milliseconds", 900, "--warm", 100, "--rate", RATE)
        found = {}
        with self.realtime() as realtime:
            for _ in range(visits):
                direct = self.load(self.upstream_port, "unary", *words, realtime=realtime)
                found.setdefault("direct", []).append((direct["latency_p50_us"], direct["latency_p99_us"], 0))
                for peer in [self.nginx, *self.others]:
                    one = self.slice(peer, "unary", *words, realtime=realtime)
                    found.setdefault(peer.name, []).append((one["latency_p50_us"] - direct["latency_p50_us"],
                                                            one["latency_p99_us"] - direct["latency_p99_us"],
                                                            one["cpu_us"]))
        rows = {name: [statistics.median(column) for column in zip(*visits)] for name, visits in found.items()}
        for name, (p50, p99, cpu) in rows.items():
            say(f"  latency at {RATE}/s: {name} {'' if name == 'direct' else '+'}p50 {p50:.0f} us, p99 {p99:.0f} us, "
                f"{cpu:.0f} us CPU/request")
        return rows

    def burst(self, count):
        rows = {}
        for peer in self.others:
            found = self.pairs(peer, count, "burst", "--connections", 16, "--milliseconds", SLICE_MS, "--warm", 50)
            rows[peer.name] = summary(found, "cpu_event_us")
            rows.setdefault("nginx", {"cpu_event_us": statistics.median(base["cpu_event_us"] for base, _ in found)})
            say(f"  burst: {peer.name} {rows[peer.name]['cpu_event_us']:.2f} us/event, "
                f"{ratio_text(rows[peer.name])} x nginx")
        return rows

    def paced(self, count):
        rows = {}
        with self.realtime() as realtime:
            # A start every 5 ms, so that the streams' events do not come in step.
            words = ("--connections", 256, "--milliseconds", 2600, "--rate", 195)
            direct = [self.load(self.upstream_port, "paced", *words, realtime=realtime) for _ in range(2)]
            base_p50 = statistics.median(one["event_p50_us"] for one in direct)
            base_p99 = statistics.median(one["event_p99_us"] for one in direct)
            for peer in self.others:
                found = self.pairs(peer, count, "paced", *words, realtime=realtime)
                for name, side in (("nginx", 0), (peer.name, 1)):
                    rows[name] = {"cpu_event_us": statistics.median(pair[side]["cpu_event_us"] for pair in found),
                                  "p50": statistics.median(pair[side]["event_p50_us"] for pair in found) - base_p50,
                                  "p99": statistics.median(pair[side]["event_p99_us"] for pair in found) - base_p99}
                rows[peer.name].update(quartiles(found, "cpu_event_us"))
                say(f"  paced: {peer.name} {rows[peer.name]['cpu_event_us']:.1f} us/event, {ratio_text(rows[peer.name])} "
                    f"x nginx, delay +p50 {rows[peer.name]['p50']:.0f} us, +p99 {rows[peer.name]['p99']:.0f} us")
        return rows

    def memory(self):
        """Resident KiB per idle keep-alive connection: the slope from 1,000 to 4,000."""
        rows = {}
        for peer in [self.nginx, *self.others]:
            sizes = []
            at_start = peer.process.rss_kib()
            # Rings and pools that every request passes through are not the connections'.
            self.load(peer.port, "unary", "--connections", CONNECTIONS, "--milliseconds", 700)
            for count in (1000, 4000):
                holder = subprocess.Popen(self.load_command(peer.port, "unary", "--connections", count, "--hold"),
                                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                if holder.stdout.readline().strip() != "ready 0":
                    raise SystemExit(f"bench: {peer.name} does not hold {count} connections")
                self.settle(peer.process)
                sizes.append(peer.process.rss_kib())
                holder.communicate("", timeout=20)
            rows[peer.name] = {"start_mib": at_start / 1024, "slope_kib": (sizes[1] - sizes[0]) / 3000}
            say(f"  memory: {peer.name} {rows[peer.name]['slope_kib']:.2f} KiB per idle connection, "
                f"{at_start / 1024:.1f} MiB before")
        return rows


# --- figures --------------------------------------------------------------------------------------


def quartiles(found, figure):
    quotients = sorted(peer[figure] / base[figure] for base, peer in found)
    return {"ratio": statistics.median(quotients), "n": len(quotients),
            "low": quotients[len(quotients) // 4], "high": quotients[-1 - len(quotients) // 4]}


def summary(found, figure):
    return {figure: statistics.median(peer[figure] for _, peer in found),
            "per_second": statistics.median(peer["per_second"] for _, peer in found), **quartiles(found, figure)}


def ratio_text(row):
    return f"{row['ratio']:.2f} [{row['low']:.2f}..{row['high']:.2f}]" if "ratio" in row else "1"


def version_of(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    text = (done.stdout + done.stderr).split("\n")[0]
    return next((word.split("/")[-1] for word in text.split() if any(c.isdigit() for c in word)), "?")


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    memory = int(next(line.split()[1] for line in open("/proc/meminfo"))) // 1048576
    return (f"{len(os.sched_getaffinity(0))} cores ({model}), {memory + 1} GiB, Linux "
            f"{'.'.join(platform.release().split('.')[:2])}, loopback; nginx {version_of('nginx', '-v')}, HAProxy "
            f"{version_of('haproxy', '-v')}, tollgate {version_of(str(BUILD / 'tollgate'), '--version')}")


def table(titles, rows):
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


NAMES = {"direct": "direct", "nginx": "nginx, plain proxy", "haproxy": "HAProxy, RS256 verified",
         "tollgate": "**tollgate, everything on**"}


def figure(row, name, form):
    return form.format(row[name]) if row and name in row else "-"


def unary_table(found):
    rows = []
    for name in ("direct", "nginx", "haproxy", "tollgate"):
        unary, body = found.get("unary", {}).get(name, {}), found.get("body", {}).get(name, {})
        late = found.get("latency", {}).get(name)
        memory = found.get("memory", {}).get(name, {})
        rows.append([NAMES[name], figure(unary, "cpu_us", "{:.1f}"), ratio_text(unary) if "cpu_us" in unary else "-",
                     figure(unary, "per_second", "{:,.0f}"), figure(body, "cpu_us", "{:.1f}"),
                     ratio_text(body) if "cpu_us" in body else "-",
                     "-" if not late else f"{late[0]:.0f}" + (" (whole)" if name == "direct" else ""),
                     "-" if not late else f"{late[1]:.0f}" + (" (whole)" if name == "direct" else ""),
                     figure(memory, "slope_kib", "{:.2f}")])
    return table(["1 KB chat call", "CPU us/request", "x nginx", "requests/s", "32 KB: CPU us", "x nginx",
                  f"+p50 us at {RATE}/s", f"+p99 us at {RATE}/s", "KiB per idle connection"], rows)


def stream_table(found):
    rows = []
    for name in ("nginx", "haproxy", "tollgate"):
        burst, paced = found.get("burst", {}).get(name, {}), found.get("paced", {}).get(name, {})
        rows.append([NAMES[name], figure(burst, "cpu_event_us", "{:.2f}"), ratio_text(burst) if burst else "-",
                     figure(paced, "cpu_event_us", "{:.1f}"), ratio_text(paced) if paced else "-",
                     figure(paced, "p50", "{:.0f}"), figure(paced, "p99", "{:.0f}")])
    return table(["stream of 66 events", "burst: CPU us/event", "x nginx", "256 paced: CPU us/event", "x nginx",
                  "+p50 us per event", "+p99 us per event"], rows)


def document(found, command, can_realtime):
    return f"""# Side by side

`{command}`, {time.strftime('%Y-%m-%d')}. {machine()}.
The proxy on one core with all its threads, generator and upstream on the other; keep-alive, {CONNECTIONS} connections, no TLS. A
ratio is the median of the quotients of neighbouring slices of {SLICE_MS} ms, with quartiles; differences under 10 % are noise.
Latency and paced streams {'under SCHED_RR' if can_realtime else 'under the normal scheduler'}. Neither nginx nor HAProxy decides by policy, meters or keeps a journal here.

{unary_table(found)}
{stream_table(found)}
tollgate: RS256 token (cached by its hash), {peers.POLICY_COUNT} Cedar policies with the gateway schema, usage and price book, journal
strict (a call is forwarded after its record is on disk, and ends after its settlement is), ledger on SQLite. CPU is that of the
whole process: worker, journal and ledger threads, until they are idle again.
"""


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="nginx and tollgate alone, unary and latency, under a minute")
    parser.add_argument("--suite", action="append", choices=SUITES, help="only these; may be given more than once")
    parser.add_argument("--pairs", type=int, default=0, help="slices per proxy (default 12, 8 with --quick)")
    parser.add_argument("--write", action="store_true", help="write bench/results/side-by-side.md")
    options = parser.parse_args()
    suites = options.suite or (["unary", "latency"] if options.quick else SUITES)
    count = options.pairs or (8 if options.quick else 12)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found = {}
    try:
        bench = Bench(options)
        # Memory first: what earlier load left behind would hide the slope.
        for suite, ask in (("memory", bench.memory),
                           ("unary", lambda: bench.saturation("unary", count)),
                           ("body", lambda: bench.saturation("body", max(2, count * 2 // 3))),
                           ("latency", lambda: bench.latency(max(2, count // 2))),
                           ("burst", lambda: bench.burst(max(2, count // 2))),
                           ("paced", lambda: bench.paced(max(2, count // 3)))):
            if suite in suites:
                found[suite] = ask()
    finally:
        peers.close_all()
    if not options.quick:
        text = document(found, " ".join(["./dev bench", *sys.argv[1:]]), bench.can_realtime)
        say("\n" + text)
        if options.write:
            path = TOP / "bench/results/side-by-side.md"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    if "unary" in found and "latency" in found:
        say(f"cpu_ratio_to_nginx={found['unary']['tollgate']['ratio']:.2f} "
            f"p99_added_us={found['latency']['tollgate'][1]:.0f}")


if __name__ == "__main__":
    main()
