/* Batches in flight. A struct run lives from take() until its last product was staged; its members that are not staged
 * are handed back in one place, end(). Products are kept decoded, with their exact bytes, until the envelope is
 * complete: in the member order of 2026 the timestamp that detection needs comes after them. */
#include "collector.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "badgewatch/core/detect.h"
#include "badgewatch/core/schedule.h"
#include "ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTHERS_MS   (3600LL * 1000) /* rule 4: others answered within the last hour */
#define USELESS_MAX 100             /* elements of an answer beyond those asked for */
#define WIDEN_MAX   3               /* windows of one batch; the last one is the whole history */
#define FIRST_RUNS  2 /* batches in flight while one brings histories: they are megabytes each */

struct received {
    struct bw_product product;
    char *raw;
    size_t raw_len;
    bool used;
};

struct run {
    struct bw_collector *collector;
    struct bw_batch batch;
    char batch_id[BW_UUID_TEXT];
    int days; /* 0 = whole history */
    int widened;
    struct received *received;
    size_t n_received;
    size_t unreadable; /* elements of the answer that are no product */
    size_t surplus;    /* products that were not asked for, or came twice */
    size_t checks;     /* under way in the stage */
    size_t staged;     /* of this answer, for the log */
    struct bw_mono last_byte;
    bool submitted; /* all were given to it */
};

struct bw_collector {
    struct bw_context *cx;
    struct bw_keepa *keepa;
    struct bw_collector_port port;
    size_t runs;
    size_t first_runs;              /* of them first sights */
    int64_t clock_offset_s;         /* Keepa's clock minus ours, as the newest answer told it */
    int64_t answered_at;            /* Keepa's clock in it */
    struct bw_mono answered;        /* and when it came */
    struct bw_mono usable_at;       /* when some product last answered usably */
    struct bw_product_key usable;   /* which */
    struct bw_mono usable_other_at; /* and when one other than that did */
};

static enum bw_err ask(struct run *r);

/* ---- the end of a batch ---- */

static void drop_received(struct run *r)
{
    for (size_t i = 0; i < r->n_received; i++) {
        if (r->received[i].used)
            continue;
        bw_product_fini(&r->received[i].product);
        free(r->received[i].raw);
    }
    free(r->received);
    r->received = NULL;
    r->n_received = r->unreadable = r->surplus = 0;
}

static void end(struct run *r)
{
    struct bw_collector *c = r->collector;
    if (r->batch.n > 0)
        c->port.release(c->port.ctx, r->batch.members, r->batch.n);
    drop_received(r);
    c->first_runs -= r->batch.first;
    bw_batch_fini(&r->batch);
    free(r);
    c->runs--;
    c->cx->asking--;
    c->port.idle(c->port.ctx);
}

static void on_checked(void *ctx)
{
    struct run *r = ctx;
    if (--r->checks > 0 || !r->submitted)
        return;
    /* the benchmark reads this line */
    bw_log_debug("keepa", "%zu products of an answer staged %lld ms after its last byte", r->staged,
                 (long long)(bw_mono_now().ms - r->last_byte.ms));
    end(r);
}

/* ---- others answer (rule 4) ---- */

static void note_usable(struct bw_collector *c, const struct bw_product *p)
{
    struct bw_mono now = bw_mono_now();
    if (bw_product_key_compare(&c->usable, &p->key) != 0) {
        c->usable_other_at = c->usable_at;
        c->usable = p->key;
    }
    c->usable_at = now;
}

static bool others_answer(const struct bw_collector *c, const struct bw_product_key *key)
{
    bool self = bw_product_key_compare(&c->usable, key) == 0;
    struct bw_mono at = self ? c->usable_other_at : c->usable_at;
    return at.ms != 0 && bw_mono_now().ms - at.ms <= OTHERS_MS;
}

/* ---- products of the answer ---- */

static struct received *find_received(struct run *r, const struct bw_product_key *key);

static bool was_asked(const struct run *r, const struct bw_product_key *key)
{
    for (size_t i = 0; i < r->batch.n; i++) {
        if (bw_product_key_compare(&r->batch.members[i].key, key) == 0)
            return true;
    }
    return false;
}

/* An answer may hold a few elements that nobody can use; one that is made of them is given up, so that neither memory
 * nor time nor the log follows its length. */
