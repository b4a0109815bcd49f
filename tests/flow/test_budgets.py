# SPDX-License-Identifier: Apache-2.0
"""Budgets do not overspend: what a call may cost at most is held before it is sent, what it did cost
is counted when it is settled, and nothing is held for nobody."""

import base64
import concurrent.futures
import contextlib
import hashlib
import hmac
import http.server
import json
import re
import threading

import pytest

from harness import RATES, pico, request_bytes, wait_for
from setup_gateway import POLICIES, caller_key, chat_body, infer_body, messages_body, prices_document

ANA = caller_key("ana")
BOB = caller_key("bob")
ETL = caller_key("etl")
CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
NANO = 10**9


def money(name, amount, **more):
    return {"name": name, "window": "month", "limit": {"money": amount}, **more}


@pytest.fixture
def make_budgeted(make_gateway):
    def make(*budgets, change=None, policies=None, prices=None, env=None, **file):
        def edit(config):
            config["budgets"] = {"file": "budgets.yaml"}
            if change:
                change(config)

        gateway = make_gateway(edit, start=False)
        gateway.env.update(env or {})
        write_budgets(gateway, *budgets, **file)
        if policies:
            gateway.write("policies/test.cedar", policies)
        if prices:
            gateway.write("prices.yaml", prices)
        return gateway.start()

    return make


def write_budgets(gateway, *budgets, **file):
    gateway.write("budgets.yaml", {"currency": "USD", **file, "budgets": list(budgets)})


def figures(gateway, name, unit="money"):
    """limit, spent and held of a budget, from the metrics."""
    text = gateway.admin("/metrics").body.decode()
    found = {figure: int(re.search(rf'tollgate_budget_{figure}{{budget="{name}",unit="{unit}",[^}}]*}} (-?\d+)', text).group(1))
             for figure in ("limit", "spent", "held")}
    return found["limit"], found["spent"], found["held"]


