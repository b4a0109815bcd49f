# SPDX-License-Identifier: Apache-2.0
"""Promise: before a rule ships one can ask who may do what (`tollgate policy who-can`) and what a change of the rules
changes for whom (`tollgate policy diff`), also where the context comes with the call and the principal with a token."""

import json
import re
import shutil

import pytest

from harness import TOP, run_tollgate

CONF = TOP / "conf"
MODEL = {"provider": {"type": "Inference::Provider", "id": "azure"}, "regions": ["eu-west-1"],
         "risk": {"type": "Inference::RiskClass", "id": "limited"}, "max_classification": 2, "status": "approved",
         "modalities": ["text"], "open_weights": False, "owner": {"type": "Inference::BusinessUnit", "id": "it"}}
PEOPLE = {"ana": ({"clearance": 2, "home_region": "EU", "trainings": ["ai-act-deployer"], "suspended": False}, True),
          "bob": ({"clearance": 0, "home_region": "US", "trainings": [], "suspended": True}, True),
          "eve": ({"clearance": 1, "home_region": "US", "trainings": [], "suspended": False}, False)}
GPT = 'Inference::Model::"gpt-x"'
ANALYST = 'principal in Inference::Role::"analyst"'


def entity(kind, name, attrs, parents):
    return {"uid": {"type": f"Inference::{kind}", "id": name}, "attrs": attrs,
            "parents": [{"type": f"Inference::{group}", "id": of} for group, of in parents]}


@pytest.fixture
def rules(tmp_path):
    """The shipped configuration, with people and a model among its entities, and a copy of its policies to change."""
    shutil.copytree(CONF, tmp_path, dirs_exist_ok=True)
    shutil.copytree(CONF / "policies", tmp_path / "new")
    entities = json.loads((tmp_path / "entities.json").read_text())
    entities.append(entity("Model", "gpt-x", MODEL, [("ModelGroup", "standard")]))
    for name, (attrs, is_analyst) in PEOPLE.items():
        entities.append(entity("User", name, attrs, [("Role", "analyst")] if is_analyst else []))
    (tmp_path / "people.json").write_text(json.dumps(entities))
    return tmp_path


def policy(folder, *words):
    return run_tollgate("policy", *words, folder=folder)


def who_can(folder, *words, entities="people.json"):
    words = [*words, "--entities", entities] if entities else words
    status, out, err = policy(folder, "who-can", *words, "--format", "json")
    assert status in (0, 1) and err == "", err
    answer = json.loads(out)
    return {row["principal"] or "any " + row["type"]: row for row in answer["rows"]}


def diff(folder, *words):
    status, out, err = policy(folder, "diff", *words, "--format", "json")
    assert err == "", err
    answer = json.loads(out)
    assert status == (1 if answer["gains"] + answer["loses"] + answer["changed"] else 0)
    return answer


def change(folder, name, old, new):
    path = folder / "new" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def context(**changes):
    return {"now": "2026-11-23T09:00:00Z", "local": "2026-11-23T10:00:00Z", "weekday": 1, "source_ip": "10.1.2.3",
            "mtls": True, "mfa": True, "scopes": [], "request_id": "r", "data_class": 1, "pii": False, "purpose": "",
            "annex_iii": False, "human_oversight": False, "upstream_region": "eu-west-1", "stream": False,
            "max_tokens": 1, "input_tokens": 1, "cost_micro": 1, "budget": {"remaining_micro": 5, "hard": True},
            "tools": [], "on_call": False} | changes


# --- who-can --------------------------------------------------------------------------------------


