// SPDX-License-Identifier: Apache-2.0
// differential.mjs PROGRAM [--cases N] [--seed S|now] [--modules DIR]: puts N generated questions (20,000) to PROGRAM
// (cedar_answer) and to the official engine and compares: what parses, what validates, decisions, reasons, errors.
// Prints TAP. A difference is made small and shown with its seed. What the official engine cannot answer, for it traps, is
// counted. A long run says every minute where it is: `--seed` of the last such line goes on from there.
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Answerer } from "./answerer.mjs";
import { compare, newCounts, newSeen, questions } from "./compare.mjs";
import { compareForms, derive } from "./forms.mjs";
import { makeGroup } from "./generate.mjs";
import { shrink } from "./shrink.mjs";

const HERE = dirname(fileURLToPath(import.meta.url));
const BATCH = 16;
const SHOWN = 8; // differences that are made small; of the others the seed is named
const RENEW = 500; // batches in the life of a child, whose memory grows
const MINUTE = 60000;
const STACK_KIB = 6000; // of the 8 MiB a process has; deep policies need more than the default

function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : process.argv[at + 1];
}

const program = resolve(process.argv[2]);
const wanted = Number(option("cases", 20000));
// The same questions in every run of the suite, so that a change is judged by what it changed.
const seed = option("seed", "171745757");
const first = seed === "now" ? Date.now() % 2 ** 31 : Number(seed);
const modules = resolve(option("modules", HERE));

if (!existsSync(join(modules, "node_modules/@cedar-policy/cedar-wasm"))) {
  console.log(`1..1\nok 1 - differential # SKIP ${wanted} cases skipped, @cedar-policy/cedar-wasm is not installed`);
  process.exit(0);
}

const ours = new Answerer(program, []);
const theirs = new Answerer(process.execPath, [`--stack-size=${STACK_KIB}`, join(HERE, "oracle.mjs"), modules]);
const counts = newCounts();
const seen = newSeen();
const started = Date.now();
let differences = 0;
let shown = 0;

const askBoth = (groups) => Promise.all([ours.ask(groups), theirs.ask(groups)]);

async function differs(group) {
  const [[a], [b]] = await askBoth([group]);
  return compare(group, a, b, newCounts(), newSeen());
}

/* Where a group's other forms mean something else. */
async function formsDiffer(group) {
  const [[a], [b]] = await askBoth([group]);
  const derived = derive(group, a, b);
  if (derived === null) return [];
  const [[c], [d]] = await askBoth([derived]);
  return compareForms(derived, [a, b], [c, d]);
}

async function show(group, difference) {
  const { kind, ...rest } = difference;
  console.log(`# seed ${group.seed} differs in ${kind}: ${JSON.stringify(rest)}`);
  if (shown++ >= SHOWN) return;
  const ask = kind === "forms" ? formsDiffer : differs;
  const { seed: from, ...small } = await shrink(group, difference, ask);
  const again = (await ask(small)).find((d) => d.kind === kind);
  console.log(`# seed ${from} made small, ours ${JSON.stringify(again?.ours)}, official ${JSON.stringify(again?.theirs)}: ${JSON.stringify(small)}`);
}

async function tell(group, found) {
  differences += found.length;
  for (const kind of new Set(found.map((d) => d.kind))) await show(group, found.find((d) => d.kind === kind));
}

async function judge(group, a, b) {
  if (b.trap) b = await theirs.askAgain(group);
  const lost = counts.untested;
  const found = compare(group, a, b, counts, seen);
  if (counts.untested > lost) console.log(`# seed ${group.seed}: ${counts.untested - lost} questions unanswered, the official engine trapped (${b.text ?? "in some sets"})`);
  await tell(group, found);
}

/* Second questions: the sets of a batch in their other forms. */
async function judgeForms(batch, a, b) {
  const derived = batch.map((group, i) => derive(group, a[i], b[i]));
  const asked = derived.filter((group) => group !== null);
  const [c, d] = await askBoth(asked);
  for (const [i, group] of batch.entries()) {
    const at = asked.indexOf(derived[i]);
    if (at < 0) continue;
    await judge(derived[i], c[at], d[at]);
    counts.forms += derived[i].sets.length - 1;
    await tell(group, compareForms(derived[i], [a[i], b[i]], [c[at], d[at]]));
  }
}

const makeBatch = (from) => Array.from({ length: BATCH }, (_, i) => makeGroup(from + i));
const status = (next) => `${questions(counts)} cases in ${Math.round((Date.now() - started) / 1000)} s, ${differences} differ, ${theirs.ends} traps, ` +
  `next seed ${next}: ${JSON.stringify(counts)} ${JSON.stringify(seen)}`;

console.log(`# seed ${first}`);
let next = first + BATCH;
let told = started;
for (let batch = makeBatch(first), i = 1; questions(counts) < wanted; i++) {
  const asked = askBoth(batch);
  const following = makeBatch(next);
  const [a, b] = await asked;
  for (const [j, group] of batch.entries()) await judge(group, a[j], b[j]);
  await judgeForms(batch, a, b);
  if (i % RENEW === 0) theirs.renew();
  if (Date.now() - told > MINUTE) { told = Date.now(); console.log(`# ${status(next)}`); }
  batch = following;
  next += BATCH;
}
ours.stop();
theirs.stop();
console.log(`# ${status(next - BATCH)}`);
console.log(`${differences ? "not ok" : "ok"} 1 - ${questions(counts)} cases: ${differences} differ from the official engine`);
console.log("1..1");
process.exit(differences ? 1 : 0);
