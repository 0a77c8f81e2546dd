#!/usr/bin/env bash
# Writes the lock files from the *.in files. `make lock` calls it; needs uv on PATH.
# The tests' lock is solved first and constrains the others, so that one venv can hold the first three.
set -euo pipefail
cd "$(dirname "$0")"
compile() {
    uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
        --custom-compile-command 'make lock' "$@"
}
compile test.in --output-file test.txt
# botocore arrives by both boto3 and MiniStack: one version everywhere.
for name in local load-balancer database mcp-gateway control ee; do
    compile "$name.in" --constraints test.txt --output-file "$name.txt"
done
# The benchmark's and the image's own; the image holds nothing that only tests need.
compile ../bench/requirements.in --output-file ../bench/requirements.txt
compile ../loadtest_app/requirements.in --constraints test.txt --output-file ../loadtest_app/requirements.txt
# Judges of the templates; they pin another boto3 and have an environment of their own.
compile validate.in --output-file validate.txt
