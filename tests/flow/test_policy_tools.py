# SPDX-License-Identifier: Apache-2.0
"""Promise: rules are checked, asked, explained and tested with `tollgate policy` before they ship; nothing else of the
configuration is needed for it."""

import json
import re
import shlex
import shutil
import time
from xml.etree import ElementTree

import pytest

from harness import TOP, run_tollgate

CONF = TOP / "conf"
SCHEMA = """entity Team in [Team];
entity User in [Team] = {level: Long, mail?: String} tags String;
entity File in [File] = {owner: User, secret: Bool};
action look, change appliesTo {principal: User, resource: File, context: {hour: Long, from?: ipaddr}};
"""
POLICIES = """@id("team-looks")
permit (principal in Team::"staff", action == Action::"look", resource);

@id("owner-changes") @reason("Owners change their files")
permit (principal, action, resource) when { resource.owner == principal && principal.level > 1 };

@id("night") @status("403") @reason("Nobody changes files at night")
forbid (principal, action == Action::"change", resource) when { context.hour < 6 } unless { principal.level > 8 };
"""
ENTITIES = [
    {"uid": {"type": "User", "id": "ana"}, "attrs": {"level": 2}, "parents": [{"type": "Team", "id": "staff"}]},
    {"uid": {"type": "User", "id": "bob"}, "attrs": {"level": 1}, "parents": []},
    {"uid": {"type": "File", "id": "plan"}, "attrs": {"owner": {"type": "User", "id": "ana"}, "secret": False},
     "parents": []},
]
ASK = ["--principal", 'User::"ana"', "--action", 'Action::"change"', "--resource", 'File::"plan"']


