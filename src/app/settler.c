/* A look every few seconds; the partial index makes it one of a few rows. */
#include "settler.h"

#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "badgewatch/core/change.h"
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 5000

struct bw_settler {
    const struct bw_context *cx;
    struct bw_timer *timer;
    void (*queued)(void *ctx);
    void *ctx;
    size_t asking; /* notes that Redis has not taken yet */
    bool busy;
    bool stopping;
};

/* Stories whose last change stands in the thread alone. A family, told in one message, has one line. */
static const char select_settled[] =
    "WITH due AS (SELECT DISTINCT ON (slack_channel, slack_ts, category_id) b.*,"
    "   count(*) OVER (PARTITION BY slack_channel, slack_ts, category_id) AS products"
    "  FROM bestseller_changes b"
    "  WHERE told_quietly AND settled_at IS NULL AND detected_at < now() - $1::bigint * interval '1 ms'"
    "   AND NOT EXISTS (SELECT FROM bestseller_changes l WHERE l.domain = b.domain AND l.asin = b.asin"
    "    AND l.category_id = b.category_id AND (l.detected_at, l.occurred_at) > (b.detected_at, "
    "b.occurred_at))"
    "  ORDER BY slack_channel, slack_ts, category_id, id LIMIT 20),"
    " marked AS (UPDATE bestseller_changes u SET settling_at = now() FROM due"
    "  WHERE u.told_quietly AND u.settled_at IS NULL AND u.settling_at IS NULL"
    "   AND u.slack_channel = due.slack_channel AND u.slack_ts = due.slack_ts AND u.category_id = "
    "due.category_id)"
    " SELECT id, slack_channel, change_type, category, title, asin, products - 1,"
    "  to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'),"
    "  floor(extract(epoch FROM settling_at) * 1000)::bigint,"
    "  (SELECT count(*) FROM bestseller_changes q WHERE q.domain = due.domain AND q.asin = due.asin"
    "    AND q.category_id = due.category_id AND q.told_quietly AND q.settled_at IS NULL), domain, "
    "category_id"
    " FROM due";

enum { ID, CHANNEL, TYPE, CATEGORY, TITLE, ASIN, MORE, OCCURRED, SETTLING, QUIET, DOMAIN, CATEGORY_ID };

static void on_queued(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_settler *s = ctx;
    s->asking--;
    if (err == BW_OK && reply->type == BW_REPLY_INTEGER && reply->integer == 1)
        s->queued(s->ctx);
}

static void put_lines(const struct bw_settler *s, const struct bw_pg_result *rows, size_t i,
                      struct bw_buf *out)
{
    char settle[BW_TIME_TEXT];
    bool gained = strcmp(bw_pg_value(rows, i, TYPE), "gained") == 0;
    bw_duration_words(s->cx->conf->alert_flap_settle_ms / 1000, settle);
    if (!bw_slack_put_name(bw_pg_value(rows, i, TITLE), BW_SLACK_TITLE_MAX, out))
        bw_buf_adds(out, "(no title known)");
    bw_buf_addf(out, " (%s)", bw_pg_value(rows, i, ASIN));
    if (strcmp(bw_pg_value(rows, i, MORE), "0") != 0)
        bw_buf_addf(out, " and %s more of its family", bw_pg_value(rows, i, MORE));
    bw_buf_addf(
        out, "\n%s %s UTC (Keepa), and no change for %s since. Changes told in the thread alone: %s\n",
        gained ? "#1 since" : "Lost", bw_pg_value(rows, i, OCCURRED), settle, bw_pg_value(rows, i, QUIET));
}

static void queue(struct bw_settler *s, const struct bw_pg_result *rows, size_t i)
{
    const struct bw_keys *k = &s->cx->keys;
    const char *settling = bw_pg_value(rows, i, SETTLING);
    char key[64], id[BW_UUID_TEXT], about[32];
    struct bw_buf headline, lines;
    snprintf(key, sizeof(key), "settled:%s", bw_pg_value(rows, i, ID));
    bw_note_id(key, id);
    snprintf(about, sizeof(about), "%s:%s", bw_pg_value(rows, i, DOMAIN), bw_pg_value(rows, i, ASIN));
    bw_buf_init(&headline, 65536);
    bw_buf_init(&lines, 65536);
    bw_buf_addf(&headline, "🏁 BEST SELLER SETTLED - %s #1 in ",
                strcmp(bw_pg_value(rows, i, TYPE), "gained") == 0 ? "holds" : "does not hold");
    if (!bw_slack_put_name(bw_pg_value(rows, i, CATEGORY), BW_SLACK_CATEGORY_MAX, &headline))
        bw_buf_addf(&headline, "Category %s", bw_pg_value(rows, i, CATEGORY_ID));
    put_lines(s, rows, i, &lines);
    const char *argv[] = {k->outbox,
                          k->untold,
                          id,
                          "settled",
                          key,
                          bw_buf_str(&headline),
                          bw_buf_str(&lines),
                          settling ? settling : "",
                          bw_pg_value(rows, i, CHANNEL),
                          about};
    if (bw_redis_eval(s->cx->redis, &bw_script_note, 2, 10, argv, NULL, on_queued, s) == BW_OK)
        s->asking++;
    bw_buf_fini(&headline);
    bw_buf_fini(&lines);
}

static void on_rows(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_settler *s = ctx;
    s->busy = false;
    if (answer->err != BW_OK && answer->err != BW_ERR_CLOSED)
        bw_log_warning("slack", "what has settled cannot be read: %s", answer->message);
    for (size_t i = 0; answer->err == BW_OK && !s->stopping && i < bw_pg_rows(answer->results[0]); i++)
        queue(s, answer->results[0], i);
}

static void look(struct bw_settler *s)
{
    char settle[24];
    snprintf(settle, sizeof(settle), "%lld", (long long)s->cx->conf->alert_flap_settle_ms);
    const char *const params[] = {settle};
    const struct bw_pg_statement statement = {select_settled, 1, params};
    if (s->busy || s->asking > 0 || s->stopping || bw_slack_mode(s->cx->conf) != BW_SLACK_BOT ||
        !bw_postgres_usable(s->cx) || !bw_redis_ready(s->cx->redis))
        return;
    s->busy = bw_pg_submit(s->cx->pg, &statement, 1, on_rows, s) == BW_OK;
}

static void on_tick(void *ctx)
{
    struct bw_settler *s = ctx;
    look(s);
    bw_timer_start(s->timer, TICK_MS);
}

struct bw_settler *bw_settler_new(const struct bw_context *context, void (*queued)(void *ctx), void *ctx)
{
    struct bw_settler *s = bw_alloc(sizeof(*s));
    s->cx = context;
    s->queued = queued;
    s->ctx = ctx;
    s->timer = bw_timer_new(context->loop, on_tick, s);
    return s;
}

void bw_settler_start(struct bw_settler *s)
{
    bw_timer_start(s->timer, 1);
}

void bw_settler_stop(struct bw_settler *s)
{
    s->stopping = true;
    bw_timer_stop(s->timer);
}

void bw_settler_free(struct bw_settler *s)
{
    if (!s)
        return;
    bw_timer_free(s->timer);
    free(s);
}
