#!/usr/bin/env bash
# Lints the documentation of modules, plugins and roles by antsibull-docs, as the Ansible documentation site would have it.
set -euo pipefail
cd "$(dirname "$0")/.."
# antsibull-docs copies the collections that galaxy.yml depends on, for their documentation fragments, and of a folder in
# a git checkout only what git knows: nothing, where they are installed in .venv. So git shall not see the checkout there.
installed="$(python -c 'import ansible_collections, os; print(os.path.realpath(list(ansible_collections.__path__)[0]))')"
export GIT_CEILING_DIRECTORIES="$installed"
exec antsibull-docs lint-collection-docs --plugin-docs .
