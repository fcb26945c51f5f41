/* A look at Redis twice a second costs next to nothing and sees at once what a person asked for with `badgewatch poll`
 * or what another daemon handed back; a timer for the next due time alone would not. */
#include "scheduler.h"

#include "args.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "badgewatch/codec/state_json.h"
#include "badgewatch/core/schedule.h"
#include "leases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS    500
#define CLAIM_KEYS 9
#define ANEW_MAX   8 /* times in a row that the bucket is reckoned anew, where others spend at the same time */
#define DEAD_EVERY 10 /* ticks between two looks for leases of dead daemons */

struct bw_scheduler {
    struct bw_context *cx;
    struct bw_keepa *keepa;
    struct bw_due_clock *clock;
    struct bw_scheduler_port port;
    struct bw_timer *timer;
    struct bw_plan plan; /* of the newest claim */
    bool claiming;
    bool stopping;
    unsigned ticks;
    int anew;       /* times in a row that the bucket was another than reckoned by */
    int64_t claims; /* so many were sent: the number of the newest */
    int64_t lost;   /* the first of the last ones whose answers never came; 0: the newest was answered */
    char reason[256];
};

static void on_claimed(void *ctx, enum bw_err err, const struct bw_reply *reply);

static void wait_because(struct bw_scheduler *s, enum bw_log_level level, const char *reason)
{
    if (strcmp(s->reason, reason) == 0)
        return;
    snprintf(s->reason, sizeof(s->reason), "%s", reason);
    bw_metric_set(s->cx->counters.checks_waiting, reason[0] ? 1 : 0);
    if (reason[0])
        bw_log(level, "scheduler", "checks wait: %s", reason);
    else
        bw_log_info("scheduler", "checks go on");
}

static void set_reason(struct bw_scheduler *s, const char *reason)
{
    wait_because(s, BW_LOG_WARNING, reason);
}

/* ---- the claim ---- */

static enum bw_err claim(struct bw_scheduler *s)
{
    const struct bw_keys *k = &s->cx->keys;
    const char *const keys[] = {k->due,          k->leased, k->lease,  k->poll,    k->epoch,
                                k->staged_bytes, k->turn,   k->tokens, k->spending};
    struct bw_args args;
    bw_args_init(&args);
    for (size_t i = 0; i < CLAIM_KEYS; i++)
        bw_args_add(&args, keys[i]);
    bw_args_add(&args, k->prefix);
    bw_args_add(&args, s->cx->id);
    bw_args_add_int(&args, BW_LEASE_MS);
    bw_args_add_int(&args, s->plan.routine < BW_BATCH_MAX ? s->plan.routine : BW_BATCH_MAX);
    bw_args_add_int(&args, s->plan.polled < BW_BATCH_MAX ? s->plan.polled : BW_BATCH_MAX);
    bw_args_add_int(&args, s->cx->conf->stage_limit);
    bw_args_add_int(&args, BW_BATCH_FIRST_MAX);
    bw_args_add(&args, s->ticks % DEAD_EVERY == 1 ? "1" : "0");
    bw_args_add_int(&args, ++s->claims);
    bw_args_add_int(&args, s->lost);
    bw_args_add_int(&args, BW_AHEAD_PART);
    bw_args_add_int(&args, BW_AHEAD_MAX_S);
    bw_args_add_int(&args, bw_keepa_seq(s->keepa));
    bw_args_add_int(&args, bw_keepa_bucket(s->keepa)->in_flight);
    bw_args_add_int(&args, s->plan.cost);
    enum bw_err err = bw_redis_eval(s->cx->redis, &bw_script_claim, CLAIM_KEYS, args.n, args.values,
                                    args.lens, on_claimed, s);
    bw_args_fini(&args);
    return err;
}

static void look(struct bw_scheduler *s)
{
    if (s->claiming || s->stopping || !bw_redis_writable(s->cx->redis) || s->port.room(s->port.ctx) == 0)
        return;
    bw_keepa_plan(s->keepa, &s->plan);
    if (s->plan.polled > 0)
        s->claiming = claim(s) == BW_OK;
}

static void on_tick(void *ctx)
{
    struct bw_scheduler *s = ctx;
    s->ticks++;
    s->anew = 0;
    look(s);
    bw_timer_start(s->timer, TICK_MS);
}

/* ---- what was claimed ---- */

