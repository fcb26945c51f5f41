-- A row that a SQL client inserts without a frequency gets the one of the settings, as a row of `badgewatch asin add` does,
-- and not 60 whatever was set. It is written into the row: a column that may be NULL would be a surprise for who reads it.
--
-- The setting is kept here by `badgewatch migrate` and by the daemon, which may change rows, but no table's definition.
CREATE TABLE tracking_defaults (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    monitoring_frequency integer NOT NULL CHECK (monitoring_frequency BETWEEN 1 AND 10080)
);
COMMENT ON TABLE tracking_defaults IS 'settings that new rows of tracked_asins take; one row, kept by badgewatch';
COMMENT ON COLUMN tracking_defaults.only_row IS 'always true: there is one row';
COMMENT ON COLUMN tracking_defaults.monitoring_frequency IS 'BADGEWATCH_DEFAULT_FREQUENCY, minutes';
INSERT INTO tracking_defaults (monitoring_frequency) VALUES (60);

-- SECURITY DEFINER: who may insert into tracked_asins needs no right on the table above.
CREATE FUNCTION badgewatch_default_frequency() RETURNS integer LANGUAGE sql STABLE SECURITY DEFINER AS $$
    SELECT coalesce((SELECT monitoring_frequency FROM tracking_defaults), 60);
$$;
DO $$
BEGIN
    EXECUTE format('ALTER FUNCTION badgewatch_default_frequency() SET search_path = %I, pg_temp', current_schema());
END $$;

ALTER TABLE tracked_asins ALTER COLUMN monitoring_frequency SET DEFAULT badgewatch_default_frequency();
COMMENT ON COLUMN tracked_asins.monitoring_frequency IS
    'minutes between two checks; left out of an INSERT: BADGEWATCH_DEFAULT_FREQUENCY';
