# SPDX-License-Identifier: Apache-2.0
"""Every place where money stands, read by code that shares nothing with its writers: the journals, the
SQLite books, Redis' totals and streams, the model server's own calls.

A series is (hour, bu, team, project, principal, model, deployment, provider, dialect, price line,
meter, unit, currency); its sum is (quantity, pico, requests, attempts). A call's own row has no meter.
"""

import json
import sqlite3
from datetime import datetime
from pathlib import Path

from harness import FRAME_HEAD, RATES_MICRO, SEGMENT_HEAD_BYTES, TYPES, crc32c

DIMENSIONS = ("bu", "team", "project", "principal", "model", "deployment", "provider", "dialect")
SERIES_LEN = 1 + len(DIMENSIONS) + 4
KEY_LEN = SERIES_LEN + 2  # flags and rate
PICO_PER_WHOLE = 10**12


class Broken(Exception):
    """An invariant does not hold; the text begins with its name."""


def add(sums, series, quantity, pico, requests, attempts):
    before = sums.get(series, (0, 0, 0, 0))
    sums[series] = tuple(map(sum, zip(before, (quantity, pico, requests, attempts))))


def hour_of(text):
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) // 3600


def book_settle(sums, document):
    """Adds what one settle record says to the sums."""
    row = document["data"]
    who = (hour_of(row["started"]), *(row.get(name, "") for name in DIMENSIONS))
    currency = row.get("currency", "")
    first = int(row["attempt"] == 1)
    add(sums, (*who, "", "", "", currency), 0, 0, first, 1)
    seen = set()
    for line in row["lines"]:
        series = (*who, line.get("price", ""), line["meter"], line.get("unit", ""), currency)
        # Two lines of one call with the same rate are one request of that row.
        count = 0 if series in seen else 1
        seen.add(series)
        add(sums, series, line["quantity"], line["pico"], first * count, count)


class Journal:
    """One gateway's journal, read on from where the last look ended."""

    def __init__(self, name, state):
        self.name = name
        self.folder = Path(state, "journal")
        self.offsets = {}
        self.where = {}  # sequence -> (segment, epoch, kind, document, text)
        self.contents = {}  # (epoch, sequence) -> payload

    def read(self):
        for path in sorted(self.folder.glob("*.segment")):
            offset = self.offsets.get(path.name, SEGMENT_HEAD_BYTES)
            with open(path, "rb") as file:
                file.seek(offset)
                data = file.read()
            self.offsets[path.name] = offset + self._frames(path.name, data)

    def _frames(self, segment, data):
        at = 0
        while at + FRAME_HEAD.size <= len(data):
            length, kind, _, attempt, _, epoch, sequence, _, call = FRAME_HEAD.unpack_from(data, at)
            end = at + FRAME_HEAD.size + length
            if kind == 0 or end + 4 > len(data) or int.from_bytes(data[end:end + 4], "little") != crc32c(data[at:end]):
                break  # not written yet
            text = data[at + FRAME_HEAD.size:end].decode()
            self._take(segment, epoch, sequence, (TYPES[kind], call.hex(), attempt), text)
            at = end + 4
        return at

    def _take(self, segment, epoch, sequence, head, text):
        known = self.contents.setdefault((epoch, sequence), text)
        if known != text:
            raise Broken(f"I7: {self.name} {epoch}-{sequence} names two records:\n{known}\n{text}")
        before = self.where.get(sequence)
        if before is None or segment >= before[0]:
            self.where[sequence] = (segment, epoch, head, json.loads(text), text)

    def end(self):
        """(epoch, sequence) of the last record."""
        last = max(self.where, default=0)
        if last and len(self.where) != last:
            raise Broken(f"I7: {self.name} has {len(self.where)} records up to sequence {last}")
        return (self.where[last][1], last) if last else (0, 0)

    def has(self, position):
        epoch, sequence = position
        return sequence in self.where and self.where[sequence][1] == epoch

    def records(self, kind):
        """(position, (call, attempt), document, text)"""
        return [((epoch, sequence), head[1:], document, text)
                for sequence, (_, epoch, head, document, text) in sorted(self.where.items()) if head[0] == kind]

    def open_calls(self):
        opened, closed = set(), set()
        for _, _, head, _, _ in self.where.values():
            if head[0] == "intent":
                opened.add(head[1:])
            elif head[0] == "settle":
                closed.add(head[1:])
        return opened - closed


