// SPDX-License-Identifier: Apache-2.0
// Two answers to one group, question by question.

const WARNINGS = ["impossible", "mixed", "bidi", "unusual"];

export const newCounts = () => ({ policies: 0, schemas: 0, stores: 0, validations: 0, warnings: 0, decisions: 0, forms: 0, untested: 0 });
export const newSeen = () => ({ unparsed: 0, badSchemas: 0, badStores: 0, valid: 0, invalid: 0, allowed: 0, denied: 0, badRequests: 0, withErrors: 0, impossible: 0, mixed: 0, bidi: 0, unusual: 0, links: 0 });
export const questions = (counts) => counts.policies + counts.schemas + counts.stores + counts.validations + counts.decisions + counts.warnings + counts.forms;

const list = (ids) => [...ids].sort();
const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
const plain = (answer) => answer && { allow: answer.allow, reason: list(answer.reason), errors: list(answer.errors), unindexed: answer.unindexed };

/* Where the answers differ: {kind, set, request, ours, theirs}; counts and seen are added to. */
export function compare(group, ours, theirs, counts, seen) {
  const found = [];
  const ask = (kind, place, a, b) => {
    counts[kind]++;
    if (!same(a, b)) found.push({ kind, ...place, ours: a, theirs: b });
  };
  const all = 1 + group.stores.length + group.sets.length * (2 + group.requests.length);
  if (theirs.trap) { counts.untested += all; return found; }
  if (ours.trap) return [{ kind: "life", ours: "our program ended" }];
  ask("schemas", {}, ours.schema, theirs.schema);
  seen.badSchemas += !theirs.schema;
  const hasWorld = ours.schema && theirs.schema;
  if (hasWorld) theirs.stores.forEach((isGood, store) => {
    ask("stores", { store }, ours.stores[store], isGood);
    seen.badStores += !isGood;
  });
  theirs.sets.forEach((official, set) => {
    const own = ours.sets[set];
    if (official.trap) { counts.untested += 2 + group.requests.length; return; }
    ask("policies", { set }, own.parsed, official.parsed);
    seen.unparsed += !official.parsed;
    seen.links += official.parsed ? group.sets[set].links?.length ?? 0 : 0;
    if (!hasWorld || !own.parsed || !official.parsed) return;
    if (official.refused !== null) {
      ask("validations", { set }, list(own.refused), list(official.refused));
      seen[official.refused.length ? "invalid" : "valid"]++;
      const warned = (answer) => Object.fromEntries(WARNINGS.map((kind) => [kind, list(answer.warned[kind].filter((id) => !official.refused.includes(id)))]));
      ask("warnings", { set }, warned(own), warned(official));
      for (const kind of WARNINGS) seen[kind] += official.warned[kind].length;
    }
    official.answers.forEach((answer, request) => {
      const { store } = group.requests[request];
      if (!ours.stores[store] || !theirs.stores[store]) return;
      ask("decisions", { set, request }, plain(own.answers[request]), plain(answer));
      seen[answer === null ? "badRequests" : answer.allow ? "allowed" : "denied"]++;
      seen.withErrors += (answer?.errors.length ?? 0) > 0;
    });
  });
  return found;
}
