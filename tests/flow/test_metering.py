# SPDX-License-Identifier: Apache-2.0
"""The gateway counts right: the ledger is the upstream's own bill, to the pico."""

import pytest

from harness import RATES_MICRO, report, request_bytes, wait_for
from setup_gateway import MODELS, caller_key, chat_body, infer_body, messages_body

ANA = caller_key("ana")
BOB = caller_key("bob")
CHAT_PATH = "/v1/chat/completions"

LONG = "word " * 200

EVERY_DIALECT = [
    ("chat", CHAT_PATH, chat_body("chat", LONG, max_tokens=200)),
    ("chat", CHAT_PATH, chat_body("chat", LONG, n=3)),
    ("chat", CHAT_PATH, chat_body("chat", LONG, stream=True)),
    ("chat", CHAT_PATH, chat_body("chat", LONG, stream=True, stream_options={"include_usage": True})),
    ("cached", CHAT_PATH, chat_body("cached", LONG)),
    ("chunked", CHAT_PATH, chat_body("chunked", LONG)),
    ("drip", CHAT_PATH, chat_body("drip", "short", stream=True)),
    ("chat", "/v1/completions", {"model": "chat", "prompt": LONG, "max_tokens": 30}),
    ("chat", "/v1/completions", {"model": "chat", "prompt": LONG, "max_tokens": 30, "stream": True}),
    ("chat", "/v1/responses", {"model": "chat", "input": LONG}),
    ("chat", "/v1/responses", {"model": "chat", "input": LONG, "stream": True}),
    ("cached", "/v1/responses", {"model": "cached", "input": LONG, "stream": True}),
    ("embed", "/v1/embeddings", {"model": "embed", "input": [LONG, "b"]}),
    ("claude", "/v1/messages", messages_body("claude", LONG)),
    ("claude", "/v1/messages", messages_body("claude", LONG, stream=True)),
    ("claude-searches", "/v1/messages", messages_body("claude-searches", LONG)),
    ("claude-searches", "/v1/messages", messages_body("claude-searches", LONG, stream=True)),
    ("claude", "/v1/messages/count_tokens", {"model": "claude", "messages": []}),
    ("iris", "/v2/models/iris/infer", infer_body(5)),
    ("iris", "/v2/models/iris/versions/1/infer", infer_body(2)),
    ("wine", "/endpoints/wine/invocations", {"dataframe_split": {"columns": ["a"], "data": [[1], [2], [3]]}}),
]


def settled(gateway, count):
    """The settle records, once there are so many."""
    wait_for(lambda: len(gateway.records("settle")) >= count)
    return gateway.records("settle")


def journal_sums(gateway):
    """Pico and quantities by served model from the settle records alone."""
    sums, pico = {}, 0
    for row in gateway.records("settle"):
        for line in row["data"]["lines"]:
            model = sums.setdefault(row["data"]["model"], {})
            model[line["meter"]] = model.get(line["meter"], 0) + line["quantity"]
            assert line["pico"] == line["quantity"] * line["rate_micro"]
        assert sum(line["pico"] for line in row["data"]["lines"]) == row["data"]["cost_pico"]
        pico += row["data"]["cost_pico"]
    return sums, pico


def bill_sums(bill):
    """The bill by the names that clients use."""
    names = {upstream_model: name for name, (upstream_model, _, _) in MODELS.items()}
    return {names[line["model"]]: line["meters"] for line in bill["lines"] if line["meters"]}


def without_zeros(sums):
    return {model: {meter: count for meter, count in meters.items() if count} for model, meters in sums.items()}


@pytest.mark.parametrize("model, path, body", EVERY_DIALECT, ids=lambda value: value if isinstance(value, str) else "")
def test_each_dialect_is_counted_as_the_provider_counts(gateway, model_server, model, path, body):
    """One settle record whose quantities and cost are the bill's."""
    answer = gateway.call("POST", path, body, ANA)
    assert answer.status == 200, answer.body
    sums, pico = journal_sums(gateway)
    bill = model_server.bill()
    if path.endswith("count_tokens"):
        assert pico == 0
        return
    assert bill["complete"] == 1
    got, want = without_zeros(sums), bill_sums(bill)
    for meters in (*got.values(), *want.values()):
        meters.pop("requests", None)
    assert got == want
    assert pico == int(bill["cost_pico"])
    row = gateway.records("settle")[0]["data"]
    assert row["usage_source"] == "provider" and row["outcome"] == "complete"
    assert (row["bu"], row["team"], row["project"]) == ("risk", "fraud", "p1")


