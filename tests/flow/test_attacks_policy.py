# SPDX-License-Identifier: Apache-2.0
"""Promise: what policy judged is what the upstream gets, and no caller speaks with a voice, a name or a key that is
not its own."""

import gzip
import json
import time

import pytest

from attack import (ANA, CHAT_PATH, UNARY, UPSTREAM_SECRET, AnsweringUpstream, assert_alive, assert_no_secret, exchange,
                    every_secret, head, secrets_in, shared_gateway, statuses, unary_answer)
from harness import make_key, request_bytes
from setup_gateway import caller_key, chat_body, compact, infer_body, messages_body

BOUND = 4096  # max_output of every model here
BOB = caller_key("bob")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    upstream = AnsweringUpstream()

    def change(config):
        raw = next(row for row in config["models"] if row["name"] == "raw")
        raw["dialects"] = [*raw["dialects"], "kserve.infer", "mlflow.invocations"]
        config["models"].append({**raw, "name": "pinned", "aliases": [], "version": "1"})
        config["models"].append({**raw, "name": "secret", "aliases": [], "max_classification": 0})
    with shared_gateway(tmp_path_factory.mktemp("policy"), change, upstream) as made:
        yield made


def ask(gateway, body, path=CHAT_PATH, headers=(), key=ANA, method="POST"):
    """The answer's status and the request that the upstream got, or None."""
    before = len(gateway.raw.requests)
    answer = gateway.call(method, path, body, key, headers=headers)
    seen = gateway.raw.requests[before:]
    assert len(seen) <= 1
    assert (answer.status < 400) == bool(seen) or answer.status in (404, 405), (answer.start, seen)
    return answer.status, seen[0] if seen else None


# --- one body, one meaning ---------------------------------------------------------------------------


