// SPDX-License-Identifier: Apache-2.0
// The official SDKs against the gateway: what a user's program does, with nothing but the base URL changed.
// run.py starts the gateway and passes TOLLGATE_URL, TOLLGATE_KEY and TOLLGATE_RAW in the environment.
import assert from "node:assert/strict";
import { test } from "node:test";

import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const url = process.env.TOLLGATE_URL;
const key = process.env.TOLLGATE_KEY;
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0, timeout: 20000 });
const anthropic = new Anthropic({ baseURL: url, apiKey: key, maxRetries: 0, timeout: 20000 });
const messages = [{ role: "user", content: "hello" }];

const chat = (model, more = {}, client = openai) => client.chat.completions.create({ model, messages, ...more });
const claude = (model, more = {}, client = anthropic) => client.messages.create({ model, max_tokens: 100, messages, ...more });

test("openai: chat", async () => {
  const answer = await chat("chat");
  assert.equal(answer.choices[0].message.role, "assistant");
  assert.match(answer.choices[0].message.content, /word0/);
  assert.ok(answer.usage.prompt_tokens > 0);
});

test("openai: the response carries our request id", async () => {
  const { response } = await chat("chat").withResponse();
  assert.match(response.headers.get("x-tollgate-request-id"), /^[0-9A-HJKMNP-TV-Z]{26}$/);
});

test("openai: chat stream without usage asked for", async () => {
  let text = "";
  for await (const chunk of await chat("chat", { stream: true })) {
    assert.ok(chunk.choices.length > 0);
    assert.equal(chunk.usage ?? null, null);
    text += chunk.choices[0].delta.content ?? "";
  }
  assert.match(text, /^word0 .*grüß dich/);
});

test("openai: chat stream with usage asked for", async () => {
  let usage = null;
  for await (const chunk of await chat("chat", { stream: true, stream_options: { include_usage: true } })) {
    usage = chunk.usage ?? usage;
  }
  assert.ok(usage.completion_tokens > 0);
});

test("openai: stream through a server that drips", async () => {
  let text = "";
  for await (const chunk of await chat("drip", { stream: true })) text += chunk.choices[0].delta.content ?? "";
  assert.match(text, /word0 .*grüß dich/);
});

test("openai: completions", async () => {
  const answer = await openai.completions.create({ model: "chat", prompt: "hello", max_tokens: 20 });
  assert.match(answer.choices[0].text, /word0/);
});

test("openai: embeddings, base64 underneath", async () => {
  const answer = await openai.embeddings.create({ model: "embed", input: ["a", "b"] });
  assert.deepEqual(answer.data.map((row) => Array.from(row.embedding)), [[1, 0.5, -0.5, 2], [1, 0.5, -0.5, 2]]);
});

test("openai: embeddings as floats", async () => {
  const answer = await openai.embeddings.create({ model: "embed", input: "a", encoding_format: "float" });
  assert.deepEqual(answer.data[0].embedding, [1, 0.5, -0.5, 2]);
});

test("openai: responses", async () => {
  const answer = await openai.responses.create({ model: "chat", input: "hello" });
  assert.equal(answer.status, "completed");
  assert.match(answer.output_text, /word0/);
});

test("openai: responses stream", async () => {
  let text = "";
  let final = null;
  for await (const event of await openai.responses.create({ model: "chat", input: "hello", stream: true })) {
    if (event.type === "response.output_text.delta") text += event.delta;
    if (event.type === "response.completed") final = event.response;
  }
  assert.match(text, /word0/);
  assert.ok(final.usage.total_tokens > 0);
});

test("openai: models list shows permitted models", async () => {
  const names = [];
  for await (const model of openai.models.list()) names.push(model.id);
  assert.ok(names.includes("chat"));
  assert.ok(!names.includes("denied"));
});

