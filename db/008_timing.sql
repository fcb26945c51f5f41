-- The way of an alert, moment by moment: occurred_at (Keepa), received_at, detected_at, queued_at, notified_at (Slack).
ALTER TABLE bestseller_changes
    ADD COLUMN received_at timestamptz,
    ADD COLUMN queued_at timestamptz;
COMMENT ON COLUMN bestseller_changes.received_at IS
    'the last byte of the answer of Keepa it was found in; NULL: held back by the outage guard, or found before version 8 of the schema';
COMMENT ON COLUMN bestseller_changes.queued_at IS
    'staged for Slack, by the clock of Redis; again where Redis lost data; NULL: not told yet, or told before version 8 of the schema';

-- With negative stages where the clocks of Redis and of the daemon differ: this is a record, not a judgement.
CREATE VIEW change_timings AS
    SELECT id, domain, asin, change_type, category_id, category, occurred_at, received_at, detected_at, queued_at, notified_at,
        extract(epoch FROM received_at - occurred_at) AS keepa_seconds,
        extract(epoch FROM detected_at - received_at) AS detect_seconds,
        extract(epoch FROM queued_at - detected_at) AS queue_seconds,
        extract(epoch FROM notified_at - queued_at) AS slack_seconds,
        extract(epoch FROM notified_at - occurred_at) AS total_seconds
    FROM bestseller_changes;
COMMENT ON VIEW change_timings IS
    'the way of each alert: Keepa''s data (until we had it), detection, the way into the queue, and from there to Slack, quiet hours included';
