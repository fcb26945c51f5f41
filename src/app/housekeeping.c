/* One timer. Every question is small and pipelined; one round of gauges is under way at a time. */
#include "housekeeping.h"

#include "badgewatch/app/migrate.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "due_clock.h"
#include "history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS          BW_HEARTBEAT_MS
#define MAINTAIN_MS      (6LL * 3600 * 1000)
#define FORECAST_MS      60000
#define PARTITIONS_AHEAD "2"
#define OVERDUE_S        60

struct bw_housekeeping {
    struct bw_context *cx;
    struct bw_keepa *keepa;
    struct bw_leases *leases;
    struct bw_due_clock *clock;
    struct bw_names *names;
    struct bw_timer *timer;
    struct bw_counts counts;
    size_t asked; /* answers of this round still to come */
    struct bw_mono maintain_at, forecast_at;
    int64_t default_frequency; /* as Postgres was told; 0 = not yet */
    bool resuming;             /* pauses are being ended */
};

/* ---- gauges ---- */

struct question {
    struct bw_housekeeping *h;
    int64_t *to;
    bool add;
    bool score; /* ZRANGE WITHSCORES: the score */
};

static void set_known(struct bw_metric *metric, int64_t value)
{
    if (value >= 0) /* -1: not asked yet, or its key is not there yet; metrics start at 0 */
        bw_metric_set(metric, (double)value);
}

static void show(struct bw_housekeeping *h)
{
    struct bw_counters *c = &h->cx->counters;
    set_known(c->products_tracked, h->counts.tracked);
    set_known(c->products_overdue, h->counts.overdue);
    set_known(c->badges_held, h->counts.badges);
    set_known(c->history_backlog, h->counts.backlog);
    set_known(c->history_backlog_bytes, h->counts.backlog_bytes);
    set_known(c->notifications_pending, h->counts.pending);
    set_known(c->notifications_quiet, h->counts.quiet);
    set_known(c->set_aside_entries, h->counts.set_aside);
    bw_counters_success(c, BW_PART_REDIS);
}

/* The number in an answer; of XINFO GROUPS: pending + lag of the only group. */
static int64_t number_of(const struct bw_reply *r, bool score)
{
    if (r->type == BW_REPLY_INTEGER)
        return r->integer;
    if (r->type == BW_REPLY_STRING)
        return strtoll(r->str, NULL, 10);
    if (r->type != BW_REPLY_ARRAY || r->n == 0)
        return 0;
    if (score)
        return r->n >= 2 ? strtoll(r->elements[1].str, NULL, 10) : 0;
    int64_t n = 0;
    const struct bw_reply *g = &r->elements[0];
    for (size_t i = 0; i + 1 < g->n; i += 2) {
        const char *name = g->elements[i].str;
        if ((strcmp(name, "pending") == 0 || strcmp(name, "lag") == 0) &&
            g->elements[i + 1].type == BW_REPLY_INTEGER)
            n += g->elements[i + 1].integer;
    }
    return n;
}

static void on_count(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct question q = *(struct question *)ctx;
    free(ctx);
    struct bw_housekeeping *h = q.h;
    if (err == BW_OK && reply->type != BW_REPLY_ERROR)
        *q.to = number_of(reply, q.score) + (q.add ? *q.to : 0);
    if (--h->asked == 0 && err == BW_OK)
        show(h);
}

static void ask(struct question question, size_t argc, const char *const *argv)
{
    struct question *q = bw_alloc(sizeof(*q));
    *q = question;
    if (bw_redis_command(q->h->cx->redis, argc, argv, NULL, on_count, q) == BW_OK)
        question.h->asked++;
    else
        free(q);
}

static void ask_counts(struct bw_housekeeping *h)
{
    const struct bw_keys *k = &h->cx->keys;
    struct bw_counts *c = &h->counts;
    char late[24];
    if (h->asked > 0 || !bw_redis_ready(h->cx->redis))
        return;
    snprintf(late, sizeof(late), "%lld", (long long)(bw_due_now(h->cx) - OVERDUE_S));
    ask((struct question){.h = h, .to = &c->tracked}, 2, (const char *[]){"ZCARD", k->due});
    ask((struct question){.h = h, .to = &c->tracked, .add = true}, 2, (const char *[]){"ZCARD", k->leased});
    ask((struct question){.h = h, .to = &c->overdue}, 4, (const char *[]){"ZCOUNT", k->due, "-inf", late});
    ask((struct question){.h = h, .to = &c->badges}, 2, (const char *[]){"ZCARD", k->badges});
    ask((struct question){.h = h, .to = &c->backlog}, 2, (const char *[]){"XLEN", k->history});
    ask((struct question){.h = h, .to = &c->backlog_bytes}, 2, (const char *[]){"GET", k->staged_bytes});
    ask((struct question){.h = h, .to = &c->pending}, 3, (const char *[]){"XINFO", "GROUPS", k->changes});
    ask((struct question){.h = h, .to = &c->quiet}, 2, (const char *[]){"ZCARD", k->quiet});
    ask((struct question){.h = h, .to = &c->set_aside}, 2, (const char *[]){"XLEN", k->set_aside});
    ask((struct question){.h = h, .to = &c->next_due, .score = true}, 5,
        (const char *[]){"ZRANGE", k->due, "0", "0", "WITHSCORES"});
}

/* ---- Postgres ---- */

static void on_maintained(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_housekeeping *h = ctx;
    if (answer->err == BW_OK)
        return;
    if (answer->err != BW_ERR_CLOSED)
        bw_log_warning("postgres", "partitions were not looked after: %s", answer->message);
    h->maintain_at.ms = bw_mono_now().ms + FORECAST_MS;
}

