#!/usr/bin/env bash
# What a tag v<version> claims, held against galaxy.yml, the changelog and the fragments. Argument: the tag.
set -euo pipefail
cd "$(dirname "$0")/.."
tag="$1"
version="$(sed -n 's/^version: *//p' galaxy.yml)"
wrong=0

say() {
    printf '%s\n' "$1"
    wrong=1
}

[ "$tag" = "v$version" ] || say "the tag is $tag, galaxy.yml says $version -> tag v$version, or raise the version"
grep -q "^  ${version//./\\.}:\$" changelogs/changelog.yaml ||
    say "changelogs/changelog.yaml has no release $version -> antsibull-changelog release"
for fragment in changelogs/fragments/*.yml changelogs/fragments/*.yaml; do
    [ ! -e "$fragment" ] || say "$fragment is in no release -> antsibull-changelog release --update-existing"
done
exit "$wrong"
