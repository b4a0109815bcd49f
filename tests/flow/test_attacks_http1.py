# SPDX-License-Identifier: Apache-2.0
"""Promise: a message that two readers could read differently ends here: the right status, the end of the connection,
and not one byte to an upstream."""

import json
import os
import re
from pathlib import Path

import pytest

from attack import (ANA, CHAT_PATH, AnsweringUpstream, assert_alive, exchange, good, head, shared_gateway, statuses,
                    unary_answer)
from harness import TOP
from setup_gateway import compact

BODY = compact({"model": "raw", "messages": []})
LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKED = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"
TE = b"Transfer-Encoding: chunked"
# What a reader of the other framing would take for the next request.
SMUGGLED = good()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    upstream = AnsweringUpstream()
    with shared_gateway(tmp_path_factory.mktemp("front"), upstream=upstream) as made:
        yield made


def test_the_control_passes(gateway):
    """The requests that the cases below are made from do reach the upstream when nothing is wrong with them."""
    for raw in (good(), head(TE) + CHUNKED, head(b"transfer-encoding:chunked") + CHUNKED,
                head(LENGTH, b"X-Odd: \x80\xa0\xff") + BODY):
        before = len(gateway.raw.requests)
        data, _ = exchange(gateway, raw.replace(b"Host: gateway", b"Host: gateway\r\nConnection: close"))
        assert statuses(data) == [200], (raw, data)
        assert len(gateway.raw.requests) == before + 1


def te(value):
    return head(b"Transfer-Encoding:" + value) + CHUNKED


