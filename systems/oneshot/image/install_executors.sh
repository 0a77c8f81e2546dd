#!/usr/bin/env bash
# Installs the programs of the named executors: install_executors.sh DIRECTORY EXECUTOR...
# Each is pinned by its lock file in executors/, with the hash of every package.
set -euo pipefail
target=$1
shift
if [ $# = 0 ]; then
    echo 'EXECUTORS is empty -> name at least one of: direct claude gemini cline aider' >&2
    exit 2
fi
mkdir -p "$target/bin"
for executor in "$@"; do
    case $executor in
        direct) ;; # calls Ollama over HTTP
        aider)
            python3 -m venv "$target/aider"
            "$target/aider/bin/pip" install --require-hashes --only-binary :all: --requirement executors/aider.txt
            "$target/aider/bin/pip" uninstall --yes pip
            ln -sf ../aider/bin/aider "$target/bin/aider"
            ;;
        claude | gemini | cline)
            mkdir -p "$target/$executor"
            cp "executors/$executor/package.json" "executors/$executor/package-lock.json" "$target/$executor/"
            PATH=/node/bin:$PATH node /node/lib/node_modules/npm/bin/npm-cli.js ci \
                --prefix "$target/$executor" --omit=dev --no-audit --no-fund --cache /tmp/npm
            rm -rf /tmp/npm
            install /node/bin/node "$target/bin/node"
            ln -sf "../$executor/node_modules/.bin/$executor" "$target/bin/$executor"
            ;;
        *)
            echo "EXECUTORS names $executor -> use words of: direct claude gemini cline aider" >&2
            exit 2
            ;;
    esac
done
