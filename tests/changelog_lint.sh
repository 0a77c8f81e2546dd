#!/usr/bin/env bash
# Fragments are sound, galaxy.yml's version is in the changelog, and CHANGELOG.md is what the tool makes of changelog.yaml.
set -euo pipefail
cd "$(dirname "$0")/.."
antsibull-changelog lint
antsibull-changelog lint-changelog-yaml changelogs/changelog.yaml

version="$(sed -n 's/^version: *//p' galaxy.yml)"
if ! grep -q "^  ${version//./\\.}:\$" changelogs/changelog.yaml; then
    echo "changelogs/changelog.yaml has no release $version, which galaxy.yml names -> antsibull-changelog release"
    exit 1
fi

copy=.build/changelog
rm -rf "$copy"
mkdir -p "$copy"
cp -R galaxy.yml changelogs plugins roles "$copy"
(cd "$copy" && antsibull-changelog generate)
if ! diff -u CHANGELOG.md "$copy/CHANGELOG.md"; then
    echo 'CHANGELOG.md is not what changelogs/changelog.yaml says -> antsibull-changelog generate'
    exit 1
fi