CASES = {
    # both framings, in either order and wherever the smuggled request stands
    "CL.TE": head(LENGTH, TE) + CHUNKED,
    "TE.CL": head(TE, LENGTH) + CHUNKED,
    "CL.TE with a prefix": head(b"Content-Length: 6", TE) + b"0\r\n\r\nX",
    "TE.CL smuggled": head(TE, b"Content-Length: 4") + b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n0\r\n\r\n",
    "CL 0 and TE": head(b"Content-Length: 0", TE) + CHUNKED,
    "CL and TE identity": head(LENGTH, b"Transfer-Encoding: identity") + BODY,
    # repeated and malformed lengths
    "CL twice, other": head(LENGTH, b"Content-Length: 3") + BODY,
    "CL twice, equal": head(LENGTH, LENGTH) + BODY,
    "CL twice, case": head(LENGTH, b"content-LENGTH: 0") + BODY,
    "CL list, equal": head(b"Content-Length: %d, %d" % (len(BODY), len(BODY))) + BODY,
    "CL list, other": head(b"Content-Length: 0, %d" % len(BODY)) + BODY,
    **{f"CL {text!r}": head(b"Content-Length: " + text) + BODY for text in (
        b"", b"+5", b"-1", b"-0", b"0x10", b"1e2", b"5;", b"5 5", b"5\t", b"\x0b5", b"5\x0c", b"5\x85", b"\xa05", b"5\x00",
        b"18446744073709551616", b"99999999999999999999999", b"\xd9\xa1\xd9\xa2", b'"5"', b"5.0", b"NaN", b"5\r")},
    "CL space before colon": head(b"Content-Length : %d" % len(BODY)) + BODY,
    "CL tab before colon": head(b"Content-Length\t: %d" % len(BODY)) + BODY,
    "CL underscore beside": head(LENGTH, b"Content_Length: 0") + BODY,
    "CL NUL in name": head(LENGTH, b"Content\x00Length: 0") + BODY,
    "CL folded": head(b"Content-Length:\r\n %d" % len(BODY)) + BODY,
    # every spelling of a transfer coding but one
    **{f"TE {text!r}": te(text) for text in (
        b" ,chunked", b" chunked,", b" x, chunked", b" chunked, x", b" chunked, chunked", b" chunked chunked", b" xchunked",
        b' "chunked"', b" 'chunked'", b" chunked;q=1", b" chunked;", b" identity", b" gzip", b" gzip, chunked", b"",
        b" \tchunked", b"\tchunked", b" chunked\t", b" chunked\x0b", b"\x0bchunked", b"\x0cchunked", b" chunked\x0c",
        b" chunked\x00", b" \x00chunked", b" chunked\x85", b" \x85chunked", b" chunked\xa0", b" \xa0chunked",
        b" chun\xe2\x84\xaaed", b" chunk\xc3\xa9d", b"\r\n chunked", b" chunked\r\n ", b" \r\n\tchunked", b" chunked\r",
        b"\n chunked", b" CHUNKED, identity", b": chunked", b" {chunked}", b" trailers", b" deflate")},
    "TE twice": head(TE, TE) + CHUNKED,
    "TE twice, other": head(TE, b"Transfer-Encoding: identity") + CHUNKED,
    "TE identity, then chunked": head(b"Transfer-Encoding: identity", TE) + CHUNKED,
    "TE underscore": head(LENGTH, b"Transfer_Encoding: chunked") + BODY,
    "TE underscore beside": head(TE, b"Transfer_Encoding: identity") + CHUNKED,
    "TE space before colon": head(b"Transfer-Encoding : chunked") + CHUNKED,
    "TE space before colon beside CL": head(LENGTH, b"Transfer-Encoding : chunked") + BODY,
    "TE behind NUL": head(LENGTH, b"X: a\x00\r\nTransfer-Encoding: chunked") + BODY,
    "TE behind lone CR": head(LENGTH, b"X: a\rTransfer-Encoding: chunked") + BODY,
    "TE behind lone LF": head(LENGTH, b"X: a\nTransfer-Encoding: chunked") + BODY,
    "TE behind CR after empty value": head(LENGTH, b"X:\rTransfer-Encoding: chunked") + BODY,
    "TE with line start space": head(LENGTH, b" Transfer-Encoding: chunked") + BODY,
    "TE on 1.0": head(TE, version="HTTP/1.0") + CHUNKED,
    "TE on 1.0, keep-alive": head(TE, b"Connection: keep-alive", version="HTTP/1.0") + CHUNKED,
    "TE on GET": head(TE, method="GET", path="/v1/models") + CHUNKED,
    "TE on HEAD": head(TE, method="HEAD", path="/v1/models") + CHUNKED,
    "TE on OPTIONS": head(TE, method="OPTIONS") + CHUNKED,
    # chunk lines
    **{f"chunk line {line!r}": head(TE) + line + BODY + b"\r\n0\r\n\r\n" for line in (
        b"%x;a=b\r\n" % len(BODY), b"%x;\r\n" % len(BODY), b"%x ;a\r\n" % len(BODY), b"%x;a=\"\r\n\"\r\n" % len(BODY),
        b"%x;a\nb\r\n" % len(BODY), b"%x\n" % len(BODY), b"%x\r" % len(BODY), b"%x\r\r\n" % len(BODY),
        b"%x \r\n" % len(BODY), b" %x\r\n" % len(BODY), b"%x\t\r\n" % len(BODY), b"\t%x\r\n" % len(BODY),
        b"0x%x\r\n" % len(BODY), b"+%x\r\n" % len(BODY), b"-%x\r\n" % len(BODY), b"%x\0\r\n" % len(BODY),
        b"\0%x\r\n" % len(BODY), b"\r\n", b"\n", b"g\r\n", b"%x_0\r\n" % len(BODY), b"%x.0\r\n" % len(BODY),
        b"%x\x85\r\n" % len(BODY), b"%x,\r\n" % len(BODY), b"000000000000000000%x\r\n" % len(BODY),
        b"10000000000000000\r\n")},
    "chunk without its end": head(TE) + b"%x\r\n" % len(BODY) + BODY + b"0\r\n\r\n",
    "chunk end XX": head(TE) + b"%x\r\n" % len(BODY) + BODY + b"XX0\r\n\r\n",
    "chunk end LF": head(TE) + b"%x\r\n" % len(BODY) + BODY + b"\n0\r\n\r\n",
    "chunk end CR CR": head(TE) + b"%x\r\n" % len(BODY) + BODY + b"\r\r0\r\n\r\n",
    "chunk longer than said": head(TE) + b"1\r\n" + BODY + b"\r\n0\r\n\r\n",
    "last chunk LF": head(TE) + b"%x\r\n" % len(BODY) + BODY + b"\r\n0\n\r\n",
    "last line LF": head(TE) + b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\n",
    "last chunk extension": head(TE) + b"%x\r\n" % len(BODY) + BODY + b"\r\n0;a\r\n\r\n",
    # trailers
    **{f"trailer {field!r}": head(TE) + CHUNKED[:-2] + field + b"\r\n\r\n" for field in (
        b"Authorization: Bearer x", b"Host: b", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Connection: close",
        b"X-Api-Key: x", b"Content_Length: 5", b" folded: x", b": empty", b"a b: x", b"x", b"X: a\0b", b"X: a\nY: b")},
    # field grammar
    **{f"field {field!r}": head(LENGTH, field) + BODY for field in (
        b": v", b"X : v", b"X\t: v", b"X Y: v", b" X: v", b"\tX: v", b"X: a\r\n b", b"X: a\r\n\tb", b"X", b"X\x00: v",
        b"X: a\x00b", b"X: a\rb", b"X: a\nb", b"X: a\x1fb", b"X: a\x7fb", b"X\x80: v", b"X\xa0: v", b"(X): v", b"X,Y: v",
        b"X/Y: v", b"X@Y: v", b"X[Y]: v", b'"X": v', b"X{Y}: v", b"X\x0b: v", b"X_Api_Key: k", b"Hos\x00t: b", b"Host: b", b"Host : b", b"Connection: clo se", b"Connection: (close)")},
    # start lines
    **{f"start {line!r}": line + b"\r\n" + good().split(b"\r\n", 1)[1] for line in (
        b"POST  /v1/chat/completions HTTP/1.1", b"POST /v1/chat/completions  HTTP/1.1",
        b"POST\t/v1/chat/completions HTTP/1.1", b"POST /v1/chat/completions\tHTTP/1.1",
        b" POST /v1/chat/completions HTTP/1.1", b"POST /v1/chat/completions HTTP/1.1 ",
        b"POST /v1/chat/completions", b"POST /v1/chat/completions HTTP/1.1\r", b"POST /v1/chat/completions HTTP/1.1\0",
        b"POST /v1/chat/completions http/1.1", b"POST /v1/chat/completions HTTP/1.10", b"POST /v1/chat/completions HTTP/01.1",
        b"POST /v1/chat/completions HTTP/ 1.1", b"POST /v1/chat/completions HTTP/2.0", b"POST /v1/chat/completions HTTP/0.9",
        b"POST /v1/chat/completions HTTP/1.2", b"POST /v1/chat/completions HTTP/-1.-1", b"post /v1/chat/completions HTTP/1.1",
        b"POST /v1/chat/completions#f HTTP/1.1", b"POST /v1/chat/comp\x80 HTTP/1.1", b"POST /v1/chat\\completions HTTP/1.1",
        b"POST v1/chat/completions HTTP/1.1", b"POST * HTTP/1.1", b"POST  HTTP/1.1", b"CONNECT gateway:80 HTTP/1.1",
        b"CONNECT /v1/chat/completions HTTP/1.1", b"TRACE /v1/chat/completions HTTP/1.1", b"FOO /v1/chat/completions HTTP/1.1",
        b"PRI * HTTP/2.0", b"PO\0ST /v1/chat/completions HTTP/1.1", b"\r\nPOST /v1/chat/completions HTTP/1.1",
        b"\nPOST /v1/chat/completions HTTP/1.1", b"POST /v1/chat/completions HTTP/1.1\nX: y",
        b"POST http://other/v1/chat/completions HTTP/1.1", b"POST ftp://gateway/v1/chat/completions HTTP/1.1",
        b"POST http://gateway:x/v1/chat/completions HTTP/1.1", b"POST http:///v1/chat/completions HTTP/1.1",
        b"POST http://a@gateway/v1/chat/completions HTTP/1.1")},
    "no Host": good().replace(b"Host: gateway\r\n", b""),
    **{f"Host {text!r}": good().replace(b"Host: gateway", b"Host: " + text) for text in (
        b"", b"a b", b"a/b", b"a@b", b"x/#@y", b"a,b", b"a:b", b"a:99999", b"a:80:80", b"[::1", b"::1", b"a#b", b"a?b",
        b"a\\b", b"a\0b", b"h\xc3\xb6st")},
    # Expect
    **{f"Expect {text!r}": head(LENGTH, b"Expect: " + text) + BODY for text in (
        b"200-ok", b"", b"100-continue, x", b"100-continue;q=1", b"101-continue", b"100 continue")},
    "Expect twice": head(LENGTH, b"Expect: 100-continue", b"Expect: 100-continue") + BODY,
    # TLS, HTTP/2 and other noise
    "TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500 + b"\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
    "NULs": b"\0" * 1000 + b"\n",
    "only LF": good().replace(b"\r\n", b"\n"),
    "only CR": good().replace(b"\r\n", b"\r") + b"\n",
    "PROXY line": b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n" + good(),
}
REFUSALS = {400, 413, 414, 417, 431, 501, 505}


