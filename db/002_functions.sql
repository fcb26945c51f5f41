-- Triggers of tracked_asins, and the care of the monthly partitions.

CREATE FUNCTION badgewatch_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER touch BEFORE UPDATE ON tracked_asins FOR EACH ROW EXECUTE FUNCTION badgewatch_touch();

-- Tells the daemons what changed: each product by name, or '*' when there are many.
CREATE FUNCTION badgewatch_tell() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    name text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_notify('badgewatch_tracked', '*');
        RETURN NULL;
    END IF;
    SELECT count(*) INTO n FROM changed;
    IF n > 100 THEN
        PERFORM pg_notify('badgewatch_tracked', '*');
    ELSE
        FOR name IN SELECT domain || ':' || asin FROM changed LOOP
            PERFORM pg_notify('badgewatch_tracked', name);
        END LOOP;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tell_insert AFTER INSERT ON tracked_asins REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION badgewatch_tell();
CREATE TRIGGER tell_update AFTER UPDATE ON tracked_asins REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION badgewatch_tell();
CREATE TRIGGER tell_delete AFTER DELETE ON tracked_asins REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION badgewatch_tell();
CREATE TRIGGER tell_truncate AFTER TRUNCATE ON tracked_asins
    FOR EACH STATEMENT EXECUTE FUNCTION badgewatch_tell();

-- A product that is tracked no more has no current state; its history stays. Added again, it begins as a first sight.
CREATE FUNCTION badgewatch_forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM asin_current_state s USING changed c WHERE s.domain = c.domain AND s.asin = c.asin;
    RETURN NULL;
END $$;
CREATE TRIGGER forget AFTER DELETE ON tracked_asins REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION badgewatch_forget();

-- The partition of raw_responses for a time; made if it is missing. SECURITY DEFINER, because the daemon has no right to
-- make tables. The path is pinned below to the schema that these functions live in.
CREATE FUNCTION badgewatch_partition_for(p_at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    first date := date_trunc('month', p_at AT TIME ZONE 'UTC')::date;
    name text := 'raw_responses_' || to_char(first, 'YYYY_MM');
BEGIN
    IF to_regclass(quote_ident(name)) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('badgewatch partitions'));
    IF to_regclass(quote_ident(name)) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF raw_responses FOR VALUES FROM (%L) TO (%L)', name,
                       first || ' 00:00+00', (first + interval '1 month')::date || ' 00:00+00');
    END IF;
END $$;

-- Makes this month's partition and those of the months ahead; drops those that lie wholly before the retention.
CREATE FUNCTION badgewatch_maintain(p_ahead integer, p_retention interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    part record;
    dropped integer := 0;
BEGIN
    FOR i IN 0..p_ahead LOOP
        PERFORM badgewatch_partition_for(now() + make_interval(months => i));
    END LOOP;
    PERFORM pg_advisory_xact_lock(hashtext('badgewatch partitions'));
    FOR part IN
        SELECT c.oid::regclass AS name, to_date(right(c.relname, 7), 'YYYY_MM') AS first
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'raw_responses'::regclass AND c.relname ~ '^raw_responses_\d{4}_\d{2}$'
    LOOP
        IF (part.first + interval '1 month') AT TIME ZONE 'UTC' < now() - p_retention THEN
            EXECUTE format('DROP TABLE %s', part.name);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END $$;

DO $$
DECLARE
    f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['badgewatch_touch()', 'badgewatch_tell()', 'badgewatch_forget()',
                             'badgewatch_partition_for(timestamptz)', 'badgewatch_maintain(integer, interval)'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', f, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END $$;

SELECT badgewatch_maintain(2, interval '10 years');
