# SPDX-License-Identifier: Apache-2.0
"""Runs the suites one after the other and adds up what they report.

usage: tests/suites.py [--coverage] [SUITE...]

Suites: lint unit conformance fuzz flow clients chaos. Each TAP case, pytest case, fuzz smoke and round
of the kill loop counts as one. Prints one row per suite with its time, every skip with its reason, and as the last line
`N passed, N failed, N skipped`. Exits 1 when something failed or a suite could not run, and 2
on wrong use. What each suite said is kept in build/log/SUITE.log.
"""

import argparse
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
LOG = TOP / "build" / "log"
PYTHON = "/usr/bin/python3"
SMOKE_SECONDS = 20
SMOKES_TOTAL_SECONDS = 150
FLOW_SECONDS = 480  # the first run installs a model server
CHAOS_ROUNDS = "30"
CHAOS_SECONDS = 300
JOBS = str(min(os.cpu_count() or 2, 4))

TAP_LINE = re.compile(r"^(not ok|ok)\b(?:\s+\d+)?\s*(?:-\s*)?(.*?)\s*(?:#\s*(SKIP)\b\s*(.*))?$", re.I)
TAP_SKIP_NOTES = re.compile(r"^#\s*SKIP\b[:\s]*(.+)$", re.M)
TAP_SKIP_NOTE = re.compile(r"^#\s*SKIP\b[:\s]*(.+)$", re.I)


class Tally:
    """What one suite came to."""

    def __init__(self):
        self.passed = 0
        self.failures = []
        self.skips = []
        self.skipped = 0

    def fail(self, name):
        self.failures.append(name)

    def skip(self, name, reason, count=1):
        self.skipped += count
        self.skips.append(f"{name}: {reason}" if reason else name)

    def add_tap(self, program, text):
        """Counts the cases of one program's TAP; its `# SKIP` notes are the reasons."""
        notes = []
        failed = 0
        room = 0
        for line in text.splitlines():
            if room and line.startswith("#"):
                self.failures[-1] += "\n      " + line[1:].strip()
                room -= 1
                continue
            room = 0
            note = TAP_SKIP_NOTE.match(line)
            case = TAP_LINE.match(line)
            if note:
                notes.append(note.group(1))
            elif case and case.group(3) and case.group(3).upper() == "SKIP":
                name = case.group(2) or case.group(4)
                reason = case.group(4) if case.group(2) else ""
                self.skip(f"{program}/{name}", notes.pop() if notes else reason)
            elif case and case.group(1).lower() == "ok":
                self.passed += 1
            elif case:
                failed += 1
                room = 10
                self.fail(f"{program}/{case.group(2)}")
        for note in notes:
            self.skips.append(f"{program}: {note}")
        return failed


def run(name, command, seconds, env=None, append=False):
    """Runs a command in its own process group, its output into build/log/NAME.log.

    Returns the exit status, or None when it had to be stopped after `seconds`."""
    path = LOG / f"{name}.log"
    with open(path, "ab" if append else "wb") as log:
        log.write(("$ " + " ".join(str(part) for part in command) + "\n").encode())
        log.flush()
        process = subprocess.Popen(
            [str(part) for part in command], cwd=TOP, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}, start_new_session=True)
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            log.write(f"\nstopped after {seconds} s\n".encode())
            return None


def tail(name, lines=40):
    text = (LOG / f"{name}.log").read_text(errors="replace").splitlines()
    return "\n".join("    " + line for line in text[-lines:])


def build(name, folder, compiler, options):
    """Sets build/FOLDER up where it is new, and compiles all of it."""
    log = f"build-{name}"
    (LOG / f"{log}.log").unlink(missing_ok=True)
    where = TOP / "build" / folder
    if not (where / "build.ninja").exists():
        status = run(log, ["meson", "setup", *(["--wipe"] if where.exists() else []), where, *options],
                     300, {"CC": compiler}, append=True)
        if status != 0:
            return False
    return run(log, ["ninja", "-C", where, "-j", JOBS, "--quiet"], 900, append=True) == 0


