# SPDX-License-Identifier: Apache-2.0
"""The configuration that the flow tests and the client tests share: two upstreams (the scripted model
server and a raw socket), one model per behaviour, three callers, three policies."""

import json

from harness import RATES, RATES_MICRO, TOP, Gateway, make_key

CHAT = ["openai.chat", "openai.completions", "openai.responses"]

# name the client uses -> (name at the model server, dialects, what differs)
MODELS = {
    "chat": ("gpt-x", CHAT, {}),
    "embed": ("embed-x", ["openai.embeddings"], {}),
    "claude": ("claude-x", ["anthropic.messages", "anthropic.count_tokens"], {}),
    "claude-searches": ("claude-x+thinking+searches-2", ["anthropic.messages"], {}),
    "images": ("images-x", ["openai.images"], {}),
    "dalle": ("dalle-x+nousage", ["openai.images"], {}),
    "speech": ("speech-x", ["openai.speech"], {}),
    "whisper": ("whisper-x", ["openai.transcriptions"], {}),
    "gemini": ("gemini-x", ["gemini.generate", "gemini.count_tokens"], {}),
    "gemini-slow": ("gemini-slow-x+pause-30+events-10+tokens-40", ["gemini.generate"], {}),
    "cohere": ("cohere-x", ["cohere.chat", "cohere.embed", "cohere.rerank"], {}),
    "ollama": ("ollama-x", ["ollama.chat", "ollama.generate", "ollama.embed"], {}),
    "ollama-nousage": ("ollama-nousage-x+nousage", ["ollama.chat"], {}),
    "ollama-reset": ("ollama-reset-x+reset-300+events-100", ["ollama.chat"], {}),
    "sglang": ("sglang-x", ["sglang.generate"], {}),
    "tgi": ("tgi-x", ["tgi.generate"], {}),
    "llamacpp": ("llamacpp-x", ["llamacpp.completion"], {}),
    "iris": ("iris-x", ["kserve.infer"], {}),
    "wine": ("mlflow", ["mlflow.invocations"], {}),
    "denied": ("denied-x", CHAT + ["anthropic.messages", "kserve.infer"], {"max_classification": 0}),
    "cached": ("cached-x+cachewrite", CHAT, {}),
    "chunked": ("chunked-x+chunked", CHAT, {}),
    "drip": ("drip-x+drip-7", CHAT + ["anthropic.messages"], {}),
    "served": ("served-x+served-gpt-y", CHAT, {}),
    "nousage": ("nousage-x+nousage", CHAT, {}),
    "inconsistent": ("inconsistent-x+input-400+inconsistent", CHAT, {}),
    "big": ("big-x+text-3000000", CHAT, {}),
    "limited": ("limited-x+fail-429", CHAT + ["anthropic.messages"], {}),
    "broken": ("broken-x+fail-500", CHAT + ["anthropic.messages"], {}),
    "resethead": ("resethead-x+resethead", CHAT + ["anthropic.messages"], {}),
    "resetbody": ("resetbody-x+reset-200", CHAT, {}),
    "garbage": ("garbage-x+garbage", CHAT, {}),
    "hang": ("hang-x+hang", CHAT, {}),
    "slow": ("slow-x+pause-30+events-10+tokens-40", CHAT + ["anthropic.messages"], {}),
    "slow-cancel": ("slow-cancel-x+pause-30+events-100+tokens-400", CHAT, {"on_abort": "cancel"}),
    "slow-unary": ("slow-unary-x+slow-400", CHAT, {}),
}

KEYS = {
    "ana": {"kind": "user", "bu": "risk", "team": "fraud", "project": "p1", "roles": ["analyst"], "groups": [],
            "scopes": ["models:read"]},
    "bob": {"kind": "user", "bu": "retail", "team": "shop", "project": "p2", "roles": ["analyst"], "groups": [],
            "scopes": ["models:read"]},
    "etl": {"kind": "service", "bu": "risk", "team": "batch", "project": "p3", "roles": [], "groups": ["svc"],
            "scopes": []},
}

POLICIES = """
@id("allow-callers") @reason("Known callers may use models")
permit (principal, action, resource);

@id("no-unclassified-models") @status("403") @reason("Models without a classification are not for use")
forbid (principal, action, resource is Inference::Model) when { resource.max_classification == 0 };
"""


