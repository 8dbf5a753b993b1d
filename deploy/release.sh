#!/usr/bin/env bash
# A release for this machine's kind of processor, below target/dist: an archive with a stripped static binary and all that
# an installation needs beside it, a list of what it is made of, and their checksums.
#
#   deploy/release.sh [TARGET]        x86_64-unknown-linux-musl here, or what rustc and a C compiler for it can build
#
# Needs rustup, Python 3.11 and, for musl, Debian's musl-tools. .github/workflows/release.yml runs it on both kinds.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-$(uname -m)-unknown-linux-musl}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
name=gryag-$version-${target%%-*}-linux
build=${CARGO_TARGET_DIR:-target}
dist=target/dist
binary=$build/$target/release/gryag

rustup target add "$target"
CARGO_PROFILE_RELEASE_STRIP=symbols cargo build --release --locked --bin gryag --target "$target"

# What is shipped is what was meant: static, of this version, and alive.
if readelf --dynamic "$binary" | grep -q NEEDED; then
    echo "$binary needs shared libraries" >&2
    exit 1
fi
[[ $("$binary" --version) == "gryag $version" ]]
[[ -n $(env -u GEMINI_API_KEY "$binary" sandbox --say "Гряг, привіт") ]]

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
mkdir -p "$stage/$name/deploy" "$dist"
install -m 755 "$binary" "$stage/$name/gryag"
cp -r LICENSE CHANGELOG.md README.md README.uk.md docs .env.example Caddyfile docker-compose.prod.yml prometheus.yml "$stage/$name/"
cp -r deploy/README.md deploy/runbook.md deploy/deploy.sh deploy/alertmanager.sh deploy/alertmanager.yml deploy/systemd \
    deploy/prometheus deploy/grafana "$stage/$name/deploy/"
deploy/sbom.py "$target" > "$dist/$name.cdx.json"
cp "$dist/$name.cdx.json" "$stage/$name/sbom.cdx.json"
# The same files make the same archive, whoever packs it and when.
tar --create --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$(git log -1 --format=%ct)" \
    --directory "$stage" "$name" | gzip -9n > "$dist/$name.tar.gz"
(cd "$dist" && sha256sum "$name.tar.gz" "$name.cdx.json" > "SHA256SUMS-${target%%-*}")
ls -l "$binary" "$dist"
