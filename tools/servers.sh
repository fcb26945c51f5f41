#!/usr/bin/env bash
# A Redis and a Postgres of our own, on unix sockets in a folder, with nothing to configure.
#
#   tools/servers.sh start [--fast] DIR             prints REDIS_URL=... and DATABASE_URL=..., and leaves them running
#   tools/servers.sh stop DIR
#   tools/servers.sh run [--fast] DIR -- COMMAND    the command with both in its environment; stops them after it
#
# DIR/redis/redis.sock, DIR/postgres/.s.PGSQL.5432 (database and owner: badgewatch), DIR/log/*.log. No TCP port is
# opened. --fast is for tests: nothing is flushed to disk. ./run sources this file and calls the functions below.
#
# Happy way: whatever an earlier start left is stopped, then both are started and waited for. As root Postgres, which
# refuses to be root, runs as user postgres. Where that user cannot reach DIR (a 0700 home above it), its folder is
# /var/lib/badgewatch/..., with a link to it in DIR. Where DIR is so long that a socket in it has more than the 107
# bytes of a socket's address, clients reach it through a short link in /tmp.
#
# How it fails: a server that does not answer within 30 s, or ends, is told with the end of its log; exit 1.

servers_fail() {
    echo "$1" >&2
    if [ -s "${2:-}" ]; then
        echo "The end of $2:" >&2
        tail -n 15 "$2" >&2
    fi
    return 1
}

# ---- where things are ----

