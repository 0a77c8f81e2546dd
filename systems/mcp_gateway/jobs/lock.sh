#!/usr/bin/env bash
# Writes the lock file of the jobs' image. Needs uv on PATH.
set -euo pipefail
cd "$(dirname "$0")"
uv pip compile --quiet --universal --generate-hashes --python-version 3.12 \
    --custom-compile-command systems/mcp_gateway/jobs/lock.sh requirements.in --output-file requirements.txt
