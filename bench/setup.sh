#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up what the benchmark needs: nginx and wrk (Debian packages), the other clients, a certificate. Does what is missing.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
venv="$root/.build/bench-venv"
tls="$root/.build/bench-tls"
export PATH="$PATH:/usr/sbin:/sbin"

# The quickest interpreter that is here: one that was built without profile-guided optimization takes twice as long for
# everything, unlike those of distributions and of the python images, and would be measured instead of ddbload.
microseconds() {
    "$1" -c 'import sys, timeit
sys.exit() if not (3, 11) <= sys.version_info < (3, 14) else None
work = "for number in range(1000): pair = [number]; known = {1: pair}; total = known[1][0] + number"
print(int(min(timeit.repeat(work, number=100, repeat=9)) * 1e6))' 2>/dev/null || true
}
python="${PYTHON:-}"
if [ -z "$python" ]; then
    least=
    for name in "$root/.venv/bin/python" /usr/bin/python3 /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11 \
        python3.13 python3.12 python3.11; do
        taken="$(microseconds "$name")"
        if [ -n "$taken" ] && { [ -z "$least" ] || [ "$taken" -lt $((least * 9 / 10)) ]; }; then
            least="$taken"
            python="$(command -v "$name")"
        fi
    done
fi

packages=()
command -v nginx >/dev/null || packages+=(nginx-light)
for name in wrk openssl; do
    command -v "$name" >/dev/null || packages+=("$name")
done
command -v taskset >/dev/null || packages+=(util-linux)
# Debian keeps what makes environments apart from its interpreter.
"$python" -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
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

if ! cmp --silent "$root/bench/requirements.txt" "$venv/installed.txt" || [ "$python" != "$(cat "$venv/made-by.txt")" ]; then
    "$python" -m venv --clear "$venv"
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
echo "the benchmark is set up: $("$venv/bin/python" --version) of $python, $(nginx -v 2>&1), $(wrk -v 2>&1 | head -1 | cut -d' ' -f1,2)"
