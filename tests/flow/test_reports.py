# SPDX-License-Identifier: Apache-2.0
"""Finance's reports: the same total from every view, in any zone, in any format."""

import csv
import io
import itertools
import json
import sqlite3

import pytest

from focus_rules import Focus
from harness import TOP, pico, report, run_tollgate, wait_for
from setup_gateway import caller_key, chat_body, infer_body, messages_body

ANA = caller_key("ana")
BOB = caller_key("bob")

# The book of the first layout, which knew no dialects.
LAYOUT_1 = """
CREATE TABLE cursor(id INTEGER PRIMARY KEY CHECK (id = 1), gateway TEXT NOT NULL, epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL, committed_s INTEGER NOT NULL);
CREATE TABLE account(id INTEGER PRIMARY KEY, bu TEXT NOT NULL, team TEXT NOT NULL, project TEXT NOT NULL,
  principal TEXT NOT NULL, model TEXT NOT NULL, deployment TEXT NOT NULL, provider TEXT NOT NULL,
  UNIQUE (principal, model, deployment, bu, team, project, provider));
CREATE TABLE price(id INTEGER PRIMARY KEY, line TEXT NOT NULL, meter TEXT NOT NULL, unit TEXT NOT NULL,
  currency TEXT NOT NULL, rate_micro INTEGER NOT NULL, UNIQUE (line, meter, unit, currency, rate_micro));
CREATE TABLE totals(hour INTEGER NOT NULL, account INTEGER NOT NULL, price INTEGER NOT NULL, flags INTEGER NOT NULL,
  quantity INTEGER NOT NULL, whole INTEGER NOT NULL, pico INTEGER NOT NULL, requests INTEGER NOT NULL,
  attempts INTEGER NOT NULL, last_epoch INTEGER NOT NULL, last_seq INTEGER NOT NULL,
  PRIMARY KEY (hour, account, price, flags)) WITHOUT ROWID;
CREATE INDEX totals_last ON totals(last_epoch, last_seq);
CREATE TABLE rejected(epoch INTEGER NOT NULL, seq INTEGER NOT NULL, reason TEXT NOT NULL,
  PRIMARY KEY (epoch, seq)) WITHOUT ROWID;
PRAGMA user_version = 1;
"""

COLUMNS = ["bu", "team", "project", "principal", "model", "deployment", "provider", "dialect", "meter", "price", "rate",
           "unit", "hour", "day", "month"]

HOUR = 3600
NOVEMBER = 1793491200  # 2026-11-01T00:00:00Z
ESTIMATED, NO_USAGE, UNPRICED = 1, 2, 4


