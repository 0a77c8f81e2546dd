#!/usr/bin/env bash
# ansible-test wants a git checkout at .../ansible_collections/gantry/ecs with the collections that it uses beside it,
# and no link that leads back into itself: so a copy of what git knows is made for it.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
collections="$root/.build/sanity/ansible_collections"
copy="$collections/gantry/ecs"
python="$root/.venv/bin/python"

rm -rf "$collections"
mkdir -p "$copy"
# What is no part of the collection (build_ignore in galaxy.yml) is left to ruff, whose rules contain pylint's errors and warnings.
parts=(. ':!.collections' ':!bench' ':!loadtest_app/tests' ':!tests/[!cs]*' ':!tests/systems')
(cd "$root" && git ls-files --cached --others --exclude-standard -z -- "${parts[@]}" |
    while IFS= read -r -d '' file; do
        if [ -e "$file" ]; then printf '%s\0' "$file"; fi
    done | xargs -0 cp --parents --target-directory "$copy")
git -C "$copy" init --quiet
git -C "$copy" add --all

installed="$("$python" -c 'import ansible_collections, pathlib; print(pathlib.Path(list(ansible_collections.__path__)[0]))')"
for name in amazon/aws community/aws community/docker; do
    mkdir -p "$collections/$(dirname "$name")"
    ln -s "$installed/$name" "$collections/$name"
done

# ansible-test would download an installer of pip for the environments that it makes: Python brings one.
cache="$HOME/.ansible/test/cache"
mkdir -p "$cache"
[ -e "$cache/get_pip_24_2.py" ] || echo 'import ensurepip; ensurepip.bootstrap(default_pip=True)' >"$cache/get_pip_24_2.py"

cd "$copy"
exec ansible-test sanity --color no --python "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')"
