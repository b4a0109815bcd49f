# SPDX-License-Identifier: Apache-2.0
"""Promise: callers may bring tokens of a configured issuer; its keys come from a file or an https URL and may change."""

import http.server
import json
import ssl
import subprocess
import threading
import time

import pytest

from harness import BUILD, DEADLINE
from setup_gateway import chat_body

CHAT_PATH = "/v1/chat/completions"
ISSUER = "https://idp.test"


def tollgate(*words):
    return subprocess.run([BUILD / "tollgate", *words], check=True, capture_output=True, text=True,
                          timeout=DEADLINE).stdout.strip()


def keygen(folder, alg, kid):
    folder.mkdir(parents=True, exist_ok=True)
    tollgate("token", "keygen", "--alg", alg, "--out", folder, "--kid", kid)
    return folder / f"{kid}.pem", json.loads((folder / f"{kid}.jwks.json").read_text())


def issue(pem, alg, kid, subject="ana", ttl="1h", **claims):
    words = [f"--claim={name}={json.dumps(value)}" for name, value in claims.items()]
    return tollgate("token", "issue", "--key", pem, "--alg", alg, "--kid", kid, "--issuer", ISSUER, "--subject",
                    subject, "--audience", "tollgate", "--ttl", ttl, *words)


def issuer(jwks, **changes):
    return {"name": "corp", "issuer": ISSUER, "audience": ["tollgate"], "algorithms": ["RS256", "ES256"], "jwks": jwks,
            "claims": {"bu": "org.bu", "team": "team", "project": "project", "roles": "roles",
                       "attributes": {"clearance": "clearance"}}, **changes}


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_a_token_names_its_caller_and_who_pays(make_gateway, tmp_path, alg):
    """Claims become principal, business unit, team and project of every record."""
    pem, keys = keygen(tmp_path / "keys", alg, "k1")
    (tmp_path / "jwks.json").write_text(json.dumps(keys))
    gateway = make_gateway(lambda config: config["identity"].update(
        issuers=[issuer({"file": str(tmp_path / "jwks.json")})]))
    token = issue(pem, alg, "k1", org={"bu": "risk"}, team="fraud", project="p9", roles=["analyst"], clearance=2)
    for _ in range(3):
        answer = gateway.call("POST", CHAT_PATH, chat_body("chat"), token)
        assert answer.status == 200
    data = gateway.records("settle")[-1]["data"]
    assert (data["principal"], data["bu"], data["team"], data["project"]) == ("User::ana", "risk", "fraud", "p9")
    assert data["key"] == "corp/k1"


def test_a_token_is_refused_for_every_fault_alike(make_gateway, tmp_path):
    """Expired, of another audience, issuer, key or algorithm, or changed by one character: 401, one body."""
    pem, keys = keygen(tmp_path / "keys", "RS256", "k1")
    other, _ = keygen(tmp_path / "other", "RS256", "k1")
    (tmp_path / "jwks.json").write_text(json.dumps(keys))
    gateway = make_gateway(lambda config: config["identity"].update(
        issuers=[issuer({"file": str(tmp_path / "jwks.json")}, leeway="0s")]))
    good = issue(pem, "RS256", "k1")
    assert gateway.call("POST", CHAT_PATH, chat_body("chat"), good).status == 200
    brief = issue(pem, "RS256", "k1", ttl="1s")
    time.sleep(2.1)
    middle = len(good) // 2
    bad = [brief, issue(other, "RS256", "k1"), issue(pem, "RS256", "k2"), good[:-4],
           good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1:],
           issue(pem, "RS384", "k1"), ".".join(good.split(".")[:2]) + "."]
    answers = [gateway.call("POST", CHAT_PATH, chat_body("chat"), token) for token in bad]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1


class KeyServer:
    """An https server with one document that may change; counts who asks."""

    def __init__(self, folder):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", folder / "idp.key", "-out", folder / "idp.pem", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        self.ca = folder / "idp.pem"
        self.document = b"{}"
        self.asked = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked += 1
                self.send_response(200)
                self.send_header("content-length", str(len(outer.document)))
                self.end_headers()
                self.wfile.write(outer.document)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "idp.pem", folder / "idp.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"https://localhost:{self.server.server_address[1]}/jwks.json"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def key_server(tmp_path):
    (tmp_path / "idp").mkdir()
    server = KeyServer(tmp_path / "idp")
    yield server
    server.close()


def call_until(gateway, token, status):
    """Calls until the answer has that status: keys are fetched beside the calls."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if gateway.call("POST", CHAT_PATH, chat_body("chat"), token).status == status:
            return True
    return False


def test_rotated_keys_are_fetched_when_a_token_names_them(make_gateway, tmp_path, key_server):
    """A new key works without a restart, and a storm of unknown ones asks the issuer next to nothing."""
    first, first_keys = keygen(tmp_path / "keys", "ES256", "k1")
    second, second_keys = keygen(tmp_path / "keys", "ES256", "k2")
    key_server.document = json.dumps(first_keys).encode()
    gateway = make_gateway(lambda config: config["identity"].update(
        issuers=[issuer({"url": key_server.url, "ca": str(key_server.ca)})]))
    old, new = issue(first, "ES256", "k1"), issue(second, "ES256", "k2")
    assert call_until(gateway, old, 200)
    asked = key_server.asked
    for _ in range(50):
        assert gateway.call("POST", CHAT_PATH, chat_body("chat"), issue(second, "ES256", "k2") if _ == 0 else new).status == 401
    assert key_server.asked <= asked + 2
    assert gateway.call("POST", CHAT_PATH, chat_body("chat"), old).status == 200
    # The documented way to take keys at once: a reload reads every source anew.
    key_server.document = json.dumps({"keys": first_keys["keys"] + second_keys["keys"]}).encode()
    gateway.reload()
    assert call_until(gateway, new, 200)
    assert call_until(gateway, old, 200)