class Book:
    """A ledger of made-up calls, written as a gateway of the first layout left it."""

    def __init__(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.db = sqlite3.connect(folder / "ledger.db")
        self.db.executescript(LAYOUT_1)
        self.seq = 0

    def _id(self, table, columns, values):
        where = " AND ".join(f"{name} = ?" for name in columns)
        found = self.db.execute(f"SELECT id FROM {table} WHERE {where}", values).fetchone()
        if found:
            return found[0]
        marks = ", ".join("?" * len(columns))
        return self.db.execute(f"INSERT INTO {table}({', '.join(columns)}) VALUES ({marks})", values).lastrowid

    def _add(self, at, account, price, flags, quantity, cost):
        self.seq += 1
        whole, rest = divmod(cost, 10**12)
        self.db.execute(
            "INSERT INTO totals VALUES (?, ?, ?, ?, ?, ?, ?, 1, 1, 1, ?) ON CONFLICT DO UPDATE SET"
            " quantity = quantity + excluded.quantity, whole = whole + excluded.whole + (pico + excluded.pico) / 1000000000000,"
            " pico = (pico + excluded.pico) % 1000000000000, requests = requests + 1, attempts = attempts + 1",
            (at // HOUR, account, price, flags, quantity, whole, rest, self.seq))

    def call(self, at, lines, bu="risk", team="t", project="p", principal="User::ana", model="gpt-x", provider="azure",
             flags=0, currency="USD"):
        """lines: (meter, quantity, price line or None, micro per million, unit)."""
        account = self._id("account", ["bu", "team", "project", "principal", "model", "deployment", "provider"],
                           [bu, team, project, principal, model, f"{model}@{provider}", provider])
        columns = ["line", "meter", "unit", "currency", "rate_micro"]
        unpriced = UNPRICED if any(line[2] is None for line in lines) else 0
        self._add(at, account, self._id("price", columns, ["", "", "", currency if lines else "", 0]), flags | unpriced,
                  0, 0)
        for meter, quantity, price, rate, unit in lines:
            line = self._id("price", columns, [price or "unpriced", meter, unit, currency, rate])
            self._add(at, account, line, flags | (UNPRICED if price is None else 0), quantity, quantity * rate)

    def upgrade(self, make_gateway):
        """A start of the gateway over it, as after an update."""
        self.db.commit()
        self.db.close()
        before = cost(self.folder, "report", "--month", "2026-11", expect=3)
        assert "a start of the gateway brings it up to date" in before
        make_gateway(folder=self.folder.parent).stop()


def cost(state, *words, expect=0):
    status, out, err = run_tollgate("cost", *words, "--state", state, folder=state)
    assert status == expect, err
    return out if expect == 0 else err


def sums(state, by, *words):
    """Pico by (keys of the row, currency)."""
    document = json.loads(cost(state, "report", "--by", by, "--format", "json", *words))
    rows = {tuple(row[name] for name in by.split(",")) + (row["currency"],): pico(row["cost"])
            for row in document["rows"]}
    return rows, {total["currency"]: pico(total["cost"]) for total in document["totals"]}, document


@pytest.fixture
def state(tmp_path, make_gateway):
    """Three months of hours around November 2026, two currencies, everything that can be odd."""
    book = Book(tmp_path / "old" / "state")
    tokens = "tokens"
    for day, hour in itertools.product(range(-3, 33), (0, 5, 18, 23)):
        at = NOVEMBER + day * 86400 + hour * HOUR + 1234
        rate = 2500000 if day < 15 else 3333333
        version = "2026-11-01" if day < 15 else "2026-11-16"
        book.call(at, [("in_text_uncached", 1000 + day * 7 + hour, f"gpt-x/in_text_uncached@{version}", rate, tokens),
                       ("out_text", 333 + hour, f"gpt-x/out_text@{version}", 10000001, tokens)],
                  bu=("risk", "retail", "ops")[hour % 3], principal=f"User::p{hour % 4}")
        book.call(at, [("in_text_uncached", 77, f"claude/in_text_uncached@{version}", 3000000, tokens)], bu="risk",
                  model="claude", provider="anthropic", flags=ESTIMATED if hour == 5 else 0)
        book.call(at, [("rows", 7, None, 0, "rows")], bu="", team="", model="iris", provider="own", currency="EUR")
    book.call(NOVEMBER + 86400, [], flags=NO_USAGE)
    for name in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1", "Köln, \"quoted\""):
        book.call(NOVEMBER + 2 * 86400, [("requests", 1, "own/requests@2026-11-01", 1000000, "requests")], bu=name,
                  model="own", provider="own", currency="EUR")
    book.upgrade(make_gateway)
    return book.folder


def test_every_view_has_the_same_total(state):
    """Whatever the columns and however many, lines add up to the same totals, exactly."""
    _, want, _ = sums(state, "bu", "--month", "2026-11")
    assert want["USD"] > 0 and want["EUR"] > 0
    for by in COLUMNS + ["bu,model", "day,meter", ",".join(COLUMNS)]:
        rows, totals, _ = sums(state, by, "--month", "2026-11")
        assert totals == want, by
        for currency, total in want.items():
            assert sum(value for key, value in rows.items() if key[-1] == currency) == total, by
    for form in ("csv", "json"):
        text = cost(state, "report", "--by", "principal,hour", "--month", "2026-11", "--format", form)
        rows = list(csv.DictReader(io.StringIO(text))) if form == "csv" else json.loads(text)["rows"]
        assert sum(pico(row["cost"]) for row in rows if row["currency"] == "USD") == want["USD"], form


def test_table_lines_add_up_to_the_printed_total(state):
    """Each line is rounded once, and still the lines of a currency add up to its total as printed."""
    for by in ("hour", "bu,model", "principal,meter,rate"):
        text = cost(state, "report", "--by", by, "--month", "2026-11")
        lines, totals = {}, {}
        for line in text.split("\n\n")[1].splitlines()[2:]:
            words = line.split()
            if len(words) < 3:
                continue
            into = totals if words[0] == "total" else lines
            into[words[-1]] = into.get(words[-1], 0) + pico(words[-2])
        assert totals and lines == totals, by


def test_months_of_a_zone_take_each_hour_once(state):
    """A zone's months divide the hours: none twice, none lost, also where clocks are half an hour off."""
    whole = ["--from", "2026-10-20", "--to", "2026-12-20"]
    _, want, _ = sums(state, "bu", *whole)
    for zone in ("UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Chatham"):
        total = {}
        for month in ("2026-10", "2026-11", "2026-12"):
            rows, part, _ = sums(state, "month,day", "--month", month, "--tz", zone)
            assert {key[0] for key in rows} == {month}, zone
            assert all(key[1].startswith(month) for key in rows), zone
            for currency, value in part.items():
                total[currency] = total.get(currency, 0) + value
        assert total == want, zone
    in_utc, _, _ = sums(state, "hour", *whole)
    in_kolkata, _, _ = sums(state, "hour", *whole, "--tz", "Asia/Kolkata")
    assert set(in_utc) == set(in_kolkata) and all(key[0].endswith("Z") for key in in_utc)


def test_a_zone_says_what_it_does_to_days(state):
    """The hour that begins at 18:00Z is of the same day in Kolkata (23:30), the one of 23:00Z of the next."""
    day = ["--from", "2026-11-10T18:00:00Z", "--to", "2026-11-11T00:00:00Z"]
    rows, _, document = sums(state, "day", *day, "--tz", "Asia/Kolkata")
    assert {key[0] for key in rows} == {"2026-11-10", "2026-11-11"}
    assert document["period"]["time_zone"] == "Asia/Kolkata"
    text = cost(state, "report", "--tz", "Asia/Kolkata", "--month", "2026-11")
    assert "2026-10-31T19:00:00Z to 2026-11-30T19:00:00Z" in text and "totals\n           are of UTC hours" in text
    text = cost(state, "report", "--tz", "Europe/Berlin", "--month", "2026-11")
    assert "2026-10-31T23:00:00Z to 2026-11-30T23:00:00Z" in text and "UTC hours" not in text
    for zone in ("../../etc/passwd", "/etc/passwd", "Europe/", "Nowhere/AtAll", "", "."):
        assert "time zone" in cost(state, "report", "--tz", zone, expect=2)


def test_heads_say_what_the_numbers_are(state):
    """Period, zone, as-of, currency, price books, estimated share, unpriced and unknown usage."""
    head = cost(state, "report", "--month", "2026-11").split("\n\n")[0]
    for line in ("period     2026-11-01T00:00:00Z to 2026-12-01T00:00:00Z (exclusive)", "as of  ", "currency   EUR, USD",
                 "prices     2026-11-01, 2026-11-16", "estimated  ", "unpriced   120", "no usage   1"):
        assert line in head, line
    document = sums(state, "bu", "--month", "2026-11")[2]
    assert document["price_books"] == ["2026-11-01", "2026-11-16"] and document["unpriced"] == 120
    row = next(csv.DictReader(io.StringIO(cost(state, "report", "--month", "2026-11", "--format", "csv"))))
    assert row["price_books"] == "2026-11-01 2026-11-16" and row["time_zone"] == "UTC"


def test_no_cell_is_a_formula(state):
    """Names come from outside; a spreadsheet must show them, not run them."""
    text = cost(state, "report", "--by", "bu", "--month", "2026-11", "--format", "csv")
    names = [row["bu"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert {"'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "'\uff1d1", "Köln, \"quoted\""} <= set(names)
    for row in csv.reader(io.StringIO(text, newline="")):
        for cell in row:
            assert cell[:1] not in tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20") or cell == "", cell


def test_calls_are_booked_by_dialect(make_gateway):
    """One model spoken to in two languages is two lines by dialect."""
    gateway = make_gateway()
    assert gateway.call("POST", "/v1/chat/completions", chat_body("chat", "hello"), ANA).status == 200
    assert gateway.call("POST", "/v1/responses", {"model": "chat", "input": "hello"}, ANA).status == 200
    assert gateway.call("POST", "/v1/messages", messages_body("claude", "hello"), ANA).status == 200
    assert gateway.call("POST", "/v2/models/iris/infer", infer_body(3), BOB).status == 200
    wait_for(lambda: sum(row["requests"] for row in report(gateway, by="dialect")) == 4)
    found = {row["dialect"]: row["requests"] for row in report(gateway, by="dialect")}
    assert len(found) == 4 and "" not in found, found


def test_a_statement_is_of_one_business_unit(state):
    """All statements together are the report; a name that nobody has is no empty bill."""
    by_bu, _, _ = sums(state, "bu", "--month", "2026-11")
    for name in ("risk", "ops", "Köln, \"quoted\""):
        words = ("--bu", name, "--month", "2026-11", "--format", "json")
        document = json.loads(cost(state, "statement", *words))
        assert {row["bu"] for row in document["rows"]} == {name}
        assert document["by"] == ["bu", "team", "project", "principal", "model"]
        found = {total["currency"]: pico(total["cost"]) for total in document["totals"]}
        assert found == {currency: value for (bu, currency), value in by_bu.items() if bu == name}, name
    assert "no calls of business unit 'Risk'" in cost(state, "statement", "--bu", "Risk", "--month", "2026-11", expect=1)
    assert "--bu" in cost(state, "statement", expect=2)


def test_unallocated_names_each_reason(state):
    """Calls that nobody owns, that have no price or no usage, and what was estimated, with its cost."""
    words = ("unallocated", "--month", "2026-11")
    rows = json.loads(cost(state, *words, "--format", "json"))["reasons"]
    found = {(row["reason"], row["currency"]): (row["attempts"], row["percent"], row["cost"]) for row in rows}
    # 120 of 127 calls in EUR; 30 of 241 in USD, each 77 tokens at 3 per million.
    assert found == {
        ("no business unit", "EUR"): (120, "94.5", "0.00"), ("no team", "EUR"): (120, "94.5", "0.00"),
        ("unpriced", "EUR"): (120, "94.5", None),
        ("estimated", "USD"): (30, "12.4", "0.00693"), ("no usage known", "USD"): (1, "0.4", None)}
    lines = list(csv.DictReader(io.StringIO(cost(state, *words, "--format", "csv"))))
    assert [(row["reason"], row["attempts"]) for row in lines] == [(row["reason"], str(row["attempts"])) for row in rows]
    text = cost(state, *words)
    assert "period     2026-11-01T00:00:00Z" in text and "0.006930  USD" in text
    assert cost(state, "unallocated", "--month", "2020-01").endswith("nothing\n")


# --- FOCUS ----------------------------------------------------------------------------------------

RULE_MODEL = TOP.parent / "shared" / "focus" / "model-1.2.json"
DECLARED = [f"{name}_SUPPORTED" for name in (
    "ACCOUNT_NAMING", "NEGOTIATED_PRICING", "PUBLIC_PRICE_LIST", "USAGE_MEASUREMENT", "UNIT_PRICING", "SUB_ACCOUNT",
    "TAGGING", "MULTIPLE_PRICING_CATEGORIES")]

# Rules of the model that a right export fails, with the reason. The known ones about products in doubles, issuers and
# commitment discounts do not come up: decimals are exact, names alike, and those columns left out.
VIRTUAL = "their text wants virtual currency and a public price list, their criteria any one of both; we have no virtual one"
ALLOWED = {"CostAndUsage-D-047-C": VIRTUAL, "CostAndUsage-D-051-C": VIRTUAL, "CostAndUsage-D-055-C": VIRTUAL}


def focus_rows(state, *words):
    status, out, err = run_tollgate("cost", "export", "--focus", "1.2", *words, "--state", state, folder=state)
    assert status == 0, err
    reader = csv.DictReader(io.StringIO(out, newline=""))
    return list(reader), reader.fieldnames, err


def focus_check(columns, rows):
    if not RULE_MODEL.exists():
        pytest.skip(f"no rule model at {RULE_MODEL}")
    return Focus(json.loads(RULE_MODEL.read_text()), DECLARED, columns, rows).check()


def test_focus_export_passes_the_rule_model(state):
    """All static MUST rules of FOCUS 1.2 that apply hold; the money is the report's, to the pico."""
    rows, columns, err = focus_rows(state, "--month", "2026-11")
    done = focus_check(columns, rows)
    assert done.failed.keys() == ALLOWED.keys()
    assert len(done.checked) >= 140, len(done.checked)
    _, want, _ = sums(state, "bu", "--month", "2026-11")
    for currency, total in want.items():
        for column in ("BilledCost", "EffectiveCost", "ContractedCost", "ListCost"):
            assert sum(pico(row[column]) for row in rows if row["BillingCurrency"] == currency) == total, column
    assert "30 lines without a price (in 120 calls) have no row" in err
    assert not any("unpriced" in row["SkuPriceId"] for row in rows)


def test_focus_rows_say_who_and_what(state):
    """Days in UTC, million-token prices, estimated quantities, names in ASCII with the originals in Tags."""
    rows, columns, _ = focus_rows(state, "--month", "2026-11", "--account", "Bank AG")
    first = next(row for row in rows if row["x_ModelId"] == "claude")
    assert (first["ChargePeriodStart"], first["ChargePeriodEnd"]) == ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z")
    assert (first["BillingPeriodStart"], first["BillingPeriodEnd"]) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")
    assert (first["ConsumedQuantity"], first["ConsumedUnit"]) == ("308.00", "Tokens")
    assert (first["PricingQuantity"], first["PricingUnit"]) == ("0.000308", "1000000 Tokens")
    assert (first["ListUnitPrice"], first["ListCost"]) == ("3.00", "0.000924")
    assert (first["x_EstimatedQuantity"], first["x_UsageSource"], first["x_RequestCount"]) == ("77.00", "mixed", "4")
    assert first["SkuPriceId"] == "anthropic/claude/in_text_uncached/claude/in_text_uncached@2026-11-01"
    assert first["BillingAccountId"] == "Bank AG" and first["SubAccountId"] == "risk"
    names = {row["SubAccountId"]: json.loads(row["Tags"])["bu"] for row in rows if row["SubAccountId"]}
    assert names["K%C3%B6ln, \"quoted\""] == "Köln, \"quoted\"" and names["%3D1+1"] == "=1+1"
    assert not any(cell[:1] in "=+@\t" and cell for row in rows for cell in row.values())
    assert columns.index("x_CallerId") == len(columns) - 7, "own columns stand last"
    part, _, _ = focus_rows(state, "--from", "2026-11-10T18:00:00Z", "--to", "2026-11-11T06:00:00Z")
    periods = {(row["ChargePeriodStart"], row["ChargePeriodEnd"]) for row in part}
    assert periods == {("2026-11-10T18:00:00Z", "2026-11-11T00:00:00Z"), ("2026-11-11T00:00:00Z", "2026-11-11T06:00:00Z")}


@pytest.mark.parametrize("column, value, rule", [
    ("BilledCost", "", "BilledCost-C-003-M"),
    ("BilledCost", "1,5", "BilledCost-C-002-M"),
    ("ListCost", "999.00", "ListCost-C-009-C"),
    ("ChargeCategory", "Tokens", "ChargeCategory-C-003-M"),
    ("ChargePeriodStart", "2026-11-01", "ChargePeriodStart-C-002-M"),
    ("ConsumedUnit", "", "ConsumedUnit-C-006-C"),
    ("SkuId", "other", "SkuPriceId-C-008-M"),
    ("SubAccountName", "Köln", "SubAccountName-C-002-M"),
    ("Tags", "{\"a\": [1]}", "Tags-C-001-M"),
    ("BillingCurrency", "euro", "BillingCurrency-C-006-M"),
])
def test_rule_model_finds_a_wrong_cell(column, value, rule):
    """The interpreter is no rubber stamp: one wrong cell fails the rule that forbids it."""
    good = {"BilledCost": "1.00", "ListCost": "1.00", "ListUnitPrice": "2.00", "PricingQuantity": "0.50",
            "PricingUnit": "1000000 Tokens", "ChargeCategory": "Usage", "ChargeClass": "", "ConsumedQuantity": "500000.00",
            "ConsumedUnit": "Tokens", "ChargePeriodStart": "2026-11-01T00:00:00Z", "SkuId": "a/b", "SkuPriceId": "a/b@1",
            "SubAccountId": "risk", "SubAccountName": "risk", "Tags": "{\"a\": 1}", "BillingCurrency": "EUR"}
    before = focus_check(good, [good, good]).failed
    after = focus_check(good, [good, {**good, column: value}]).failed
    assert rule not in before and rule in after, after.keys() - before.keys()


def test_focus_needs_its_version(state):
    """Another version, or none, is refused rather than guessed."""
    for words in ((), ("--focus", "1.3")):
        assert "--focus 1.2" in cost(state, "export", *words, expect=2)
