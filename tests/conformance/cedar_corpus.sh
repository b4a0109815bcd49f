#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# cedar_corpus.sh PROGRAM SHARED BUILD_DIR: unpacks the published Cedar tests below BUILD_DIR (once)
# and runs PROGRAM over them. Without the data: says what was not run.
set -eu
program=$1
archive=$2/cedar/corpus-public.tar.gz
dir=$3/cedar

if [ ! -f "$archive" ]; then
	echo "1..1"
	echo "ok 1 - cedar corpus # SKIP 5523 tests, 44082 requests skipped, data absent ($archive)"
	exit 0
fi
if [ ! -f "$dir/.complete" ]; then
	rm -rf "$dir"
	mkdir -p "$dir"
	tar -xzf "$archive" -C "$dir"
	: >"$dir/.complete"
fi
exec "$program" "$dir" --expect 5523 44082