def test_a_complete_answer_was_settled_before_its_last_byte(gateway):
    """When the client has the whole answer, the record is already on the disk."""
    for index in range(20):
        gateway.call("POST", CHAT_PATH, chat_body("chat", stream=index % 2 == 0), ANA)
        assert len(gateway.records("settle")) == index + 1


def test_an_intent_is_durable_before_the_upstream_sees_a_byte(gateway, upstream):
    """The decision is on the disk when the call arrives upstream."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
    upstream.accept().message()
    intents = gateway.records("intent")
    assert len(intents) == 1
    data = intents[0]["data"]
    assert data["decision"] == "allow" and data["reasons"] == ["allow-callers"] and data["bound_pico"] > 0
    client.close()


def test_the_report_equals_the_bill(gateway, model_server):
    """finance's report by business unit and model sums to the model server's own bill."""
    for key in (ANA, BOB):
        for _, path, body in EVERY_DIALECT:
            assert gateway.call("POST", path, body, key).status == 200
    bill = model_server.bill()
    _, pico = journal_sums(gateway)
    assert pico == int(bill["cost_pico"])
    gateway.stop()
    by_bu = {row["bu"]: row["pico"] for row in report(gateway, "bu")}
    assert by_bu == {"risk": int(bill["cost_pico"]) // 2, "retail": int(bill["cost_pico"]) // 2}


def test_the_model_that_served_is_billed(gateway):
    """The name in the answer decides, not the one in the request."""
    gateway.call("POST", CHAT_PATH, chat_body("served"), ANA)
    assert gateway.records("settle")[0]["data"]["model_served"] == "gpt-y"


def test_an_answer_without_usage_is_estimated_and_says_so(gateway):
    """An estimate is never dressed up as a report, and never free."""
    for stream in (False, True):
        gateway.call("POST", CHAT_PATH, chat_body("nousage", LONG, stream=stream), ANA)
    for row in gateway.records("settle"):
        assert row["data"]["usage_source"] == "estimate" and row["data"]["cost_pico"] > 0


def test_a_block_that_contradicts_itself_is_flagged(gateway):
    """More cached than there was: priced at the base rate, flagged, never clamped."""
    gateway.call("POST", CHAT_PATH, chat_body("inconsistent"), ANA)
    data = gateway.records("settle")[0]["data"]
    assert "usage_inconsistent" in data["flags"]


def abort_in_stream(gateway, model):
    """Reads the first event and goes away."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body(model, LONG, stream=True), ANA))
    client.take_until(b"data: ")
    client.reset()


def test_a_client_that_leaves_is_billed_in_full_when_the_route_drains(gateway, model_server):
    """drain: the gateway reads on to the usage report; the record is the provider's number."""
    abort_in_stream(gateway, "slow")
    rows = settled(gateway, 1)
    data = rows[0]["data"]
    bill = model_server.bill()
    assert data["outcome"] == "aborted" and data["usage_source"] == "provider"
    assert bill["complete"] == 1 and data["cost_pico"] == int(bill["cost_pico"])


def test_a_client_that_leaves_is_billed_by_estimate_when_the_route_cancels(gateway, model_server):
    """cancel: the upstream is closed at once, what was seen is billed and marked."""
    abort_in_stream(gateway, "slow-cancel")
    data = settled(gateway, 1)[0]["data"]
    assert data["outcome"] == "aborted" and data["usage_source"] == "estimate"
    full = 400 * RATES_MICRO["out_text"]
    assert 0 < data["cost_pico"] < full + 10**9
    bill = model_server.bill()
    assert bill["complete"] == 0


def test_an_upstream_that_breaks_in_the_middle_is_settled(gateway):
    """A reset after the head: the client sees a cut body, the record says upstream_error."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("resetbody", LONG), ANA))
    data = client.take_rest()
    assert not data.endswith(b"}")
    row = settled(gateway, 1)[0]["data"]
    assert row["outcome"] == "upstream_error"
    client.close()


def test_many_callers_at_once_are_counted_once_each(gateway, model_server):
    """32 connections, 10 calls each: 320 settles, difference 0."""
    clients = [gateway.connect() for _ in range(32)]
    for round_number in range(10):
        for index, client in enumerate(clients):
            body = chat_body("chat", "x" * (index * 7 + round_number), stream=index % 3 == 0)
            client.send(request_bytes("POST", CHAT_PATH, body, ANA if index % 2 else BOB))
        for client in clients:
            assert client.message().status == 200
    for client in clients:
        client.close()
    _, pico = journal_sums(gateway)
    assert len(gateway.records("settle")) == 320
    assert pico == int(model_server.bill()["cost_pico"])
