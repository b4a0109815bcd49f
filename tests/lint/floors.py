# SPDX-License-Identifier: Apache-2.0
"""What may include what (STYLE 3.2, DESIGN 5), and where each library lives (STYLE 3.3).

Each folder names the highest floors it sees; what those see it sees too. Floor-mates never include
each other; ledger reads journal, the one exception.
"""

MAY_INCLUDE = {
    "base": [],
    "policy": ["base"],
    "metering/usage": ["base"],
    "metering/money": ["base"],
    "metering/journal": ["metering/usage", "metering/money", "policy"],
    "metering/ledger": ["metering/usage", "metering/money", "policy", "metering/journal"],
    "gateway/net": ["metering/usage", "metering/money", "policy"],
    "gateway/http": ["gateway/net", "metering/journal", "metering/ledger"],
    "gateway/identity": ["gateway/http"],
    "gateway/route": ["gateway/http"],
    "gateway/proxy": ["gateway/identity", "gateway/route"],
    "gateway/admin": ["gateway/proxy"],
    "gateway/config": ["gateway/proxy"],
    "gateway/cli": ["gateway/admin", "gateway/config"],
    "gateway": ["gateway/cli"],
}

# Tests, benchmarks and their programs may include what they like.
FREE = ("tests", "bench")

# Header prefix -> the only files that may include it.
HOMES = {
    "event2/": ["base/loop.c"],
    "event.h": ["base/loop.c"],
    "openssl/": ["gateway/net/tls.c", "base/crypt.c", "gateway/identity/jws.c"],
    "nghttp2/": ["gateway/http/h2_session.c"],
    "jwt.h": ["gateway/identity/token.c"],
    "hiredis/": ["metering/ledger/redis.c"],
    "hiredis.h": ["metering/ledger/redis.c"],
    "sqlite3": ["metering/ledger/sqlite.c"],
    "yaml.h": ["gateway/config/yaml.c"],
    # The readers of whole control-plane documents.
    "jansson": ["gateway/identity/jwks.c", "gateway/identity/compact.c", "gateway/identity/claims.c",
                "gateway/admin/*.c", "gateway/cli/*.c"],
}


def visible(folder):
    """The folders whose headers a file in `folder` may include, its own among them."""
    seen = set()
    waiting = [folder]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += MAY_INCLUDE.get(one, [])
    return seen
