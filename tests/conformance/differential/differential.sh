#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# differential.sh PROGRAM BUILD_DIR [OPTION...]: installs the official engine below BUILD_DIR as locked in
# package-lock.json (once) and runs differential.mjs. Out of reach: says what was not run. A long run, from the top:
#   differential.sh build/debug/tests/conformance/cedar_answer build/debug/tests/conformance/differential --cases 1000000 --seed now
set -eu
here=$(dirname "$0")
program=$1
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2

skip() {
	echo "1..1"
	echo "ok 1 - differential # SKIP 20000 cases skipped, $1"
	exit 0
}

command -v node >/dev/null && command -v npm >/dev/null || skip "node and npm are not installed"
if ! cmp -s "$here/../package-lock.json" "$dir/.installed"; then
	cp "$here/../package.json" "$here/../package-lock.json" "$dir/"
	(cd "$dir" && npm ci --no-audit --no-fund >npm.log 2>&1) || skip "@cedar-policy/cedar-wasm could not be installed"
	cp "$dir/package-lock.json" "$dir/.installed"
fi
exec node "$here/differential.mjs" "$program" --modules "$dir" "$@"
