# SPDX-License-Identifier: Apache-2.0
"""Promise: one event is one line and one record, whatever a caller writes where."""

import json
import re
import time

import pytest

from attack import (ANA, CHAT_PATH, AnsweringUpstream, assert_no_secret, exchange, good, head, metric, secrets_in,
                    shared_gateway, statuses, unary_answer)
from harness import make_key, wait_for
from setup_gateway import POLICIES, chat_body, keys_document
from test_attacks_identity import b64
from test_tokens import issue, issuer, keygen

LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (debug|info|warn|error) [a-z][a-z0-9_]*( [a-z_]+=(\"([^\"\\]|\\.)*\"|[^ \"]*))*$")
FORGED = "2026-01-01T00:00:00.000Z error forged_event caller=innocent"
NASTY = ["\r\n" + FORGED, "\n" + FORGED, "\r" + FORGED, "\x1b[2J\x1b[31m" + FORGED, "\u2028" + FORGED, "\u0085" + FORGED,
         '" ' + FORGED + ' "', "%s%n%x%99999d", "\0" + FORGED, "\u202e" + FORGED, "a" * 5000, "\\n" + FORGED, "'\"\\`$(id)"]


def lines_of(gateway):
    return gateway.program.log().split("\n")


def assert_lines(gateway):
    """Every line is one of ours; no text of a caller begins one or reaches a terminal."""
    for line in lines_of(gateway):
        assert LINE.match(line), repr(line)
        assert not re.search(r"[\x00-\x1f\x7f\x85\u2028\u2029]", line), repr(line)
        assert " forged_event " not in line[20:40], line


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    folder.joinpath("gateway").mkdir()
    pem, keys = keygen(folder, "RS256", "k1")
    (folder / "jwks.json").write_text(json.dumps(keys))

    def change(config):
        config["identity"]["issuers"] = [issuer({"file": str(folder / "jwks.json")})]
        config["gateway"]["workers"] = 1
    with shared_gateway(folder / "gateway", change, AnsweringUpstream()) as made:
        made.pem = pem
        yield made


def test_nothing_that_a_caller_writes_makes_a_line(gateway):
    """Model, path, fields, kid, key: written anywhere, each refusal stays its one line."""
    _, payload, signature = issue(gateway.pem, "RS256", "k1").split(".")
    calls = 0
    for text in NASTY:
        raw = text.encode(errors="replace")
        safe = re.sub(rb"[\x00-\x1f\x7f]", b"?", raw)
        body = json.dumps({"model": text[:200], "messages": [{"role": text, "content": text}], "user": text}).encode()
        for request in (
                head(b"Content-Length: %d" % len(body), b"Connection: close") + body,
                head(b"Content-Length: %d" % len(body), b"Connection: close", b"User-Agent: " + safe, b"X-Request-Id: " + safe,
                     b"X-Tollgate-Purpose: " + safe, b"Traceparent: " + safe[:100], b"Referer: " + safe) + body,
                head(b"User-Agent: " + raw, b"Content-Length: 0"), head(raw, b"Content-Length: 0"),
                good().replace(b"Host: gateway", b"Host: " + raw), b"GET /" + raw + b" HTTP/1.1\r\nHost: a\r\n\r\n",
                head(b"Content-Length: 2", b"Connection: close", key=f"{b64({'alg': 'RS256', 'kid': text})}.{payload}.{signature}") + b"{}",
                raw + b"\r\n\r\n"):
            data, _ = exchange(gateway, request, timeout=2, answers=1)
            assert statuses(data) and (statuses(data)[0] >= 400 or len(text) == 5000), (request[:300], data)
            calls += 1
            if calls % 15 == 0:
                time.sleep(0.35)  # the log keeps to twenty lines of a kind per second
    assert_lines(gateway)
    assert FORGED not in "".join(line[:60] for line in lines_of(gateway))


def test_every_refusal_is_counted_once(gateway):
    """As many lines and counts as there were refusals, none more for what they held."""
    def counts():
        return (metric(gateway, "tollgate_unauthentic_total"), metric(gateway, "tollgate_bad_requests_total"),
                metric(gateway, "tollgate_denied_total"))
    time.sleep(1.1)
    before, lines = counts(), lines_of(gateway)
    for text in NASTY[:5]:
        assert statuses(exchange(gateway, head(b"Connection: close", b"Content-Length: 0", key="tg_x"))[0]) == [401]
        assert statuses(exchange(gateway, b"G\0T " + text.encode() + b"\r\n\r\n")[0]) == [400]
        assert gateway.call("POST", CHAT_PATH, chat_body("denied"), ANA).status == 403
    after = counts()
    assert [b - a for a, b in zip(before, after)] == [5, 5, 5]
    assert wait_for(lambda: len(lines_of(gateway)) == len(lines) + 15)
    new = [line.split(" ")[2] for line in lines_of(gateway)[len(lines):]]
    assert {event: new.count(event) for event in new} == {"unauthentic": 5, "bad_request": 5, "denied": 5}


def test_names_from_tokens_and_keys_stay_text(gateway):
    """A principal's name with line ends is one record with that very name, and no line of the log."""
    for text in NASTY:
        if "\0" in text or len(text) > 1000:
            continue
        token = issue(gateway.pem, "RS256", "k1", subject="ana", org={"bu": text}, team=text, project=text)
        before = len(gateway.records("settle"))
        answer = gateway.call("POST", CHAT_PATH, chat_body("raw"), token)
        assert answer.status == 200, answer.body
        row = gateway.records("settle")[before]
        assert (row["data"]["bu"], row["data"]["team"], row["data"]["project"]) == (text, text, text)
    for name in ("a\nb", "a\u2028b", "a" * 5000):
        token = issue(gateway.pem, "RS256", "k1", subject=name)
        status = gateway.call("POST", CHAT_PATH, chat_body("raw"), token).status
        assert status == (401 if len(name) > 1024 else 200)
    for path in (gateway.state / "journal").glob("*.segment"):
        assert FORGED.encode() not in re.sub(rb"\\[nr]" + re.escape(FORGED.encode()), b"", path.read_bytes()).split(b"\n")
    assert_lines(gateway)


def test_names_from_the_configuration_stay_text(tmp_path):
    """Key and policy names with line ends: the answer comes whole, the record holds them, the log has its lines."""
    document = keys_document()
    key, digest = make_key("nasty")
    document["keys"].append({**document["keys"][0], "id": "key-nasty", "name": "x\u2028" + FORGED, "sha256": digest})
    with shared_gateway(tmp_path, None, AnsweringUpstream()) as gateway:
        gateway.write("keys.yaml", document)
        gateway.write("policies/test.cedar", POLICIES + '@id("no\\n' + FORGED + '\\u{2028}") @reason("line\\nbreak \\u{1b}[2J")\n'
                      'forbid (principal, action, resource) when { context has purpose && context.purpose == "nasty" };\n')
        assert "refused" not in gateway.reload(), gateway.program.log()
        assert gateway.call("POST", CHAT_PATH, chat_body("raw"), key).status == 200
        answer = gateway.call("POST", CHAT_PATH, chat_body("raw"), key, headers=[("x-tollgate-purpose", "nasty")])
        assert answer.status == 403 and "no\n" + FORGED in answer.json()["error"]["message"]
        assert gateway.records("decision")[0]["data"]["reasons"] == ["no\n" + FORGED + "\u2028"]
        assert_lines(gateway)


def test_what_an_upstream_says_stays_text(tmp_path):
    """Names, reasons and errors of an upstream reach no line; the model it names stands in the record as text."""
    answers = [unary_answer(json.dumps({"model": text[:100], "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1,
                                                                                      "total_tokens": 2}}).encode())
               for text in NASTY] + [b"HTTP/1.1 \x1b[2J\r\n\r\n", b"HTTP/1.1 200 a\x1b[2Jb\r\n\r\n", FORGED.encode() + b"\r\n\r\n",
                                     unary_answer(extra=b"X: \n" + FORGED.encode() + b"\r\n")]
    pending = list(answers)
    with shared_gateway(tmp_path, None, AnsweringUpstream(lambda request: pending.pop(0))) as gateway:
        for index in range(len(answers)):
            status = gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA).status
            assert status == (200 if index < len(NASTY) else 502), index
        assert_lines(gateway)
        served = [row["data"]["model_served"] for row in gateway.records("settle")]
        assert len(served) == len(answers)
        assert served[0] == NASTY[0][:100]


def test_no_line_holds_a_secret_or_a_prompt(gateway):
    """Neither in the open nor coded."""
    for credential in (ANA, ANA[:-1], "Basic " + ANA):
        gateway.call("POST", CHAT_PATH, chat_body("raw", "the-secret-prompt"), headers=[("authorization", f"Bearer {credential}")])
        gateway.call("POST", CHAT_PATH, b'{"model":"the-secret-prompt', credential)
    assert_no_secret(gateway)
    everything = gateway.program.log().encode() + b"".join(
        path.read_bytes() for path in gateway.state.rglob("*") if path.is_file())
    assert not secrets_in(everything, ["the-secret-prompt"])
