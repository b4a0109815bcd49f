// SPDX-License-Identifier: Apache-2.0
// Cases for the differential run: schemas, hierarchies, policies and requests, mostly well typed, with
// edges and mistakes of every kind mixed in. The same seed makes the same cases.

const TAU = 0x6d2b79f5;

export class Random {
  constructor(seed) { this.state = seed >>> 0; }
  next() { // mulberry32
    this.state = (this.state + TAU) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  below(n) { return this.next() % n; }
  chance(percent) { return this.below(100) < percent; }
  pick(list) { return list[this.below(list.length)]; }
  some(list, percent) { return list.filter(() => this.chance(percent)); }
}

const ATTRS = ["a", "b", "n", "name", "if", "c d", "é", "principal", "x1", ""];
const STRINGS = ["", "a", "b", "abc", "a*c", "*", "ab\"c", "back\\slash", "ü", "日本", "line\nend", "раypal", "😀", "a b"];
const LONGS = ["0", "1", "2", "-1", "7", "100", "9223372036854775807", "-9223372036854775808", "4611686018427387904",
  "3037000500", "-3037000500", "9007199254740993"];
const IPS = ["10.0.0.1", "10.0.0.1/32", "10.0.0.0/8", "127.0.0.1", "::1", "::1/127", "ff00::/8", "224.0.0.1/3", "0.0.0.0/0",
  "1:2:3:4:5:6:7:8/64", "::ffff:1", "255.255.255.255"];
const BAD_IPS = ["10.0.0.01", "10.0.0", "::1/129", "1.2.3.4/", "1.2.3.4/33", "::ffff:1.2.3.4", "1.2.3.4/08", "", "g::"];
const DECIMALS = ["0.0", "-0.5", "1.0", "1.0000", "-0.0", "922337203685477.5807", "-922337203685477.5808", "12.34"];
const BAD_DECIMALS = ["1", "1.", ".5", "1.00000", "+1.0", "922337203685477.5808", "1.0 ", "a.b"];
const DATETIMES = ["1970-01-01", "2024-02-29", "2026-11-23T09:00:00Z", "2026-11-23T09:00:00.123Z", "0000-01-01", "9999-12-31T23:59:59.999Z",
  "2024-01-01T00:00:00-0130", "1969-12-31T23:59:59.999+2359"];
const BAD_DATETIMES = ["2023-02-29", "2024-1-01", "2024-01-01T00:00:00", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00z",
  "2024-01-01T00:00:00.1Z", "2024-01-01T00:00:00+01:00", "2024-01-01T00:00:60Z"];
const DURATIONS = ["0ms", "1h", "1d2h3m4s5ms", "-1h30m", "90m", "9223372036854775807ms", "-9223372036854775808ms", "106751991167d"];
const BAD_DURATIONS = ["", "1", "h", "1h1h", "1m1h", "1H", "-", "1.5h", "9223372036854775808ms", "1h -1m"];
const CONSTRUCTORS = {
  ipaddr: ["ip", IPS, BAD_IPS], decimal: ["decimal", DECIMALS, BAD_DECIMALS],
  datetime: ["datetime", DATETIMES, BAD_DATETIMES], duration: ["duration", DURATIONS, BAD_DURATIONS],
};
const PLAIN = ["Long", "String", "Bool", "ipaddr", "decimal", "datetime", "duration"];
const IDENT = /^[_a-zA-Z][_a-zA-Z0-9]*$/;
const RESERVED = new Set(["true", "false", "if", "then", "else", "in", "is", "like", "has", "__cedar"]);

const isName = (s) => IDENT.test(s) && !RESERVED.has(s);

export function quote(s) {
  let out = "\"";
  for (const c of s) {
    if (c === "\"" || c === "\\") out += "\\" + c;
    else if (c === "\n") out += "\\n";
    else out += c;
  }
  return out + "\"";
}

const key = (s) => isName(s) ? s : quote(s);
const uidText = (uid) => `${uid.type}::${quote(uid.id)}`;

/* Types: {kind: "Long"...} | {kind: "Set", of} | {kind: "Record", attrs} | {kind: "Entity", name} */
function typeText(t) {
  if (t.kind === "Set") return `Set<${typeText(t.of)}>`;
  if (t.kind === "Record") return recordText(t.attrs);
  return t.kind === "Entity" ? t.name : t.kind;
}

function recordText(attrs) {
  return "{" + attrs.map((a) => `${isName(a.key) ? a.key : quote(a.key)}${a.required ? "" : "?"}: ${typeText(a.type)}`).join(", ") + "}";
}

export class Case {
  constructor(seed) {
    const r = this.r = new Random(seed);
    this.isNoisy = r.chance(20); // mistakes in data and types
    this.space = r.pick(["", "", "N", "A::B"]);
    const q = (n) => this.space ? `${this.space}::${n}` : n;
    this.entityNames = ["User", "Team", "Doc", "Folder"].map(q);
    this.kind = { name: q("Kind"), ids: ["a", "b", "ü x"] };
    this.actionType = q("Action");
    this.makeSchema();
    this.makeEntities();
  }

