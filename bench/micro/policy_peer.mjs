// SPDX-License-Identifier: Apache-2.0
// policy_peer.mjs cedar-wasm|casbin POLICIES MODULES TEXT SCHEMA: the question of policy_micro put to another engine
// in the same line protocol: a count in, {"p50", "p99"} in ns out. Each decision is timed by itself and must be an allow.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";

const [peer, size, modules, textFile, schemaFile] = process.argv.slice(2);
const require = createRequire(resolve(modules, "package.json"));

const uid = (type, id) => ({ type: `Inference::${type}`, id });
const context = {
  now: { __extn: { fn: "datetime", arg: "2026-11-23T09:00:00Z" } },
  local: { __extn: { fn: "datetime", arg: "2026-11-23T10:00:00Z" } },
  weekday: 1, source_ip: { __extn: { fn: "ip", arg: "10.1.2.3" } }, mtls: true, mfa: true, scopes: ["models:read"],
  request_id: "r", data_class: 1, pii: false, purpose: "support", annex_iii: false, human_oversight: false,
  upstream_region: "eu-west-1", stream: false, max_tokens: 100, input_tokens: 20, cost_micro: 1200,
  budget: { remaining_micro: 5000000, hard: true }, tools: [], on_call: false,
};
const ana = { clearance: 2, home_region: "EU", trainings: ["ai-act-deployer"], suspended: false };
const model = {
  provider: { __entity: uid("Provider", "azure") }, regions: ["eu-west-1", "us-east-1"],
  risk: { __entity: uid("RiskClass", "limited") }, max_classification: 2, status: "approved",
  approved_until: { __extn: { fn: "datetime", arg: "2027-01-01" } }, modalities: ["text"], open_weights: false,
  owner: { __entity: uid("BusinessUnit", "it") },
};

/* The official engine: policies and schema parsed once, entities and context with each call, as its cached API has it. */
function cedarWasm() {
  const cedar = require("@cedar-policy/cedar-wasm/nodejs");
  const entities = [
    { uid: uid("User", "ana"), attrs: ana, parents: [uid("Role", "analyst"), uid("BusinessUnit", "risk")] },
    { uid: uid("Provider", "azure"), attrs: { jurisdiction: "US", dpa_signed: true, zero_retention: true }, parents: [] },
    { uid: uid("Model", "gpt-x"), attrs: model, parents: [uid("ModelGroup", "standard")] },
  ];
  const must = (answer) => { if (answer.type !== "success") throw new Error(JSON.stringify(answer)); };
  must(cedar.preparsePolicySet("p", { staticPolicies: readFileSync(textFile, "utf8") }));
  must(cedar.preparseSchema("s", readFileSync(schemaFile, "utf8")));
  const call = {
    principal: uid("User", "ana"), action: uid("Action", "Invoke"), resource: uid("Model", "gpt-x"), context, entities,
    preparsedPolicySetId: "p", preparsedSchemaName: "s", validateRequest: true,
  };
  return () => cedar.statefulIsAuthorized(call).response?.decision === "allow";
}

/* casbin: the same twelve rules as expressions of its matcher; the others are its role and group rules. */
async function casbin() {
  const { newEnforcer, newModelFromString, StringAdapter } = require("casbin");
  const use = '(r.act == "Invoke" || r.act == "Embed" || r.act == "Batch")';
  const rules = [
    ['r.sub.roles.includes("analyst") && ' + use + ' && r.obj.groups.includes("standard")', "allow"],
    ['(r.act == "Invoke" || r.act == "Embed") && r.obj.status == "approved" && r.sub.clearance >= r.ctx.data_class && ' +
      "r.obj.max_classification >= r.ctx.data_class && !(r.obj.approved_until < r.ctx.now)", "allow"],
    ['r.act == "ListModels" && r.ctx.scopes.includes("models:read")', "allow"],
    ["r.sub.suspended", "deny"],
    [use + ' && r.sub.home_region == "EU" && (r.ctx.pii || r.ctx.data_class >= 2) && !(r.ctx.upstream_region.startsWith("eu-") && ' +
      '(r.obj.provider.jurisdiction == "EU" || r.obj.provider.dpa_signed))', "deny"],
    [use + ' && (r.ctx.annex_iii || r.obj.risk == "high") && !(r.sub.kind == "User" && r.sub.trainings.includes("ai-act-deployer") && ' +
      "r.ctx.human_oversight && r.ctx.fria_id != undefined)", "deny"],
    ['r.obj.risk == "prohibited"', "deny"],
    ['r.sub.kind == "User" && r.act == "Batch" && (r.ctx.weekday > 5 || r.ctx.minutes < 420 || r.ctx.minutes >= 1170) && !r.ctx.on_call', "deny"],
    [use + " && r.ctx.budget.hard && r.ctx.cost_micro > r.ctx.budget.remaining_micro", "deny"],
    ['r.sub.kind == "Service" && ' + use + ' && r.sub.env == "prod" && !(r.ctx.mtls && r.ctx.source_ip.startsWith("10."))', "deny"],
    ['r.act == "CallTool" && r.obj.side_effects && !r.ctx.mfa', "deny"],
    ['r.sub.roles.includes("gateway-admin") && r.act == "ReloadPolicy" && r.ctx.mfa', "allow"],
  ];
  for (let i = 0; i < Number(size) - 12; i++)
    rules.push([`r.sub.roles.includes("g${i >> 2}") && ${use} && r.obj.groups.includes("m${i % 100}") && r.ctx.data_class > ${i % 4}`,
      i % 3 === 0 ? "deny" : "allow"]);
  const conf = newModelFromString(`
[request_definition]
r = sub, obj, act, ctx
[policy_definition]
p = rule, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = eval(p.rule)
`);
  const enforcer = await newEnforcer(conf);
  for (const [rule, effect] of rules) await enforcer.addPolicy(rule, effect);
  const subject = { ...ana, kind: "User", roles: ["analyst"] };
  const object = { ...model, groups: ["standard"], risk: "limited", approved_until: 1798761600000,
    provider: { jurisdiction: "US", dpa_signed: true } };
  const plain = { ...context, now: 1795424400000, minutes: 600, source_ip: "10.1.2.3" };
  return () => enforcer.enforce(subject, object, "Invoke", plain);
}

const decide = peer === "casbin" ? await casbin() : cedarWasm();
for await (const line of createInterface({ input: process.stdin })) {
  const count = Number(line);
  const ns = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const start = process.hrtime.bigint();
    const answer = decide();
    const allowed = answer instanceof Promise ? await answer : answer;
    ns[i] = Number(process.hrtime.bigint() - start);
    if (!allowed) throw new Error(`${peer} did not allow`);
  }
  ns.sort();
  console.log(JSON.stringify({ p50: ns[count >> 1], p99: ns[Math.floor((count * 99) / 100)] }));
}
