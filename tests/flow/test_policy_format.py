# SPDX-License-Identifier: Apache-2.0
"""Promise: `tollgate policy format` lays policy files out without changing what they say or losing a comment, and
touches nothing when something is wrong; `tollgate policy convert` carries policies between Cedar text and JSON."""

import json
import os
import stat

import pytest

from harness import TOP, run_tollgate

UGLY = ('// the file\n@id("a")@reason("b") permit(principal,action,resource,)when{context.level>1&&// why\n'
        'principal.name like "x*"};\n')
FINE = """// the file
@id("a")
@reason("b")
permit (principal, action, resource)
when {
  context.level > 1 && // why
  principal.name like "x*"
};
"""


def policy(folder, *words, stdin=None):
    return run_tollgate("policy", *words, folder=folder, stdin=stdin)


# --- format ---------------------------------------------------------------------------------------


def test_files_are_changed_in_place_and_keep_their_mode(tmp_path):
    """Only what changes is written and named; a second run changes nothing."""
    (tmp_path / "ugly.cedar").write_text(UGLY)
    (tmp_path / "ugly.cedar").chmod(0o640)
    (tmp_path / "fine.cedar").write_text(FINE)
    before = (tmp_path / "fine.cedar").stat()
    assert policy(tmp_path, "format", "ugly.cedar", "fine.cedar") == (0, "changed ugly.cedar\n", "")
    assert (tmp_path / "ugly.cedar").read_text() == FINE
    assert stat.S_IMODE((tmp_path / "ugly.cedar").stat().st_mode) == 0o640
    assert (tmp_path / "fine.cedar").stat().st_mtime_ns == before.st_mtime_ns
    assert policy(tmp_path, "format", "ugly.cedar", "fine.cedar") == (0, "", "")
    assert sorted(os.listdir(tmp_path)) == ["fine.cedar", "ugly.cedar"]


def test_a_link_goes_on_naming_its_file(tmp_path):
    """The file behind a symbolic link is changed, the link stays one."""
    (tmp_path / "real.cedar").write_text(UGLY)
    (tmp_path / "link.cedar").symlink_to("real.cedar")
    assert policy(tmp_path, "format", "link.cedar")[0] == 0
    assert (tmp_path / "link.cedar").is_symlink()
    assert (tmp_path / "real.cedar").read_text() == FINE


