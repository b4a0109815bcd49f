# SPDX-License-Identifier: Apache-2.0
"""Finance's reports: the same total from every view, in any zone, in any format."""

import csv
import io
import itertools
import json
import sqlite3

import pytest

from harness import pico, report, run_tollgate, wait_for
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
