# SPDX-License-Identifier: Apache-2.0
"""Promise: who calls is who the configured key says, and a refusal tells nobody why, by its words or by its time."""

import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import subprocess
import threading
import time

import pytest

from attack import (ANA, CHAT_PATH, AnsweringUpstream, assert_alive, assert_no_secret, metric, rss_bytes, shared_gateway)
from harness import make_key, wait_for
from setup_gateway import chat_body, keys_document
from test_tokens import issue, issuer, keygen


def b64(data):
    return base64.urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode()).decode().rstrip("=")


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    """An RS256 and an ES256 key, each with its published set."""
    folder = tmp_path_factory.mktemp("pems")
    return {"RS256": keygen(folder, "RS256", "r1"), "ES256": keygen(folder, "ES256", "e1"),
            "foreign": keygen(folder, "RS256", "f1")}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory, pems):
    folder = tmp_path_factory.mktemp("identity")
    (folder / "jwks.json").write_text(json.dumps({"keys": pems["RS256"][1]["keys"] + pems["ES256"][1]["keys"]}))

    def change(config):
        config["identity"]["issuers"] = [issuer({"file": str(folder / "jwks.json")}, leeway="0s")]
    with shared_gateway(folder / "gateway", change, AnsweringUpstream()) as made:
        yield made


def status(gateway, *credential, peer=None):
    headers = [("authorization", f"Bearer {credential[0]}")] if isinstance(credential[0], str) else credential[0]
    return gateway.call("POST", CHAT_PATH, chat_body("raw"), headers=headers, peer=peer).status


def forged(pems):
    """Name -> credential, none of which is one."""
    good = issue(pems["RS256"][0], "RS256", "r1")
    head, payload, signature = good.split(".")
    es_head, es_payload, es_signature = issue(pems["ES256"][0], "ES256", "e1").split(".")
    es_raw = base64.urlsafe_b64decode(es_signature + "==")
    public = subprocess.run(["openssl", "pkey", "-in", pems["RS256"][0], "-pubout"], capture_output=True, check=True).stdout
    order = (0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551).to_bytes(32, "big")
    claims = {"iss": "https://idp.test", "aud": "tollgate", "sub": "root", "exp": 4102444800}

    def confused(alg, key, **more):
        start = f"{b64({'alg': alg, 'kid': 'r1', **more})}.{payload}"
        return f"{start}.{b64(hmac.new(key, start.encode(), hashlib.sha256).digest())}"

    def headed(**fields):
        return f"{b64(fields)}.{payload}.{signature}"
    twice = b'{"alg":"RS256","alg":"none","kid":"r1"}'
    modulus = json.dumps(pems["RS256"][1]["keys"][0]["n"]).encode()
    return {
        "nonsense": "nonsense", "empty": "", "dots": "..", "four parts": good + ".x", "five parts": good + "..",
        "two parts": f"{head}.{payload}", "no signature": f"{head}.{payload}.", "padding": good + "=", "space in": good[:50] + " " + good[50:],
        "tab in front": "\t" + good, "comma": good + ",x", "unicode dots": good.replace(".", "\uff0e").encode().decode("latin-1"),
        "other base64": good.replace("-", "+").replace("_", "/") + "+", "cut": good[:-1], "one more": good + "A",
        "unused bits": good[:-1] + {"A": "B", "Q": "R", "g": "h", "w": "x"}.get(good[-1], "A"),
        **{f"alg {alg!r}": headed(alg=alg, kid="r1") for alg in (
            "none", "None", "nOnE", "", "HS256", "RS384", "PS256", "ES256", "EdDSA", "rs256", "RS256 ", None, 0, True, [], ["RS256"], {})},
        **{f"alg {alg!r} without signature": f"{b64({'alg': alg, 'kid': 'r1'})}.{payload}." for alg in ("none", "nOnE", "", "RS256")},
        "no alg": headed(kid="r1"), "no kid, foreign": issue(pems["foreign"][0], "RS256", "f1"),
        "foreign key, our kid": issue(pems["foreign"][0], "RS256", "r1"), "kid of another type": issue(pems["RS256"][0], "RS256", "e1"),
        **{f"kid {kid[:20]!r}": headed(alg="RS256", kid=kid) for kid in (
            "../../../../dev/null", "/dev/null", "' OR 1=1 --", "r1\0", "r1\n", "R1", "", "*", "r1' UNION SELECT 'x", "k" * 30000,
            "file:///etc/passwd", "\u2028", "\x1b[2J")},
        "kid as number": headed(alg="RS256", kid=1), "kid as list": headed(alg="RS256", kid=["r1"]),
        "HS256 with the PEM": confused("HS256", public), "HS256 with the modulus": confused("HS256", modulus),
        "HS256 with nothing": confused("HS256", b""),
        "jwk": confused("HS256", b"x", jwk={"kty": "oct", "k": b64(b"x")}), "jku": headed(alg="RS256", kid="r1", jku="http://127.0.0.1:1/k"),
        "x5u": headed(alg="RS256", kid="r1", x5u="http://127.0.0.1:1/k"), "x5c": headed(alg="RS256", kid="r1", x5c=["x"]),
        "crit": headed(alg="RS256", kid="r1", crit=["x"], x=1), "b64": headed(alg="RS256", kid="r1", crit=["b64"], b64=False),
        "zip": headed(alg="RS256", kid="r1", zip="DEF"),
        "alg twice": f"{b64(twice)}.{payload}.{signature}",
        "payload of ours": f"{head}.{b64(claims)}.{signature}", "payload of another": f"{head}.{es_payload}x.{signature}",
        "parts of two": f"{head}.{payload}.{es_signature}", "ES with DER": f"{es_head}.{es_payload}.{b64(b'0E' + es_raw)}",
        "ES r = s = 0": f"{es_head}.{es_payload}.{b64(bytes(64))}", "ES r = 0": f"{es_head}.{es_payload}.{b64(bytes(32) + es_raw[32:])}",
        "ES s = 0": f"{es_head}.{es_payload}.{b64(es_raw[:32] + bytes(32))}", "ES r = n": f"{es_head}.{es_payload}.{b64(order + es_raw[32:])}",
        "ES s = n": f"{es_head}.{es_payload}.{b64(es_raw[:32] + order)}", "ES 63 bytes": f"{es_head}.{es_payload}.{b64(es_raw[:-1])}",
        "ES 65 bytes": f"{es_head}.{es_payload}.{b64(es_raw + b'x')}", "ES empty": f"{es_head}.{es_payload}.",
        "expired": issue(pems["RS256"][0], "RS256", "r1", ttl="1s"), "other audience": f"{head}.{b64({**claims, 'aud': 'x'})}.{signature}",
        "a key that is unknown": make_key("stranger")[0], "a key that expired": make_key("old")[0], "a key that was revoked": make_key("revoked")[0],
        "a key, cut": ANA[:-1], "a key and more": ANA + "A", "a key in capitals": ANA.upper(), "a digest": make_key("ana")[1],
        "a key with unused bits": ANA[:-1] + chr(ord(ANA[-1]) + 1), "a prefix": "tg_", "a key of NULs": "tg_" + "A" * 43,
    }


