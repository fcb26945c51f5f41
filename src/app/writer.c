/* The history writer. One batch is under way at a time: its entries (ids and bytes) are kept until Redis has removed
 * them, so that nothing is acknowledged that was not committed. */
#include "writer.h"

#include "args.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/backoff.h"
#include "badgewatch/base/log.h"
#include "consumer.h"
#include "rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS     1000
#define HOLD_MS     3000
#define ADOPT_TICKS 5
#define WRITE_MOST  100 /* entries; history.lua gives fewer of large ones */
/* About so much a batch (WEIGHT of history.lua): it is in memory three times while it is written. */
#define WRITE_BYTES ((size_t)2 << 20)

struct taken {
    char id[48];
    size_t bytes;
};

enum step { WAIT, READING, WRITING, REMOVING };

struct bw_writer {
    struct bw_context *cx;
    struct bw_consumer *consumer;
    struct bw_timer *timer;
    struct bw_rows *rows;
    struct bw_held *checks_here;
    struct taken taken[WRITE_MOST];
    size_t n;
    size_t checks;
    enum step step;
    size_t singly; /* after a refusal: so many entries are written one by one */
    bool again;    /* kicked while a batch was under way */
    bool stopping;
    unsigned ticks;
    struct bw_backoff backoff;
    struct bw_mono next;
    struct bw_mono held; /* since when checks go first; 0 = they do not */
    char reason[300];
};

static void work(struct bw_writer *w);

static void set_reason(struct bw_writer *w, const char *reason)
{
    if (reason[0] && strcmp(w->reason, reason) != 0)
        bw_log_warning("writer", "history waits in Redis: %s", reason);
    else if (!reason[0] && w->reason[0])
        bw_log_info("writer", "history is written again");
    snprintf(w->reason, sizeof(w->reason), "%s", reason);
    bw_counters_up(&w->cx->counters, BW_PART_POSTGRES, !reason[0] && bw_postgres_usable(w->cx));
}

/* The batch is given up; its entries stay pending and are read again. */
static void later(struct bw_writer *w, const char *why)
{
    set_reason(w, why);
    w->step = WAIT;
    w->n = 0;
    w->next.ms = bw_mono_now().ms + bw_backoff_next(&w->backoff, bw_random());
    bw_consumer_rewind(w->consumer);
}

/* ---- after the commit ---- */

static void on_removed(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_writer *w = ctx;
    w->step = WAIT;
    w->n = 0;
    if (err != BW_OK || reply->type == BW_REPLY_ERROR) {
        later(w, err == BW_OK ? reply->str : "redis is away");
        return;
    }
    set_reason(w, "");
    bw_rows_clear(w->rows);
    bw_backoff_reset(&w->backoff);
    bw_metric_add(w->cx->counters.history_rows, (double)w->checks);
    bw_counters_success(&w->cx->counters, BW_PART_POSTGRES);
    w->again = true; /* until nothing is there */
    work(w);
}

static void remove_entries(struct bw_writer *w)
{
    struct bw_args args;
    bw_args_init(&args);
    const struct bw_keys *k = &w->cx->keys;
    const char *const head[] = {k->history,  k->staged_bytes, k->untold,
                                k->delivery, k->unconfirmed,  BW_GROUP_POSTGRES};
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        bw_args_add(&args, head[i]);
    bw_args_add_int(&args, (int64_t)w->n);
    for (size_t i = 0; i < w->n; i++) {
        bw_args_add(&args, w->taken[i].id);
        bw_args_add_int(&args, (int64_t)w->taken[i].bytes);
    }
    const char *change;
    for (size_t i = 0; (change = bw_rows_told(w->rows, i)) != NULL; i++)
        bw_args_add(&args, change);
    w->step = REMOVING;
    if (bw_redis_eval(w->cx->redis, &bw_script_written, 5, args.n, args.values, args.lens, on_removed, w) !=
        BW_OK)
        later(w, "redis is away");
    bw_args_fini(&args);
}

/* ---- setting aside ---- */