BODIES = {
    "model twice": b'{"model":"raw","model":"secret","messages":[]}',
    "model twice, escaped": b'{"model":"raw","mod\\u0065l":"secret","messages":[]}',
    "model twice, escaped first": b'{"\\u006dodel":"secret","model":"raw","messages":[]}',
    "model far behind": b'{"model":"raw","messages":["' + b"x" * 100000 + b'"],"model":"secret"}',
    "model in another case": b'{"model":"raw","Model":"secret","messages":[]}',
    "model in capitals, first": b'{"MODEL":"secret","model":"raw","messages":[]}',
    "model in another case, escaped": b'{"model":"raw","\\u004dodel":"secret","messages":[]}',
    "stream with a long s": '{"model":"raw","\u017ftream":true,"messages":[]}'.encode(),
    "stream with a long s, escaped": b'{"model":"raw","\\u017ftream":true,"messages":[]}',
    "bound with a Kelvin sign": '{"model":"raw","max_to\u212aens":1000000,"messages":[]}'.encode(),
    "bound in capitals": b'{"model":"raw","max_tokens":1,"MAX_TOKENS":1000000,"messages":[]}',
    "n in capitals": b'{"model":"raw","N":100,"messages":[]}',
    "options twice": b'{"model":"raw","stream":true,"stream_options":{},"stream_options":{"include_usage":false},"messages":[]}',
    "usage twice": b'{"model":"raw","stream":true,"stream_options":{"include_usage":true,"include_usage":false},"messages":[]}',
    "usage in capitals": b'{"model":"raw","stream":true,"stream_options":{"Include_Usage":false},"messages":[]}',
    "BOM": b'\xef\xbb\xbf{"model":"raw","messages":[]}',
    "UTF-16 LE": '{"model":"raw","messages":[]}'.encode("utf-16-le"),
    "UTF-16 BE with BOM": b"\xfe\xff" + '{"model":"raw","messages":[]}'.encode("utf-16-be"),
    "UTF-32": '{"model":"raw","messages":[]}'.encode("utf-32-le"),
    "trailing garbage": b'{"model":"raw","messages":[]}x',
    "a second value": b'{"model":"raw","messages":[]}{"model":"secret","messages":[]}',
    "a NUL behind": b'{"model":"raw","messages":[]}\0',
    "a NUL before": b'\0{"model":"raw","messages":[]}',
    "a NUL between": b'{"model":"raw",\0"messages":[]}',
    "block comment": b'{"model":"raw",/*"model":"secret",*/"messages":[]}',
    "line comment": b'{"model":"raw",//\n"messages":[]}',
    "hash comment": b'{"model":"raw",#\n"messages":[]}',
    "trailing comma": b'{"model":"raw","messages":[],}',
    "single quotes": b"{'model':'raw','messages':[]}",
    "no quotes": b'{model:"raw","messages":[]}',
    "an unpaired surrogate": b'{"model":"raw","messages":["\\ud800"]}',
    "a raw surrogate": b'{"model":"raw","messages":["\xed\xa0\x80"]}',
    "overlong": b'{"model":"\xc1\xb2aw","messages":[]}',
    "a raw newline": b'{"model":"raw","messages":["\n"]}',
    "a form feed": b'\x0c{"model":"raw","messages":[]}',
    "a no-break space": b'\xc2\xa0{"model":"raw","messages":[]}',
    "NaN": b'{"model":"raw","temperature":NaN,"messages":[]}',
    "Infinity": b'{"model":"raw","temperature":-Infinity,"messages":[]}',
    "hex": b'{"model":"raw","max_tokens":0x10,"messages":[]}',
    "leading zero": b'{"model":"raw","max_tokens":010,"messages":[]}',
    "plus": b'{"model":"raw","max_tokens":+10,"messages":[]}',
    "bound 1e400": b'{"model":"raw","max_tokens":1e400,"messages":[]}',
    "bound 1e2": b'{"model":"raw","max_tokens":1e2,"messages":[]}',
    "bound 1.0": b'{"model":"raw","max_tokens":1.0,"messages":[]}',
    "bound -1": b'{"model":"raw","max_tokens":-1,"messages":[]}',
    "bound as text": b'{"model":"raw","max_tokens":"1","messages":[]}',
    "bound as list": b'{"model":"raw","max_tokens":[1],"messages":[]}',
    "bound 2^64": b'{"model":"raw","max_tokens":18446744073709551617,"messages":[]}',
    "bound twice": b'{"model":"raw","max_tokens":1,"max_tokens":null,"messages":[]}',
    "n as text": b'{"model":"raw","n":"100","messages":[]}',
    "n huge": b'{"model":"raw","n":1e9,"messages":[]}',
    "stream as text": b'{"model":"raw","stream":"true","messages":[]}',
    "stream as number": b'{"model":"raw","stream":1,"messages":[]}',
    "model as list": b'{"model":["raw"],"messages":[]}',
    "model as object": b'{"model":{"id":"raw"},"messages":[]}',
    "model null": b'{"model":null,"messages":[]}',
    "model empty": b'{"model":"","messages":[]}',
    "model too long": b'{"model":"' + b"r" * 5000 + b'","messages":[]}',
    "root list": b'[{"model":"raw","messages":[]}]',
    "root text": b'"raw"',
    "nothing": b"",
    "white space": b"   ",
    "deep list": b'{"model":"raw","messages":' + b"[" * 100000 + b"]" * 100000 + b"}",
    "deep object": b'{"model":"raw","messages":' + b'{"a":' * 100000 + b"1" + b"}" * 100000 + b"}",
    "deep and open": b'{"model":"raw","messages":' + b"[" * 100000,
}


@pytest.mark.parametrize("framing", ["length", "bytewise"])
def test_bodies_with_two_meanings_are_400(gateway, framing):
    """Whatever two JSON readers might read differently is refused, however it is cut."""
    wrong = []
    for name, body in BODIES.items():
        before = gateway.raw.received()
        if framing == "length":
            raw = head(b"Content-Length: %d" % len(body)) + body
        elif len(body) > 1000:
            continue
        else:
            raw = head(b"Transfer-Encoding: chunked") + b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
        data, _ = exchange(gateway, raw, answers=1, timeout=3)
        if statuses(data) != [400] or gateway.raw.received() != before:
            wrong.append((name, data[:200]))
    assert not wrong, wrong
    assert_alive(gateway)