@pytest.fixture
def rules(tmp_path):
    """A folder with a small set of rules and a configuration that could not serve."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/main.cedar").write_text(POLICIES)
    (tmp_path / "schema.cedarschema").write_text(SCHEMA)
    (tmp_path / "entities.json").write_text(json.dumps(ENTITIES))
    (tmp_path / "tollgate.yaml").write_text(
        "upstreams: [{name: u, credential: {header: authorization, value: \"${env:NOT_SET}\"}}]\n"
        "policy: {schema: schema.cedarschema, files: [rules/*.cedar], entities: entities.json}\n")
    return tmp_path


def policy(folder, *words, stdin=None):
    return run_tollgate("policy", *words, folder=folder, stdin=stdin)


def asked(folder, *words, hour=12, stdin=None):
    return policy(folder, "authorize", *ASK, "--context", json.dumps({"hour": hour}), *words, stdin=stdin)


# --- the commands ---------------------------------------------------------------------------------


def test_help_names_every_command_and_a_near_miss_is_suggested(rules):
    """`tollgate policy --help` lists the commands, each has its own --help, and a wrong word is answered with help."""
    status, out, _ = policy(rules, "--help")
    commands = [line.split()[0] for line in out.splitlines() if line.startswith("  ")]
    assert status == 0 and {"authorize", "check", "explain", "test"} <= set(commands)
    for command in commands:
        status, out, err = policy(rules, command, "--help")
        assert status == 0 and out.startswith(f"usage: tollgate policy {command}") and err == "", command
    status, out, err = policy(rules, "checks")
    assert status == 2 and 'did you mean "check"?' in err and out == ""
    assert policy(rules)[0] == 2


@pytest.mark.parametrize("words, said", [
    (["check", "stray"], 'does not know "stray"'),
    (["check", "--formt", "json"], 'does not know "--formt"'),
    (["check", "--format", "xml"], 'text or json, not "xml"'),
    (["check", "--level", "-1"], 'a number from 0 to 1000, not "-1"'),
    (["check", "--config"], "--config wants a value"),
    (["check", "--config", "a", "--config", "b"], "--config can stand only once"),
    (["check", "--schema", ""], "--schema wants a path"),
    (["authorize"], "--principal, --action and --resource are all needed"),
    (["authorize", "--batch", "--action", "x"], "come from stdin"),
    (["explain", "--test", "x"], "--test and --case go together"),
    (["explain", "--test", "x", "--case", "y", "--action", "z"], "the request is the case's"),
    (["test", "--format", "xml"], 'text, tap or junit, not "xml"'),
    (["authorize", "--on-forbid-error", "maybe"], "deny or skip"),
])
def test_wrong_use_is_exit_code_2_and_says_so(rules, words, said):
    """Wrong words are refused with what was wrong about them."""
    status, out, err = policy(rules, *words)
    assert (status, out) == (2, "") and said in err


# --- inputs ---------------------------------------------------------------------------------------


def test_only_the_policy_section_of_the_configuration_is_needed(rules):
    """Secrets and upstreams that cannot be resolved here are no business of the policy tools."""
    assert policy(rules, "check") == (0, "3 policies in 1 file, schema schema.cedarschema, 3 entities: ok\n", "")


def test_paths_on_the_command_line_override_the_configuration(rules):
    """A file, a folder and a pattern name policies; a file found twice stands once."""
    (rules / "rules/extra.cedar").write_text("permit (principal, action, resource);\n")
    for paths in (["rules"], ["rules/*.cedar"], ["rules/main.cedar", "rules/extra.cedar", "rules/*.cedar"]):
        words = [word for path in paths for word in ("--policies", path)]
        status, out, _ = policy(rules, "check", *words, "--schema", "schema.cedarschema")
        assert status == 0 and out.startswith("4 policies in 2 files"), paths
    status, out, _ = policy(rules, "check", "--config", "tollgate.yaml", "--policies", "rules/extra.cedar")
    assert status == 0 and out.startswith("1 policy in 1 file, schema schema.cedarschema")


def test_links_of_a_json_file_use_templates_of_another(rules):
    """Templates, links and JSON are inputs like any others; a template without a link is a warning."""
    (rules / "rules/shared.cedar").write_text('@id("sharing")\npermit (principal == ?principal, action, resource);\n')
    status, out, _ = policy(rules, "check")
    assert status == 0 and "rules/shared.cedar:1:1: warning: template `sharing` has no link" in out
    assert out.endswith("3 policies and 1 template in 2 files, schema schema.cedarschema, 3 entities: "
                        "0 errors, 1 warning\n")
    (rules / "links.json").write_text(json.dumps({"staticPolicies": {}, "templates": {}, "templateLinks": [
        {"templateId": "sharing", "newId": "bob-shares", "values": {"?principal": {"type": "User", "id": "bob"}}}]}))
    words = ["--policies", "rules", "--policies", "links.json", "--config", "tollgate.yaml"]
    assert policy(rules, "check", *words) == (0, "4 policies and 1 template in 3 files, schema schema.cedarschema, "
                                                 "3 entities: ok\n", "")
    status, out, _ = policy(rules, "authorize", *words, "--principal", 'User::"bob"', *ASK[2:], "--context", '{"hour": 12}')
    assert (status, out) == (0, "allow\n  permit bob-shares\n")


@pytest.mark.parametrize("words, said", [
    (["--config", "none.yaml"], "none.yaml"),
    (["--policies", "none.cedar"], "none.cedar"),
    (["--policies", "none/*.cedar"], "none/*.cedar"),
    (["--policies", "empty"], "no policies (*.cedar, *.cedar.json) are in this folder"),
    (["--schema", "none.cedarschema"], "none.cedarschema"),
    (["--entities", "none.json"], "none.json"),
])
def test_a_file_that_is_not_there_is_exit_code_3(rules, words, said):
    """The environment failed, not the rules."""
    (rules / "empty").mkdir()
    for command in ("check", "authorize"):
        status, out, err = policy(rules, command, *(ASK if command == "authorize" else []), *words)
        assert status == 3 and said in out + err


# --- check ----------------------------------------------------------------------------------------


def break_everything(rules):
    """Two errors of grammar in two files, one in the entities."""
    (rules / "rules/a.cedar").write_text("permit (principal, action);\n")
    (rules / "rules/b.cedar").write_text('permit (principal, action, resource) when { context.hour = 1 };\n')
    (rules / "entities.json").write_text('[{"uid": {"type": "User", "id": "ana"}, "attrs": {}, "parents": []}]')


def test_check_lists_the_errors_of_all_files_with_their_lines(rules):
    """One run shows all that is wrong, each with file, line, column, the line itself and a caret."""
    break_everything(rules)
    status, out, err = policy(rules, "check")
    assert status == 1 and err == ""
    for wanted in ("rules/a.cedar:1:", "rules/b.cedar:1:", "entities.json:", "\npermit (principal, action);\n", "^"):
        assert wanted in out
    assert out.splitlines()[-1] == "3 errors, 0 warnings"


def test_check_lists_every_error_of_the_types(rules):
    """The validator's findings come with the policies that parse."""
    (rules / "rules/a.cedar").write_text("permit (principal, action, resource) when { principal.lvl > 1 };\n"
                                         "permit (principal, action, resource) when { resource.secret > 1 };\n")
    status, out, _ = policy(rules, "check")
    assert status == 1 and "rules/a.cedar:1:55: " in out and "rules/a.cedar:2:45: " in out
    assert out.endswith("2 errors, 0 warnings\n")