def test_who_can_lists_principals_with_what_remains_of_the_rules(rules):
    """Every principal that may is listed with the condition on the context, what is known of it and the model folded."""
    rows = who_can(rules, "Invoke", GPT)
    assert set(rows) == {'Inference::User::"ana"', 'Inference::User::"eve"', "any Inference::User",
                         "any Inference::Service"}
    ana = rows['Inference::User::"ana"']
    assert ana["may"] == "if" and set(ana["permits"]) == {"abac-clearance", "rbac-analysts-standard-models"}
    assert "suspended" not in ana["forbids"] and "eu-residency" in ana["forbids"]
    assert ana["condition"] == (
        "(!context.annex_iii || context.human_oversight && context has fria_id)"
        " && (!context.budget.hard || context.cost_micro <= context.budget.remaining_micro)"
        ' && (!context.pii && context.data_class < 2 || context.upstream_region like "eu-*")')
    eve = rows['Inference::User::"eve"']
    assert eve["permits"] == ["abac-clearance"] and "1 >= context.data_class" in eve["condition"]
    assert "!context.annex_iii" in eve["condition"]  # not trained: oversight does not help


def test_who_can_says_what_must_hold_for_those_who_are_not_among_the_entities(rules):
    """Keys and tokens bring their principals along: a row for each type keeps the questions about them."""
    rows = who_can(rules, "Invoke", GPT)
    user, service = rows["any Inference::User"], rows["any Inference::Service"]
    assert ANALYST in user["condition"] and "!principal.suspended" in user["condition"]
    assert "principal.env" not in user["condition"] and 'principal.env != "prod"' in service["condition"]
    assert "trainings" not in service["condition"]


def test_who_can_keeps_questions_about_a_resource_that_is_not_among_the_entities(rules):
    """With the shipped entities, which hold no models, the model's own attributes are part of the condition."""
    rows = who_can(rules, "Invoke", GPT, entities=None)
    assert set(rows) == {"any Inference::User", "any Inference::Service"}
    assert 'resource.status == "approved"' in rows["any Inference::User"]["condition"]
    status, out, _ = policy(rules, "who-can", "Invoke", GPT)
    assert status == 0 and "which is not among the entities" in out


def test_who_can_answers_always_and_never_in_a_whole_context(rules):
    """With --context nothing is left open for the principals of the entities; --all shows those that never may."""
    rows = who_can(rules, "Invoke", GPT, "--context", json.dumps(context()), "--all")
    assert {name: row["may"] for name, row in rows.items() if not name.startswith("any")} == {
        'Inference::User::"ana"': "always", 'Inference::User::"bob"': "never", 'Inference::User::"eve"': "always"}
    assert rows['Inference::User::"bob"']["forbids"] == ["suspended"]
    (rules / "call.json").write_text(json.dumps(context(pii=True, upstream_region="us-east-1")))
    rows = who_can(rules, "Invoke", GPT, "--context", "call.json", "--all", "--principals", "Inference::User")
    assert rows['Inference::User::"ana"']["forbids"] == ["eu-residency"] and "any Inference::Service" not in rows


def test_who_can_takes_a_part_of_the_context(rules):
    """With --known the known part is folded and the rest stays in the condition."""
    rows = who_can(rules, "Invoke", GPT, "--known", json.dumps({"annex_iii": False, "pii": False, "data_class": 1,
                                                                "budget": {"remaining_micro": 5, "hard": True}}))
    assert rows['Inference::User::"ana"']["condition"] == "context.cost_micro <= 5"


def test_who_can_prints_a_table_for_people(rules):
    """The table has a row for each principal, a line for each part of its condition, the policies, and sums."""
    status, out, _ = policy(rules, "who-can", "ReloadPolicy", 'Inference::Gateway::"main"', "--known", '{"mfa": true}')
    assert status == 0
    assert out == """Inference::Action::"ReloadPolicy" on Inference::Gateway::"main"

if      any other Inference::User
           principal in Inference::Role::"gateway-admin"
        && !principal.suspended
        by admin; unless suspended

0 always, 1 if, 0 never
Where a condition is in error a policy is: a permit does not count, a forbid denies
(on_forbid_error: deny).
"""
    status, out, _ = policy(rules, "who-can", "ReloadPolicy", 'Inference::Gateway::"main"', "--known", '{"mfa": false}',
                            "--on-forbid-error=skip")
    assert status == 1 and out.endswith("\n0 always, 0 if, 1 never (--all shows them)\n")
    status, out, _ = policy(rules, "who-can", "CallTool", 'Inference::Tool::"create-ticket"', "--all")
    assert status == 1 and "no policy permits it" in out