def test_a_folder_stands_for_its_policy_files(tmp_path):
    """*.cedar only; a folder without any is an error."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/a.cedar").write_text(UGLY)
    (tmp_path / "rules/b.cedar").write_text(UGLY)
    (tmp_path / "rules/notes.txt").write_text(UGLY)
    code, out, _ = policy(tmp_path, "format", "rules")
    assert (code, out) == (0, "changed rules/a.cedar\nchanged rules/b.cedar\n")
    assert (tmp_path / "rules/notes.txt").read_text() == UGLY
    (tmp_path / "empty").mkdir()
    code, _, errors = policy(tmp_path, "format", "empty")
    assert code == 3 and "no *.cedar file" in errors


def test_standard_input_goes_to_standard_output(tmp_path):
    """Without a file, and with -; CRLF and an empty text too."""
    assert policy(tmp_path, "format", stdin=UGLY) == (0, FINE, "")
    assert policy(tmp_path, "format", "-", stdin=UGLY.replace("\n", "\r\n")) == (0, FINE, "")
    assert policy(tmp_path, "format", "-", stdin="") == (0, "", "")
    code, out, _ = policy(tmp_path, "format", "--width=100", "-", stdin=UGLY.replace("// why\n", ""))
    assert code == 0 and 'when { context.level > 1 && principal.name like "x*" };' in out


def test_check_changes_nothing_and_shows_the_first_line_that_would_change(tmp_path):
    """Exit 1 with file, line, what is there and what would be; 0 when all is formatted."""
    (tmp_path / "ugly.cedar").write_text(UGLY)
    (tmp_path / "fine.cedar").write_text(FINE)
    (tmp_path / "dos.cedar").write_bytes(FINE.replace("\n", "\r\n").encode())
    (tmp_path / "cut.cedar").write_text(FINE[:-1])
    (tmp_path / "long.cedar").write_text(FINE + "\n\n")
    code, out, errors = policy(tmp_path, "format", "--check", "ugly.cedar", "fine.cedar", "dos.cedar", "cut.cedar",
                               "long.cedar")
    assert (code, errors) == (1, "")
    assert out == ('ugly.cedar:2: is not formatted\n'
                   '  - @id("a")@reason("b") permit(principal,action,resource,)when{context.level>1&&// why\n'
                   '  + @id("a")\n'
                   'dos.cedar:1: is not formatted: white space at the end of the line\n'
                   'cut.cedar:8: is not formatted: the last line has no end\n'
                   'long.cedar:9: is not formatted: empty lines at the end\n')
    assert (tmp_path / "ugly.cedar").read_text() == UGLY
    assert policy(tmp_path, "format", "--check", "fine.cedar") == (0, "", "")
    wide = "// " + "\u00e9" * 100 + "\n  " + FINE
    code, out, _ = policy(tmp_path, "format", "--check", stdin="  " + wide)
    assert code == 1 and "<stdin>:1: is not formatted" in out and "\u00e9...\n" in out


def test_when_one_file_does_not_parse_none_is_changed(tmp_path):
    """The error has its place, and all broken files are named."""
    (tmp_path / "ugly.cedar").write_text(UGLY)
    (tmp_path / "broken.cedar").write_text("permit(principal, action, resource)\nwhen { 1 + };\n")
    (tmp_path / "worse.cedar").write_text("allow;")
    code, out, errors = policy(tmp_path, "format", "ugly.cedar", "broken.cedar", "worse.cedar")
    assert (code, out) == (1, "")
    assert "broken.cedar:2:12: expected an expression" in errors and "worse.cedar:1:1:" in errors
    assert (tmp_path / "ugly.cedar").read_text() == UGLY
    code, _, errors = policy(tmp_path, "format", "ugly.cedar", "gone.cedar")
    assert code == 3 and "gone.cedar" in errors
    assert (tmp_path / "ugly.cedar").read_text() == UGLY


def test_a_change_that_was_cut_short_is_not_overwritten(tmp_path):
    """What lies beside the file is left for its owner to look at."""
    (tmp_path / "ugly.cedar").write_text(UGLY)
    (tmp_path / "ugly.cedar.new").write_text("half")
    code, out, errors = policy(tmp_path, "format", "ugly.cedar")
    assert (code, out) == (3, "") and "is there already" in errors
    assert (tmp_path / "ugly.cedar").read_text() == UGLY
    assert (tmp_path / "ugly.cedar.new").read_text() == "half"


@pytest.mark.parametrize("words", [["--width", "19"], ["--width", "1001"], ["--width", "wide"], ["--width"],
                                   ["--chekc"], ["a"] * 1025])
def test_wrong_words_of_format_are_said(tmp_path, words):
    """Wrong use is exit code 2 and names what was wrong."""
    code, out, errors = policy(tmp_path, "format", *words)
    assert (code, out) == (2, "") and errors.startswith("tollgate policy format: ")


def test_the_policies_we_ship_are_formatted():
    """conf/ is an example in this as well."""
    assert policy(TOP, "format", "--check", "conf/policies") == (0, "", "")


# --- convert --------------------------------------------------------------------------------------

POLICIES = """@id("rule")
permit (principal in Group::"staff", action in [Action::"a", Action::"b"], resource)
when { context has a.b && context.a.b > -1 };