def test_check_shows_warnings_and_denies_them_on_demand(rules):
    """A policy that can never apply is a warning; --deny-warnings makes it an error."""
    (rules / "rules/a.cedar").write_text("permit (principal, action, resource) when { principal is File };\n")
    status, out, _ = policy(rules, "check")
    assert status == 0 and "rules/a.cedar:1:1: warning: " in out and out.endswith("0 errors, 1 warning\n")
    assert policy(rules, "check", "--deny-warnings")[0] == 1


def test_check_bounds_how_deep_policies_look_into_entities(rules):
    """--level N: an attribute of the request's own entities is level 1, of an entity found in one level 2."""
    (rules / "rules/a.cedar").write_text('@id("deep") permit (principal, action, resource) when { resource.owner.level > 1 };\n')
    assert policy(rules, "check", "--level", "2")[0] == 0
    status, out, _ = policy(rules, "check", "--level", "1")
    assert status == 1 and "rules/a.cedar:1:" in out and "it needs level 2, the limit is 1" in out
    assert out.splitlines()[-1].endswith(": 1 error, 0 warnings")
    assert len(json.loads(policy(rules, "check", "--level", "0", "--format", "json")[1])["errors"]) > 1
    config = rules / "tollgate.yaml"
    config.write_text(config.read_text().replace("policy: {", "policy: {level: 1, "))
    assert "it needs level 2, the limit is 1" in policy(rules, "check")[1]
    assert policy(rules, "check", "--level", "2")[0] == 0
    status, _, err = asked(rules)
    assert status == 1 and "it needs level 2, the limit is 1" in err
    status, out, _ = policy(rules, "check", "--level", "1", "--policies", "rules/main.cedar")
    assert status == 1 and "--level needs a schema" in out


def test_check_shows_what_a_schema_hardly_means(rules):
    """Warnings of the schema stand with its line; its errors are all listed."""
    path = rules / "schema.cedarschema"
    path.write_text(SCHEMA.replace("{level: Long,", "{level: Long, level: Long,"))
    status, out, _ = policy(rules, "check")
    assert status == 0 and "schema.cedarschema:2:" in out and "warning: " in out
    path.write_text(SCHEMA.replace("Long", "Lang").replace("secret: Bool", "secret: Boole"))
    status, out, _ = policy(rules, "check")
    assert status == 1 and "schema.cedarschema:2:" in out and "schema.cedarschema:3:" in out


def test_check_answers_machines_in_json(rules):
    """--format json has every finding with its place."""
    break_everything(rules)
    status, out, _ = policy(rules, "check", "--format", "json")
    said = json.loads(out)
    assert status == 1 and said["ok"] is False and said["error_count"] == 3
    assert [(error["file"], error["line"]) for error in said["errors"][:2]] == [("rules/a.cedar", 1), ("rules/b.cedar", 1)]