def test_who_can_says_when_a_forbid_that_errs_decides(rules):
    """A forbid that always errs denies under on_forbid_error: deny, and is skipped under skip."""
    (rules / "new/err.cedar").write_text(
        '@id("errs") forbid (principal == Inference::User::"ana", action, resource) when {\n'
        '  Inference::User::"gone".suspended };\n')
    words = ["Invoke", GPT, "--policies", "new", "--schema", "policies/gateway.cedarschema", "--all"]
    rows = who_can(rules, *words, "--context", json.dumps(context()))
    assert rows['Inference::User::"ana"']["may"] == "never"
    assert rows['Inference::User::"ana"']["errors"] == ["errs"] == rows['Inference::User::"ana"']["forbids"]
    rows = who_can(rules, *words, "--context", json.dumps(context()), "--on-forbid-error", "skip")
    assert rows['Inference::User::"ana"']["may"] == "always"


@pytest.mark.parametrize("words, status, message", [
    (["Invoke"], 2, "takes an ACTION and a RESOURCE"),
    (["Invoke", GPT, "more"], 2, "more"),
    (["Invoke", GPT, "--context", "{}", "--known", "{}"], 2, "give one of them"),
    (["Invoke", GPT, "--format", "csv"], 2, "table or json"),
    (["Invoke", GPT, "--al"], 2, "--al"),
    (["Invok", GPT], 1, 'did you mean "Invoke"'),
    (["nothing like it", GPT], 1, "the schema has no action"),
    (['Inference::Action::"Nothing"', GPT], 1, "the schema has no action"),
    (["use", GPT], 1, "is a group"),
    (["Invoke", 'Inference::Gateway::"main"'], 1, "does not apply to a Inference::Gateway"),
    (["Invoke", "gpt-x"], 1, "resource"),
    (["Invoke", GPT, "--principals", "Inference::Usr"], 1, "it is for Inference::User"),
    (["Invoke", GPT, "--known", '{"mffa": true}'], 1, "did you mean `mfa`"),
    (["Invoke", GPT, "--known", '{"completely": 1}'], 1, "has no `completely`"),
    (["Invoke", GPT, "--known", '{"mfa": 1}'], 1, "must be Bool, not Long"),
    (["Invoke", GPT, "--context", '{"mfa": true}'], 1, "--context"),
    (["Invoke", GPT, "--context", "missing.json"], 3, "missing.json"),
    (["Invoke", GPT, "--policies", "missing.cedar"], 3, "missing.cedar"),
])
def test_who_can_refuses_words_that_make_no_question(rules, words, status, message):
    """A wrong word is answered with what would be right, and nothing on stdout."""
    got, out, err = policy(rules, "who-can", *words)
    assert (got, out) == (status, "") and message in err


# --- diff -----------------------------------------------------------------------------------------


def test_diff_of_the_same_rules_finds_nothing(rules):
    """The same policies, also under other file names, change nothing: exit code 0."""
    (rules / "new/rbac.cedar").rename(rules / "new/aaa.cedar")
    answer = diff(rules, "policies", "new", "--entities", "people.json")
    assert answer["policies"] == [] and answer["requests"] == [] and answer["asked"] > 50
    status, out, _ = policy(rules, "diff", "policies", "policies")
    assert status == 0 and "0 gain, 0 lose, 0 under another condition" in out


def test_diff_names_policies_and_conditions_that_changed(rules):
    """A condition that asks more is shown as what is asked now and was not before."""
    change(rules, "admin.cedar", "context.mfa", "context.mfa && context.mtls")
    (rules / "new/tools.cedar").unlink()
    (rules / "new/more.cedar").write_text('@id("more") permit (principal, action in Inference::Action::"read", resource)'
                                          " when { context.mfa };\n")
    answer = diff(rules, "policies", "new")
    assert answer["policies"] == [{"change": "changed", "id": "admin", "effect": "permit"},
                                  {"change": "added", "id": "more", "effect": "permit"},
                                  {"change": "removed", "id": "tools-with-side-effects", "effect": "forbid"}]
    assert {row["change"] for row in answer["requests"]} == {"changed"}
    assert {re.search('"(.*)"', row["action"])[1] for row in answer["requests"]} == {
        "ReloadPolicy", "ReadAudit", "ListModels", "CountTokens"}
    status, out, _ = policy(rules, "diff", "policies", "new")
    assert status == 1 and "changed permit admin\nadded   permit more\n" in out
    assert ('changed any other Inference::User  Inference::Action::"ReloadPolicy"  Inference::Gateway::"main"\n'
            "        +  context.mtls\n           and 3 conditions as before\n        by admin; unless suspended\n") in out


