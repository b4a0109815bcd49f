# SPDX-License-Identifier: Apache-2.0
"""Promise: another service that asks over AuthZEN gets the answer that the gateway's own policies give, and a question
that does not fit the schema gets none."""

import json

import pytest

from harness import TOP, run_tollgate

ONE, MANY = "/access/v1/evaluation", "/access/v1/evaluations"
CONF = TOP / "conf"

CONTEXT = {"now": "2026-11-23T09:00:00Z", "local": "2026-11-23T10:00:00Z", "weekday": 1, "source_ip": "10.1.2.3",
           "mtls": True, "mfa": True, "scopes": ["models:read"], "request_id": "r1"}
CALL = {**CONTEXT, "data_class": 1, "pii": False, "purpose": "", "annex_iii": False, "human_oversight": False,
        "upstream_region": "eu-west-1", "stream": False, "max_tokens": 100, "input_tokens": 10, "cost_micro": 1200,
        "budget": {"remaining_micro": 5000000, "hard": True}, "tools": [], "on_call": False}


def uid(kind, name):
    return {"type": f"Inference::{kind}", "id": name}


def entity(kind, name, attrs, *parents):
    return {"uid": uid(kind, name), "attrs": attrs, "parents": [uid(*parent) for parent in parents]}


PEOPLE = {
    "ana": ("User", {"clearance": 2, "home_region": "EU", "trainings": ["ai-act-deployer"], "suspended": False},
            [("Role", "analyst"), ("BusinessUnit", "risk")]),
    "bob": ("User", {"clearance": 0, "home_region": "US", "trainings": [], "suspended": True}, [("Role", "analyst")]),
    "etl": ("Service", {"clearance": 1, "home_region": "EU", "env": "prod", "suspended": False}, [("Group", "svc")]),
}
MODEL = {"provider": uid("Provider", "azure"), "regions": ["eu-west-1", "us-east-1"], "risk": uid("RiskClass", "limited"),
         "max_classification": 2, "status": "approved", "approved_until": "2027-01-01", "modalities": ["text"],
         "open_weights": False, "owner": uid("BusinessUnit", "it")}
TOOL = {"side_effects": True, "max_classification": 1}

# who, action, changes of the context, resource, what is the reason (allowed with the first two of them alone)
ALLOWED = ["abac-clearance", "rbac-analysts-standard-models"]  # in the order of the files
GOLDEN = [
    ("ana", "Invoke", {}, ALLOWED),
    ("ana", "Invoke", {"cost_micro": 9000000}, ["budget-hard-stop"]),
    ("ana", "Invoke", {"pii": True, "upstream_region": "us-east-1"}, ["eu-residency"]),
    ("ana", "Invoke", {"annex_iii": True}, ["ai-act-high-risk"]),
    ("ana", "Invoke", {"annex_iii": True, "human_oversight": True, "fria_id": "f1"}, ALLOWED),
    ("ana", "Batch", {"weekday": 7}, ["out-of-hours-batch"]),
    ("ana", "CallTool", {"mfa": False}, ["tools-with-side-effects"]),
    ("etl", "Embed", {"mtls": False}, ["prod-services-mtls"]),
    ("etl", "Embed", {}, ["abac-clearance"]),
    ("bob", "Invoke", {}, ["suspended"]),
    ("bob", "Invoke", {"data_class": 2}, ["suspended"]),
]


def question(who, action, changes):
    resource = {"type": "Tool", "id": "rm-rf"} if action == "CallTool" else {"type": "Model", "id": "gpt-golden"}
    return {"subject": {"type": PEOPLE[who][0], "id": who}, "action": {"name": action}, "resource": resource,
            "context": {**CALL, **changes}}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """The policies of conf/, with the people and models of the golden table among its entities."""
    from attack import AnsweringUpstream, shared_gateway

    def change(config):
        config["policy"] = {"schema": "conf/gateway.cedarschema", "files": ["conf/*.cedar"], "entities": "entities.json"}
    folder = tmp_path_factory.mktemp("authzen")
    entities = json.loads((CONF / "entities.json").read_text())
    entities += [entity(kind, name, attrs, *parents) for name, (kind, attrs, parents) in PEOPLE.items()]
    entities += [entity("Model", "gpt-golden", MODEL, ("ModelGroup", "standard")), entity("Tool", "rm-rf", TOOL)]
    (folder / "conf").mkdir()
    for path in [*(CONF / "policies").glob("*.cedar"), CONF / "policies" / "gateway.cedarschema"]:
        (folder / "conf" / path.name).write_text(path.read_text())
    (folder / "entities.json").write_text(json.dumps(entities))
    with shared_gateway(folder, change, AnsweringUpstream()) as made:
        yield made