# --- authorize ------------------------------------------------------------------------------------


def test_authorize_answers_with_reasons(rules):
    """allow is exit code 0, deny is 1, and both name the policies with their annotations."""
    assert asked(rules) == (0, "allow\n  permit owner-changes: Owners change their files\n", "")
    assert asked(rules, hour=3) == (1, "deny\n  forbid night [403]: Nobody changes files at night\n", "")
    status, out, _ = policy(rules, "authorize", "--principal", 'User::"bob"', *ASK[2:], "--context", '{"hour": 12}')
    assert (status, out) == (1, "deny: no policy permits it\n")
    status, out, _ = asked(rules, "--format", "json", hour=3)
    assert json.loads(out) == {"decision": "deny", "errors": [], "reasons": [
        {"id": "night", "status": "403", "reason": "Nobody changes files at night"}]}


def test_authorize_takes_the_context_from_word_file_and_stdin(rules):
    """--context is JSON, a file, or - for stdin."""
    (rules / "context.json").write_text('{"hour": 3}')
    assert policy(rules, "authorize", *ASK, "--context", "context.json")[0] == 1
    assert policy(rules, "authorize", *ASK, "--context", "-", stdin='{"hour": 12}')[0] == 0
    status, _, err = policy(rules, "authorize", *ASK, "--context", "-", stdin='{"hour": "x"}')
    assert status == 1 and "stdin" in err
    assert policy(rules, "authorize", *ASK, "--context", "none.json")[0] == 3


def test_authorize_refuses_requests_that_do_not_fit_the_schema(rules):
    """Request validation is on unless it is switched off."""
    words = ["--principal", 'File::"plan"', *ASK[2:], "--context", '{"hour": 12}']
    status, out, err = policy(rules, "authorize", *words)
    assert (status, out) == (1, "") and "File" in err
    status, out, _ = policy(rules, "authorize", *words, "--no-request-validation")
    assert status == 1 and out.startswith("deny")
    status, _, err = policy(rules, "authorize", *ASK)
    assert status == 1 and "no context was given" in err
    status, _, err = policy(rules, "authorize", "--principal", "User::ana", *ASK[2:])
    assert status == 1 and "the principal `User::ana` is not an entity such as" in err


def test_authorize_refuses_policies_that_do_not_fit_the_schema(rules):
    """As serve does; the list of errors is the same as check's."""
    (rules / "rules/a.cedar").write_text("permit (principal, action, resource) when { principal.lvl > 1 };\n")
    status, out, err = asked(rules)
    assert (status, out) == (1, "") and "rules/a.cedar:1:55: " in err
    assert asked(rules, "--no-policy-validation")[0] == 0


def test_authorize_follows_on_forbid_error(rules):
    """A forbid that cannot be evaluated denies, unless the configuration or a flag says skip."""
    (rules / "rules/a.cedar").write_text('@id("broken")\nforbid (principal, action, resource)\n'
                                         'when { principal.level * 9223372036854775807 > 0 };\n')
    status, out, _ = asked(rules)
    assert status == 1 and out.startswith("deny: a forbid could not be evaluated") and "error  broken" in out
    assert asked(rules, "--on-forbid-error", "skip")[0] == 0
    config = rules / "tollgate.yaml"
    config.write_text(config.read_text().replace("policy: {", "policy: {on_forbid_error: skip, "))
    assert asked(rules)[0] == 0
    assert asked(rules, "--on-forbid-error", "deny")[0] == 1


def batch_line(hour, **more):
    return json.dumps({"principal": 'User::"ana"', "action": {"type": "Action", "id": "change"},
                       "resource": 'File::"plan"', "context": {"hour": hour}, **more})


