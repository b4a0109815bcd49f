// SPDX-License-Identifier: Apache-2.0
// Groups for the differential run: one schema, some stores of entities, sets of policies, and requests put to
// every set. Mostly well typed, with edges and mistakes of every kind mixed in. The same seed makes the same group.
//
//   {seed, schema: TEXT|null, stores: [[TEXT of an entity]], sets: [[TEXT of a policy]],
//    requests: [{store, principal, action, resource, context: TEXT}]}
import { Expressions } from "./expression.mjs";
import { Random } from "./random.mjs";
import { damage, respace, uidText } from "./text.mjs";
import { World } from "./world.mjs";

const SETS = 6;
const REQUESTS = 6;
const ANNOTATIONS = ["@id(\"p\")", "@reason(\"because\\n\")", "@if", "@a(\"\")", "@id(\"раypal\")", "@status(\"403\") @b"];

class Policies {
  constructor(world, focus) {
    this.world = world;
    this.r = world.r;
    this.focus = focus;
  }

  /* All types that entities of a type may be in, itself too. */
  above(name) {
    const found = new Set([name]);
    for (const n of found) for (const p of this.world.entityTypes.find((e) => e.name === n)?.parents ?? []) found.add(p);
    return [...found];
  }

  /* A scope for one variable: its text, and which types it admits. */
  scope(name, type, isMany) {
    const { r, world } = this;
    const uid = (t) => uidText(world.known(t), r);
    const n = isMany && r.chance(60) ? 0 : r.below(10);
    if (n < 3) return { text: `${name} is ${type}`, admits: (t) => t === type };
    if (n < 4) return { text: `${name} == ${uid(type)}`, admits: (t) => t === type };
    const group = r.chance(95) ? r.pick(this.above(type)) : r.pick([...world.entityNames, world.kind.name]);
    if (n < 5) return { text: `${name} in ${uid(group)}`, admits: (t) => this.above(t).includes(group) };
    if (n < 6) return { text: `${name} is ${type} in ${uid(group)}`, admits: (t) => t === type };
    return { text: name, admits: () => true };
  }

  actionScope(action) {
    const { r, world } = this;
    const uid = (id) => uidText({ type: world.actionType, id }, r);
    const isIn = (a, ids) => ids.includes(a.id) || a.groups.some((g) => isIn(world.actions.find((x) => x.id === g), ids));
    const n = r.below(20);
    if (n < 10) return { text: `action == ${uid(action.id)}`, admits: (a) => a === action };
    if (n < 16) {
      const ids = n < 13 ? [r.pick([action.id, ...action.groups])] : [action.id, r.pick(world.actions).id];
      const text = ids.length > 1 ? `[${ids.map(uid).join(", ")}${r.chance(5) ? "," : ""}]` : r.chance(80) ? uid(ids[0]) : `[${uid(ids[0])}]`;
      return { text: `action in ${text}`, admits: (a) => isIn(a, ids) };
    }
    return { text: "action", admits: () => true };
  }

  conditions(expressions, isPermit) {
    const { r } = this;
    const out = [];
    for (let i = r.pick(isPermit ? [0, 1, 1, 2] : [1, 1, 2]); i > 0; i--)
      out.push(`${r.pick(["when", "when", "unless"])} { ${r.chance(1.5) ? expressions.extreme() : expressions.bool(1 + r.below(3))} }`);
    if (!isPermit && r.chance(50)) out.push(`when { ${expressions.atom(1)} }`);
    return out;
  }

  policy() {
    const { r, world } = this;
    const target = r.pick(this.focus);
    const action = this.actionScope(target.action);
    const isMany = target.action.applies.principals.length * target.action.applies.resources.length > 1;
    const principal = this.scope("principal", target.principal, isMany);
    const resource = this.scope("resource", target.resource, isMany);
    const envs = world.environments().filter((e) => action.admits(e.action) && principal.admits(e.principal) && resource.admits(e.resource));
    const expressions = new Expressions(world, envs.length ? envs : [target], r.chance(18));
    const isPermit = r.chance(80);
    const head = (r.chance(15) ? `${r.pick(ANNOTATIONS)}\n` : "") + (isPermit ? "permit" : "forbid");
    const text = [`${head} (${principal.text}, ${action.text}, ${resource.text}${r.chance(4) ? "," : ""})`, ...this.conditions(expressions, isPermit)].join("\n") + ";";
    if (r.chance(3)) return respace(r, text);
    return r.chance(3) ? damage(r, text) : text + (r.chance(5) ? " // done" : "");
  }

  set() { return this.r.times(this.r.chance(5) ? 15 : 1 + this.r.below(6), () => this.policy()); }
}

export function makeGroup(seed) {
  const r = new Random(seed);
  const world = new World(r);
  const environments = world.environments();
  const focus = [r.pick(environments), r.pick(environments)];
  const policies = new Policies(world, focus);
  const group = { seed, schema: world.schema, stores: r.times(2, () => world.entities()), sets: r.times(SETS, () => policies.set()) };
  group.requests = r.times(REQUESTS, () => ({ store: r.below(group.stores.length), ...world.request(r.pick(r.chance(90) ? focus : environments)) }));
  if (group.schema !== null && r.chance(10)) group.schema = damage(r, group.schema);
  else if (group.schema !== null && r.chance(2)) group.schema = respace(r, group.schema);
  if (r.chance(5)) group.stores[1] = [damage(r, group.stores[1].join())];
  if (r.chance(2)) group.requests[0].context = damage(r, group.requests[0].context);
  return group;
}
