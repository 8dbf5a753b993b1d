#!/usr/bin/env bash
# Brings a version into service, replica by replica, so that nobody notices.
#
#   deploy/deploy.sh compose IMAGE      gryag:1.2.3; pulled if it is not here
#   deploy/deploy.sh systemd BINARY     ./gryag, laid below /opt/gryag/releases
#
# Replica a is restarted with it and must say twice that it is ready; then b. A replica that was not ready before goes
# first, so that the one that works is never stopped for nothing. The first that fails stops the deploy, and what was
# changed is put back. Every wait is bounded. The same version again is a rolling restart, after a changed .env for one.
#
# Ends with 0: done; 1: it failed and the old version is back; 2: it failed and a person must look; 64: wrong call;
# 75: another deploy is under way.
#
# May be set: READY_SECONDS (60) to become ready, PAUSE_SECONDS (2) between the two looks, longer than Caddy's
# health_interval; GRYAG_COMPOSE_FILE (docker-compose.prod.yml); GRYAG_HOME (/opt/gryag), GRYAG_ETC (/etc/gryag).
set -euo pipefail

readonly READY_SECONDS=${READY_SECONDS:-60} PAUSE_SECONDS=${PAUSE_SECONDS:-2}
# Longer than the 40 s in which a replica has ended by itself.
readonly RESTART_SECONDS=90
readonly GRYAG_HOME=${GRYAG_HOME:-/opt/gryag} GRYAG_ETC=${GRYAG_ETC:-/etc/gryag}

say() { printf '%s %s\n' "$(date +%T)" "$*"; }

usage() {
    sed -n '2,5p' "$0" | cut -c3- >&2
    exit 64
}

# --- what differs: each way offers prepare, installed, put, ready and keep -------------------------------------------

compose() { docker compose -f "${GRYAG_COMPOSE_FILE:-docker-compose.prod.yml}" "$@"; }

# prepare VERSION: sees that the version is there and runs, and sets `version` to what `put` takes.
compose_prepare() {
    version=$1
    docker image inspect "$version" > /dev/null 2>&1 || docker pull "$version" || return 1
    docker run --rm --network none "$version" --version
}

# installed REPLICA: what it runs now, as `put` takes it; nothing if it was never there. The image gets a name of its own,
# for the old name may mean the new image by now.
compose_installed() {
    local container image
    container=$(compose ps --all --quiet "gryag-$1")
    [[ -n $container ]] || return 0
    image=$(docker inspect --format '{{.Image}}' "$container")
    docker tag "$image" "gryag:before-$1"
    echo "gryag:before-$1"
}

# put REPLICA VERSION: restarts it with the version.
compose_put() {
    GRYAG_IMAGE=$2 timeout "$RESTART_SECONDS" docker compose -f "${GRYAG_COMPOSE_FILE:-docker-compose.prod.yml}" \
        up --detach --no-deps --no-build --force-recreate "gryag-$1"
}

# ready REPLICA: whether it says so now.
compose_ready() { timeout 10 docker compose -f "${GRYAG_COMPOSE_FILE:-docker-compose.prod.yml}" exec -T "gryag-$1" gryag health; }

# keep VERSION: what a start of the machine, or `up` by hand, shall use from now on.
compose_keep() {
    local changed
    changed=$(mktemp .env.XXXXXX)
    grep -v '^GRYAG_IMAGE=' .env > "$changed" || true
    echo "GRYAG_IMAGE=$1" >> "$changed"
    chmod --reference=.env "$changed"
    mv "$changed" .env
}

systemd_prepare() {
    local words
    words=$("$1" --version) || return 1
    version=$GRYAG_HOME/releases/$(tr -c 'A-Za-z0-9.\n' '-' <<< "$words")-$(sha256sum "$1" | cut -c1-12)
    # Beside it and then moved: a running binary cannot be overwritten, and half of one must not be started.
    mkdir -p "$version" && install -m 755 "$1" "$version/gryag.new" && mv "$version/gryag.new" "$version/gryag"
}

systemd_installed() { readlink "$GRYAG_HOME/$1" || true; }