def test_names_that_only_look_like_the_model_are_not_it(gateway):
    """A model's name is its bytes: no folding, trimming, decoding or cutting makes another one of it."""
    for name in ("Raw", "RAW", "raw ", " raw", "raw\0", "raw\0x", "raw\n", "raw/../secret", "./raw", "%72aw", "ra\u200bw",
                 "r\u0430w", "raw\u0301", "\uff52aw", "raw-x", "raw;secret", "raw,secret", "raw\r\nx: y", "*", "raw*", "..",
                 "\x1b[31mraw", "raw\u2028"):
        status, seen = ask(gateway, {"model": name, "messages": []})
        assert (status, seen) == (404, None), name
    status, seen = ask(gateway, b'{"mod\\u0065l":"r\\u0061w","messages":[]}')
    assert status == 200 and json.loads(seen.body)["model"] == "raw-x"


def test_the_upstream_reads_what_we_read(gateway):
    """Another reader of the forwarded bytes finds each member once, and the model that was judged."""
    def no_twins(pairs):
        names = [name.casefold() for name, _ in pairs]
        assert len(names) == len(set(names)), names
        return dict(pairs)
    for more in ({}, {"max_tokens": None}, {"max_completion_tokens": None}, {"max_tokens": 0}, {"max_completion_tokens": 0},
                 {"stream": True}, {"stream": True, "stream_options": None}, {"stream": True, "stream_options": {}},
                 {"stream": True, "stream_options": {"include_usage": None}}, {"max_tokens": 7}, {"n": None}, {"n": 3},
                 {"stream": True, "max_tokens": None, "max_completion_tokens": None, "stream_options": {"x": 1}}):
        for path in (CHAT_PATH, "/v1/completions"):
            status, seen = ask(gateway, {"messages": [], **more, "model": "raw"}, path)
            assert status == 200, more
            document = json.loads(seen.body, object_pairs_hook=no_twins)
            assert document["model"] == "raw-x"


def bound_of(document, path):
    """What bounds the output at the upstream, by the names that this operation reads."""
    names = {CHAT_PATH: ("max_tokens", "max_completion_tokens"), "/v1/completions": ("max_tokens",),
             "/v1/responses": ("max_output_tokens",), "/v1/messages": ("max_tokens",)}[path]
    return [document[name] for name in names if document.get(name) is not None]


@pytest.mark.parametrize("path", [CHAT_PATH, "/v1/completions", "/v1/responses"])
def test_the_output_bound_cannot_be_talked_away(gateway, path):
    """A bound that this operation does not read counts for nothing: not for policy, not for the reservation, and the
    model's own is put in."""
    for more in ({}, {"max_tokens": None}, {"max_completion_tokens": None}, {"max_output_tokens": None}, {"max_tokens": 1},
                 {"max_completion_tokens": 1}, {"max_output_tokens": 1}, {"max_tokens": None, "max_output_tokens": 1},
                 {"max_output_tokens": None, "max_completion_tokens": 1},
                 {"max_tokens": None, "max_completion_tokens": None, "max_output_tokens": None}):
        status, seen = ask(gateway, {"model": "raw", "messages": [], "input": "x", "prompt": "x", **more}, path)
        assert status == 200
        bounds = bound_of(json.loads(seen.body), path)
        own = bound_of(more, path)
        assert bounds == (own or [BOUND]), (more, seen.body)
        assert gateway.records("intent")[-1]["data"]["out_bound"] == max(bounds), more


# --- types and codings of the body --------------------------------------------------------------------------


