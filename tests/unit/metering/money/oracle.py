#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our usage and cost against price data and extractors that others keep.

Reads $TOLLGATE_SHARED/prices/data.json: its models' prices become a price book
of ours, its extractors read random usage blocks independently, and its rules
price them in exact fractions. oracle_meter reads the same responses, unary and
streamed; the amounts must be equal to the last pico.

usage: oracle.py ORACLE_METER
"""
import datetime
import json
import os
import random
import subprocess
import sys
from decimal import Decimal

PROVIDERS = {
    "openai": [("chat", "openai.chat"), ("responses", "openai.responses")],
    "anthropic": [("default", "anthropic.messages")],
    "azure": [("chat", "openai.chat"), ("responses", "openai.responses")],
    "x-ai": [("chat", "openai.chat")],
    "google": [("default", "gemini.generate")],
    "cohere": [("default", "cohere.chat")],
}
# Their price key: our meters, the usage it is for (None: what is left), and the fallback.
PARTS = {
    "input_mtok": ["in_text_uncached", "in_tool"],
    "cache_read_mtok": ["in_cache_read"],
    "cache_write_mtok": ["in_cache_write_5m", "in_cache_write_other"],
    "cache_write_1h_mtok": ["in_cache_write_1h"],
    "input_audio_mtok": ["in_audio"],
    "input_image_mtok": ["in_image"],
    "input_video_mtok": ["in_video"],
    "output_mtok": ["out_text"],
    "output_audio_mtok": ["out_audio"],
    "output_image_mtok": ["out_image"],
    "output_reasoning_mtok": ["out_reasoning"],
    "web_searches_kcount": ["searches"],
}
ROUNDS = 6


def base(price):
    return price["base"] if isinstance(price, dict) else price


def above(price, bound):
    """The price of a request whose input is just above bound."""
    if not isinstance(price, dict):
        return price
    found = price["base"]
    for tier in sorted(price["tiers"], key=lambda t: t["start"]):
        if tier["start"] <= bound:
            found = tier["price"]
    return found


def complete(prices):
    """Their fallbacks, written out: a part without a price costs what its whole costs."""
    full = dict(prices)
    if "input_mtok" not in full or "output_mtok" not in full:
        return None
    for key in ("cache_read_mtok", "cache_write_mtok", "input_audio_mtok", "input_image_mtok",
                "input_video_mtok"):
        full.setdefault(key, full["input_mtok"])
    full.setdefault("cache_write_1h_mtok", full["cache_write_mtok"])
    for key in ("output_audio_mtok", "output_image_mtok", "output_reasoning_mtok"):
        full.setdefault(key, full["output_mtok"])
    full.setdefault("web_searches_kcount", Decimal(0))
    return {key: full[key] for key in PARTS}


def is_short(price):
    """At most 6 decimals per million: some of the data are dirt of floats."""
    values = [price] if not isinstance(price, dict) else [price["base"]] + [
        t["price"] for t in price["tiers"]]
    return all(v == round(v, 6) for v in map(Decimal, values))


def periods(model):
    """(prices, valid_from, valid_to), or nothing when the day's time matters."""
    entries = model["prices"]
    if isinstance(entries, dict):
        return [(entries, "", "")]
    dated = []
    for entry in entries:
        constraint = entry.get("constraint") or {}
        if set(constraint) - {"start_date"}:
            return []
        dated.append([entry["prices"], constraint.get("start_date", ""), ""])
    for now, later in zip(dated, dated[1:]):
        now[2] = later[1]
    return dated


def rows_of(entry, entry_id, name, prices, valid_from, valid_to):
    bounds = sorted({t["start"] for p in prices.values() if isinstance(p, dict)
                     for t in p["tiers"]})
    for key, meters in PARTS.items():
        for meter in meters:
            unit = " per 1000" if key.endswith("kcount") else ""
            yield (entry, entry_id, name, meter, f"{base(prices[key]):f}{unit}", "",
                   valid_from, valid_to)
            for bound in bounds:
                yield (entry, entry_id, name, meter, f"{above(prices[key], bound):f}{unit}",
                       bound, valid_from, valid_to)


def put(block, path, value):
    for name in path[:-1]:
        block = block.setdefault(name, {})
    block[path[-1]] = value


def step(value, name):
    """One part of a path: a member, or the element of a list that a member picks."""
    if isinstance(name, str):
        return value.get(name) if isinstance(value, dict) else None
    wanted = name["match"]["equals"]
    return next((each for each in value or [] if each[name["field"]] == wanted), None)


