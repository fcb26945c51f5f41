-- One story a reign: a loss answers the message of its gain, and a product that flaps goes on in one thread.
ALTER TABLE bestseller_changes
    ADD COLUMN slack_thread_ts text,
    ADD COLUMN told_quietly boolean NOT NULL DEFAULT false,
    ADD COLUMN settling_at timestamptz,
    ADD COLUMN settled_at timestamptz;
COMMENT ON COLUMN bestseller_changes.slack_thread_ts IS
    'the message in whose thread it was told, or, while it is not told, in whose thread an attempt may stand; NULL = in the channel';
COMMENT ON COLUMN bestseller_changes.told_quietly IS 'told in that thread alone: the product was flapping';
COMMENT ON COLUMN bestseller_changes.settling_at IS 'a line in the channel that says how it settled was about to be sent';
COMMENT ON COLUMN bestseller_changes.settled_at IS 'that line was sent';
CREATE INDEX bestseller_changes_unsettled ON bestseller_changes (detected_at) WHERE told_quietly AND settled_at IS NULL;

ALTER TABLE notification_log ADD COLUMN thread_ts text;
COMMENT ON COLUMN notification_log.thread_ts IS 'the message in whose thread it was to stand; NULL = in the channel';
