// SPDX-License-Identifier: Apache-2.0
// The official engine behind the line protocol of cedar_answer.c. Entities and contexts go in as the text they are,
// so that 64-bit integers and duplicate members survive. After a trap it answers {"trap": true} and ends: the
// instance's memory is then broken.
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
    if (error instanceof WebAssembly.RuntimeError) throw error;
    return { type: "failure" };
  }
}

const isGood = (answer) => answer.type === "success";

function decide(request, entities, base) {
  const { principal, action, resource, context } = request;
  const answer = call(cedar.statefulIsAuthorized, { principal, action, resource, ...base }, { context, entities });
  if (!isGood(answer)) return null;
  const { decision, diagnostics } = answer.response;
  return { allow: decision === "allow", reason: diagnostics.reason, errors: diagnostics.errors.map((e) => e.policyId) };
}

function answer(test) {
  const policySet = { staticPolicies: test.policies };
  const out = { policies: isGood(cedar.checkParsePolicySet(policySet)), schema: true, entities: false, refused: null, requests: [] };
  if (test.schema !== null) out.schema = isGood(cedar.checkParseSchema(test.schema));
  if (!out.schema) return out;
  out.entities = isGood(call(cedar.checkParseEntities, test.schema === null ? {} : { schema: test.schema }, { entities: test.entities }));
  if (!out.policies) return out;
  if (test.schema !== null) {
    const verdict = cedar.validate({ schema: test.schema, policies: policySet });
    out.refused = [...new Set(verdict.validationErrors.map((e) => e.policyId))];
  }
  if (!out.entities) return out;
  cedar.preparsePolicySet("p", policySet);
  const base = { preparsedPolicySetId: "p" };
  if (test.schema !== null) {
    cedar.preparseSchema("s", test.schema);
    base.preparsedSchemaName = "s";
    base.validateRequest = true;
  }
  for (const request of test.requests) out.requests.push(decide(request, test.entities, base));
  return out;
}

for await (const line of createInterface({ input: process.stdin })) {
  let out;
  try { out = answer(JSON.parse(line)); } catch (error) { out = { trap: true, text: String(error) }; }
  writeSync(1, stringify(out) + "\n");
  if (out.trap) process.exit(3);
}