systemd_put() {
    ln -sfn "$2" "$GRYAG_HOME/$1.new" && mv -T "$GRYAG_HOME/$1.new" "$GRYAG_HOME/$1" \
        && timeout "$RESTART_SECONDS" systemctl restart "gryag@$1"
}

systemd_ready() {
    local address
    address=$(sed -n 's/^BOT_HTTP_ADDR=//p' "$GRYAG_ETC/$1.env")
    curl --silent --show-error --fail --max-time 5 "http://$address/readyz"
}

# The newest three besides those in use stay, for a way back.
systemd_keep() {
    local release
    while read -r release; do
        [[ $(readlink "$GRYAG_HOME/a") == "$release" || $(readlink "$GRYAG_HOME/b") == "$release" ]] || rm -r "$release"
    done < <(find "$GRYAG_HOME/releases" -mindepth 1 -maxdepth 1 -type d -printf '%T@ %p\n' | sort -rn | tail -n +4 | cut -d' ' -f2-)
}

# --- what is the same ------------------------------------------------------------------------------------------------

is_ready() { "${way}_ready" "$1" > /dev/null 2>&1; }

# Twice, with a pause: who starts, says "ready" and dies is not ready; and Caddy has seen it by then.
wait_ready() {
    local end=$((SECONDS + READY_SECONDS))
    until is_ready "$1" && sleep "$PAUSE_SECONDS" && is_ready "$1"; do
        ((SECONDS < end)) || return 1
        sleep 0.5
    done
}

# Puts the old version back where it was changed, the last one first. Where the old one was not ready either, there is
# nothing to wait for.
roll_back() {
    local replica code=1
    for ((at = ${#changed[@]} - 1; at >= 0; at--)); do
        replica=${changed[at]}
        if [[ -z ${before[$replica]} ]]; then
            say "$replica: there was nothing before, so it stays as it is"
            code=2
            continue
        fi
        say "$replica: back to ${before[$replica]}"
        if ! "${way}_put" "$replica" "${before[$replica]}"; then
            say "$replica: could not be put back"
            code=2
        elif [[ ${was_ready[$replica]} == no ]]; then
            say "$replica: was not ready before the deploy either; not waiting for it"
            code=2
        elif ! wait_ready "$replica"; then
            say "$replica: is not ready with the old version either"
            code=2
        fi
        # The rest serves on with the new version rather than being stopped too.
        ((code == 1)) || break
    done
    if ((code == 1)); then
        say "FAILED. Everything runs the old version again; nothing was lost."
    else
        say "FAILED, and not everything could be put back. See deploy/runbook.md, GryagReplicaMissing."
    fi
    exit "$code"
}

(($# == 2)) || usage
way=$1
[[ $way == compose || $way == systemd ]] || usage
# Relative to where the call was made, before we go home.
[[ $way == compose ]] || set -- "$way" "$(realpath -e -- "$2")" || usage
exec 9< "$0"
flock --nonblock 9 || { say "another deploy is under way"; exit 75; }
cd "$(dirname "$0")/.."

declare -A before was_ready
version=
say "looking at $2"
"${way}_prepare" "$2" || { say "FAILED: $2 does not run here. Nothing was changed."; exit 1; }

for replica in a b; do
    before[$replica]=$("${way}_installed" "$replica")
    was_ready[$replica]=no
    if is_ready "$replica"; then was_ready[$replica]=yes; fi
    say "$replica: ready: ${was_ready[$replica]}, runs ${before[$replica]:-nothing}"
done
order=(a b)
[[ ${was_ready[a]} == yes && ${was_ready[b]} == no ]] && order=(b a)

changed=()
trap 'say "interrupted; ${changed[*]:-none} changed so far. Call it again, with the version you want."; exit 2' INT TERM
for replica in "${order[@]}"; do
    say "$replica: restarting with $version"
    changed+=("$replica")
    "${way}_put" "$replica" "$version" || { say "$replica: does not start"; roll_back; }
    wait_ready "$replica" || { say "$replica: not ready within $READY_SECONDS s"; roll_back; }
    say "$replica: ready"
done
"${way}_keep" "$version"
say "done: both replicas run $version"
