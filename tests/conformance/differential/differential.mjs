// SPDX-License-Identifier: Apache-2.0
// differential.mjs PROGRAM [--cases N] [--seed S] [--modules DIR]: runs N generated cases (20,000) through PROGRAM
// (cedar_answer) and the official engine and compares: what parses, what validates, decisions, reasons, errors.
// A case is one such question. Prints TAP; differences are shown whole and can be run again by their seed.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { makeCase } from "./generate.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const BATCH = 64;
const SHOWN = 12;
const ENDS_MAX = 50; // a child that ends more often says nothing about Cedar

function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
}

const program = resolve(process.argv[2]);
const wanted = Number(option("cases", 20000));
// The same cases in every run of the suite, so that a change is judged by what it changed; `--seed now` looks for new ones.
const seed = option("seed", "171745757");
const first = seed === "now" ? Date.now() % 2 ** 31 : Number(seed);
const modules = resolve(option("modules", HERE));

/* A child that answers each line with a line; started again when it ended. */
class Answerer {
  constructor(command, args) { this.command = command; this.args = args; this.ends = 0; this.start(); }
  start() {
    this.child = spawn(this.command, this.args, { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdin.on("error", () => {});
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }
  async batch(cases) {
    const answers = [];
    while (answers.length < cases.length) {
      const rest = cases.slice(answers.length);
      this.child.stdin.write(rest.map((c) => JSON.stringify(c) + "\n").join(""));
      while (answers.length < cases.length) {
        const { value, done } = await this.lines.next();
        answers.push(done ? { trap: true } : JSON.parse(value));
        if (!answers.at(-1).trap) continue;
        if (++this.ends > ENDS_MAX) throw new Error(`${this.command} ended ${this.ends} times`);
        this.start();
        break;
      }
    }
    return answers;
  }
  stop() { this.child.stdin.end(); }
}

const counts = { parse: 0, schema: 0, entities: 0, validate: 0, decide: 0, traps: 0 };
const seen = { rejected: 0, invalid: 0, allowed: 0, denied: 0, refusedRequests: 0, withErrors: 0 };
let differences = 0;

function differ(test, what, ours, theirs) {
  differences++;
  if (differences > SHOWN) return;
  console.log(`# difference in ${what}, seed ${test.seed}: ours ${JSON.stringify(ours)}, official ${JSON.stringify(theirs)}`);
  console.log("# " + JSON.stringify(test));
}

const sorted = (answer) => answer && JSON.stringify([answer.allow, [...answer.reason].sort(), [...answer.errors].sort()]);

function compareRequests(test, ours, theirs) {
  for (let i = 0; i < theirs.requests.length; i++) {
    const official = theirs.requests[i];
    counts.decide++;
    if (official === null) seen.refusedRequests++;
    else seen[official.allow ? "allowed" : "denied"]++;
    if (official?.errors.length) seen.withErrors++;
    if (sorted(ours.requests[i] ?? null) !== sorted(official)) differ({ ...test, requests: [test.requests[i]] }, "decision", ours.requests[i], official);
  }
}

function compare(test, ours, theirs) {
  if (theirs.trap) { counts.traps++; return; }
  if (ours.trap) { differ(test, "life: our program ended", ours, theirs); return; }
  counts.parse++;
  if (!theirs.policies || !theirs.schema || !theirs.entities) seen.rejected++;
  if (ours.policies !== theirs.policies) differ(test, "policy parse", ours.policies, theirs.policies);
  counts.schema++;
  if (ours.schema !== theirs.schema) differ(test, "schema parse", ours.schema, theirs.schema);
  if (!ours.schema || !theirs.schema) return;
  counts.entities++;
  if (ours.entities !== theirs.entities) differ(test, "entities", ours.entities, theirs.entities);
  if (!ours.policies || !theirs.policies) return;
  if (theirs.refused !== null) {
    counts.validate++;
    if (theirs.refused.length) seen.invalid++;
    const [a, b] = [[...ours.refused].sort(), [...theirs.refused].sort()];
    if (JSON.stringify(a) !== JSON.stringify(b)) differ(test, "validation", a, b);
  }
  if (ours.entities && theirs.entities) compareRequests(test, ours, theirs);
}

const total = () => counts.parse + counts.schema + counts.entities + counts.validate + counts.decide;

if (!existsSync(join(modules, "node_modules/@cedar-policy/cedar-wasm"))) {
  console.log(`1..1\nok 1 - differential # SKIP ${wanted} cases skipped, @cedar-policy/cedar-wasm is not installed`);
  process.exit(0);
}
const ours = new Answerer(program, []);
const theirs = new Answerer(process.execPath, [join(HERE, "oracle.mjs"), modules]);
const started = Date.now();
console.log(`# seed ${first}`);
for (let seed = first; total() < wanted; seed += BATCH) {
  const cases = Array.from({ length: BATCH }, (_, i) => makeCase(seed + i));
  const [a, b] = await Promise.all([ours.batch(cases), theirs.batch(cases)]);
  cases.forEach((test, i) => compare(test, a[i], b[i]));
}
ours.stop();
theirs.stop();
console.log(`# ${total()} cases in ${Math.round((Date.now() - started) / 1000)} s, seed ${first}: ${JSON.stringify(counts)} ${JSON.stringify(seen)}`);
console.log(`${differences ? "not ok" : "ok"} 1 - ${total()} cases: ${differences} differ from the official engine`);
console.log("1..1");
process.exit(differences ? 1 : 0);
