// SPDX-License-Identifier: Apache-2.0
// Expressions that fit the types of some environments; in noisy policies, some that do not.
import { isName, key, quote, uidText } from "./text.mjs";
import { EXTENSIONS, foreign } from "./values.mjs";
import { entityOf, plain, setOf } from "./world.mjs";

const PATHS_MAX = 60;
const PATTERNS = ["\"*\"", "\"a*\"", "\"*\\**\"", "\"\"", "\"a\\u{2A}c\"", "\"a\\x2ac\"", "\"*b*\"", "\"日*\"", "\"a\\*c\"", "\"**\"", "\"*ü\"", "\"?\"", "\"*a*b*c*\"", "\"\\\\*\""];
const GARBAGE = ["1 + \"a\"", "(1 == 1) + 1", "ip(\"x\").isIpv4()", "principal.nope.nope", "[1, \"a\"].isEmpty()", "{}.a", "\"a\" < \"b\"", "if 1 then 2 else 3", "-\"a\"",
  "[].contains(1)", "context.contains(1)", "principal in 1", "1 is User", "decimal(\"1.0\") < decimal(\"2.0\")", "resource.getTag(1) == 1", "1 like \"a\""];

/* What the variables of one environment hold, by text: {type, need: the guards before it}. */
function walkPaths(world, env, isIndexed) {
  const out = new Map();
  const walk = (text, type, need, depth) => {
    if (out.size >= PATHS_MAX) return;
    out.set(text, { text, type, need });
    if (depth === 0) return;
    const e = type.kind === "Entity" ? world.entityTypes.find((x) => x.name === type.name) : null;
    for (const a of (type.kind === "Record" ? type.attrs : e ? e.attrs : [])) {
      const step = isName(a.key) && !isIndexed ? `.${a.key}` : `[${quote(a.key)}]`;
      walk(text + step, a.type, a.required ? need : [...need, `${text} has ${key(a.key)}`], depth - 1);
    }
    if (e?.tags) for (const t of ["\"t\"", "\"a\""]) walk(`${text}.getTag(${t})`, e.tags, [...need, `${text}.hasTag(${t})`], 0);
  };
  walk("context", env.action.applies.context, [], 3);
  walk("principal", entityOf(env.principal), [], 2);
  walk("resource", entityOf(env.resource), [], 2);
  return out;
}

/* Those that all environments have with one type. */
function commonPaths(world, envs, isIndexed) {
  world.paths ??= new Map();
  const [first, ...rest] = envs.map((env) => {
    const id = `${env.action.id} ${env.principal} ${env.resource} ${isIndexed}`;
    if (!world.paths.has(id)) world.paths.set(id, walkPaths(world, env, isIndexed));
    return world.paths.get(id);
  });
  return [...first.values()].filter((p) => rest.every((m) => m.get(p.text)?.type.id === p.type.id))
    .map((p) => ({ ...p, need: [...new Set([p, ...rest.map((m) => m.get(p.text))].flatMap((x) => x.need))] }));
}

/* `x has a && x.a has b` as `x has a.b`. */
function joinGuards(guards) {
  const out = [];
  for (const guard of guards) {
    const [, base, name] = /^(.*) has (.*)$/s.exec(guard) ?? [];
    const last = /^(.*) has ([\w.]+)$/s.exec(out.at(-1) ?? "");
    if (last && base === `${last[1]}.${last[2]}` && isName(name)) out[out.length - 1] += `.${name}`;
    else out.push(guard);
  }
  return out;
}

/* Whether a literal may have exactly this type: records in literals have no optional attributes. */
function isWritable(t) {
  if (t.kind === "Set") return isWritable(t.of);
  return t.kind !== "Record" || t.attrs.every((a) => a.required && isWritable(a.type));
}

export class Expressions {
  constructor(world, envs, isNoisy) {
    this.world = world;
    this.r = world.r;
    this.envs = envs;
    this.isNoisy = isNoisy;
    this.paths = commonPaths(world, envs, this.r.chance(10));
    this.byType = new Map();
    for (const p of this.paths) this.byType.set(p.type.id, [...(this.byType.get(p.type.id) ?? []), p]);
    this.entities = [envs[0].principal, envs[0].resource, ...world.entityNames];
  }

  slips(percent) { return this.isNoisy && this.r.chance(percent); }

  literal(t) {
    const { r, world } = this;
    switch (t.kind) {
      case "Long": return world.long();
      case "String": return quote(world.string(), r);
      case "Bool": return r.pick(["true", "false"]);
      case "Entity": return uidText(world.known(t.name), r);
      case "Set": return `[${r.times(1 + r.below(3), () => this.literal(t.of)).join(", ")}${r.chance(3) ? "," : ""}]`;
      case "Record": return `{${t.attrs.filter((a) => a.required || r.chance(50)).map((a) => `${key(a.key, r)}: ${this.literal(a.type)}`).join(", ")}}`;
      default: return `${EXTENSIONS[t.kind][0]}(${quote(world.argument(t.kind, this.slips(12) || r.chance(0.3)), r)})`;
    }
  }

