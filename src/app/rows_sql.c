/* Each statement may run again with the same rows and change nothing. Within a statement a key appears once (DISTINCT ON), since
 * ON CONFLICT DO UPDATE may touch a row once; rows are sorted by key, so that two daemons that write at the same time cannot
 * lock each other out. */
#include "rows_sql.h"

const struct rows_table rows_tables[TABLES] = {
    [PARTITIONS] = {1, "SELECT badgewatch_partition_for(month) FROM (SELECT DISTINCT date_trunc('month',"
                       " to_timestamp(at / 1000.0)) AS month FROM unnest($1::bigint[]) AS r(at)) AS months"},
    [CATEGORIES] =
        {4,
         "INSERT INTO categories (domain, category_id, name, parent)"
         " SELECT DISTINCT ON (domain, id) domain, id, name, parent"
         " FROM unnest($1::smallint[], $2::bigint[], $3::text[], $4::bigint[]) AS r(domain, id, name, parent)"
         " ORDER BY domain, id"
         " ON CONFLICT (domain, category_id) DO UPDATE SET name = excluded.name,"
         " parent = coalesce(excluded.parent, categories.parent)"
         " WHERE categories.name IS DISTINCT FROM excluded.name OR (excluded.parent IS NOT NULL"
         " AND categories.parent IS DISTINCT FROM excluded.parent)"},
    [CHECKS] =
        {10,
         "INSERT INTO checks (check_timestamp, domain, asin, batch_id, data_state, data_reason,"
         " bestseller_badges, sales_ranks, raw_sha256, keepa_last_update)"
         " SELECT to_timestamp(at / 1000.0), domain, asin, batch, state, reason, badges::jsonb, ranks::jsonb,"
         " sha, to_timestamp(updated)"
         " FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::uuid[], $5::text[], $6::text[],"
         " $7::text[], $8::text[], $9::text[], $10::bigint[])"
         " AS r(at, domain, asin, batch, state, reason, badges, ranks, sha, updated)"
         " ORDER BY domain, asin, at, batch ON CONFLICT DO NOTHING"},
    [RANK_POINTS] = {5, "INSERT INTO rank_points (domain, asin, category_id, at, rank)"
                        " SELECT domain, asin, category, to_timestamp(at), rank"
                        " FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::bigint[], $5::int[])"
                        " AS r(domain, asin, category, at, rank)"
                        " ORDER BY domain, asin, category, at ON CONFLICT DO NOTHING"},
    [VALUE_POINTS] = {5, "INSERT INTO value_points (domain, asin, kind, at, value)"
                         " SELECT domain, asin, kind, to_timestamp(at), value"
                         " FROM unnest($1::smallint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[])"
                         " AS r(domain, asin, kind, at, value)"
                         " ORDER BY domain, asin, kind, at ON CONFLICT DO NOTHING"},
    [REIGNS] = {10,
                "INSERT INTO reigns (id, domain, asin, category_id, category, started_at, ended_at, ended_by,"
                " start_not_before, end_not_before)"
                " SELECT DISTINCT ON (id) id, domain, asin, category_id, category, to_timestamp(started),"
                " to_timestamp(ended), reason, to_timestamp(snb), to_timestamp(enb)"
                " FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::bigint[], $5::text[], $6::bigint[],"
                " $7::bigint[], $8::text[], $9::bigint[], $10::bigint[])"
                " AS r(id, domain, asin, category_id, category, started, ended, reason, snb, enb)"
                " ORDER BY id, ended NULLS LAST"
                " ON CONFLICT (id) DO UPDATE SET ended_at = coalesce(reigns.ended_at, excluded.ended_at),"
                " ended_by = coalesce(reigns.ended_by, excluded.ended_by),"
                " start_not_before = coalesce(reigns.start_not_before, excluded.start_not_before),"
                " end_not_before = coalesce(reigns.end_not_before, excluded.end_not_before),"
                " category = excluded.category"},
    [CHANGES] =
        {16,
         "INSERT INTO bestseller_changes (id, domain, asin, change_type, reason, category_id, category,"
         " previous_rank, new_rank, occurred_at, detected_at, previous_check_at, held_since, title, data_at,"
         " received_at)"
         " SELECT DISTINCT ON (id) id, domain, asin, type, reason, category_id, category, previous, new,"
         " to_timestamp(occurred), to_timestamp(detected / 1000.0), to_timestamp(checked),"
         " to_timestamp(held), title, to_timestamp(data_at), to_timestamp(received / 1000.0)"
         " FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::bigint[],"
         " $7::text[], $8::int[], $9::int[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],"
         " $14::text[], $15::bigint[], $16::bigint[])"
         " AS r(id, domain, asin, type, reason, category_id, category, previous, new, occurred, detected,"
         " checked, held, title, data_at, received)"
         " ORDER BY id ON CONFLICT (id) DO NOTHING"},
    /* Whole rows: another daemon may write the check that they come from later than this. */
    [TOLD] =
        {23,
         "INSERT INTO bestseller_changes AS b (id, domain, asin, change_type, reason, category_id, category,"
         " previous_rank, new_rank, occurred_at, detected_at, previous_check_at, held_since, title, data_at,"
         " received_at,"
         " notification_sent, notified_at, slack_channel, slack_ts, withheld, slack_thread_ts, told_quietly,"
         " queued_at)"
         " SELECT DISTINCT ON (id) id, domain, asin, type, reason, category_id, category, previous, new,"
         " to_timestamp(occurred), to_timestamp(detected / 1000.0), to_timestamp(checked),"
         " to_timestamp(held), title, to_timestamp(data_at),"
         " to_timestamp(received / 1000.0), withheld IS NULL,"
         " CASE WHEN withheld IS NULL THEN to_timestamp(told / 1000.0) END, channel, ts, withheld,"
         " thread, quietly, to_timestamp(queued / 1000.0)"
         " FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::text[], $6::bigint[],"
         " $7::text[], $8::int[], $9::int[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[],"
         " $14::text[], $15::bigint[], $16::bigint[], $17::bigint[], $18::text[], $19::text[], $20::text[],"
         " $21::text[], $22::boolean[], $23::bigint[])"
         " AS r(id, domain, asin, type, reason, category_id, category, previous, new, occurred, detected,"
         " checked, held, title, data_at, received, told, channel, ts, withheld, thread, quietly, queued)"
         " ORDER BY id, withheld NULLS FIRST ON CONFLICT (id) DO UPDATE"
         " SET notification_sent = excluded.notification_sent, notified_at = excluded.notified_at,"
         " slack_channel = excluded.slack_channel, slack_ts = excluded.slack_ts, withheld = "
         "excluded.withheld,"
         " slack_thread_ts = excluded.slack_thread_ts, told_quietly = excluded.told_quietly,"
         " queued_at = excluded.queued_at"
         " WHERE NOT b.notification_sent"},
    /* Before a message is sent. It gives what was known of its changes before: whether they are told, and since when
     * somebody may have been at it. Whole rows, since the check that found them may not be written yet. */
    [INTENTIONS] =
        {16,
         "WITH given AS (SELECT * FROM unnest($1::uuid[], $2::smallint[], $3::text[], $4::text[], $5::text[],"
         " $6::bigint[], $7::text[], $8::int[], $9::int[], $10::bigint[], $11::bigint[], $12::bigint[],"
         " $13::bigint[], $14::text[], $15::bigint[], $16::bigint[])"
         " AS r(id, domain, asin, type, reason, category_id, category, previous, new, occurred, detected,"
         " checked, held, title, data_at, received)),"
         " put AS (INSERT INTO bestseller_changes AS b (id, domain, asin, change_type, reason, category_id,"
         " category, previous_rank, new_rank, occurred_at, detected_at, previous_check_at, held_since, title,"
         " data_at, received_at, intended_at)"
         " SELECT DISTINCT ON (id) id, domain, asin, type, reason, category_id, category, previous, new,"
         " to_timestamp(occurred), to_timestamp(detected / 1000.0), to_timestamp(checked),"
         " to_timestamp(held), title, to_timestamp(data_at), to_timestamp(received / 1000.0), now() FROM "
         "given"
         " ORDER BY id ON CONFLICT (id) DO UPDATE SET intended_at = excluded.intended_at"
         " WHERE NOT b.notification_sent AND b.intended_at IS NULL)"
         " SELECT id, notification_sent OR coalesce(withheld, 'earlier') <> 'earlier',"
         " floor(extract(epoch FROM now() - intended_at) * 1000)::bigint, slack_thread_ts"
         " FROM bestseller_changes JOIN (SELECT DISTINCT id FROM given) AS g USING (id)"},
    /* A row that is gone was deleted by a person. */
    [NOTES] =
        {4,
         "WITH r AS (SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS r(key, told, "
         "channel, ts)),"
         " days AS (UPDATE daily_summaries d SET notification_sent = true, notified_at = to_timestamp(told / "
         "1000.0),"
         " slack_channel = channel, slack_ts = ts FROM r WHERE 'summary:' || d.day = r.key AND NOT "
         "d.notification_sent)"
         " UPDATE period_summaries p SET notification_sent = true, notified_at = to_timestamp(told / 1000.0),"
         " slack_channel = channel, slack_ts = ts FROM r WHERE 'summary:' || p.period = r.key AND NOT "
         "p.notification_sent"},
    /* The key names the last change of the story; with it, all that stands before it in that thread has settled. */
    [SETTLED] = {4,
                 "UPDATE bestseller_changes b SET settled_at = to_timestamp(r.told / 1000.0)"
                 " FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[]) AS r(key, told, channel, ts)"
                 " JOIN bestseller_changes l ON l.id = substr(r.key, 9)::uuid"
                 " WHERE b.told_quietly AND b.settled_at IS NULL AND b.category_id = l.category_id"
                 " AND b.slack_channel = l.slack_channel AND b.slack_thread_ts = l.slack_thread_ts"
                 " AND b.detected_at <= l.detected_at"},
    [UNKNOWNS] =
        {6, "INSERT INTO unknown_periods (domain, asin, category_id, from_at, to_at, reason)"
            " SELECT DISTINCT ON (domain, asin, coalesce(category, 0), began) domain, asin, category,"
            " to_timestamp(began), to_timestamp(ended), reason"
            " FROM unnest($1::smallint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[])"
            " AS r(domain, asin, category, began, ended, reason)"
            " ORDER BY domain, asin, coalesce(category, 0), began, ended NULLS LAST"
            " ON CONFLICT (domain, asin, (coalesce(category_id, 0)), from_at) DO UPDATE"
            " SET to_at = coalesce(unknown_periods.to_at, excluded.to_at)"},
    [STATES] =
        {16,
         "INSERT INTO asin_current_state AS s (domain, asin, product_title, brand, parent_asin, sales_ranks,"
         " bestseller_badges, current_price, availability_amazon, monthly_sold, rating, review_count,"
         " keepa_last_update, last_updated, version, state)"
         " SELECT DISTINCT ON (r.domain, r.asin) r.domain, r.asin, title, r.brand, r.parent, ranks::jsonb,"
         " badges::jsonb, price, availability, sold, rating / 10.0, reviews, to_timestamp(updated),"
         " to_timestamp(at / 1000.0), r.version, r.state::jsonb"
         " FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],"
         " $7::text[], $8::bigint[], $9::int[], $10::bigint[], $11::int[], $12::bigint[], $13::bigint[],"
         " $14::bigint[], $15::bigint[], $16::text[])"
         " AS r(domain, asin, title, brand, parent, ranks, badges, price, availability, sold, rating,"
         " reviews, updated, at, version, state)"
         " WHERE EXISTS (SELECT FROM tracked_asins t WHERE t.domain = r.domain AND t.asin = r.asin)"
         " ORDER BY r.domain, r.asin, r.version DESC"
         " ON CONFLICT (domain, asin) DO UPDATE SET product_title = excluded.product_title,"
         " brand = excluded.brand, parent_asin = excluded.parent_asin, sales_ranks = excluded.sales_ranks,"
         " bestseller_badges = excluded.bestseller_badges, current_price = excluded.current_price,"
         " availability_amazon = excluded.availability_amazon, monthly_sold = excluded.monthly_sold,"
         " rating = excluded.rating, review_count = excluded.review_count,"
         " keepa_last_update = excluded.keepa_last_update, last_updated = excluded.last_updated,"
         " version = excluded.version, state = excluded.state WHERE s.version < excluded.version"},
    [REQUESTS] =
        {10,
         "INSERT INTO api_usage_log (batch_id, processing_started_at, processing_completed_at, endpoint,"
         " http_status, asins_processed, tokens_consumed, tokens_left, estimated_cost_cents, error)"
         " SELECT batch, to_timestamp(started / 1000.0), to_timestamp(completed / 1000.0), endpoint, status,"
         " asins, consumed, remaining, cost::numeric, error"
         " FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[], $5::int[], $6::int[], $7::int[],"
         " $8::int[], $9::text[], $10::text[])"
         " AS r(batch, started, completed, endpoint, status, asins, consumed, remaining, cost, error)"
         " ORDER BY batch ON CONFLICT DO NOTHING"},
    [ATTEMPTS] =
        {9, "INSERT INTO notification_log (dedupe, kind, channel, change_ids, attempt, outcome, error, at,"
            " thread_ts)"
            " SELECT dedupe, kind, channel, string_to_array(nullif(ids, ''), ',')::uuid[], attempt, outcome,"
            " error, to_timestamp(at / 1000.0), thread"
            " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[],"
            " $8::bigint[], $9::text[]) AS r(dedupe, kind, channel, ids, attempt, outcome, error, at, thread)"
            " ORDER BY dedupe ON CONFLICT DO NOTHING"},
    [RAW] = {6,
             "INSERT INTO raw_responses (check_timestamp, domain, asin, batch_id, raw, mended)"
             " SELECT to_timestamp(at / 1000.0), domain, asin, batch, raw::json, mended"
             " FROM unnest($1::bigint[], $2::smallint[], $3::text[], $4::uuid[], $5::text[], $6::boolean[])"
             " AS r(at, domain, asin, batch, raw, mended)"
             " ORDER BY domain, asin, at, batch ON CONFLICT DO NOTHING"},
};
