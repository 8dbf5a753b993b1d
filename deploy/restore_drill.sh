#!/bin/sh
# Restores the newest backup into a directory of its own, checks it, and says what is in it. Touches nothing that is live;
# the bot may run. Do it now and then: a backup that was never restored is a hope.
#
#   deploy/restore_drill.sh [DATA_DIR] [BACKUP]      (defaults: $BOT_DATA_DIR or `data`, and its newest backup)
#
# GRYAG_BIN names the binary (default: gryag). It needs as much room under TMPDIR as the database takes.
set -eu
gryag="${GRYAG_BIN:-gryag}"
data="${1:-${BOT_DATA_DIR:-data}}"
# The names sort by time.
backup="${2:-$(find "$data/backups" -name 'gryag-*.db.gz' 2>/dev/null | sort | tail -n 1)}"
if [ -z "$backup" ]; then
    echo "there is no backup in $data/backups; GRYAG_BIN and BOT_DATA_DIR tell where the bot lives" >&2
    exit 1
fi
place="$(mktemp -d)"
trap 'rm -rf "$place"' EXIT
mkdir "$place/backups"
if [ -f "$data/backups/deletions.jsonl" ]; then
    cp "$data/backups/deletions.jsonl" "$place/backups/"
fi
echo "restoring $backup into $place"
export BOT_DATA_DIR="$place"
"$gryag" restore "$backup"
"$gryag" check
"$gryag" outbox
echo "the drill is passed"