def test_batch_answers_every_line_in_order(rules):
    """A line that is no request is answered with an error that names it; the rest goes on."""
    bad = ["[]", "{", '{"principal": 1}', '{"acton": 1}', batch_line("noon"), batch_line(1, action='Action::"fly"'),
           '{"principal": "User::ana"}', batch_line(1)[:-1] + ', "id": 1, "id": 2}', '{"a": "' + "x" * 1100000 + '"}']
    lines = [batch_line(12), "", batch_line(3, id={"n": [7]}), *bad, batch_line(12)]
    status, out, err = policy(rules, "authorize", "--batch", stdin="\n".join(lines))
    answers = [json.loads(line) for line in out.splitlines()]
    assert status == 1 and err == ""
    assert answers[0] == {"line": 1, "decision": "allow", "errors": [],
                          "reasons": [{"id": "owner-changes", "reason": "Owners change their files"}]}
    assert answers[1]["line"] == 3 and answers[1]["id"] == {"n": [7]} and answers[1]["decision"] == "deny"
    assert [answer["line"] for answer in answers[2:-1]] == list(range(4, 4 + len(bad)))
    assert all("error" in answer and "decision" not in answer for answer in answers[2:-1])
    assert 'did you mean "action"?' in answers[5]["error"] and "longer than 1048576 bytes" in answers[-2]["error"]
    assert answers[-1]["decision"] == "allow"
    status, out, _ = policy(rules, "authorize", "--batch", stdin=batch_line(12) + "\n" + batch_line(3) + "\n")
    assert status == 0 and len(out.splitlines()) == 2


def test_batch_is_fast(rules):
    """Thousands a second even with sanitizers; a release build answers tens of thousands."""
    began = time.monotonic()
    status, out, _ = policy(rules, "authorize", "--batch", stdin=(batch_line(12) + "\n") * 10000)
    assert status == 0 and out.count('"decision":"allow"') == 10000
    assert time.monotonic() - began < 10


# --- test -----------------------------------------------------------------------------------------

CAST = """entities:
  - uid: Team::"staff"
  - {uid: 'User::"ana"', attrs: {level: 2}, parents: ['Team::"staff"']}
  - {uid: 'File::"plan"', attrs: {owner: {type: User, id: ana}, secret: false}}
context: {hour: 12}
"""
CASES = """include: [cast.yaml]
principal: User::"ana"
action: Action::"change"
resource: File::"plan"
cases:
  - name: owners change their files
    expect: allow
    reasons: [owner-changes]
  - name: nobody does at night
    context: {hour: 5}
    expect: deny
    reasons: [night]
  - name: but the highest level
    context: {hour: 5}
    entities: [{uid: 'User::"ana"', attrs: {level: 9}}]
    expect: allow
  - name: a colleague looks
    action: Action::"look"
    resource: File::"other"
    expect: allow
    reasons: [team-looks]
    errors: [owner-changes]
"""


@pytest.fixture
def cases(rules):
    (rules / "rules/cast.yaml").write_text(CAST)
    (rules / "rules/main.test.yaml").write_text(CASES)
    return rules


def test_cases_beside_the_policies_are_run(cases):
    """Without a FILE every *.test.yaml beside the policies is run; production data is not looked at."""
    (cases / "entities.json").write_text("[]")
    assert policy(cases, "test") == (0, "ok    rules/main.test.yaml: 4 of 4 cases\n"
                                        "4 cases in 1 file: 4 passed, 0 failed\n", "")
    assert policy(cases, "test", "rules/main.test.yaml", "--policies", "rules", "--schema", "schema.cedarschema")[0] == 0


def test_a_failing_case_shows_what_came_and_how_to_explain_it(cases):
    """Expected and got, a hint for an id that no policy has, and a command that shows why."""
    path = cases / "rules/main.test.yaml"
    path.write_text(CASES.replace("[night]", "[nigth]").replace("name: nobody does", "name: nobody's done"))
    status, out, err = policy(cases, "test")
    assert (status, err) == (1, "")
    assert out == """FAIL  rules/main.test.yaml: 3 of 4 cases
  rules/main.test.yaml:9: nobody's done at night
    expected: deny by nigth
    got:      deny by night
    hint:     there is no policy "nigth"; did you mean "night"?
    explain:  tollgate policy explain --config tollgate.yaml --test rules/main.test.yaml --case 'nobody'\\''s done at night'
4 cases in 1 file: 3 passed, 1 failed
"""
    path.write_text(CASES.replace("    errors: [owner-changes]\n", ""))
    status, out, _ = policy(cases, "test")
    assert status == 1 and "expected: allow by team-looks\n" in out
    assert "got:      allow by team-looks; errors: owner-changes\n" in out