const openaiErrors = [
  ["401", OpenAI.AuthenticationError, (client) => chat("chat", {}, client), "tg_wrong"],
  ["403 with the policy's id", OpenAI.PermissionDeniedError, () => chat("denied"), null, /no-unclassified-models/],
  ["404", OpenAI.NotFoundError, () => chat("no-such-model")],
  ["429", OpenAI.RateLimitError, () => chat("limited")],
  ["500 of the model", OpenAI.InternalServerError, () => chat("broken")],
  ["502", OpenAI.InternalServerError, () => chat("resethead")],
  ["400", OpenAI.BadRequestError, () => openai.post("/chat/completions", { body: [] })],
];
for (const [name, type, call, badKey, pattern] of openaiErrors) {
  test(`openai: typed error ${name}`, async () => {
    const client = badKey ? new OpenAI({ baseURL: `${url}/v1`, apiKey: badKey, maxRetries: 0 }) : openai;
    await assert.rejects(call(client), (error) => {
      assert.ok(error instanceof type, `${error.constructor.name}: ${error.message}`);
      assert.equal(error.status, Number(name.slice(0, 3)));
      assert.ok(error.message.length > 4);
      if (pattern) assert.match(error.message, pattern);
      return true;
    });
  });
}

test("openai: abort in the middle of a stream", async () => {
  const stream = await chat("slow", { stream: true });
  let chunks = 0;
  for await (const chunk of stream) {
    chunks += chunk.choices.length;
    if (chunks === 2) stream.controller.abort();
  }
  assert.ok(chunks < 10);
  assert.match((await chat("chat")).choices[0].message.content, /word0/);
});

test("openai: abort before the answer", async () => {
  const controller = new AbortController();
  const call = openai.chat.completions.create({ model: "slow-unary", messages }, { signal: controller.signal });
  controller.abort();
  await assert.rejects(call, OpenAI.APIUserAbortError);
});

test("openai: 8 in parallel, 10 rounds", async () => {
  for (let round = 0; round < 10; round++) {
    const answers = await Promise.all(Array.from({ length: 8 }, (_, index) =>
      chat("chat", { messages: [{ role: "user", content: "x".repeat(index * 50) }] })));
    assert.deepEqual(new Set(answers.map((answer) => answer.choices[0].message.role)), new Set(["assistant"]));
  }
});

test("openai: 8 streams in parallel", async () => {
  const texts = await Promise.all(Array.from({ length: 8 }, async () => {
    let text = "";
    for await (const chunk of await chat("chat", { stream: true })) text += chunk.choices[0].delta.content ?? "";
    return text;
  }));
  assert.equal(new Set(texts).size, 1);
});

test("openai: the SDK's own retry gets through a passing failure", async () => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 2 });
  await assert.rejects(chat("limited", {}, client), OpenAI.RateLimitError);
});

test("anthropic: messages", async () => {
  const answer = await claude("claude");
  assert.equal(answer.type, "message");
  assert.match(answer.content[0].text, /word0/);
  assert.ok(answer.usage.output_tokens > 0);
});

test("anthropic: messages stream", async () => {
  let text = "";
  const stream = anthropic.messages.stream({ model: "claude", max_tokens: 100, messages });
  stream.on("text", (delta) => { text += delta; });
  const final = await stream.finalMessage();
  assert.equal(final.content[0].text, text);
  assert.equal(final.stop_reason, "end_turn");
});

test("anthropic: count_tokens", async () => {
  const answer = await anthropic.messages.countTokens({ model: "claude", messages });
  assert.ok(answer.input_tokens > 0);
});

const anthropicErrors = [
  ["401", Anthropic.AuthenticationError, (client) => claude("claude", {}, client), "tg_wrong"],
  ["403 with the policy's id", Anthropic.PermissionDeniedError, () => claude("denied"), null, /no-unclassified-models/],
  ["404", Anthropic.NotFoundError, () => claude("no-such-model")],
  ["429", Anthropic.RateLimitError, () => claude("limited")],
  ["502", Anthropic.InternalServerError, () => claude("resethead")],
];
for (const [name, type, call, badKey, pattern] of anthropicErrors) {
  test(`anthropic: typed error ${name}`, async () => {
    const client = badKey ? new Anthropic({ baseURL: url, apiKey: badKey, maxRetries: 0 }) : anthropic;
    await assert.rejects(call(client), (error) => {
      assert.ok(error instanceof type, `${error.constructor.name}: ${error.message}`);
      assert.equal(error.status, Number(name.slice(0, 3)));
      if (pattern) assert.match(error.message, pattern);
      return true;
    });
  });
}

test("anthropic: abort in the middle of a stream", async () => {
  const stream = await claude("slow", { stream: true });
  let events = 0;
  for await (const event of stream) {
    events += event.type === "content_block_delta";
    if (events === 2) stream.controller.abort();
  }
  assert.ok(events < 10);
});

test("anthropic: 8 in parallel", async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => claude("claude")));
  assert.equal(answers.length, 8);
});
