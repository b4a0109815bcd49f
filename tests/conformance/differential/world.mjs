// SPDX-License-Identifier: Apache-2.0
// What the policies of one group are about: types, a schema's text, stores of entities, requests.
//
// A type is {kind, id, ...}: kind "Long" and so on, "Set" with `of`, "Record" with `attrs`, "Entity" with
// `name`; `id` is equal for equal types, `alias` the common type it was declared by.
import { isName, key, quote, uidText } from "./text.mjs";
import { EXTENSIONS, LONGS, STRINGS, foreign, near } from "./values.mjs";

const ATTRS = ["a", "b", "n", "name", "if", "c d", "é", "principal", "x1", ""];
const PLAIN = ["Long", "String", "Bool", "Long", "String", "Bool", "ipaddr", "decimal", "datetime", "duration"];
const IDS = ["0", "1", "ü\"x"];
const SPACES = [["", "", ""], ["", "", ""], ["N", "N", "N"], ["A::B", "A::B", "A::B"], ["N", "", "N"], ["", "N", "N"], ["N", "M", ""], ["N", "M::N", "M"]];
// Declarations that are refused, or taken and surprising.
const ODD = ["type T0 = T0;", "type Bool = Long;", "type ipaddr = String;", "type Long = String;", "entity Long;", "entity String = {a: Long};", "entity Action;",
  "entity E9 enum [];", "entity E9 enum [\"a\", \"a\"];", "entity E9 enum [\"a\",];", "entity E9 in [Nope];", "entity E9 = Nope;", "entity E9 = Long;",
  "entity E9 = T9; type T9 = {a: Long};", "entity E9 = {\"\": Long, \"\": Long};", "entity E9, E8 {a?: Set<E8>} tags E9;", "entity E9 in E9;",
  "action \"x\" in [\"x\"];", "action \"x\" in [\"nope\"];", "action \"x\" appliesTo {principal: User};", "action \"x\" appliesTo {principal: [], resource: User};",
  "action \"x\" appliesTo {principal: User, resource: User, context: Long};", "action \"x\" appliesTo {principal: Action, resource: User};",
  "action \"x\" appliesTo {principal: User, resource: User, context: T9}; type T9 = T8; type T8 = {a: User};", "action x, y, \"x y\" in [Action::\"none\"];",
  "action \"x\" attributes {};", "type T9 = {a: T8}; type T8 = Set<T9>;", "type T9 = __cedar::Long;", "type T9 = Boolean;", "type T9 = __cedar::ipaddr;",
  "@doc(\"x\") entity E9;", "@doc @doc entity E9;", "entity E9 = {@doc(\"y\") a: Long};", "namespace Q { entity E9; }", "namespace Q { namespace R {} }", "entity User;",
  "type User = Long;", "entity E9 tags Set<Nope>;", "entity __cedar;", "entity in;", "action in;", "entity permit;", "type T9 = {in: Long, \"in\"?: Long};",
  "action \"x\" in [\"y\"]; action \"y\" in [\"x\"];", "entity E9 = {a: Set<Set<Bool>>,};", "entity E9 in [User,];", "// only a comment"];

// Values that are refused, or read as something else than they seem.
const CALL = "{\"fn\":\"ip\",\"arg\":\"1.2.3.4\"}";
const NAMED = "{\"type\":\"User\",\"id\":\"0\"}";
const ODD_JSON = ["null", "1.5", "1e3", "-0", "{}", "[]", "[null]", "\"x\"", "true", "9223372036854775808", "-9223372036854775809", "1.0", "01", "[1,]",
  `{"__extn":${CALL}}`, `{"__extn":${CALL},"a":1}`, `{"__extn":true}`, `{"__extn":{"fn":"ip"}}`, `{"__extn":{"fn":"ip","arg":1}}`, `{"__extn":{"fn":"ip","args":[]}}`,
  `{"__extn":{"fn":"ip","args":["1.2.3.4"]}}`, `{"__extn":{"fn":"ip","args":["1.2.3.4"],"arg":"::"}}`, `{"__extn":{"fn":1,"arg":"1"}}`, `{"__extn":true,"fn":"ip","arg":"::"}`,
  `{"__extn":{"fn":"nope","arg":"1"}}`, `{"__extn":{"fn":"isIpv4","args":[{"__extn":${CALL}}]}}`, `{"__extn":{"fn":"contains","args":[[1],1]}}`, `{"__extn":[]}`,
  `{"__extn":{"fn":"toDays","arg":{"__extn":{"fn":"duration","arg":"1d"}}}}`, CALL, `{"fn":"ip"}`, `{"fn":"ip","arg":"::","__expr":"x"}`,
  `{"__entity":${NAMED}}`, `{"__entity":${NAMED},"a":1}`, NAMED, `{"__entity":true}`, `{"__entity":"x"}`, `{"__entity":{"type":"User"}}`, `{"__entity":{"type":"in","id":"a"}}`,
  `{"__entity":{"type":"A ","id":"a"}}`, `{"__entity":{"type":"A::B","id":"a"}}`, `{"__entity":{"type":"","id":""}}`, `{"__entity":true,"type":"User","id":"0"}`,
  `{"type":"User","id":"0","__expr":"x"}`, `{"__expr":"1"}`, `{"__expr":1}`, `{"__expr":"1","a":1}`, `{"a":1,"a":2}`, `{"a":{"b":null}}`, `"\\ud800"`, `"\\ud83d\\ude00"`, `"\\u0000"`];