def test_codings_and_types_that_hide_the_body_are_415(gateway):
    """Only plain JSON in UTF-8 is read, so only that is forwarded."""
    body = compact(chat_body("raw"))
    for fields, sent in (
            ([("content-encoding", "gzip")], gzip.compress(body)), ([("content-encoding", "gzip")], body),
            ([("content-encoding", "GZIP")], body), ([("content-encoding", "deflate")], body),
            ([("content-encoding", "br")], body), ([("content-encoding", "identity, gzip")], body),
            ([("content-encoding", "zstd")], body), ([("content-encoding", "x-gzip")], body),
            ([("content-type", "multipart/form-data; boundary=x")], b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nraw\r\n--x--\r\n'),
            ([("content-type", "application/x-www-form-urlencoded")], b"model=raw"),
            ([("content-type", "text/plain")], body), ([("content-type", "text/csv")], body),
            ([("content-type", "application/xml")], body), ([("content-type", "application/json5")], body),
            ([("content-type", "application/jsonx")], body), ([("content-type", "text/json")], body),
            ([("content-type", "application/json, multipart/form-data")], body),
            ([("content-type", "application/json; charset=utf-16")], body),
            ([("content-type", "application/json; charset=utf-7")], body),
            ([("content-type", "application/json;charset=ibm037")], body),
            ([("content-type", "application/json; charset=\"utf-7\"")], body),
            ([("content-type", "application/json; charset=utf-8; charset=utf-7")], body),
            ([("content-type", "application/json; x=y; CHARSET=utf-7")], body)):
        raw = head(b"Content-Length: %d" % len(sent), *[f"{name}: {value}".encode() for name, value in fields])
        if fields[0][0] == "content-type":
            raw = raw.replace(b"Content-Type: application/json\r\n", b"", 1)
        before = gateway.raw.received()
        data, _ = exchange(gateway, raw + sent, answers=1)
        assert statuses(data) == [415], (fields, data)
        assert gateway.raw.received() == before
    for fields in (("Content-Encoding: identity", "Content-Encoding: gzip"), ("Content-Type: multipart/form-data",)):
        data, _ = exchange(gateway, head(b"Content-Length: %d" % len(body), *[field.encode() for field in fields]) + body)
        assert statuses(data) == [400], data
    for value in ("application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;charset=UTF-8",
                  'application/json; charset="utf-8"'):
        status, _ = ask(gateway, body, headers=[("content-type", value), ("content-length", str(len(body)))])
        assert status == 200, value


# --- the path ------------------------------------------------------------------------------------------


PATHS = ["/v1/chat/completions/", "//v1/chat/completions", "/v1//chat/completions", "/v1/./chat/completions",
         "/v1/../v1/chat/completions", "/v1/chat/completions/.", "/v1/chat/completions/..", "/v1/chat/completions;a=b",
         "/v1;a/chat/completions", "/v1/chat/completions;", "/v1/chat/completions%20", "/v1/chat%2fcompletions",
         "/v1/chat%2Fcompletions", "/%761/chat/completions", "/v1/chat/completions%00", "/v1/chat/completions%0d%0a",
         "/v1/chat\\completions", "/V1/chat/completions", "/v1/CHAT/completions", "/v1/chat/completions.json",
         "/v1/chat/completions,", "/v1/chat/completions@x", "/v1/chat/completions:80", "/x/v1/chat/completions",
         "/v1/chat/completions/v1/chat/completions", "/..;/v1/chat/completions", "/.%2e/v1/chat/completions",
         "/v1/chat/completions%3fmodel=secret", "/v1/files", "/v1/models/raw/..", "/v2/models/..", "/v2/models/../infer",
         "/v2/models//infer", "/v2/models/raw%2f..%2fsecret/infer", "/v2/models/raw/versions/../infer",
         "/v2/models/raw/versions//infer", "/v2/repository/index", "/v2/models/raw/generate", "/endpoints//invocations",
         "/endpoints/raw/invocations/x", "/endpoints/../invocations", "/admin/reload", "/metrics", "/healthz"]


def test_only_the_routes_themselves_are_routes(gateway):
    """No spelling of a path but the route's own is one."""
    for path in PATHS:
        for method, body in (("POST", chat_body("raw")), ("GET", None)):
            before = gateway.raw.received()
            answer = gateway.call(method, path, body, ANA)
            assert answer.status in (400, 404, 405), (path, answer.start)
            assert gateway.raw.received() == before, path
    assert_alive(gateway)


def test_methods_are_the_routes_own(gateway):
    """Every other method ends here, overrides included."""
    before = gateway.raw.received()
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "Post"):
        data, _ = exchange(gateway, request_bytes(method, CHAT_PATH, None, ANA, [
            ("x-http-method-override", "POST"), ("connection", "close")]))
        assert statuses(data)[0] in (400, 405, 501), (method, data)
        assert method != "HEAD" or data.endswith(b"\r\n\r\n")
    assert gateway.raw.received() == before