def meson_suite(tally, folder, suite, seconds, log=None):
    """Runs a meson suite; its cases are counted from the TAP that meson keeps."""
    where = TOP / "build" / folder
    base = f"suite-{suite}"
    record = where / "meson-logs" / f"{base}.json"
    record.unlink(missing_ok=True)
    # Reports of the sanitizers end the program; leaks count.
    env = {"ASAN_OPTIONS": "abort_on_error=0:detect_leaks=1:strict_string_checks=1",
           "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
    status = run(log or suite, ["meson", "test", "-C", where, "--no-rebuild", "--suite", suite, "--logbase",
                                base, "--num-processes", JOBS, "--timeout-multiplier", "3", "--print-errorlogs"],
                 seconds, env, append=log is not None)
    if status is None:
        tally.fail(f"{suite}: stopped after {seconds} s")
    if not record.exists():
        if status not in (0, None):
            tally.fail(f"{suite}: meson test could not run, see build/log/{log or suite}.log")
        return
    for line in record.read_text().splitlines():
        test = json.loads(line)
        name = test["name"].split(" / ")[-1]
        output = test.get("stdout", "")
        failed = tally.add_tap(name, output)
        good = test["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
        if not good and not failed:
            tally.fail(f"{name}: {test['result'].lower()}, exit status {test.get('returncode')}")
        if good and not TAP_LINE.search(output) and not re.search(r"^(not )?ok\b", output, re.M):
            if test["result"] == "SKIP":
                tally.skip(name, "")
            elif not re.search(r"^1\.\.0", output, re.M):
                tally.passed += 1


def suite_lint(tally, options):
    meson_suite(tally, options.folder, "lint", 300)


def suite_unit(tally, options):
    meson_suite(tally, options.folder, "unit", 240)


def suite_conformance(tally, options):
    meson_suite(tally, options.folder, "conformance", 240)


def smoke(target, seconds, results):
    """One fuzz target for a few seconds; new inputs stay in build/, never in the corpus."""
    seeds = TOP / "tests" / "fuzz" / "corpus" / target.name.removeprefix("fuzz_")
    grown = TOP / "build" / "fuzz" / "grown" / target.name
    grown.mkdir(parents=True, exist_ok=True)
    command = [target, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0",
               "-print_final_stats=1", f"-artifact_prefix={LOG}/{target.name}-", grown]
    if seeds.is_dir():
        command.append(seeds)
    results[target.name] = run(f"smoke-{target.name}", command, seconds * 3 + 30)


def suite_fuzz(tally, options):
    (LOG / "fuzz.log").unlink(missing_ok=True)
    meson_suite(tally, options.folder, "replay", 180, log="fuzz")
    if not build("fuzz", "fuzz", "clang-14", ["-Dflavour=fuzz", "-Dtests=false"]):
        tally.fail("the fuzz targets do not build:\n" + tail("build-fuzz"))
        return
    targets = sorted(path for path in (TOP / "build" / "fuzz" / "tests" / "fuzz").glob("fuzz_*")
                     if path.is_file() and os.access(path, os.X_OK))
    if not targets:
        return
    seconds = max(5, min(SMOKE_SECONDS, SMOKES_TOTAL_SECONDS * 2 // len(targets)))
    results, waiting, lock = {}, list(targets), threading.Lock()

    def work():
        while True:
            with lock:
                if not waiting:
                    return
                target = waiting.pop(0)
            smoke(target, seconds, results)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for name, status in sorted(results.items()):
        if status == 0:
            tally.passed += 1
        else:
            tally.fail(f"{name}: exit status {status}, see build/log/smoke-{name}.log")


def suite_flow(tally, options):
    report = LOG / "flow.xml"
    report.unlink(missing_ok=True)
    # Flows wait more than they work: two at a time, each file's in one process.
    status = run("flow", [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--durations=5", "-rs", "-n", "2",
                          "--dist", "loadfile", f"--junitxml={report}", "tests/flow"], FLOW_SECONDS,
                 {"TOLLGATE_BUILD": str(TOP / "build" / options.folder), "PYTHONDONTWRITEBYTECODE": "1"})
    if status is None:
        tally.fail(f"flow: stopped after {FLOW_SECONDS} s")
    if not report.exists():
        if status not in (0, 5, None):
            tally.fail("flow: pytest could not run:\n" + tail("flow"))
        return
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname', '').split('.')[-1]}::{case.get('name')}"
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            tally.fail(name)
        elif skipped is not None:
            tally.skip(name, skipped.get("message", ""))
        else:
            tally.passed += 1


def suite_clients(tally, options):
    status = run("clients", [PYTHON, "tests/clients/run.py"], 240,
                 {"TOLLGATE_BUILD": str(TOP / "build" / options.folder), "PYTHONDONTWRITEBYTECODE": "1"})
    failed = tally.add_tap("clients", (LOG / "clients.log").read_text(errors="replace"))
    if status != 0 and not failed:
        tally.fail(f"clients: exit status {status}:\n" + tail("clients"))


def suite_chaos(tally, options):
    """Thirty rounds of the kill loop, on the optimised build: that one takes a preloaded clock."""
    if not build("release", "release", "gcc", ["-Dflavour=release"]):
        tally.fail("the release build does not build:\n" + tail("build-release"))
        return
    status = run("chaos", [PYTHON, "tests/chaos/loop.py", "--rounds", CHAOS_ROUNDS], CHAOS_SECONDS,
                 {"TOLLGATE_BUILD": str(TOP / "build" / "release"), "PYTHONDONTWRITEBYTECODE": "1"})
    text = (LOG / "chaos.log").read_text(errors="replace")
    for note in TAP_SKIP_NOTES.findall(text):
        tally.skip("chaos", note)
    done = re.search(r"^rounds (\d+), difference", text, re.M)
    tally.passed += int(done.group(1)) if done else 0
    if status != 0:
        tally.fail(f"chaos: {'stopped' if status is None else f'exit status {status}'}:\n" + tail("chaos"))


SUITES = {"lint": suite_lint, "unit": suite_unit, "conformance": suite_conformance, "fuzz": suite_fuzz,
          "flow": suite_flow, "clients": suite_clients, "chaos": suite_chaos}


def coverage():
    """Lines reached, by folder, from the counters that every program of the coverage build left."""
    where = TOP / "build" / "coverage"
    programs = [path for path in (where / "tests" / "unit").rglob("test_*") if path.is_file() and os.access(path, os.X_OK)]
    programs += [where / "tollgate"]
    merged = where / "merged.profdata"
    raw = sorted(map(str, (where / "counters").glob("*.profraw")))
    subprocess.run(["llvm-profdata-14", "merge", "--sparse", "--failure-mode=all", "-o", merged, *raw], check=True)
    objects = [word for path in programs for word in ("--object", str(path))]
    done = subprocess.run(["llvm-cov-14", "export", "--summary-only", f"--instr-profile={merged}", *objects[1:]], check=True,
                          capture_output=True, text=True)
    folders = {}
    for row in json.loads(done.stdout)["data"][0]["files"]:
        path = os.path.relpath(row["filename"], TOP)
        if path.endswith(".c") and not path.startswith(("..", "tests")):
            total = folders.setdefault(os.path.dirname(path), [0, 0])
            total[0] += row["summary"]["lines"]["covered"]
            total[1] += row["summary"]["lines"]["count"]
    print("\nlines reached:")
    for folder, (hit, total) in sorted(folders.items()):
        print(f"  {folder:<24} {hit:>6} of {total:>6}  {100 * hit // max(total, 1):>3} %")


def report(name, tally, seconds):
    print(f"{name:<14} {tally.passed:>6} passed {len(tally.failures):>4} failed {tally.skipped:>4} skipped"
          f" {seconds:>7.1f} s", flush=True)
    for failure in tally.failures:
        print(f"  FAILED {name}: {failure}", flush=True)
    for skip in tally.skips:
        print(f"  skip {name}: {skip}", flush=True)
    if tally.failures:
        print(f"  see build/log/{name}.log", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--coverage", action="store_true")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    options = parser.parse_args()
    unknown = [name for name in options.suites if name not in SUITES]
    if unknown:
        parser.error(f"no suite '{unknown[0]}'; there are: {' '.join(SUITES)}")
    LOG.mkdir(parents=True, exist_ok=True)
    options.folder = "coverage" if options.coverage else "debug"
    wanted = [name for name in SUITES if not options.suites or name in options.suites]

    begin = time.monotonic()
    total = Tally()
    if options.coverage:
        counters = TOP / "build" / "coverage" / "counters"
        shutil.rmtree(counters, ignore_errors=True)
        os.environ["LLVM_PROFILE_FILE"] = f"{counters}/%4m.profraw"
        builds = [("coverage", "coverage", "clang-14", ["-Dflavour=debug", "-Dcoverage=true"])]
    else:
        builds = [("gcc", "debug", "gcc", ["-Dflavour=debug"])]
    if not options.suites:
        builds.append(("clang", "clang", "clang-14", ["-Dflavour=debug"]))
        # Optimised, the compiler sees more; and demo and benchmarks use this flavour.
        builds.append(("release", "release", "gcc", ["-Dflavour=release"]))
    built = True
    for name, folder, compiler, arguments in builds:
        start = time.monotonic()
        good = build(name, folder, compiler, arguments)
        print(f"build {name:<8} {'done' if good else 'FAILED':<38} {time.monotonic() - start:>9.1f} s", flush=True)
        if not good:
            total.fail(f"build {name}")
            print(tail(f"build-{name}"), flush=True)
            built = built and folder != options.folder
    for name in wanted if built else []:
        start = time.monotonic()
        tally = Tally()
        try:
            SUITES[name](tally, options)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            tally.fail(f"could not run: {error}")
        report(name, tally, time.monotonic() - start)
        total.passed += tally.passed
        total.failures += tally.failures
        total.skipped += tally.skipped
    if options.coverage:
        coverage()
    print(f"{'whole run':<53} {time.monotonic() - begin:>9.1f} s")
    print(f"{total.passed} passed, {len(total.failures)} failed, {total.skipped} skipped")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
