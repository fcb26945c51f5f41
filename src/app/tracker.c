/* Postgres' list of products into Redis. One step is under way at a time (`busy`): a page of rows, a page of keys to
 * prove, changes that nobody was told of, or the products that notifications named. These go between the pages of a full
 * sync: of 100,000 products it takes seconds, and a row that a person edits meanwhile does not wait for it. A step that
 * fails (either store gone) marks the whole as to be done again; it begins when both stores are ready. */
#include "tracker.h"

#include "args.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "badgewatch/codec/state_json.h"
#include "badgewatch/core/schedule.h"
#include "due_clock.h"
#include "live.h"
#include "untold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE      2000 /* a page waits behind what the writer has under way: few pages are soon read */
#define PAGE_FULL 250  /* with their states, which are large */
#define PART      50   /* rows of one script: Redis serves others in between */
#define NAMED_MAX 1000 /* more named products than this: a full sync is cheaper */
#define RETRY_MS  1000

enum phase { IDLE, ROWS, PROVE, UNTOLD };

struct bw_tracker {
    struct bw_context *cx;
    void (*tracked)(void *ctx);
    void *ctx;
    struct bw_timer *timer;
    struct bw_untold *untold;
    enum phase phase;
    bool busy; /* a step is under way */
    bool stopping;
    bool again;     /* a full sync is wanted */
    bool restore;   /* with the states: Redis was empty */
    bool restoring; /* the sync under way does so */
    bool synced;
    size_t rows;                  /* of the sync under way */
    struct bw_product_key after;  /* ROWS: the last key read */
    char cursor[BW_PRODUCT_TEXT]; /* PROVE: the last member looked at */
    struct bw_product_key named[NAMED_MAX];
    size_t n_named;
    bool naming;     /* the step under way is of named products; the phase goes on behind it */
    bool named_last; /* now it is the sync's turn, however many are named */
    size_t waiting;  /* answers of the scripts of this step */
    bool failed;     /* one of them failed */
    bool last_page;
};

static void step(struct bw_tracker *t);
static void on_retry(void *ctx);

/* A time as unix s; 0 = none. A person may write 'infinity'. */
#define UNIX(column)                                                                                         \
    "coalesce(extract(epoch FROM CASE WHEN isfinite(" column ") THEN " column " WHEN " column                \
    " > now() THEN '9999-12-31Z' END)::bigint, 0)"

#define UNTIL UNIX("t.muted_until") ", " UNIX("t.paused_until")

static const char select_rows[] =
    "SELECT t.domain, t.asin, t.priority, t.monitoring_frequency, t.is_active, coalesce(t.label, ''),"
    " coalesce(array_to_string(t.tags, ';'), ''), coalesce(t.channel, ''), " UNTIL ","
    " CASE WHEN $4 THEN s.state::text END"
    " FROM tracked_asins t LEFT JOIN asin_current_state s USING (domain, asin)"
    " WHERE (t.domain, t.asin) > ($1::smallint, $2) ORDER BY t.domain, t.asin LIMIT $3::int";

static const char select_named[] =
    "SELECT t.domain, t.asin, t.priority, t.monitoring_frequency, t.is_active, coalesce(t.label, ''),"
    " coalesce(array_to_string(t.tags, ';'), ''), coalesce(t.channel, ''), " UNTIL ","
    " s.state::text, k.domain, k.asin"
    " FROM unnest($1::smallint[], $2::text[]) AS k(domain, asin)"
    " LEFT JOIN tracked_asins t ON t.domain = k.domain AND t.asin = k.asin"
    " LEFT JOIN asin_current_state s ON s.domain = t.domain AND s.asin = t.asin";

static const char select_gone[] =
    "SELECT k.domain, k.asin FROM unnest($1::smallint[], $2::text[]) AS k(domain, asin)"
    " WHERE NOT EXISTS (SELECT FROM tracked_asins t WHERE t.domain = k.domain AND t.asin = k.asin)";