static enum bw_err count_useless(struct run *r, size_t *count)
{
    (*count)++;
    return r->unreadable + r->surplus > r->batch.n + USELESS_MAX ? BW_ERR_TOO_BIG : BW_OK;
}

static enum bw_err on_product(void *ctx, const char *json, size_t len, bool too_big)
{
    struct run *r = ctx;
    struct received got = {.raw_len = len};
    struct bw_error error;
    if (bw_keepa_product_decode(json, len, r->batch.domain, &got.product, &error) != BW_OK) {
        bw_metric_add(r->collector->cx->counters.checks[BW_CHECK_ERROR], 1);
        if (r->unreadable == 0)
            bw_log_warning("keepa", "a product of the answer cannot be read: %s", error.text);
        return count_useless(r, &r->unreadable); /* the member it was meant for counts as absent */
    }
    if (!was_asked(r, &got.product.key) || find_received(r, &got.product.key)) {
        bw_product_fini(&got.product);
        return count_useless(r, &r->surplus);
    }
    if (too_big) {
        got.product.unknown = BW_UNKNOWN_MALFORMED;
        snprintf(got.product.detail, sizeof(got.product.detail), "larger than BADGEWATCH_MAX_PRODUCT");
    } else {
        got.raw = bw_strndup(json, len);
    }
    if (got.product.unknown == BW_KNOWN)
        note_usable(r->collector, &got.product);
    r->received = bw_realloc_array(r->received, r->n_received + 1, sizeof(*r->received));
    r->received[r->n_received++] = got;
    return BW_OK;
}

/* The product of a member; of duplicates the first. Answers are matched by ASIN, never by position. */
static struct received *find_received(struct run *r, const struct bw_product_key *key)
{
    for (size_t i = 0; i < r->n_received; i++) {
        if (!r->received[i].used && bw_product_key_compare(&r->received[i].product.key, key) == 0)
            return &r->received[i];
    }
    return NULL;
}

static void submit(struct run *r, struct bw_member *m, enum bw_unknown otherwise,
                   const struct bw_keepa_result *result)
{
    struct bw_collector *c = r->collector;
    struct bw_check check = {.member = *m,
                             .answered_at = result->answered_at,
                             .others_answer = others_answer(c, &m->key),
                             .last_byte = result->last_byte};
    snprintf(check.batch_id, sizeof(check.batch_id), "%s", r->batch_id);
    struct received *got = find_received(r, &m->key);
    if (got) {
        check.product = got->product;
        check.raw = got->raw;
        check.raw_len = got->raw ? got->raw_len : 0;
        got->used = true;
    } else {
        check.product = (struct bw_product){.key = m->key, .unknown = otherwise};
        snprintf(check.product.detail, sizeof(check.product.detail), "%s", result->text);
    }
    r->checks++;
    c->port.check(c->port.ctx, &check, on_checked, r);
}

/* ---- the answer ---- */

static bool has_gap(struct run *r, const struct bw_keepa_result *result)
{
    for (size_t i = 0; i < r->batch.n && !r->batch.first; i++) {
        const struct bw_member *m = &r->batch.members[i];
        const struct received *got = find_received(r, &m->key);
        if (got && got->product.unknown == BW_KNOWN &&
            bw_detect_gap(&m->prev, &got->product, r->days, result->answered_at))
            return true;
    }
    return false;
}

/* The window did not reach back: nothing is staged, the same batch is asked with what the answer's own clock says. */
static bool widen(struct run *r, const struct bw_keepa_result *result)
{
    if (r->widened >= WIDEN_MAX || !has_gap(r, result))
        return false;
    int64_t oldest = result->answered_at;
    for (size_t i = 0; i < r->batch.n; i++) {
        int64_t ok_at = r->batch.members[i].prev.ok_at;
        if (ok_at != 0 && ok_at < oldest)
            oldest = ok_at;
    }
    int days = bw_schedule_days(result->answered_at, oldest);
    r->widened++;
    r->days = r->widened == WIDEN_MAX || days <= r->days ? 0 : days;
    bw_log_info("keepa", "the answer does not reach back to the last check: asking again for %d days",
                r->days);
    drop_received(r);
    if (ask(r) != BW_OK)
        end(r); /* handed back: what was received was not enough */
    return true;
}

