#!/usr/bin/env bash
# What pgrace demo promises, as measured here and now; asserts nothing. tests/bench/demo.sh [REPETITIONS]
# Promised: from the command to a usable page under 1 s (warm: the browser stands, the cluster is cached); an event on the
# server on the screen within 100 ms; 100 viewers and 50 agents without a dropped event. PGR_BINARY_DIR: a release build
# elsewhere than in build/release. Needs chromium, node.
set -euo pipefail
repetitions=${1:-11}
PGR_SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
PGR_BINARY_DIR=${PGR_BINARY_DIR:-$PGR_SOURCE_DIR/build/release}
PGRACE=$PGR_BINARY_DIR/pgrace
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
cd "$work"
printf 'machine: %s processors, load %s; medians of %s\n' "$(nproc)" "$(cut -d' ' -f1 /proc/loadavg)" "$repetitions"
PGR_SOURCE_DIR=$PGR_SOURCE_DIR PGRACE=$PGRACE PGR_PAGE_TOOLS=$PGR_BINARY_DIR/reports PGR_CHROMIUM=$(command -v chromium) \
  node "$PGR_SOURCE_DIR/tests/bench/demo.mjs" "$repetitions"
