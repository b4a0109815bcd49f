// SPDX-License-Identifier: Apache-2.0
// The official engine behind the line protocol of cedar_answer.c. JSON goes in and comes out as the text it is, so
// that 64-bit integers and duplicate members survive. After a trap it answers {"trap": true} and ends: the
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

/* What it makes of its answers' text: JSON.parse would round. */
const parse = JSON.parse;
let keepsText = false;
JSON.parse = (text, ...rest) => keepsText ? text : parse(text, ...rest);

/* One call. Text that is no JSON is a failure; a trap goes up. */
function call(fn, ...args) {
  try { return fn(...args); } catch (error) {
    if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) throw error;
    return { type: "failure" };
  }
}

const isGood = (answer) => answer.type === "success";

/* The member `json` of an answer as text, null of a failure. */
function jsonText(fn, argument) {
  const head = "{\"type\":\"success\",\"json\":";
  keepsText = true;
  try {
    const text = call(fn, argument);
    if (typeof text !== "string" || !text.startsWith(head)) return null;
    const warnings = text.lastIndexOf(",\"warnings\":[");
    return text.slice(head.length, warnings > 0 ? warnings : -1);
  } finally { keepsText = false; }
}

/* An object whose `raw` members are JSON text. */
function object(members, raw) {
  const parts = [];
  for (const k in members) parts.push(`${stringify(k)}:${stringify(members[k])}`);
  for (const k in raw) parts.push(`${stringify(k)}:${raw[k]}`);
  return new Text(`{${parts.join(",")}}`);
}

const setArgument = (set) => set.json === undefined ? { staticPolicies: set.text } : new Text(set.json);
const schemaJson = (schema) => typeof schema === "string" ? stringify(schema) : schema.json;
const schemaArgument = (schema) => typeof schema === "string" ? schema : new Text(schema.json);

/* The kinds of warnings, by their words. */
const WARNINGS = { impossible: "policy is impossible", mixed: "contains mixed scripts", bidi: "contains BIDI control", unusual: "falls outside of the General Security" };

/* What a validation found: the ids of the policies refused, and of those warned of by kind. */
function findings(schema, policies) {
  const verdict = call(cedar.validate, object({}, { schema: schemaJson(schema), policies: JSON.stringify(policies) }));
  if (!isGood(verdict)) throw new Error(`validate: ${stringify(verdict)}`);
  const ids = (list) => [...new Set(list.map((e) => e.policyId))];
  const warned = Object.entries(WARNINGS).map(([kind, words]) => [kind, ids(verdict.validationWarnings.filter((w) => w.error.message.includes(words)))]);
  return { refused: ids(verdict.validationErrors), warned: Object.fromEntries(warned) };
}

/* The findings of each of the given texts, which all parse: one validation for all of them. */
function findingsOfTexts(schema, texts) {
  const all = findings(schema, { staticPolicies: texts.join("\n") });
  let first = 0;
  return texts.map((text) => {
    const { length } = cedar.policySetTextToParts(text).policies;
    const own = (ids) => ids.map((id) => Number(id.slice("policy".length)) - first).filter((n) => n >= 0 && n < length).map((n) => `policy${n}`);
    const found = { refused: own(all.refused), warned: Object.fromEntries(Object.entries(all.warned).map(([kind, ids]) => [kind, own(ids)])) };
    first += length;
    return found;
  });
}

/* [id, text] of each policy of a text: its parts come in the order of their ids. */
function namedParts(text) {
  const parts = cedar.policySetTextToParts(text).policies;
  const ids = parts.map((_, i) => `policy${i}`).sort();
  return parts.map((part, i) => [ids[i], part]);
}

/* A policy in JSON as the official text: `has` with a path and `in` with one group are JSON of their own, but no text. */
function textOf(fn, json) {
  return call(fn === cedar.policyToJson ? cedar.policyToText : cedar.templateToText, new Text(json)).text;
}

/* A set as JSON, {staticPolicies, templates, templateLinks}: one of texts, or with the JSON texts of its policies in `forms`. */
function formOf(set) {
  const { staticPolicies, templates = {}, templateLinks = [] } = set.forms ?? (set.json === undefined ? { staticPolicies: set.text } : parse(set.json));
  const named = typeof staticPolicies === "string" ? namedParts(staticPolicies) : Object.entries(staticPolicies);
  const members = (entries, fn) => "{" + entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, text]) => `${stringify(id)}:${jsonText(fn, set.forms ? textOf(fn, text) : text)}`).join(",") + "}";
  return `{"staticPolicies":${members(named, cedar.policyToJson)},"templates":${members(Object.entries(templates), cedar.templateToJson)},` +
    `"templateLinks":${stringify(templateLinks)}}`;
}

function validateAll(group, out, parsed) {
  const checked = parsed.filter((i) => !group.sets[i].isUnchecked);
  const texts = checked.filter((i) => group.sets[i].json === undefined);
  if (texts.length) findingsOfTexts(group.schema, texts.map((i) => group.sets[i].text)).forEach((found, i) => Object.assign(out.sets[texts[i]], found));
  for (const i of checked) if (group.sets[i].json !== undefined) Object.assign(out.sets[i], findings(group.schema, setArgument(group.sets[i])));
}

function answer(group) {
  const hasSchema = group.schema !== null;
  const out = { schema: !hasSchema || isGood(call(cedar.preparseSchema, "s", schemaArgument(group.schema))), stores: [], sets: [] };
  group.sets.forEach((set, i) => {
    out.sets.push({ parsed: isGood(call(cedar.preparsePolicySet, `p${i}`, setArgument(set))), refused: null, answers: [] });
    if (set.form && out.sets[i].parsed) out.sets[i].form = formOf(set);
  });
  if (!out.schema) return out;
  if (hasSchema && group.form) out.schemaForm = jsonText(cedar.schemaToJson, schemaArgument(group.schema));
  const parsed = group.sets.map((_, i) => i).filter((i) => out.sets[i].parsed);
  if (hasSchema) validateAll(group, out, parsed);
  const base = hasSchema ? { preparsedSchemaName: "s", validateRequest: true } : {};
  const used = new Set(); // stores that a decision was made with
  for (const i of parsed) {
    base.preparsedPolicySetId = `p${i}`;
    for (const { store, principal, action, resource, context } of group.requests) {
      const reply = call(cedar.statefulIsAuthorized, object({ principal, action, resource, ...base }, { context, entities: group.stores[store] }));
      if (!isGood(reply)) { out.sets[i].answers.push(null); continue; }
      used.add(store);
      const { decision, diagnostics } = reply.response;
      out.sets[i].answers.push({ allow: decision === "allow", reason: diagnostics.reason, errors: diagnostics.errors.map((e) => e.policyId) });
    }
  }
  const schema = hasSchema ? { schema: schemaJson(group.schema) } : {};
  out.stores = group.stores.map((entities, i) => used.has(i) || isGood(call(cedar.checkParseEntities, object({}, { ...schema, entities }))));
  return out;
}

for await (const line of createInterface({ input: process.stdin })) {
  let out;
  try { out = answer(parse(line)); } catch (error) { out = { trap: true, text: String(error) }; }
  writeSync(1, stringify(out) + "\n");
  if (out.trap) process.exit(3);
}