  /* A mistake, in noisy cases only. */
  slips(percent) { return this.isNoisy && this.r.chance(percent); }

  type(depth) {
    const r = this.r;
    const n = r.below(depth > 0 ? 12 : 9);
    if (n < 3) return { kind: r.pick(["Long", "String", "Bool"]) };
    if (n < 7) return { kind: r.pick(PLAIN) };
    if (n < 9) return { kind: "Entity", name: r.pick([...this.entityNames, this.kind.name]) };
    if (n < 10) return { kind: "Set", of: this.type(depth - 1) };
    return { kind: "Record", attrs: this.attrs(depth - 1) };
  }

  attrs(depth) {
    const r = this.r;
    return r.some(ATTRS, 35).map((k) => ({ key: k, required: r.chance(60), type: this.type(depth) }));
  }

  makeSchema() {
    const r = this.r;
    this.entityTypes = this.entityNames.map((name) => ({
      name, parents: r.some(this.entityNames, 30), attrs: this.attrs(2), tags: r.chance(40) ? this.type(1) : null,
    }));
    this.actions = ["read", "write", "a b", "all", "none"].map((id, i) => ({
      id, groups: r.some(["all", "none"], 40).filter((g) => i < 3 || (g === "none" && id === "all")),
      applies: i < 3 ? {
        principals: [r.pick(this.entityNames), ...r.some([...this.entityNames, this.kind.name], 25)],
        resources: [r.pick(this.entityNames), ...r.some(this.entityNames, 25)], context: this.attrs(2),
      } : null,
    }));
    for (const a of this.actions) {
      if (!a.applies) continue;
      a.applies.principals = [...new Set(a.applies.principals)];
      a.applies.resources = [...new Set(a.applies.resources)];
    }
    const local = (n) => this.space ? n.slice(this.space.length + 2) : n;
    const lines = this.entityTypes.map((e) => `entity ${local(e.name)}` +
      (e.parents.length ? ` in [${e.parents.map(local).join(", ")}]` : "") +
      (e.attrs.length || r.chance(30) ? ` = ${recordText(e.attrs)}` : "") + (e.tags ? ` tags ${typeText(e.tags)}` : "") + ";");
    lines.push(`entity ${local(this.kind.name)} enum [${this.kind.ids.map(quote).join(", ")}];`);
    for (const a of this.actions)
      lines.push(`action ${quote(a.id)}` + (a.groups.length ? ` in [${a.groups.map(quote).join(", ")}]` : "") +
        (a.applies ? ` appliesTo { principal: [${a.applies.principals.map(local).join(", ")}], ` +
          `resource: [${a.applies.resources.map(local).join(", ")}], context: ${recordText(a.applies.context)} }` : "") + ";");
    this.schema = this.space ? `namespace ${this.space} {\n${lines.join("\n")}\n}` : lines.join("\n");
  }

