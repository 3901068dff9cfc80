#!/usr/bin/env bash
set -euo pipefail
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