def journal_sums(journal):
    sums = {}
    for _, _, document, _ in journal.records("settle"):
        book_settle(sums, document)
    return sums


def amount_of(quantity, whole, pico, requests, attempts):
    return quantity, whole * PICO_PER_WHOLE + pico, requests, attempts


class Book:
    """<state>/ledger.db, as it was committed."""

    def __init__(self, state):
        self.path = Path(state, "ledger.db")

    def _ask(self, query):
        database = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)
        try:
            return database.execute(query).fetchall()
        finally:
            database.close()

    def cursor(self):
        rows = self._ask("SELECT epoch, seq FROM cursor")
        return rows[0] if rows else (0, 0)

    def rejected(self):
        return self._ask("SELECT epoch, seq, reason FROM rejected")

    def rows(self):
        """By the whole key, flags and rate too, for totals that must not fall."""
        names = ", ".join(f"account.{name}" for name in DIMENSIONS)
        found = self._ask(
            f"SELECT hour, {names}, line, meter, unit, currency, flags, rate_micro, quantity, whole, totals.pico, requests,"
            " attempts FROM totals JOIN account ON account.id = totals.account JOIN price ON price.id = totals.price")
        return {row[:KEY_LEN]: amount_of(*row[KEY_LEN:]) for row in found}

    def sums(self):
        sums = {}
        for key, amount in self.rows().items():
            add(sums, key[:SERIES_LEN], *amount)
        return sums


def position(text):
    epoch, _, sequence = (text or "0-0").partition("-")
    return int(epoch), int(sequence)


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2]))


class Totals:
    """What Redis holds of one gateway."""

    def __init__(self, redis, gateway):
        self.redis = redis
        self.tag = "{" + gateway + "}"

    def watermark(self):
        return position(self.redis.command("HGET", f"w:{self.tag}", "pos"))

    def sums(self):
        sums = {}
        # The last one, the dialect, is left out where it is not known.
        accounts = {name: (json.loads(text) + [""])[:len(DIMENSIONS)] for name, text in
                    pairs(self.redis.command("HGETALL", f"a:{self.tag}")).items()}
        prices = {name: json.loads(text) for name, text in
                  pairs(self.redis.command("HGETALL", f"p:{self.tag}")).items()}
        for hour in self.redis.command("ZRANGE", f"h:{self.tag}", "0", "-1"):
            for account in self.redis.command("SMEMBERS", f"i:{self.tag}:{hour}"):
                for field, value in pairs(self.redis.command("HGETALL", f"t:{self.tag}:{hour}:{account}")).items():
                    line = prices[field.rpartition(".")[0]][:4]
                    add(sums, (int(hour), *accounts[account], *line), *map(int, value.split()))
        return sums

    def stream(self, after):
        """{position: text} of the itemised records behind this position."""
        found = {}
        while True:
            part = self.redis.command("XRANGE", f"e:{self.tag}", f"({after[0]}-{after[1]}", "+", "COUNT", "2000")
            for name, fields in part:
                after = position(name)
                found[after] = pairs(fields)["settle"]
            if len(part) < 2000:
                return found


class Bill:
    """The model server's calls, by trace id."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.calls = {}

    def read(self):
        if self.path.exists():
            with open(self.path, "rb") as file:
                file.seek(self.offset)
                data = file.read()
            data = data[:data.rfind(b"\n") + 1]
            self.offset += len(data)
            for line in data.splitlines():
                call = json.loads(line)
                self.calls.setdefault(call["trace"].split("-")[1] if call["trace"] else "", []).append(call)


def bill_pico(meters):
    return sum(count * RATES_MICRO[meter] for meter, count in meters.items())