def spent_nano(gateway, bu=None):
    """The settle records' own sum, rounded up per call as budgets do."""
    return sum(-(-row["data"]["cost_pico"] // 1000) for row in gateway.records("settle")
               if bu in (None, row["data"]["bu"]))


def chat(gateway, key=ANA, model="chat", **more):
    return gateway.call("POST", CHAT, chat_body(model, **{"max_tokens": 50, **more}), key)


def settled_cost(gateway):
    """What one small call costs, in nano."""
    assert chat(gateway, BOB).status == 200
    return -(-gateway.records("settle")[-1]["data"]["cost_pico"] // 1000)


def test_a_thousand_parallel_calls_do_not_overspend(make_budgeted, model_server):
    """1,000 calls at once on a budget for about 10: spent stays within the limit, nothing is held at
    the end, and what is left can be spent (no phantom block)."""
    gateway = make_budgeted(money("race", "0.01", scope={"bu": "risk"}))
    cost = settled_cost(gateway)
    bound = -(-gateway.records("intent")[-1]["data"]["bound_pico"] // 1000)
    limit = 10 * bound
    write_budgets(gateway, money("race", f"{limit // NANO}.{limit % NANO:09d}", scope={"bu": "risk"}))
    assert "reloaded" in gateway.reload()

    def many(_):
        peer = gateway.connect()
        answers = [gateway.call("POST", CHAT, chat_body("chat", max_tokens=50), ANA, peer=peer).status for _ in range(25)]
        peer.close()
        return answers

    with concurrent.futures.ThreadPoolExecutor(40) as pool:
        answers = [status for part in pool.map(many, range(40)) for status in part]
    assert len(answers) == 1000 and set(answers) == {200, 429}
    told_limit, spent, held = figures(gateway, "race")
    assert (told_limit, held) == (limit, 0)
    assert spent == spent_nano(gateway, "risk") <= limit
    assert limit - spent < bound  # all of it was used
    assert answers.count(200) == spent // cost
    # A refused call never reached the model server.
    assert model_server.bill()["complete"] == answers.count(200) + 1


@pytest.mark.parametrize("path, body, where", [
    (CHAT, chat_body("chat"), lambda document: document["error"]["message"]),
    (CHAT, chat_body("chat", stream=True), lambda document: document["error"]["message"]),
    (MESSAGES, messages_body("claude"), lambda document: document["error"]["message"]),
    ("/v2/models/iris/infer", infer_body(), lambda document: document["error"]),
], ids=["chat", "stream", "messages", "infer"])
def test_a_refusal_is_429_in_the_callers_dialect_and_names_the_budget(make_budgeted, model_server, path, body, where):
    gateway = make_budgeted(money("nothing", "0", scope={"bu": "risk"}))
    answer = gateway.call("POST", path, body, ANA)
    assert answer.status == 429, answer.body
    assert '"nothing"' in where(answer.json())
    assert 1 <= int(answer.get("retry-after")) <= 86400
    assert model_server.bill()["complete"] == 0
    assert gateway.records("intent") == []
    assert gateway.call("POST", path, body, BOB).status == 200  # another bu


def test_rate_limits_are_budgets_of_a_minute(make_budgeted):
    """Requests and tokens per minute answer rate_limited, and the wait is less than a minute."""
    gateway = make_budgeted({"name": "pace", "window": "minute", "limit": {"requests": 3}, "scope": {"principal": "User::ana"}})
    # A minute may turn in between: then three more go through.
    answers = [chat(gateway) for _ in range(7)]
    refused = [answer for answer in answers if answer.status == 429]
    assert refused and refused[0].json()["error"]["code"] == "rate_limited"
    assert all(1 <= int(answer.get("retry-after")) <= 60 for answer in refused)
    assert [answer.status for answer in answers[:3]] == [200] * 3
    assert chat(gateway, BOB).status == 200


def test_tokens_are_limited_too(make_budgeted):
    gateway = make_budgeted({"name": "words", "window": "day", "limit": {"tokens": 400}})
    assert chat(gateway, max_tokens=200).status == 200
    limit, spent, held = figures(gateway, "words", "tokens")
    data = gateway.records("settle")[0]["data"]
    used = sum(line["quantity"] for line in data["lines"] if line["meter"].startswith(("in_", "out_")))
    assert (limit, spent, held) == (400, used, 0)
    answer = chat(gateway, max_tokens=4000)
    assert answer.status == 429 and answer.json()["error"]["code"] == "budget_exceeded"
    assert "more than all of it" in answer.json()["error"]["message"]


def test_every_level_must_have_room_and_a_refusal_gives_the_others_back(make_budgeted):
    """bu > team > principal: the narrowest refuses, the wider ones hold nothing afterwards."""
    gateway = make_budgeted(money("all", "100"), money("bu", "100", scope={"bu": "risk"}),
                            money("team", "100", scope={"bu": "risk", "team": "fraud"}),
                            money("ana", "0", scope={"principal": "User::ana"}))
    answer = chat(gateway)
    assert answer.status == 429 and '"ana"' in answer.json()["error"]["message"]
    for name in ("all", "bu", "team"):
        assert figures(gateway, name) == (100 * NANO, 0, 0)
    assert chat(gateway, ETL).status == 200
    spent = spent_nano(gateway)
    assert spent > 0
    assert [figures(gateway, name)[1] for name in ("all", "bu", "team", "ana")] == [spent, spent, 0, 0]


def test_a_soft_budget_counts_and_never_refuses(make_budgeted):
    gateway = make_budgeted(money("wish", "0", mode="soft"))
    assert chat(gateway).status == 200
    assert figures(gateway, "wish") == (0, spent_nano(gateway), 0)


def test_a_model_and_a_group_can_have_a_budget(make_budgeted):
    """Whatever name the client uses: aliases lead to the same model and the same budget."""
    def change(config):
        config["models"][-1]["groups"] = ["dear"]
        config["models"][0]["aliases"] = ["chat-latest"]

    gateway = make_budgeted(money("model", "0", scope={"model": "chat"}), money("group", "0", scope={"group": "dear"}), change=change)
    for name in ("chat", "chat-latest", "dead"):
        assert chat(gateway, model=name).status == 429, name
    assert gateway.call("POST", MESSAGES, messages_body("claude"), ANA).status == 200


def test_a_call_that_cannot_be_counted_does_not_pass_a_hard_budget(make_budgeted, model_server):
    """No price, or a price in another currency: neither is a way around."""
    prices = prices_document()
    names = prices["prices"][0]["models"]
    names.remove("gpt-x")
    names.remove("claude-x")
    prices["prices"].append({"id": "euro", "currency": "EUR", "models": ["claude-x"], "rates": RATES})
    gateway = make_budgeted(money("risk", "100", scope={"bu": "risk"}), prices=prices)
    answer = chat(gateway)
    assert answer.status == 403 and answer.json()["error"]["code"] == "model_unpriced"
    answer = gateway.call("POST", MESSAGES, messages_body("claude"), ANA)
    assert answer.status == 403 and "another currency" in answer.json()["error"]["message"]
    assert model_server.bill()["complete"] == 0
    assert chat(gateway, BOB).status == 200


@pytest.mark.parametrize("model", ["slow", "slow-cancel", "resetbody", "broken", "garbage", "dead", "hang"])
def test_nothing_stays_held_however_a_call_ends(make_budgeted, model):
    """Aborted by the client, by the upstream, never answered, never connected: what was held is
    settled, once, with what the record says."""
    gateway = make_budgeted(money("all", "100"))
    if model.startswith("slow"):
        client = gateway.connect()
        client.send(request_bytes("POST", CHAT, chat_body(model, stream=True), ANA))
        client.take_until(b"data: ")
        assert figures(gateway, "all")[2] > 0
        client.reset()
    else:
        with contextlib.suppress(EOFError):  # the answer ends before its end
            chat(gateway, model=model)
    assert wait_for(lambda: len(gateway.records("settle")) == 1 and figures(gateway, "all")[2] == 0)
    assert figures(gateway, "all") == (100 * NANO, spent_nano(gateway), 0)


@pytest.mark.parametrize("window", ["day", "month", "rolling 24h", "week"])
def test_a_restart_keeps_what_was_spent(make_budgeted, window):
    """Read back from the ledger before anybody can call, calls that were open at a kill included."""
    gateway = make_budgeted({"name": "all", "window": window, "limit": {"money": "100", "requests": 100, "tokens": 100000}},
                            zone="Europe/Berlin")
    for _ in range(3):
        assert chat(gateway).status == 200
    before = [figures(gateway, "all", unit) for unit in ("money", "requests", "tokens")]
    assert before[1][1] == 3
    gateway.kill()
    gateway.start()
    assert [figures(gateway, "all", unit) for unit in ("money", "requests", "tokens")] == before
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT, chat_body("slow", stream=True), ANA))
    client.take_until(b"data: ")
    gateway.kill()
    client.close()
    gateway.start()
    assert figures(gateway, "all") == (100 * NANO, spent_nano(gateway), 0)
    assert figures(gateway, "all", "requests")[1] == 4


def test_a_reload_keeps_what_was_spent_and_takes_the_new_limit(make_budgeted):
    gateway = make_budgeted(money("all", "100"))
    assert chat(gateway).status == 200
    spent = spent_nano(gateway)
    write_budgets(gateway, money("all", "0.000001"), money("new", "50", scope={"bu": "risk"}))
    assert "reloaded" in gateway.reload()
    assert figures(gateway, "all") == (1000, spent, 0)
    assert figures(gateway, "new") == (50 * NANO, spent, 0)  # from the ledger
    assert chat(gateway).status == 429
    write_budgets(gateway, money("all", "100"), money("new", "50", scope={"bu": "risk"}))
    gateway.reload()
    assert chat(gateway).status == 200
    assert figures(gateway, "all") == (100 * NANO, spent_nano(gateway), 0)


def test_a_call_in_flight_over_a_reload_is_counted(make_budgeted):
    gateway = make_budgeted(money("all", "100"))
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT, chat_body("slow", stream=True), ANA))
    client.take_until(b"data: ")
    held = figures(gateway, "all")[2]
    write_budgets(gateway, money("all", "200"))
    gateway.reload()
    assert figures(gateway, "all") == (200 * NANO, 0, held)
    client.take_until(b"[DONE]")
    client.close()
    assert figures(gateway, "all") == (200 * NANO, spent_nano(gateway), 0)