def test_tap_and_junit_are_for_machines(cases):
    """TAP 13 with a plan, JUnit as well-formed XML, names escaped in both."""
    path = cases / "rules/main.test.yaml"
    path.write_text(CASES.replace("nobody does at night", '"<n&b> # \\"d\\""').replace("[night]", "[]"))
    status, out, _ = policy(cases, "test", "--format", "tap")
    lines = out.splitlines()
    assert status == 1 and lines[0] == "TAP version 13" and lines[-1] == "1..4"
    assert lines[2].startswith("not ok 2 - rules/main.test.yaml: <n&b> \\# \"d\"")
    assert [line.split()[0] for line in lines if not line.startswith("#")] == ["TAP", "ok", "not", "ok", "ok", "1..4"]
    status, out, _ = policy(cases, "test", "--format", "junit")
    suite = ElementTree.fromstring(out).find("testsuite")
    assert status == 1 and suite.attrib == {"name": "rules/main.test.yaml", "tests": "4", "failures": "1", "errors": "0"}
    failed = suite.findall("testcase")[1]
    assert failed.get("name") == '<n&b> # "d"' and failed.get("line") == "9"
    assert failed.find("failure").get("message") == "expected deny by no policy, got deny by night"


@pytest.mark.parametrize("change, said", [
    (("expect: allow", "expected: allow"), 'rules/main.test.yaml:7:5: a case has no "expected"; did you mean "expect"?'),
    (("include:", "includes:"), 'rules/main.test.yaml:1:1: the file has no "includes"; did you mean "include"?'),
    (("expect: allow", "expect: maybe"), 'expect: "maybe" is neither allow nor deny'),
    (("    expect: deny\n", ""), 'the case has no "expect"'),
    (("name: nobody does at night", "name: owners change their files"), "the case of line 6 has this name already"),
    (("name: nobody does at night", 'name: ""'), 'the case has no "name"'),
    (("name: nobody does at night", 'name: "two\\nlines"'), "cannot hold a line break"),
    (("[owner-changes]", "owner-changes"), "reasons must be a list, not a value"),
    (("[owner-changes]", "[night, night]"), '"night" stands twice'),
    (("{hour: 5}", "{hour: noon}"), "Long"),
    (("{hour: 5}", "{hours: 5}"), "hours"),
    (('action: Action::"look"', 'action: Action::"lok"'), 'Action::"lok"'),
    (('resource: File::"other"', 'resource: User::"ana"'), "User"),
    (('resource: File::"plan"\n', ""), 'the case has no "resource", and neither has the file'),
    (('principal: User::"ana"', "principal: ana"), "the principal `ana` is not an entity"),
    (("attrs: {level: 9}", "attrs: {level: x}"), "level"),
    (("attrs: {level: 9}", "atrs: {level: 9}"), 'an entity has no "atrs"; did you mean "attrs"?'),
    (("attrs: {level: 9}", "parents: [staff]"), "the parent `staff` is not an entity"),
    (("[{uid: 'User::\"ana\"', ", "[{uid: 'User::\"ana\"'}, {uid: 'User::\"ana\"', "), "stands twice in the list"),
    (("cast.yaml", "none.yaml"), "none.yaml"),
    (("cast.yaml", "main.test.yaml"), 'an included file has no "include"'),
    (("include: [cast.yaml]", "config_entities: maybe"), '"maybe" is neither true nor false'),
    ((CASES[CASES.index("  - name"):], ""), "the file has no cases"),
    ((CASES[CASES.index("cases:"):], ""), "the file has no cases"),
    ((CASES, "cases: []\n"), "the file has no cases"),
    ((CASES, "[]"), "the file must be a map, not a list"),
    ((CASES, "cases: [x]"), "a case must be a map, not a value"),
])
def test_a_wrong_file_of_cases_is_refused_with_the_place(cases, change, said):
    """No key is ignored and no half of a file is run."""
    old, new = change
    assert old in CASES
    (cases / "rules/main.test.yaml").write_text(CASES.replace(old, new, 1))
    status, out, err = policy(cases, "test")
    assert status == (3 if new == "none.yaml" else 1) and said in err and "main.test.yaml" in err
    assert out == "0 cases in 0 files: 0 passed, 0 failed\n"


