# SPDX-License-Identifier: Apache-2.0
"""The demo is a program that people run: it ends by itself, says what it should, leaves nothing behind."""

import os
import re
import signal
import subprocess
import urllib.request
from pathlib import Path

import pytest

from harness import BUILD, SANITIZER_ENV, TOP, Program, wait_for

DEMO = TOP / "tests" / "demo" / "demo.py"
LAST_LINE = re.compile(r"^demo: ledger == bill, (\d+) calls, difference 0$")
RUNS = TOP / "build" / "demo"


def programs_of(mark):
    """What runs with the mark in its environment, which children inherit."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if f"DEMO_TEST={mark}".encode() in environment.split(b"\0"):
            found.append(f"{entry.name}: {command!r}")
    return found


@pytest.fixture
def demo(request):
    """demo(*options) -> a started demo; nothing that it started may be there in the end."""
    mark = f"{os.getpid()}-{request.node.name}"
    before = set(RUNS.glob("run-*"))
    started = []

    def start(*options):
        started.append(Program(["/usr/bin/python3", DEMO, *options], TOP,
                               {"TOLLGATE_BUILD": str(BUILD), "DEMO_TEST": mark, "PYTHONUNBUFFERED": "1", **SANITIZER_ENV}))
        return started[-1]

    yield start
    for program in started:
        program.stop(signal.SIGKILL)
    left = wait_for(lambda: not programs_of(mark)) or programs_of(mark)
    assert left is True, left
    for folder in set(RUNS.glob("run-*")) - before:
        subprocess.run(["rm", "-rf", folder], check=True)


def test_demo__tells_its_story_and_ends(demo):
    """`./dev demo`: exit status 0, the last line says that ledger and bill are equal, under a minute."""
    program = demo()
    assert program.wait(60) == 0, program.log()
    lines = program.log().splitlines()
    assert LAST_LINE.match(lines[-1]), lines[-1]
    assert "\033" not in program.log()
    for promised in ("ai-act-high-risk", "High-risk use needs human oversight", "retail", "tollgate audit tail", "settle"):
        assert promised in program.log(), promised


def test_demo__stays_until_it_is_ended(demo):
    """`./dev demo --stay`: the printed address and key work, Ctrl-C ends it, the pasted call is counted."""
    program = demo("--stay")
    program.wait_log(r"^To stop", 60)
    url = program.wait_log(r"base URL\s+(\S+)").group(1)
    key = program.wait_log(r"key\s+(tg_\S{43})\b").group(1)
    request = urllib.request.Request(f"{url}/chat/completions", b'{"model":"gpt-x","messages":[{"role":"user","content":"hi"}]}',
                                     {"authorization": f"Bearer {key}", "content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200 and b'"usage"' in answer.read()
    program.send_signal(signal.SIGINT)
    assert program.wait() == 0, program.log()
    log = program.log()
    calls = [int(count) for count in re.findall(r"^   calls +(\d+) +(?:\d+) +0$", log, re.M)]
    assert len(calls) == 2 and calls[1] == calls[0] + 1, log
    assert int(LAST_LINE.match(log.splitlines()[-1]).group(1)) == calls[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_demo__leaves_nothing_running_when_ended_early(demo, number):
    """Ended in the middle of the story, even by SIGKILL, it takes its programs with it (checked by the fixture)."""
    program = demo()
    program.wait_log(r"the gateway listens on", 60)
    program.send_signal(number)
    assert program.wait() == (-number if number == signal.SIGKILL else 128 + number), program.log()


def test_demo__says_what_went_wrong(demo, tmp_path):
    """Without its programs it fails with one clear line and exit status 1."""
    done = subprocess.run(["/usr/bin/python3", DEMO], cwd=TOP, env={**os.environ, "TOLLGATE_BUILD": str(tmp_path)},
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1 and "./dev build" in done.stdout and "Traceback" not in done.stderr, done
