-- The tables of badgewatch (names and columns are a promise to whoever queries them).
--
-- Times are timestamptz. Ranks: NULL = no rank. Prices: the smallest unit of the domain's currency, as Keepa has them.
-- Run by `badgewatch migrate` in one transaction, in the first schema of the owner's search_path.

-- What is tracked: edited by `badgewatch asin`, and by any SQL client; the daemon hears of it by NOTIFY.
CREATE TABLE tracked_asins (
    domain smallint NOT NULL DEFAULT 1 CHECK (domain IN (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12)),
    asin text NOT NULL CHECK (asin ~ '^[A-Z0-9]{10}$'),
    priority integer NOT NULL DEFAULT 5 CHECK (priority >= 1), -- 1 = highest
    monitoring_frequency integer NOT NULL DEFAULT 60 CHECK (monitoring_frequency BETWEEN 1 AND 10080), -- minutes
    is_active boolean NOT NULL DEFAULT true,
    label text,
    tags text[] NOT NULL DEFAULT '{}',
    channel text, -- NULL = the default channel
    muted_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (domain, asin)
);

-- The newest check of each tracked product.
CREATE TABLE asin_current_state (
    domain smallint NOT NULL,
    asin text NOT NULL,
    product_title text,
    brand text,
    parent_asin text,
    sales_ranks jsonb NOT NULL,       -- {"7792528011": {"rank": 1, "at": "2026-05-10T04:19:28Z"}}
    bestseller_badges jsonb NOT NULL, -- [{"category_id": 7792528011, "category": "Serums", "since": "..."}]
    current_price bigint,
    availability_amazon integer,
    monthly_sold bigint,
    rating numeric(2, 1),
    review_count bigint,
    keepa_last_update timestamptz,
    last_updated timestamptz NOT NULL,
    version bigint NOT NULL, -- of the state; a lower one never replaces a higher one
    state jsonb NOT NULL,    -- what detection needs; Redis is rebuilt from it
    PRIMARY KEY (domain, asin)
);

-- One row for each check, for ever. Slim: Keepa's raw answer lies in raw_responses.
CREATE TABLE checks (
    check_timestamp timestamptz NOT NULL,
    domain smallint NOT NULL,
    asin text NOT NULL,
    batch_id uuid NOT NULL, -- the Keepa request (api_usage_log)
    data_state text NOT NULL CHECK (data_state IN ('ok', 'unknown')),
    data_reason text, -- why unknown
    bestseller_badges jsonb NOT NULL,
    sales_ranks jsonb NOT NULL,
    raw_sha256 text CHECK (raw_sha256 ~ '^[0-9a-f]{64}$'), -- of the bytes as Keepa sent them; stays for ever
    keepa_last_update timestamptz,
    PRIMARY KEY (domain, asin, batch_id)
);
CREATE INDEX checks_by_time ON checks (domain, asin, check_timestamp);
CREATE INDEX checks_by_timestamp ON checks USING brin (check_timestamp);

-- What expires: monthly partitions, made ahead and dropped, never deleted row by row. json, not jsonb: it is byte for
-- byte what Keepa sent (mended = true: it was not valid UTF-8), cheaper to write, and takes \u0000.
CREATE TABLE raw_responses (
    check_timestamp timestamptz NOT NULL,
    domain smallint NOT NULL,
    asin text NOT NULL,
    batch_id uuid NOT NULL,
    raw json COMPRESSION lz4 NOT NULL,
    mended boolean NOT NULL DEFAULT false,
    PRIMARY KEY (domain, asin, batch_id, check_timestamp)
) PARTITION BY RANGE (check_timestamp);

CREATE VIEW asin_history AS
SELECT c.check_timestamp, c.domain, c.asin, c.data_state, c.bestseller_badges, c.sales_ranks,
       r.raw AS raw_keepa_response, c.raw_sha256, c.batch_id, c.keepa_last_update, c.data_reason,
       coalesce(r.mended, false) AS raw_mended
FROM checks c
LEFT JOIN raw_responses r ON r.domain = c.domain AND r.asin = c.asin AND r.batch_id = c.batch_id
                         AND r.check_timestamp = c.check_timestamp;

-- Each rank move that Keepa reported, once.
CREATE TABLE rank_points (
    domain smallint NOT NULL,
    asin text NOT NULL,
    category_id bigint NOT NULL,
    at timestamptz NOT NULL,
    rank integer, -- NULL = not ranked from here on
    PRIMARY KEY (domain, asin, category_id, at)
);

