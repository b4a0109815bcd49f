# SPDX-License-Identifier: Apache-2.0
"""A small interpreter of the FOCUS rule model, for CSV exports: rows are dicts, an empty cell is null.

The model is a tree: a composite rule names other rules, and its condition holds for them too. Rules apply whose
criteria are declared; dynamic ones are for people. Only MUST and MUST NOT can fail. A comparison with a null cell
passes as a requirement and does not hold as a condition; a condition on a column that is not there does not hold."""

import json
import re
from decimal import Decimal

DECIMAL = re.compile(r"-?\d+\.\d+(E-?\d+)?")
NUMERIC = re.compile(r"-?\d+(\.\d+)?(E-?\d+)?")
MOMENT = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")
UNIT = re.compile(r"(\d+ )?[A-Z][A-Za-z]*s( per [A-Z][A-Za-z]*)?|[A-Z]{2,3}-[A-Z][a-z]+s?")
CURRENCY = re.compile(r"[A-Z]{3}")


def is_flat_json(text):
    pairs = []
    try:
        value = json.loads(text, object_pairs_hook=lambda found: pairs.append(found) or dict(found))
    except ValueError:
        return False
    names = [name for name, _ in pairs[-1]] if pairs else []
    return (isinstance(value, dict) and len(names) == len(set(names))
            and not any(isinstance(member, (dict, list)) for member in value.values()))


CELL_CHECKS = {
    "TypeString": lambda cell: True,
    "TypeDecimal": lambda cell: bool(DECIMAL.fullmatch(cell)),
    "TypeDateTime": lambda cell: bool(MOMENT.fullmatch(cell)),
    "FormatDateTime": lambda cell: bool(MOMENT.fullmatch(cell)),
    "FormatNumeric": lambda cell: bool(NUMERIC.fullmatch(cell)),
    "FormatString": str.isascii,
    "FormatUnit": lambda cell: bool(UNIT.fullmatch(cell)),
    "FormatCurrency": lambda cell: bool(CURRENCY.fullmatch(cell)),
    "CheckNationalCurrency": lambda cell: bool(CURRENCY.fullmatch(cell)),
    "FormatKeyValue": is_flat_json,
    "CheckDecimalValue": lambda cell: bool(NUMERIC.fullmatch(cell)),
}


def is_same(cell, value):
    if isinstance(value, (int, float)):
        return bool(NUMERIC.fullmatch(cell)) and Decimal(cell) == Decimal(str(value))
    return cell == value


class Focus:
    """check() walks the tree from the root: `checked` are the rules that met a row, `failed` rule -> first bad row."""

    def __init__(self, model, declared, columns, rows):
        self.rules = model["ModelRules"]
        self.root = model["ModelDatasets"]["CostAndUsage"]["ModelRules"]
        self.declared = set(declared)
        self.columns = set(columns)
        self.rows = rows
        self.checked, self.failed = set(), {}

    def check(self):
        for name in self.root:
            self._walk(name, [])
        return self

    def _walk(self, name, conditions):
        rule = self.rules[name]
        criteria, validation = rule["ApplicabilityCriteria"], rule["ValidationCriteria"]
        if rule["Type"] != "Static" or (criteria and not self.declared & set(criteria)):
            return
        if rule["EntityType"] == "Column" and rule["Reference"] not in self.columns:
            return
        if validation["Keyword"] not in ("MUST", "MUST NOT"):
            return
        requirement = validation["Requirement"]
        if validation["Condition"]:
            conditions = [*conditions, validation["Condition"]]
        items = requirement.get("Items", [])
        if requirement["CheckFunction"] == "AND" and all(item["CheckFunction"] == "CheckModelRule" for item in items):
            for item in items:
                self._walk(item["ModelRuleId"], conditions)
            return
        self._judge(name, requirement, conditions)

    def _judge(self, name, requirement, conditions):
        if requirement["CheckFunction"] == "ColumnPresent":
            self.checked.add(name)
            if requirement["ColumnName"] not in self.columns:
                self.failed[name] = "no such column"
            return
        rows = [row for row in self.rows if all(self._holds(condition, row, True) for condition in conditions)]
        if rows:
            self.checked.add(name)
        if requirement["CheckFunction"] == "CheckDistinctCount":
            parents = {}
            for row in rows:
                parents.setdefault(row[requirement["ColumnAName"]], set()).add(row[requirement["ColumnBName"]])
            bad = [key for key, found in parents.items() if key and len(found) != requirement["ExpectedCount"]]
        else:
            bad = [row for row in rows if not self._holds(requirement, row, False)]
        if bad:
            self.failed[name] = bad[0]

    def _holds(self, check, row, is_condition):
        kind = check["CheckFunction"]
        if kind in ("AND", "OR"):
            results = [self._holds(item, row, is_condition) for item in check["Items"]]
            return all(results) if kind == "AND" else any(results)
        if kind == "CheckModelRule":
            return self._holds(self.rules[check["ModelRuleId"]]["ValidationCriteria"]["Requirement"], row, is_condition)
        names = [check[key] for key in ("ColumnName", "ColumnAName", "ColumnBName", "ResultColumnName") if key in check]
        if not all(name in self.columns for name in names):
            return False
        return self._compare(kind, check, [row[name] for name in names], is_condition)

    @staticmethod
    def _compare(kind, check, cells, is_condition):
        if kind in ("CheckValue", "CheckNotValue"):
            if check["Value"] is None:
                return (cells[0] == "") == (kind == "CheckValue")
            if cells[0] == "":
                return kind == "CheckNotValue" or not is_condition
            return is_same(cells[0], check["Value"]) == (kind == "CheckValue")
        if "" in cells:
            return not is_condition
        if kind == "CheckSameValue":
            return cells[0] == cells[1]
        if kind == "CheckNotSameValue":
            return cells[0] != cells[1]
        if kind == "CheckGreaterOrEqualThanValue":
            return bool(NUMERIC.fullmatch(cells[0])) and Decimal(cells[0]) >= Decimal(str(check["Value"]))
        if kind == "ColumnByColumnEqualsColumnValue":
            return Decimal(cells[0]) * Decimal(cells[1]) == Decimal(cells[2])
        return CELL_CHECKS[kind](cells[0])