static void set_aside(struct bw_writer *w, const char *id, size_t bytes, const char *why)
{
    const struct bw_keys *k = &w->cx->keys;
    char size[24];
    snprintf(size, sizeof(size), "%zu", bytes);
    bw_log_error("writer", "entry %s of %s is set aside: %s", id, k->history, why);
    const char *argv[] = {k->history, k->set_aside, k->staged_bytes, BW_GROUP_POSTGRES, id, why, size};
    if (bw_redis_eval(w->cx->redis, &bw_script_set_aside, 3, 7, argv, NULL, NULL, NULL) == BW_OK)
        bw_metric_add(w->cx->counters.set_aside, 1);
}

/* ---- writing ---- */

/* Refused because of what is in the entry: data that does not fit (22), a constraint (23), a limit of the program (54), a
 * key twice in a statement (21000). Whatever else Postgres says is about itself, its tables or our rights: a person mends
 * it, and the history waits. */
static bool is_about_data(const struct bw_pg_answer *answer)
{
    static const char *const classes[] = {"22", "23", "54", "21"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(answer->sqlstate, classes[i], 2) == 0)
            return true;
    }
    return false;
}

static void on_written(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_writer *w = ctx;
    if (answer->err == BW_OK) {
        if (w->singly > 0)
            w->singly--;
        remove_entries(w);
        return;
    }
    if (answer->err != BW_ERR_PROTOCOL || !is_about_data(answer)) {
        later(w, answer->message);
        return;
    }
    if (w->n > 1) { /* one of them is refused: find it */
        bw_log_warning("writer", "postgres refused a batch of %zu, writing one by one: %s", w->n,
                       answer->message);
        w->singly = w->n;
        bw_consumer_rewind(w->consumer);
    } else {
        set_aside(w, w->taken[0].id, w->taken[0].bytes, answer->message);
        if (w->singly > 0)
            w->singly--;
    }
    w->step = WAIT;
    w->n = 0;
    w->again = true;
    work(w);
}

static void write_rows(struct bw_writer *w)
{
    struct bw_pg_statement statements[BW_ROWS_STATEMENTS];
    size_t n = 0;
    w->checks = bw_rows_checks(w->rows);
    enum bw_err err = bw_rows_statements(w->rows, statements, &n);
    if (err != BW_OK && w->n == 1) {
        set_aside(w, w->taken[0].id, w->taken[0].bytes,
                  err == BW_ERR_TOO_BIG ? "larger than a batch may be" : "a value does not fit its column");
        w->step = WAIT;
        w->n = 0;
        return;
    }
    if (err != BW_OK) { /* one of them: find it */
        w->singly = w->n;
        w->step = WAIT;
        w->n = 0;
        bw_consumer_rewind(w->consumer);
        return;
    }
    if (n == 0) { /* entries that need no row */
        remove_entries(w);
        return;
    }
    w->step = WRITING;
    err = bw_pg_submit(w->cx->pg, statements, n, on_written, w);
    if (err != BW_OK)
        later(w, err == BW_ERR_UNAVAILABLE ? bw_pg_reason(w->cx->pg) : bw_err_text(err));
}

static size_t entry_bytes(const struct bw_entry *e)
{
    size_t doc = 0, raw = 0;
    const char *told = bw_entry_field(e, "bytes", NULL); /* history.lua */
    if (told)
        return strtoul(told, NULL, 10);
    bw_entry_field(e, "doc", &doc);
    bw_entry_field(e, "raw", &raw);
    return doc + raw;
}

static enum bw_err add_entry(struct bw_writer *w, const struct bw_entry *e, struct bw_error *error)
{
    struct bw_held_check check;
    if (!bw_entry_field(e, "bytes", NULL))
        return bw_rows_add(w->rows, e, error);
    if (!bw_held_take(w->checks_here, e->id, &check))
        return bw_error_set(error, BW_ERR_NOT_FOUND, "no longer in memory");
    bw_rows_add_check(w->rows, &check);
    bw_held_check_fini(&check);
    return BW_OK;
}