def test_every_cause_is_the_same_401(gateway, pems):
    """Eighty forged credentials: one status, one body, the connection lives, nothing is recorded or sent."""
    credentials = forged(pems)
    # The brief one has to run out.
    assert wait_for(lambda: status(gateway, credentials["expired"]) == 401, 5, 0.1)
    before = (gateway.raw.received(), len(gateway.records("intent")))
    answers = {}
    for name, credential in credentials.items():
        if "\n" in credential or len(credential) > 15000:
            continue
        answer = gateway.call("POST", CHAT_PATH, chat_body("raw"), headers=[("authorization", f"Bearer {credential}")])
        answers[name] = (answer.status, answer.body, answer.get("www-authenticate"),
                         tuple(name for name, _ in answer.fields))
    assert len(set(answers.values())) == 1, [(name, got) for name, got in answers.items() if got != answers["nonsense"]][:5]
    assert answers["nonsense"][0] == 401 and len(answers) > 80
    assert (gateway.raw.received(), len(gateway.records("intent"))) == before
    assert status(gateway, issue(pems["RS256"][0], "RS256", "r1")) == 200
    assert status(gateway, issue(pems["ES256"][0], "ES256", "e1")) == 200
    assert_alive(gateway)


def test_the_time_of_a_401_tells_little(gateway, pems):
    """Unknown, expired and revoked keys take the same time, and no token's cause stands out by milliseconds."""
    credentials = {name: value for name, value in forged(pems).items() if name.startswith("a key ") or name in (
        "nonsense", "no signature", "foreign key, our kid", "no kid, foreign", "HS256 with the PEM", "ES r = s = 0")}
    peer = gateway.connect()
    times = {name: [] for name in credentials}
    for _ in range(25):
        for name, credential in credentials.items():
            began = time.perf_counter()
            assert status(gateway, credential, peer=peer) == 401
            times[name].append(time.perf_counter() - began)
    peer.close()
    best = {name: sorted(values)[3] for name, values in times.items()}
    assert max(best.values()) - min(best.values()) < 0.005, best
    keys = [value for name, value in best.items() if name in ("a key that is unknown", "a key that expired", "a key that was revoked")]
    assert max(keys) < 2 * min(keys) + 0.001, best