export const plain = (kind) => ({ kind, id: kind });
export const setOf = (of) => ({ kind: "Set", of, id: `Set<${of.id}>` });
export const entityOf = (name) => ({ kind: "Entity", name, id: name });
export function recordOf(attrs) {
  const parts = attrs.map((a) => `${quote(a.key)}${a.required ? "" : "?"}:${a.type.id}`).sort();
  return { kind: "Record", attrs, id: `{${parts.join()}}` };
}

export class World {
  constructor(r) {
    this.r = r;
    this.isNoisy = r.chance(12); // mistakes in the data
    const [entities, actions, commons] = r.pick(SPACES);
    this.spaces = { entities, actions, commons };
    const q = (space, n) => space ? `${space}::${n}` : n;
    this.entityNames = ["User", "Team", "Doc"].concat(r.chance(40) ? ["Folder"] : []).map((n) => q(entities, n));
    this.kind = { name: q(entities, "Kind"), ids: ["a", "b", "ü x"] };
    this.actionType = q(actions, "Action");
    this.commons = [];
    this.pools = new Map();
    this.makeTypes();
    this.schema = r.chance(86) ? this.schemaText() : null;
  }

  /* A mistake, in noisy data only. */
  slips(percent) { return this.isNoisy && this.r.chance(percent); }

  type(depth) {
    const r = this.r;
    const n = r.below(depth > 0 ? 15 : 9);
    if (n < 7) return plain(r.pick(PLAIN));
    if (n < 9) return entityOf(r.chance(75) ? r.pick(this.entityNames) : this.kind.name);
    if (n < 12) return setOf(this.type(depth - 1));
    if (n < 13 && this.commons.length) return r.pick(this.commons);
    return recordOf(this.attrs(depth - 1, 25));
  }

  attrs(depth, percent) {
    const r = this.r;
    return r.some(ATTRS, percent).map((k) => ({ key: k, required: r.chance(65), type: this.type(depth) }));
  }

  makeTypes() {
    const r = this.r;
    const space = this.spaces.commons ? `${this.spaces.commons}::` : "";
    for (let i = r.below(3); i > 0; i--)
      this.commons.push({ ...(r.chance(50) ? recordOf(this.attrs(1, 25)) : this.type(1)), alias: `${space}T${i}` });
    this.entityTypes = this.entityNames.map((name) => ({
      name, parents: r.some(this.entityNames, 40), attrs: this.attrs(r.chance(25) ? 2 : 1, 30), tags: r.chance(35) ? this.type(1) : null,
    }));
    this.actions = ["read", "write", "a b", "all", "none"].map((id, i) => ({
      id, groups: r.some(["all", "none"], 40).filter((g) => i < 3 || (g === "none" && id === "all")), applies: i < 3 ? this.applies() : null,
    }));
  }

  applies() {
    const r = this.r;
    const principals = [r.pick(this.entityNames), ...r.some([...this.entityNames, this.kind.name], 20)];
    const resources = [r.pick(this.entityNames), ...r.some([...this.entityNames, this.kind.name], 20)];
    const common = this.commons.find((t) => t.kind === "Record");
    const context = common && r.chance(30) ? common : recordOf(this.attrs(r.chance(25) ? 2 : 1, 30));
    return { principals: [...new Set(principals)], resources: [...new Set(resources)], context };
  }

  /* A full name as it may be written inside a namespace. */
  local(name, space) {
    const at = name.lastIndexOf("::");
    return at >= 0 && name.slice(0, at) === space && this.r.chance(70) ? name.slice(at + 2) : name;
  }

