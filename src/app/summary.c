/* A look at the clock every few seconds. What was found sent is remembered, so that a quiet morning asks nothing. */
#include "summary.h"

#include "args.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "badgewatch/codec/summary_json.h"
#include "badgewatch/core/change.h"
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 5000
#define LATE_MS 120000 /* behind the minute that it is due: many ticks */
#define DAY_MS  INT64_C(86400000)

struct bw_summarizer {
    const struct bw_context *cx;
    struct bw_timer *timer;
    void (*queued)(void *ctx);
    void *ctx;
    struct bw_period period;                    /* being looked after */
    char done[BW_PERIOD_KINDS][BW_PERIOD_TEXT]; /* sent, or queued by us */
    char refused[256];                          /* what Postgres said last, so that it is logged once */
    bool busy;
    bool stopping;
};

/* Changes count on the day on which they were seen: each is in exactly one summary of its kind. Products that were checked are
 * found by steps through the index, from one product to the next: a month of checks is not read. One that was checked and is
 * paused or removed by now was tracked, too. */
#define FIGURES                                                                                              \
    "WITH RECURSIVE b AS (SELECT $1::date::timestamp AT TIME ZONE 'UTC' AS first,"                           \
    " ($2::date + 1)::timestamp AT TIME ZONE 'UTC' AS last),"                                                \
    " c AS (SELECT bc.* FROM bestseller_changes bc, b"                                                       \
    "   WHERE detected_at >= b.first AND detected_at < b.last),"                                             \
    " a AS (SELECT u.* FROM api_usage_log u, b"                                                              \
    "   WHERE processing_started_at >= b.first AND processing_started_at < b.last),"                         \
    " p AS ((SELECT domain, asin FROM checks ORDER BY domain, asin LIMIT 1) UNION ALL"                       \
    "   SELECT n.domain, n.asin FROM p, LATERAL (SELECT domain, asin FROM checks"                            \
    "    WHERE (domain, asin) > (p.domain, p.asin) ORDER BY domain, asin LIMIT 1) AS n),"                    \
    " d AS (SELECT p.* FROM p, b WHERE EXISTS (SELECT FROM checks k WHERE k.domain = p.domain"               \
    "   AND k.asin = p.asin AND check_timestamp >= b.first AND check_timestamp < b.last))"                   \
    " SELECT json_build_object("                                                                             \
    "'gained', (SELECT count(*) FROM c WHERE change_type = 'gained'),"                                       \
    "'lost', (SELECT count(*) FROM c WHERE change_type = 'lost'),"                                           \
    "'muted', (SELECT count(*) FROM c WHERE withheld = 'muted'),"                                            \
    "'withheld', (SELECT count(*) FROM c WHERE withheld <> 'muted'),"                                        \
    "'checked', (SELECT count(*) FROM d),"                                                                   \
    "'tracked', (SELECT count(*) FROM (SELECT domain, asin FROM tracked_asins WHERE is_active"               \
    "   UNION SELECT domain, asin FROM d) AS t),"                                                            \
    "'calls', (SELECT count(*) FROM a), 'tokens', (SELECT coalesce(sum(tokens_consumed), 0) FROM a),"        \
    "'cost_cents', (SELECT coalesce(sum(estimated_cost_cents), 0) FROM a),"                                  \
    "'badges', (SELECT count(*) FROM reigns r JOIN tracked_asins t USING (domain, asin), b"                  \
    "   WHERE r.started_at < b.last AND (r.ended_at IS NULL OR r.ended_at >= b.last)),"                      \
    "'top', (SELECT coalesce(json_agg(json_build_object('name', category, 'changes', n)), '[]') FROM"        \
    "   (SELECT coalesce((SELECT k.name FROM categories k WHERE k.domain = c.domain"                         \
    "     AND k.category_id = c.category_id), min(category)) AS category, count(*) AS n"                     \
    "    FROM c GROUP BY c.domain, c.category_id"                                                            \
    "    ORDER BY n DESC, 1 LIMIT 5) AS top),"                                                               \
    "'oldest_s', (SELECT floor(greatest(extract(epoch FROM now() - min(keepa_last_update)), 0))::bigint"     \
    "   FROM asin_current_state JOIN tracked_asins t USING (domain, asin) WHERE t.is_active))"

const char bw_summary_select[] = FIGURES;

/* $3: its name. */
#define INSERT(table, column, type)                                                                          \
    "INSERT INTO " table " (" column ", summary) SELECT $3::" type ", figures FROM (" FIGURES                \
    ") AS f(figures)"                                                                                        \
    " WHERE NOT EXISTS (SELECT FROM " table " WHERE " column " = $3::" type ") ON CONFLICT DO NOTHING"
#define SELECT(table, column, type)                                                                          \
    "SELECT summary, notification_sent, floor(extract(epoch FROM created_at) * 1000)::bigint"                \
    " FROM " table " WHERE " column " = $1::" type

static const char insert_day[] = INSERT("daily_summaries", "day", "date");
static const char select_day[] = SELECT("daily_summaries", "day", "date");
static const char insert_period[] = INSERT("period_summaries", "period", "text");
static const char select_period[] = SELECT("period_summaries", "period", "text");

/* ---- the note ---- */

static void remember(struct bw_summarizer *s)
{
    char *done = s->done[s->period.kind];
    snprintf(done, BW_PERIOD_TEXT, "%s", s->period.name);
}

static void on_queued(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_summarizer *s = ctx;
    s->busy = false;
    if (err != BW_OK || reply->type != BW_REPLY_INTEGER)
        return; /* at the next look */
    remember(s);
    if (reply->integer == 0)
        return; /* another daemon was first, or it is queued since */
    bw_log_info("summary", "the summary of %s is queued", s->period.name);
    s->queued(s->ctx);
}