-- The other series that came with the answers. NULL = none from here on.
CREATE TABLE value_points (
    domain smallint NOT NULL,
    asin text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('amazon', 'new', 'buy_box', 'list', 'rating', 'reviews', 'monthly_sold')),
    at timestamptz NOT NULL,
    value bigint, -- prices: smallest unit; rating: stars * 10
    PRIMARY KEY (domain, asin, kind, at)
);

-- Times about which reports must not claim anything. category_id NULL = the whole product; to_at NULL = still so.
CREATE TABLE unknown_periods (
    domain smallint NOT NULL,
    asin text NOT NULL,
    category_id bigint,
    from_at timestamptz NOT NULL, -- last moment that was known
    to_at timestamptz,
    reason text NOT NULL
);
CREATE UNIQUE INDEX unknown_periods_key ON unknown_periods (domain, asin, (coalesce(category_id, 0)), from_at);

-- Badges gained and lost. id is a function of domain, asin, category, type and occurred_at: seen twice, it is one row.
CREATE TABLE bestseller_changes (
    id uuid PRIMARY KEY,
    domain smallint NOT NULL,
    asin text NOT NULL,
    change_type text NOT NULL CHECK (change_type IN ('gained', 'lost')),
    reason text NOT NULL CHECK (reason IN ('reached_top', 'outranked', 'unranked', 'category_removed', 'delisted')),
    category_id bigint NOT NULL,
    category text NOT NULL,
    previous_rank integer,
    new_rank integer,
    occurred_at timestamptz NOT NULL, -- Keepa's time of the move
    detected_at timestamptz NOT NULL, -- when badgewatch saw it
    previous_check_at timestamptz,
    notification_sent boolean NOT NULL DEFAULT false,
    notified_at timestamptz,
    slack_channel text,
    slack_ts text,
    held_since timestamptz, -- lost: start of the reign that ended
    title text,
    data_at timestamptz -- newest data behind it
);
CREATE INDEX bestseller_changes_by_product ON bestseller_changes (domain, asin, occurred_at);
CREATE INDEX bestseller_changes_by_detection ON bestseller_changes (detected_at);
CREATE INDEX bestseller_changes_untold ON bestseller_changes (detected_at) WHERE NOT notification_sent;

-- Unbroken times of holding a badge. *_not_before: the latest moment at which the state before was still confirmed.
CREATE TABLE reigns (
    id uuid PRIMARY KEY,
    domain smallint NOT NULL,
    asin text NOT NULL,
    category_id bigint NOT NULL,
    category text NOT NULL,
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by text CHECK (ended_by IN ('outranked', 'unranked', 'category_removed', 'delisted')),
    start_not_before timestamptz,
    end_not_before timestamptz
);
CREATE INDEX reigns_by_product ON reigns (domain, asin, category_id, started_at);
CREATE INDEX reigns_open ON reigns (domain, asin) WHERE ended_at IS NULL;

-- One row for each Keepa request, failed ones too.
CREATE TABLE api_usage_log (
    batch_id uuid PRIMARY KEY,
    processing_started_at timestamptz NOT NULL,
    processing_completed_at timestamptz NOT NULL,
    endpoint text NOT NULL,
    http_status integer, -- NULL = no answer
    asins_processed integer NOT NULL,
    tokens_consumed integer NOT NULL,
    tokens_left integer,
    estimated_cost_cents numeric(14, 6) NOT NULL,
    error text
);
CREATE INDEX api_usage_log_by_time ON api_usage_log (processing_started_at);

-- Each delivery attempt. dedupe: the stream entry that it came from, so that a replay adds nothing.
CREATE TABLE notification_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dedupe text NOT NULL UNIQUE,
    kind text NOT NULL,
    channel text,
    change_ids uuid[],
    attempt integer NOT NULL,
    outcome text NOT NULL,
    error text,
    at timestamptz NOT NULL
);
CREATE INDEX notification_log_by_time ON notification_log (at);

-- One row a day: it is sent once, whoever restarts.
CREATE TABLE daily_summaries (
    day date PRIMARY KEY,
    summary jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    notification_sent boolean NOT NULL DEFAULT false,
    notified_at timestamptz,
    slack_channel text,
    slack_ts text
);

CREATE TABLE categories (
    domain smallint NOT NULL,
    category_id bigint NOT NULL,
    name text NOT NULL,
    parent bigint,
    PRIMARY KEY (domain, category_id)
);