@id("template")
@note
forbid (principal == ?principal, action, resource is T in ?resource)
unless { ip("10.0.0.1").isInRange(ip("10.0.0.0/8")) || resource["odd name"] like "\\*a*" };
"""
LINKS = {"templateLinks": [{"templateId": "template", "newId": "the link", "values": {
    "?principal": {"__entity": {"type": "User", "id": "ana"}}, "?resource": {"type": "T", "id": "t"}}}]}


def test_policies_go_to_json_and_come_back(tmp_path):
    """The text of the way back is the formatter's, templates first."""
    (tmp_path / "rules.cedar").write_text(POLICIES)
    code, out, errors = policy(tmp_path, "convert", "--to", "json", "rules.cedar")
    assert (code, errors) == (0, "")
    parts = json.loads(out)
    assert list(parts["staticPolicies"]) == ["rule"] and list(parts["templates"]) == ["template"]
    assert parts["templates"]["template"]["annotations"] == {"id": "template", "note": None}
    (tmp_path / "rules.json").write_text(out)
    code, out, errors = policy(tmp_path, "convert", "--to=cedar", "rules.json")
    assert (code, errors) == (0, "")
    (tmp_path / "again.cedar").write_text(out)
    assert policy(tmp_path, "format", "--check", "again.cedar") == (0, "", "")
    rule, template = POLICIES.split("\n\n")
    code, formatted, _ = policy(tmp_path, "format", stdin=template + "\n\n" + rule)
    assert out == formatted


def test_ids_of_json_become_annotations_and_links_policies(tmp_path):
    """Cedar text has ids as @id only, and no links."""
    (tmp_path / "rules.cedar").write_text(POLICIES)
    (tmp_path / "links.json").write_text(json.dumps(LINKS))
    code, out, errors = policy(tmp_path, "convert", "--to", "cedar", "rules.cedar", "links.json")
    assert (code, errors) == (0, "")
    assert out.endswith("""@id("the link")
@note
forbid (principal == User::"ana", action, resource is T in T::"t")
unless {
  ip("10.0.0.1").isInRange(ip("10.0.0.0/8")) || resource["odd name"] like "\\*a*"
};
""")
    every = {"effect": "permit", "principal": {"op": "All"}, "action": {"op": "All"}, "resource": {"op": "All"},
             "conditions": []}
    (tmp_path / "named.json").write_text(json.dumps(
        {"staticPolicies": {"policy0": every, "other": every, "third": {**every, "annotations": {"id": "x", "b": "c"}}},
         "templates": {}, "templateLinks": []}))
    code, out, errors = policy(tmp_path, "convert", "--to", "cedar", "named.json")
    line = "permit (principal, action, resource);\n"
    assert (code, out) == (0, f'{line}\n@id("other")\n{line}\n@id("third")\n@b("c")\n{line}')
    assert errors.startswith("named.json:1: note: @id(\"x\") is written as the id \"third\"")
    code, out, _ = policy(tmp_path, "convert", "--to", "json", "rules.cedar", "links.json")
    assert code == 0 and json.loads(out)["templateLinks"][0]["newId"] == "the link"


def test_convert_lists_all_that_is_wrong_and_writes_nothing(tmp_path):
    """Every broken file, with its place."""
    (tmp_path / "a.cedar").write_text("permit(principal, action, resource)")
    (tmp_path / "b.json").write_text('{"effect": "permit", "nonsense": 1}')
    code, out, errors = policy(tmp_path, "convert", "--to", "json", "a.cedar", "b.json")
    assert (code, out) == (1, "") and "a.cedar:1:36:" in errors and "b.json:1:" in errors


@pytest.mark.parametrize("words, code, said", [
    ([], 2, "--to is missing"), (["--to"], 2, "wants a value"), (["--to", "yaml"], 2, "cedar or json"),
    (["--to", "json"], 2, "FILE is missing"), (["--ot", "json"], 2, "--ot"),
    (["--to", "json", "gone.cedar"], 3, "gone.cedar"), (["--to", "json", *["empty.cedar"] * 65], 2, "more than 64")])
def test_wrong_words_of_convert_are_said(tmp_path, words, code, said):
    """Wrong use is exit code 2, a file that is not there 3."""
    (tmp_path / "empty.cedar").write_text("")
    got, out, errors = policy(tmp_path, "convert", *words)
    assert (got, out) == (code, "") and said in errors


def test_both_commands_have_help(tmp_path):
    """--help goes to the standard output."""
    for command in ("format", "convert"):
        code, out, errors = policy(tmp_path, command, "--help")
        assert (code, errors) == (0, "") and out.startswith(f"usage: tollgate policy {command}")
