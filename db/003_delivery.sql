-- What the delivery of alerts must remember in Postgres, so that Redis may be lost: that a message was about to be sent,
-- and that nobody is to be told.
ALTER TABLE bestseller_changes
    ADD COLUMN intended_at timestamptz, -- the first attempt to tell it was about to begin; its outcome may be unknown
    ADD COLUMN withheld text CHECK (withheld IN ('muted', 'no_slack', 'earlier')); -- why nobody is told; NULL = told, or to be told

-- Before this version nothing says whether an untold change waits or was muted. Those that wait are in Redis and are told
-- from there; none is brought back from here.
UPDATE bestseller_changes SET withheld = 'earlier' WHERE NOT notification_sent;

DROP INDEX bestseller_changes_untold;
CREATE INDEX bestseller_changes_untold ON bestseller_changes (detected_at, id) WHERE NOT notification_sent AND withheld IS NULL;