def test_diff_says_who_gains_and_who_loses(rules):
    """In a given context the answer is yes or no: who could not and now can, and the other way round."""
    change(rules, "rbac.cedar", 'Role::"analyst"', 'Role::"approver"')
    change(rules, "suspended.cedar", "principal.suspended", "principal.suspended && context.mfa == false")
    (rules / "calls.json").write_text(json.dumps([context(data_class=0), context(data_class=2)]))
    answer = diff(rules, "policies", "new", "--entities", "people.json", "--context", "calls.json")
    rows = {(row["principal"]["entity"], re.search('"(.*)"', row["action"])[1], row["context"]): row
            for row in answer["requests"] if row["principal"]["entity"] and row["resource"]["entity"] == GPT}
    ana, bob, eve = (f'Inference::User::"{name}"' for name in PEOPLE)
    assert rows[ana, "Batch", 1]["change"] == "loses" and rows[ana, "Batch", 1]["new"]["permits"] == []
    assert rows[bob, "Invoke", 1]["change"] == "gains"
    assert rows[bob, "Invoke", 1]["old"]["forbids"] == ["suspended"]
    assert rows[bob, "Invoke", 1]["new"]["permits"] == ["abac-clearance"]
    assert (bob, "Invoke", 2) not in rows and not [key for key in rows if key[0] == eve]
    assert answer["gains"] > 0 and answer["loses"] > 0
    status, out, _ = policy(rules, "diff", "policies", "new", "--entities", "people.json", "--context", "calls.json")
    assert status == 1 and "in context 2" in out and "        was: always\n" in out and "        is: never\n" in out


def test_diff_asks_recorded_requests(rules):
    """Lines as authorize --batch takes them: each that is answered otherwise is named by its line."""
    change(rules, "rbac.cedar", 'Role::"analyst"', 'Role::"approver"')
    line = {"principal": 'Inference::User::"ana"', "action": 'Inference::Action::"Batch"', "resource": GPT,
            "context": context()}
    lines = [line, line | {"action": 'Inference::Action::"Invoke"'}, line | {"context": context(weekday=7)}]
    (rules / "calls.ndjson").write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    answer = diff(rules, "policies", "new", "--entities", "people.json", "--requests", "calls.ndjson")
    assert answer["asked"] == 3
    assert [(row["line"], row["change"], row["old"]["permits"]) for row in answer["requests"]] == [
        (1, "loses", ["rbac-analysts-standard-models"])]
    status, out, _ = policy(rules, "diff", "policies", "new", "--entities", "people.json", "--requests", "calls.ndjson")
    assert status == 1 and "(line 1)" in out and "requests: 3 asked, 0 gain, 1 lose" in out


