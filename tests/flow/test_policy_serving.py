# SPDX-License-Identifier: Apache-2.0
"""Promise: no policy decides that was not checked against the schema, and no call is decided that the policies were not
checked for."""

import json
import re

import pytest

from attack import metric
from harness import run_tollgate
from setup_gateway import POLICIES, SCHEMA, caller_key, chat_body, keys_document
from test_tokens import issue, issuer, keygen

ANA = caller_key("ana")
CHAT_PATH = "/v1/chat/completions"
TEST = "policies/test.cedar"


def run(gateway, command):
    status, out, err = run_tollgate(command, "--config", "tollgate.yaml", folder=gateway.folder, env=gateway.env)
    assert not out or command == "check"
    return status, err


def call(gateway, key=ANA, model="chat"):
    return gateway.call("POST", CHAT_PATH, chat_body(model), key)


BAD = {
    "a policy that reads what is not there": (TEST, POLICIES + "permit (principal, action, resource) when { context.nope };\n",
                                              r"test\.cedar:\d+:\d+: .*`nope`"),
    "a policy that compares apples": (TEST, POLICIES + "forbid (principal is Inference::User, action, resource)\n"
                                      'when { principal.clearance == "high" };\n', r"test\.cedar:\d+:\d+: "),
    "a type that is misspelled": (TEST, POLICIES + "permit (principal is Inference::Usr, action, resource);\n",
                                  r"test\.cedar:\d+:\d+: .*Inference::Usr"),
    "a policy that does not parse": (TEST, POLICIES + "permit (principal action, resource);\n", r"test\.cedar:\d+:\d+: expected"),
    "a schema that forgot an attribute": ("policies/gateway.cedarschema", SCHEMA.replace("pii: Bool,", ""),
                                          r"gateway\.cedarschema:\d+:\d+: the gateway cannot ask by this schema: .*`pii`"),
    "a schema with another type": ("policies/gateway.cedarschema", SCHEMA.replace("source_ip: ipaddr", "source_ip: String"),
                                   r"gateway\.cedarschema:\d+:\d+: .*`source_ip` must be ipaddr, not String"),
    "a schema without an action": ("policies/gateway.cedarschema", SCHEMA.replace("ListModels, CountTokens", "CountTokens"),
                                   r"gateway\.cedarschema: .*ListModels"),
    "a key that does not fit": ("keys.yaml", {"keys": [{**keys_document()["keys"][0], "attributes": {"clearance": "two"}}]},
                                r"keys\.yaml:\d+:\d+: key \"key-ana\" does not fit policy.schema"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_fit_is_refused_at_start_and_on_reload(make_gateway, name):
    """serve does not start with it, check says where, and a running gateway keeps what it has."""
    path, content, want = BAD[name]
    gateway = make_gateway()
    gateway.write(path, content)
    line = gateway.reload()
    assert "reload_refused" in line and re.search(want, line.replace('\\"', '"')), line
    answer = gateway.call("POST", "/admin/reload", b"", headers=[("content-type", "text/plain"), ("content-length", "0")],
                          port=gateway.admin_port)
    assert answer.status == 422 and re.search(want, answer.body.decode()), answer.body
    assert call(gateway).status == 200 and call(gateway, model="denied").status == 403
    for command in ("check", "serve"):
        status, err = run(gateway, command)
        assert status == 1 and re.search(want, err), (command, err)
        if re.search(r":\d+:\d+", want.replace("\\d+", "1")):
            assert re.search(r"\n *\^", err), err


def test_a_schema_is_demanded(make_gateway):
    """Without one nothing could be checked: refused, not warned of."""
    gateway = make_gateway(lambda config: config["policy"].pop("schema"), start=False)
    for command in ("check", "serve"):
        status, err = run(gateway, command)
        assert status == 1 and '"schema" is missing' in err, err


def test_check_lists_every_error_of_every_file(make_gateway):
    """One run, all that is to do: main file, keys, policies, entities."""
    def change(config):
        config["limits"].update({"bdy": "1MiB", "head": "huge"})
        config["models"][0]["risk"] = "hihg"
        config["policy"]["entities"] = "entities.json"
    gateway = make_gateway(change, start=False)
    gateway.write("keys.yaml", {"keys": [{"id": "k", "roels": ["x"]}]})
    gateway.write("entities.json", [{"uid": {"type": "Inference::Group", "id": "g"}, "attrs": {"x": 1}, "parents": []}])
    gateway.write(TEST, "permit (principal, action, resource) when { context.nope };\n"
                  "forbid (principal, action, resource) when { principal.nope };\n")
    status, err = run(gateway, "check")
    assert status == 1
    for want in ('did you mean "body"', '"huge" is not a size', 'did you mean "high"', 'did you mean "roles"', "`x`",
                 r"test\.cedar:1:\d+", r"test\.cedar:2:\d+"):
        assert re.search(want, err), (want, err)


def test_warnings_are_shown_and_do_not_refuse(make_gateway):
    """A policy that can never hold is said by check and logged by serve."""
    gateway = make_gateway(start=False)
    gateway.write(TEST, POLICIES + '@id("never") forbid (principal is Inference::User, action, resource)\n'
                  "when { principal is Inference::Service };\n")
    status, err = run(gateway, "check")
    assert status == 0 and re.search(r"warning: policies/test\.cedar:\d+:\d+: .*impossible", err), err
    gateway.start()
    gateway.program.wait_log(r"config_warning .*impossible")
    assert call(gateway).status == 200


def test_a_token_that_does_not_fit_is_denied(make_gateway, tmp_path):
    """An attribute of another type than the schema's: denied, counted, logged without its value; less is the least."""
    pem, keys = keygen(tmp_path / "keys", "ES256", "k1")
    (tmp_path / "jwks.json").write_text(json.dumps(keys))
    gateway = make_gateway(lambda config: config["identity"].update(issuers=[issuer({"file": str(tmp_path / "jwks.json")})]))
    assert call(gateway, issue(pem, "ES256", "k1", clearance=2)).status == 200
    assert call(gateway, issue(pem, "ES256", "k1")).status == 200
    token = issue(pem, "ES256", "k1", clearance="swordfish")
    for _ in range(2):
        answer = call(gateway, token)
        assert answer.status == 403 and answer.json()["error"]["code"] == "policy_schema_mismatch", answer.body
        assert b"swordfish" not in answer.body
    assert gateway.call("GET", "/v1/models", key=token).json()["data"] == []
    gateway.program.wait_log(r"nonconforming .*why=")
    assert "swordfish" not in gateway.program.log()
    assert metric(gateway, "tollgate_nonconforming_total") == 2 and metric(gateway, "tollgate_denied_total") == 2
    assert [record["data"]["reasons"] for record in gateway.records("decision")] == [[], []]


def test_a_claim_that_the_schema_does_not_know_is_refused(make_gateway, tmp_path):
    """A mapping that could only ever be denied is found by check."""
    _, keys = keygen(tmp_path / "keys", "ES256", "k1")
    (tmp_path / "jwks.json").write_text(json.dumps(keys))
    corp = issuer({"file": str(tmp_path / "jwks.json")})
    corp["claims"]["attributes"] = {"shoe_size": "shoe"}
    gateway = make_gateway(lambda config: config["identity"].update(issuers=[corp]), start=False)
    status, err = run(gateway, "check")
    assert status == 1 and re.search(r"tollgate\.yaml:\d+:\d+: issuer corp: .*\"shoe_size\" of a Inference::User is not declared", err)


def test_policies_in_json_decide_beside_those_in_text(make_gateway):
    """A template and its link in a *.json file: the link is a policy like any other."""
    gateway = make_gateway(lambda config: config["policy"]["files"].append("policies/*.json"), start=False)
    gateway.write("policies/links.json", {
        "staticPolicies": {},
        "templates": {"barred": {"effect": "forbid", "principal": {"op": "==", "slot": "?principal"}, "action": {"op": "All"},
                                 "resource": {"op": "All"}, "conditions": []}},
        "templateLinks": [{"templateId": "barred", "newId": "bob-is-barred",
                           "values": {"?principal": {"type": "Inference::User", "id": "bob"}}}]})
    gateway.start()
    assert call(gateway).status == 200
    answer = call(gateway, caller_key("bob"))
    assert answer.status == 403 and b"bob-is-barred" in answer.body
