#!/bin/sh
# The service `backup` of docker-compose.yml: copies of the database in /backups, as the owner of its tables.
#
#   serve      one each night at BACKUP_AT (UTC), verified, the newest BACKUP_KEEP are kept; one that was missed is made up for
#   now        one at once, verified
#   healthy    whether the last one that was due is there, at most two hours late, and was found good
#   restore    the newest copy (or restore /backups/badgewatch-...) into the database badgewatch_new; then the daemons are cut
#              off from theirs
#   switch     badgewatch becomes badgewatch_old, badgewatch_new becomes badgewatch
#
# Between the last two Redis is emptied: doc/operations.md. How it fails: what failed says so and is tried again after ten
# minutes; a copy that is not good is not counted.
set -eu
PGPASSWORD=$(cat "$PGPASSWORD_FILE")
export PGPASSWORD
dir=/backups child=

sql() {
    psql -X -q -v ON_ERROR_STOP=1 "$@" postgres
}

# In the background, so that a signal to us reaches it at once.
run() {
    "$@" &
    child=$!
    wait "$child"
}

# stamp TIME: as a number that grows with it
stamp() {
    date -u -d "$1" +%Y%m%d%H%M%S
}

# due SECONDS: when the last copy was due, as seen so long ago
due() {
    at=$(($(date +%s) - $1))
    day=$(date -u -d "@$at" +%F)
    [ "$(date -u -d "$day $BACKUP_AT" +%s)" -le "$at" ] || day=$(date -u -d "$day - 1 day" +%F)
    stamp "$day $BACKUP_AT"
}

# good SECONDS: the copy that was due so long ago was made and verified
good() {
    made=$(cat "$dir/verified" 2>/dev/null || echo 0)
    [ "$made" -ge "$(due "$1")" ]
}

make() {
    begun=$(stamp now)
    run badgewatch backup "$dir" --keep "$BACKUP_KEEP" && run badgewatch verify "$dir" &&
        echo "$begun" >"$dir/verified.new" && mv "$dir/verified.new" "$dir/verified"
}

serve() {
    trap '[ -z "$child" ] || { kill "$child" 2>/dev/null; wait "$child"; }; exit 0' TERM INT
    while :; do
        pause=60
        good 0 || make || pause=600
        run sleep "$pause"
    done
}

case ${1:-} in
serve) serve ;;
now) make ;;
healthy) good 7200 ;;
restore)
    sql -c 'CREATE DATABASE badgewatch_new'
    badgewatch restore "${2:-$dir}" --into postgresql:///badgewatch_new
    DATABASE_URL=postgresql:///badgewatch_new badgewatch migrate
    psql -X -q -v ON_ERROR_STOP=1 -f /usr/share/badgewatch/roles.sql badgewatch_new
    sql -c 'ALTER DATABASE badgewatch ALLOW_CONNECTIONS false'
    sql -o /dev/null -c "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = 'badgewatch'"
    echo "Now empty Redis, then: docker compose run --rm --no-deps backup switch"
    ;;
switch)
    sql -c 'ALTER DATABASE badgewatch RENAME TO badgewatch_old' -c 'ALTER DATABASE badgewatch_new RENAME TO badgewatch'
    ;;
*)
    sed -n '2,/^set -eu/p' "$0" | grep '^#' | sed 's/^# \{0,1\}//' >&2
    exit 2
    ;;
esac
