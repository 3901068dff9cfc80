#!/usr/bin/env bash
# PostgreSQL's own isolation specs, where their folder is: the outputs are those it expects, byte for byte.
# $SPEC_RUN: the program that runs them; $PGR_CONFORMANCE: the folder.
source "$(dirname "$0")/../support/lib.sh"
: "${SPEC_RUN:?}"
specs=${PGR_CONFORMANCE:-$PGR_SOURCE_DIR/../shared/conformance/isolation}
[ -d "$specs/specs" ] || skip "no isolation specs in $specs (set PGR_CONFORMANCE)"

"$SPEC_RUN" "$specs" >"$work/out" 2>&1 || fail "some specs print something else: $(tail -1 "$work/out")"
tail -1 "$work/out"
no_leftovers
