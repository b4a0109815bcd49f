// SPDX-License-Identifier: Apache-2.0
// Groups for the differential run: one schema, some stores of entities, sets of policies, and requests put to
// every set. Mostly well typed, with edges and mistakes of every kind mixed in. The same seed makes the same group.
//
//   {seed, schema: TEXT|null, stores: [[TEXT of an entity]],
//    sets: [{policies: [TEXT], templates: [TEXT], links: [{templateId, newId, values}]}],
//    requests: [{store, principal, action, resource, context: TEXT}]}
//
// The templates of a set are named t0, t1 and so on. A set with `form` is written again in its other forms.
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

  policy(isTemplate = false) {
    const { r, world } = this;
    const target = r.pick(this.focus);
    const action = this.actionScope(target.action);
    const isMany = target.action.applies.principals.length * target.action.applies.resources.length > 1;
    const principal = this.scope("principal", target.principal, isMany);
    const resource = this.scope("resource", target.resource, isMany);
    const envs = world.environments().filter((e) => action.admits(e.action) && principal.admits(e.principal) && resource.admits(e.resource));
    if (isTemplate) this.putSlots(principal, resource);
    const expressions = new Expressions(world, envs.length ? envs : [target], r.chance(18));
    const isPermit = r.chance(80);
    const head = (r.chance(15) ? `${r.pick(ANNOTATIONS)}\n` : "") + (isPermit ? "permit" : "forbid");
    const text = [`${head} (${principal.text}, ${action.text}, ${resource.text}${r.chance(4) ? "," : ""})`, ...this.conditions(expressions, isPermit)].join("\n") + ";";
    if (r.chance(3)) return respace(r, text);
    return r.chance(3) ? damage(r, text) : text + (r.chance(5) ? " // done" : "");
  }

  /* One slot or two, where a uid may stand; rarely where it may not, or none. */
  putSlots(principal, resource) {
    const { r } = this;
    const wants = r.pick([[principal], [resource], [principal, resource], r.chance(10) ? [] : [principal]]);
    for (const scope of wants) {
      const name = r.chance(98) ? (scope === principal ? "principal" : "resource") : r.pick(["principal", "resource", "action", "x"]);
      const [, variable, type] = /^(\w+)(?: is (\S+))?/.exec(scope.text);
      scope.text = type ? `${variable} is ${type} in ?${name}` : `${variable} ${r.pick(["==", "in"])} ?${name}`;
    }
  }

  link(newId, count) {
    const { r, world, focus } = this;
    const target = r.pick(focus);
    const value = (type) => {
      const uid = r.chance(97) ? world.known(r.pick(this.above(type))) : { type: r.pick(["Nope", "in", ""]), id: "0" };
      return r.chance(80) ? uid : { __entity: uid };
    };
    const values = {};
    if (r.chance(75)) values["?principal"] = value(target.principal);
    if (r.chance(75)) values["?resource"] = value(target.resource);
    if (r.chance(1)) values["?action"] = value(target.resource);
    return { templateId: `t${r.chance(98) ? r.below(count) : 9}`, newId, values };
  }

  set() {
    const { r } = this;
    const out = { policies: r.times(r.chance(5) ? 15 : 1 + r.below(6), () => this.policy()), templates: [], links: [] };
    if (!r.chance(15)) return out;
    out.templates = r.times(1 + r.below(2), () => this.policy(true));
    out.links = out.templates.flatMap((text, i) => this.fitting(text, i)).concat(r.chance(10) ? this.link("l9", 2) : []);
    return out;
  }

  /* Links whose values are those that the template has slots for, mostly. */
  fitting(text, i) {
    const { r } = this;
    return r.times(r.below(3), (k) => {
      const link = { ...this.link(r.chance(98) ? `l${i}${k}` : r.pick(["policy0", "t0", "l00"]), 2), templateId: `t${i}` };
      for (const [slot, type] of [["?principal", this.focus[0].principal], ["?resource", this.focus[0].resource]]) {
        if (r.chance(1)) continue;
        if (!text.includes(slot)) delete link.values[slot];
        else link.values[slot] ??= this.world.known(type);
      }
      return link;
    });
  }
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
  if (r.chance(50)) r.pick(group.sets).form = r.pick(["schema as it is", "official schema", "own schema", "own schema text"]);
  return group;
}
