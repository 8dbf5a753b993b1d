#!/bin/sh
# A subcommand of the bot with the settings and the rights of the service: /opt/gryag/gryag.sh dead list
exec systemd-run --quiet --pipe --wait --collect --property=User=gryag --property=WorkingDirectory=/var/lib/gryag \
    --property=Environment=BOT_DATA_DIR=/var/lib/gryag --property=EnvironmentFile=/etc/gryag/gryag.env \
    --property=EnvironmentFile=/etc/gryag/a.env /opt/gryag/a/gryag "$@"
