#!/usr/bin/env bash
# Writes the three lock files from the *.in files. `make lock` calls it; needs uv on PATH.
# The tests' lock is solved first and constrains the others, so that one venv can hold all three.
set -euo pipefail
cd "$(dirname "$0")"
compile() {
    uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
        --custom-compile-command 'make lock' "$@"
}
compile test.in --output-file test.txt
# botocore arrives by both boto3 and MiniStack: one version everywhere.
for name in local control; do
    compile "$name.in" --constraints test.txt --output-file "$name.txt"
done
# The image's own, so that it holds nothing that only tests need.
compile ../loadtest_app/requirements.in --constraints test.txt --output-file ../loadtest_app/requirements.txt