def test_a_remembered_token_lends_its_place_to_no_other(gateway, pems):
    """Two tokens that share all but their last bytes are two tokens, remembered or not."""
    good = issue(pems["RS256"][0], "RS256", "r1", filler="x" * 1000)
    twins = [good[:-1] + ("A" if good[-1] != "A" else "B"), good[:-10] + good[-9:] + "A", good + "A", good + ".", good[:-1],
             good.replace(".", ".A", 1)]
    assert len(good) > 1000 and all(len(twin) > 1000 for twin in twins)
    for _ in range(3):
        assert status(gateway, good) == 200
        for twin in twins:
            assert status(gateway, twin) == 401
    # The same text as another kind of credential is not that token either.
    assert status(gateway, [("x-api-key", good[:-1])]) == 401


def test_what_ends_ends_at_once(tmp_path, pems):
    """A key revoked or removed, an issuer removed, a token run out: 401 on the very connection that was served before."""
    (tmp_path / "jwks.json").write_text(json.dumps(pems["RS256"][1]))

    def change(config):
        config["identity"]["issuers"] = [issuer({"file": str(tmp_path / "jwks.json")}, leeway="0s")]
    with shared_gateway(tmp_path / "gateway", change, AnsweringUpstream()) as gateway:
        token = issue(pems["RS256"][0], "RS256", "r1")
        brief = issue(pems["RS256"][0], "RS256", "r1", ttl="3s")
        peer = gateway.connect()
        for credential in (ANA, token, brief, ANA, token, brief):
            assert status(gateway, credential, peer=peer) == 200
        document = keys_document()
        document["keys"][0]["revoked"] = True
        document["keys"][1]["expires"] = "2020-01-01T00:00:00Z"
        gateway.write("keys.yaml", document)
        gateway.reload()
        assert wait_for(lambda: status(gateway, ANA, peer=peer) == 401, 2)
        assert status(gateway, make_key("bob")[0], peer=peer) == 401
        assert status(gateway, make_key("etl")[0], peer=peer) == 200
        assert wait_for(lambda: status(gateway, brief, peer=peer) == 401, 5, 0.1)
        assert status(gateway, token, peer=peer) == 200
        gateway.config["identity"].pop("issuers")
        gateway.write("tollgate.yaml", gateway.config)
        gateway.reload()
        assert wait_for(lambda: status(gateway, token, peer=peer) == 401, 2)
        peer.close()


# --- key sets that come over the network -----------------------------------------------------------------


class KeyServer:
    """An http server on the loopback whose every answer is the test's: (status, fields, body), or a function."""

    def __init__(self, port=0):
        self.answer = (200, {}, b"{}")
        self.asked = 0
        self.is_open = threading.Event()
        self.is_open.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                outer.is_open.wait(20)
                code, fields, body = outer.answer
                with contextlib.suppress(OSError):
                    self.send_response(code)
                    for name, value in {"content-length": str(len(body)), **fields}.items():
                        if value is not None:
                            self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *words):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def close(self):
        self.is_open.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@contextlib.contextmanager
def keyed_gateway(folder, port):
    def change(config):
        config["identity"]["issuers"] = [issuer({"url": f"http://127.0.0.1:{port}/jwks.json", "allow_plain": True})]
    with shared_gateway(folder, change, AnsweringUpstream()) as gateway:
        yield gateway


def document_of(*sets):
    return json.dumps({"keys": [key for one in sets for key in one["keys"]]}).encode()


def test_a_key_server_that_is_down_at_start_is_asked_again(tmp_path, pems):
    """No keys, no tokens; API keys work meanwhile; when the server comes, so do the tokens."""
    spare = KeyServer()
    port = spare.port
    spare.close()
    token = issue(pems["RS256"][0], "RS256", "r1")
    with keyed_gateway(tmp_path, port) as gateway:
        assert status(gateway, token) == 401 and status(gateway, ANA) == 200
        server = KeyServer(port)
        server.answer = (200, {}, document_of(pems["RS256"][1]))
        assert wait_for(lambda: status(gateway, token) == 200, 10, 0.1)
        assert server.asked == 1
        server.close()
        assert status(gateway, token) == 200