def extract(mappings, block):
    """Their way: mappings add up into inclusive totals."""
    found = {}
    for mapping in mappings:
        path = mapping["path"]
        value = block
        for name in [path] if isinstance(path, str) else path:
            value = step(value, name)
        found[mapping["dest"]] = found.get(mapping["dest"], 0) + (value or 0)
    return found


def cost(prices, use):
    """Pico, by their rules: parts at their own price, the rest at the whole's."""
    total = use["input_tokens"]

    def rate(key):
        price = prices[key]
        return above(price, total - 1) if isinstance(price, dict) else price

    read = use.get("cache_read_tokens", 0)
    write = use.get("cache_write_tokens", 0)
    hour = use.get("cache_write_1h_tokens", 0)
    audio = use.get("input_audio_tokens", 0)
    image = use.get("input_image_tokens", 0)
    video = use.get("input_video_tokens", 0)
    thought = use.get("output_reasoning_tokens", 0)
    spoken = use.get("output_audio_tokens", 0)
    drawn = use.get("output_image_tokens", 0)
    micro = ((total - read - write - audio - image - video) * rate("input_mtok")
             + image * rate("input_image_mtok")
             + video * rate("input_video_mtok")
             + read * rate("cache_read_mtok")
             + (write - hour) * rate("cache_write_mtok")
             + hour * rate("cache_write_1h_mtok")
             + audio * rate("input_audio_mtok")
             + (use["output_tokens"] - thought - spoken - drawn) * rate("output_mtok")
             + drawn * rate("output_image_mtok")
             + thought * rate("output_reasoning_mtok")
             + spoken * rate("output_audio_mtok")
             + use.get("web_searches", 0) * 1000 * rate("web_searches_kcount"))
    pico = Decimal(micro) * 10**6
    assert pico == int(pico), pico
    return int(pico)


def size(rng):
    return rng.choice([0, 1, rng.randrange(100), rng.randrange(5000), rng.randrange(300000)])


def block_for(provider, dialect, rng):
    parts = [size(rng) for _ in range(4)]
    thought, spoken, text = size(rng), size(rng), size(rng)
    block = {}
    if dialect == "anthropic.messages":
        put(block, ["input_tokens"], parts[0])
        put(block, ["cache_read_input_tokens"], parts[1])
        put(block, ["cache_creation_input_tokens"], parts[2] + parts[3])
        put(block, ["cache_creation", "ephemeral_5m_input_tokens"], parts[2])
        put(block, ["cache_creation", "ephemeral_1h_input_tokens"], parts[3])
        put(block, ["output_tokens"], text + thought)
        put(block, ["output_tokens_details", "thinking_tokens"], thought)
        put(block, ["server_tool_use", "web_search_requests"], rng.randrange(4))
        return block
    if dialect == "gemini.generate":
        return gemini_block(parts, thought, spoken, text, rng)
    if dialect == "cohere.chat":
        return {"input_tokens": parts[0], "output_tokens": text}
    chat = dialect == "openai.chat"
    if provider in ("azure", "x-ai"):  # their extractors know neither
        parts[2] = parts[3] = 0
        spoken = 0
    a, b = ("prompt", "completion") if chat else ("input", "output")
    if not chat:
        parts[3] = spoken = 0
    put(block, [f"{a}_tokens"], sum(parts))
    put(block, [f"{a}_tokens_details", "cached_tokens"], parts[1])
    put(block, [f"{a}_tokens_details", "cache_write_tokens"], parts[2])
    beside = provider == "x-ai"
    put(block, [f"{b}_tokens"], text + (0 if beside else thought) + spoken)
    put(block, [f"{b}_tokens_details", "reasoning_tokens"], thought)
    if chat:
        put(block, [f"{a}_tokens_details", "audio_tokens"], parts[3])
        put(block, [f"{b}_tokens_details", "audio_tokens"], spoken)
    block["total_tokens"] = block[f"{a}_tokens"] + block[f"{b}_tokens"] + beside * thought
    return block


def gemini_block(parts, thought, spoken, text, rng):
    """Text, cached text, image, audio, then video and the tools' prompt beside."""
    video, tool, drawn = size(rng), size(rng), size(rng)
    prompt = sum(parts) + video
    kinds = {"TEXT": parts[0] + parts[1], "IMAGE": parts[2], "AUDIO": parts[3], "VIDEO": video}
    said = {"TEXT": text, "IMAGE": drawn, "AUDIO": spoken}
    return {"promptTokenCount": prompt, "cachedContentTokenCount": parts[1],
            "candidatesTokenCount": text + spoken + drawn, "thoughtsTokenCount": thought,
            "toolUsePromptTokenCount": tool,
            "totalTokenCount": prompt + tool + text + spoken + drawn + thought,
            "promptTokensDetails": modal_list(kinds),
            "cacheTokensDetails": modal_list({"TEXT": parts[1]}),
            "candidatesTokensDetails": modal_list(said)}


