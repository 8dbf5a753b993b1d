#!/bin/sh
# Builds the program of tomorrow: this one with a migration more, which adds a column and a table. What it prints last is
# the binary's path. The dependencies are not built again, for it shares the target directory.
#
#   tests/replicas/next_version.sh [release|debug]
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
profile=${1:-release}
target=${CARGO_TARGET_DIR:-$here/target}
tree=$target/next-version
mkdir -p "$tree"
rm -rf "$tree/migrations" "$tree/src" # nothing stays of what has been moved or renamed since
(cd "$here" && tar -cf - .cargo Cargo.toml Cargo.lock benches src migrations persona locales prices tests/fixtures) | tar -xf - -C "$tree"

last=$(find "$tree/migrations/sqlite" -name 'V*.sql' ! -name '*__rehearsal.sql' | sed 's/.*V\([0-9]*\)__.*/\1/' | sort -n | tail -n 1)
next=$((last + 1))
cat > "$tree/migrations/sqlite/V${next}__rehearsal.sql" << SQL
ALTER TABLE messages ADD COLUMN rehearsal TEXT;
CREATE TABLE rehearsals (id INTEGER PRIMARY KEY, at INTEGER NOT NULL);
UPDATE schema_generation SET generation = $next;
SQL
sed -i "s/^pub const GENERATION: i64 = $last;/pub const GENERATION: i64 = $next;/" "$tree/src/storage/sqlite/open.rs"
grep -q "GENERATION: i64 = $next;" "$tree/src/storage/sqlite/open.rs"
# Its own version: else cargo takes its objects for those of this program, the next time that this one is built.
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$tree/Cargo.toml" | head -n 1)
sed -i "0,/^version = \"$version\"/s//version = \"$version-tomorrow\"/" "$tree/Cargo.toml"
sed -i "/^name = \"gryag\"/{n;s/\"$version\"/\"$version-tomorrow\"/}" "$tree/Cargo.lock"

release=
[ "$profile" != release ] || release=--release
built=$target/$profile/gryag
[ ! -e "$built" ] || cp -p "$built" "$tree/today"
(cd "$tree" && CARGO_TARGET_DIR=$target cargo build --locked $release --bin gryag >&2)
cp -p "$built" "$tree/gryag"
[ ! -e "$tree/today" ] || mv "$tree/today" "$built"
echo "$tree/gryag"