  typeText(t, space, isDeclaring = false) {
    const r = this.r;
    if (t.alias && !isDeclaring) return this.local(t.alias, space);
    if (t.kind === "Set") return `Set<${this.typeText(t.of, space)}>`;
    if (t.kind === "Record") return this.recordText(t.attrs, space);
    if (t.kind === "Entity") return this.local(t.name, space);
    return r.chance(3) ? `__cedar::${t.kind}` : t.kind;
  }

  recordText(attrs, space) {
    const r = this.r;
    const parts = attrs.map((a) => `${r.chance(2) ? "@doc(\"x\") " : ""}${isName(a.key) && r.chance(90) ? a.key : quote(a.key)}` +
      `${a.required ? "" : "?"}: ${this.typeText(a.type, space)}`);
    return `{${parts.join(", ")}${parts.length && r.chance(10) ? "," : ""}}`;
  }

  entityText(e) {
    const { r, spaces: { entities: space } } = this;
    const name = e.name.split("::").at(-1);
    const parents = e.parents.map((n) => this.local(n, space));
    const list = parents.length === 1 && r.chance(30) ? parents[0] : `[${parents.join(", ")}]`;
    return `entity ${name}${parents.length ? ` in ${list}` : ""}` +
      (e.attrs.length || r.chance(30) ? `${r.chance(60) ? " =" : ""} ${this.recordText(e.attrs, space)}` : "") +
      (e.tags ? ` tags ${this.typeText(e.tags, space)}` : "") + ";";
  }

  actionDeclaration(a) {
    const { r, spaces: { actions: space } } = this;
    const groups = a.groups.map((g) => r.chance(70) ? quote(g) : `${this.local(this.actionType, space)}::${quote(g)}`);
    const names = (list) => list.length === 1 && r.chance(30) ? this.local(list[0], space) : `[${list.map((n) => this.local(n, space)).join(", ")}]`;
    return `action ${key(a.id)}` + (groups.length ? ` in [${groups.join(", ")}]` : "") +
      (a.applies ? ` appliesTo { principal: ${names(a.applies.principals)}, resource: ${names(a.applies.resources)}` +
        (a.applies.context.attrs.length || r.chance(60) ? `, context: ${this.typeText(a.applies.context, space)}` : "") + " }" : "") + ";";
  }

  schemaText() {
    const { r, spaces } = this;
    const lines = new Map();
    const put = (space, line) => lines.set(space, [...(lines.get(space) ?? []), line]);
    for (const t of this.commons) put(spaces.commons, `type ${t.alias.split("::").at(-1)} = ${this.typeText(t, spaces.commons, true)};`);
    for (const e of this.entityTypes) put(spaces.entities, this.entityText(e));
    put(spaces.entities, `entity ${this.kind.name.split("::").at(-1)} enum [${this.kind.ids.map((s) => quote(s)).join(", ")}];`);
    for (const a of this.actions) put(spaces.actions, this.actionDeclaration(a));
    for (let i = r.chance(8) ? 1 + r.below(2) : 0; i > 0; i--) put(r.pick(Object.values(spaces)), r.pick(ODD));
    return [...lines].map(([space, list]) => space ? `namespace ${space} {\n${list.join("\n")}\n}` : list.join("\n")).join("\n");
  }

  /* One of the few values that this group likes: equal ones must meet. */
  liked(kind, list) {
    if (!this.pools.has(kind)) this.pools.set(kind, this.r.times(3, () => this.r.pick(kind === "Long" ? list.slice(0, this.r.chance(80) ? 6 : 99) : list)));
    return this.r.pick(this.r.chance(85) ? this.pools.get(kind) : list);
  }
  string() { return this.r.chance(2) ? foreign(this.r) : this.liked("String", STRINGS); }
  long() { return this.liked("Long", LONGS); }
  argument(kind, isNear) { return isNear ? near(this.r, kind) : this.liked(kind, EXTENSIONS[kind][1]); }

  uid(name) {
    const r = this.r;
    if (name === this.kind.name) return { type: name, id: this.slips(5) ? "zz" : r.pick(this.kind.ids) };
    return { type: name, id: r.chance(96) ? r.pick(IDS) : "gone" };
  }

  /* JSON text of a value of a type; integers stay text so that 64 bits survive. */
  json(t) {
    const r = this.r;
    if (this.slips(2)) return r.pick(ODD_JSON);
    switch (t.kind) {
      case "Long": return this.long();
      case "String": return JSON.stringify(this.string());
      case "Bool": return r.pick(["true", "false"]);
      case "Entity": return this.uidJson(this.uid(this.slips(1) ? r.pick(this.entityNames) : t.name));
      case "Set": return `[${r.times(r.below(4), () => this.json(t.of)).join(",")}]`;
      case "Record": return this.recordJson(t.attrs);
      default: return this.extensionJson(t.kind);
    }
  }

