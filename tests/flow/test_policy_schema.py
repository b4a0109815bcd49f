# SPDX-License-Identifier: Apache-2.0
"""Promise: `tollgate policy schema` tells all that is wrong with a schema and writes it as Cedar text or as JSON."""

import json

import pytest
from harness import run_tollgate

TEXT = """@doc("people")
namespace App {
  type Level = Long;
  entity User in Group = {
    level: Level,
    nick?: String,
  } tags String;
  entity Group enum ["staff", "guests"];
  action read appliesTo {
    principal: User,
    resource: Group,
  };
}
"""


def schema(folder, *words):
    return run_tollgate("policy", "schema", *words, folder=folder)


def test_a_schema_goes_to_json_and_back_to_the_same_text(tmp_path):
    """--to json and --to cedar undo each other, annotations and common types included."""
    (tmp_path / "app.cedarschema").write_text(TEXT)
    status, out, err = schema(tmp_path, "app.cedarschema", "--to", "json")
    assert status == 0 and err == ""
    space = json.loads(out)["App"]
    assert space["annotations"] == {"doc": "people"}
    assert space["commonTypes"] == {"Level": {"type": "Long"}}
    assert space["entityTypes"]["User"]["shape"]["attributes"]["nick"] == {"type": "String", "required": False}
    (tmp_path / "app.json").write_text(out)
    assert schema(tmp_path, "--to=cedar", "app.json") == (0, TEXT, "")


def test_every_error_has_its_line_and_a_suggestion(tmp_path):
    """All errors come at once; nothing is written then."""
    (tmp_path / "bad.cedarschema").write_text("entity User in Groupx;\nentity Group = {\n  a: Lng };\n")
    status, out, err = schema(tmp_path, "bad.cedarschema", "--to", "json")
    assert status == 1 and out == ""
    assert "bad.cedarschema:1:16: entity type `Groupx` is not declared; did you mean `Group`?" in err
    assert "bad.cedarschema:3:6: type `Lng` is not declared; did you mean `Long`?" in err


def test_what_is_hardly_meant_is_a_warning(tmp_path):
    """Warnings refuse nothing."""
    (tmp_path / "odd.cedarschema").write_text("entity Long;\nentity User = {\n  a: Bool,\n  a: String };\n")
    status, out, err = schema(tmp_path, "odd.cedarschema")
    assert status == 0 and out == ""
    assert "odd.cedarschema:1:8: warning: `Long` hides the built-in type" in err
    assert "odd.cedarschema:4:3: warning: attribute `a` stands twice" in err


def test_what_only_json_can_say_is_refused_as_text(tmp_path):
    """A common type as an entity's shape has no text."""
    (tmp_path / "s.json").write_text(json.dumps({"": {
        "commonTypes": {"C": {"type": "Record", "attributes": {}}},
        "entityTypes": {"E": {"shape": {"type": "C"}}}, "actions": {}}}))
    status, out, err = schema(tmp_path, "s.json", "--to", "cedar")
    assert status == 1 and out == "" and "only JSON can say it" in err
    assert schema(tmp_path, "s.json", "--to", "json")[0] == 0


@pytest.mark.parametrize("words, status, said", [
    ([], 2, "FILE is missing"),
    (["a", "b"], 2, "b"),
    (["--to"], 2, "--to"),
    (["--to", "xml", "a"], 2, "--to takes cedar or json"),
    (["--form", "a"], 2, "--form"),
    (["nowhere.cedarschema"], 3, "nowhere.cedarschema"),
])
def test_wrong_use_says_so(tmp_path, words, status, said):
    """Exit code 2 for wrong use, 3 for a file that is not there."""
    code, out, err = schema(tmp_path, *words)
    assert (code, out) == (status, "") and said in err
