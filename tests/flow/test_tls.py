# SPDX-License-Identifier: Apache-2.0
"""Promise: TLS 1.2 and 1.3 towards clients; towards upstreams the certificate and its name are checked, always."""

import http.client
import http.server
import json
import socket
import ssl
import subprocess
import threading

import pytest

from setup_gateway import caller_key, chat_body

CHAT_PATH = "/v1/chat/completions"


def make_certificate(folder, name):
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}"], check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_may_come_over_tls(make_gateway, tmp_path, version):
    """Unary and streamed calls, several on one connection."""
    cert, key = make_certificate(tmp_path / "front", "localhost")
    gateway = make_gateway(lambda config: config.update(
        listeners=[{"address": "127.0.0.1:0", "tls": {"certificate": str(cert), "key": str(key)}}]))
    context = ssl.create_default_context(cafile=str(cert))
    context.minimum_version = context.maximum_version = version
    client = http.client.HTTPSConnection("localhost", gateway.port, context=context, timeout=20)
    # The certificate's name, whatever this machine's hosts file says about it.
    client._create_connection = lambda address, *rest: socket.create_connection(("127.0.0.1", address[1]), *rest)
    headers = {"authorization": f"Bearer {caller_key('ana')}", "content-type": "application/json"}
    for stream in (False, True, False):
        client.request("POST", CHAT_PATH, json.dumps(chat_body("chat", stream=stream)), headers)
        answer = client.getresponse()
        body = answer.read()
        assert answer.status == 200
        assert body.endswith(b"data: [DONE]\n\n") if stream else json.loads(body)["choices"]
    client.request("POST", CHAT_PATH, json.dumps(chat_body("big")), headers)
    assert len(client.getresponse().read()) > 3000000
    client.close()
    assert len(gateway.records("settle")) == 4


def test_old_tls_is_refused(make_gateway, tmp_path):
    """Nothing below 1.2."""
    cert, key = make_certificate(tmp_path / "front", "localhost")
    gateway = make_gateway(lambda config: config.update(
        listeners=[{"address": "127.0.0.1:0", "tls": {"certificate": str(cert), "key": str(key)}}]))
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.port}", "-tls1_1", "-cipher",
                           "ALL:@SECLEVEL=0"], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and "Cipher is (NONE)" in done.stdout
    gateway.program.wait_log("tls_handshake_failed")


def test_a_plain_client_on_a_tls_listener_gets_nothing(make_gateway, tmp_path, upstream):
    """No answer in the clear, no byte upstream."""
    cert, key = make_certificate(tmp_path / "front", "localhost")
    gateway = make_gateway(lambda config: config.update(
        listeners=[{"address": "127.0.0.1:0", "tls": {"certificate": str(cert), "key": str(key)}}]))
    peer = gateway.connect()
    peer.send(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"HTTP/1.1" not in peer.take_rest()
    assert upstream.is_untouched()


class TlsUpstream:
    """Answers every call with one chat completion."""

    ANSWER = json.dumps({"id": "c", "object": "chat.completion", "model": "gpt-x", "choices": [],
                         "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}}).encode()

    def __init__(self, cert, key):
        outer = self
        self.calls = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                outer.calls += 1
                self.rfile.read(int(self.headers["content-length"]))
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(outer.ANSWER)))
                self.end_headers()
                self.wfile.write(outer.ANSWER)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def tls_upstream(tmp_path):
    server = TlsUpstream(*make_certificate(tmp_path / "back", "localhost"))
    yield server
    server.close()


@pytest.mark.parametrize("host, ca, status", [("localhost", True, 200), ("127.0.0.1", True, 502), ("localhost", False, 502)],
                         ids=["right", "wrong-name", "unknown-ca"])
def test_the_upstreams_certificate_is_checked(make_gateway, tmp_path, tls_upstream, host, ca, status):
    """A right name under a known authority, or nothing is sent: 502 and no call."""
    def change(config):
        row = config["upstreams"][0]
        row["url"] = f"https://{host}:{tls_upstream.port}"
        if ca:
            row["ca"] = str(tmp_path / "back" / "cert.pem")
    gateway = make_gateway(change)
    for _ in range(2):
        assert gateway.call("POST", CHAT_PATH, chat_body("chat"), caller_key("ana")).status == status
    assert tls_upstream.calls == (2 if status == 200 else 0)
    settles = [row["data"] for row in gateway.records("settle")]
    assert len(settles) == 2
    assert all((data["cost_pico"] > 0) == (status == 200) for data in settles)