  extensionJson(kind) {
    const r = this.r;
    const arg = JSON.stringify(this.argument(kind, this.slips(3)));
    const inner = `{"fn":"${EXTENSIONS[kind][0]}","arg":${arg}}`;
    if (this.schema === null) return `{"__extn":${inner}}`;
    return r.pick([arg, `{"__extn":${inner}}`, inner, `{"__extn":${inner}}`]);
  }

  uidJson(uid, isPlain = this.schema !== null) {
    if (this.slips(0.5)) return this.r.pick(ODD_JSON);
    const inner = JSON.stringify(uid);
    return isPlain && this.r.chance(50) ? inner : `{"__entity":${inner}}`;
  }

  recordJson(attrs) {
    const r = this.r;
    const members = attrs.filter((a) => (a.required ? !this.slips(1) : r.chance(60))).map((a) => `${JSON.stringify(a.key)}:${this.json(a.type)}`);
    if (this.slips(1)) members.push(`"extra":1`);
    if (this.slips(1) && members.length) members.push(r.pick(members));
    return `{${members.join(",")}}`;
  }

  entityJson(e, id) {
    const r = this.r;
    const level = (uid) => this.entityNames.indexOf(uid.type) * 10 + IDS.indexOf(uid.id);
    const own = { type: e.name, id };
    const parents = e.parents.filter(() => r.chance(70)).map((p) => this.uid(p)).filter((p) => p.id === "gone" || level(p) > level(own) || this.slips(5));
    if (this.slips(1)) parents.push(this.uid(r.pick([...this.entityNames, this.kind.name])));
    const tags = e.tags && r.chance(80) ? `,"tags":{${r.some(["t", "a", ""], 60).map((k) => `${JSON.stringify(k)}:${this.json(e.tags)}`).join(",")}}` : "";
    return `{"uid":${this.uidJson(own, true)},"attrs":${this.recordJson(e.attrs)},"parents":[${parents.map((p) => this.uidJson(p, true)).join(",")}]${tags}}`;
  }

  /* The entities of one store, each as JSON text. */
  entities() {
    const r = this.r;
    const list = [];
    for (const e of this.entityTypes)
      for (const id of IDS) {
        if (r.chance(id === "0" ? 4 : 50)) continue;
        list.push(this.entityJson(e, id));
        if (r.chance(1)) list.push(list.at(-1));
        if (this.slips(2)) list.push(this.entityJson(e, id));
      }
    if (this.schema === null ? r.chance(70) : r.chance(2))
      for (const a of this.actions) {
        const groups = a.groups.filter(() => !this.slips(10)).map((g) => JSON.stringify({ type: this.actionType, id: g }));
        list.push(`{"uid":${JSON.stringify({ type: this.actionType, id: a.id })},"attrs":{},"parents":[${groups.join(",")}]}`);
      }
    if (this.slips(4)) list.push(`{"uid":{"type":"Nope","id":"x"},"attrs":{},"parents":[]}`);
    if (this.slips(4)) list.push(`{"uid":${JSON.stringify(this.uid(this.kind.name))},"attrs":{},"parents":[],"tags":{}}`);
    if (this.slips(2)) list.push(r.pick([`{"uid":"User::\\"a\\"","attrs":{},"parents":[]}`, `{"uid":{"type":"User","id":"a"},"attrs":{}}`, `{}`, "null",
      `{"uid":{"type":"User","id":"a"},"attrs":{},"parents":[],"more":1}`, `{"uid":{"type":"User","id":1},"attrs":{},"parents":[]}`]));
    return list;
  }

  /* The uid that requests and scopes ask for mostly: in the store. */
  known(name) { return name === this.kind.name || this.r.chance(30) ? this.uid(name) : { type: name, id: "0" }; }

  /* A request of one environment, mostly. */
  request({ action, principal, resource }) {
    const r = this.r;
    const stray = (name) => this.known(r.chance(98.5) ? name : r.pick(this.entityNames));
    const { context } = action.applies;
    return {
      principal: stray(principal), action: { type: this.actionType, id: r.chance(98.5) ? action.id : r.pick(["nope", "none", "write"]) },
      resource: stray(resource), context: this.slips(4) ? r.pick(ODD_JSON) : this.recordJson(context.attrs),
    };
  }

  environments() {
    const out = [];
    for (const action of this.actions)
      for (const principal of action.applies?.principals ?? [])
        for (const resource of action.applies.resources) out.push({ action, principal, resource });
    return out;
  }

  actionText(r = this.r) { return uidText({ type: this.actionType, id: r.pick(this.actions).id }); }
}