static void on_entries(void *ctx, enum bw_err err, const struct bw_entry *entries, size_t count)
{
    struct bw_writer *w = ctx;
    w->step = WAIT;
    if (err != BW_OK || w->stopping)
        return;
    bw_rows_clear(w->rows);
    w->n = 0;
    for (size_t i = 0; i < count; i++) {
        struct bw_error error;
        size_t bytes = entry_bytes(&entries[i]);
        enum bw_err added = add_entry(w, &entries[i], &error);
        if (added ==
            BW_ERR_NOT_FOUND) { /* nothing behind it is written before it: it is read again, with its bytes */
            bw_held_clear(w->checks_here);
            w->again = true;
            break;
        }
        if (added != BW_OK) {
            set_aside(w, entries[i].id, bytes, error.text);
            continue;
        }
        bw_text_copy(w->taken[w->n].id, sizeof(w->taken[0].id), entries[i].id);
        w->taken[w->n++].bytes = bytes;
    }
    if (w->n > 0)
        write_rows(w);
    else if (count == 0)
        set_reason(w, ""); /* what waited is gone: another daemon wrote it, or Redis was emptied */
}

/* Alerts before history: while checks are on their way it waits, until there is enough for a batch in memory, which is
 * the cheapest way. After HOLD_MS it is written none the less, until there was a gap. */
static bool checks_first(struct bw_writer *w)
{
    struct bw_mono now = bw_mono_now();
    if (w->cx->staging == 0) {
        w->held.ms = 0;
        return false;
    }
    if (bw_held_bytes(w->checks_here) >= WRITE_BYTES)
        return false;
    if (w->held.ms == 0)
        w->held = now;
    return now.ms - w->held.ms < HOLD_MS;
}

static void work(struct bw_writer *w)
{
    if (w->step != WAIT || w->stopping || !w->again || bw_mono_now().ms < w->next.ms || checks_first(w))
        return;
    if (!bw_postgres_usable(w->cx))
        return; /* its client, or the look at the schema, has said why */
    w->again = false;
    char oldest[BW_HELD_ID], newest[BW_HELD_ID];
    bw_held_ends(w->checks_here, oldest, newest);
    bw_consumer_have(w->consumer, oldest, newest);
    if (bw_consumer_read(w->consumer, w->singly > 0 ? 1 : WRITE_MOST))
        w->step = READING;
}

static void on_tick(void *ctx)
{
    struct bw_writer *w = ctx;
    if (w->ticks++ % ADOPT_TICKS == 0)
        bw_consumer_adopt(w->consumer, (void (*)(void *))bw_writer_kick);
    bw_writer_kick(w);
    bw_timer_start(w->timer, TICK_MS);
}

/* ---- life ---- */

struct bw_writer *bw_writer_new(struct bw_context *context)
{
    struct bw_writer *w = bw_alloc(sizeof(*w));
    w->cx = context;
    w->rows = bw_rows_new();
    w->checks_here = bw_held_new();
    w->timer = bw_timer_new(context->loop, on_tick, w);
    w->consumer = bw_consumer_new(context, context->keys.history, context->keys.writer, BW_GROUP_POSTGRES,
                                  &bw_script_history, on_entries, w);
    bw_backoff_init(&w->backoff, 200, 10000);
    return w;
}

void bw_writer_start(struct bw_writer *w)
{
    bw_timer_start(w->timer, 1);
}

void bw_writer_kick(struct bw_writer *w)
{
    w->again = true;
    work(w);
}

void bw_writer_hold(struct bw_writer *w, const char *id, struct bw_held_check *check)
{
    bw_held_put(w->checks_here, id, check);
    if (bw_held_bytes(w->checks_here) >= WRITE_BYTES)
        bw_writer_kick(w);
}

void bw_writer_rewind(struct bw_writer *w)
{
    bw_held_clear(w->checks_here); /* it may be another Redis */
    bw_consumer_rewind(w->consumer);
    bw_writer_kick(w);
}

void bw_writer_stop(struct bw_writer *w)
{
    w->stopping = true;
    bw_timer_stop(w->timer);
}

bool bw_writer_quiet(const struct bw_writer *w)
{
    return w->step == WAIT && !bw_consumer_busy(w->consumer);
}

const char *bw_writer_reason(const struct bw_writer *w)
{
    return w->reason;
}

void bw_writer_free(struct bw_writer *w)
{
    if (!w)
        return;
    bw_timer_free(w->timer);
    bw_consumer_free(w->consumer);
    bw_rows_free(w->rows);
    bw_held_free(w->checks_here);
    free(w);
}