  uid(name) {
    const r = this.r;
    if (name === this.kind.name) return { type: name, id: this.slips(5) ? "zz" : r.pick(this.kind.ids) };
    return { type: name, id: r.pick(["0", "1", "2", "ü\"x", "gone"]) };
  }

  /* JSON text of a value of a type; integers stay text so that 64 bits survive. */
  json(t) {
    const r = this.r;
    if (this.slips(1)) return r.pick(["null", "1.5", "{}", "[]", "\"x\"", "9223372036854775808", "{\"__extn\":{\"fn\":\"nope\",\"arg\":\"1\"}}"]);
    switch (t.kind) {
      case "Long": return r.pick(LONGS);
      case "String": return JSON.stringify(r.pick(STRINGS));
      case "Bool": return r.pick(["true", "false"]);
      case "Entity": return this.uidJson(this.uid(this.slips(1) ? r.pick(this.entityNames) : t.name));
      case "Set": return "[" + Array.from({ length: r.below(4) }, () => this.json(t.of)).join(",") + "]";
      case "Record": return this.recordJson(t.attrs);
      default: {
        const [fn, good, bad] = CONSTRUCTORS[t.kind];
        const arg = JSON.stringify(r.pick(this.slips(2) ? bad : good));
        return r.pick([arg, `{"__extn":{"fn":"${fn}","arg":${arg}}}`, `{"fn":"${fn}","arg":${arg}}`, `{"__extn":{"fn":"${fn}","arg":${arg}}}`]);
      }
    }
  }

  uidJson(uid) {
    const inner = JSON.stringify(uid);
    return this.r.chance(50) ? inner : `{"__entity":${inner}}`;
  }

  recordJson(attrs) {
    const r = this.r;
    const members = attrs.filter((a) => (a.required ? !this.slips(1) : r.chance(60))).map((a) => `${JSON.stringify(a.key)}:${this.json(a.type)}`);
    if (this.slips(1)) members.push(`"extra":1`);
    return "{" + members.join(",") + "}";
  }

  makeEntities() {
    const r = this.r;
    const list = [];
    for (const e of this.entityTypes)
      for (const id of ["0", "1", "2", "ü\"x"]) {
        if (r.chance(25)) continue;
        const level = (n) => this.entityNames.indexOf(n) * 10 + (id === "0" ? 0 : id === "1" ? 1 : 2);
        const parents = e.parents.map((p) => this.uid(p)).filter((p) => level(p.type) + "012".indexOf(p.id) > level(e.name) + "012".indexOf(id) || this.slips(5));
        const tags = e.tags && r.chance(70) ? `,"tags":{${r.some(["t", "a", ""], 50).map((k) => `${JSON.stringify(k)}:${this.json(e.tags)}`).join(",")}}` : "";
        const text = `{"uid":${this.uidJson({ type: e.name, id })},"attrs":${this.recordJson(e.attrs)},"parents":[${parents.map((p) => this.uidJson(p)).join(",")}]${tags}}`;
        list.push(text);
        if (r.chance(1)) list.push(text);
      }
    if (r.chance(2)) list.push(`{"uid":{"type":"${this.actionType}","id":"read"},"attrs":{},"parents":[]}`);
    if (this.slips(4)) list.push(`{"uid":{"type":"Nope","id":"x"},"attrs":{},"parents":[]}`);
    this.entities = "[" + list.join(",") + "]";
  }

  request() {
    const r = this.r;
    const applied = this.actions.filter((a) => a.applies);
    const a = r.chance(97) ? r.pick(applied) : r.pick(this.actions);
    const applies = a.applies ?? applied[0].applies;
    const any = (list) => this.uid(r.chance(97) ? r.pick(list) : r.pick(this.entityNames));
    return {
      principal: any(applies.principals), action: { type: this.actionType, id: r.chance(99) ? a.id : "nope" },
      resource: any(applies.resources), context: this.recordJson(applies.context),
    };
  }