/* ---- ending a step ---- */

static void fail(struct bw_tracker *t)
{
    t->busy = false;
    t->naming = false;
    t->again = true;
    t->restore = t->restore || t->restoring;
    t->phase = IDLE;
    if (!t->stopping)
        bw_timer_start(t->timer, RETRY_MS);
}

static void end_sync(struct bw_tracker *t)
{
    t->phase = IDLE;
    t->synced = true;
    bw_log_info("tracker", "%zu products are tracked%s", t->rows,
                t->restoring ? ", their states verified against Postgres" : "");
    t->restoring = false;
}

static void on_verified(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_tracker *t = ctx;
    t->busy = false;
    if (err != BW_OK || reply->type != BW_REPLY_ARRAY || reply->n != 2) {
        fail(t);
        return;
    }
    struct bw_unconfirmed *u = &t->cx->unconfirmed;
    if (reply->elements[1].str)
        snprintf(u->generation, sizeof(u->generation), "%s", reply->elements[1].str);
    end_sync(t);
    step(t);
}

/* Only a sync that brought the states may say that Redis holds them: before that no check begins, so a product whose
 * state was lost is never taken for a new one. */
static enum bw_err verify(struct bw_tracker *t, const char *which, bw_redis_cb cb)
{
    const struct bw_keys *k = &t->cx->keys;
    char since[24];
    snprintf(since, sizeof(since), "%lld", (long long)t->cx->unconfirmed.since_ms);
    const char *argv[] = {k->epoch, k->lost,        k->changes,
                          k->doubt, k->unconfirmed, k->generation,
                          which,    t->cx->id,      t->cx->unconfirmed.generation,
                          since};
    return bw_redis_eval(t->cx->redis, &bw_script_verified, 6, 10, argv, NULL, cb, t);
}

static void on_untold(void *ctx, bool ok)
{
    struct bw_tracker *t = ctx;
    if (!ok || t->stopping || verify(t, "end", on_verified) != BW_OK)
        fail(t);
}

static void finish_sync(struct bw_tracker *t)
{
    if (!t->restoring) {
        end_sync(t);
        return;
    }
    t->phase = UNTOLD;
    t->busy = true;
    bw_untold_start(t->untold, on_untold, t);
}

static void step_done(struct bw_tracker *t)
{
    t->busy = false;
    if (t->failed) {
        fail(t);
        return;
    }
    t->tracked(t->ctx);
    bool whole_phase = !t->naming && t->last_page;
    t->naming = false;
    if (whole_phase && t->phase == ROWS)
        t->phase = PROVE;
    else if (whole_phase && t->phase == PROVE)
        finish_sync(t);
    step(t);
}

static void on_script(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_tracker *t = ctx;
    if (err != BW_OK)
        t->failed = true;
    else if (reply->type == BW_REPLY_ERROR) {
        t->failed = true;
        if (bw_redis_writable(t->cx->redis)) /* else the client said it, once and not for each row */
            bw_log_warning("tracker", "redis refused: %s", reply->str);
    }
    if (--t->waiting == 0)
        step_done(t);
}

static void run_script(struct bw_tracker *t, struct bw_script *script, size_t n_keys, struct bw_args *args)
{
    if (bw_redis_eval(t->cx->redis, script, n_keys, args->n, args->values, args->lens, on_script, t) == BW_OK)
        t->waiting++;
    else
        t->failed = true;
    bw_args_fini(args);
}

/* The scripts of a step may all have been refused at once: then nobody calls back. */
static void after_scripts(struct bw_tracker *t)
{
    if (--t->waiting == 0)
        step_done(t);
}

/* ---- rows ---- */

