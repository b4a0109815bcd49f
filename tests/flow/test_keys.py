# SPDX-License-Identifier: Apache-2.0
"""Promise: keys are made, listed and revoked by `tollgate key`; a secret is shown once and stored nowhere."""

import json

from harness import run_tollgate
from setup_gateway import chat_body


def status_of(gateway, credential):
    return gateway.call("POST", "/v1/chat/completions", chat_body("chat"), credential).status


def test_key_create_list_and_revoke(gateway):
    """A new key works after a reload, a revoked one no longer; the secret is nowhere on disk."""
    gateway.write("keys.yaml", "keys:\n")
    status, out, err = run_tollgate("key", "create", "--name", "nora", "--bu", "risk", "--kind", "user", "--format", "json",
                                    folder=gateway.folder)
    assert status == 0, err
    made = json.loads(out)
    assert made["key"] not in (gateway.folder / "keys.yaml").read_text()
    assert status_of(gateway, made["key"]) == 401
    gateway.reload()
    assert status_of(gateway, made["key"]) == 200
    listed = run_tollgate("key", "list", "--format", "json", folder=gateway.folder)[1]
    assert made["id"] in listed and made["key"] not in listed
    assert run_tollgate("key", "revoke", made["id"], folder=gateway.folder)[0] == 0
    gateway.reload()
    assert status_of(gateway, made["key"]) == 401