def ask(gateway, body, path=ONE, headers=()):
    answer = gateway.call("POST", path, body, headers=headers, port=gateway.admin_port)
    return answer.status, answer.json()


def test_the_golden_table(gateway):
    """Decision and reasons as the table of the schema's authors has them."""
    for who, action, changes, reasons in GOLDEN:
        status, answer = ask(gateway, question(who, action, changes))
        assert status == 200, answer
        assert (answer["decision"], answer["context"]["reasons"], answer["context"]["errors"]) == \
            (reasons[0] in ALLOWED, reasons, []), (who, action, changes, answer)


def test_it_answers_as_policy_authorize_does(gateway):
    """The command line and the endpoint are two doors to one decision."""
    lines = []
    for who, action, changes, _ in GOLDEN:
        asked = question(who, action, changes)
        lines.append(json.dumps({
            "principal": uid(asked["subject"]["type"], who), "action": uid("Action", action),
            "resource": uid(asked["resource"]["type"], asked["resource"]["id"]), "context": asked["context"]}))
    status, out, err = run_tollgate("policy", "authorize", "--batch", "--config", "tollgate.yaml", folder=gateway.folder,
                                    env=gateway.env, stdin="\n".join(lines) + "\n")
    assert status == 0, err
    theirs = [json.loads(line) for line in out.splitlines()]
    status, ours = ask(gateway, {"evaluations": [question(*row[:3]) for row in GOLDEN]}, MANY)
    assert status == 200 and len(ours["evaluations"]) == len(theirs) == len(GOLDEN)
    for mine, other in zip(ours["evaluations"], theirs):
        assert mine["decision"] == (other["decision"] == "allow"), (mine, other)
        assert mine["context"]["reasons"] == [reason["id"] for reason in other["reasons"]], (mine, other)


def test_properties_lie_over_what_is_loaded(gateway):
    """What the asking service knows better than the entities file counts, attribute by attribute; the rest stays."""
    asked = question("ana", "Invoke", {"data_class": 2})
    assert ask(gateway, asked)[1]["context"]["reasons"] == ALLOWED
    asked["subject"]["properties"] = {"suspended": True}
    assert ask(gateway, asked)[1]["context"]["reasons"] == ["suspended"]
    del asked["subject"]["properties"]
    asked["resource"]["properties"] = {"risk": {"type": "Inference::RiskClass", "id": "prohibited"}}
    assert ask(gateway, asked)[1]["context"]["reasons"] == ["ai-act-prohibited"]


def test_who_is_in_no_file_comes_with_all_its_properties(gateway):
    """A caller of tokens alone is described by the question: attributes, roles and groups."""
    asked = question("ana", "Invoke", {})
    asked["subject"]["id"] = "eve"
    status, message = ask(gateway, asked)
    assert status == 400 and "neither loaded nor among the properties" in message
    asked["subject"]["properties"] = {"clearance": 0, "home_region": "US", "trainings": [], "suspended": False}
    assert ask(gateway, asked)[1]["context"]["reasons"] == []
    asked["subject"]["properties"]["parents"] = [{"type": "Role", "id": "analyst"}]
    assert ask(gateway, asked)[1]["context"]["reasons"] == ["rbac-analysts-standard-models"]


def test_many_share_what_is_written_once(gateway):
    """Defaults at the top, and three ways of going through the list."""
    top = question("ana", "Invoke", {})
    denied = {"context": {**CALL, "annex_iii": True}}
    bad = {"action": {"name": "Fly"}}
    for semantic, want in (("execute_all", [True, False, False, True]), ("deny_on_first_deny", [True, False]),
                           ("permit_on_first_permit", [True]), (None, [True, False, False, True])):
        body = {**top, "evaluations": [{}, denied, bad, {"context": CALL}]}
        if semantic:
            body["options"] = {"evaluations_semantic": semantic, "other": 1}
        status, answer = ask(gateway, body, MANY)
        assert status == 200 and [row["decision"] for row in answer["evaluations"]] == want, (semantic, answer)
    status, answer = ask(gateway, {**top, "evaluations": [bad]}, MANY)
    error = answer["evaluations"][0]["context"]["error"]
    assert error["status"] == 400 and "no such action" in error["message"]
    for body in (top, {**top, "evaluations": []}):
        assert ask(gateway, body, MANY)[1]["decision"] is True
    status, message = ask(gateway, {**top, "evaluations": [{}] * 101}, MANY)
    assert status == 400 and "100" in message