@pytest.mark.parametrize("way", ["alone", "second", "cut"])
def test_ambiguous_messages_end_here(gateway, way):
    """Each case of the table: alone, with a good request behind it, and in two writes with a pause."""
    wrong = []
    before = gateway.raw.received()
    for name, raw in CASES.items():
        cut = raw.index(b"\r\n\r\n") + 4 if b"\r\n\r\n" in raw else len(raw) // 2
        pieces = {"alone": [raw], "second": [raw + good()], "cut": [raw[:cut // 2], raw[cut // 2:]]}[way]
        data, is_ended = exchange(gateway, *pieces, timeout=3, pause=0.002)
        answers = statuses(data)
        # A client that stops in the middle is told so by the end of its time, not by an upstream.
        if not is_ended or len(answers) > 1 or (answers and answers[0] not in REFUSALS):
            wrong.append((name, answers, is_ended, data[:300]))
        elif gateway.raw.received() != before:
            wrong.append((name, "bytes went upstream"))
            before = gateway.raw.received()
    assert not wrong, "\n".join(map(str, wrong))
    assert gateway.raw.received() == before
    assert_alive(gateway)


def test_cut_at_every_byte_a_refusal_is_the_same(gateway):
    """Where the bytes are cut changes neither status nor end."""
    for raw in (CASES["CL.TE"], CASES["TE twice"],
                CASES["TE with line start space"]):
        whole = statuses(exchange(gateway, raw)[0])
        assert whole == [400]
        for cut in range(1, raw.index(b"\r\n\r\n") + 4, 7):
            data, is_ended = exchange(gateway, raw[:cut], raw[cut:], timeout=3, pause=0.001)
            assert statuses(data) == whole and is_ended, (cut, data)
    assert_alive(gateway)


def test_a_body_that_nobody_reads_is_no_request(gateway):
    """The body of a refused call may look like a request: it is never read as one."""
    before = gateway.raw.received()
    size = b"Content-Length: %d" % len(SMUGGLED)
    for refused in (head(size, key="tg_wrong"), head(size, path="/nowhere"), head(size, b"Content-Encoding: gzip"),
                    head(b"Expect: 100-continue", size, key="tg_wrong"), head(size, path="/v1/models"),
                    head(size, method="DELETE"), head(size, method="HEAD"), head(size, method="OPTIONS"),
                    head(b"Content-Length: 99999999")):
        for pieces in ([refused + SMUGGLED], [refused, SMUGGLED], [refused, SMUGGLED[:50], SMUGGLED[50:]]):
            data, _ = exchange(gateway, *pieces, timeout=1, answers=1)
            assert len(statuses(data)) == 1 and statuses(data)[0] >= 400, (refused, data)
            assert gateway.raw.received() == before, refused
    assert_alive(gateway)


def test_exactly_the_declared_body_is_taken(gateway):
    """What stands behind a whole request is the next one; what is missing is waited for, not made up."""
    whole = good()
    for size in (1, 7, len(whole) - 1):
        before = len(gateway.raw.requests)
        data, _ = exchange(gateway, whole + whole[:size], whole[size:].replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
                           if size < 20 else whole[size:], timeout=1, answers=2)
        assert statuses(data) == [200, 200]
        assert len(gateway.raw.requests) == before + 2
    before = gateway.raw.received()
    peer = gateway.connect()
    peer.send(whole[:-1])
    assert peer.is_silent(0.2)
    peer.close()
    assert gateway.raw.received() == before


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c", b"TLS/1.0", b"connect-udp"])
def test_there_are_no_tunnels(gateway, upgrade):
    """Upgrade is stripped, the connection closes behind the answer, and bytes behind it reach nobody."""
    before = len(gateway.raw.requests)
    data, is_ended = exchange(gateway, head(
        LENGTH, b"Upgrade: " + upgrade, b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABkAAQAAP__",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13") + BODY + SMUGGLED)
    assert statuses(data) == [200] and is_ended
    assert len(gateway.raw.requests) == before + 1
    request = gateway.raw.requests[-1]
    for name in ("upgrade", "connection", "http2-settings"):
        assert request.get(name) is None, name
    assert not [name for name, _ in request.fields if name.startswith("sec-websocket-")]


def test_an_upstream_that_switches_protocols_is_a_502(tmp_path):
    """A 101 that nobody asked for opens no tunnel."""
    upstream = AnsweringUpstream(lambda request: b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + unary_answer())
    with shared_gateway(tmp_path, upstream=upstream) as gateway:
        data, _ = exchange(gateway, head(LENGTH, b"Upgrade: x", b"Connection: upgrade") + BODY)
        assert statuses(data) == [502]


def test_trailers_stop_here(gateway):
    """Harmless trailers are dropped, not merged into the head."""
    data, _ = exchange(gateway, head(TE, b"Trailer: X-Kept", b"Connection: close") + CHUNKED[:-2] + b"X-Kept: no\r\n\r\n")
    assert statuses(data) == [200]
    assert gateway.raw.requests[-1].get("x-kept") is None and gateway.raw.requests[-1].get("trailer") is None
    assert gateway.raw.requests[-1].get("transfer-encoding") is None


def test_expect_stays_here(gateway):
    """100 Continue is said by the gateway; the field does not travel on."""
    for expect in (b"100-continue", b"100-Continue"):
        data, _ = exchange(gateway, head(LENGTH, b"Expect: " + expect, b"Connection: close"), BODY)
        assert statuses(data) == [100, 200]
        assert gateway.raw.requests[-1].get("expect") is None
    # HTTP/1.0 knows no 100.
    data, _ = exchange(gateway, head(LENGTH, b"Expect: 100-continue", version="HTTP/1.0"), BODY)
    assert statuses(data) == [200]


# --- a published list ---------------------------------------------------------------------------------

PROBE = Path(os.environ.get("TOLLGATE_SHARED", TOP.parent / "shared")) / "http" / "http11probe-compliance.json"

# Answers that differ from the list's wish, each with its reason.
OTHERWISE = {
    "COMP-OPTIONS-STAR": ({401, 404}, "every route asks for a credential, and there is no route *"),
    "COMP-OPTIONS-ALLOW": ({405}, "no route takes OPTIONS; the answer says what it takes"),
    "COMP-NO-CL-IN-204": ({405}, "the same"),
    "COMP-HEAD-NO-BODY": ({405}, "no route takes HEAD"),
    "COMP-CHUNKED-EXTENSION": ({400}, "extensions are refused by rule"),
    "COMP-POST-UNSUPPORTED-CT": ({415}, "the type is not one of the operation's"),
    "COMP-POST-CL-ZERO": ({400, 200}, "an empty table has no row"),
    "COMP-POST-NO-CL-NO-TE": ({400, 200}, "the same"),
    "COMP-CHUNKED-EMPTY": ({400, 200}, "the same"),
    "COMP-DUPLICATE-CT": ({400}, "preferred"),
    "COMP-LONG-URL-OK": ({400, 401, 404, 405}, "not 414"),
    "COMP-TRACE-SENSITIVE": ({501}, "there is no TRACE"),
    "COMP-TRACE-WITH-BODY": ({501}, "the same"),
    "COMP-UPGRADE-POST": ({400, 200}, "an empty table has no row"),
    "COMP-METHOD-CASE": ({501}, "methods are case-sensitive"),
    "COMP-UNKNOWN-METHOD": ({501}, "preferred"),
}


def probe_bytes(row):
    """The case's bytes, its route exchanged for one of ours that goes upstream with any body."""
    text = "".join(row["sends"].split("\n"))
    if row["id"] == "COMP-LONG-URL-OK":
        text = "GET /" + "a" * 7900 + r" HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"
    text = text.replace("AAAA...AAAA", "A" * 65536).replace("k0=v0; k1=v1; ... k999=v999", "; ".join(
        f"k{i}=v{i}" for i in range(1000))).replace("[TAB]", "\t")
    raw = text.encode().decode("unicode_escape").encode("latin-1")
    route = b"/endpoints/probe/invocations" if raw.lstrip(b"\r\n").startswith(b"POST") else b"/v2/models/probe"
    for target in (b" /echo ", b" /cookie ", b" / ", b"\t/ ", b" http://localhost:8080/ ", b" /path#frag ", b"  / "):
        if target in raw[:60]:
            raw = raw.replace(target, target.replace(target.strip().split(b"#")[0].removeprefix(b"http://localhost:8080"),
                                                     route), 1)
            break
    more = f"\r\nAuthorization: Bearer {ANA}\r\n".encode()
    if row["id"] == "COMP-TRACE-SENSITIVE":
        more = b"\r\n"
    if route.endswith(b"invocations") and b"Content-Type" not in raw:
        more += b"Content-Type: text/csv\r\n"
    # The credential goes before the last empty line, so that no start of a head is repaired by it.
    end = raw.find(b"\r\n\r\n")
    return raw if end < 0 else raw[:end] + more + b"\r\n" + raw[end + 4:]


def wanted(row):
    """Statuses that the list takes, and whether a close without an answer will do."""
    text = row["expected"].split("warning")[0]
    found = {int(word) for word in re.findall(r"\b([1-5]\d\d)\b", text)}
    if "2xx" in text or "non-" in text.lower() or "not `101`" in text.lower():
        found |= {200}
    return found, any(word in text for word in ("close", "timeout", "Reject/drop"))


def test_http11probe_through_the_whole_gateway(tmp_path):
    """The published cases: the wanted status, and not one byte upstream for what is refused."""
    if not PROBE.exists():
        print("# SKIP http11probe: 102 cases skipped, data absent")
        pytest.skip("http11probe: 102 cases skipped, data absent")
    rows = json.loads(PROBE.read_text())
    upstream = AnsweringUpstream(lambda message: unary_answer(json.dumps(message.fields).encode()))

    def change(config):
        config["models"].append({**config["models"][-2], "name": "probe", "aliases": [],
                                 "dialects": ["mlflow.invocations", "kserve.infer"]})
    wrong = []
    with shared_gateway(tmp_path, change, upstream) as gateway:
        for row in rows:
            before = (gateway.raw.received(), len(gateway.raw.requests))
            data, is_ended = exchange(gateway, probe_bytes(row), timeout=0.6,
                                      answers=0 if "1.0" in row["sends"] or "CLOSE" in row["id"] else 1)
            answers = [status for status in statuses(data) if status >= 200]
            status = answers[0] if answers else None
            takes, may_close = wanted(row)
            if row["id"] in OTHERWISE:
                takes = OTHERWISE[row["id"]][0]
            if row["category"] == "Capabilities":
                takes = {200}
            if status is None and (may_close or takes == {400} and is_ended):
                pass
            elif row["expected"].startswith(("Reject", "IMF", "Sensitive")):
                if status not in (400, 200, 501):
                    wrong.append((row["id"], takes, data[:200]))
            elif status not in takes:
                wrong.append((row["id"], takes, data[:200]))
            if (status or 400) >= 400 and gateway.raw.received() != before[0]:
                wrong.append((row["id"], status, "bytes went upstream"))
            if len(gateway.raw.requests) > before[1] + 1:
                wrong.append((row["id"], "two requests went upstream"))
            lower = data.lower()
            if status == 405 and b"\r\nallow: " not in lower:
                wrong.append((row["id"], "405 without Allow"))
            if answers and b"\r\ndate: " not in lower:
                wrong.append((row["id"], "no Date"))
            if row["category"] == "Normalization" and status == 200:
                wrong.append((row["id"], "was not refused"))
        assert_alive(gateway)
    assert not wrong, "\n".join(map(str, wrong))
    assert len(rows) == 102


def test_a_head_within_its_bounds_passes_and_beyond_is_refused(gateway):
    """16 KiB of head, 100 fields and 8 KiB of target are the bounds of this configuration."""
    used = len(head(LENGTH))
    before = gateway.raw.received()
    for raw, status in ((head(LENGTH, *[b"X-%d: y" % i for i in range(97)]) + BODY, 431),
                        (head(LENGTH, b"X-Long: " + b"a" * (16385 - used - 10)) + BODY, 431),
                        (head(LENGTH, path=CHAT_PATH + "?" + "a" * 8192) + BODY, 414),
                        (head(LENGTH, b"a" * 70000 + b": b") + BODY, 431), (b"GET /" + b"a" * 70000, 431),
                        (b"a" * 70000, 431), (head(LENGTH, *[b"a: b"] * 5000) + BODY, 431)):
        data, is_ended = exchange(gateway, raw)
        assert statuses(data) == [status] and is_ended, (raw[:200], data)
    assert gateway.raw.received() == before
    for raw in (head(LENGTH, *[b"X-%d: y" % i for i in range(95)], b"Connection: close") + BODY,
                head(LENGTH, b"Connection: close", b"X-Long: " + b"a" * (16384 - used - 40)) + BODY):
        assert statuses(exchange(gateway, raw)[0]) == [200]
    assert_alive(gateway)