def modal_list(kinds):
    return [{"modality": name, "tokenCount": count} for name, count in kinds.items()]


def body(dialect, block, is_stream):
    if dialect == "gemini.generate":
        whole = {"usageMetadata": block, "modelVersion": "m"}
        early = {"usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1}}
        return events_of([early, whole]) if is_stream else json.dumps(whole)
    if dialect == "cohere.chat":
        units = {key: float(count) for key, count in block.items()}  # as they are sent
        usage = {"billed_units": units, "tokens": {"input_tokens": 1, "output_tokens": 1}}
        return (events_of([{"type": "message-end", "delta": {"usage": usage}}]) if is_stream
                else json.dumps({"usage": usage}))
    if not is_stream:
        return json.dumps({"model": "m", "usage": block})
    if dialect == "openai.chat":
        events = [{"choices": [{"delta": {"content": "x"}}], "usage": None},
                  {"choices": [], "usage": block}]
    elif dialect == "openai.responses":
        events = [{"type": "response.created", "response": {"usage": None}},
                  {"type": "response.completed", "response": {"usage": block}}]
    else:
        late = {"output_tokens", "output_tokens_details", "server_tool_use"}
        events = [{"type": "message_start", "message": {"usage": {
                      **{k: v for k, v in block.items() if k not in late}, "output_tokens": 1}}},
                  {"type": "message_delta", "usage": {k: block[k] for k in late}}]
    return events_of(events)


def events_of(events):
    return "".join(f"data: {json.dumps(e)}\x01\x01" for e in events)


def middle(valid_from, valid_to):
    """A day on which the period holds: its first, else the one before it ends."""
    if valid_from:
        return valid_from
    if valid_to:
        day = datetime.date.fromisoformat(valid_to) - datetime.timedelta(days=1)
        return day.isoformat()
    return "2026-01-01"


def build(data, rng):
    rows, asks, left_out = [], [], 0
    for provider in data:
        for model in provider["models"] if provider["id"] in PROVIDERS else []:
            name = f"{provider['id']}:{model['id']}"
            for raw, valid_from, valid_to in periods(model):
                prices = complete(raw)
                if prices is None or not all(map(is_short, prices.values())):
                    left_out += 1
                    continue
                entry = len(asks) + 1
                rows += rows_of(entry, f"p{entry}", name, prices, valid_from, valid_to)
                for flavor, dialect in PROVIDERS[provider["id"]] * ROUNDS:
                    mappings = next(e["mappings"] for e in provider["extractors"]
                                    if e["api_flavor"] == flavor)
                    block = block_for(provider["id"], dialect, rng)
                    use = extract(mappings, block)
                    for is_stream in (False, True):
                        asks.append((name, dialect, int(is_stream), middle(valid_from, valid_to),
                                     body(dialect, block, is_stream), cost(prices, use), use))
    return rows, asks, left_out


def run(meter, rows, asks):
    lines = ["\t".join(map(str, ("row",) + row)) for row in rows]
    lines += ["\t".join(map(str, ("ask",) + ask[:5])) for ask in asks] + ["end"]
    done = subprocess.run([meter], input="\n".join(lines) + "\n", text=True, check=True,
                          stdout=subprocess.PIPE)
    return [tuple(map(int, line.split())) for line in done.stdout.splitlines()]


def main():
    path = os.path.join(os.environ.get("TOLLGATE_SHARED", "../shared"), "prices", "data.json")
    print("1..1")
    if not os.path.exists(path):
        print("# SKIP price oracle: 1 case skipped, data absent")
        print("ok 1 - price oracle # SKIP data absent")
        return
    with open(path, encoding="utf-8") as file:
        data = json.load(file, parse_float=Decimal, parse_int=lambda t: Decimal(t))
    rows, asks, left_out = build(data, random.Random(20261123))
    answers = run(sys.argv[1], rows, asks)
    wrong = 0
    for ask, answer in zip(asks, answers):
        want = (ask[5], 0, ask[6]["input_tokens"], ask[6]["output_tokens"], 0)
        if answer != want:
            wrong += 1
            if wrong <= 5:
                print(f"# {ask[:5]}\n#   got {answer}, want {want}")
    print(f"# {len(rows)} rates, {len(asks)} responses, {left_out} price periods left out")
    is_fine = wrong == 0 and len(answers) == len(asks) and len(asks) > 1000
    print(f"{'ok' if is_fine else 'not ok'} 1 - price oracle: {wrong} differences")


main()
