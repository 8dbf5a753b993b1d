#!/bin/sh
# The full torture: 200 x kill -9 of either of two replicas under load, a long soak, and every other test of
# tests/processes; two replicas behind Caddy restarted ten times at 200 updates/s, deployed, killed and down for a minute;
# held to 1 CPU and 256 MB; their memory over time; backups of a large database under load; a simulated year (`just
# year`). On the release binary. Prints what was seen, and a table of it; fails if a promise was broken.
#
#   deploy/torture.sh [KILLS] [SOAK_SECONDS]      (defaults: 200 and 600; about two hours)
#
# GRYAG_BIN names another binary to torture. As root it mounts an 8 MB tmpfs and makes a control group; it wants strace
# and what deploy/check_replicas.sh needs (Debian: strace caddy prometheus prometheus-alertmanager).
set -eu
cd "$(dirname "$0")/.."
export GRYAG_KILLS="${1:-200}" GRYAG_SOAK_SECONDS="${2:-600}"
if [ -z "${GRYAG_BIN:-}" ]; then
    cargo build --locked --release --bin gryag
    GRYAG_BIN="$(pwd)/target/release/gryag"
    [ -z "${CARGO_TARGET_DIR:-}" ] || GRYAG_BIN="$CARGO_TARGET_DIR/release/gryag"
fi
export GRYAG_BIN
output="$(mktemp)"
trap 'rm -f "$output"' EXIT
status=0
cargo test --locked --test processes -- --nocapture --test-threads 1 >"$output" 2>&1 || status=$?
export PYTHONDONTWRITEBYTECODE=1
GRYAG_NEXT_BIN="$(tests/replicas/next_version.sh release)"
export GRYAG_NEXT_BIN
deploy/check_replicas.sh --no-files --restarts 10 --down 60 >>"$output" 2>&1 || status=$?
for measure in 'endure.py --rate 20 --minutes 10 --held' 'endure.py --rate 50 --warm-up 20 --minutes 20' \
    'backing_up.py --megabytes 250'; do
    # shellcheck disable=SC2086  # words of a command
    python3 tests/replicas/$measure >>"$output" 2>&1 || status=$?
done
# A year on the test clock, in one process.
GRYAG_YEAR=1 cargo test --locked --release --test it year:: -- --nocapture >>"$output" 2>&1 || status=$?
# The test harness leaves no line break before what a test prints.
sed 's/figure | .*$//' "$output"
echo
echo '| what | seen |'
echo '|---|---|'
sed -n 's/^.*figure | \(.*\)$/| \1 |/p' "$output"
exit "$status"
