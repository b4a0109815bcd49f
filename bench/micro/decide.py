# SPDX-License-Identifier: Apache-2.0
"""One policy decision beside other engines, in one interleaved run.

usage: bench/micro/decide.py [--rounds N] [--growth N] [--write]    (through ./dev bench policy)

The gateway's twelve policies, alone and among others that do not apply, with the request held against
the schema: by policy_micro, by the official engine's cached API (cedar-wasm) and by node-casbin with
the same rules as expressions. Every round gives each engine and size one slice; what is printed is the
median of the slices' p50 and p99. Then: loading and checking 10,000 policies, and the heap after
--growth decisions (10,000,000). --write puts the tables into bench/results/policy.md.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
PROGRAM = TOP / "build/release/bench/policy_micro"
FOLDER = TOP / "build/bench-policy"
SIZES = [12, 100, 1000, 10000]
OURS = "tollgate"
NAMES = {OURS: "tollgate", "cedar-wasm": "cedar-wasm 4.10.0, cached API", "casbin": "node-casbin 5.51.1"}
# Decisions of one slice: a slice takes about half a second.
COUNTS = {OURS: [200000] * 4, "cedar-wasm": [400, 200, 60, 12], "casbin": [4000, 600, 60, 6]}


def say(text=""):
    print(text, flush=True)


def has_peers():
    """Installs the other engines below build/ as locked; False when they are out of reach."""
    lock = HERE / "package-lock.json"
    done = FOLDER / ".installed"
    if done.exists() and done.read_bytes() == lock.read_bytes():
        return True
    if not shutil.which("npm"):
        return False
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, FOLDER / name)
    if subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=FOLDER, stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL, check=False).returncode:
        return False
    shutil.copy(lock, done)
    return True


class Engine:
    """A process that answers a count of decisions with their times."""

    def __init__(self, name, size):
        if name == OURS:
            command = [PROGRAM, "slices", str(size)]
        else:
            text = FOLDER / f"{size}.cedar"
            schema = FOLDER / "gateway.cedarschema"
            text.write_bytes(subprocess.check_output([PROGRAM, "text", str(size)]))
            schema.write_bytes(subprocess.check_output([PROGRAM, "schema", "1"]))
            command = ["node", HERE / "policy_peer.mjs", name, str(size), FOLDER, text, schema]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.slices = []

    def decide(self, count):
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit("bench: an engine ended early")
        self.slices.append(json.loads(line))

    def end(self):
        self.process.stdin.close()
        self.process.wait()

    def median(self, key):
        return statistics.median(slice[key] for slice in self.slices)


def duration(ns):
    if ns < 10000:
        return f"{ns / 1000:.2f} us"
    return f"{ns / 1000:,.0f} us" if ns < 10e6 else f"{ns / 1e6:,.1f} ms"


def run_rounds(names, rounds):
    engines = {(name, size): Engine(name, size) for size in SIZES for name in names}
    for (name, size), engine in engines.items():
        engine.decide(max(2, COUNTS[name][SIZES.index(size)] // 4))
        engine.slices.clear()
    for number in range(rounds):
        for (name, size), engine in engines.items():
            engine.decide(COUNTS[name][SIZES.index(size)])
        say(f"round {number + 1} of {rounds}")
    for engine in engines.values():
        engine.end()
    return engines


def table(names, engines):
    lines = ["| one decision | " + " | ".join(f"{size:,} policies, p50 / p99" for size in SIZES) + " |",
             "|---|" + "---|" * len(SIZES)]
    for name in names:
        cells = []
        for size in SIZES:
            engine = engines[name, size]
            times = engine.median("p50") / engines[OURS, size].median("p50")
            cells.append(f"{duration(engine.median('p50'))} / {duration(engine.median('p99'))}"
                         + ("" if name == OURS else f" (x {times:,.0f})"))
        lines.append(f"| {NAMES[name]} | " + " | ".join(cells) + " |")
    flat = engines[OURS, 10000].median("p50") / engines[OURS, 12].median("p50")
    lines += ["", f"tollgate at 10,000 policies takes {flat:.2f} x its time at 12."]
    return lines


def closing(growth):
    load = json.loads(subprocess.check_output([PROGRAM, "load", "10000"]))
    grown = json.loads(subprocess.run([PROGRAM, "growth", str(growth)], stdout=subprocess.PIPE, check=False).stdout)
    return [f"10,000 policies: parsed and indexed in {load['parse_ms']:.0f} ms, checked against the schema in "
            f"{load['check_ms']:.0f} ms.",
            f"The heap after {grown['decisions']:,} decisions: {grown['grown_bytes']:+,} bytes."]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--growth", type=int, default=10000000)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    names = list(NAMES) if has_peers() else [OURS]
    if len(names) == 1:
        say("bench: the other engines could not be installed; tollgate alone")
    lines = table(names, run_rounds(names, options.rounds)) + closing(options.growth)
    say()
    say("\n".join(lines))
    if options.write:
        head = ["# One policy decision", "",
                f"`./dev bench policy --rounds {options.rounds} --write`, {os.cpu_count()} cores, "
                f"Linux {platform.release().split('-')[0]}. The gateway's twelve policies, the rest of other groups and models; "
                "the request is held against the schema each time; the two readings of the clock are in the times.", ""]
        (TOP / "bench/results/policy.md").write_text("\n".join(head + lines) + "\n")


if __name__ == "__main__":
    main()
