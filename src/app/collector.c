/* Batches in flight. A struct run lives from take() until its last product was staged; its members that are not staged
 * are handed back in one place, end().
 *
 * Products go to the stage as they come, so that memory follows one product and not the answer: the clock of a check is the
 * answer's Date header, since the envelope's timestamp comes last in the member order of 2026. Only products that cannot be
 * used wait for the end of the answer, which says whether others can (rule 4). */
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

#define UNSTAGED_MAX                                                                                         \
    ((size_t)2 << 20) /* bytes in the stage at which answers stand still: their last ones wait so long */
#define KEPT_MAX ((size_t)1 << 20) /* bytes of unusable products that wait for the end of an answer */

enum fate {
    FATE_OPEN,    /* nothing came for it yet */
    FATE_KEPT,    /* something unusable came, and waits */
    FATE_SHORT,   /* its product does not reach back to the last check: asked for again */
    FATE_GIVEN_UP /* to the stage */
};

struct received {
    size_t member;
    struct bw_product product;
    char *raw;
    size_t raw_len;
};

struct run {
    struct bw_collector *collector;
    struct bw_batch batch;
    enum fate fates[BW_BATCH_MAX];
    char batch_id[BW_UUID_TEXT];
    int days; /* 0 = whole history */
    int widened;
    struct received *kept;
    size_t n_kept, kept_bytes;
    size_t unreadable; /* elements of the answer that are no product */
    size_t surplus;    /* products that were not asked for, or came twice */
    size_t answered;   /* products of the answer */
    size_t checks;     /* under way in the stage */
    struct bw_mono last_byte;
    bool asking; /* the answer is not complete */
};

/* What the stage's callback needs to know of a check. */
struct under_way {
    struct run *run;
    size_t bytes;
};

