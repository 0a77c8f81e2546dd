#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up what the benchmark needs: nginx and wrk (Debian packages), the other clients, a certificate. Does what is missing.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
venv="$root/.build/bench-venv"
tls="$root/.build/bench-tls"
export PATH="$PATH:/usr/sbin:/sbin"

packages=()
command -v nginx >/dev/null || packages+=(nginx-light)
for name in wrk openssl; do
    command -v "$name" >/dev/null || packages+=("$name")
done
command -v taskset >/dev/null || packages+=(util-linux)
if [ "${#packages[@]}" -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
    # The packages may start no service: the benchmark starts its own server, only while it measures.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
        "${as_root[@]}" chmod 755 "$policy"
        trap '"${as_root[@]}" rm -f "$policy"' EXIT
    fi
    "${as_root[@]}" apt-get update --quiet=2
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --yes --no-install-recommends "${packages[@]}"
fi

# The interpreter is that of .venv: requirements/interpreter.sh has chosen the quickest.
python="$("$root/.venv/bin/python" -c 'import sys; print(sys.base_prefix, sys.version)')"
if ! cmp --silent "$root/bench/requirements.txt" "$venv/installed.txt" || [ "$python" != "$(cat "$venv/made-by.txt")" ]; then
    "$root/.venv/bin/python" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes \
        --requirement "$root/bench/requirements.txt"
    cp "$root/bench/requirements.txt" "$venv/installed.txt"
    echo "$python" >"$venv/made-by.txt"
fi

if ! openssl x509 -in "$tls/certificate.pem" -noout -checkend 86400 >/dev/null 2>&1; then
    mkdir -p "$tls"
    # P-256 as on AWS's endpoints, with a separate authority, which clients trust by AWS_CA_BUNDLE.
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 3650 \
        -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1,DNS:localhost \
        -addext keyUsage=critical,digitalSignature,keyCertSign \
        -keyout "$tls/key.pem" -out "$tls/certificate.pem" 2>/dev/null
fi
echo "the benchmark is set up: $("$venv/bin/python" --version), $(nginx -v 2>&1), $(wrk -v 2>&1 | head -1 | cut -d' ' -f1,2)"
