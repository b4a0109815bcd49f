# SPDX-License-Identifier: Apache-2.0
"""The gateway remembers right: through kill -9, a killed Redis and a full disk."""

import os
import random
import shutil
import subprocess
import threading

import pytest

from harness import read_journal, report, request_bytes, run_tollgate, wait_for
from setup_gateway import caller_key, chat_body
from test_metering import journal_sums

ANA = caller_key("ana")
CHAT_PATH = "/v1/chat/completions"


def test_an_open_call_is_settled_once_as_estimated_after_kill_9(gateway, upstream):
    """Every open INTENT gets exactly one SETTLE at the next start, and no second one at the start after."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
    upstream.accept().message()
    gateway.kill()
    client.close()
    assert len(gateway.records("intent")) == 1 and gateway.records("settle") == []
    for _ in range(2):
        gateway.start()
        rows = gateway.records("settle")
        assert len(rows) == 1
        assert rows[0]["data"]["outcome"] == "recovered" and rows[0]["data"]["usage_source"] == "estimate"
        assert rows[0]["data"]["cost_pico"] > 0
        gateway.kill()


def callers(gateway, stop, results, seed):
    """Calls until told to stop or cut off; notes the trace id of each answer that was seen whole."""
    random_ids = random.Random(seed)
    while not stop.is_set():
        trace = f"{random_ids.getrandbits(128):032x}"
        try:
            answer = gateway.call("POST", CHAT_PATH, chat_body("chat", "x" * random_ids.randrange(300),
                                                               stream=random_ids.random() < 0.5), ANA,
                                  headers=[("traceparent", f"00-{trace}-00f067aa0ba902b7-01")])
        except (OSError, EOFError, AssertionError, ValueError, IndexError):
            return
        if answer.status == 200:
            results.append(trace)


def test_kill_9_under_load_loses_no_answer_that_a_client_saw(gateway, model_server):
    """Five rounds of kill -9: each whole answer has one settle with the bill's cost; each intent one settle."""
    seen = []
    for round_number in range(5):
        stop = threading.Event()
        threads = [threading.Thread(target=callers, args=(gateway, stop, seen, round_number * 100 + index))
                   for index in range(8)]
        for thread in threads:
            thread.start()
        target = len(seen) + 40
        while len(seen) < target:
            gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA)
        gateway.kill()
        stop.set()
        for thread in threads:
            thread.join()
        gateway.start()
    records = read_journal(gateway.state)
    intents = [row["id"].removesuffix(".intent") for kind, row in records if kind == "intent"]
    settles = {}
    for kind, row in records:
        if kind == "settle":
            settles.setdefault(row["id"].removesuffix(".settle"), []).append(row)
    assert sorted(settles) == sorted(intents) and all(len(rows) == 1 for rows in settles.values())
    trace_of = {row["id"].removesuffix(".intent"): row["traceparent"].split("-")[1]
                for kind, row in records if kind == "intent"}
    by_trace = {trace_of[name]: rows[0]["data"] for name, rows in settles.items()}
    missing = [trace for trace in seen if by_trace.get(trace, {}).get("outcome") != "complete"]
    assert missing == []
    # Per call, by trace: a complete settle is the server's own count.
    served = {call["trace"].split("-")[1]: call["meters"] for call in model_server.calls() if call["trace"]}
    for trace in seen:
        lines = {line["meter"]: line["quantity"] for line in by_trace[trace]["lines"] if line["quantity"]}
        lines.pop("requests", None)
        assert lines == served[trace]
    gateway.stop()
    _, pico = journal_sums(gateway)
    assert sum(row["pico"] for row in report(gateway)) == pico


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MB of our own."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], capture_output=True, text=True,
                          check=False)
    if done.returncode:
        pytest.skip(f"mounting a small file system is not allowed here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=False)


def test_a_full_disk_is_503_before_forwarding(make_gateway, small_disk, model_server):
    """New calls are refused when they can no longer be remembered, and taken again when there is room."""
    gateway = make_gateway(lambda config: config.update(journal={"segment": "256KiB"}), folder=small_disk / "gateway")
    ballast = small_disk / "ballast"
    with open(ballast, "wb") as file:
        try:
            while True:
                file.write(b"\0" * 65536)
                file.flush()
        except OSError:
            pass
    calls = 0
    status = 200
    client = gateway.connect()
    padding = "p" * 200
    while status == 200 and calls < 60000:
        # Pipelined, so that the segment is used up soon.
        client.send(b"".join(request_bytes("POST", CHAT_PATH, chat_body("chat", padding), ANA) for _ in range(50)))
        for _ in range(50):
            answer = client.message()
            if status == 200:
                status = answer.status
            calls += answer.status == 200
    assert status == 503, f"{calls} calls, {status}"
    bill = model_server.bill()
    assert bill["calls"] == bill["complete"] == calls
    ballast.unlink()
    assert wait_for(lambda: gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA).status == 200)
    gateway.stop()
    _, pico = journal_sums(gateway)
    assert pico == int(model_server.bill()["cost_pico"])
    shutil.rmtree(gateway.folder)


def test_the_ledger_in_redis_equals_the_bill_through_kill_9_of_redis(make_gateway, model_server, redis):
    """Redis dies in the middle of a run: serving goes on, and afterwards every call is in the ledger."""
    def use_redis(config):
        config["ledger"] = {"store": "redis", "redis": {"url": redis.url}}
    gateway = make_gateway(use_redis)
    for index in range(100):
        if index == 30:
            redis.kill()
        if index == 70:
            redis.start()
        assert gateway.call("POST", CHAT_PATH, chat_body("chat", "x" * index), ANA).status == 200
    gateway.stop()
    gateway.start()
    gateway.stop()
    assert sum(row["pico"] for row in report(gateway, redis=redis)) == int(model_server.bill()["cost_pico"])


def test_a_second_gateway_on_the_same_state_is_refused(gateway, make_gateway):
    """One state folder, one process."""
    second = make_gateway(start=False)
    second.config["gateway"]["state"] = str(gateway.state)
    second.write("tollgate.yaml", second.config)
    status, _, err = run_tollgate("serve", "--config", "tollgate.yaml", folder=second.folder, env=second.env)
    assert status == 3 and "state" in err
