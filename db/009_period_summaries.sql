-- Summaries of weeks and months, like daily_summaries: one row each, so that each is sent once, whoever restarts.
CREATE TABLE period_summaries (
    period text PRIMARY KEY CHECK (period ~ '^[0-9]{4}-(W[0-9]{2}|[0-9]{2})$'),
    summary jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    notification_sent boolean NOT NULL DEFAULT false,
    notified_at timestamptz,
    slack_channel text,
    slack_ts text
);
COMMENT ON TABLE period_summaries IS 'summaries of weeks and months that were to be sent, one row each';
COMMENT ON COLUMN period_summaries.period IS 'an ISO week (2026-W19) or a month (2026-05), UTC';
COMMENT ON COLUMN period_summaries.summary IS 'its figures, as badgewatch summary prints them';
COMMENT ON COLUMN period_summaries.created_at IS 'when they were computed';
COMMENT ON COLUMN period_summaries.notification_sent IS 'Slack has it';
COMMENT ON COLUMN period_summaries.notified_at IS 'when Slack accepted it';
COMMENT ON COLUMN period_summaries.slack_channel IS 'where it was sent';
COMMENT ON COLUMN period_summaries.slack_ts IS 'Slack''s id of the message';
