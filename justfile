# `just` lists the recipes. CI runs `.ci/run`, which needs no just.

export CARGO_INCREMENTAL := env("CARGO_INCREMENTAL", "1")

[private]
default:
    @just --list --unsorted

# All that CI asks for
check: fmt clippy doc deny test

# The code is formatted
fmt:
    cargo fmt --check

# No warnings
clippy:
    cargo clippy --all-targets --locked -- -D warnings

# The code's documentation builds, private items and links included
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items --locked

# Licences, doubled and banned crates, sources of the dependencies
deny:
    cargo deny --locked check bans licenses sources

# Known vulnerabilities of the dependencies (needs the network)
advisories:
    cargo deny --locked check advisories

# The tests, or those whose name contains NAME
test NAME="":
    cargo test --locked {{ NAME }}

# Write the generated pages anew (a differing page is written by its failing test)
docs:
    -cargo test --locked --quiet --test config_docs --test metrics_docs --no-fail-fast
    cargo test --locked --quiet --test config_docs --test metrics_docs --no-fail-fast

# The README's figures, as a table; `just bench turns ack` measures only these
bench *WHICH:
    cargo bench --locked --bench figures -- {{ WHICH }}

# The property tests with many cases; `just properties 100000 markup::` only those of the rendering
properties CASES="5000" NAME="":
    PROPTEST_CASES={{ CASES }} cargo test --locked --release {{ if NAME == "" { "" } else { "--lib " + NAME } }}

# libFuzzer over what comes from outside, so many seconds for each target (needs cargo-fuzz)
fuzz SECONDS="600" *TARGETS:
    fuzz/run {{ SECONDS }} {{ TARGETS }}

# An hour of libFuzzer over the rendering of what a model writes
fuzz-hour: (fuzz "3600" "render")

# The long fault tests on the release binary: kills under load, a soak, a full disk and the rest; prints a table
torture KILLS="200" SOAK_SECONDS="600":
    deploy/torture.sh {{ KILLS }} {{ SOAK_SECONDS }}

# A year on the test clock with all of maintenance: every table within its bound, size and speed as a table
year:
    GRYAG_YEAR=1 cargo test --locked --release --test it year:: -- --nocapture

# Two replicas behind the real Caddy and Prometheus: restarts, kills and an outage under load (Debian: caddy prometheus-alertmanager)
replicas *ARGS: build
    deploy/check_replicas.sh {{ ARGS }}

# The bot without Telegram: a chat in the browser
sandbox *ARGS:
    cargo run --locked --release -- sandbox {{ ARGS }}

# The optimised binary
build:
    cargo build --locked --release
    @ls -lh target/release/gryag

# A release for this kind of processor below target/dist: static binary, checksums, SBOM (Debian: musl-tools)
release:
    deploy/release.sh