static void on_done(void *ctx, const struct bw_keepa_result *result)
{
    struct run *r = ctx;
    struct bw_collector *c = r->collector;
    if (result->outcome == BW_KEEPA_FAILED) {
        end(r);
        return;
    }
    c->clock_offset_s = result->answered_at - bw_wall_now().ms / 1000;
    c->answered_at = result->answered_at;
    c->answered = result->last_byte;
    if (result->outcome == BW_KEEPA_REJECTED)
        bw_log_warning("keepa", "the request was rejected: %s", result->text);
    if (widen(r, result))
        return;
    bw_log_debug("keepa", "%zu products asked, %zu answered, %lld tokens left", r->batch.n, r->n_received,
                 (long long)result->envelope.tokens_left);
    enum bw_unknown otherwise = result->outcome == BW_KEEPA_REJECTED ? BW_UNKNOWN_ERROR : BW_UNKNOWN_ABSENT;
    size_t n = r->batch.n;
    r->batch.n = 0; /* from here on the stage owns the members */
    r->checks = 1;
    r->staged = n;
    r->last_byte = result->last_byte;
    r->submitted = true;
    for (size_t i = 0; i < n; i++)
        submit(r, &r->batch.members[i], otherwise, result);
    on_checked(r);
}

/* ---- the question ---- */

/* Keepa's clock now, rather late than early: a window that is too long costs nothing, one that is too short a second
 * request. Our wall clock may have been set back since its last answer; the monotonic one stands while a laptop sleeps. */
static int64_t keepa_now(const struct bw_collector *c)
{
    int64_t by_wall = bw_wall_now().ms / 1000 + c->clock_offset_s;
    int64_t by_mono = c->answered_at + (bw_mono_now().ms - c->answered.ms) / 1000;
    return c->answered_at != 0 && by_mono > by_wall ? by_mono : by_wall;
}

static int first_days(const struct bw_collector *c, const struct bw_batch *batch)
{
    if (batch->first)
        return c->cx->conf->backfill_days == BW_BACKFILL_FULL ? 0 : c->cx->conf->backfill_days;
    int64_t now = keepa_now(c);
    int64_t oldest = now;
    for (size_t i = 0; i < batch->n; i++) {
        if (batch->members[i].prev.ok_at < oldest)
            oldest = batch->members[i].prev.ok_at;
    }
    return bw_schedule_days(now, oldest);
}

static enum bw_err ask(struct run *r)
{
    struct bw_product_key keys[BW_BATCH_MAX];
    for (size_t i = 0; i < r->batch.n; i++)
        keys[i] = r->batch.members[i].key;
    bw_uuid_random(r->batch_id); /* one for each request: it is the key of api_usage_log */
    struct bw_keepa_question question = {.domain = r->batch.domain,
                                         .keys = keys,
                                         .n = r->batch.n,
                                         .days = r->days,
                                         .update = bw_keepa_update(r->collector->keepa),
                                         .batch_id = r->batch_id,
                                         .on_product = on_product,
                                         .done = on_done,
                                         .ctx = r};
    return bw_keepa_products(r->collector->keepa, &question);
}

void bw_collector_take(struct bw_collector *c, struct bw_batch *batch)
{
    struct run *r = bw_alloc(sizeof(*r));
    r->collector = c;
    r->batch = *batch;
    *batch = (struct bw_batch){0};
    r->days = first_days(c, &r->batch);
    c->runs++;
    c->cx->asking++;
    c->first_runs += r->batch.first;
    enum bw_err err = ask(r);
    if (err != BW_OK) {
        bw_log_error("keepa", "cannot ask: %s", bw_err_text(err));
        end(r);
    }
}

struct bw_collector *bw_collector_new(struct bw_context *context, struct bw_keepa *keepa,
                                      const struct bw_collector_port *port)
{
    struct bw_collector *c = bw_alloc(sizeof(*c));
    c->cx = context;
    c->keepa = keepa;
    c->port = *port;
    return c;
}

size_t bw_collector_room(const struct bw_collector *c)
{
    size_t most = (size_t)c->cx->conf->concurrency;
    if (c->first_runs > 0 && most > FIRST_RUNS)
        most = FIRST_RUNS;
    return c->runs < most ? most - c->runs : 0;
}

size_t bw_collector_pending(const struct bw_collector *c)
{
    return c->runs;
}

void bw_collector_free(struct bw_collector *c)
{
    free(c);
}
