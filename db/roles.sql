-- Roles with no more rights than the work needs. Run by the owner of the database (or a superuser) after
-- `badgewatch migrate`, with the schema of badgewatch first in the search_path; may be run again at any time:
--
--     psql "$OWNER_DATABASE_URL" -v ON_ERROR_STOP=1 -f db/roles.sql
--     psql ... -v daemon=badgewatch_daemon -v reader=badgewatch_reader -f db/roles.sql      -- other names
--
-- badgewatch_daemon  for `badgewatch run` and the commands: rows of the tables and EXECUTE, nothing that changes the schema.
-- badgewatch_reader  for analysts: SELECT.
-- Both are groups without login; give them to people and programs:
--     CREATE ROLE badgewatch LOGIN PASSWORD '...' IN ROLE badgewatch_daemon;
-- `badgewatch migrate` is run as the owner: it is the only part that changes the schema. The default rights below hold for
-- tables that the role running this script makes later, so run it as the role that runs `migrate`.
\if :{?daemon}
\else
    \set daemon badgewatch_daemon
\endif
\if :{?reader}
\else
    \set reader badgewatch_reader
\endif

BEGIN;

SELECT format('CREATE ROLE %I NOLOGIN', name) FROM unnest(ARRAY[:'daemon', :'reader']) AS name
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec

SELECT current_schema() AS schema, current_database() AS database \gset

GRANT CONNECT ON DATABASE :"database" TO :"daemon", :"reader";
GRANT USAGE ON SCHEMA :"schema" TO :"daemon", :"reader";

-- Only our own tables: the schema may hold others'.
SELECT format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I.%I TO %I', :'schema', name, :'daemon')
    FROM unnest(ARRAY['tracked_asins', 'asin_current_state', 'checks', 'raw_responses', 'rank_points', 'value_points',
                      'bestseller_changes', 'reigns', 'unknown_periods', 'categories', 'api_usage_log',
                      'notification_log', 'daily_summaries', 'period_summaries', 'tracking_defaults']) AS name \gexec
SELECT format('GRANT SELECT ON %I.%I TO %I', :'schema', name, :'daemon')
    FROM unnest(ARRAY['asin_history', 'change_timings', 'schema_migrations']) AS name \gexec
SELECT format('GRANT SELECT ON %I.%I TO %I', :'schema', name, :'reader')
    FROM unnest(ARRAY['tracked_asins', 'asin_current_state', 'asin_history', 'checks', 'raw_responses', 'rank_points',
                      'value_points', 'bestseller_changes', 'reigns', 'unknown_periods', 'categories', 'api_usage_log',
                      'notification_log', 'daily_summaries', 'period_summaries', 'tracking_defaults', 'change_timings',
                      'schema_migrations']) AS name \gexec

GRANT EXECUTE ON FUNCTION badgewatch_partition_for(timestamptz), badgewatch_maintain(integer, interval) TO :"daemon";

-- What later migrations make.
ALTER DEFAULT PRIVILEGES IN SCHEMA :"schema" GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"daemon";
ALTER DEFAULT PRIVILEGES IN SCHEMA :"schema" GRANT SELECT ON TABLES TO :"reader";

COMMIT;
