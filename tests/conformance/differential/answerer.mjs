// SPDX-License-Identifier: Apache-2.0
// A child program that answers each line with a line; started again when it ended.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/* A set as both take it: {text}, or {json} of {staticPolicies, templates, templateLinks}. */
export function setSource(set) {
  if (set.json !== undefined || set.text !== undefined) return { json: set.json, text: set.text };
  const text = set.policies.join("\n");
  if (!set.templates.length && !set.links.length) return { text };
  const templates = Object.fromEntries(set.templates.map((t, i) => [`t${i}`, t]));
  return { json: JSON.stringify({ staticPolicies: text, templates, templateLinks: set.links }) };
}

/* What the children are sent: texts only. */
const wire = (group) => JSON.stringify({
  schema: group.schema, requests: group.requests, form: group.sets.some((set) => set.form),
  stores: group.stores.map((entities) => `[${entities.join(",")}]`),
  sets: group.sets.map((set) => ({ ...setSource(set), form: Boolean(set.form), forms: set.forms, isUnchecked: Boolean(set.isUnchecked) })),
}) + "\n";

export class Answerer {
  constructor(command, args) { this.command = command; this.args = args; this.ends = 0; this.start(); }

  start() {
    this.child = spawn(this.command, this.args, { stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdin.on("error", () => {});
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /* The answers to some groups; {trap: true} for one during which the child ended. */
  async ask(groups) {
    const answers = [];
    while (answers.length < groups.length) {
      this.child.stdin.write(groups.slice(answers.length).map(wire).join(""));
      while (answers.length < groups.length) {
        const { value, done } = await this.lines.next();
        answers.push(done ? { trap: true } : JSON.parse(value));
        if (!answers.at(-1).trap) continue;
        this.ends++;
        this.renew();
        break;
      }
    }
    return answers;
  }

  /* A group that ended the child is asked once more, then set by set: what is lost is known. */
  async askAgain(group) {
    const [whole] = await this.ask([group]);
    if (!whole.trap) return whole;
    const parts = await this.ask(group.sets.map((set) => ({ ...group, sets: [set] })));
    const good = parts.find((part) => !part.trap);
    if (!good) return whole;
    return { ...good, sets: parts.map((part) => part.trap ? part : part.sets[0]) };
  }

  /* A fresh process, for one whose memory only grows. */
  renew() { this.stop(); this.start(); }
  stop() { this.child.stdin.end(); }
}
