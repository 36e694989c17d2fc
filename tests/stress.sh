#!/usr/bin/env bash
# Runs the solution's tests again and again: what fails now and then is a defect.
set -uo pipefail

usage() {
    cat <<'TEXT'
usage: tests/stress.sh N [argument of dotnet test]...

Runs "dotnet test Edge.sln" N times: the first, third … time alone, the second, fourth … time beside two processes that burn a
processor each. Builds once, before the first run. Further arguments go to "dotnet test"; a project or solution as the first of
them takes the place of Edge.sln:

    tests/stress.sh 20
    tests/stress.sh 50 tests/Relay.Tests --filter FullyQualifiedName~TerminalOutputReaderTests

The output of the first run that fails is kept in TestResults/stress/first-failure.log; the failed tests are the lines with
"[FAIL]" or "Failed ", and each stands before its message and its stack. The names of all failed tests are printed. The last line is
the summary:
"N runs, N green, N red". Exit code: 0 when all runs are green, 1 when one is red, 2 for wrong usage. A run without a test is red.
TEXT
}

case ${1:-} in
    -h | --help) usage; exit 0 ;;
    '' | 0* | *[!0-9]*) usage >&2; exit 2 ;;
esac
runs=$1
shift

# Paths are relative to where the script is called, as everywhere.
root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
if [ $# -gt 0 ] && [ -e "$1" ]; then
    target=$1
    shift
else
    target=$root/Edge.sln
fi

kept=$root/TestResults/stress
mkdir -p "$kept" || exit 1
rm -f "$kept/first-failure.log"
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1
burners=()

start_burners() {
    local i
    for i in 1 2; do
        (while :; do :; done) &
        burners[i]=$!
    done
}

stop_burners() {
    [ ${#burners[@]} -eq 0 ] || kill "${burners[@]}" 2>/dev/null
    [ ${#burners[@]} -eq 0 ] || wait "${burners[@]}" 2>/dev/null
    burners=()
}

green=0
red=0
finish() {
    local code=$?
    stop_burners
    rm -f "$kept/run.log"
    [ "$red" -eq 0 ] || { echo "first failure: $kept/first-failure.log"; code=1; }
    echo "$((green + red)) runs, $green green, $red red"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

dotnet build "$target" -v q || exit 1
for ((run = 1; run <= runs; run++)); do
    how=alone
    if ((run % 2 == 0)); then
        how="beside two burners"
        start_burners
    fi

    began=$SECONDS
    # One assembly after another, as in .ci/run.
    if dotnet test "$target" --no-build -m:1 "$@" >"$kept/run.log" 2>&1 && grep -q '^Passed!' "$kept/run.log"; then
        green=$((green + 1))
        result=green
    else
        red=$((red + 1))
        result=red
        if [ ! -e "$kept/first-failure.log" ]; then
            { echo "run $run, $how: dotnet test $target --no-build -m:1 $*"; cat "$kept/run.log"; } >"$kept/first-failure.log"
        fi
    fi
    stop_burners
    echo "run $run of $runs, $how: $result in $((SECONDS - began)) s"
    [ "$result" = green ] || grep -E '^  Failed ' "$kept/run.log"
done
