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
trigger=inbox/schema/triggers/conversation_texter_assignment_constraint/v1.sql
colour() { if ctest --test-dir inbox/build >"$work/out" 2>&1; then echo green; else echo red; fi; }
same 'the inbox as it is' "$(colour)" green
sed -i.as-it-was 's/IF OLD.texter_id IS NOT NULL AND/IF OLD.texter_id IS NULL AND/' "$trigger"
same 'the inbox with a broken trigger' "$(colour)" red
same 'what failed' "$(xmllint --xpath 'string(//testcase[failure]/@name)' inbox/build/pgrace/claim/junit.xml)" 'trigger / read committed'
mv "$trigger.as-it-was" "$trigger"
same 'the inbox, mended' "$(colour)" green

# What CTest is told, of one test each: its command after the program's name, its timeout. OUT starts from the
# build folder; an empty string and a semicolon survive.
mkdir told
cp -r seat told/
cat >told/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.25)
project(told LANGUAGES NONE)
enable_testing()
find_package(pgrace REQUIRED)
set(two "naive;conditional")
pgrace_add_scenario(NAME plain SCENARIO ./seat)
pgrace_add_scenario(NAME environment SCENARIO ./seat DSN "" ARGS -D "x=a;b" "" -D "y=[c]" --rounds 5)
pgrace_add_scenario(NAME service SCENARIO ./seat DSN "service=races host=[::1]" OUT report STRATEGIES "${two}" TIMEOUT 7)
pgrace_add_scenario(NAME semicolon SCENARIO ./seat DSN "dbname=a;b" OUT sub/dir BUDGET 5d TIMEOUT 1)
pgrace_add_scenario(NAME milliseconds SCENARIO ./seat BUDGET 240001ms)
pgrace_add_scenario(NAME seconds SCENARIO ./seat BUDGET 240s)
pgrace_add_scenario(NAME minutes SCENARIO ./seat BUDGET 20m)
pgrace_add_scenario(NAME hours SCENARIO ./seat BUDGET 2h)
END
cmake -S told -B told/build -Dpgrace_DIR="$PGR_BINARY_DIR" >"$work/out" 2>"$work/err" || fail 'cmake of what CTest is told'
ctest --test-dir told/build --show-only=json-v1 >"$work/out"
# told NAME TIMEOUT ARGUMENT…
told() {
  same "test $1" "$(jq -r --arg name "$1" '.tests[] | select(.name == $name) |
    (.properties[] | select(.name == "TIMEOUT").value), .command[1:][]' "$work/out")" "$(printf '%s\n' "${@:2}")"
}
build=$PWD/told/build
told plain 600 run ./seat --out "$build/pgrace/plain"
told environment 600 run ./seat --out "$build/pgrace/environment" --dsn '' -D 'x=a;b' '' -D 'y=[c]' --rounds 5
told service 7 run ./seat --out "$build/report" --strategy naive,conditional --dsn 'service=races host=[::1]'
told semicolon 1 run ./seat --out "$build/sub/dir" --budget 5d --dsn 'dbname=a;b'
[ -d "$build/sub" ] && [ ! -e told/sub ] || fail 'OUT is not in the build folder'
told milliseconds 602 run ./seat --out "$build/pgrace/milliseconds" --budget 240001ms
told seconds 600 run ./seat --out "$build/pgrace/seconds" --budget 240s
told minutes 2520 run ./seat --out "$build/pgrace/minutes" --budget 20m
told hours 14520 run ./seat --out "$build/pgrace/hours" --budget 2h

# refuses MESSAGE ARGUMENT…
refuses() {
  local message=$1
  shift
  printf '%s\n' 'cmake_minimum_required(VERSION 3.25)' 'project(consumer LANGUAGES NONE)' 'find_package(pgrace REQUIRED)' \
    "pgrace_add_scenario($*)" >CMakeLists.txt
  cmake -S . -B refused -Dpgrace_DIR="$PGR_BINARY_DIR" >"$work/out" 2>"$work/err" && fail "taken: $*"
  tr -s '\n ' ' ' <"$work/err" | has -F -- "$message" || fail "$*: does not say '$message'"
  ! grep -q s3cr3t "$work/out" "$work/err" || fail "$*: shows the password"
}
refuses 'NAME is missing' SCENARIO ./seat
refuses 'SCENARIO is missing' NAME x
refuses "unknown argument 'STRATEGY;naive'" NAME x SCENARIO ./seat STRATEGY naive
refuses "there is no './seats'" NAME x SCENARIO ./seats
refuses "COMMAND is run, explore or bench, not 'race'" NAME x SCENARIO ./seat COMMAND race
refuses 'BUDGET is for COMMAND run' NAME x SCENARIO ./seat COMMAND bench BUDGET 1s
refuses "no value after 'DSN'" NAME x SCENARIO ./seat DSN
refuses "no value after 'BUDGET'" NAME x SCENARIO ./seat BUDGET INCONCLUSIVE_FAILS
refuses "no value after 'STRATEGIES'" NAME x SCENARIO ./seat STRATEGIES ARGS --rounds 5
for dsn in 'host=h password=s3cr3t' 'host=h password = s3cr3t' 'postgresql://u:s3cr3t@h/d' 'postgres://u:s3cr3t[@h' \
  'postgresql://u:s3/cr3t@h' 'postgresql://u@h/d?password=s3cr3t'; do
  refuses 'use DSN "" and set PGHOST, PGUSER and PGPASSWORD when the test runs, or a service file' NAME x SCENARIO ./seat \
    DSN "\"$dsn\""
done
refuses '--dsn is not for ARGS, use DSN' NAME x SCENARIO ./seat ARGS --rounds 5 --dsn postgresql://u:s3cr3t@h/d
refuses '--dsn is not for ARGS, use DSN' NAME x SCENARIO ./seat ARGS --dsn=postgresql://u:s3cr3t@h/d
for budget in 1.5m '"1 m"' 90 5d 1m30s; do
  refuses "BUDGET '${budget//\"/}' is not a whole number of ms, s, m or h" NAME x SCENARIO ./seat BUDGET "$budget"
done
for value in '"x=["' '"x=]"' '"x=[a;b]"' '"x=[[a]]"' '[[x=\]]' '[[x=a\;b]]'; do
  refuses 'CMake cannot hand on' NAME x SCENARIO ./seat ARGS -D "$value"
done

# Without npm the build says what is missing, and how to do without it.
mkdir "$work/npmless"
cat >"$work/npmless/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(npmless LANGUAGES NONE)
string(REPLACE ":" ";" CMAKE_IGNORE_PATH "$ENV{PATH}:/usr/bin:/bin:/usr/local/bin")
add_subdirectory(${PGR_SOURCE_DIR}/reports reports)
END
cmake -S "$work/npmless" -B "$work/npmless/build" -DPGR_SOURCE_DIR="$PGR_SOURCE_DIR" >"$work/out" 2>"$work/err" &&
  fail 'configured without npm'
for words in 'npm, which is not installed' 'apt-get install npm' '-DPGR_HTML=OFF'; do
  tr -s '\n ' ' ' <"$work/err" | has -F -- "$words" || fail "without npm it does not say '$words'"
done
