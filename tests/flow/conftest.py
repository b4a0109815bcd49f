# SPDX-License-Identifier: Apache-2.0
"""Fixtures: each test has its own gateway, upstreams and folder, and ends them."""

import shutil
import socket

import pytest

from harness import BUILD, ModelServer, RawUpstream, Redis
from setup_gateway import new_gateway, upstream_prices


def pytest_collection_modifyitems(items):
    if not (BUILD / "tollgate").exists():
        for item in items:
            item.add_marker(pytest.mark.skip(reason=f"{BUILD}/tollgate is not built"))


@pytest.fixture
def upstream():
    """A raw upstream: exact bytes, exact pauses."""
    raw = RawUpstream()
    yield raw
    raw.close()


@pytest.fixture
def model_server(tmp_path):
    """The scripted model server; its bill is the truth the ledger is held against."""
    server = ModelServer(tmp_path / "models", upstream_prices())
    yield server
    server.close()


@pytest.fixture
def dead_url():
    """An address where nobody listens: bound, so that nobody else gets it, and never listened on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@pytest.fixture
def make_gateway(tmp_path, upstream, model_server, dead_url):
    """make_gateway(change) -> a started gateway; ended, and searched for reports, after the test."""
    made = []

    def make(change=None, start=True, folder=None):
        gateway = new_gateway(folder or tmp_path / f"gateway-{len(made)}", model_server.url, upstream.url, dead_url,
                              change)
        made.append(gateway)
        return gateway.start() if start else gateway

    yield make
    # The raw side ends first, so that no drain waits for it.
    upstream.close()
    for gateway in made:
        gateway.close()


@pytest.fixture
def gateway(make_gateway):
    return make_gateway()


@pytest.fixture
def redis(tmp_path):
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    server = Redis(tmp_path / "redis")
    yield server
    server.close()


@pytest.fixture
def log_contains():
    """log_contains(gateway, pattern): waits for the line."""
    def check(gateway, pattern, after=0):
        return gateway.program.wait_log(pattern, after=after).group(0)
    return check
