// SPDX-License-Identifier: Apache-2.0
// The official engine behind the line protocol of cedar_answer.c. Entities and contexts go in as the text they are,
// so that 64-bit integers and duplicate members survive. After a trap it answers {"trap": true} and ends: the
// instance's memory is then broken. Each schema and set is parsed as few times as the interface allows.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { writeSync } from "node:fs";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "package.json"));
const cedar = require("@cedar-policy/cedar-wasm/nodejs");

/* The package turns its arguments into text by JSON.stringify: a Text is text already. */
class Text { constructor(text) { this.text = text; } }
const stringify = JSON.stringify;
JSON.stringify = (value, ...rest) => value instanceof Text ? value.text : stringify(value, ...rest);

/* One call whose `raw` members are JSON text. Text that is no JSON is a failure; a trap goes up. */
function call(fn, members, raw) {
  const parts = [];
  for (const k in members) parts.push(`${stringify(k)}:${stringify(members[k])}`);
  for (const k in raw) parts.push(`${stringify(k)}:${raw[k]}`);
  try { return fn(new Text(`{${parts.join(",")}}`)); } catch (error) {
    if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) throw error;
    return { type: "failure" };
  }
}

const isGood = (answer) => answer.type === "success";

/* The policies with errors of each of the given texts, which all parse: one validation for all of them. */
function refusals(schema, texts, counts) {
  const verdict = cedar.validate({ schema, policies: { staticPolicies: texts.join("\n") } });
  if (!isGood(verdict)) throw new Error(`validate: ${stringify(verdict)}`);
  const ids = [...new Set(verdict.validationErrors.map((e) => Number(e.policyId.slice("policy".length))))];
  let first = 0;
  return counts.map((count) => {
    const own = ids.filter((id) => id >= first && id < first + count).map((id) => `policy${id - first}`);
    first += count;
    return own;
  });
}

function answer(group) {
  const hasSchema = group.schema !== null;
  const out = { schema: !hasSchema || isGood(cedar.preparseSchema("s", group.schema)), stores: [], sets: [] };
  group.sets.forEach((set, i) => {
    out.sets.push({ parsed: isGood(cedar.preparsePolicySet(`p${i}`, { staticPolicies: set.text })), refused: null, answers: [] });
  });
  if (!out.schema) return out;
  const parsed = group.sets.map((_, i) => i).filter((i) => out.sets[i].parsed);
  if (hasSchema && parsed.length) {
    const texts = parsed.map((i) => group.sets[i].text);
    const counts = texts.map((text) => cedar.policySetTextToParts(text).policies.length);
    refusals(group.schema, texts, counts).forEach((ids, i) => { out.sets[parsed[i]].refused = ids; });
  }
  const base = hasSchema ? { preparsedSchemaName: "s", validateRequest: true } : {};
  const used = new Set(); // stores that a decision was made with
  for (const i of parsed) {
    base.preparsedPolicySetId = `p${i}`;
    for (const { store, principal, action, resource, context } of group.requests) {
      const reply = call(cedar.statefulIsAuthorized, { principal, action, resource, ...base }, { context, entities: group.stores[store] });
      if (!isGood(reply)) { out.sets[i].answers.push(null); continue; }
      used.add(store);
      const { decision, diagnostics } = reply.response;
      out.sets[i].answers.push({ allow: decision === "allow", reason: diagnostics.reason, errors: diagnostics.errors.map((e) => e.policyId) });
    }
  }
  const schema = hasSchema ? { schema: group.schema } : {};
  out.stores = group.stores.map((entities, i) => used.has(i) || isGood(call(cedar.checkParseEntities, schema, { entities })));
  return out;
}

for await (const line of createInterface({ input: process.stdin })) {
  let out;
  try { out = answer(JSON.parse(line)); } catch (error) { out = { trap: true, text: String(error) }; }
  writeSync(1, stringify(out) + "\n");
  if (out.trap) process.exit(3);
}
