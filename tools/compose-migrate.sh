#!/bin/sh
# The service `migrate` of docker-compose.yml: the schema, then the role of the daemon, which may change rows and no table.
# DATABASE_URL_FILE and OWNER_PASSWORD_FILE are the owner's, DAEMON_PASSWORD_FILE is the role's. May be run again at any time.
set -eu
badgewatch migrate
{
    cat /usr/share/badgewatch/roles.sql
    echo "SELECT 'CREATE ROLE badgewatch LOGIN IN ROLE badgewatch_daemon'"
    echo "    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'badgewatch') \\gexec"
    printf "ALTER ROLE badgewatch PASSWORD '%s';\n" "$(cat "$DAEMON_PASSWORD_FILE")"
} | PGPASSWORD=$(cat "$OWNER_PASSWORD_FILE") psql -X -q -v ON_ERROR_STOP=1 -h postgres -U badgewatch_owner badgewatch
