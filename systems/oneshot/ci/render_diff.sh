#!/usr/bin/env bash
# Prints in Markdown what a change does to an environment: render_diff.sh BEFORE AFTER ENVIRONMENT
# BEFORE and AFTER are checkouts. A checkout without the system renders nothing, so that its first commit shows all of it.
set -euo pipefail
if [ $# != 3 ]; then
    echo 'render_diff.sh: expected BEFORE AFTER ENVIRONMENT' >&2
    exit 2
fi
environment=$3
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT

# render CHECKOUT NAME: renders into the directory of that name.
render() {
    local checkout
    checkout=$(cd "$1" && pwd)
    mkdir "$rendered/$2"
    if [ -e "$checkout/systems/oneshot/system.yml" ] && [ -e "$checkout/playbooks/render.yml" ]; then
        make --silent -C "$checkout" "$checkout/.venv/.local" >&2
        (cd "$checkout" && .venv/bin/ansible-playbook playbooks/render.yml -e system=oneshot -e env="$environment" \
            -e render_directory="$rendered/$2" >&2)
    fi
}

render "$1" before
render "$2" after
echo "### What changes in $environment"
if changes=$(cd "$rendered" && diff --recursive --unified --new-file before after); then
    echo 'Nothing.'
elif [ $? = 1 ]; then
    # A fence that no line of a template contains.
    printf '~~~~~~diff\n%s\n~~~~~~\n' "$changes"
else
    exit 2
fi