  /* A type worth asking about: one that something has, or one that can be written. */
  someType() {
    const { r } = this;
    if (r.chance(65) && this.paths.length) return r.pick(this.paths).type;
    const t = this.world.type(1);
    return isWritable(t) ? t : plain("Long");
  }

  /* An expression of type t; the guards it wants are pushed to `need`. */
  expr(t, depth, need) {
    const { r } = this;
    if (this.slips(5)) t = this.world.type(1);
    const fitting = this.byType.get(t.id);
    if (fitting && (r.chance(depth > 0 ? 55 : 75) || !isWritable(t))) {
      const path = r.pick(fitting);
      if (!this.slips(15)) need.push(...path.need);
      return path.text;
    }
    if (depth <= 0) return this.literal(t);
    const sub = (type) => this.expr(type, depth - 1, need);
    if (r.chance(6)) return `(if ${this.bool(depth - 1)} then ${sub(t)} else ${sub(t)})`;
    if (r.chance(3)) return r.pick([`{${key(r.pick(["k", "if", "é"]), r)}: ${sub(t)}}`, `{k: ${sub(t)}, "b c": 1}`]).replace(/^\{(\w+|"[^"]*")(.*)$/s,
      (all, name) => all + (name.startsWith("\"") ? `[${name}]` : `.${name}`));
    return this.composed(t, depth, sub);
  }

  composed(t, depth, sub) {
    const { r } = this;
    const duration = plain("duration");
    const datetime = plain("datetime");
    switch (t.kind) {
      case "Bool": return `(${this.bool(depth - 1)})`;
      case "Long": {
        const n = r.below(100);
        if (n < 12) return `${sub(duration)}.${r.pick(["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"])}()`;
        if (n < 24) return `-(${sub(t)})`;
        return n < 65 ? `(${sub(t)} ${r.pick(["+", "-", "*"])} ${sub(t)})` : this.literal(t);
      }
      case "Set": return r.chance(50) ? `[${sub(t.of)}, ${sub(t.of)}]` : this.literal(t);
      case "Record": return r.chance(50) ? `{${t.attrs.map((a) => `${key(a.key, r)}: ${sub(a.type)}`).join(", ")}}` : this.literal(t);
      case "datetime":
        if (r.chance(30)) return `${sub(t)}.offset(${sub(duration)})`;
        return r.chance(20) ? `${sub(t)}.toDate()` : this.literal(t);
      case "duration":
        if (r.chance(30)) return `${sub(datetime)}.durationSince(${sub(datetime)})`;
        return r.chance(20) ? `${sub(datetime)}.toTime()` : this.literal(t);
      default: return this.literal(t);
    }
  }

  /* Something with attributes, its guards pushed to `need`. */
  holder(need, isEntity) {
    const fitting = this.paths.filter((p) => p.type.kind === "Entity" || (!isEntity && p.type.kind === "Record"));
    if (fitting.length === 0) return { text: "resource", type: entityOf(this.envs[0].resource) };
    const path = this.r.pick(fitting);
    need.push(...path.need);
    return path;
  }

  has(need) {
    const { r } = this;
    const { text, type } = this.holder(need, false);
    const attrs = type.attrs ?? this.world.entityTypes.find((e) => e.name === type.name)?.attrs ?? [];
    if (attrs.length && r.chance(75)) {
      const a = r.pick(attrs);
      const inner = a.type.attrs ?? this.world.entityTypes.find((e) => e.name === a.type.name)?.attrs ?? [];
      const next = inner.find((x) => isName(x.key));
      return `${text} has ${key(a.key, r)}${next && isName(a.key) && r.chance(50) ? `.${next.key}` : ""}`;
    }
    if (r.chance(10)) return `${text} has ${quote(foreign(r), r)}`;
    return `${text} has ${r.pick(["a", "nope", "\"c d\"", "\"é\"", "a.b", "n.a.b", "principal", "\"\"", "\"a.b\"", "\"раypal\"", "\"a\u{200b}\"", "\"\u{202e}x\""])}`;
  }

  actions() {
    const { r, world } = this;
    if (r.chance(70)) return uidText({ type: world.actionType, id: r.pick([this.envs[0].action.id, ...this.envs[0].action.groups]) }, r);
    return this.slips(8) ? uidText({ type: world.actionType, id: "nope" }) : world.actionText();
  }

  /* The atoms by kind; each gives text of type Bool. */
  atomText(need, depth) {
    const { r, world } = this;
    const sub = (t) => this.expr(t, depth, need);
    const entity = () => entityOf(r.pick(this.entities));
    switch (r.below(17)) {
      case 0: case 1: { const t = this.someType(); return `${sub(t)} ${r.pick(["==", "==", "!="])} ${sub(t)}`; }
      case 2: case 3: { const t = plain(r.pick(["Long", "Long", "datetime", "duration"])); return `${sub(t)} ${r.pick(["<", "<=", ">", ">="])} ${sub(t)}`; }
      case 4: return `${sub(plain("String"))} like ${r.pick(PATTERNS)}`;
      case 5: case 6: return this.has(need);
      case 7: { const { text, type } = this.holder(need, true); return `${text} is ${r.chance(60) ? type.name : r.pick(world.entityNames)}${r.chance(30) ? ` in ${sub(entity())}` : ""}`; }
      case 8: return `${sub(entity())} in ${r.chance(60) ? sub(entity()) : this.entitySet(sub)}`;
      case 9: { const t = this.someType(); return `${sub(setOf(t))}.contains(${sub(t)})`; }
      case 10: { const t = setOf(this.someType()); return `${sub(t)}.${r.pick(["containsAll", "containsAny"])}(${sub(t)})`; }
      case 11: return `${sub(this.paths.find((p) => p.type.kind === "Set")?.type ?? setOf(plain("Long")))}.isEmpty()`;
      case 12: return `${sub(plain("ipaddr"))}.${r.pick(["isIpv4()", "isIpv6()", "isLoopback()", "isMulticast()", `isInRange(${sub(plain("ipaddr"))})`])}`;
      case 13: return `${sub(plain("decimal"))}.${r.pick(["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"])}(${sub(plain("decimal"))})`;
      case 14: return `${this.holder(need, true).text}.hasTag(${r.chance(80) ? r.pick(["\"t\"", "\"a\"", "\"\""]) : sub(plain("String"))})`;
      case 15: return r.pick([`action == ${this.actions()}`, `action in ${this.actions()}`, `action in [${this.actions()}, ${this.actions()}]`, "action in action", "action is " + world.actionType]);
      default: return sub(plain("Bool"));
    }
  }

  entitySet(sub) {
    const t = entityOf(this.r.pick(this.entities));
    return `[${sub(t)}, ${sub(t)}]`;
  }

  /* An atom behind the guards that it needs. */
  atom(depth) {
    const { r } = this;
    const need = [];
    const text = this.atomText(need, depth);
    if (this.slips(6)) return r.pick(GARBAGE);
    let guards = [...new Set(need)];
    if (guards.length === 0) return text;
    if (r.chance(50)) guards = joinGuards(guards);
    return r.chance(85) ? `(${guards.join(" && ")} && ${text})` : `(if ${guards.join(" && ")} then ${text} else ${r.pick(["true", "false"])})`;
  }

  /* What the types already decide, before something that would not fit them. */
  dead() {
    const { r, world } = this;
    const other = r.pick(world.entityNames);
    const no = r.pick(["false", "1 == \"a\"", "action == " + world.actionText(), `principal is ${other}`, "context has nope", `resource is ${other}`, "!true", "(true && false)"]);
    return r.pick([`(${no} && ${r.pick(GARBAGE)})`, `(!(${no}) || ${r.pick(GARBAGE)})`, `(if ${no} then ${r.pick(GARBAGE)} else true)`]);
  }

  bool(depth) {
    const { r } = this;
    if (r.chance(this.isNoisy ? 4 : 1)) return this.dead();
    if (depth <= 0 || r.chance(35)) return this.atom(depth);
    const sub = () => this.bool(depth - 1);
    switch (r.below(10)) {
      case 0: case 1: case 2: return `(${sub()}) && (${sub()})`;
      case 3: case 4: case 5: case 6: return `(${sub()}) || (${sub()})`;
      case 7: return `!(${sub()})`;
      default: return `if ${sub()} then ${sub()} else ${sub()}`;
    }
  }

  /* Something deep or long, below what the official build survives. */
  extreme() {
    const { r } = this;
    const n = r.pick([5, 40, 80, 90]);
    const around = (open, inner, close) => open.repeat(n) + inner + close.repeat(n);
    return r.pick([
      () => around("(", "1 == 1", ")"), () => `${around("[", "1", "]")} == ${around("[", "1", "]")}`, () => `${around("{a: ", "1", "}")}${".a".repeat(n)} == 1`,
      () => `${around("(1 + ", "1", ")")} == ${n + 1}`, () => r.times(n, () => this.atom(0)).join(" || "), () => r.times(n, () => "true").join(" && "),
      () => `${r.times(n, () => "1").join(" + ")} == ${n}`, () => around("!(", "true", ")"), () => `${around("if true then ", "1", " else 2")} == 1`,
      () => "!".repeat(1 + r.below(5)) + "true", () => "-".repeat(1 + r.below(5)) + "1 == 1", () => `${around("(-", "1", ")")} == 1`,
      () => `-9223372036854775808 ${r.pick(["+ -1", "- 1", "* -1", "+ 1", "* 1"])} == 0`, () => `9223372036854775807 ${r.pick(["+ 1", "- -1", "* 2", "+ -1"])} == 9223372036854775806`,
    ])();
  }
}