def test_the_path_names_the_model_and_nothing_else_does(gateway):
    """The body of a V2 or MLflow call cannot choose another model than its path."""
    for path in ("/v2/models/raw/infer", "/endpoints/raw/invocations"):
        body = {**infer_body(), "model_name": "secret", "model": "secret", "instances": [[1]]}
        status, seen = ask(gateway, body, path, headers=[("x-model", "secret"), ("model", "secret")])
        assert status in (200, 400)
        assert seen is None or seen.path in ("/v2/models/raw-x/infer", "/invocations")
    for path in ("/v2/models/secret/infer", "/v2/models/secret/versions/1/infer", "/endpoints/secret/invocations"):
        status, seen = ask(gateway, {**infer_body(), "model": "raw"}, path)
        assert (status, seen) == (403, None)


def test_a_pinned_version_is_the_only_one(gateway):
    """What was approved is a version: no path asks for another one."""
    for path, status in (("/v2/models/pinned/infer", 200), ("/v2/models/pinned/versions/1/infer", 200),
                         ("/v2/models/pinned/versions/2/infer", 404), ("/v2/models/pinned/versions/01/infer", 404)):
        got, seen = ask(gateway, infer_body(), path)
        assert got == status, path
        assert seen is None or seen.path == "/v2/models/raw-x/versions/1/infer"
    for path in ("/v2/models/pinned/versions/2", "/v2/models/pinned/versions/2/ready"):
        got, seen = ask(gateway, None, path, method="GET")
        assert (got, seen) == (404, None)


def test_queries_carry_no_credential_and_no_model(gateway):
    """Of the query only what official clients need travels on."""
    for query, want in (("", CHAT_PATH), ("?", CHAT_PATH), ("?api-version=2026-01-01", CHAT_PATH + "?api-version=2026-01-01"),
                        ("?beta=true", CHAT_PATH + "?beta=true"), (f"?key={ANA}", CHAT_PATH), (f"?api_key={ANA}&x=1", CHAT_PATH),
                        (f"?access_token={ANA}&api-version=1", CHAT_PATH + "?api-version=1"),
                        ("?model=secret&api-version=1&model=x", CHAT_PATH + "?api-version=1"), ("?deployment=x", CHAT_PATH),
                        ("?x=http://evil/%0d%0a", CHAT_PATH), ("?api-version=1%0d%0aX: y".replace(" ", ""), CHAT_PATH),
                        ("?api-version=1#x".replace("#", "%23"), CHAT_PATH), ("?API-VERSION=1", CHAT_PATH),
                        ("?api-version", CHAT_PATH), ("?beta=true?model=x", CHAT_PATH), ("?&&&", CHAT_PATH)):
        status, seen = ask(gateway, chat_body("raw"), CHAT_PATH + query)
        assert status == 200 and seen.path == want, (query, seen.path)


# --- who speaks ----------------------------------------------------------------------------------------