static void add_state(struct bw_args *args, const struct bw_product_key *key, const char *json)
{
    struct bw_state state;
    struct bw_state_text text;
    struct bw_error error;
    if (json && bw_state_decode(json, strlen(json), key, &state, &error) == BW_OK) {
        bw_state_text_make(&text, &state);
        bw_live_fields(&state, NULL, &text, args);
        bw_state_text_fini(&text);
        bw_live_badges(&state, args);
        bw_args_add_int(args, state.checked_at_ms);
        bw_state_fini(&state);
        return;
    }
    if (json)
        bw_log_error("tracker", "the stored state of %d:%s cannot be read, it begins anew: %s", key->domain,
                     key->asin, error.text);
    bw_args_add(args, "0");
    bw_args_add(args, "0");
    bw_args_add(args, "0");
}

static void track_row(const struct bw_tracker *t, const struct bw_pg_result *rows, size_t row,
                      struct bw_args *args)
{
    struct bw_product_key key = {.domain = (int)strtol(bw_pg_value(rows, row, 0), NULL, 10)};
    snprintf(key.asin, sizeof(key.asin), "%s", bw_pg_value(rows, row, 1));
    int frequency = (int)strtol(bw_pg_value(rows, row, 3), NULL, 10);
    char member[BW_PRODUCT_TEXT];
    bw_product_key_format(&key, member);
    bw_args_add(args, member);
    bw_args_add(args, bw_pg_value(rows, row, 4)[0] == 't' ? "1" : "0");
    bw_args_add_int(args, bw_schedule_next(bw_due_now(t->cx), frequency));
    static const char *const names[] = {"priority", "frequency", NULL,          "label",
                                        "tags",     "channel",   "muted_until", "paused_until"};
    size_t begin = bw_args_begin(args);
    for (int i = 0; i < 8; i++) {
        if (names[i])
            bw_args_field(args, names[i], bw_pg_value(rows, row, i + 2));
    }
    bw_args_end(args, begin);
    add_state(args, &key, bw_pg_value(rows, row, 10));
}

/* Rows that are there, in parts. Rows of products that are not tracked (NULL) are passed over. */
static void track_rows(struct bw_tracker *t, const struct bw_pg_result *rows)
{
    const struct bw_keys *k = &t->cx->keys;
    const char *const keys[] = {k->tracked, k->due,         k->leased, k->badges, k->lost,
                                k->epoch,   k->unconfirmed, k->guard,  k->quiet};
    size_t n_keys = sizeof(keys) / sizeof(keys[0]), n = bw_pg_rows(rows), row = 0;
    while (row < n) {
        struct bw_args args;
        bw_args_init(&args);
        for (size_t i = 0; i < n_keys; i++)
            bw_args_add(&args, keys[i]);
        bw_args_add(&args, k->prefix);
        bw_args_add_int(&args, bw_due_now(t->cx));
        size_t head = args.n;
        for (size_t last = row + PART; row < n && row < last; row++) {
            if (bw_pg_value(rows, row, 0))
                track_row(t, rows, row, &args);
        }
        if (args.n > head)
            run_script(t, &bw_script_track, n_keys, &args);
        else
            bw_args_fini(&args);
    }
}

static void untrack_part(struct bw_tracker *t, const struct bw_pg_result *rows, size_t from, int column)
{
    const struct bw_keys *k = &t->cx->keys;
    const char *const keys[] = {k->tracked, k->due, k->leased, k->lease, k->poll, k->badges, k->guard};
    struct bw_args args;
    bw_args_init(&args);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        bw_args_add(&args, keys[i]);
    bw_args_add(&args, k->prefix);
    size_t head = args.n;
    for (size_t row = from; row < bw_pg_rows(rows) && row < from + PART; row++) {
        if (column > 0 && bw_pg_value(rows, row, 0))
            continue; /* of a named product, and it is there */
        char *member =
            bw_asprintf("%s:%s", bw_pg_value(rows, row, column), bw_pg_value(rows, row, column + 1));
        bw_args_add(&args, member);
        free(member);
    }
    if (args.n > head)
        run_script(t, &bw_script_untrack, 7, &args);
    else
        bw_args_fini(&args);
}