def test_a_question_that_does_not_fit_gets_no_decision(gateway):
    """400 with what is wrong; nothing is guessed, nothing is passed over."""
    good = question("ana", "Invoke", {})
    for change, word in (
            ({"subject": None}, "subject"), ({"subject": {"id": "ana"}}, '"type"'), ({"subject": {"type": "User"}}, '"id"'),
            ({"subject": {"type": "Usr", "id": "ana"}}, 'did you mean "User"'),
            ({"subject": {"type": "Gateway", "id": "main"}}, "takes"),
            ({"subject": {"type": "User", "id": "ana", "propertis": {}}}, 'did you mean "properties"'),
            ({"subject": {"type": "User", "id": "ana", "properties": {"clearance": "2"}}}, "clearance"),
            ({"subject": {"type": "User", "id": "ana", "properties": {"nope": 2}}}, "nope"),
            ({"subject": {"type": "User", "id": "ana", "properties": {"parents": [{"type": "ModelGroup", "id": "x"}]}}}, "parent"),
            ({"action": {"name": "Invok"}}, 'did you mean "Invoke"'), ({"action": {"name": "use"}}, "group"),
            ({"action": {"name": "Invoke", "properties": {"method": "GET"}}}, "context"),
            ({"action": {"name": "ReadAudit"}}, "resource"),
            ({"resource": {"type": "Model", "id": "unknown"}}, "neither loaded"),
            ({"context": {}}, "required"), ({"context": {**CALL, "pii": 1}}, "pii"), ({"context": {**CALL, "x": 1}}, "`x`"),
            ({"context": [1]}, "object"), ({"contxt": {}}, 'did you mean "context"')):
        body = {key: value for key, value in {**good, **change}.items() if value is not None}
        status, message = ask(gateway, body)
        assert status == 400 and isinstance(message, str) and word in message, (change, message)
    for body in (b"", b"{", b"[]", b'{"subject":{},"subject":{}}', b'{"a":1}x', b"\xff", b'{"subject":' + b"[" * 200 + b"]" * 200 + b"}"):
        status, message = ask(gateway, body)
        assert status == 400 and isinstance(message, str), (body[:40], message)
    big = gateway.call("POST", ONE, b" " * 262145, port=gateway.admin_port)
    assert big.status in (400, 413)
    plain = gateway.call("POST", ONE, b"{}", port=gateway.admin_port,
                         headers=[("content-type", "text/plain"), ("content-length", "2"), ("transfer", "x")])
    assert plain.status in (400, 415)


def test_it_speaks_the_protocol(gateway):
    """The request id comes back; pages in browsers may not ask; questions are counted, and no record is made of them."""
    before = len(gateway.records())
    body = question("ana", "Invoke", {})
    answer = gateway.call("POST", ONE, body, headers=[("x-request-id", "bfe9eb29")], port=gateway.admin_port)
    assert answer.get("x-request-id") == "bfe9eb29" and answer.get("content-type") == "application/json"
    page = gateway.call("POST", ONE, body, headers=[("origin", "http://evil.test")], port=gateway.admin_port)
    assert page.status == 403
    metrics = gateway.admin("/metrics").body.decode()
    assert 'tollgate_authzen_evaluations_total{answer="allow"}' in metrics
    assert len(gateway.records()) == before


def test_a_reload_changes_the_next_answer(gateway):
    """The loaded policies decide, not those of the start."""
    body = question("ana", "Invoke", {})
    assert ask(gateway, body)[1]["decision"] is True
    gateway.write("conf/closed.cedar", '@id("closed") @reason("Closed today") forbid (principal, action, resource);')
    gateway.reload()
    status, answer = ask(gateway, body)
    assert answer["context"]["reasons"] == ["closed"] and answer["context"]["reason_user"] == {"en": "Closed today"}
