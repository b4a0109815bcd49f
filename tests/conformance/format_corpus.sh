#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# format_corpus.sh PROGRAM SHARED BUILD_DIR: unpacks the policies of the published Cedar tests below
# BUILD_DIR (once) and runs PROGRAM over them. Without the data: says what was not run.
set -eu
archive=$2/cedar/corpus-public.tar.gz
dir=$3/cedar-policies

if [ ! -f "$archive" ]; then
	echo "1..1"
	echo "ok 1 - format_corpus # SKIP 5523 policy files skipped, data absent ($archive)"
	exit 0
fi
if [ ! -f "$dir/.complete" ]; then
	rm -rf "$dir"
	mkdir -p "$dir"
	tar -xzf "$archive" -C "$dir" --wildcards '*.cedar'
	: >"$dir/.complete"
fi
exec "$1" "$dir" --expect 5523
