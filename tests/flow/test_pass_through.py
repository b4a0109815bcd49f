# SPDX-License-Identifier: Apache-2.0
"""The gateway moves bytes: what goes through comes out as it went in."""

import json

from harness import request_bytes
from setup_gateway import caller_key, chat_body, compact, messages_body

CHAT_PATH = "/v1/chat/completions"
ANA = caller_key("ana")
UNARY = (b'{"id":"c1","object":"chat.completion","model":"raw-x","choices":[],  "odd" : "\\u00e9",'
         b'"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}')


def unary_answer(body=UNARY, extra=b""):
    return (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body) + extra +
            b"\r\n" + body)


def sse(*documents):
    return [b"data: " + (document if isinstance(document, bytes) else compact(document)) + b"\n\n"
            for document in documents]


def chunk(data):
    return b"%x\r\n" % len(data) + data + b"\r\n"


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def delta(text):
    return {"id": "c1", "object": "chat.completion.chunk", "model": "raw-x",
            "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}], "usage": None}


USAGE_CHUNK = {"id": "c1", "object": "chat.completion.chunk", "model": "raw-x", "choices": [],
               "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}


def test_a_unary_answer_is_byte_for_byte_the_upstreams(gateway, upstream):
    """Body bytes are not touched; only the model's name changes on the way in."""
    client = gateway.connect()
    body = b'{ "messages" : [ {"role":"user","content":"h\\u00e9 \\ud83d\\ude00"} ] , "model" : "raw" , "x":1e5 }'
    client.send(f"POST {CHAT_PATH} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {ANA}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
    peer = upstream.accept()
    request = peer.message()
    assert request.method == "POST" and request.path == CHAT_PATH
    assert json.loads(request.body)["model"] == "raw-x"
    sent = json.loads(body)
    got = json.loads(request.body)
    assert {**got, "model": "raw"} == {**sent, **{key: got[key] for key in got if key not in sent}}
    assert b'"content":"h\\u00e9 \\ud83d\\ude00"' in request.body and b'"x":1e5' in request.body
    peer.send(unary_answer())
    answer = client.message()
    assert answer.status == 200 and answer.body == UNARY
    client.close()


def test_heads_are_written_anew(gateway, upstream):
    """The caller's key, hop-by-hop fields and x-tollgate fields stop here; the upstream's key goes on."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA, [
        ("connection", "x-private"), ("x-private", "1"), ("x-tollgate-principal", "root"), ("te", "trailers"),
        ("x-kept", "yes"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]))
    peer = upstream.accept()
    request = peer.message()
    assert request.all("authorization") == ["Bearer upstream-secret-1"]
    assert ANA.encode() not in peer.received
    for name in ("x-private", "x-tollgate-principal", "te", "keep-alive"):
        assert request.get(name) is None, name
    assert request.get("x-kept") == "yes"
    assert request.get("traceparent").split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert request.all("host") == [f"127.0.0.1:{upstream.port}"]
    peer.send(unary_answer(extra=b"Connection: x-hop\r\nx-hop: 1\r\nx-upstream: kept\r\nx-tollgate-cost: 0\r\n"))
    answer = client.message()
    assert answer.get("x-hop") is None and answer.get("x-upstream") == "kept"
    assert answer.get("x-tollgate-cost") is None
    assert len(answer.get("x-tollgate-request-id")) == 26
    client.close()


def test_a_stream_passes_event_by_event(gateway, upstream):
    """Each event is with the client before the next one is sent upstream: nothing is held back."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw", stream=True, stream_options={"include_usage": True}),
                              ANA))
    peer = upstream.accept()
    assert json.loads(peer.message().body)["stream"] is True
    events = sse(delta("a"), delta("\u00fc"), USAGE_CHUNK)
    peer.send(STREAM_HEAD)
    seen = b""
    client.take_until(b"\r\n\r\n")
    for event in events:
        peer.send(chunk(event))
        size = int(client.take_until(b"\r\n").strip(), 16)
        piece = client.take(size)
        assert client.take(2) == b"\r\n"
        seen += piece
        assert piece == event
    peer.send(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")
    rest = b""
    while (size := int(client.take_until(b"\r\n").strip(), 16)):
        rest += client.take(size)
        assert client.take(2) == b"\r\n"
    assert rest == b"data: [DONE]\n\n" and client.take(2) == b"\r\n"
    client.close()


def test_usage_is_asked_for_and_the_extra_chunk_hidden(gateway, upstream):
    """A client that did not ask for usage sees the stream it would have seen without the gateway."""
    client = gateway.connect()
    peer = None
    for options in (None, {"include_usage": False}, {"include_obfuscation": False}):
        body = chat_body("raw", stream=True)
        if options:
            body["stream_options"] = options
        client.send(request_bytes("POST", CHAT_PATH, body, ANA))
        peer = peer or upstream.accept()
        request = json.loads(peer.message().body)
        assert request["stream_options"]["include_usage"] is True
        if options and "include_obfuscation" in options:
            assert request["stream_options"]["include_obfuscation"] is False
        peer.send(STREAM_HEAD + b"".join(map(chunk, sse(delta("a"), delta("b"), USAGE_CHUNK, b"[DONE]"))) + b"0\r\n\r\n")
        answer = client.message()
        assert b"prompt_tokens" not in answer.body
        assert [data for _, data in answer.events()][-1] == "[DONE]"
        texts = [json.loads(data)["choices"][0]["delta"]["content"] for _, data in answer.events()[:-1]]
        assert texts == ["a", "b"]
    client.close()
    quantities = [{line["meter"]: line["quantity"] for line in row["data"]["lines"]} for row in gateway.records("settle")]
    assert [row["in_text_uncached"] for row in quantities] == [10, 10, 10]


def test_a_client_that_asked_for_usage_gets_it(gateway):
    """include_usage works as in the real API: null on every other chunk."""
    answer = gateway.call("POST", CHAT_PATH, chat_body("chat", stream=True, stream_options={"include_usage": True}), ANA)
    documents = [json.loads(data) for _, data in answer.events() if data != "[DONE]"]
    assert documents[-1]["choices"] == [] and documents[-1]["usage"]["prompt_tokens"] > 0
    assert all(document["usage"] is None for document in documents[:-1])


def test_a_stream_cut_at_every_byte_is_the_same_stream(gateway):
    """However the upstream's bytes are cut, events and usage come out the same."""
    whole = gateway.call("POST", CHAT_PATH, chat_body("chat", stream=True), ANA)
    dripped = gateway.call("POST", CHAT_PATH, chat_body("drip", stream=True), ANA)
    texts = [[json.loads(data)["choices"][0]["delta"].get("content") for _, data in answer.events() if data != "[DONE]"]
             for answer in (whole, dripped)]
    assert texts[0] == texts[1]
    first, second = (row["data"] for row in gateway.records("settle"))
    assert [(line["meter"], line["quantity"]) for line in first["lines"]] == \
        [(line["meter"], line["quantity"]) for line in second["lines"]]


def test_both_sides_keep_their_connections(gateway, upstream):
    """Ten calls on one client connection use one upstream connection."""
    client = gateway.connect()
    peer = None
    for _ in range(10):
        client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
        peer = peer or upstream.accept()
        peer.message()
        peer.send(unary_answer())
        assert client.message().body == UNARY
    assert len(upstream.peers) == 1
    client.close()


def test_pipelined_requests_are_answered_in_order(gateway):
    """Two requests in one packet get two answers."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("chat", n=1), ANA) +
                request_bytes("POST", CHAT_PATH, chat_body("no-such-model"), ANA))
    assert client.message().status == 200
    assert client.message().status == 404
    client.close()


def test_a_chunked_request_body_passes(gateway, upstream):
    """A chunked body arrives whole, framed anew."""
    client = gateway.connect()
    body = compact(chat_body("raw"))
    client.send(f"POST {CHAT_PATH} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {ANA}\r\n"
                "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".encode())
    for byte in body[:10]:
        client.send(chunk(bytes([byte])))
    client.send(chunk(body[10:]) + b"0\r\n\r\n")
    peer = upstream.accept()
    assert json.loads(peer.message().body)["messages"] == chat_body("raw")["messages"]
    peer.send(unary_answer())
    assert client.message().status == 200
    client.close()


def test_expect_100_continue_is_answered(gateway):
    """A client that waits for 100 gets it, and its call goes through."""
    client = gateway.connect()
    body = compact(chat_body("chat"))
    client.send(f"POST {CHAT_PATH} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {ANA}\r\nexpect: 100-continue\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode())
    assert client.message().status == 100
    client.send(body)
    assert client.message().status == 200
    client.close()


def test_interim_answers_do_not_disturb(gateway, upstream):
    """A 103 from the upstream is not the answer."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
    peer = upstream.accept()
    peer.message()
    peer.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + unary_answer())
    answer = client.message()
    while answer.status < 200:
        answer = client.message()
    assert answer.status == 200 and answer.body == UNARY
    client.close()