def test_two_voices_are_refused(gateway):
    """Which of two credentials counts is not for us, or for the upstream, to guess."""
    bearer = f"Bearer {ANA}"
    for fields, status in (
            ([("authorization", bearer), ("authorization", bearer)], 400),
            ([("authorization", bearer), ("authorization", f"Bearer {BOB}")], 400),
            ([("authorization", bearer), ("x-api-key", BOB)], 401), ([("authorization", bearer), ("x-api-key", "")], 401),
            ([("authorization", ""), ("x-api-key", ANA)], 401), ([("authorization", "Basic YTpi"), ("x-api-key", ANA)], 401),
            ([("x-api-key", ANA), ("x-api-key", BOB)], 400), ([("x-api-key", f"{ANA}, {BOB}")], 401),
            ([("authorization", f"{bearer}, Bearer {BOB}")], 401), ([("authorization", f"{bearer} {BOB}")], 401),
            ([("authorization", f"Bearer\t{ANA}")], 401), ([("authorization", f"Bearer{ANA}")], 401),
            ([("authorization", ANA)], 401), ([("x-api-key", bearer)], 401),
            ([("api-key", ANA), ("x-api-key", BOB)], 401), ([("api-key", ANA), ("x-goog-api-key", BOB)], 401),
            ([("api-key", ANA), ("authorization", f"Bearer {BOB}")], 401), ([("api-key", ANA), ("api-key", BOB)], 400),
            ([("x-goog-api-key", ANA), ("x-goog-api-key", ANA)], 400), ([("api-key", ""), ("x-goog-api-key", ANA)], 401),
            ([("proxy-authorization", bearer)], 401), ([("cookie", f"authorization={bearer}")], 401),
            ([("x_api_key", ANA)], 400), ([("x-api_key", ANA)], 400), ([("x-tollgate-principal", "ana")], 401),
            ([("x-forwarded-user", "ana")], 401), ([("x-remote-user", "ana")], 401)):
        before = gateway.raw.received()
        data, _ = exchange(gateway, request_bytes("POST", CHAT_PATH, chat_body("raw"), None, fields), answers=1)
        assert statuses(data) == [status], (fields, data)
        assert gateway.raw.received() == before
    for fields in ([("authorization", bearer), ("x-api-key", ANA)], [("api-key", ANA), ("x-goog-api-key", ANA), ("x-api-key", ANA)]):
        data, _ = exchange(gateway, request_bytes("POST", CHAT_PATH, chat_body("raw"), None, [*fields, ("connection", "close")]))
        assert statuses(data) == [200], fields


def test_declarations_stand_once(gateway):
    """What policy reads of the head is there once, in its own spelling, or the call ends."""
    for fields in ([("x-tollgate-pii", "true"), ("x-tollgate-pii", "false")], [("x-tollgate-pii", "true"), ("X-Tollgate-PII", "true")],
                   [("x-tollgate-pii", "yes")], [("x-tollgate-data-class", "4")], [("x-tollgate-data-class", "-1")],
                   [("x-tollgate-data-class", "1, 0")], [("x-tollgate-purpose", "a"), ("x-tollgate-purpose", "b")],
                   [("x-tollgate_pii", "false"), ("x-tollgate-pii", "x")]):
        status, seen = ask(gateway, chat_body("raw"), headers=fields)
        assert (status, seen) == (400, None), fields


# Fields that would speak for somebody else, route the call elsewhere, or carry a key of the caller's.
STOPPED = """
authorization2-none
x-tollgate-principal x-tollgate-model x_tollgate_principal x-tollgate_bu
x-user x-user-id x_user x-users-email x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-user x-forwarded-prefix
x-forwarded_for x_forwarded_for x-forwarded x-real-ip x-real_ip x_real_ip forwarded true-client-ip x-client-ip
x-cluster-client-ip x-remote-user x-remote-addr x-authenticated-user x-auth-user x-auth-token x-access-token
x-original-url x-original_url x-original-host x-rewrite-url x-http-method-override x-http-method x-method-override x-host
x-litellm-key x-litellm-tags x_litellm_key x-portkey-config x-portkey-custom-host x-portkey_custom-host helicone-auth
api-key api_key x-goog-api-key ocp-apim-subscription-key openai-organization openai-project openai_organization
proxy-authorization proxy-connection proxy-authenticate cookie cookie2 te trailer keep-alive upgrade-none
sec-websocket-protocol x-amz-security-token x-envoy-original-path via-none x-ssl-client-cert x-client-cert x-scheme
""".split()
KEPT = {"accept": "application/json", "user-agent": "canary/1", "anthropic-version": "2023-06-01", "anthropic-beta": "a,b",
        "openai-beta": "assistants=v2", "idempotency-key": "k1", "x-stainless-lang": "js", "x-request-id": "r1", "x-kept": "yes",
        "tracestate": "a=b", "baggage": "a=b", "accept-language": "de"}


