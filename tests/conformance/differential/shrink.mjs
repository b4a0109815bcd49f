// SPDX-License-Identifier: Apache-2.0
// Makes a group with a difference small: what can be left out, while a difference of the same kind stays, is.
import { tokensOf } from "./text.mjs";

const ASKS_MAX = 2000;
const PAIRS = { "(": ")", "[": "]", "{": "}" };

/* The shortest list found that `holds`, by leaving out ever smaller runs. */
async function fewest(list, holds) {
  for (let size = Math.ceil(list.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = 0; at < list.length;) {
      const rest = [...list.slice(0, at), ...list.slice(at + size)];
      if (await holds(rest)) list = rest;
      else at += size;
    }
  return list;
}

function closing(tokens, at) {
  for (let i = at + 1, depth = 1; i < tokens.length; i++) {
    depth += tokens[i] === tokens[at] ? 1 : tokens[i] === PAIRS[tokens[at]] ? -1 : 0;
    if (depth === 0) return i;
  }
  return -1;
}

/* Brackets go with what they hold, or without it, or it becomes `true`. */
async function unbracket(tokens, holds) {
  for (let at = 0; at < tokens.length; at++) {
    const end = PAIRS[tokens[at]] ? closing(tokens, at) : -1;
    if (end < 0) continue;
    const around = (...middle) => [...tokens.slice(0, at), ...middle, ...tokens.slice(end + 1)];
    for (const next of [around(), around("true"), around(...tokens.slice(at + 1, end))])
      if (next.length < tokens.length && await holds(next)) { tokens = next; at = -1; break; }
  }
  return tokens;
}

async function shortText(text, holds) {
  const whole = (tokens) => holds(tokens.join(""));
  let tokens = tokensOf(text);
  for (let before = Infinity; tokens.length < before;) {
    before = tokens.length;
    tokens = await unbracket(await fewest(tokens, whole), whole);
  }
  return tokens.join("");
}

/* differs(group): the differences. */
export async function shrink(group, difference, differs) {
  let asks = 0;
  let best = group;
  const attempt = async (change) => {
    if (++asks > ASKS_MAX) return false;
    const next = structuredClone(best);
    change(next);
    if (!(await differs(next)).some((d) => d.kind === difference.kind)) return false;
    best = next;
    return true;
  };
  const { set = 0, request } = difference;
  await attempt((g) => { g.sets = [g.sets[set]]; });
  await attempt((g) => { g.requests = request === undefined ? [] : [g.requests[request]]; });
  await attempt((g) => { g.sets = []; });
  await attempt((g) => { const used = g.requests[0]?.store ?? difference.store ?? 0; g.stores = [g.stores[used]]; for (const r of g.requests) r.store = 0; });
  await attempt((g) => { g.schema = null; });
  const lists = (g) => [...g.sets.flatMap((x) => x.policies ? [x.policies, x.templates, x.links] : []), ...g.stores];
  for (let i = 0; i < lists(best).length; i++) {
    const replace = (list) => attempt((g) => lists(g)[i].splice(0, Infinity, ...list));
    await fewest([...lists(best)[i]], replace);
    for (let j = 0; j < lists(best)[i].length; j++)
      if (typeof lists(best)[i][j] === "string") await shortText(lists(best)[i][j], (text) => attempt((g) => { lists(g)[i][j] = text; }));
  }
  for (let i = 0; i < best.sets.length; i++)
    for (const member of ["json", "text"])
      if (best.sets[i][member] !== undefined) await shortText(best.sets[i][member], (text) => attempt((g) => { g.sets[i][member] = text; }));
  if (typeof best.schema === "string") await shortText(best.schema, (text) => attempt((g) => { g.schema = text; }));
  else if (best.schema !== null) await shortText(best.schema.json, (text) => attempt((g) => { g.schema.json = text; }));
  for (let i = 0; i < best.requests.length; i++) await shortText(best.requests[i].context, (text) => attempt((g) => { g.requests[i].context = text; }));
  return best;
}
