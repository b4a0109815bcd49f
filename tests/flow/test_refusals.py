# SPDX-License-Identifier: Apache-2.0
"""What is refused is refused before a byte reaches an upstream, in the caller's dialect."""

import json

import pytest

from harness import make_key, wait_for
from setup_gateway import caller_key, chat_body, compact, infer_body, messages_body

CHAT_PATH = "/v1/chat/completions"
ANA = caller_key("ana")


def error_of(message):
    """What the error says, wherever its dialect puts it."""
    document = message.json()
    error = document.get("error", document)
    return error if isinstance(error, str) else error["message"]


def test_no_or_bad_credentials_get_401_with_the_same_body(gateway, upstream):
    """Nobody learns from a 401 what was wrong with the credential."""
    credentials = [
        [],
        [("authorization", "Bearer ")],
        [("authorization", "Bearer nonsense")],
        [("authorization", f"Bearer {make_key('stranger')[0]}")],
        [("authorization", f"Bearer {ANA[:-1]}")],
        [("authorization", f"Bearer {make_key('old')[0]}")],
        [("authorization", f"Bearer {make_key('revoked')[0]}")],
        [("authorization", f"Basic {ANA}")],
        [("authorization", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbmEifQ.")],
    ]
    bodies = set()
    for headers in credentials:
        answer = gateway.call("POST", CHAT_PATH, chat_body("raw"), headers=headers)
        assert answer.status == 401, (headers, answer.body)
        document = answer.json()
        bodies.add(json.dumps(document, sort_keys=True).replace(answer.get("x-tollgate-request-id") or "", ""))
    assert len(bodies) == 1
    assert upstream.is_untouched()


def test_two_credentials_are_refused(gateway, upstream):
    """Which of two credentials counts is not for us to guess."""
    answer = gateway.call("POST", CHAT_PATH, chat_body("raw"),
                          headers=[("authorization", f"Bearer {ANA}"), ("authorization", f"Bearer {caller_key('bob')}")])
    assert answer.status in (400, 401)
    assert upstream.is_untouched()


def test_anthropic_callers_may_use_x_api_key(gateway):
    """The Anthropic SDK sends its key in x-api-key."""
    answer = gateway.call("POST", "/v1/messages", messages_body("claude"), headers=[("x-api-key", ANA)])
    assert answer.status == 200


@pytest.mark.parametrize("path, body", [
    (CHAT_PATH, chat_body("denied")),
    ("/v1/messages", messages_body("denied")),
    ("/v2/models/denied/infer", infer_body()),
])
def test_a_denied_call_gets_403_with_the_policy_id(gateway, model_server, path, body):
    """A denial names the rule that denied and its reason, and is in the journal."""
    answer = gateway.call("POST", path, body, ANA)
    assert answer.status == 403
    assert b"no-unclassified-models" in answer.body
    decisions = wait_for(lambda: gateway.records("decision"))
    assert [row["data"]["decision"] for row in decisions] == ["deny"]
    assert decisions[0]["data"]["status"] == 403
    assert decisions[0]["data"]["reasons"] == ["no-unclassified-models"]
    assert gateway.records("intent") == []
    assert model_server.bill()["calls"] == 0


@pytest.mark.parametrize("method, path", [("GET", "/"), ("POST", "/v1/chat/completion"), ("GET", "/v1/chat/completions"),
                                          ("POST", "/v1/chat/completions/"), ("POST", "/v1//chat/completions"),
                                          ("GET", "/metrics"), ("POST", "/v2/models/iris/infer/x")])
def test_unknown_routes_get_404_or_405(gateway, upstream, method, path):
    """Only the routes of the dialects exist."""
    answer = gateway.call(method, path, chat_body("raw") if method == "POST" else None, ANA)
    assert answer.status in ((400,) if "//" in path else (404, 405)), answer.start
    assert upstream.is_untouched()


@pytest.mark.parametrize("path, body", [(CHAT_PATH, chat_body("no-such-model")),
                                        ("/v1/messages", messages_body("no-such-model")),
                                        ("/v2/models/no-such-model/infer", infer_body()),
                                        ("/endpoints/no-such-model/invocations", {"instances": [[1]]}),
                                        (CHAT_PATH, chat_body("embed")),
                                        ("/v1/embeddings", {"model": "chat", "input": "x"})])
def test_unknown_models_get_404(gateway, path, body):
    """A model that is not configured for this API is not there."""
    answer = gateway.call("POST", path, body, ANA)
    assert answer.status == 404
    assert error_of(answer)


def test_a_bound_beyond_every_sum_gets_400(gateway, upstream):
    """What no amount of money can hold is the caller's mistake, not the model's."""
    answer = gateway.call("POST", CHAT_PATH, chat_body("raw", max_tokens=10**9, n=10**9), ANA)
    assert answer.status == 400 and answer.json()["error"]["code"] == "bound_too_large"
    assert upstream.is_untouched(0.05)


def test_errors_are_in_the_callers_dialect(gateway):
    """OpenAI, Anthropic, V2 and MLflow callers each read their own error shape."""
    openai = gateway.call("POST", CHAT_PATH, chat_body("no-such-model"), ANA).json()
    assert isinstance(openai["error"]["message"], str) and "type" in openai["error"] and "code" in openai["error"]
    anthropic = gateway.call("POST", "/v1/messages", messages_body("no-such-model"), ANA).json()
    assert anthropic["type"] == "error" and anthropic["error"]["type"] == "not_found_error"
    v2 = gateway.call("POST", "/v2/models/no-such-model/infer", infer_body(), ANA).json()
    assert isinstance(v2["error"], str)
    mlflow = gateway.call("POST", "/endpoints/no-such-model/invocations", {"instances": [[1]]}, ANA).json()
    assert isinstance(mlflow["error_code"], str) and isinstance(mlflow["message"], str)


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"null", b'{"model":"raw"', b'{"model":"raw"}x', b'{"model":raw}', b"{'model':'raw'}",
    b'{"model":"raw",}', b'{"model":"ra\xffw"}', b'{"model":"raw","a":01}', b'{"model":"raw","a":"\x01"}',
    b'\xef\xbb\xbf{"model":"raw"}', b'{"messages":[]}', b'{"model":7,"messages":[]}',
    b'{"model":"raw","a":' + b"[" * 2000 + b"]" * 2000 + b"}",
])
def test_malformed_json_gets_400(gateway, upstream, body):
    """The body is strict JSON with one text `model`, or the call ends here."""
    answer = gateway.call("POST", CHAT_PATH, body, ANA)
    assert answer.status == 400, answer.start
    assert upstream.is_untouched(0.05)


