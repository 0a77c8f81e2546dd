#!/usr/bin/env bash
# Runs the roles' scenarios, as many at a time as there are cores, each in an environment of its own on one embedded AWS.
# Arguments: the scenarios; all where none is named. What a scenario printed is shown where it failed.
set -euo pipefail
cd "$(dirname "$0")/.."
export ANSIBLE_COLLECTIONS_PATH="$PWD/.collections" LOGS="$PWD/.build/molecule"
# Molecule keeps there which scenarios are prepared: each run starts with none.
export ANSIBLE_HOME="$LOGS/home"
rm -rf "$ANSIBLE_HOME"
mkdir -p "$LOGS"
shared_port="$(python -c 'import socket; free = socket.create_server(("127.0.0.1", 0)); print(free.getsockname()[1])')"
shared_directory="$(mktemp --directory)"

# play NAME: starts or stops the embedded AWS that the scenarios share.
play() {
    ansible-playbook --inventory molecule/resources/inventory/hosts.yml "molecule/resources/$1.yml" \
        --extra-vars "local_aws_port=$shared_port local_aws_directory=$shared_directory" >"$LOGS/$1.log" 2>&1 ||
        { cat "$LOGS/$1.log"; return 1; }
}

run() {
    local scenario="$1" log="$LOGS/$1.log"
    SECONDS=0
    if molecule --base-config .config/molecule/config.yml --base-config .config/molecule/shared.yml \
        test --scenario-name "$scenario" >"$log" 2>&1; then
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
trap 'play destroy' EXIT
play create
printf '%s\n' "$@" | SHARED_AWS_PORT="$shared_port" SHARED_AWS_DIRECTORY="$shared_directory" \
    xargs --max-procs "$(nproc)" --replace bash -c 'run {}'
