-- A pause may have an end: the daemon resumes what is past it, also where it slept over it.
ALTER TABLE tracked_asins ADD COLUMN paused_until timestamptz;
COMMENT ON COLUMN tracked_asins.paused_until IS
    'where is_active is false: resumed by the daemon then; NULL = by a person. Resuming takes it away';
CREATE INDEX tracked_asins_paused ON tracked_asins (paused_until) WHERE paused_until IS NOT NULL;

CREATE OR REPLACE FUNCTION badgewatch_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    IF NEW.is_active THEN
        NEW.paused_until := NULL;
    END IF;
    RETURN NEW;
END $$;
-- Replaced, it has lost its search_path (002_functions.sql).
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION badgewatch_touch() SET search_path = %I, pg_temp', current_schema());
END $$;