def test_policies_see_what_is_left(make_budgeted):
    """context.budget is the most binding money budget of the call."""
    policies = POLICIES + """
@id("thrift") @reason("Save") forbid (principal, action, resource)
when { context has budget && context.budget.hard && context.budget.remaining_micro < 1000 };
"""
    gateway = make_budgeted(money("wide", "100"), money("tight", "0.0005", scope={"bu": "risk"}), policies=policies)
    answer = chat(gateway)
    assert answer.status == 403 and "thrift" in answer.json()["error"]["message"]
    assert chat(gateway, BOB).status == 200


def test_callers_are_told_cost_and_what_is_left_when_the_operator_says_so(make_budgeted):
    """Opt-in: of a whole answer what it cost and what is left after it, of a stream what is left."""
    def change(config):
        config["budgets"]["headers"] = True

    gateway = make_budgeted(money("wide", "100"), money("risk", "50", scope={"bu": "risk"}), change=change)
    answer = chat(gateway)
    cost = gateway.records("settle")[0]["data"]["cost_pico"]
    amount, currency = answer.get("x-tollgate-cost").split(" ")
    assert (pico(amount), currency) == (cost, "USD")
    amount, currency = answer.get("x-tollgate-budget-remaining").split(" ")
    assert (pico(amount), currency) == (50 * 10**12 - cost, "USD")
    stream = chat(gateway, stream=True)
    assert stream.get("x-tollgate-cost") is None
    assert pico(stream.get("x-tollgate-budget-remaining").split(" ")[0]) < 50 * 10**12 - cost
    assert stream.events()[-1][1] == "[DONE]"


