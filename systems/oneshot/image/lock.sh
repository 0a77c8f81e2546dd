#!/usr/bin/env bash
# Writes the image's lock files. Needs uv and npm on PATH.
set -euo pipefail
cd "$(dirname "$0")"
for name in requirements build executors/aider; do
    uv pip compile --quiet --universal --generate-hashes --python-version 3.12 \
        --custom-compile-command systems/oneshot/image/lock.sh "$name.in" --output-file "$name.txt"
done
for name in claude gemini cline; do
    # Without the registry's address, so that a mirror can be used; the integrity of each package is in the file.
    (cd "executors/$name" && npm install --silent --package-lock-only --ignore-scripts --omit-lockfile-registry-resolved)
done
