# SPDX-License-Identifier: Apache-2.0
"""Starts a model server and a gateway, and runs the official SDKs against them. Prints TAP.

Installs node_modules by `npm ci` from the lock file when it is not what the lock says. Where the
package registry is out of reach the cases are skipped, with their count.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "flow"))

from harness import BUILD, ModelServer, RawUpstream  # noqa: E402
from setup_gateway import caller_key, new_gateway, upstream_prices  # noqa: E402

TESTS = HERE / "clients.test.mjs"
OUT_OF_REACH = re.compile(r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ECONNRESET|network")


def skip_all(reason):
    names = re.findall(r"^\s*test\(", TESTS.read_text(), re.M)
    print(f"# SKIP {len(names)} client cases and more skipped, {reason}")
    print("1..1\nok 1 - clients # SKIP " + reason)
    return 0


def installed():
    """True when node_modules is what the lock file says; an error text otherwise."""
    stamp = HERE / "node_modules" / ".stamp"
    digest = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return True
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=HERE, capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode == 0:
        stamp.write_text(digest)
        return True
    return done.stdout + done.stderr


def run_tests(gateway):
    env = {**os.environ, "TOLLGATE_URL": gateway.url, "TOLLGATE_KEY": caller_key("ana"), "NO_COLOR": "1"}
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL"):
        env.pop(name, None)
    done = subprocess.run(["node", "--test-reporter=tap", str(TESTS)], cwd=HERE, env=env, stdin=subprocess.DEVNULL,
                          check=False)
    return done.returncode


def main():
    if not (BUILD / "tollgate").exists():
        return skip_all(f"{BUILD}/tollgate is not built")
    if not shutil.which("node") or not shutil.which("npm"):
        print("Bail out! node and npm are not installed; ./dev deps")
        return 3
    state = installed()
    if state is not True:
        if OUT_OF_REACH.search(state):
            return skip_all("the npm registry is out of reach")
        print(state)
        return 3
    with tempfile.TemporaryDirectory() as folder:
        upstream = RawUpstream()
        server = ModelServer(Path(folder) / "models", upstream_prices())
        gateway = new_gateway(Path(folder) / "gateway", server.url, upstream.url, "http://127.0.0.1:1").start()
        status = run_tests(gateway)
        sys.stdout.flush()
        upstream.close()
        gateway.stop()
        bill = server.bill()
        pico = sum(row["data"]["cost_pico"] for row in gateway.records("settle") if row["data"]["outcome"] == "complete")
        drained = sum(row["data"]["cost_pico"] for row in gateway.records("settle")
                      if row["data"]["outcome"] == "aborted" and row["data"]["usage_source"] == "provider")
        equal = pico + drained == int(bill["cost_pico"])
        print(f"{'ok' if equal else 'not ok'} 1000 - the records add up to the bill")
        if not equal:
            print(f"# records {pico} + {drained}, bill {bill['cost_pico']}")
        server.close()
    return status or (0 if equal else 1)


if __name__ == "__main__":
    sys.exit(main())
