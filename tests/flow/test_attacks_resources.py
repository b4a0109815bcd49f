# SPDX-License-Identifier: Apache-2.0
"""Promise: no caller can take the gateway down or take it from others: every wait, queue and count is bounded."""

import contextlib

from harness import request_bytes, wait_for
from setup_gateway import caller_key, chat_body

ANA = caller_key("ana")
CHAT_PATH = "/v1/chat/completions"


def test_a_denied_caller_that_leaves_at_once_harms_nobody(gateway):
    """The denial is recorded and the gateway goes on, whenever the connection was cut."""
    for index in range(60):
        client = gateway.connect()
        client.send(request_bytes("POST", CHAT_PATH, chat_body("denied"), ANA) * (1 + index % 2))
        if index % 3:
            client.reset()
        else:
            client.close()
    assert gateway.call("POST", CHAT_PATH, chat_body("chat"), ANA).status == 200
    assert wait_for(lambda: b"tollgate_requests_in_flight 0" in gateway.admin("/metrics").body)
    assert {row["data"]["status"] for row in gateway.records("decision")} <= {403}