def test_canaries_show_which_fields_travel(gateway):
    """Each field alone and all together: what is stopped is stopped in every spelling, what is kept arrives unchanged,
    and the upstream's credential is the configured one alone."""
    names = [name for name in STOPPED if not name.endswith("-none")]
    # A key under these names is the caller's: it must be the one that the caller has.
    keys = {"api-key", "x-goog-api-key"}
    together = [(name, ANA if name in keys else f"canary-{index}") for index, name in enumerate(names) if "api_key" not in name]
    for fields in [[("X-Canary", "yes"), field] for field in together] + [[*together[:85]], [*KEPT.items()]]:
        before = len(gateway.raw.requests)
        data, _ = exchange(gateway, request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA, [*fields, ("connection", "close")]))
        assert statuses(data) == [200], (fields, data)
        request = gateway.raw.requests[before]
        leaked = [(name, value) for name, value in request.fields if value.startswith("canary-")]
        assert leaked == [], leaked
        assert request.all("authorization") == [f"Bearer {UPSTREAM_SECRET}"]
        assert request.all("accept-encoding") == ["identity"]
        assert not secrets_in(request.head + request.body, [ANA, BOB])
    assert {name: request.get(name) for name in KEPT} == KEPT
    assert [name for name, _ in request.fields if name not in KEPT] == [
        "host", "content-type", "accept-encoding", "traceparent", "authorization", "content-length"]


def test_connection_names_what_it_likes_but_not_our_fields(gateway):
    """A caller that lists fields in Connection drops its own, never the upstream's credential or the framing."""
    data, _ = exchange(gateway, head(
        b"Content-Length: 29", b"Connection: close, authorization, host, content-length, content-type, traceparent, x-a",
        b"X-A: 1") + b'{"model":"raw","messages":[]}')
    assert statuses(data) == [200]
    request = gateway.raw.requests[-1]
    assert request.get("authorization") == f"Bearer {UPSTREAM_SECRET}" and request.get("host") and request.get("x-a") is None
    assert request.get("traceparent") and json.loads(request.body)["model"] == "raw-x"


def test_the_callers_key_reaches_nobody(gateway):
    """Wherever the caller presents its key, the upstream does not see it."""
    for fields in ([("authorization", f"Bearer {ANA}")], [("authorization", f"bearer   {ANA}")], [("x-api-key", ANA)],
                   [("authorization", f"Bearer {ANA}"), ("x-api-key", ANA)],
                   [("authorization", f"Bearer {ANA}"), ("api-key", ANA), ("cookie", f"k={ANA}"), ("x-goog-api-key", ANA),
                    ("ocp-apim-subscription-key", ANA), ("x-auth-token", ANA), ("proxy-authorization", f"Bearer {ANA}")]):
        for path, body in ((CHAT_PATH, chat_body("raw")), ("/v1/messages", messages_body("raw"))):
            status, seen = ask(gateway, body, path, headers=fields)
            assert status == 200
            assert not secrets_in(seen.head + seen.body, [ANA]), fields


# --- what comes back -----------------------------------------------------------------------------------


def answers_with(tmp_path, answer):
    return shared_gateway(tmp_path, upstream=AnsweringUpstream(lambda request: answer))


def test_redirects_are_told_not_followed(tmp_path):
    """A redirect goes nowhere: not with our key, and not with the caller's."""
    trap = AnsweringUpstream()
    for status in (b"301 Moved Permanently", b"302 Found", b"307 Temporary Redirect", b"308 Permanent Redirect", b"300 Multiple"):
        extra = f"Location: {trap.url}/v1/chat/completions\r\nRefresh: 0; url={trap.url}\r\nContent-Location: {trap.url}\r\n"
        folder = tmp_path / status[:3].decode()
        with answers_with(folder, unary_answer(extra=extra.encode(), status=status)) as gateway:
            answer = gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA)
            assert answer.status == int(status[:3]) and answer.get("location") is None and answer.get("refresh") is None
    assert trap.peers == []
    trap.close()


