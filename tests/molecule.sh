#!/usr/bin/env bash
# Runs the roles' scenarios, as many at a time as there are cores: each has an embedded AWS on a port of its own.
# Arguments: the scenarios; all where none is named. What a scenario printed is shown where it failed.
set -euo pipefail
cd "$(dirname "$0")/.."
export ANSIBLE_COLLECTIONS_PATH="$PWD/.collections" LOGS="$PWD/.build/molecule"
mkdir -p "$LOGS"

run() {
    local scenario="$1" log="$LOGS/$1.log"
    SECONDS=0
    if molecule test --scenario-name "$scenario" >"$log" 2>&1; then
        printf '    %-15s ok in %s s\n' "$scenario" "$SECONDS"
    else
        printf '    %-15s FAILED in %s s, it printed:\n%s\n' "$scenario" "$SECONDS" "$(cat "$log")"
        return 1
    fi
}
export -f run

if [ $# -eq 0 ]; then
    for settings in molecule/*/molecule.yml; do
        set -- "$@" "$(basename "$(dirname "$settings")")"
    done
fi
printf '%s\n' "$@" | xargs --max-procs "$(nproc)" --replace bash -c 'run {}'