def test_callers_are_told_nothing_by_default(make_budgeted):
    answer = chat(make_budgeted(money("wide", "100")))
    assert answer.get("x-tollgate-cost") is None and answer.get("x-tollgate-budget-remaining") is None


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


@pytest.mark.parametrize("path, body, event", [
    (CHAT, chat_body("raw", stream=True, max_tokens=10),
     {"choices": [{"index": 0, "delta": {"content": "word "}}]}),
    (MESSAGES, messages_body("raw", stream=True) | {"max_tokens": 10},
     {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word "}}),
], ids=["chat", "messages"])
def test_a_stream_that_outruns_what_is_held_is_stopped(make_budgeted, upstream, path, body, event):
    """The model server ignores its output bound: the stream ends in an error event of the caller's
    dialect, without its end, and the record says so. Without a hard budget it goes on."""
    gateway = make_budgeted(money("risk", "100", scope={"bu": "risk"}), money("seen", "100", mode="soft"))
    text = b"data: " + json.dumps(event).encode() + b"\n\n"
    for key, is_stopped in ((ANA, True), (BOB, False)):
        client = gateway.connect()
        client.send(request_bytes("POST", path, body, key))
        peer = upstream.accept()
        assert peer.message().json()["max_tokens"] == 10
        peer.send(STREAM_HEAD + chunk(text * 30))
        client.take_until(b"word ")
        peer.send(chunk(text * 70))
        if is_stopped:
            said = client.take_rest()
            assert said.count(b"word ") > 29
            last = said[said.index(b"event: error"):]
            assert b"longer than what was set aside" in last and not said.endswith(b"0\r\n\r\n")
            assert peer.take_rest() == b""  # closed
        else:
            peer.send(b"0\r\n\r\n")
            said = client.take_until(b"\r\n0\r\n\r\n")
            assert said.count(b"word ") == 99 and b"event: error" not in said
            client.close()
        assert wait_for(lambda: figures(gateway, "seen")[2] == 0)
        data = gateway.records("settle")[-1]["data"]
        assert "estimate_overrun" in data["flags"]  # of the soft one as well
        out = sum(line["quantity"] for line in data["lines"] if line["meter"] == "out_text")
        assert out >= (43 if is_stopped else 100)
    assert figures(gateway, "risk")[1:] == (spent_nano(gateway, "risk"), 0)
    assert figures(gateway, "seen")[1:] == (spent_nano(gateway), 0)


class Receiver:
    """A service that takes webhooks; `answers` are its first statuses, then 204."""

    def __init__(self, answers=()):
        self.messages = []
        self.answers = list(answers)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.messages.append((dict(self.headers.items()), body))
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def make_receiver():
    made = []

    def make(*answers):
        made.append(Receiver(answers))
        return made[-1]

    yield make
    for receiver in made:
        receiver.server.shutdown()
        receiver.server.server_close()


WEBHOOK_KEY = b"0123456789abcdef0123456789abcdef"


def to_receiver(receiver):
    secret = "whsec_" + base64.b64encode(WEBHOOK_KEY).decode()

    def change(config):
        config["budgets"]["webhook"] = {"url": receiver.url, "secret": "${env:HOOK_SECRET}", "allow_plain": True}

    return change, {"HOOK_SECRET": secret}


def test_an_alert_is_logged_counted_and_sent_once_signed(make_budgeted, make_receiver):
    """50 and 80 percent of what is spent, each once; the message is signed and, when the receiver
    fails, sent again under the same id."""
    receiver = make_receiver(500)
    change, env = to_receiver(receiver)
    gateway = make_budgeted(money("all", "0.0004", mode="soft", alerts=[50, 90]), change=change, env=env)
    spent = settled_cost(gateway)
    assert spent >= 360000, "one call is beyond both"
    assert wait_for(lambda: len(receiver.messages) == 3)
    (first, first_body), (again, again_body), (second, second_body) = receiver.messages
    assert first["webhook-id"] == again["webhook-id"] != second["webhook-id"] and first_body == again_body
    for headers, body in receiver.messages:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        want = base64.b64encode(hmac.new(WEBHOOK_KEY, signed, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{want}" and headers["Content-Type"] == "application/json"
    assert [json.loads(body)["data"]["percent"] for body in (first_body, second_body)] == [50, 90]
    data = json.loads(first_body)["data"]
    assert (data["budget"], data["limit"], data["mode"]) == ("all", "0.0004", "soft")
    gateway.program.wait_log(r"budget_alert .*budget=all unit=money percent=50")
    metrics = gateway.admin("/metrics").body.decode()
    assert "tollgate_budget_alerts_total 2\n" in metrics
    assert 'tollgate_budget_webhooks_total{result="retried"} 1\n' in metrics
    assert chat(gateway).status == 200


def test_a_receiver_that_is_away_slows_nobody_down(make_budgeted, make_receiver, dead_url):
    receiver = make_receiver()
    receiver.url = dead_url
    change, env = to_receiver(receiver)
    gateway = make_budgeted(money("all", "0.0001", mode="soft", alerts=[50]), change=change, env=env)
    assert chat(gateway).status == 200
    gateway.program.wait_log("webhook_failed")
    assert chat(gateway).status == 200
    gateway.stop()  # while it waits for the next attempt


@pytest.mark.parametrize("budget, word", [
    (money("b", "1", zone="../../etc/passwd"), "is not the name of a time zone"),
    (money("b", "1", zone="Europe/Nowhere"), "there is no time zone"),
    (money("b", "1", scope={"model": "chatt"}), "there is no model"),
    (money("b", "1", scope={"model": "raw-latest"}), "another name of the model"),
    (money("b", "1", scope={"group": "nobody"}), "no model is in the group"),
    (money("b", "1.0000000001"), "at most 9 decimals"),
    (money("b", "-1"), "at most 9 decimals"),
    (money("b", "1", scope={"principal": "ana"}), "User::NAME"),
    (money("b", "1", mode="firm"), "neither hard nor soft"),
    (money("b", "1", alerts=[80, 50]), "rising"),
    ({**money("b", "1"), "window": "fortnight"}, "is none of"),
    ({**money("b", "1"), "windw": "day"}, "did you mean"),
    ({**money("b", "1"), "limit": {}}, "money, requests or tokens"),
])
def test_a_bad_file_keeps_the_old_budgets(make_budgeted, budget, word):
    gateway = make_budgeted(money("all", "100"))
    write_budgets(gateway, budget)
    mark = gateway.program.mark()
    assert "reload_refused" in gateway.reload()
    assert word in gateway.program.wait_log("reload_refused", after=mark).string
    assert figures(gateway, "all") == (100 * NANO, 0, 0)