def test_fields_that_bind_the_caller_to_the_upstream_stop_here(tmp_path):
    """Cookies, alternative services and the upstream's own hop fields are not the caller's."""
    extra = (b"Set-Cookie: a=b\r\nSet-Cookie2: a=b\r\nAlt-Svc: h3=\"evil.example:443\"\r\nStrict-Transport-Security: max-age=1\r\n"
             b"X-Tollgate-Request-Id: forged\r\nX_Tollgate_Policy: forged\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=1\r\n"
             b"Proxy-Authenticate: Basic\r\nX-Kept: yes\r\nClear-Site-Data: \"*\"\r\n")
    with answers_with(tmp_path, unary_answer(extra=extra)) as gateway:
        answer = gateway.call("POST", CHAT_PATH, chat_body("raw"), ANA)
        assert answer.status == 200 and answer.get("x-kept") == "yes" and answer.body == UNARY
        names = [name for name, _ in answer.fields]
        for name in ("set-cookie", "set-cookie2", "alt-svc", "strict-transport-security", "x_tollgate_policy", "x-hop", "keep-alive",
                     "proxy-authenticate", "clear-site-data"):
            assert name not in names, name
        assert len(answer.all("x-tollgate-request-id")) == 1 and answer.get("x-tollgate-request-id") != "forged"


ECHOES = {
    "401": (b"401 Unauthorized", b'{"error":{"message":"Incorrect API key provided: ' + UPSTREAM_SECRET.encode() + b'"}}', b""),
    "400 of a header dump": (b"400 Bad Request", b'{"headers":{"Authorization":"Bearer ' + UPSTREAM_SECRET.encode() + b'"}}', b""),
    "500 far behind": (b"500 Internal Server Error", b"x" * 40000 + UPSTREAM_SECRET.encode() + b"y" * 100, b""),
    "200 in a field": (b"200 OK", UNARY, b"X-Debug: key=" + UPSTREAM_SECRET.encode() + b"\r\n"),
    "403 in a field": (b"403 Forbidden", b"{}", b"X-Debug: Bearer " + UPSTREAM_SECRET.encode() + b"\r\n"),
}


@pytest.mark.parametrize("name", ECHOES)
@pytest.mark.parametrize("pieces", ["whole", "cut", "chunked"])
def test_an_upstream_that_tells_our_key_is_not_believed(tmp_path, name, pieces):
    """A credential that an error body or a field repeats stays here, wherever the bytes are cut."""
    status, body, extra = ECHOES[name]
    whole = unary_answer(body, extra, status)
    cut = len(whole) - len(body) + max(body.find(UPSTREAM_SECRET.encode()), 0) + 5

    def play(peer):
        if pieces == "whole":
            peer.send(whole)
        elif pieces == "cut":
            peer.send(whole[:cut])
            time.sleep(0.02)
            peer.send(whole[cut:])
        else:
            start = whole[:len(whole) - len(body)].replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
            peer.send(start + b"".join(b"%x\r\n" % len(part) + part + b"\r\n" for part in (
                body[i:i + 7000] for i in range(0, len(body), 7000))) + b"0\r\n\r\n")
    with shared_gateway(tmp_path, upstream=AnsweringUpstream(lambda request: play)) as gateway:
        data, _ = exchange(gateway, request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA, [("connection", "close")]))
        assert statuses(data) and not secrets_in(data, [UPSTREAM_SECRET]), data[:400]


def test_no_output_holds_a_secret(gateway):
    """Answers, log, journal and metrics of every kind of call, searched for each key in plain, hex and base64."""
    outputs = [gateway.admin(path).body for path in ("/metrics", "/healthz", "/readyz")]
    for credential in (ANA, BOB, make_key("old")[0], make_key("revoked")[0], ANA[:-1]):
        for path, body in ((CHAT_PATH, chat_body("raw")), (CHAT_PATH, chat_body("secret")), (CHAT_PATH, chat_body("none")),
                           (CHAT_PATH, b'{"model":"' + credential.encode()), (CHAT_PATH, chat_body(credential)), ("/x", {}),
                           ("/v1/messages", messages_body("raw")), ("/v2/models/" + credential, None),
                           ("/v2/models/raw/infer", infer_body()), ("/v1/models", None)):
            answer = gateway.call("GET" if body is None else "POST", path, body, credential)
            outputs.append(answer.head + answer.body)
    assert_no_secret(gateway, *outputs)
    assert every_secret()