/* column: where the domain of a product that is not tracked stands; the ASIN is the next one. */
static void untrack_rows(struct bw_tracker *t, const struct bw_pg_result *rows, int column)
{
    for (size_t row = 0; row < bw_pg_rows(rows); row += PART)
        untrack_part(t, rows, row, column);
}

/* ---- answers of Postgres ---- */

static bool answered(struct bw_tracker *t, const struct bw_pg_answer *answer)
{
    if (answer->err == BW_OK && bw_redis_ready(t->cx->redis))
        return true;
    if (answer->err != BW_OK && answer->err != BW_ERR_CLOSED)
        bw_log_warning("tracker", "cannot read the products: %s", answer->message);
    fail(t);
    return false;
}

static size_t page(const struct bw_tracker *t)
{
    return t->restoring ? PAGE_FULL : PAGE;
}

static void on_rows(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_tracker *t = ctx;
    if (!answered(t, answer))
        return;
    const struct bw_pg_result *rows = answer->results[0];
    size_t n = bw_pg_rows(rows);
    t->waiting = 1;
    t->last_page = n < page(t);
    t->rows += n;
    track_rows(t, rows);
    if (n > 0) {
        t->after.domain = (int)strtol(bw_pg_value(rows, n - 1, 0), NULL, 10);
        snprintf(t->after.asin, sizeof(t->after.asin), "%s", bw_pg_value(rows, n - 1, 1));
    }
    after_scripts(t);
}

static void on_named(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_tracker *t = ctx;
    if (!answered(t, answer))
        return;
    t->waiting = 1;
    track_rows(t, answer->results[0]);
    untrack_rows(t, answer->results[0], 11);
    after_scripts(t);
}

static void on_gone(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_tracker *t = ctx;
    if (!answered(t, answer))
        return;
    t->waiting = 1;
    untrack_rows(t, answer->results[0], 0);
    after_scripts(t);
}

/* ---- questions ---- */

static void submit(struct bw_tracker *t, const char *sql, int n, const char *const *params, bw_pg_cb cb)
{
    struct bw_pg_statement statement = {.sql = sql, .n_params = n, .params = params};
    t->failed = false;
    t->busy = true;
    if (bw_pg_submit(t->cx->pg, &statement, 1, cb, t) != BW_OK)
        fail(t);
}

static void submit_keys(struct bw_tracker *t, const char *sql, const struct bw_product_key *keys, size_t n,
                        bw_pg_cb cb)
{
    struct bw_pg_array domains, asins;
    bw_pg_array_init(&domains, (size_t)1 << 20);
    bw_pg_array_init(&asins, (size_t)1 << 20);
    for (size_t i = 0; i < n; i++) {
        bw_pg_array_add_int(&domains, keys[i].domain);
        bw_pg_array_add_str(&asins, keys[i].asin);
    }
    const char *const params[] = {bw_pg_array_end(&domains), bw_pg_array_end(&asins)};
    submit(t, sql, 2, params, cb);
    bw_pg_array_fini(&domains);
    bw_pg_array_fini(&asins);
}

static void ask_rows(struct bw_tracker *t)
{
    char domain[16], most[16];
    snprintf(domain, sizeof(domain), "%d", t->after.domain);
    snprintf(most, sizeof(most), "%zu", page(t));
    const char *const params[] = {domain, t->after.asin, most, t->restoring ? "true" : "false"};
    submit(t, select_rows, 4, params, on_rows);
}

/* Members that Redis tracks, in pages; those that Postgres does not know are forgotten. Asking Postgres after Redis
 * means that a product added in between is never taken for a removed one. */