SCHEMA = (TOP / "conf" / "policies" / "gateway.cedarschema").read_text()


def caller_key(name):
    return make_key(name)[0]


def keys_document():
    rows = []
    for name, row in KEYS.items():
        rows.append({"id": f"key-{name}", "name": name, "sha256": make_key(name)[1], **row})
    rows.append({"id": "key-old", "name": "old", "sha256": make_key("old")[1], "expires": "2020-01-01T00:00:00Z",
                 **KEYS["ana"]})
    rows.append({"id": "key-revoked", "name": "gone", "sha256": make_key("revoked")[1], "revoked": True, **KEYS["ana"]})
    return {"keys": rows}


def prices_document():
    names = [upstream_model for upstream_model, _, _ in MODELS.values()] + ["raw-x", "gpt-y"]
    return {"version": "2026-11-01", "currency": "USD",
            "prices": [{"id": "test", "models": sorted(set(names)), "rates": RATES}]}


def upstream_prices():
    """The same rates for the model server's own bill."""
    rates = {meter: value for meter, value in RATES_MICRO.items()}
    return {upstream_model: rates for upstream_model, _, _ in MODELS.values()}


def model_rows():
    rows = []
    for name, (upstream_model, dialects, changes) in MODELS.items():
        rows.append({"name": name, "upstream": "models", "upstream_model": upstream_model, "dialects": dialects,
                     "price": upstream_model, "region": "eu-west-1", "max_output": 4096, "on_abort": "drain", "risk": "limited",
                     "status": "approved", "max_classification": 2, "owner": "it", "groups": ["standard"], **changes})
    rows.append({**rows[0], "name": "raw", "upstream": "raw", "upstream_model": "raw-x", "price": "raw-x",
                 "dialects": [*CHAT, "openai.embeddings", "anthropic.messages"], "aliases": ["raw-latest"]})
    rows.append({**rows[-1], "name": "dead", "upstream": "dead", "upstream_model": "raw-x", "aliases": []})
    return rows


def upstream_row(name, url, **changes):
    return {"name": name, "url": url, "provider": "test",
            "credential": {"header": "authorization", "value": "Bearer ${env:UPSTREAM_KEY}"}, "connections": 64,
            "timeouts": {"connect": "2s", "first_byte": "2s", "idle": "2s"}, "retries": 1, **changes}


def gateway_config(models_url, raw_url, dead_url):
    return {
        "gateway": {"id": "gw-test", "state": "./state", "workers": 2, "drain_timeout": "10s"},
        "listeners": [{"address": "127.0.0.1:0"}],
        "admin": {"address": "127.0.0.1:0"},
        "limits": {"body": "4MiB", "head": "16KiB", "connections": 1000},
        "identity": {"keys": "keys.yaml"},
        "policy": {"schema": "policies/gateway.cedarschema", "files": ["policies/*.cedar"]},
        "prices": {"file": "prices.yaml", "unpriced": "allow"},
        "ledger": {"store": "sqlite"},
        "upstreams": [upstream_row("models", models_url), upstream_row("raw", raw_url), upstream_row("dead", dead_url)],
        "models": model_rows(),
    }


def new_gateway(folder, models_url, raw_url, dead_url, change=None):
    """A gateway in `folder`, not started; `change` may alter the configuration first."""
    config = gateway_config(models_url, raw_url, dead_url)
    if change:
        change(config)
    # The parent of the state folder has to be there; the folder itself is made.
    return Gateway(folder, config, {"keys.yaml": keys_document(), "prices.yaml": prices_document(),
                                    "policies/test.cedar": POLICIES, "policies/gateway.cedarschema": SCHEMA},
                   {"UPSTREAM_KEY": "upstream-secret-1"})


def chat_body(model, text="hello", **more):
    return {"model": model, "messages": [{"role": "user", "content": text}], **more}


def messages_body(model, text="hello", **more):
    return {"model": model, "max_tokens": 200, "messages": [{"role": "user", "content": text}], **more}


def infer_body(rows=3):
    return {"inputs": [{"name": "x", "shape": [rows, 2], "datatype": "FP32", "data": [[1.0, 2.0]] * rows}]}


def compact(document):
    return json.dumps(document, separators=(",", ":")).encode()