  literal(t) {
    const r = this.r;
    switch (t.kind) {
      case "Long": return r.pick(LONGS);
      case "String": return quote(r.pick(STRINGS));
      case "Bool": return r.pick(["true", "false"]);
      case "Entity": return uidText(this.uid(t.name));
      case "Set": return "[" + Array.from({ length: 1 + r.below(3) }, () => this.literal(t.of)).join(", ") + "]";
      case "Record": return "{" + t.attrs.filter((a) => a.required || r.chance(50)).map((a) => `${key(a.key)}: ${this.literal(a.type)}`).join(", ") + "}";
      default: {
        const [fn, good, bad] = CONSTRUCTORS[t.kind];
        return `${fn}(${quote(r.pick(this.slips(10) ? bad : good))})`;
      }
    }
  }

  /* What the variables of one environment hold: [text, type, guard]. */
  paths(env) {
    const out = [];
    const walk = (text, t, guard, depth) => {
      out.push([text, t, guard]);
      if (depth === 0) return;
      const e = t.kind === "Entity" ? this.entityTypes.find((x) => x.name === t.name) : null;
      for (const a of (t.kind === "Record" ? t.attrs : e ? e.attrs : [])) {
        const step = isName(a.key) && this.r.chance(80) ? `.${a.key}` : `[${quote(a.key)}]`;
        const has = a.required ? guard : [...guard, `${text} has ${key(a.key)}`];
        walk(text + step, a.type, has, depth - 1);
      }
      if (e && e.tags) {
        const tag = quote(this.r.pick(["t", "a", ""]));
        out.push([`${text}.getTag(${tag})`, e.tags, [...guard, `${text}.hasTag(${tag})`]]);
      }
    };
    walk("principal", { kind: "Entity", name: env.principal }, [], 3);
    walk("resource", { kind: "Entity", name: env.resource }, [], 3);
    walk("context", { kind: "Record", attrs: env.context }, [], 3);
    return out;
  }

  same(a, b) { return typeText(a) === typeText(b); }

  /* An expression of type t; guards it needs are pushed to `need`. */
  expr(t, env, depth, need) {
    const r = this.r;
    if (this.slips(8)) t = this.type(1);
    const fitting = env.paths.filter(([, type]) => this.same(type, t));
    if (fitting.length && r.chance(depth > 0 ? 45 : 75)) {
      const [text, , guard] = r.pick(fitting);
      if (!this.slips(15)) need.push(...guard);
      return text;
    }
    if (depth <= 0) return this.literal(t);
    const sub = (type) => this.expr(type, env, depth - 1, need);
    const T = (kind) => ({ kind });
    if (r.chance(8)) return `(if ${this.bool(env, depth - 1)} then ${sub(t)} else ${sub(t)})`;
    if (r.chance(4)) return `{${key("k")}: ${sub(t)}}.k`;
    switch (t.kind) {
      case "Bool": return `(${this.bool(env, depth - 1)})`;
      case "Long":
        if (r.chance(15)) return `${sub(T("duration"))}.${r.pick(["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"])}()`;
        if (r.chance(15)) return `-${"(" + sub(t) + ")"}`;
        return r.chance(60) ? `(${sub(t)} ${r.pick(["+", "-", "*"])} ${sub(t)})` : this.literal(t);
      case "Set": return r.chance(50) ? `[${sub(t.of)}, ${sub(t.of)}]` : this.literal(t);
      case "Record": return r.chance(50) ? "{" + t.attrs.map((a) => `${key(a.key)}: ${sub(a.type)}`).join(", ") + "}" : this.literal(t);
      case "datetime":
        if (r.chance(30)) return `${sub(t)}.offset(${sub(T("duration"))})`;
        return r.chance(20) ? `${sub(t)}.toDate()` : this.literal(t);
      case "duration":
        if (r.chance(30)) return `${sub(T("datetime"))}.durationSince(${sub(T("datetime"))})`;
        return r.chance(20) ? `${sub(T("datetime"))}.toTime()` : this.literal(t);
      default: return this.literal(t);
    }
  }