def test_all_wrong_cases_of_a_file_are_listed(cases):
    """One run shows each of them."""
    (cases / "rules/main.test.yaml").write_text(CASES.replace("expect: allow", "expect: yes"))
    status, _, err = policy(cases, "test")
    assert status == 1 and err.count("is neither allow nor deny") == 3


def test_cases_may_use_the_entities_of_the_configuration(cases):
    """config_entities: true, for rules about data that only production has."""
    text = CASES.replace("include: [cast.yaml]", "config_entities: true\ncontext: {hour: 12}")
    (cases / "rules/main.test.yaml").write_text(text[:text.index("  - name: but")])
    assert policy(cases, "test")[0] == 0
    (cases / "rules/main.test.yaml").write_text(text.replace("config_entities: true", "config_entities: false"))
    assert policy(cases, "test")[0] == 1


def test_without_any_cases_the_command_fails(rules):
    """A job that tests nothing must not be green."""
    status, out, err = policy(rules, "test")
    assert (status, out) == (3, "") and "no *.test.yaml is beside the policies" in err
    assert policy(rules, "test", "none.test.yaml")[0] == 3


# --- explain --------------------------------------------------------------------------------------


def test_explain_shows_each_clause_with_its_values(rules):
    """Scope clause by clause, conditions clause by clause, values of what they read, and the decision."""
    status, out, err = policy(rules, "explain", *ASK, "--context", '{"hour": 3}')
    assert (status, err) == (1, "")
    assert out == """principal  User::"ana"
           in Team::"staff"
action     Action::"change"
resource   File::"plan"

permit team-looks  rules/main.cedar:1  does not apply
  true   principal in Team::"staff"
  false  action == Action::"look"
  true   resource

permit owner-changes  rules/main.cedar:4  applies
  true   principal
  true   action
  true   resource
  true   when
    true   resource.owner == principal  (line 5)
             resource.owner = User::"ana"
    true   principal.level > 1  (line 5)
             principal.level = 2

forbid night  rules/main.cedar:7  applies
  true   principal
  true   action == Action::"change"
  true   resource
  true   when
    true   context.hour < 6  (line 8)
             context.hour = 3
  false  unless
    false  principal.level > 8  (line 8)
             principal.level = 2

3 of 3 policies considered

deny
  forbid night [403]: Nobody changes files at night
"""


def test_explain_shows_what_the_index_left_out_on_demand():
    """Policies whose scope cannot match are counted, and shown with --all."""
    case = ["--test", "policies/budget.test.yaml", "--case", "a call beyond the budget is refused"]
    status, out, _ = policy(CONF, "explain", *case)
    assert status == 1 and "8 of 12 policies considered, the scopes of 4 cannot match (--all shows them)\n" in out
    assert "permit admin" not in out
    status, out, _ = policy(CONF, "explain", *case, "--all")
    assert "permit admin  policies/admin.cedar:4  does not apply (left out by the index)\n  false  principal in" in out
    assert len(json.loads(policy(CONF, "explain", *case, "--all", "--format", "json")[1])["policies"]) == 12


def test_explain_shows_what_was_not_reached_and_what_erred(rules):
    """A clause in error says why and what was absent; what stands behind it is not reached."""
    status, out, _ = policy(rules, "explain", *ASK[:4], "--resource", 'File::"none"', "--context", '{"hour": 12}')
    assert status == 1
    assert """permit owner-changes  rules/main.cedar:4  cannot be evaluated
  true   principal
  true   action
  true   resource
  error  when
    error  resource.owner == principal  (line 5)
             entity File::"none" does not exist
             resource.owner is absent
    -      principal.level > 1  (line 5)
""" in out
    assert 'resource   File::"none"  (not among the entities)' in out and "deny: no policy permits it\n" in out


