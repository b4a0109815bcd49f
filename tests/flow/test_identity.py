# SPDX-License-Identifier: Apache-2.0
"""Who is calling: tokens, certificates, keys. TLS on both sides."""

import base64
import json
import socket
import ssl
import subprocess
import urllib.request

import pytest

from harness import Peer, request_bytes, run_tollgate, wait_for
from setup_gateway import caller_key, chat_body

ANA = caller_key("ana")
CHAT_PATH = "/v1/chat/completions"
CLAIMS = {"subject": "sub", "kind": "User", "bu": "bu", "team": "team", "project": "project", "roles": "roles",
          "groups": "groups", "attributes": {"clearance": "clearance"}}


def keygen(gateway, algorithm, kid):
    status, _, err = run_tollgate("token", "keygen", "--alg", algorithm, "--out", ".", "--kid", kid, folder=gateway.folder)
    assert status == 0, err


def token(gateway, algorithm="RS256", kid="dev", issuer="https://idp.example", audience="tollgate", *more):
    status, out, err = run_tollgate(
        "token", "issue", "--key", f"{kid}.pem", "--alg", algorithm, "--kid", kid, "--issuer", issuer, "--audience",
        audience, "--subject", "tina", "--claim", "bu=research", "--claim", "team=lab", "--claim", 'roles=["analyst"]',
        "--claim", "clearance=2", *more, folder=gateway.folder)
    assert status == 0, err
    return out.strip()


def issuer_row(algorithm, kid):
    return {"name": f"corp-{kid}", "issuer": "https://idp.example", "audience": ["tollgate"], "algorithms": [algorithm],
            "leeway": "5s", "jwks": {"file": f"{kid}.jwks.json"}, "claims": CLAIMS}


@pytest.fixture
def jwt_gateway(make_gateway):
    """A gateway that takes tokens of one RS256 issuer."""
    gateway = make_gateway(lambda config: config["identity"].update(issuers=[issuer_row("RS256", "dev")]), start=False)
    keygen(gateway, "RS256", "dev")
    return gateway.start()


def status_of(gateway, credential):
    return gateway.call("POST", CHAT_PATH, chat_body("chat"), credential).status


def test_a_token_of_a_configured_issuer_is_a_principal(jwt_gateway):
    """bu, team and roles come from the token's claims and stand in the records."""
    assert status_of(jwt_gateway, token(jwt_gateway)) == 200
    data = jwt_gateway.records("settle")[0]["data"]
    assert (data["principal"], data["bu"], data["team"]) == ("User::tina", "research", "lab")


def test_a_token_is_taken_again_from_the_cache(jwt_gateway):
    """The same token on many connections, always the same caller."""
    text = token(jwt_gateway)
    assert [status_of(jwt_gateway, text) for _ in range(20)] == [200] * 20


def segments(text):
    return text.split(".")


def b64(document):
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def test_wrong_tokens_are_401(jwt_gateway):
    """Expired, foreign, for somebody else, altered, or signed by another algorithm than the key's."""
    gateway = jwt_gateway
    good = token(gateway)
    head, payload, signature = segments(good)
    keygen(gateway, "RS256", "other")
    for bad in (
        token(gateway, "RS256", "dev", "https://evil.example"),
        token(gateway, "RS256", "dev", "https://idp.example", "somebody-else"),
        token(gateway, "RS256", "other"),
        f"{head}.{payload}.{signature[:-4]}AAAA",
        f"{head}.{b64({'iss': 'https://idp.example', 'aud': 'tollgate', 'sub': 'root', 'exp': 4102444800})}.{signature}",
        f"{b64({'alg': 'none'})}.{payload}.",
        f"{b64({'alg': 'HS256', 'kid': 'dev'})}.{payload}.{signature}",
        f"{head}.{payload}",
        good + ".x",
    ):
        assert status_of(gateway, bad) == 401, bad
    assert status_of(gateway, good) == 200


@pytest.mark.parametrize("algorithm", ["RS512", "ES256", "ES384", "ES512"])
def test_other_algorithms_verify(make_gateway, algorithm):
    """The algorithm is the configured key's."""
    gateway = make_gateway(lambda config: config["identity"].update(issuers=[issuer_row(algorithm, "k")]), start=False)
    keygen(gateway, algorithm, "k")
    gateway.start()
    assert status_of(gateway, token(gateway, algorithm, "k")) == 200