  /* An atom, behind the guards that it needs (mostly). */
  atom(env, depth) {
    const r = this.r;
    const need = [];
    const sub = (t) => this.expr(t, env, depth, need);
    const T = (kind) => ({ kind });
    const entity = () => ({ kind: "Entity", name: r.pick([env.principal, env.resource, ...this.entityNames]) });
    const holder = () => { const p = r.pick(env.paths.filter(([, t]) => t.kind === "Entity" || t.kind === "Record")); need.push(...p[2]); return p[0]; };
    let text;
    switch (r.below(15)) {
      case 0: case 1: { const t = r.chance(50) ? r.pick(env.paths)[1] : this.type(1); text = `${sub(t)} ${r.pick(["==", "==", "!="])} ${sub(t)}`; break; }
      case 2: { const t = T(r.pick(["Long", "Long", "datetime", "duration"])); text = `${sub(t)} ${r.pick(["<", "<=", ">", ">="])} ${sub(t)}`; break; }
      case 3: text = `${sub(T("String"))} like ${r.pick(["\"*\"", "\"a*\"", "\"*\\**\"", "\"\"", "\"a\\u{2A}c\"", "\"*b*\"", "\"日*\""])}`; break;
      case 4: text = `${holder()} has ${r.pick(["a", "b", "n", "name", "nope", "\"c d\"", "\"é\"", "a.b", "n.a.b", "principal"])}`; break;
      case 5: text = `${holder()} is ${r.pick(this.entityNames)}${r.chance(30) ? ` in ${sub(entity())}` : ""}`; break;
      case 6: text = `${sub(entity())} in ${r.chance(50) ? sub(entity()) : `[${sub(entity())}, ${sub(entity())}]`}`; break;
      case 7: { const t = this.type(0); text = `${sub({ kind: "Set", of: t })}.contains(${sub(t)})`; break; }
      case 8: { const t = { kind: "Set", of: this.type(0) }; text = `${sub(t)}.${r.pick(["containsAll", "containsAny"])}(${sub(t)})`; break; }
      case 9: text = `${sub({ kind: "Set", of: this.type(0) })}.isEmpty()`; break;
      case 10: text = `${sub(T("ipaddr"))}.${r.pick(["isIpv4()", "isIpv6()", "isLoopback()", "isMulticast()", `isInRange(${sub(T("ipaddr"))})`])}`; break;
      case 11: text = `${sub(T("decimal"))}.${r.pick(["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"])}(${sub(T("decimal"))})`; break;
      case 12: text = `${holder()}.hasTag(${sub(T("String"))})`; break;
      case 13: text = r.pick([`action == ${this.actionText()}`, `action in ${this.actionText()}`, `action in [${this.actionText()}, ${this.actionText()}]`]); break;
      default: text = sub(T("Bool"));
    }
    const guards = [...new Set(need)];
    return guards.length ? `(${guards.join(" && ")} && ${text})` : text;
  }

  actionText() { return uidText({ type: this.actionType, id: this.r.chance(99) ? this.r.pick(this.actions).id : "nope" }); }

  bool(env, depth) {
    const r = this.r;
    if (depth <= 0 || r.chance(35)) return this.atom(env, depth);
    const sub = () => this.bool(env, depth - 1);
    switch (r.below(5)) {
      case 0: case 1: return `(${sub()}) && (${sub()})`;
      case 2: return `(${sub()}) || (${sub()})`;
      case 3: return `!(${sub()})`;
      default: return `if ${sub()} then ${sub()} else ${sub()}`;
    }
  }