static void on_members(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_tracker *t = ctx;
    if (err != BW_OK || reply->type != BW_REPLY_ARRAY || t->stopping) { /* Postgres is closed before Redis */
        fail(t);
        return;
    }
    struct bw_product_key *keys = bw_alloc_array(reply->n + 1, sizeof(*keys));
    size_t n = 0;
    for (size_t i = 0; i < reply->n; i++) {
        const char *member = reply->elements[i].str;
        if (bw_product_key_parse(member, &keys[n], NULL) == BW_OK)
            n++;
        snprintf(t->cursor, sizeof(t->cursor), "%s", member);
    }
    t->last_page = reply->n < PAGE;
    submit_keys(t, select_gone, keys, n, on_gone);
    free(keys);
}

static void ask_members(struct bw_tracker *t)
{
    char from[BW_PRODUCT_TEXT + 1], most[16];
    snprintf(from, sizeof(from), "%s%s", t->cursor[0] ? "(" : "-", t->cursor);
    snprintf(most, sizeof(most), "%d", PAGE);
    const char *argv[] = {"ZRANGEBYLEX", t->cx->keys.tracked, from, "+", "LIMIT", "0", most};
    t->failed = false;
    t->busy = true;
    if (bw_redis_command(t->cx->redis, 7, argv, NULL, on_members, t) != BW_OK)
        fail(t);
}

static void ask_named(struct bw_tracker *t)
{
    t->naming = t->named_last = true;
    submit_keys(t, select_named, t->named, t->n_named, on_named);
    t->n_named = 0;
}

/* ---- what comes next ---- */

static void begin_sync(struct bw_tracker *t)
{
    t->again = false;
    t->restoring = t->restore;
    t->restore = false;
    t->rows = 0;
    t->after = (struct bw_product_key){0};
    t->cursor[0] = '\0';
    t->n_named = 0; /* a full sync sees them too */
    t->phase = ROWS;
    /* commands run in the order they are sent: if this one is lost, "end" will not find its mark */
    if (t->restoring && verify(t, "begin", NULL) != BW_OK)
        fail(t);
}

static void step(struct bw_tracker *t)
{
    if (t->busy || t->stopping)
        return;
    if (!bw_redis_writable(t->cx->redis) || !bw_postgres_usable(t->cx)) {
        if (t->phase != IDLE)
            fail(t);
        return;
    }
    if (t->phase == IDLE && t->again)
        begin_sync(t);
    bool name = t->n_named > 0 && (t->phase == IDLE || !t->named_last);
    t->named_last = false;
    if (name)
        ask_named(t);
    else if (t->phase == ROWS)
        ask_rows(t);
    else if (t->phase == PROVE)
        ask_members(t);
}

static void on_retry(void *ctx)
{
    step(ctx);
}

struct bw_tracker *bw_tracker_new(struct bw_context *context, void (*tracked)(void *ctx), void *ctx)
{
    struct bw_tracker *t = bw_alloc(sizeof(*t));
    t->cx = context;
    t->tracked = tracked;
    t->ctx = ctx;
    t->timer = bw_timer_new(context->loop, on_retry, t);
    t->untold = bw_untold_new(context);
    return t;
}

void bw_tracker_resync(struct bw_tracker *t, bool restore)
{
    if (restore && t->restoring && t->phase != IDLE)
        return; /* that is what is under way */
    t->again = true;
    t->restore = t->restore || restore;
    step(t);
}

void bw_tracker_notify(struct bw_tracker *t, const char *payload)
{
    struct bw_product_key key;
    if (bw_product_key_parse(payload, &key, NULL) != BW_OK || t->n_named == NAMED_MAX) {
        t->n_named = 0;
        t->again = true;
    } else {
        t->named[t->n_named++] = key;
    }
    step(t);
}

bool bw_tracker_synced(const struct bw_tracker *t)
{
    return t->synced;
}

void bw_tracker_stop(struct bw_tracker *t)
{
    t->stopping = true;
    bw_timer_stop(t->timer);
}

void bw_tracker_free(struct bw_tracker *t)
{
    if (!t)
        return;
    bw_timer_free(t->timer);
    bw_untold_free(t->untold);
    free(t);
}