BAD_SETS = {
    "a redirect": lambda trap: (302, {"location": f"http://127.0.0.1:{trap.port}/jwks.json"}, b""),
    "a redirect with a set": lambda trap: (301, {"location": f"http://127.0.0.1:{trap.port}/"}, trap.answer[2]),
    "10 MB": lambda trap: (200, {}, b'{"keys":[' + b" " * 10_000_000 + b"]}"),
    "10 MB without a length": lambda trap: (200, {"content-length": None, "connection": "close"}, b'{"keys":[' + b" " * 10_000_000),
    "a length of 10 TB": lambda trap: (200, {"content-length": "10000000000000"}, trap.answer[2]),
    "not JSON": lambda trap: (200, {}, b"<html>"), "nothing": lambda trap: (200, {}, b""), "404": lambda trap: (404, {}, trap.answer[2]),
    "500": lambda trap: (500, {}, trap.answer[2]), "a part": lambda trap: (200, {}, trap.answer[2][:-20]),
    "shorter than said": lambda trap: (200, {"content-length": "100000"}, trap.answer[2]),
    "deep": lambda trap: (200, {}, b'{"keys":' + b"[" * 100000), "gzip": lambda trap: (200, {"content-encoding": "gzip"}, b"\x1f\x8b" + bytes(50)),
}


def test_bad_key_sets_change_nothing(tmp_path, pems):
    """Redirects are not followed, large and broken documents not taken, and the keys that were there stay."""
    trap, server = KeyServer(), KeyServer()
    trap.answer = (200, {}, document_of(pems["foreign"][1]))
    server.answer = (200, {}, document_of(pems["RS256"][1]))
    good, foreign = issue(pems["RS256"][0], "RS256", "r1"), issue(pems["foreign"][0], "RS256", "f1")
    with keyed_gateway(tmp_path, server.port) as gateway:
        assert wait_for(lambda: status(gateway, good) == 200, 5)
        memory = rss_bytes(gateway)
        for name, make in BAD_SETS.items():
            server.answer = make(trap)
            asked = server.asked
            gateway.reload()
            assert wait_for(lambda: server.asked > asked, 5), name
            assert wait_for(lambda: gateway.program.log().count("jwks_failed") >= server.asked - 1, 5), name
            # Fail static: a reload reads anew, and what it cannot read takes nothing away.
            assert status(gateway, good) == 200, name
            assert status(gateway, foreign) == 401, name
        assert trap.asked == 0
        assert rss_bytes(gateway) - memory < 32 << 20
        assert_alive(gateway)
    server.close()
    trap.close()


def test_a_slow_key_server_holds_up_nobody(tmp_path, pems):
    """While a fetch hangs, calls, health and reloads go on, with the keys that were there."""
    server = KeyServer()
    server.answer = (200, {}, document_of(pems["RS256"][1]))
    token = issue(pems["RS256"][0], "RS256", "r1")
    with keyed_gateway(tmp_path, server.port) as gateway:
        assert wait_for(lambda: status(gateway, token) == 200, 5)
        server.is_open.clear()
        asked = server.asked
        for _ in range(3):
            gateway.reload()
            assert wait_for(lambda: server.asked > asked, 5)
            asked = server.asked
            began = time.monotonic()
            assert status(gateway, token) == 200 and status(gateway, ANA) == 200
            assert gateway.admin("/healthz").status == 200 and time.monotonic() - began < 2
        server.is_open.set()
    server.close()


def test_reloads_lose_no_token(tmp_path, pems):
    """Between a reload and the keys' arrival there is no moment without keys."""
    server = KeyServer()
    server.answer = (200, {}, document_of(pems["RS256"][1]))
    token = issue(pems["RS256"][0], "RS256", "r1")
    with keyed_gateway(tmp_path, server.port) as gateway:
        assert wait_for(lambda: status(gateway, token) == 200, 5)
        peer = gateway.connect()
        for _ in range(10):
            gateway.reload()
            assert [status(gateway, token, peer=peer) for _ in range(5)] == [200] * 5
        peer.close()
    server.close()


def test_a_storm_of_unknown_kids_asks_the_issuer_once(tmp_path, pems):
    """Three hundred kids nobody knows, on many connections: at most one fetch, and known tokens pass meanwhile."""
    server = KeyServer()
    server.answer = (200, {}, document_of(pems["RS256"][1]))
    good = issue(pems["RS256"][0], "RS256", "r1")
    _, payload, signature = good.split(".")
    with keyed_gateway(tmp_path, server.port) as gateway:
        assert wait_for(lambda: status(gateway, good) == 200, 5)
        asked = server.asked
        peers = [gateway.connect() for _ in range(4)]
        for index in range(300):
            unknown = f"{b64({'alg': 'RS256', 'kid': f'k{index}'})}.{payload}.{signature}"
            assert status(gateway, unknown, peer=peers[index % 4]) == 401
            if index % 50 == 0:
                assert status(gateway, good) == 200
        for peer in peers:
            peer.close()
        assert server.asked <= asked + 1
        assert metric(gateway, "tollgate_unauthentic_total") >= 300
        assert_no_secret(gateway)
    server.close()