def test_key_create_list_and_revoke(gateway):
    """A new key works after a reload, a revoked one no longer; the secret is nowhere on disk."""
    status, out, err = run_tollgate("key", "create", "--name", "nora", "--bu", "risk", "--kind", "user", "--format", "json",
                                    folder=gateway.folder)
    # The configuration of these tests is JSON: a key file that `key` cannot append to is told so.
    if status:
        gateway.write("keys.yaml", "keys:\n")
        status, out, err = run_tollgate("key", "create", "--name", "nora", "--bu", "risk", "--kind", "user", "--format",
                                        "json", folder=gateway.folder)
    assert status == 0, err
    made = json.loads(out)
    assert made["key"] not in (gateway.folder / "keys.yaml").read_text()
    assert status_of(gateway, made["key"]) == 401
    gateway.reload()
    assert status_of(gateway, made["key"]) == 200
    assert run_tollgate("key", "revoke", made["id"], folder=gateway.folder)[0] == 0
    gateway.reload()
    assert status_of(gateway, made["key"]) == 401


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """A certificate authority with a server (localhost) and a client certificate."""
    folder = tmp_path_factory.mktemp("authority")

    def openssl(*words, stdin=None):
        done = subprocess.run(["openssl", *map(str, words)], cwd=folder, capture_output=True, text=True, check=False,
                              input=stdin)
        assert done.returncode == 0, done.stderr
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-days", "2", "-subj", "/CN=Test CA", "-addext", "keyUsage=critical,keyCertSign")
    for name, extension in (("server", "subjectAltName=DNS:localhost,IP:127.0.0.1"), ("wrong", "subjectAltName=DNS:other.example"),
                            ("client", "subjectAltName=URI:spiffe://example/tina\nextendedKeyUsage=clientAuth")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/CN={name}")
        (folder / f"{name}.ext").write_text(extension + "\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", f"{name}.ext", "-out", f"{name}.pem")
    return folder


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_come_by_tls(make_gateway, authority, version):
    """TLS 1.2 and 1.3 towards clients."""
    def use(config):
        config["listeners"] = [{"address": "127.0.0.1:0", "tls": {"certificate": str(authority / "server.pem"),
                                                                   "key": str(authority / "server.key")}}]
    gateway = make_gateway(use)
    context = ssl.create_default_context(cafile=authority / "ca.pem")
    context.minimum_version = context.maximum_version = version
    sock = context.wrap_socket(socket.create_connection(("127.0.0.1", gateway.port), 20), server_hostname="localhost")
    peer = Peer(sock)
    for stream in (False, True):
        peer.send(request_bytes("POST", CHAT_PATH, chat_body("chat", stream=stream), ANA))
        answer = peer.message()
        assert answer.status == 200 and answer.body
    peer.close()


def test_old_tls_is_refused(make_gateway, authority):
    """Nothing below 1.2."""
    def use(config):
        config["listeners"] = [{"address": "127.0.0.1:0", "tls": {"certificate": str(authority / "server.pem"),
                                                                   "key": str(authority / "server.key")}}]
    gateway = make_gateway(use)
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-tls1_1", "-cipher",
                           "ALL:@SECLEVEL=0"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert "Cipher is (NONE)" in done.stdout or done.returncode != 0


class TlsUpstream:
    """A scripted-model behind a TLS socket of our own: one answer per connection."""

    def __init__(self, authority, name):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(authority / f"{name}.pem", authority / f"{name}.key")
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(20)
        self.url = f"https://localhost:{self.listener.getsockname()[1]}"

    def accept(self):
        sock, _ = self.listener.accept()
        return Peer(self.context.wrap_socket(sock, server_side=True))


def test_upstreams_are_reached_by_tls_with_their_name_checked(make_gateway, authority):
    """The right name passes, a wrong one is a 502 and no request reaches it."""
    for name, status in (("server", 200), ("wrong", 502)):
        server = TlsUpstream(authority, name)

        def use(config, server=server):
            config["upstreams"][1].update(url=server.url, ca=str(authority / "ca.pem"))
        gateway = make_gateway(use)
        client = gateway.connect()
        client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
        body = b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
        for _ in range(1 if status == 200 else 2):  # a connection that failed is tried once more
            try:
                peer = server.accept()
                peer.message()
                peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) +
                          body)
            except (EOFError, OSError):
                assert status == 502
        assert client.message().status == status
        client.close()
        server.listener.close()


def test_keys_of_an_issuer_are_fetched_and_rotate(make_gateway, upstream, tmp_path):
    """JWKS from a URL: read at start, read again for a kid that is not known yet."""
    class Served:
        documents = []

    import http.server
    import threading

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = Served.documents[-1]
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def use(config):
        row = issuer_row("ES256", "a")
        row["jwks"] = {"url": f"http://127.0.0.1:{server.server_port}/jwks", "refresh": "1s", "allow_plain": True}
        config["identity"]["issuers"] = [row]
    gateway = make_gateway(use, start=False)
    keygen(gateway, "ES256", "a")
    keygen(gateway, "ES256", "b")
    Served.documents.append((gateway.folder / "a.jwks.json").read_bytes())
    gateway.start()
    assert wait_for(lambda: status_of(gateway, token(gateway, "ES256", "a")) == 200)
    assert status_of(gateway, token(gateway, "ES256", "b")) == 401
    Served.documents.append((gateway.folder / "b.jwks.json").read_bytes())
    assert wait_for(lambda: status_of(gateway, token(gateway, "ES256", "b")) == 200)
    server.shutdown()


def test_the_admin_listener_reloads(gateway):
    """POST /admin/reload does what SIGHUP does."""
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.admin_port}/admin/reload", b"", method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
