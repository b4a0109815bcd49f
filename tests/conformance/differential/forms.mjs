// SPDX-License-Identifier: Apache-2.0
// A set in its other forms: the JSON that the official engine makes of it, the JSON and the text that we make of it, and
// JSON with something wrong. All must decide as the set itself does, in both engines.
import { setSource } from "./answerer.mjs";
import { Random } from "./random.mjs";
import { tokensOf } from "./text.mjs";

const REQUESTS = 3;
const DEPTH_MAX = 110; // the official reader of JSON ends at 128
const ODD_TOKENS = ["\"==\"", "\"!=\"", "\"Value\"", "\"Var\"", "\"Slot\"", "\"Unknown\"", "\"principal\"", "\"resource\"", "\"context\"", "\"?principal\"", "\"?resource\"", "\".\"",
  "\"has\"", "\"attr\"", "\"left\"", "\"right\"", "\"arg\"", "\"All\"", "\"is\"", "\"in\"", "\"entity_type\"", "\"entity\"", "\"entities\"", "\"slot\"", "\"if-then-else\"", "\"if\"", "\"Set\"",
  "\"Record\"", "\"pattern\"", "\"Wildcard\"", "\"Literal\"", "\"like\"", "\"__entity\"", "\"__extn\"", "\"permit\"", "\"forbid\"", "\"when\"", "\"unless\"", "\"ip\"", "\"decimal\"",
  "\"isIpv4\"", "\"contains\"", "\"isEmpty\"", "\"!\"", "\"neg\"", "\"-\"", "\"\"", "\"x\"", "\"a b\"", "\"annotations\"", "\"kind\"", "\"body\"", "\"op\"", "\"type\"", "\"id\"", "\"fn\"",
  "\"staticPolicies\"", "\"templates\"", "\"templateLinks\"", "\"conditions\"", "\"getTag\"", "\"action\"", "\"User::A\"", "\"in::x\"", "null", "true", "1", "-1", "1.5",
  "9223372036854775808", "{}", "[]", "[\"a\",\"b\"]", "{\"Value\":1}", "{\"Value\":{\"__extn\":{\"fn\":\"ip\",\"arg\":\"::\"}}}", "{\"Var\":\"principal\"}", "\"Value\":1,\"Value\":2"];

/* JSON of which one or two tokens, names and strings mostly, are others. */
function damageJson(r, text) {
  const tokens = tokensOf(text);
  const strings = tokens.map((t, i) => t.startsWith("\"") ? i : -1).filter((i) => i >= 0);
  for (let n = 1 + r.below(2); n > 0; n--) {
    const at = r.chance(85) && strings.length ? r.pick(strings) : r.below(tokens.length);
    tokens[at] = r.chance(60) ? r.pick(ODD_TOKENS) : r.chance(50) ? tokens[r.pick(strings)] : r.chance(50) ? "" : tokens[at] + "," + tokens[at];
  }
  return tokens.join("");
}

function depthOf(text) {
  let depth = 0;
  let most = 0;
  for (const t of tokensOf(text)) {
    depth += t === "{" || t === "[" ? 1 : t === "}" || t === "]" ? -1 : 0;
    most = Math.max(most, depth);
  }
  return most;
}

function schemaOf(form, ours, theirs, schema) {
  if (form === "official schema" && theirs.schemaForm) return { json: theirs.schemaForm };
  if (form === "own schema" && ours.schemaForm) return { json: ours.schemaForm };
  if (form === "own schema text" && ours.schemaText) return ours.schemaText;
  return schema;
}

/* The group of the other forms; null when there are none. */
export function derive(group, ours, theirs) {
  const origin = group.sets.findIndex((set) => set.form);
  if (origin < 0 || ours.trap || theirs.trap || !ours.schema || !theirs.schema) return null;
  const [a, b] = [ours.sets[origin], theirs.sets[origin]];
  if (!a.form || !b.form || depthOf(b.form) > DEPTH_MAX) return null;
  const r = new Random(group.seed ^ 0x5bd1e995);
  const printed = JSON.stringify({ ...a.printed, templateLinks: group.sets[origin].links });
  const isText = setSource(group.sets[origin]).text !== undefined;
  const sets = [{ name: "official JSON", json: b.form, isUnchecked: true },
    { name: "own JSON", json: a.form, forms: { ...a.forms, templateLinks: group.sets[origin].links }, form: "again", isUnchecked: true },
    { name: "own text", json: printed, form: "again" }, { json: damageJson(r, b.form), isUnchecked: true },
    ...(isText ? [{ name: "own format", text: a.formatted ?? "not formatted", form: "again" }] : [])];
  return { origin, seed: group.seed, schema: schemaOf(group.sets[origin].form, ours, theirs, group.schema), stores: group.stores, requests: group.requests.slice(0, REQUESTS), sets };
}

const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const decided = (answer) => answer && [answer.allow, [...answer.reason].sort(), [...answer.errors].sort()];

/* Where the forms of a set mean something else than the set: first and second answers of the official engine and ours. */
export function compareForms(derived, [ours, theirs], [oursAgain, theirsAgain]) {
  const found = [];
  const was = theirs.sets[derived.origin];
  const ask = (name, what, a, b) => { if (!same(a, b)) found.push({ kind: "forms", name, what, ours: a, theirs: b }); };
  if (oursAgain.trap || theirsAgain.trap) return found;
  ask("schema", "is one", theirsAgain.schema, true);
  if (!theirsAgain.schema) return found;
  derived.sets.forEach(({ name }, i) => {
    const is = theirsAgain.sets[i];
    if (name === undefined || is.trap) return;
    ask(name, "parses officially", is.parsed, true);
    is.answers.forEach((answer, k) => ask(name, `decides request ${k}`, decided(answer), decided(was.answers[k])));
    if (is.refused && was.refused) ask(name, "is refused", [...is.refused].sort(), [...was.refused].sort());
    if (!is.form || !oursAgain.sets[i].form) return;
    ask(name, "is the same official JSON", is.form, was.form);
    ask(name, "is the same own JSON", oursAgain.sets[i].form, ours.sets[derived.origin].form);
  });
  return found;
}