struct bw_collector {
    struct bw_context *cx;
    struct bw_keepa *keepa;
    struct bw_collector_port port;
    size_t unstaged; /* bytes of raw answers in the stage */
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

static void drop_kept(struct run *r)
{
    for (size_t i = 0; i < r->n_kept; i++) {
        bw_product_fini(&r->kept[i].product);
        free(r->kept[i].raw);
    }
    free(r->kept);
    r->kept = NULL;
    r->n_kept = r->kept_bytes = r->unreadable = r->surplus = r->answered = 0;
}

/* The members with that fate or a lesser one are the batch from now on; the others belong to the stage. */
static void keep_members(struct run *r, enum fate most)
{
    size_t n = 0;
    for (size_t i = 0; i < r->batch.n; i++) {
        if (r->fates[i] <= most)
            r->batch.members[n++] = r->batch.members[i];
    }
    r->batch.n = n;
    memset(r->fates, 0, sizeof(r->fates));
}

static void end(struct run *r)
{
    struct bw_collector *c = r->collector;
    keep_members(r, FATE_SHORT);
    if (r->batch.n > 0)
        c->port.release(c->port.ctx, r->batch.members, r->batch.n);
    drop_kept(r);
    c->first_runs -= r->batch.first;
    bw_batch_fini(&r->batch);
    free(r);
    c->runs--;
    c->cx->asking--;
    c->port.idle(c->port.ctx);
}

static void end_if_done(struct run *r)
{
    if (r->checks > 0 || r->asking)
        return;
    if (r->answered > 0) /* the benchmark reads this line */
        bw_log_debug("keepa", "%zu products of an answer staged %lld ms after its last byte", r->answered,
                     (long long)(bw_mono_now().ms - r->last_byte.ms));
    end(r);
}

static void on_checked(void *ctx)
{
    struct under_way *u = ctx;
    struct run *r = u->run;
    struct bw_collector *c = r->collector;
    bool was_full = c->unstaged >= UNSTAGED_MAX;
    c->unstaged -= u->bytes;
    free(u);
    r->checks--;
    if (was_full && c->unstaged < UNSTAGED_MAX)
        bw_keepa_resume(c->keepa);
    end_if_done(r);
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

/* ---- Keepa's clock ---- */

/* Keepa's clock now, rather late than early: a window that is too long costs nothing, one that is too short a second
 * request. Our wall clock may have been set back since its last answer. */
static int64_t keepa_now(const struct bw_collector *c)
{
    int64_t by_wall = bw_wall_now().ms / 1000 + c->clock_offset_s;
    int64_t by_mono = c->answered_at + (bw_mono_now().ms - c->answered.ms) / 1000;
    return c->answered_at != 0 && by_mono > by_wall ? by_mono : by_wall;
}

/* ---- products of the answer ---- */

/* The member that was asked for; SIZE_MAX if none, or if a product came for it already: of duplicates the first counts.
 * Answers are matched by ASIN, never by position. */
static size_t find_member(const struct run *r, const struct bw_product_key *key)
{
    for (size_t i = 0; i < r->batch.n; i++) {
        if (r->fates[i] == FATE_OPEN && bw_product_key_compare(&r->batch.members[i].key, key) == 0)
            return i;
    }
    return SIZE_MAX;
}

/* Takes product and raw. */
static void submit(struct run *r, size_t member, const struct received *got, int64_t answered_at)
{
    struct bw_collector *c = r->collector;
    struct bw_member *m = &r->batch.members[member];
    struct under_way *u = bw_alloc(sizeof(*u));
    struct bw_check check = {.member = *m,
                             .product = got->product,
                             .raw = got->raw,
                             .raw_len = got->raw_len,
                             .answered_at = answered_at,
                             .others_answer = others_answer(c, &m->key),
                             .last_byte = bw_mono_now()};
    bw_text_copy(check.batch_id, sizeof(check.batch_id), r->batch_id);
    *u = (struct under_way){.run = r, .bytes = got->raw_len};
    r->fates[member] = FATE_GIVEN_UP;
    r->checks++;
    c->unstaged += u->bytes;
    c->port.check(c->port.ctx, &check, on_checked, u);
}

static void keep(struct run *r, const struct received *got)
{
    r->kept = bw_realloc_array(r->kept, r->n_kept + 1, sizeof(*r->kept));
    r->kept[r->n_kept++] = *got;
    r->kept_bytes += got->raw_len;
    r->fates[got->member] = FATE_KEPT;
}

/* An answer may hold a few elements that nobody can use; one that is made of them is given up, so that neither memory
 * nor time nor the log follows its length. */
static enum bw_err count_useless(struct run *r, size_t *count)
{
    (*count)++;
    return r->unreadable + r->surplus > r->batch.n + USELESS_MAX ? BW_ERR_TOO_BIG : BW_OK;
}

/* The window may not reach back to the last check, since a clock was wrong or ran fast. */
static bool falls_short(const struct run *r, const struct received *got, int64_t answered_at)
{
    return !r->batch.first && r->widened < WIDEN_MAX &&
           bw_detect_gap(&r->batch.members[got->member].prev, &got->product, r->days, answered_at);
}

static enum bw_err on_product(void *ctx, const struct bw_keepa_piece *piece)
{
    struct run *r = ctx;
    struct received got = {.raw_len = 0};
    struct bw_error error;
    if (bw_keepa_product_decode(piece->json, piece->len, r->batch.domain, &got.product, &error) != BW_OK) {
        bw_metric_add(r->collector->cx->counters.checks[BW_CHECK_ERROR], 1);
        if (r->unreadable == 0)
            bw_log_warning("keepa", "a product of the answer cannot be read: %s", error.text);
        return count_useless(r, &r->unreadable); /* the member it was meant for counts as absent */
    }
    got.member = find_member(r, &got.product.key);
    if (got.member == SIZE_MAX) {
        bw_product_fini(&got.product);
        return count_useless(r, &r->surplus);
    }
    r->answered++;
    if (piece->too_big) {
        got.product.unknown = BW_UNKNOWN_MALFORMED;
        snprintf(got.product.detail, sizeof(got.product.detail), "larger than BADGEWATCH_MAX_PRODUCT");
    } else {
        got.raw = bw_keepa_splitter_take(piece->from, piece->json, piece->len);
        got.raw_len = piece->len;
    }
    int64_t answered_at = piece->dated_at != 0 ? piece->dated_at : keepa_now(r->collector);
    if (got.product.unknown != BW_KNOWN && r->kept_bytes + got.raw_len <= KEPT_MAX) {
        keep(r, &got);
    } else if (got.product.unknown == BW_KNOWN && falls_short(r, &got, answered_at)) {
        r->fates[got.member] = FATE_SHORT;
        bw_product_fini(&got.product);
        free(got.raw);
    } else {
        if (got.product.unknown == BW_KNOWN)
            note_usable(r->collector, &got.product);
        submit(r, got.member, &got, answered_at);
    }
    return BW_OK;
}

static void on_pause(void *ctx)
{
    const struct run *r = ctx;
    r->collector->port.send(r->collector->port.ctx);
}

static bool is_full(void *ctx)
{
    const struct run *r = ctx;
    return r->collector->unstaged >= UNSTAGED_MAX;
}

/* ---- the answer ---- */

/* The same question for those whose window did not reach back, with what the answer's own clock says. */
static bool widen(struct run *r, const struct bw_keepa_result *result)
{
    int64_t oldest = result->answered_at;
    keep_members(r, FATE_SHORT);
    if (r->batch.n == 0)
        return false;
    for (size_t i = 0; i < r->batch.n; i++) {
        int64_t ok_at = r->batch.members[i].prev.ok_at;
        if (ok_at != 0 && ok_at < oldest)
            oldest = ok_at;
    }
    int days = bw_schedule_days(result->answered_at, oldest);
    r->widened++;
    r->days = r->widened == WIDEN_MAX || days <= r->days ? 0 : days;
    bw_log_info("keepa",
                "an answer does not reach back to the last check of %zu products: asking again for %d days",
                r->batch.n, r->days);
    drop_kept(r);
    return ask(r) == BW_OK; /* else they are handed back: what came was not enough */
}

static void submit_rest(struct run *r, const struct bw_keepa_result *result)
{
    enum bw_unknown otherwise = result->outcome == BW_KEEPA_REJECTED ? BW_UNKNOWN_ERROR : BW_UNKNOWN_ABSENT;
    for (size_t i = 0; i < r->n_kept; i++)
        submit(r, r->kept[i].member, &r->kept[i], result->answered_at);
    r->n_kept = 0;
    for (size_t i = 0; i < r->batch.n; i++) {
        if (r->fates[i] != FATE_OPEN)
            continue;
        struct received absent = {.product = {.key = r->batch.members[i].key, .unknown = otherwise}};
        snprintf(absent.product.detail, sizeof(absent.product.detail), "%s", result->text);
        r->answered++;
        submit(r, i, &absent, result->answered_at);
    }
}

static void on_done(void *ctx, const struct bw_keepa_result *result)
{
    struct run *r = ctx;
    struct bw_collector *c = r->collector;
    r->asking = false;
    r->last_byte = result->last_byte;
    if (result->outcome == BW_KEEPA_FAILED) {
        end_if_done(r); /* what came whole is staged; the rest is handed back */
        return;
    }
    c->clock_offset_s = result->answered_at - bw_wall_now().ms / 1000;
    c->answered_at = result->answered_at;
    c->answered = result->last_byte;
    if (result->outcome == BW_KEEPA_REJECTED)
        bw_log_warning("keepa", "the request was rejected: %s", result->text);
    bw_log_debug("keepa", "%zu products asked, %zu answered, %lld tokens left", r->batch.n, r->answered,
                 (long long)result->envelope.tokens_left);
    r->checks++; /* it does not end while they are submitted */
    submit_rest(r, result);
    c->port.send(c->port.ctx);
    r->checks--;
    if (!widen(r, result))
        end_if_done(r);
}

/* ---- the question ---- */

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
                                         .update = r->batch.update,
                                         .expected = (int64_t)r->batch.n * r->batch.cost,
                                         .reserved = r->widened == 0,
                                         .batch_id = r->batch_id,
                                         .on_product = on_product,
                                         .on_pause = on_pause,
                                         .is_full = is_full,
                                         .done = on_done,
                                         .ctx = r};
    enum bw_err err = bw_keepa_products(r->collector->keepa, &question);
    r->asking = err == BW_OK;
    return err;
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
