#!/usr/bin/env bash
# docs/ci: each line of the workflow files is run, or done by hand where it is the CI system's own: checking out,
# keeping files.
source "$PGR_SOURCE_DIR/tests/support/lib.sh"
[ -z "$PGR_SANITIZE" ] || skip 'the workflows are the same in every preset'
[ "$PGR_BINARY_DIR" = "$PGR_SOURCE_DIR/build/release" ] || skip 'the workflows build the release preset'
for module in yaml jsonschema; do
  python3 -c "import $module" 2>/dev/null || skip "python3 has no $module"
done
unset GITHUB_ACTIONS GITHUB_STEP_SUMMARY
cd "$work"

# The repository that the files speak of, checked out: pgrace is a submodule, races/seat a scenario.
checkout() {
  mkdir -p "$1/races"
  ln -s "$PGR_SOURCE_DIR" "$1/pgrace"
  (cd "$1/races" && "$PGRACE" init seat >/dev/null)
}

# The line that installs git is really run, by root; what is installed stays as it is.
echo 'APT::Get::Upgrade "false";' >apt.conf
export APT_CONFIG=$work/apt.conf
[ "$(id -u)" = 0 ] || echo 'not run: apt-get, because this user is not root'

# github FOLDER: the job's steps in order, as the runner does them. Status: of the first step that failed.
github() (
  cd "$1"
  export GITHUB_ACTIONS=true CI=true GITHUB_STEP_SUMMARY=$PWD/step-summary.md
  : >"$GITHUB_STEP_SUMMARY"
  python3 - "$PGR_SOURCE_DIR/docs/ci/github-actions.yml" >steps.jsonl <<'END' || exit 97
import json, sys, yaml
job = yaml.safe_load(open(sys.argv[1]))["jobs"]["races"]
assert set(job) == {"runs-on", "container", "timeout-minutes", "steps"}, job
assert job["container"].startswith("debian:"), job
for step in job["steps"]:
    assert set(step) <= {"name", "uses", "with", "run", "if"}, step
    print(json.dumps(step))
END
  status=0
  installed=
  while read -r step; do
    case $(jq -r '.uses // ""' <<<"$step") in
    '')
      line=$(jq -r .run <<<"$step")
      case $line in *'apt-get install '*)
        installed+=" ${line##*apt-get install } "
        [ "$(id -u)" = 0 ] || continue ;;
      esac
      [ $status != 0 ] || bash --noprofile --norc -eo pipefail -c "$line" </dev/null || status=$? ;;
    actions/checkout@*) # the image has no git, and without it there are no submodules
      [[ $(jq -r .with.submodules <<<"$step") = true && -e pgrace/scripts/build && $installed = *' git '* ]] || {
        echo 'checking out needs git and the submodule' >&2
        exit 96
      } ;;
    actions/upload-artifact@*)
      [ "$(jq -r .if <<<"$step")" = 'always()' ] || [ $status = 0 ] || continue
      mkdir kept
      cp -r "$(jq -r .with.path <<<"$step")" "kept/$(jq -r .with.name <<<"$step")" ;;
    *) echo "this test does not know: $step" >&2 && exit 99 ;;
    esac
  done <steps.jsonl
  exit $status
)

# gitlab FOLDER: the job's script, line by line, in one shell.
gitlab() (
  cd "$1"
  unset GITHUB_ACTIONS
  export CI=true GITLAB_CI=true
  python3 - "$PGR_SOURCE_DIR/docs/ci/gitlab-ci.yml" >job.sh 2>artifacts <<'END' || exit 97
import sys, yaml
job = yaml.safe_load(open(sys.argv[1]))["races"]
assert set(job) == {"image", "timeout", "variables", "script", "artifacts"}, job
assert job["image"].startswith("debian:") and job["variables"] == {"GIT_SUBMODULE_STRATEGY": "recursive"}
assert job["artifacts"]["when"] == "always"
print("set -eo pipefail", *job["script"], sep="\n")
for path in job["artifacts"]["paths"] + [job["artifacts"]["reports"]["junit"]]:
    print(path, file=sys.stderr)
END
  status=0
  bash job.sh || status=$?
  while read -r path; do [ -e "$path" ] || exit 98; done <artifacts
  exit $status
)

# lose_the_fix FOLDER: the next change loses what kept the seat to one customer.
lose_the_fix() { cp "$1/races/seat/book.sql" "$1/races/seat/book-conditional.sql"; }

for system in github gitlab; do
  checkout $system
  $system $system >out 2>err || fail "$system: the job fails although all is as declared"
  [ -s $system/race-report/report.html ] || [ "$("$PGRACE" report --format html $system/race-report 2>&1 | grep -c without)" = 1 ] ||
    fail "$system: no report.html"
  xmllint --noout $system/race-report/junit.xml
  checkout $system-broken
  lose_the_fix $system-broken
  status=0
  $system $system-broken >out 2>err || status=$?
  same "$system: status when the fix is lost" $status 1
  same "$system: failures in JUnit" "$(xmllint --xpath 'string(/testsuites/@failures)' $system-broken/race-report/junit.xml)" 1
  xmllint --xpath '//testcase[failure]/failure/text()' $system-broken/race-report/junit.xml | has 'agent' ||
    fail "$system: the failure has no story"
  [ $system != github ] || grep -q '^::error file=races/seat/seat.yaml,line=[0-9]*,' err || fail 'no annotation at the strategy'
  [ $system != github ] || grep -q 'conditional' github-broken/step-summary.md || fail 'no summary'
done
[ -s github/kept/race-report/junit.xml ] && [ -s github-broken/kept/race-report/junit.xml ] || fail 'the artifact is not kept'