def test_diff_compares_schemas_and_entities_as_well(rules):
    """The same policies over other entities, or under another schema."""
    people = json.loads((rules / "people.json").read_text())
    for one in people:
        if one["uid"]["id"] == "bob":
            one["attrs"]["suspended"] = False
        if one["uid"]["id"] == "ana":
            one["parents"] = []
    (rules / "later.json").write_text(json.dumps([one for one in people if one["uid"]["id"] != "eve"]))
    (rules / "call.json").write_text(json.dumps(context(data_class=0)))
    answer = diff(rules, "--old-entities", "people.json", "--new-entities", "later.json", "--context", "call.json")
    changes = {(row["principal"]["entity"], row["action"]): row["change"] for row in answer["requests"]
               if row["resource"]["entity"] == GPT}
    assert answer["policies"] == []
    assert changes['Inference::User::"bob"', 'Inference::Action::"Invoke"'] == "gains"
    assert changes['Inference::User::"ana"', 'Inference::Action::"Rerank"'] == "loses"
    assert changes['Inference::User::"eve"', 'Inference::Action::"Invoke"'] == "loses"
    schema = (rules / "policies/gateway.cedarschema").read_text()
    (rules / "less.cedarschema").write_text(schema.replace("principal: [User, Service], resource: Model,",
                                                           "principal: User, resource: Model,"))
    answer = diff(rules, "--new-schema", "less.cedarschema")
    assert answer["loses"] == 6 and {row["principal"]["type"] for row in answer["requests"]} == {"Inference::Service"}


@pytest.mark.parametrize("words, status, message", [
    ([], 2, "takes OLD and NEW"),
    (["policies"], 2, "takes OLD and NEW"),
    (["policies", "new", "more"], 2, "more"),
    (["policies", "new", "--policies", "new"], 2, "OLD and NEW are the policies"),
    (["policies", "new", "--context", "a", "--requests", "b"], 2, "--context or --requests"),
    (["policies", "new", "--limit", "0"], 2, "--limit takes a number"),
    (["policies", "new", "--on-forbid-error", "allow"], 2, "deny or skip"),
    (["policies", "new", "--nothing"], 2, "--nothing"),
    (["policies", "new", "--limit", "10"], 1, "the grid has 40 requests, the limit is 10"),
    (["policies", "missing"], 3, "missing"),
    (["policies", "new", "--new-schema", "missing"], 3, "missing"),
    (["policies", "new", "--context", "missing"], 3, "missing"),
    (["policies", "new", "--context", "bad.json"], 1, "bad.json:1"),
    (["policies", "new", "--context", "empty.json"], 1, "the list of contexts is empty"),
    (["policies", "new", "--context", "unfit.json"], 1, "context 1 fits no action"),
    (["policies", "new", "--requests", "missing"], 3, "missing"),
    (["policies", "new", "--requests", "bad.json"], 1, "bad.json:1"),
    (["policies", "new", "--config", "none.yaml", "--requests", "empty.json"], 3, "none.yaml"),
])
def test_diff_refuses_words_that_make_no_question(rules, words, status, message):
    """A wrong word or file is named, with the limit or what would be right."""
    (rules / "bad.json").write_text('{"a": }\n')
    (rules / "empty.json").write_text("[]")
    (rules / "unfit.json").write_text('{"mfa": true}')
    got, _, err = policy(rules, "diff", *words)
    assert got == status and message in err


def test_a_grid_needs_a_schema_and_requests_do_not(rules):
    """Without a schema nobody knows what can be asked; recorded requests can be."""
    (rules / "old.cedar").write_text("permit (principal, action, resource);")
    (rules / "new.cedar").write_text("permit (principal, action, resource) unless { context.n > 1 };")
    (rules / "calls").write_text("".join(
        json.dumps({"principal": 'U::"a"', "action": 'Action::"b"', "resource": 'R::"c"', "context": {"n": n}}) + "\n"
        for n in (1, 2)))
    (rules / "tollgate.yaml").unlink()
    status, _, err = policy(rules, "diff", "old.cedar", "new.cedar")
    assert status == 1 and "come from a schema" in err
    answer = diff(rules, "old.cedar", "new.cedar", "--requests", "calls")
    assert [(row["line"], row["change"]) for row in answer["requests"]] == [(2, "loses")]
    status, _, err = policy(rules, "diff", "old.cedar", "new.cedar", "--requests", "calls", "--limit", "1")
    assert status == 1 and "more than 1 requests" in err
    status, out, _ = policy(rules, "who-can", 'Action::"b"', 'R::"c"', "--policies", "new.cedar")
    assert status == 0 and "any other entity\n           context.n <= 1\n" in out
    status, _, err = policy(rules, "who-can", "b", 'R::"c"', "--policies", "new.cedar")
    assert status == 1 and "must be written in full" in err
