#!/usr/bin/env bash
# find_package(pgrace) from the build folder and from where it is installed; pgrace_add_scenario's tests pass, fail and
# are skipped as they should.
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
[ -z "$PGR_SANITIZE" ] || skip 'the package is the same in every preset'
cd "$work"
mkdir project
cd project
"$PGRACE" init seat >/dev/null
cp -r seat broken
mv broken/seat.yaml broken/broken.yaml
sed -i 's/isolation: {read committed: race}/isolation: {read committed: safe}/' broken/broken.yaml
cat >CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(consumer LANGUAGES NONE)
enable_testing()
find_package(pgrace 0.1 REQUIRED)
pgrace_add_scenario(NAME seat SCENARIO ./seat BUDGET 20s LABELS races)
pgrace_add_scenario(NAME broken SCENARIO ./broken STRATEGIES naive ISOLATION "read committed" ARGS --rounds 200)
pgrace_add_scenario(NAME alone SCENARIO ./seat STRATEGIES conditional ARGS --rounds 50 OUT ${CMAKE_BINARY_DIR}/alone)
pgrace_add_scenario(NAME alone-strictly SCENARIO ./seat STRATEGIES conditional ARGS --rounds 50 INCONCLUSIVE_FAILS)
pgrace_add_scenario(NAME proof SCENARIO claim COMMAND explore STRATEGIES trigger)
END

# outcomes FOLDER: "name status" of each test
outcomes() {
  xmllint --xpath '//testcase/@name | //testcase/@status' "$1" | grep -o '"[^"]*"' | tr -d '"' | paste -d' ' - - | sort
}

check() {
  local from=$1 into=$2
  cmake -S . -B "$into" -Dpgrace_DIR="$from" >"$work/out" 2>"$work/err" || fail "cmake with pgrace_DIR=$from"
  ctest --test-dir "$into" --output-junit "$work/$into.xml" >"$work/out" 2>&1 && fail 'a broken scenario passed'
  same "tests of $into" "$(outcomes "$work/$into.xml")" "$(printf '%s\n' 'alone notrun' 'alone-strictly fail' \
    'broken fail' 'proof run' 'seat run')"
  [ -s "$into/pgrace/seat/junit.xml" ] && [ -s "$into/alone/result.json" ] || fail 'the files of --out are missing'
  grep -q 'file="broken/broken.yaml"' "$into/pgrace/broken/junit.xml" || fail 'the scenario is not named as we know it'
}
check "$PGR_BINARY_DIR" from-build
cmake --install "$PGR_BINARY_DIR" --prefix "$work/installed" >"$work/out" 2>&1 || fail 'cmake --install'
check "$(dirname "$(find "$work/installed" -name pgraceConfig.cmake)")" from-installed

# A project that relies on the trigger: without the trigger's check its test turns red, with it green again.
mkdir inbox
cp -r "$PGR_SOURCE_DIR/schema" inbox/
mkdir inbox/races
cp -r "$PGR_SOURCE_DIR/scenarios/claim" inbox/races/
cat >inbox/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(inbox LANGUAGES NONE)
enable_testing()
find_package(pgrace REQUIRED)
pgrace_add_scenario(NAME claim SCENARIO ./races/claim BUDGET 30s)
END
cmake -S inbox -B inbox/build -Dpgrace_DIR="$PGR_BINARY_DIR" >"$work/out" 2>"$work/err" || fail 'cmake of the inbox'
trigger=inbox/schema/0002_conversation_texter_assignment.up.sql
colour() { if ctest --test-dir inbox/build >"$work/out" 2>&1; then echo green; else echo red; fi; }
same 'the inbox as it is' "$(colour)" green
sed -i.as-it-was 's/IF OLD.texter_id IS NOT NULL AND/IF OLD.texter_id IS NULL AND/' "$trigger"
same 'the inbox with a broken trigger' "$(colour)" red
same 'what failed' "$(xmllint --xpath 'string(//testcase[failure]/@name)' inbox/build/pgrace/claim/junit.xml)" 'trigger / read committed'
mv "$trigger.as-it-was" "$trigger"
same 'the inbox, mended' "$(colour)" green

# refuses MESSAGE ARGUMENT…
refuses() {
  local message=$1
  shift
  printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(consumer LANGUAGES NONE)' 'find_package(pgrace REQUIRED)' \
    "pgrace_add_scenario($*)" >CMakeLists.txt
  cmake -S . -B refused -Dpgrace_DIR="$PGR_BINARY_DIR" >"$work/out" 2>"$work/err" && fail "taken: $*"
  tr -s '\n ' ' ' <"$work/err" | grep -qF -- "$message" || fail "$*: does not say '$message'"
}
refuses 'NAME is missing' SCENARIO ./seat
refuses 'SCENARIO is missing' NAME x
refuses "unknown argument 'STRATEGY;naive'" NAME x SCENARIO ./seat STRATEGY naive
refuses "there is no './seats'" NAME x SCENARIO ./seats
refuses "COMMAND is run, explore or bench, not 'race'" NAME x SCENARIO ./seat COMMAND race
refuses 'BUDGET is for COMMAND run' NAME x SCENARIO ./seat COMMAND bench BUDGET 1s