@pytest.mark.parametrize("body", [
    b'{"model":"raw","model":"denied","messages":[]}',
    b'{"model":"raw","messages":[],"mod\\u0065l":"denied"}',
    b'{"model":"raw","stream":false,"stream":true,"messages":[]}',
    b'{"model":"raw","max_tokens":1,"max_tokens":100000,"messages":[]}',
])
def test_a_duplicate_of_a_key_that_matters_gets_400(gateway, upstream, body):
    """Policy and upstream can never see two different models."""
    assert gateway.call("POST", CHAT_PATH, body, ANA).status == 400
    assert upstream.is_untouched(0.05)


def test_a_body_too_large_gets_413(gateway, upstream):
    """The configured bound holds for declared and for chunked bodies."""
    declared = gateway.call("POST", CHAT_PATH, b"", ANA, headers=[("content-length", str(4 * 1024 * 1024 + 1)),
                                                                 ("content-type", "application/json")])
    assert declared.status == 413
    peer = gateway.connect()
    peer.send(f"POST {CHAT_PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ANA}\r\n"
              "transfer-encoding: chunked\r\n\r\n".encode())
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    try:
        for _ in range(5):
            peer.send(chunk)
    except OSError:
        pass
    assert peer.message().status == 413
    peer.close()
    assert upstream.is_untouched(0.05)


def test_a_body_just_below_the_bound_passes(gateway, model_server):
    """4 MiB is the bound of this configuration; a few bytes less go through whole."""
    body = compact(chat_body("chat", "x" * (4 * 1024 * 1024 - 200)))
    answer = gateway.call("POST", CHAT_PATH, body, ANA)
    assert answer.status == 200
    assert model_server.bill()["complete"] == 1


@pytest.mark.parametrize("raw", [
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n{}",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nhost: b\r\ncontent-length: 2\r\n\r\n{}",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx y: 1\r\ncontent-length: 2\r\n\r\n{}",
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nx: 1\r\n folded\r\ncontent-length: 2\r\n\r\n{}",
    b"POST /v1/chat/completions HTTP/1.1\nhost: a\ncontent-length: 2\n\n{}",
    b"POST  /v1/chat/completions HTTP/1.1\r\nhost: a\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
])
def test_ambiguous_http_gets_400_and_the_end(gateway, upstream, raw):
    """Anything two readers could read differently is refused and the connection closed."""
    peer = gateway.connect()
    peer.send(raw)
    answer = peer.message()
    assert answer.status == 400
    assert peer.take_rest() == b""
    peer.close()
    assert upstream.is_untouched(0.05)


def test_a_head_too_large_gets_431(gateway):
    """The head's bound holds."""
    answer = gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA, headers=[("x-long", "a" * 20000)])
    assert answer.status == 431


def test_upstream_failures_are_502_and_504(gateway, upstream):
    """A dead, resetting, senseless or silent upstream is a gateway error in the caller's dialect."""
    for model, status in (("dead", 502), ("resethead", 502), ("garbage", 502), ("hang", 504)):
        answer = gateway.call("POST", CHAT_PATH, chat_body(model), ANA)
        assert answer.status == status, (model, answer.start)
        assert error_of(answer)
    anthropic = gateway.call("POST", "/v1/messages", messages_body("resethead"), ANA)
    assert anthropic.status == 502 and anthropic.json()["type"] == "error"
    settles = [row["data"] for row in gateway.records("settle")]
    assert len(settles) == len(gateway.records("intent"))
    # Nothing was sent to the dead one; what the others were sent is an estimate and says so.
    for data in settles:
        assert data["usage_source"] == ("none" if data["model"] == "dead" else "estimate"), data
        assert data["outcome"] == "upstream_error" and (data["cost_pico"] == 0) == (data["model"] == "dead")


def test_an_upstreams_own_errors_pass_through(gateway):
    """A 429 or 500 of the model is the caller's to see, with its body."""
    limited = gateway.call("POST", CHAT_PATH, chat_body("limited"), ANA)
    assert limited.status == 429 and limited.get("retry-after") == "1"
    assert limited.json()["error"]["message"] == "scripted failure"
    assert gateway.call("POST", CHAT_PATH, chat_body("broken"), ANA).status == 500
    assert all(row["data"]["cost_pico"] == 0 for row in gateway.records("settle"))


def test_every_refusal_carries_the_request_id(gateway):
    """Support starts from the id."""
    answer = gateway.call("POST", CHAT_PATH, chat_body("no-such-model"), ANA)
    assert len(answer.get("x-tollgate-request-id")) == 26