static void on_forecast(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_housekeeping *h = ctx;
    if (answer->err != BW_OK || bw_pg_rows(answer->results[0]) != 1)
        return;
    const char *value = bw_pg_value(answer->results[0], 0, 0);
    bw_keepa_forecast(h->keepa, value ? strtod(value, NULL) : 0);
}

static void on_resumed(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_housekeeping *h = ctx;
    h->resuming = false;
    int64_t n = answer->err == BW_OK ? bw_pg_affected(answer->results[0]) : 0;
    if (n > 0)
        bw_log_info("tracker", "%lld products are checked again: their pause is over", (long long)n);
    else if (answer->err != BW_OK && answer->err != BW_ERR_CLOSED)
        bw_log_debug("tracker", "pauses were not looked at: %s", answer->message);
}

/* By the clock of Postgres, which keeps the ends. All daemons do it; it is done once. */
static void end_pauses(struct bw_housekeeping *h)
{
    static const struct bw_pg_statement s = {
        "UPDATE tracked_asins SET is_active = true WHERE NOT is_active AND paused_until <= now()", 0, NULL};
    h->resuming = bw_pg_submit(h->cx->pg, &s, 1, on_resumed, h) == BW_OK;
}

static void on_default_kept(void *ctx, const struct bw_pg_answer *answer)
{
    (void)ctx; /* a lost connection is told of elsewhere, and the next one tries again */
    if (answer->err == BW_ERR_PROTOCOL)
        bw_log_warning("postgres",
                       "rows that SQL clients insert may not get BADGEWATCH_DEFAULT_FREQUENCY: %s",
                       answer->message);
}

/* What a row that a SQL client inserts gets follows the settings, also after a reload. */
static void keep_default_frequency(struct bw_housekeeping *h)
{
    int64_t wanted = h->cx->conf->default_frequency_min;
    char minutes[24];
    const char *const params[] = {minutes};
    struct bw_pg_statement s = {BW_KEEP_DEFAULT_FREQUENCY_SQL, 1, params};
    snprintf(minutes, sizeof(minutes), "%lld", (long long)wanted);
    if (wanted != h->default_frequency && bw_pg_submit(h->cx->pg, &s, 1, on_default_kept, h) == BW_OK)
        h->default_frequency = wanted;
}

static void look_after_postgres(struct bw_housekeeping *h)
{
    struct bw_mono now = bw_mono_now();
    if (!bw_postgres_usable(h->cx))
        return;
    keep_default_frequency(h);
    if (!h->resuming)
        end_pauses(h);
    if (now.ms >= h->maintain_at.ms) {
        char days[32];
        snprintf(days, sizeof(days), "%lld seconds", (long long)(h->cx->conf->raw_retention_ms / 1000));
        const char *const params[] = {PARTITIONS_AHEAD, days};
        struct bw_pg_statement s = {"SELECT badgewatch_maintain($1::int, $2::interval)", 2, params};
        if (bw_pg_submit(h->cx->pg, &s, 1, on_maintained, h) == BW_OK)
            h->maintain_at.ms = now.ms + MAINTAIN_MS;
    }
    if (now.ms >= h->forecast_at.ms) {
        struct bw_pg_statement s = {
            "SELECT coalesce(sum(60.0 / monitoring_frequency), 0) FROM tracked_asins WHERE is_active", 0,
            NULL};
        if (bw_pg_submit(h->cx->pg, &s, 1, on_forecast, h) == BW_OK)
            h->forecast_at.ms = now.ms + FORECAST_MS;
    }
}

/* ---- life ---- */

void bw_housekeeping_alive(struct bw_housekeeping *h)
{
    bw_due_clock_ask(h->clock);
    bw_leases_alive(h->leases);
    bw_leases_flush(h->leases);
    bw_history_flush(h->cx->history);
}

static void on_tick(void *ctx)
{
    struct bw_housekeeping *h = ctx;
    bw_housekeeping_alive(h);
    bw_names_tick(h->names);
    ask_counts(h);
    look_after_postgres(h);
    bw_timer_start(h->timer, TICK_MS);
}

struct bw_housekeeping *bw_housekeeping_new(struct bw_context *context, struct bw_keepa *keepa,
                                            struct bw_leases *leases, struct bw_names *names,
                                            struct bw_due_clock *clock)
{
    struct bw_housekeeping *h = bw_alloc(sizeof(*h));
    h->cx = context;
    h->keepa = keepa;
    h->leases = leases;
    h->names = names;
    h->clock = clock;
    h->counts = (struct bw_counts){-1, -1, -1, -1, -1, -1, -1, -1, 0};
    h->timer = bw_timer_new(context->loop, on_tick, h);
    return h;
}

void bw_housekeeping_start(struct bw_housekeeping *h)
{
    bw_timer_start(h->timer, 1);
}

void bw_housekeeping_postgres_ready(struct bw_housekeeping *h)
{
    h->maintain_at.ms = 0;
    h->forecast_at.ms = 0;
    h->default_frequency = 0;
    look_after_postgres(h);
}

const struct bw_counts *bw_housekeeping_counts(const struct bw_housekeeping *h)
{
    return &h->counts;
}

void bw_housekeeping_stop(struct bw_housekeeping *h)
{
    bw_timer_stop(h->timer);
}

void bw_housekeeping_free(struct bw_housekeeping *h)
{
    if (!h)
        return;
    bw_timer_free(h->timer);
    free(h);
}
