# SPDX-License-Identifier: Apache-2.0
"""Promise: rules are checked, asked, explained and tested with `tollgate policy` before they ship; nothing else of the
configuration is needed for it."""

import json
import time

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
    assert status == 0 and {"authorize", "check"} <= set(commands)
    for command in commands:
        status, out, err = policy(rules, command, "--help")
        assert status == 0 and out.startswith(f"usage: tollgate policy {command}") and err == "", command
    status, out, err = policy(rules, "chekc")
    assert status == 2 and 'did you mean "check"?' in err and out == ""
    assert policy(rules)[0] == 2


@pytest.mark.parametrize("words, said", [
    (["check", "stray"], 'does not know "stray"'),
    (["check", "--formt", "json"], 'does not know "--formt"'),
    (["check", "--format", "xml"], 'text or json, not "xml"'),
    (["check", "--config"], "--config wants a value"),
    (["check", "--config", "a", "--config", "b"], "--config can stand only once"),
    (["check", "--schema", ""], "--schema wants a path"),
    (["authorize"], "--principal, --action and --resource are all needed"),
    (["authorize", "--batch", "--action", "x"], "come from stdin"),
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
    (rules / "rules/a.cedar").write_text("permit (principal, action, resource) when { principal.levl > 1 };\n"
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
    (rules / "rules/a.cedar").write_text("permit (principal, action, resource) when { principal.levl > 1 };\n")
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