/* A row that is made late may have been made and sent before, in a database that a backup has replaced since: the channel is
 * asked. A webhook has none that could be asked, and after a night switched off each would be called a repeat. */
static int64_t maybe_sent_since(const struct bw_summarizer *s)
{
    const struct bw_conf *conf = s->cx->conf;
    int64_t now = bw_wall_now().ms, since = (now - conf->summary_at_min * INT64_C(60000)) % DAY_MS;
    return since >= LATE_MS && bw_slack_mode(conf) == BW_SLACK_BOT ? now - since : 0;
}

/* since_ms: somebody may have sent it since then, and Redis forgot; 0 = certainly not. */
static bool queue(struct bw_summarizer *s, const struct bw_summary *figures, int64_t since_ms)
{
    const struct bw_keys *k = &s->cx->keys;
    char key[64], id[BW_UUID_TEXT], headline[64], doubt[24] = "";
    struct bw_buf lines;
    snprintf(key, sizeof(key), "summary:%s", s->period.name);
    snprintf(headline, sizeof(headline), "📊 badgewatch: summary of %s", s->period.name);
    bw_note_id(key, id);
    if (since_ms != 0)
        snprintf(doubt, sizeof(doubt), "%lld", (long long)since_ms);
    bw_buf_init(&lines, 16384);
    bw_summary_lines(&s->period, figures, s->cx->conf->currency, &lines);
    const char *argv[] = {k->outbox, k->untold, id, "summary", key, headline, bw_buf_str(&lines), doubt};
    enum bw_err err = bw_redis_eval(s->cx->redis, &bw_script_note, 2, 8, argv, NULL, on_queued, s);
    bw_buf_fini(&lines);
    return err == BW_OK;
}

/* ---- the row ---- */

static void refuse(struct bw_summarizer *s, const char *why)
{
    s->busy = false;
    if (strcmp(s->refused, why) != 0)
        bw_log_warning("summary", "the summary of %s waits: %s", s->period.name, why);
    snprintf(s->refused, sizeof(s->refused), "%s", why);
}

static void on_row(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_summarizer *s = ctx;
    struct bw_summary figures;
    struct bw_error error;
    if (answer->err != BW_OK) {
        refuse(s, answer->err == BW_ERR_CLOSED ? "" : answer->message);
        return;
    }
    const struct bw_pg_result *row = answer->results[1];
    bool created = bw_pg_affected(answer->results[0]) > 0;
    if (bw_pg_rows(row) != 1 || bw_pg_value(row, 0, 1)[0] == 't' ||
        bw_slack_mode(s->cx->conf) == BW_SLACK_OFF) {
        s->busy = false;
        remember(s);
        return;
    }
    if (bw_summary_decode(bw_pg_value(row, 0, 0), bw_pg_length(row, 0, 0), &figures, &error) != BW_OK) {
        refuse(s, error.text);
        return;
    }
    s->refused[0] = '\0';
    int64_t since_ms = created ? maybe_sent_since(s) : strtoll(bw_pg_value(row, 0, 2), NULL, 10);
    if (s->stopping || !queue(s, &figures, since_ms))
        s->busy = false;
    bw_summary_fini(&figures);
}

static void ask(struct bw_summarizer *s, const struct bw_period *period)
{
    bool day = period->kind == BW_DAILY;
    s->period = *period;
    const char *const params[] = {s->period.first, s->period.last, s->period.name};
    const struct bw_pg_statement statements[] = {{day ? insert_day : insert_period, 3, params},
                                                 {day ? select_day : select_period, 1, params + 2}};
    s->busy = bw_pg_submit(s->cx->pg, statements, 2, on_row, s) == BW_OK;
}

static void look(struct bw_summarizer *s)
{
    const struct bw_conf *conf = s->cx->conf;
    for (enum bw_period_kind kind = BW_DAILY; kind < BW_PERIOD_KINDS; kind++) {
        struct bw_period period;
        if (s->busy || s->stopping || !bw_postgres_usable(s->cx) || !bw_redis_ready(s->cx->redis))
            return;
        if (conf->summaries[kind] && bw_period_due(bw_wall_now(), conf->summary_at_min, kind, &period) &&
            strcmp(period.name, s->done[kind]) != 0)
            ask(s, &period);
    }
}

static void on_tick(void *ctx)
{
    struct bw_summarizer *s = ctx;
    look(s);
    bw_timer_start(s->timer, TICK_MS);
}

/* ---- life ---- */

struct bw_summarizer *bw_summarizer_new(const struct bw_context *context, void (*queued)(void *ctx),
                                        void *ctx)
{
    struct bw_summarizer *s = bw_alloc(sizeof(*s));
    s->cx = context;
    s->queued = queued;
    s->ctx = ctx;
    s->timer = bw_timer_new(context->loop, on_tick, s);
    return s;
}

void bw_summarizer_start(struct bw_summarizer *s)
{
    bw_timer_start(s->timer, 1);
}

void bw_summarizer_forget(struct bw_summarizer *s)
{
    for (size_t i = 0; i < BW_PERIOD_KINDS; i++)
        s->done[i][0] = '\0';
}

void bw_summarizer_stop(struct bw_summarizer *s)
{
    s->stopping = true;
    bw_timer_stop(s->timer);
}

void bw_summarizer_free(struct bw_summarizer *s)
{
    if (!s)
        return;
    bw_timer_free(s->timer);
    free(s);
}