  scope(name, types) {
    const r = this.r;
    const t = r.pick(types);
    const other = r.chance(90) ? r.pick(this.entityNames) : this.kind.name;
    switch (r.below(8)) {
      case 0: return `${name} == ${uidText(this.uid(t))}`;
      case 1: return `${name} in ${uidText(this.uid(other))}`;
      case 2: return `${name} is ${t} in ${uidText(this.uid(other))}`;
      case 3: case 4: return `${name} is ${t}`;
      default: return name;
    }
  }

  policy() {
    const r = this.r;
    const a = r.pick(this.actions.filter((x) => x.applies));
    const env = { principal: r.pick(a.applies.principals), resource: r.pick(a.applies.resources), context: a.applies.context };
    const free = a.applies.principals.length > 1 || a.applies.resources.length > 1;
    env.paths = this.paths(env);
    const principal = free && r.chance(70) ? `principal is ${env.principal}` : this.scope("principal", [env.principal]);
    const resource = free && r.chance(70) ? `resource is ${env.resource}` : this.scope("resource", [env.resource]);
    const action = r.chance(70) ? `action == ${uidText({ type: this.actionType, id: a.id })}`
      : r.pick(["action", `action in ${this.actionText()}`, `action in [${this.actionText()}, ${this.actionText()}]`]);
    const head = (r.chance(20) ? `@id("${r.below(9)}")\n` : "") + r.pick(["permit", "permit", "forbid"]);
    let text = `${head} (${principal}, ${action}, ${resource}${r.chance(5) ? "," : ""})`;
    for (let i = r.below(3); i > 0; i--) text += `\n${r.pick(["when", "when", "unless"])} { ${this.bool(env, 1 + r.below(3))} }`;
    return text + ";" + (r.chance(10) ? " // done" : "");
  }

  policies() {
    return Array.from({ length: 1 + this.r.below(6) }, () => this.policy()).join("\n");
  }
}

const NOISE = ["(", ")", "{", "}", "[", "]", ",", ";", "::", ".", "==", "&&", "||", "!", "-", "+", "*", "/", "%", "<", "in", "has", "like", "is", "if",
  "then", "else", "when", "unless", "permit", "principal", "?principal", "?resource", "action", "\"", "\\", "\"\\u{d800}\"", "\"\\x80\"", "1", "9223372036854775808",
  "18446744073709551616", "\u00a0", "\u2028", "\ufeff", "//", "/*", "@", "@id", "true", "__cedar", "Set", "entity", "?", ":", "=", "tags", "enum", "Action", "\r", "é"];

/* One to three tokens taken out, doubled, swapped or put in. */
export function damage(r, text) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|\w+|\s+|::|&&|\|\||[=!<>]=|./gsu) ?? [];
  for (let i = 1 + r.below(3); i > 0; i--) {
    const at = r.below(tokens.length + 1);
    switch (r.below(4)) {
      case 0: tokens.splice(at, 1); break;
      case 1: tokens.splice(at, 0, tokens[at] ?? ""); break;
      case 2: tokens.splice(at, 1, r.pick(NOISE)); break;
      default: tokens.splice(at, 0, r.pick(NOISE));
    }
  }
  return tokens.join("");
}

/* The case of one seed: mostly whole ones, some with one damaged part. */
export function makeCase(seed) {
  const c = new Case(seed);
  const r = c.r;
  const out = { seed, policies: c.policies(), schema: c.schema, entities: c.entities, requests: Array.from({ length: 6 }, () => c.request()) };
  const n = r.below(100);
  if (n < 12) out.policies = damage(r, out.policies);
  else if (n < 18) out.schema = damage(r, out.schema);
  else if (n < 22) out.entities = damage(r, out.entities);
  else if (n < 32) out.schema = null;
  return out;
}
