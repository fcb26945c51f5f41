-- Triggers of tracked_asins, and the care of the monthly partitions.
--
-- The functions are SECURITY DEFINER: a client that may edit tracked_asins needs no rights on asin_current_state, and the
-- daemon, which may not make or drop tables, can have the partitions made. Each sees only the schema that this file was
-- run in, whatever the caller's search_path (set at the end).

-- ---- tracked_asins ----

CREATE FUNCTION badgewatch_touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END $$;
CREATE TRIGGER touch BEFORE UPDATE ON tracked_asins
    FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION badgewatch_touch();

-- Tells the daemons what changed: each product by name, or '*' when there are many (reading all again is cheaper then).
CREATE FUNCTION badgewatch_tell(products text[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(products) > 100 THEN
        PERFORM pg_notify('badgewatch_tracked', '*');
    ELSE
        PERFORM pg_notify('badgewatch_tracked', product) FROM unnest(products) AS product;
    END IF;
END $$;

CREATE FUNCTION badgewatch_inserted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM badgewatch_tell(array(SELECT domain || ':' || asin FROM after_rows));
    RETURN NULL;
END $$;
CREATE TRIGGER inserted AFTER INSERT ON tracked_asins REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION badgewatch_inserted();

-- A product that is tracked no more has no current state; its history stays. Added again, it begins as a first sight.
CREATE FUNCTION badgewatch_deleted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM asin_current_state s USING before_rows b WHERE s.domain = b.domain AND s.asin = b.asin;
    PERFORM badgewatch_tell(array(SELECT domain || ':' || asin FROM before_rows));
    RETURN NULL;
END $$;
CREATE TRIGGER deleted AFTER DELETE ON tracked_asins REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION badgewatch_deleted();

-- Only rows that differ are told; where the key itself was changed, the old product is gone and the new one is there.
CREATE FUNCTION badgewatch_updated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    PERFORM badgewatch_tell(array(
        SELECT DISTINCT domain || ':' || asin
        FROM ((TABLE after_rows EXCEPT TABLE before_rows) UNION ALL (TABLE before_rows EXCEPT TABLE after_rows)) AS differing));
    DELETE FROM asin_current_state s USING before_rows b
        WHERE s.domain = b.domain AND s.asin = b.asin
          AND NOT EXISTS (SELECT FROM tracked_asins t WHERE t.domain = b.domain AND t.asin = b.asin);
    RETURN NULL;
END $$;
CREATE TRIGGER updated AFTER UPDATE ON tracked_asins REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION badgewatch_updated();

CREATE FUNCTION badgewatch_truncated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    DELETE FROM asin_current_state;
    PERFORM pg_notify('badgewatch_tracked', '*');
    RETURN NULL;
END $$;
CREATE TRIGGER truncated AFTER TRUNCATE ON tracked_asins
    FOR EACH STATEMENT EXECUTE FUNCTION badgewatch_truncated();

-- ---- partitions of raw_responses ----

-- The partition for a time (months are UTC); made if it is missing. The look comes first: it takes no lock and nearly
-- always is all there is to do. CREATE and ATTACH, since CREATE ... PARTITION OF would lock readers and writers out.
CREATE FUNCTION badgewatch_partition_for(p_at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    first timestamp := date_trunc('month', p_at AT TIME ZONE 'UTC');
    name text := 'raw_responses_' || to_char(first, 'YYYY_MM');
BEGIN
    IF first IS NULL OR first NOT BETWEEN '2011-01-01' AND '9999-01-01' THEN
        RAISE EXCEPTION 'no time of a check: %', p_at USING ERRCODE = 'datetime_field_overflow';
    END IF;
    IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'raw_responses'::regclass AND inhrelid = to_regclass(name)) THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock('raw_responses'::regclass::oid::bigint);
    -- Again: whoever held the lock may have made it.
    IF EXISTS (SELECT FROM pg_inherits WHERE inhparent = 'raw_responses'::regclass AND inhrelid = to_regclass(name)) THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE raw_responses INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE raw_responses ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name,
                   first AT TIME ZONE 'UTC', (first + interval '1 month') AT TIME ZONE 'UTC');
END $$;

-- Makes this month's partition and those of the months ahead; drops those that lie wholly before the retention, and
-- gives how many. A drop needs the table for itself for a moment: where a reader keeps it longer than a second, that
-- partition is left for the next call, since all writers queue up behind a lock that waits. lock_timeout belongs to the
-- function, the caller's is not touched.
CREATE FUNCTION badgewatch_maintain(p_ahead integer, p_retention interval) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET lock_timeout = '1s' AS $$
DECLARE
    part text;
    dropped integer := 0;
BEGIN
    IF p_ahead IS NULL OR p_ahead NOT BETWEEN 0 AND 24 OR p_retention IS NULL OR p_retention < interval '0' THEN
        RAISE EXCEPTION '0 to 24 months ahead and a retention were expected' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR i IN 0..p_ahead LOOP
        PERFORM badgewatch_partition_for(
            (date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => i)) AT TIME ZONE 'UTC');
    END LOOP;
    IF NOT pg_try_advisory_xact_lock('raw_responses'::regclass::oid::bigint) THEN
        RETURN 0; -- another daemon is at it
    END IF;
    FOR part IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'raw_responses'::regclass AND c.relname ~ '^raw_responses_\d{4}_\d{2}$'
          AND (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC' <= now() - p_retention
        ORDER BY c.relname
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE %I', part);
            dropped := dropped + 1;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            RAISE WARNING 'partition % is being read and stays for now', part;
        END;
    END LOOP;
    RETURN dropped;
END $$;

-- pg_catalog is searched before all by itself (named first, new partitions would be made there). pg_temp comes last, or a
-- caller could put a table of his own in the way of a SECURITY DEFINER function.
DO $$
DECLARE
    f text;
BEGIN
    FOREACH f IN ARRAY ARRAY['badgewatch_touch()', 'badgewatch_tell(text[])', 'badgewatch_inserted()', 'badgewatch_deleted()',
                             'badgewatch_updated()', 'badgewatch_truncated()', 'badgewatch_partition_for(timestamptz)',
                             'badgewatch_maintain(integer, interval)'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', f, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
    END LOOP;
END $$;

SELECT badgewatch_maintain(2, interval '100 years');