def test_explain_answers_machines_in_json(rules):
    """The same as text: scope, clauses, reads, verdicts, decision."""
    status, out, _ = policy(rules, "explain", *ASK, "--context", '{"hour": 12}', "--format", "json")
    said = json.loads(out)
    assert status == 0 and said["decision"] == "allow" and said["considered"] == 3
    night = next(one for one in said["policies"] if one["id"] == "night")
    assert night["verdict"] == "does not apply" and night["effect"] == "forbid" and night["line"] == 7
    assert night["scope"][1] == {"text": 'action == Action::"change"', "outcome": True}
    assert night["conditions"] == [
        {"kind": "when", "outcome": "false", "clauses": [
            {"text": "context.hour < 6", "line": 8, "outcome": "false",
             "reads": [{"path": "context.hour", "value": "12"}]}]},
        {"kind": "unless", "outcome": None, "clauses": [
            {"text": "principal.level > 8", "line": 8, "outcome": None, "reads": []}]}]


def test_explain_takes_the_request_of_a_case(cases):
    """What a failing case prints can be run as it stands."""
    path = cases / "rules/main.test.yaml"
    path.write_text(CASES.replace("reasons: [night]", "reasons: []").replace("nobody does", "nobody's done"))
    _, out, _ = policy(cases, "test")
    words = shlex.split(out[out.index("tollgate policy explain"):].splitlines()[0])
    status, out, err = run_tollgate(*words[1:], folder=cases)
    assert (status, err) == (1, "") and "             context.hour = 5\n" in out and "forbid night [403]" in out
    status, _, err = policy(cases, "explain", "--test", "rules/main.test.yaml", "--case", "but the highest lvl")
    assert status == 1 and 'did you mean "but the highest level"?' in err
    path.write_text("cases: []")
    assert "the file has no cases" in policy(cases, "explain", "--test", "rules/main.test.yaml", "--case", "x")[2]


# --- the policies that are shipped ----------------------------------------------------------------

SHIPPED = [(path, found.start()) for path in sorted((CONF / "policies").glob("*.cedar"))
           for found in re.finditer(r'^@id\("', path.read_text(), re.M)]


def test_shipped_policies_have_cases_and_pass_them():
    """conf/policies: each file of policies has its file of cases, and all pass without any secret."""
    status, out, err = policy(CONF, "test")
    assert (status, err) == (0, "")
    for path in (CONF / "policies").glob("*.cedar"):
        assert f"ok    policies/{path.stem}.test.yaml: " in out
    assert policy(CONF, "check", "--deny-warnings")[0] == 0


@pytest.mark.parametrize("change", ["drop", "flip the effect", "flip the condition"])
@pytest.mark.parametrize("path, start", SHIPPED, ids=[f"{path.stem}-{start}" for path, start in SHIPPED])
def test_cases_notice_a_changed_policy(tmp_path, path, start, change):
    """A policy that is dropped, turned around, or has its condition turned around fails at least one case."""
    shutil.copytree(CONF, tmp_path / "conf")
    text = path.read_text()
    end = text.index(";\n", start) + 2
    old = new = text[start:end]
    if change == "drop":
        new = ""
    elif change == "flip the effect":
        new = re.sub(r"^(permit|forbid)", lambda found: "forbid" if found[0] == "permit" else "permit", old, flags=re.M)
    elif "when {" in old:
        new = old.replace("when {", "unless {", 1)
    else:
        new = old.replace(";\n", " when { false };\n")
    (tmp_path / "conf/policies" / path.name).write_text(text[:start] + new + text[end:])
    status, out, err = policy(tmp_path / "conf", "test")
    assert new != old and (status, err) == (1, "") and "    expected: " in out
