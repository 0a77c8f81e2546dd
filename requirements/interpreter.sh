#!/usr/bin/env bash
# Prints the path of the Python interpreter for .venv: python3, unless another that is suited is clearly quicker. Those of
# version managers are mostly built without profile-guided optimization, and take up to twice as long for everything.
#   requirements/interpreter.sh
set -euo pipefail
names=(python3 python3.13 python3.12 python3.11 /usr/bin/python3 /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11)
# Another one than the first is taken where it needs less than this percentage of the time.
percent=90

# Prints the microseconds of a piece of work; nothing where the interpreter is not suited. Debian keeps ensurepip apart.
microseconds() {
    "$1" -c 'import sys, timeit
sys.exit() if not (3, 11) <= sys.version_info < (3, 14) else None
import ensurepip, venv
work = "for number in range(1000): pair = [number]; known = {1: pair}; total = known[1][0] + number"
print(int(min(timeit.repeat(work, number=100, repeat=3)) * 1e6))' 2>/dev/null || true
}

paths=()
least=()
# The least of several rounds, since the machine has other work at times.
for round in 1 2 3; do
    for number in "${!names[@]}"; do
        [[ $round = 1 || -n ${paths[number]:-} ]] || continue
        path=$(type -P "${names[number]}") || continue
        taken=$(microseconds "$path")
        [[ -n $taken ]] || continue
        paths[number]=$path
        if [[ $taken -lt ${least[number]:-$((taken + 1))} ]]; then least[number]=$taken; fi
    done
done
chosen=
for number in "${!names[@]}"; do
    [[ -n ${paths[number]:-} ]] || continue
    if [[ -z $chosen || ${least[number]} -lt $((least[chosen] * percent / 100)) ]]; then chosen=$number; fi
done
if [[ -z $chosen ]]; then
    echo 'Python 3.11, 3.12 or 3.13 is needed: install it (on Debian and Ubuntu, python3-venv as well), or name it: make PYTHON=/path/to/python3.11' >&2
    exit 1
fi
echo "${paths[chosen]}"