def test_a_large_answer_to_a_slow_reader_is_whole(gateway):
    """Back-pressure: three megabytes wait for the reader, in bounded memory."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("big"), ANA))
    client.take_until(b"\r\n")
    message_head = client.take_until(b"\r\n\r\n")
    length = int(next(line for line in message_head.lower().split(b"\r\n") if line.startswith(b"content-length")).split()[1])
    body = client.take(length)
    assert len(json.loads(body)["choices"][0]["message"]["content"]) == 3000000
    client.close()


def test_a_broken_connection_is_retried_before_the_first_byte(gateway, upstream):
    """A kept connection that the upstream closed meanwhile is not the caller's problem."""
    client = gateway.connect()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
    first = upstream.accept()
    first.message()
    first.send(unary_answer())
    assert client.message().status == 200
    first.close()
    client.send(request_bytes("POST", CHAT_PATH, chat_body("raw"), ANA))
    second = upstream.accept()
    second.message()
    second.send(unary_answer())
    assert client.message().body == UNARY
    client.close()


def test_models_lists_what_the_caller_may_use(gateway):
    """GET /v1/models shows permitted models alone."""
    answer = gateway.call("GET", "/v1/models", key=ANA)
    names = {row["id"] for row in answer.json()["data"]}
    assert answer.status == 200 and "chat" in names and "denied" not in names


def test_anthropic_streams_pass(gateway):
    """The named events of the messages API arrive in order."""
    answer = gateway.call("POST", "/v1/messages", messages_body("claude", stream=True), headers=[("x-api-key", ANA)])
    names = [name for name, _ in answer.events()]
    assert names[0] == "message_start" and names[-1] == "message_stop" and "content_block_delta" in names


def test_long_member_names_pass(gateway, model_server):
    """A name longer than any that matters is not read as one, and not a fault."""
    for name in ("m" * 3000, "messages" * 300, "\u017ftream" * 500):
        answer = gateway.call("POST", CHAT_PATH, chat_body("chat", **{name: 1}), ANA)
        assert answer.status == 200, answer.body
    assert model_server.bill()["complete"] == 3
