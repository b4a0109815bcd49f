# SPDX-License-Identifier: Apache-2.0
"""What must hold when everything is healed and quiet (facts: I1 to I7 of the ledger's protocol).

I1 an answer that a client saw whole has one SETTLE, complete. I2 every INTENT has one SETTLE. I3 the
sums of all SETTLEs = the books = Redis' totals = the itemised streams. I4 the model server's own calls
= the ledger. I5 no watermark was ever seen that the durable journal does not have. I6 a book's totals
never fall. I7 no position names two records, and none is missing.
"""

import threading
import time

from books import Bill, Book, Broken, Journal, Totals, bill_pico, journal_sums
from harness import Timeout

HOLDING = "I1-I7"
DRAIN_SECONDS = 40.0
PICO_PER_NANO = 1000


def differing(left, right):
    """(summed difference in pico, text) of two {series: amount}."""
    wrong = [key for key in {*left, *right} if left.get(key) != right.get(key)]
    pico = sum(abs((left.get(key) or (0, 0))[1] - (right.get(key) or (0, 0))[1]) for key in wrong)
    return pico, "\n".join(f"  {key}: {left.get(key)} and {right.get(key)}" for key in sorted(wrong, key=str)[:8]), bool(wrong)


class Watch:
    """Looks at the watermarks all the time, whatever else happens."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.seen = {gateway.config["gateway"]["id"]: set() for gateway in fleet.gateways}
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.is_over.wait(0.03):
            for name, seen in self.seen.items():
                try:
                    seen.add(Totals(self.fleet.redis, name).watermark())
                except (OSError, EOFError, Timeout, ValueError, IndexError, TypeError):
                    pass

    def close(self):
        self.is_over.set()
        self.thread.join(30)


class Auditor:
    """Keeps what was read between rounds; check() is one comparison of everything."""

    def __init__(self, fleet):
        self.fleet = fleet
        self.bill = Bill(fleet.models.calls_path)
        self.names = [gateway.config["gateway"]["id"] for gateway in fleet.gateways]
        self.journals = [Journal(name, gateway.state) for name, gateway in zip(self.names, fleet.gateways)]
        self.books = [Book(gateway.state) for gateway in fleet.gateways]
        self.totals = [Totals(fleet.redis, name) for name in self.names]
        self.before = [{} for _ in self.names]
        self.watch = Watch(fleet)
        self.difference_pico = 0
        self.settles = 0

    # --- quiet

    def _unfinished(self):
        """What is not done yet, or None. Twice the same end, so that nothing is on its way."""
        for index, journal in enumerate(self.journals):
            journal.read()
            end = journal.end()
            open_calls = journal.open_calls()
            if open_calls:
                return f"{self.names[index]}: {len(open_calls)} open calls"
            if self.books[index].cursor() != end:
                return f"{self.names[index]}: book at {self.books[index].cursor()}, journal at {end}"
            if self.totals[index].watermark() != end:
                return f"{self.names[index]}: Redis at {self.totals[index].watermark()}, journal at {end}"
        return None

    def wait_until_quiet(self):
        deadline = time.monotonic() + DRAIN_SECONDS
        quiet = 0
        while quiet < 2:
            what = self._unfinished()
            quiet = quiet + 1 if what is None else 0
            if what and time.monotonic() > deadline:
                raise Broken(f"I2/I3: not drained within {DRAIN_SECONDS:.0f} s: {what}")
            time.sleep(0.03)

    # --- the comparisons

    def _same(self, name, what, left, right):
        pico, text, is_different = differing(left, right)
        if is_different:
            self.difference_pico += pico
            raise Broken(f"{name}: {what} differ by {pico} pico:\n{text}")

    def _check_settles(self, journal):
        intents, settles = {}, {}
        for kind, into in (("intent", intents), ("settle", settles)):
            for position, call, document, _ in journal.records(kind):
                into.setdefault(call, []).append((position, document))
        for call, rows in {**intents, **settles}.items():
            if len(intents.get(call, ())) != 1 or len(settles.get(call, ())) != 1:
                raise Broken(f"I2: {journal.name}: call {call} has {len(intents.get(call, ()))} INTENTs and "
                             f"{len(settles.get(call, ()))} SETTLEs: {rows}")

    def _check_sums(self, index):
        name, journal = self.names[index], self.journals[index]
        sums = journal_sums(journal)
        rows = self.books[index].rows()
        if self.books[index].rejected():
            raise Broken(f"I3: {name} could not book {self.books[index].rejected()[:3]}")
        self._same("I3", f"{name}: journal and book", sums, self.books[index].sums())
        self._same("I3", f"{name}: journal and Redis", sums, self.totals[index].sums())
        stream = self.totals[index].stream((0, 0))
        texts = {position: text for position, _, _, text in journal.records("settle")}
        if stream != texts:
            odd = sorted(key for key in {*stream, *texts} if stream.get(key) != texts.get(key))
            raise Broken(f"I3: {name}: the stream and the journal differ at {len(odd)} positions, first {odd[:5]}:\n"
                         f"{stream.get(odd[0])}\n{texts.get(odd[0])}")
        fallen = [key for key, amount in self.before[index].items()
                  if any(now < then for now, then in zip(rows.get(key, (-1,) * 4), amount))]
        if fallen:
            raise Broken(f"I6: {name}: totals fell: {[(key, self.before[index][key], rows.get(key)) for key in fallen[:3]]}")
        self.before[index] = rows

    def _check_watermarks(self, index):
        for position in self.watch.seen[self.names[index]].copy():
            if position != (0, 0) and not self.journals[index].has(position):
                raise Broken(f"I5: {self.names[index]}: Redis was at {position}, which the journal does not have")

    def _settles_by_trace(self):
        found = {}
        for journal in self.journals:
            for _, _, document, _ in journal.records("settle"):
                trace = document.get("traceparent", "--").split("-")[1]
                found.setdefault(trace, []).append((journal.name, document["data"]))
        return found

    def _check_whole_answers(self, by_trace):
        for trace, index in list(self.fleet.callers.whole.items()):
            rows = by_trace.get(trace, [])
            complete = [name for name, row in rows if row["outcome"] == "complete"]
            if complete != [self.names[index]]:
                raise Broken(f"I1: the answer {trace} of {self.names[index]} was seen whole and has {rows}")

    def _check_bill(self, by_trace):
        self.bill.read()
        billed = ledger = 0
        for trace, calls in self.bill.calls.items():
            rows = [row for _, row in by_trace.get(trace, [])]
            if len(rows) < len(calls):
                raise Broken(f"I4: {trace} reached the model server {len(calls)} times and has {len(rows)} SETTLEs")
            served = [call["meters"] for call in calls if call["outcome"] == "complete"]
            reported = [row for row in rows if row["usage_source"] == "provider" and
                        (row["outcome"] == "complete" or served)]
            if not reported:
                continue
            lines = [{line["meter"]: line["quantity"] for line in row["lines"]
                      if line["quantity"] and line["meter"] != "requests"} for row in reported]
            served = [{meter: count for meter, count in meters.items() if meter != "requests"} for meters in served]
            if sorted(map(str, map(sorted, map(dict.items, lines)))) != sorted(map(str, map(sorted, map(dict.items, served)))):
                self.difference_pico += abs(sum(map(bill_pico, served)) - sum(row["cost_pico"] for row in reported))
                raise Broken(f"I4: {trace}: the model server counted {served}, the ledger {reported}")
            billed += sum(map(bill_pico, served))
            ledger += sum(row["cost_pico"] for row in reported)
        if billed != ledger:
            self.difference_pico += abs(billed - ledger)
            raise Broken(f"I4: the model server's bill is {billed} pico, the ledger has {ledger}")

    def check(self):
        for index, journal in enumerate(self.journals):
            self._check_settles(journal)
            self._check_sums(index)
            self._check_watermarks(index)
        by_trace = self._settles_by_trace()
        self._check_whole_answers(by_trace)
        self._check_bill(by_trace)
        self.settles = sum(len(journal.records("settle")) for journal in self.journals)

    def close(self):
        self.watch.close()
