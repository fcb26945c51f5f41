#!/usr/bin/env bash
# Makes what docker-compose.yml needs beside the checkout: secrets as files, and .env.
#
#   tools/compose-setup.sh           for real work; asks for what it does not find in the environment (KEEPA_API_KEY,
#                                    SLACK_BOT_TOKEN, SLACK_CHANNEL)
#   tools/compose-setup.sh --demo    a demo: a simulator plays Keepa and Slack; data of its own
#
# Happy way: each secret that is not there yet is made up (or asked for) in conf/secrets/, or conf/secrets/demo/; .env gets
# the few lines that differ between the two and keeps the others. May be run again at any time, and is to be run after an
# upgrade: nothing that is there is lost, the list of Redis commands follows conf/redis.acl.
#
# The files may be read by the users inside the containers, who are nobody outside; the folder is its owner's alone.
# How it fails: what is missing and cannot be asked for is named, exit 1.
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

random() {
    head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n'
}

# put NAME TEXT
put() {
    rm -f "$secrets/$1.new"
    printf '%s\n' "$2" >"$secrets/$1.new"
    chmod 0444 "$secrets/$1.new"
    mv -f "$secrets/$1.new" "$secrets/$1"
}

# keep NAME TEXT: only if it is not there yet.
keep() {
    [ -s "$secrets/$1" ] || put "$1" "$2"
}

# ask VARIABLE WHAT: its value in the environment, else what is typed.
ask() {
    local value=${!1:-}
    if [ -z "$value" ]; then
        [ -t 0 ] || fail "$1 is not set: $2" "Give it in the environment, or run this on a terminal."
        read -r -s -p "$2: " value
        echo >&2
    fi
    [ -n "$value" ] || fail "$1: nothing was given"
    printf '%s' "$value"
}

# setting NAME VALUE: one line of .env; no VALUE takes the line away.
setting() {
    { grep -v "^$1=" .env 2>/dev/null || true; } >.env.new
    [ -z "$2" ] || printf '%s=%s\n' "$1" "$2" >>.env.new
    mv .env.new .env
}

stores() {
    local redis owner daemon
    redis=$(random) owner=$(random) daemon=$(random)
    keep redis_password "$redis"
    keep postgres_password "$owner"
    keep database_password "$daemon"
    redis=$(cat "$secrets/redis_password") owner=$(cat "$secrets/postgres_password") daemon=$(cat "$secrets/database_password")
    put redis_acl "$(sed "s/PASSWORD_SHA256/$(printf '%s' "$redis" | sha256sum | cut -d ' ' -f 1)/" conf/redis.acl)"
    put redis_url "redis://badgewatch:$redis@redis:6379/0"
    put database_url "postgresql://badgewatch:$daemon@postgres:5432/badgewatch"
    put database_owner_url "postgresql://badgewatch_owner:$owner@postgres:5432/badgewatch"
    keep status_token "$(random)"
    keep grafana_password "$(random)"
}

# Asked for before anything is written.
live() {
    local key token channel
    key=$(cat conf/secrets/keepa_api_key 2>/dev/null || ask KEEPA_API_KEY "Key of the Keepa API")
    token=$(cat conf/secrets/slack_bot_token 2>/dev/null || ask SLACK_BOT_TOKEN "Bot token of the Slack app (xoxb-...)")
    channel=$(sed -n 's/^SLACK_CHANNEL=//p' .env 2>/dev/null || true)
    case $channel in '' | C0DEMO) channel=$(ask SLACK_CHANNEL "Slack channel (its id, C...)") ;; esac
    secrets=conf/secrets
    put keepa_api_key "$key"
    put slack_bot_token "$token"
    setting SLACK_CHANNEL "$channel"
    for name in COMPOSE_PROJECT_NAME COMPOSE_PROFILES BADGEWATCH_SECRETS KEEPA_BASE_URL SLACK_BASE_URL; do
        setting $name ''
    done
}

demo() {
    secrets=conf/secrets/demo
    mkdir -p $secrets
    put keepa_api_key demo-key
    put slack_bot_token xoxb-demo
    setting COMPOSE_PROJECT_NAME badgewatch-demo
    setting COMPOSE_PROFILES demo
    setting BADGEWATCH_SECRETS ./$secrets
    setting SLACK_CHANNEL C0DEMO
    setting KEEPA_BASE_URL http://simulator:9788
    setting SLACK_BASE_URL http://simulator:9788/api
}

umask 077
mkdir -p conf/secrets
case ${1:-} in
'') live ;;
--demo) demo ;;
*)
    sed -n '2,/^set -eu/p' "$0" | grep '^#' | sed 's/^# \{0,1\}//' >&2
    exit 2
    ;;
esac
stores
port=$(sed -n 's/^BADGEWATCH_PORT=//p' .env)
echo "Ready. Now:      docker compose up -d --build"
echo "The page, then:  http://127.0.0.1:${port:-9787}/?token=TOKEN   (the TOKEN: cat $secrets/status_token)"
[ "${1:-}" != --demo ] || echo "The channel:     http://127.0.0.1:$(sed -n 's/^SIMULATOR_PORT=//p' .env | grep . || echo 9788)/channel"