static bool read_member(const struct bw_scheduler *s, const struct bw_reply *item, struct bw_member *m)
{
    if (item->type != BW_REPLY_ARRAY || item->n != 6)
        return false;
    const struct bw_reply *e = item->elements;
    struct bw_error error;
    if (bw_product_key_parse(e[0].str, &m->key, &error) != BW_OK) {
        bw_log_error("scheduler", "a member of the due set is no product: %s", error.text);
        return false;
    }
    m->due = (int64_t)strtod(e[1].str, NULL);
    m->polled = strcmp(e[2].str, "1") == 0;
    m->frequency = (int)strtol(e[5].str, NULL, 10);
    if (m->frequency < 1)
        m->frequency = (int)s->cx->conf->default_frequency_min;
    if (e[4].len == 0) {
        bw_state_init(&m->prev, &m->key);
        m->prev.version = strtoll(e[3].str, NULL, 10);
        return true;
    }
    if (bw_state_decode(e[4].str, e[4].len, &m->key, &m->prev, &error) == BW_OK)
        return true;
    /* Somebody wrote into the hash. Guessing would invent or lose alerts; the lease runs out and it is tried again. */
    bw_log_error("scheduler", "the state of %d:%s cannot be read, it is not checked: %s", m->key.domain,
                 m->key.asin, error.text);
    return false;
}

static void give(struct bw_scheduler *s, struct bw_batch *batch)
{
    if (batch->n > 0 && !s->stopping) {
        batch->domain = batch->members[0].key.domain;
        batch->first = !batch->members[0].prev.baseline;
        s->port.take(s->port.ctx, batch);
        return;
    }
    if (batch->n > 0)
        s->port.release(s->port.ctx, batch->members, batch->n);
    bw_batch_fini(batch);
}

static void take(struct bw_scheduler *s, const struct bw_reply *reply)
{
    size_t claimed = reply->n - 3;
    struct bw_batch batch = {.members = bw_alloc_array(reply->n, sizeof(*batch.members)),
                             .update = s->plan.update,
                             .cost = s->plan.cost};
    for (size_t i = 3; i < reply->n; i++) {
        if (read_member(s, &reply->elements[i], &batch.members[batch.n]))
            batch.n++;
    }
    s->anew = 0;
    bw_keepa_claimed(s->keepa, reply->elements[2].integer);
    const struct bw_bucket *bucket = bw_keepa_bucket(s->keepa);
    int64_t reserved = bucket->in_flight + (int64_t)claimed * batch.cost;
    give(s, &batch);
    if (bucket->in_flight != reserved) /* not all of it was asked for */
        bw_keepa_share(s->keepa);
    look(s); /* there may be more */
}

static void reckon_anew(struct bw_scheduler *s, const struct bw_reply *reply)
{
    bw_keepa_learn(s->keepa, reply);
    if (s->anew++ < ANEW_MAX)
        look(s);
}

static void on_claimed(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_scheduler *s = ctx;
    s->claiming = false;
    if (err != BW_OK || !bw_redis_writable(s->cx->redis)) { /* the client says why */
        s->lost = s->lost ? s->lost : s->claims;            /* it may have been carried out */
        return;
    }
    if (reply->type != BW_REPLY_ARRAY || reply->n == 0) {
        set_reason(s, reply->type == BW_REPLY_ERROR ? reply->str : "redis gave an unexpected answer");
        return;
    }
    const char *word = reply->elements[0].str;
    if (strcmp(word, "epoch") == 0) {
        /* at each start of our own Redis: nothing is wrong */
        wait_because(s, BW_LOG_INFO, "Redis began anew; states are verified against Postgres first");
        s->port.emptied(s->port.ctx);
    } else if (strcmp(word, "full") == 0) {
        set_reason(s, "more than BADGEWATCH_STAGE_LIMIT waits for Postgres");
    } else {
        set_reason(s, "");
        s->lost = 0;
        bw_due_clock_told(s->clock, reply->n > 1 ? reply->elements[1].integer : 0);
        if (strcmp(word, "tokens") == 0)
            reckon_anew(s, reply);
        else if (strcmp(word, "batch") == 0)
            take(s, reply);
    }
}

/* ---- life ---- */

struct bw_scheduler *bw_scheduler_new(struct bw_context *context, struct bw_keepa *keepa,
                                      struct bw_due_clock *clock, const struct bw_scheduler_port *port)
{
    struct bw_scheduler *s = bw_alloc(sizeof(*s));
    s->cx = context;
    s->keepa = keepa;
    s->clock = clock;
    s->port = *port;
    s->timer = bw_timer_new(context->loop, on_tick, s);
    return s;
}

void bw_scheduler_start(struct bw_scheduler *s)
{
    bw_timer_start(s->timer, 1);
}

void bw_scheduler_kick(struct bw_scheduler *s)
{
    look(s);
}

void bw_scheduler_stop(struct bw_scheduler *s)
{
    s->stopping = true;
    bw_timer_stop(s->timer);
}

bool bw_scheduler_quiet(const struct bw_scheduler *s)
{
    return !s->claiming;
}

const char *bw_scheduler_reason(const struct bw_scheduler *s)
{
    return s->reason;
}

void bw_scheduler_free(struct bw_scheduler *s)
{
    if (!s)
        return;
    bw_timer_free(s->timer);
    free(s);
}