# A file's path as part of a URL.
servers_escape() {
    local text=$1 out='' c i LC_ALL=C
    for ((i = 0; i < ${#text}; i++)); do
        c=${text:i:1}
        case $c in
        [a-zA-Z0-9/._~-]) out+=$c ;;
        *) printf -v c '%%%02X' "'$c" && out+=${c/FFFFFFFFFFFFFF/} ;;
        esac
    done
    printf '%s' "$out"
}

# Sets SERVERS_DIR (real), SERVERS_WAY (the same, short enough for sockets), REDIS_SOCKET, PG_SOCKETS, PG_BIN.
servers_layout() {
    mkdir -p "$1/redis" "$1/log"
    SERVERS_DIR=$(cd "$1" && pwd -P)
    SERVERS_WAY=$SERVERS_DIR
    if [ "$(printf '%s' "$SERVERS_DIR/postgres/.s.PGSQL.5432.lock" | wc -c)" -gt 105 ]; then
        if [ ! -L "$SERVERS_DIR/short" ] || [ "$(readlink -f "$SERVERS_DIR/short/d")" != "$SERVERS_DIR" ]; then
            local short
            short=$(mktemp -d /tmp/badgewatch-XXXXXX)
            chmod 711 "$short"
            ln -s "$SERVERS_DIR" "$short/d"
            ln -sfn "$short" "$SERVERS_DIR/short"
        fi
        SERVERS_WAY=$(readlink "$SERVERS_DIR/short")/d
    fi
    REDIS_SOCKET=$SERVERS_WAY/redis/redis.sock
    PG_SOCKETS=$SERVERS_WAY/postgres
    local initdb
    initdb=$(printf '%s\n' /usr/lib/postgresql/*/bin/initdb /usr/bin/initdb | sort -V | tail -n 1)
    [ -x "$initdb" ] || initdb=$(command -v initdb) || servers_fail "There is no Postgres server (postgresql-15)." || return
    PG_BIN=${initdb%/*}
}

servers_redis_url() {
    printf 'unix://%s?db=0' "$(servers_escape "$REDIS_SOCKET")"
}

# servers_database_url ROLE
servers_database_url() {
    printf 'postgresql:///badgewatch?host=%s&user=%s' "$(servers_escape "$PG_SOCKETS")" "$1"
}

# ---- processes ----

# The command in a session of its own, so that Ctrl-C on a terminal reaches only who shall act on it. With
# SERVERS_FOLLOW=yes it also ends (by the signal named first) when this shell ends in whatever way.
servers_spawn() {
    local signal=$1 log=$2
    shift 2
    local follow=()
    [ "${SERVERS_FOLLOW:-}" = yes ] && follow=(--pdeathsig "$signal")
    # 9 is the lock of ./run, which is not theirs to keep.
    setsid setpriv "${follow[@]}" "$@" </dev/null >>"$log" 2>&1 9>&- &
}

# servers_await PID SECONDS COMMAND...: until the command succeeds; false if the process ends or time is up.
servers_await() {
    local pid=$1 deadline=$((SECONDS + $2))
    shift 2
    until "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null && [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}

servers_gone() {
    ! kill -0 "$1" 2>/dev/null || [ "$(sed 's/.*) //; s/ .*//' "/proc/$1/stat" 2>/dev/null)" = Z ]
}

# servers_pid FILE FOLDER: the server that the file names; empty if it runs no more. The file may be from before a crash
# and its number since another's: only a process that works in the folder is meant.
servers_pid() {
    local pid=''
    [ ! -e "$1" ] || read -r pid <"$1" || true
    if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd" 2>/dev/null)" = "$2" ]; then
        echo "$pid"
    fi
}

# servers_wait_gone PID SECONDS
servers_wait_gone() {
    local deadline=$((SECONDS + $2))
    until servers_gone "$1"; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.05
    done
}

# ---- Redis ----

redis_cli() {
    redis-cli -s "$REDIS_SOCKET" "$@"
}

redis_answers() {
    [ "$(redis_cli PING)" = PONG ]
}

redis_pid() {
    servers_pid "$SERVERS_DIR/redis/redis.pid" "$SERVERS_DIR/redis"
}

redis_start() {
    local how=(--appendonly yes --appendfsync everysec --save '')
    [ "${SERVERS_FAST:-}" = yes ] && how=(--appendonly no --save '')
    # --dir comes first: the socket's name is then relative to it, and never too long.
    servers_spawn TERM "$SERVERS_DIR/log/redis.log" \
        redis-server --dir "$SERVERS_DIR/redis" --port 0 --unixsocket redis.sock --unixsocketperm 700 \
        --pidfile redis.pid --maxmemory-policy noeviction --loglevel notice --daemonize no "${how[@]}"
    REDIS_PID=$!
    # A big append-only file takes its time to load.
    servers_await "$REDIS_PID" 300 redis_answers ||
        servers_fail "Redis does not start." "$SERVERS_DIR/log/redis.log"
}

redis_stop() {
    local pid
    pid=$(redis_pid)
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2>/dev/null || return 0
    servers_wait_gone "$pid" 30 || servers_fail "Redis (process $pid) does not stop."
}

# ---- Postgres ----

# Runs a command as the user who owns the cluster, in a folder that this user can enter.
pg_as_owner() {
    (cd "$PG_HOME" && exec setpriv "${PG_USER[@]}" "$@")
}

# Sets PG_HOME, where the cluster really is, and PG_USER, who runs it. As root that is user postgres (or who owns the
# cluster already), who must get through every folder above it.
pg_place() {
    local place=$SERVERS_DIR/postgres owner=postgres
    PG_USER=()
    if [ "$(id -u)" -eq 0 ]; then
        [ ! -d "$place/data" ] || owner=$(stat -c %U "$place/data/")
        id "$owner" >/dev/null || servers_fail "As root Postgres runs as user '$owner', who does not exist." || return
        PG_USER=("--reuid=$owner" "--regid=$(id -g "$owner")" --init-groups)
        if [ ! -e "$place" ] && ! setpriv "${PG_USER[@]}" test -x "$SERVERS_DIR"; then
            rm -f "$place" # a link to nowhere
            ln -s "/var/lib/badgewatch/$(printf '%s' "$SERVERS_DIR" | sha256sum | cut -c 1-12)" "$place"
        fi
    fi
    PG_HOME=$(readlink -m "$place")
    mkdir -p "$PG_HOME"
    [ "$(id -u)" -ne 0 ] || chown "$owner:$(id -g "$owner")" "$PG_HOME"
    chmod 700 "$PG_HOME"
    # The short way to the sockets leads through DIR: where the cluster is elsewhere, Postgres takes the direct one.
    [ "$PG_HOME" = "$SERVERS_DIR/postgres" ] || PG_SOCKETS=$PG_HOME
}

pg_init() {
    local sync=()
    [ "${SERVERS_FAST:-}" = yes ] && sync=(--no-sync)
    # Made beside and moved: a making that was cut short leaves nothing that looks like a cluster.
    rm -rf "$PG_HOME/new"
    pg_as_owner "$PG_BIN/initdb" -D "$PG_HOME/new" -U postgres -E UTF8 --locale=C.UTF-8 \
        --auth-local=trust --auth-host=reject "${sync[@]}" >>"$SERVERS_DIR/log/postgres.log" 2>&1 ||
        servers_fail "initdb failed." "$SERVERS_DIR/log/postgres.log" || return
    mv "$PG_HOME/new" "$PG_HOME/data"
}

pg_sql() {
    "$PG_BIN/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$PG_SOCKETS" -U postgres "$@"
}

pg_pid() {
    servers_pid "$PG_HOME/data/postmaster.pid" "$PG_HOME/data"
}

pg_start() {
    local data=$PG_HOME/data how=()
    [ -e "$data/PG_VERSION" ] || pg_init || return
    [ "${SERVERS_FAST:-}" = yes ] && how=(-c fsync=off -c synchronous_commit=off -c full_page_writes=off)
    [ -n "$(pg_pid)" ] || rm -f "$data/postmaster.pid"
    servers_spawn INT "$SERVERS_DIR/log/postgres.log" "${PG_USER[@]}" "$PG_BIN/postgres" -D "$data" \
        -k "$PG_SOCKETS" -c port=5432 -c listen_addresses= -c unix_socket_permissions=0700 -c timezone=UTC \
        -c log_timezone=UTC -c log_min_duration_statement=1000 "${how[@]}"
    PG_PID=$!
    # Recovery after a crash takes its time; the server says so and lives.
    servers_await "$PG_PID" 300 pg_sql -d postgres -c 'SELECT 1' ||
        servers_fail "Postgres does not start." "$SERVERS_DIR/log/postgres.log" || return
    [ "$(pg_sql -d postgres -c "SELECT 1 FROM pg_roles WHERE rolname = 'badgewatch'")" = 1 ] ||
        pg_sql -d postgres -c 'CREATE ROLE badgewatch LOGIN CREATEROLE' || return
    [ "$(pg_sql -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'badgewatch'")" = 1 ] ||
        pg_sql -d postgres -c 'CREATE DATABASE badgewatch OWNER badgewatch'
}

# Fast: clients are sent away, what was committed is kept.
pg_stop() {
    local pid
    pid=$(pg_pid)
    [ -n "$pid" ] || return 0
    kill -INT "$pid" 2>/dev/null || return 0
    servers_wait_gone "$pid" 60 || servers_fail "Postgres (process $pid) does not stop."
}

# ---- both ----

servers_prepare() {
    servers_layout "$1" && pg_place
}

servers_start() {
    servers_prepare "$1" && redis_stop && pg_stop && redis_start && pg_start
}

servers_stop() {
    local bad=0
    servers_prepare "$1" || return
    redis_stop || bad=1
    pg_stop || bad=1
    [ ! -L "$SERVERS_DIR/short" ] || rm -rf "$(readlink "$SERVERS_DIR/short")" "$SERVERS_DIR/short"
    return $bad
}

# Removes the data of a folder whose servers are stopped.
servers_clear() {
    local place
    place=$(readlink -f "$1/postgres" || true)
    rm -rf "$1/redis" ${place:+"$place"} "$1/postgres"
}

# ---- as a program ----

servers_usage() {
    sed -n '2,/^$/p' "$0" | sed 's/^# \{0,1\}//' >&2
    exit 2
}

servers_run() {
    local dir=$1 code=0
    shift 2
    SERVERS_FOLLOW=yes
    trap 'servers_stop "$dir"' EXIT
    trap 'exit 143' TERM HUP
    trap 'exit 130' INT
    servers_start "$dir" || exit 1
    REDIS_URL=$(servers_redis_url) DATABASE_URL=$(servers_database_url badgewatch) "$@" || code=$?
    exit $code
}

servers_main() {
    set -eu
    local command=${1:-}
    shift || servers_usage
    if [ "${1:-}" = --fast ]; then
        SERVERS_FAST=yes
        shift
    fi
    case $command in
    start)
        [ $# -eq 1 ] || servers_usage
        servers_start "$1" || exit 1
        printf 'REDIS_URL=%s\nDATABASE_URL=%s\n' "$(servers_redis_url)" "$(servers_database_url badgewatch)"
        ;;
    stop)
        [ $# -eq 1 ] || servers_usage
        servers_stop "$1"
        ;;
    run)
        if [ $# -lt 3 ] || [ "$2" != -- ]; then
            servers_usage
        fi
        servers_run "$@"
        ;;
    *) servers_usage ;;
    esac
}

[ "${BASH_SOURCE[0]}" != "$0" ] || servers_main "$@"
