#!/bin/sh
# Fills deploy/alertmanager.yml in from the environment and starts the Alertmanager with it.
#
#   alertmanager.sh TEMPLATE DIRECTORY [COMMAND...]
#
# Writes DIRECTORY/alertmanager.yml, readable for its owner only, and becomes COMMAND --config.file=that file.
# Needs TELEGRAM_BOT_TOKEN and ADMIN_ID (the first of several hears the alarms). May have: TELEGRAM_API_URL,
# GRYAG_ALERT_WEBHOOK_URL (a second receiver, such as ntfy or another chat's bridge), GRYAG_RUNBOOK_URL (where
# deploy/runbook.md can be read, so that the links in alarms can be followed).
set -eu
[ "$#" -ge 2 ] || { echo "usage: $0 TEMPLATE DIRECTORY [COMMAND...]" >&2; exit 64; }
template=$1 directory=$2
shift 2
: "${TELEGRAM_BOT_TOKEN:?is not set}" "${ADMIN_ID:?is not set}"

# A value on the right side of sed's s|||, and there inside YAML's single quotes.
escaped() { printf '%s' "$1" | sed "s/[\\\\&|]/\\\\&/g; s/'/''/g"; }

chat=$(printf '%s' "${ADMIN_ID%%,*}" | tr -d ' ')
case $chat in *[!0-9-]* | '') echo "ADMIN_ID is not a number: $chat" >&2; exit 64 ;; esac
webhook=${GRYAG_ALERT_WEBHOOK_URL:-}
drop='/^ *# \(begin\|end\) webhook$/d'
[ -n "$webhook" ] || drop='/^ *# begin webhook$/,/^ *# end webhook$/d'

umask 077
sed -e "$drop" \
    -e "s|: TELEGRAM_API_URL\$|: '$(escaped "${TELEGRAM_API_URL:-https://api.telegram.org}")'|" \
    -e "s|: TELEGRAM_BOT_TOKEN\$|: '$(escaped "$TELEGRAM_BOT_TOKEN")'|" \
    -e "s|: TELEGRAM_CHAT\$|: $chat|" \
    -e "s|: ALERT_WEBHOOK\$|: '$(escaped "$webhook")'|" \
    -e "s|\"RUNBOOK\"|\"$(escaped "${GRYAG_RUNBOOK_URL:-deploy/runbook.md}")\"|" \
    "$template" > "$directory/alertmanager.yml"

[ "$#" -eq 0 ] || exec "$@" "--config.file=$directory/alertmanager.yml"
