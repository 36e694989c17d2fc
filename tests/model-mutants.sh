#!/usr/bin/env bash
# Leaves out the rules of shared coordination in turn, and runs the model test and the tests of the core: one has to fail.
set -uo pipefail

usage() {
    cat <<'TEXT'
usage: tests/model-mutants.sh [RUNS [FIRST_SEED [NAME]]]

Applies each mutant of tests/Tailnet.Tests/Coordination/Model/mutants.txt to a copy of the sources, builds it, and runs the model test
with RUNS runs a mode (1000). NAME, a regular expression, picks mutants. Prints the failed runs of each; the last line is
"N mutants, N found, N not found". Exit code: 0, or 2 for wrong usage. Needs python3.
TEXT
}

case ${1:-} in -h | --help) usage; exit 0 ;; *[!0-9]*) usage >&2; exit 2 ;; esac
root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git -C "$root" ls-files -z --cached --others --exclude-standard | (cd "$root" && tar --null -T - -c --ignore-failed-read 2>/dev/null) | tar -x -C "$work"
cp "$root"/tests/Tailnet.Tests/Coordination/Model/mutants.txt "$work/mutants.txt"
RUNS=${1:-1000} FIRST=${2:-1} NAME=${3:-} WORK=$work python3 - <<'PYTHON'
import os, re, subprocess

work, name = os.environ['WORK'], os.environ['NAME']
environment = {**os.environ, 'EDGE_MODEL_RUNS': os.environ['RUNS'], 'EDGE_MODEL_SEED': os.environ['FIRST']}
mutants = []
for line in open(os.path.join(work, 'mutants.txt')).read().splitlines():
    kind, text = line[:1], line[2:]
    if kind == '=':
        mutants.append((text, []))
    elif kind == '@':
        path = os.path.join(work, text)
    elif kind == '-':
        before = text
    elif kind == '+':
        mutants[-1][1].append((path, before, text))

def run(*command):
    return subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)

project = 'tests/Tailnet.Tests'
quick = ['-v', 'q', '-p:TreatWarningsAsErrors=false', '-p:RunAnalyzers=false', '-p:EnforceCodeStyleInBuild=false']
found = count = 0
run('dotnet', 'build', project, *quick)
for title, changes in [mutant for mutant in mutants if re.search(name, mutant[0])]:
    originals = {}
    for path, before, after in changes:
        text = open(path).read()
        originals.setdefault(path, text)
        assert text.count(before) == 1, (title, before, text.count(before))
        open(path, 'w').write(text.replace(before, after))
    built = run('dotnet', 'build', project, '--no-restore', *quick)
    if built.returncode != 0:
        print(f'{title}: does not build: {built.stdout[-500:]}', flush=True)
    else:
        tested = run('dotnet', 'test', project, '--no-build', '--filter', 'FullyQualifiedName~ModelTests|FullyQualifiedName~CoordinatorCoreTests')
        failures = re.findall(r'(\d+) of (\d+) runs failed', tested.stdout)
        kinds = sorted({re.sub(r'[0-9a-f]{8}-[-0-9a-f]*', 'x', kind)[:60] for kind in re.findall(r'racy \w+: (.*)', tested.stdout)})
        core = sorted(set(re.findall(r'Failed \S*CoordinatorCoreTests\.(\w+)', tested.stdout)))
        count += 1
        found += tested.returncode != 0
        print(f'{title}: {sum(int(one) for one, _ in failures)} of {3 * int(environment["EDGE_MODEL_RUNS"])} runs. {kinds[:2]} {core}', flush=True)
    for path, text in originals.items():
        open(path, 'w').write(text)
print(f'{count} mutants, {found} found, {count - found} not found')
PYTHON
