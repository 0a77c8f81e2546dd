#!/usr/bin/env bash
# Extracts Debian's MariaDB into a directory, for the databases of the embedded AWS. It needs no root and installs nothing.
# The version is that of the machine's APT sources, whose signatures APT verifies; stdout is the package and its version.
#   requirements/mariadb.sh DIRECTORY
set -euo pipefail
target=$1
fail() {
    echo "MariaDB cannot be set up: $1 -> install MariaDB, so that mariadbd is on PATH (on Debian: apt-get install mariadb-server)" >&2
    exit 1
}
if [[ -n $(PATH=$PATH:/usr/local/sbin:/usr/sbin type -P mariadbd) ]]; then
    echo "MariaDB of this machine: $(PATH=$PATH:/usr/local/sbin:/usr/sbin mariadbd --version)"
    exit 0
fi
for program in apt-get apt-cache dpkg-deb dpkg-query ldd; do
    [[ -n $(type -P "$program") ]] || fail "this machine has no $program"
done
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/packages" "$work/lists/partial" "$work/cache/archives/partial" "$work/tree"

# As the user that runs this, also where it is root: APT's own user may not enter the directory.
apt=(-o "APT::Sandbox::User=$(id -un)")
download() {
    (cd "$work/packages" && apt-get "${apt[@]}" --quiet=2 download "$@")
}
if ! download mariadb-server-core 2>"$work/error"; then
    # The machine's lists are empty or old: fetch lists of our own beside them.
    apt+=(-o "Dir::State::Lists=$work/lists" -o "Dir::Cache=$work/cache")
    apt-get "${apt[@]}" --quiet=2 update >"$work/error" 2>&1 || fail "apt-get update: $(tail -n 1 "$work/error")"
    download mariadb-server-core 2>"$work/error" || fail "apt-get download: $(tail -n 1 "$work/error")"
fi
libraries=()
while read -r name; do
    [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$name" 2>/dev/null || true) == installed ]] || libraries+=("$name")
done < <(apt-cache "${apt[@]}" depends mariadb-server-core | sed -n 's/^  Depends: \(lib[^<>]*\)$/\1/p')
if [[ ${#libraries[@]} -gt 0 ]]; then
    download "${libraries[@]}" 2>"$work/error" || fail "apt-get download: $(tail -n 1 "$work/error")"
fi
for package in "$work"/packages/*.deb; do
    dpkg-deb --extract "$package" "$work/tree"
done

# One directory of libraries, whatever the architecture's own is named.
mkdir -p "$work/tree/libraries"
find "$work/tree" -path "$work/tree/libraries" -prune -o -name 'lib*.so.*' -exec cp --no-dereference {} "$work/tree/libraries/" \;
missing=$(LD_LIBRARY_PATH=$work/tree/libraries ldd "$work/tree/usr/sbin/mariadbd" | sed -n 's/^\s*\(\S*\) => not found$/\1/p' | paste -sd ' ')
[[ -z $missing ]] || fail "libraries are missing: $missing"
rm -rf "$target"
mv "$work/tree" "$target"
echo "$(dpkg-deb --show "$work"/packages/mariadb-server-core_*.deb | tr '\t' ' '), from this machine's APT sources"
