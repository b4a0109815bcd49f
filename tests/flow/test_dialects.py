# SPDX-License-Identifier: Apache-2.0
"""Every dialect is counted as its provider counts: unary, in events, in lines and in one array."""

import json

import pytest

from harness import request_bytes, wait_for
from setup_gateway import CHAT, caller_key, chat_body
from test_metering import bill_sums, journal_sums, settled, without_zeros

ANA = caller_key("ana")
LONG = "word " * 200

CONTENTS = {"contents": [{"role": "user", "parts": [{"text": LONG}]}]}
GEMINI = "/v1beta/models/gemini"
COHERE = {"model": "cohere", "messages": [{"role": "user", "content": LONG}]}
OLLAMA = {"model": "ollama", "messages": [{"role": "user", "content": LONG}]}
VERTEX = "/v1/projects/any/locations/any/publishers/google/models/gemini"

CALLS = {
    "images": ("/v1/images/generations", {"model": "images", "prompt": LONG, "n": 2}),
    "images, stream": ("/v1/images/generations", {"model": "images", "prompt": LONG, "stream": True}),
    "images by the piece": ("/v1/images/generations", {"model": "dalle", "prompt": "a", "n": 3}),
    "speech": ("/v1/audio/speech", {"model": "speech", "input": "say this", "voice": "v"}),
    "speech, stream": ("/v1/audio/speech", {"model": "speech", "input": LONG, "stream_format": "sse"}),
    "azure chat": ("/openai/deployments/chat/chat/completions?api-version=2024-10-21", {"messages": [{"content": LONG}]}),
    "azure chat, stream": ("/openai/deployments/chat/chat/completions?api-version=2024-10-21",
                           {"messages": [{"content": LONG}], "stream": True}),
    "azure chat, model in the body too": ("/openai/deployments/chat/chat/completions", chat_body("chat", LONG)),
    "azure completions": ("/openai/deployments/chat/completions", {"prompt": LONG}),
    "azure embeddings": ("/openai/deployments/embed/embeddings", {"input": LONG}),
    "azure images": ("/openai/deployments/images/images/generations", {"prompt": LONG}),
    "azure speech": ("/openai/deployments/speech/audio/speech", {"input": "say this", "voice": "v"}),
    "azure v1 chat": ("/openai/v1/chat/completions", chat_body("chat", LONG, stream=True)),
    "azure v1 responses": ("/openai/v1/responses", {"model": "chat", "input": LONG, "stream": True}),
    "azure v1 embeddings": ("/openai/v1/embeddings", {"model": "embed", "input": LONG}),
    "gemini": (f"{GEMINI}:generateContent", CONTENTS),
    "gemini, events": (f"{GEMINI}:streamGenerateContent?alt=sse", CONTENTS),
    "gemini, one array": (f"{GEMINI}:streamGenerateContent", CONTENTS),
    "gemini v1": ("/v1/models/gemini:generateContent", CONTENTS),
    "gemini v1, events": ("/v1/models/gemini:streamGenerateContent?alt=sse", CONTENTS),
    "vertex": (f"{VERTEX}:generateContent", CONTENTS),
    "vertex, events": (f"{VERTEX}:streamGenerateContent?alt=sse", CONTENTS),
    "cohere": ("/v2/chat", COHERE),
    "cohere, stream": ("/v2/chat", {**COHERE, "stream": True}),
    "cohere v1": ("/v1/chat", {"model": "cohere", "message": "hi"}),
    "cohere embed": ("/v2/embed", {"model": "cohere", "texts": [LONG], "input_type": "search_query"}),
    "cohere v1 embed": ("/v1/embed", {"model": "cohere", "texts": [LONG]}),
    "cohere rerank": ("/v2/rerank", {"model": "cohere", "query": "q", "documents": ["a", "b"]}),
    "cohere v1 rerank": ("/v1/rerank", {"model": "cohere", "query": "q", "documents": ["a", "b"]}),
    "ollama, lines unless told": ("/api/chat", OLLAMA),
    "ollama": ("/api/chat", {**OLLAMA, "stream": False}),
    "ollama generate, lines": ("/api/generate", {"model": "ollama", "prompt": LONG}),
    "ollama generate": ("/api/generate", {"model": "ollama", "prompt": LONG, "stream": False}),
    "ollama embed": ("/api/embed", {"model": "ollama", "input": LONG}),
    "sglang": ("/sglang/sglang/generate", {"text": LONG}),
    "sglang, stream": ("/sglang/sglang/generate", {"text": LONG, "stream": True}),
    "tgi, from the head": ("/tgi/tgi/generate", {"inputs": LONG}),
    "tgi, stream": ("/tgi/tgi/generate_stream", {"inputs": LONG}),
    "llama.cpp": ("/llamacpp/llamacpp/completion", {"prompt": LONG}),
    "llama.cpp, stream": ("/llamacpp/llamacpp/completion", {"prompt": LONG, "stream": True}),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_dialect_is_counted_as_the_provider_counts(gateway, model_server, name):
    """One settle record whose quantities and cost are the bill's; BerriAI/litellm#38176."""
    path, body = CALLS[name]
    answer = gateway.call("POST", path, body, ANA)
    assert answer.status == 200, answer.body
    rows = gateway.records("settle")
    sums, pico = journal_sums(gateway)
    bill = model_server.bill()
    assert bill["complete"] == 1 and len(rows) == 1
    assert without_zeros(sums) == bill_sums(bill)
    assert pico == int(bill["cost_pico"]) > 0
    data = rows[0]["data"]
    assert data["usage_source"] == ("header" if "head" in name else "provider")
    assert data["outcome"] == "complete" and data["flags"] == []


def test_counting_tokens_is_free(gateway):
    """Gemini's countTokens is no spend."""
    assert gateway.call("POST", f"{GEMINI}:countTokens", CONTENTS, ANA).status == 200
    assert gateway.records("settle")[0]["data"]["cost_pico"] == 0


@pytest.mark.parametrize("header", ["x-api-key", "api-key", "x-goog-api-key"])
def test_a_key_is_taken_under_the_name_each_client_gives_it(gateway, header):
    """SDKs of other providers send their key in a header of their own."""
    client = gateway.connect()
    body = json.dumps(CONTENTS).encode()
    client.send(f"POST {GEMINI}:generateContent HTTP/1.1\r\nhost: x\r\n{header}: {ANA}\r\ncontent-type: application/json\r\n"
                f"content-length: {len(body)}\r\n\r\n".encode() + body)
    assert client.message().status == 200
    client.close()


def raw_models(config):
    """The raw upstream speaks everything."""
    for row in config["models"]:
        if row["name"] == "raw":
            row["dialects"] = [*CHAT, "gemini.generate", "cohere.chat", "ollama.chat", "sglang.generate", "tgi.generate",
                               "llamacpp.completion"]


UPSTREAM = {
    "azure": ("/openai/deployments/raw/chat/completions?api-version=1&x=2", {"stream": True},
              "/openai/deployments/raw-x/chat/completions?api-version=1",
              {"stream": True, "stream_options": {"include_usage": True}, "max_completion_tokens": 4096}),
    "azure, one model": ("/openai/deployments/raw/chat/completions", {"model": "other"},
                         "/openai/deployments/raw-x/chat/completions", {"model": "raw-x", "max_completion_tokens": 4096}),
    "gemini": ("/v1beta/models/raw:streamGenerateContent?alt=sse&key=secret", {},
               "/v1beta/models/raw-x:streamGenerateContent?alt=sse", {"generationConfig": {"maxOutputTokens": 4096}}),
    "gemini, other spelling": ("/v1beta/models/raw:generateContent", {"generation_config": {"topK": 1}},
                               "/v1beta/models/raw-x:generateContent",
                               {"generation_config": {"topK": 1, "maxOutputTokens": 4096}}),
    "gemini, its own bound": ("/v1beta/models/raw:generateContent", {"generation_config": {"max_output_tokens": 5}},
                              "/v1beta/models/raw-x:generateContent", {"generation_config": {"max_output_tokens": 5}}),
    "vertex": ("/v1/projects/other/locations/else/publishers/google/models/raw:generateContent",
               {"generationConfig": None}, "/publishers/google/models/raw-x:generateContent",
               {"generationConfig": {"maxOutputTokens": 4096}}),
    "cohere": ("/v2/chat", {"model": "raw", "messages": []}, "/v2/chat",
               {"model": "raw-x", "messages": [], "max_tokens": 4096}),
    "ollama": ("/api/chat", {"model": "raw", "options": {"num_predict": -1}}, "/api/chat",
               {"model": "raw-x", "options": {"num_predict": 4096}}),
    "sglang": ("/sglang/raw/generate", {"text": "a", "sampling_params": {}}, "/generate",
               {"text": "a", "sampling_params": {"max_new_tokens": 4096}}),
    "tgi": ("/tgi/raw/generate_stream", {"inputs": "a"}, "/generate_stream",
            {"inputs": "a", "parameters": {"max_new_tokens": 4096}}),
    "llama.cpp": ("/llamacpp/raw/completion", {"prompt": "a"}, "/completion", {"prompt": "a", "n_predict": 4096}),
}


@pytest.mark.parametrize("name", UPSTREAM)
def test_what_the_upstream_is_asked(make_gateway, upstream, name):
    """The upstream's name for the model, the output bound where none was given, and nothing of the caller's query
    but what the API needs."""
    path, body, want_path, want_body = UPSTREAM[name]
    gateway = make_gateway(raw_models)
    client = gateway.connect()
    client.send(request_bytes("POST", path, body, ANA))
    message = upstream.accept().message()
    assert message.path == want_path
    assert message.json() == want_body
    client.close()


REFUSALS = {
    "gemini": ("/v1beta/models/none:generateContent", {}, lambda body: body["error"]["status"] == "NOT_FOUND"),
    "cohere": ("/v2/chat", {"model": "none"}, lambda body: isinstance(body["message"], str)),
    "ollama": ("/api/chat", {"model": "none"}, lambda body: isinstance(body["error"], str)),
    "azure": ("/openai/deployments/none/chat/completions", {}, lambda body: body["error"]["code"] == "model_not_found"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_said_in_the_callers_dialect(gateway, name):
    """Clients read the errors of their own API."""
    path, body, is_fit = REFUSALS[name]
    answer = gateway.call("POST", path, body, ANA)
    assert answer.status == 404 and is_fit(answer.json()), answer.body


TWICE = [
    {"generationConfig": {"maxOutputTokens": 5}, "generation_config": {}},
    {"generationConfig": {"maxOutputTokens": 5, "max_output_tokens": 50000}},
]


@pytest.mark.parametrize("body", TWICE, ids=["two objects", "two members"])
def test_a_bound_in_two_spellings_is_refused(gateway, body):
    """The server would believe one of them, and the reservation the other."""
    assert gateway.call("POST", f"{GEMINI}:generateContent", body, ANA).status == 400


def test_the_last_line_waits_for_the_record(gateway):
    """Lines: when the client has the line that says done, the record is on the disk."""
    for index in range(10):
        answer = gateway.call("POST", "/api/chat", OLLAMA, ANA)
        lines = answer.body.splitlines()
        assert json.loads(lines[-1])["done"] and len(lines) > 2
        assert len(gateway.records("settle")) == index + 1


def test_lines_without_counts_are_estimated(gateway):
    """Absent is unknown, never 0."""
    gateway.call("POST", "/api/chat", {**OLLAMA, "model": "ollama-nousage"}, ANA)
    data = gateway.records("settle")[0]["data"]
    assert data["usage_source"] == "estimate" and data["cost_pico"] > 0


def test_lines_that_break_off_are_estimated(gateway):
    """What was seen is billed and marked; BerriAI/litellm#39893."""
    client = gateway.connect()
    client.send(request_bytes("POST", "/api/chat", {**OLLAMA, "model": "ollama-reset"}, ANA))
    client.take_rest()
    data = settled(gateway, 1)[0]["data"]
    assert data["outcome"] == "upstream_error" and data["usage_source"] == "estimate" and data["cost_pico"] > 0
    client.close()


def test_a_gemini_client_that_leaves_is_billed_in_full(gateway, model_server):
    """drain: the snapshots are read on to the last."""
    client = gateway.connect()
    client.send(request_bytes("POST", "/v1beta/models/gemini-slow:streamGenerateContent?alt=sse", CONTENTS, ANA))
    client.take_until(b"data: ")
    client.reset()
    assert wait_for(lambda: gateway.records("settle"))
    data = gateway.records("settle")[0]["data"]
    bill = model_server.bill()
    assert data["outcome"] == "aborted" and data["usage_source"] == "provider"
    assert bill["complete"] == 1 and data["cost_pico"] == int(bill["cost_pico"])
