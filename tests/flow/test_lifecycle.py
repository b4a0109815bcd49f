# SPDX-License-Identifier: Apache-2.0
"""Started, changed and ended without losing a call; bad input is told by file, line and column."""

import re
import signal

import pytest

from harness import request_bytes, run_tollgate
from setup_gateway import POLICIES, caller_key, chat_body, prices_document

ANA = caller_key("ana")
CHAT_PATH = "/v1/chat/completions"


def test_a_reload_changes_the_policy_for_new_calls(gateway):
    """SIGHUP swaps the whole configuration at once."""
    assert gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA).status == 200
    gateway.write("policies/test.cedar", POLICIES + '@id("closed") forbid (principal, action, resource);')
    gateway.reload()
    answer = gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA)
    assert answer.status == 403 and b"closed" in answer.body
    assert [row["type"] for row in gateway.records("lifecycle")] == ["tollgate.start", "tollgate.reload"]


@pytest.mark.parametrize("name, content", [
    ("policies/test.cedar", "permit (principal, action resource);"),
    ("tollgate.yaml", "gateway: {id: [}"),
    ("tollgate.yaml", "gateways: {id: gw-test}\n"),
    ("prices.yaml", {**prices_document(), "prices": [{"id": "x", "models": ["a"], "rates": {"out_text": "1.1234567"}}]}),
    ("keys.yaml", {"keys": [{"id": "k", "name": "x", "sha256": "short"}]}),
])
def test_a_bad_file_keeps_the_old_configuration_running(gateway, name, content):
    """check and serve refuse with file:line:column; a reload keeps what runs."""
    gateway.write(name, content)
    line = gateway.reload()
    assert re.search(r"refused|failed|kept", line), line
    assert gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA).status == 200
    for command in ("check", "serve"):
        status, out, err = run_tollgate(command, "--config", "tollgate.yaml", folder=gateway.folder, env=gateway.env)
        assert status == 1, (command, status, err)
        assert re.search(re.escape(name.split("/")[-1]) + r":\d+:\d+", out + err), out + err


def test_an_unknown_key_is_an_error_with_a_suggestion(make_gateway):
    """A typing mistake is not silently ignored."""
    gateway = make_gateway(lambda config: config["limits"].update({"bdy": "1MiB"}), start=False)
    status, out, err = run_tollgate("check", "--config", "tollgate.yaml", folder=gateway.folder, env=gateway.env)
    assert status == 1 and "body" in out + err


def test_check_accepts_what_serve_runs(make_gateway):
    """The configuration of these tests is a good one."""
    gateway = make_gateway(start=False)
    status, _, err = run_tollgate("check", "--config", "tollgate.yaml", folder=gateway.folder, env=gateway.env)
    assert status == 0, err


def test_a_secret_that_is_not_set_is_named(make_gateway):
    """${env:NAME} without NAME is an error that says so, and no secret is printed."""
    gateway = make_gateway(start=False)
    status, out, err = run_tollgate("check", "--config", "tollgate.yaml", folder=gateway.folder, env={"UPSTREAM_KEY": ""})
    assert "upstream-secret-1" not in out + err


def test_a_drain_ends_open_calls_first(gateway, upstream):
    """SIGTERM: no new connections, calls in flight end whole, exit 0."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
    peer = upstream.accept()
    peer.message()
    mark = gateway.program.mark()
    gateway.program.send_signal(signal.SIGTERM)
    gateway.program.wait_log("drain", after=mark)
    body = b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}'
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    answer = client.message()
    assert answer.status == 200 and answer.body == body
    gateway.stop()
    assert [row["data"]["outcome"] for row in gateway.records("settle")] == ["complete"]
    assert gateway.records("lifecycle")[-1]["type"] == "tollgate.stop"
    client.close()


def test_reloads_under_load_fail_no_call(gateway):
    """Twenty reloads while calls run: every call is answered 200."""
    client = gateway.connect()
    for index in range(20):
        client.send(request_bytes("POST", CHAT_PATH, chat_body("slow", stream=True), ANA))
        gateway.reload()
        assert client.message().status == 200, index
    client.close()


def test_the_admin_listener_answers(gateway):
    """/healthz, /readyz and /metrics are there, on the admin listener alone."""
    gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA)
    assert gateway.admin("/healthz").status == 200
    assert gateway.admin("/readyz").status == 200
    metrics = gateway.admin("/metrics")
    assert metrics.status == 200 and b"# TYPE " in metrics.body and b"tollgate_" in metrics.body
    assert gateway.call("GET", "/metrics", key=ANA).status == 404


def test_no_page_reloads_through_an_operators_browser(gateway):
    """POST /admin/reload works for curl, and is refused when a browser says a page sent it."""
    assert gateway.call("POST", "/admin/reload", b"", port=gateway.admin_port).status == 200
    for field in (("origin", "http://evil.test"), ("sec-fetch-site", "cross-site")):
        assert gateway.call("POST", "/admin/reload", b"", headers=[field], port=gateway.admin_port).status == 403


def test_no_secret_is_ever_logged(gateway):
    """Neither the caller's key, nor the upstream's, nor a prompt."""
    gateway.call("POST", CHAT_PATH, chat_body("chat", "the-secret-prompt"), ANA)
    gateway.call("POST", CHAT_PATH, chat_body("resethead", "the-secret-prompt"), ANA)
    gateway.call("POST", CHAT_PATH, b'{"model":"the-secret-prompt', ANA)
    gateway.stop()
    log = gateway.program.log()
    for secret in (ANA, "upstream-secret-1", "the-secret-prompt"):
        assert secret not in log


def test_version_and_help():
    """--help everywhere, exit codes 0 and 2."""
    from harness import TOP
    for words in (["--help"], ["serve", "--help"], ["check", "--help"], ["cost", "report", "--help"], ["key", "--help"]):
        status, out, _ = run_tollgate(*words, folder=TOP)
        assert status == 0 and "usage" in out.lower(), words
    assert run_tollgate("no-such-command", folder=TOP)[0] == 2


def test_the_admin_listener_reloads(gateway):
    """POST /admin/reload does what SIGHUP does."""
    mark = gateway.program.mark()
    answer = gateway.call("POST", "/admin/reload", b"", port=gateway.admin_port)
    assert answer.status == 200
    gateway.program.wait_log("reloaded", after=mark)


def test_a_reload_names_what_waits_for_a_restart(gateway):
    """What a reload cannot take is named until it is taken back or the gateway restarts; the rest is taken."""
    changed = {**gateway.config, "gateway": {**gateway.config["gateway"], "id": "gw-other", "workers": 1},
               "limits": {**gateway.config["limits"], "body": "64B"}}
    gateway.write("tollgate.yaml", changed)
    for _ in range(2):
        mark = gateway.program.mark()
        gateway.reload()
        gateway.program.wait_log(r'restart_needed.*options="gateway\.id, gateway\.workers"', after=mark)
    assert gateway.call("POST", CHAT_PATH, chat_body("chat", "x" * 100), ANA).status == 413
    mark = gateway.program.mark()
    gateway.write("tollgate.yaml", gateway.config)
    gateway.reload()
    assert not any("restart_needed" in line for line in gateway.program.lines[mark:])
    assert gateway.call("POST", CHAT_PATH, chat_body("chat", "x" * 100), ANA).status == 200
    assert {row["source"] for row in gateway.records()} == {"tollgate/gw-test"}
