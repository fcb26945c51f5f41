/* Detection and staging of single checks. One struct op a check; it ends in finish(), once. */
#include "stage.h"

#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/state_json.h"
#include "badgewatch/core/detect.h"
#include "stage_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define STAGE_WINDOW                                                                                         \
    64 /* bounds the copies of raw answers on their way, and the work of one turn of the loop */
#define STAGE_BYTES      ((size_t)1 << 20) /* the same for first sights, whose answers are long; one always goes */
#define STAGE_CALL       16                /* checks in one call of the script */
#define STAGE_CALL_BYTES ((size_t)256 << 10) /* of raw answers in it: it holds up Redis for some ms at most */
#define STAGE_TRIES      5
#define DOC_MAX          ((size_t)64 << 20) /* a record of a product at the cap of 8 MB stays far below */

struct op {
    TAILQ_ENTRY(op) link;
    struct bw_stage *stage;
    struct bw_check check;
    struct bw_detection detection;
    bool settles; /* no check: it decides about losses that were held back */
    bool ill;     /* and so the source was found */
    bool detected;
    struct bw_state_text text; /* of detection.next */
    char hash[65];             /* of the bytes as they came */
    bool mended;               /* check.raw is not as it came */
    int tries;
    void (*done)(void *ctx);
    void *ctx;
};

/* Checks that go to Redis in one call of the script. */
struct stage_call {
    struct bw_stage *stage;
    struct op *ops[STAGE_CALL];
    size_t n;
    size_t bytes;
    struct bw_args keys, args;
};

struct bw_stage {
    struct bw_context *cx;
    struct bw_names *names;
    struct bw_stage_port port;
    TAILQ_HEAD(, op) waiting;
    size_t n_waiting;
    size_t running;
    size_t running_bytes;    /* of their raw answers */
    struct stage_call *next; /* being filled; NULL while it is empty */
    struct stage_call *kept; /* not in use, with its memory */
    struct bw_buf doc;       /* the same, for the history entry that is being written */
};

static void start_next(struct bw_stage *s);
static void run(struct op *op);

/* ---- the end of a check ---- */

static void finish(struct op *op, bool release)
{
    struct bw_stage *s = op->stage;
    if (release)
        s->port.release(s->port.ctx, &op->check.member);
    if (op->detected)
        bw_detection_fini(&op->detection);
    bw_state_text_fini(&op->text);
    bw_state_fini(&op->check.member.prev);
    bw_product_fini(&op->check.product);
    free(op->check.raw);
    s->running--;
    s->running_bytes -= op->check.raw_len;
    s->cx->staging--;
    void (*done)(void *) = op->done;
    void *ctx = op->ctx;
    free(op);
    done(ctx);
}

static void count_changes(struct op *op)
{
    for (size_t i = 0; i < op->detection.n_changes; i++)
        bw_metric_add(op->stage->cx->counters.changes[op->detection.changes[i].type], 1);
}

static void count_outcome(struct op *op)
{
    const struct bw_detection *d = &op->detection;
    struct bw_counters *c = &op->stage->cx->counters;
    enum bw_outcome outcome = BW_CHECK_UNKNOWN;
    if (d->unknown == BW_KNOWN)
        outcome = BW_CHECK_OK;
    else if (d->unknown == BW_UNKNOWN_ABSENT)
        outcome = BW_CHECK_MISSING;
    else if (d->unknown == BW_UNKNOWN_MALFORMED || d->unknown == BW_UNKNOWN_ERROR)
        outcome = BW_CHECK_ERROR;
    bw_metric_add(c->checks[outcome], 1);
    if (d->unknown == BW_UNKNOWN_STALE)
        bw_metric_add(c->stale_answers, 1);
    if (d->unknown == BW_KNOWN && d->next.freshness > 0)
        bw_metric_observe(c->keepa_data_age, (double)(op->check.answered_at - d->next.freshness));
    bw_metric_observe(c->detection, (double)(bw_mono_now().ms - op->check.last_byte.ms) / 1000.0);
}

static void log_changes(const struct op *op)
{
    const struct bw_product_key *key = &op->check.member.key;
    for (size_t i = 0; i < op->detection.n_changes; i++) {
        const struct bw_change *c = &op->detection.changes[i];
        char at[BW_TIME_TEXT];
        bw_time_format(c->occurred_at, at);
        bw_log_info("detect", "%d:%s %s #1 in '%s' (%s) at %s", key->domain, key->asin,
                    bw_change_type_name(c->type), c->category, bw_reason_name(c->reason), at);
    }
    if (!op->settles && op->detection.unknown != BW_KNOWN && op->detection.next.unknown_checks == 1)
        bw_log_warning("detect", "%d:%s no usable answer (%s%s%s), its state stays", key->domain, key->asin,
                       bw_unknown_name(op->detection.unknown), op->check.product.detail[0] ? ": " : "",
                       op->check.product.detail);
}

static void staged(struct op *op, const char *id)
{
    struct bw_stage *s = op->stage;
    struct bw_check *c = &op->check;
    struct bw_held_check held = {.text = op->text, .raw = c->raw, .raw_len = c->raw ? c->raw_len : 0};
    char entry[BW_HELD_ID];
    bool changed = op->detection.n_changes > 0;
    bw_text_copy(entry, sizeof(entry), id);
    count_changes(op);
    if (!op->settles)
        count_outcome(op);
    log_changes(op);
    bw_check_record_take(&held.record, &op->detection, &c->product, op->detection.next.checked_at_ms,
                         c->batch_id, op->hash, op->mended);
    c->raw = NULL;
    op->text = (struct bw_state_text){.state = {.len = 0}};
    finish(op, false);
    s->port.staged(s->port.ctx, entry, &held);
    if (changed)
        s->port.changed(s->port.ctx);
}

/* ---- a newer state was there ---- */

static void on_state(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct op *op = ctx;
    struct bw_stage *s = op->stage;
    struct bw_member *m = &op->check.member;
    struct bw_error error = {.text = "no state"};
    if (err == BW_OK && reply->type == BW_REPLY_STRING) {
        struct bw_state state;
        if (bw_state_decode(reply->str, reply->len, &m->key, &state, &error) == BW_OK) {
            bw_state_fini(&m->prev);
            m->prev = state;
            run(op);
            bw_stage_send(s);
            return;
        }
        bw_log_error("stage", "the stored state of %d:%s cannot be read: %s", m->key.domain, m->key.asin,
                     error.text);
    }
    finish(op, true);
    bw_stage_send(s);
}

static void reread(struct op *op)
{
    struct bw_stage *s = op->stage;
    char product[BW_KEY_MAX];
    bw_keys_product(&s->cx->keys, &op->check.member.key, product);
    const char *argv[] = {"HGET", product, "state"};
    if (op->tries >= STAGE_TRIES || bw_redis_command(s->cx->redis, 3, argv, NULL, on_state, op) != BW_OK)
        finish(op, true);
}

static void judge(struct op *op, const char *answer)
{
    const struct bw_product_key *key = &op->check.member.key;
    if (answer[0] >= '0' && answer[0] <= '9') {
        staged(op, answer);
    } else if (strcmp(answer, "conflict") == 0 && op->settles) {
        finish(op, false); /* it is looked at again */
    } else if (strcmp(answer, "conflict") == 0) {
        reread(op);
    } else {
        if (strcmp(answer, "gone") != 0)
            bw_log_error("stage", "redis refused %d:%s: %s", key->domain, key->asin, answer);
        finish(op, !op->settles && strcmp(answer, "gone") != 0);
    }
}

static void free_call(struct stage_call *call)
{
    bw_args_fini(&call->keys);
    bw_args_fini(&call->args);
    free(call);
}

/* One is kept for the next. */
static void end_call(struct stage_call *call)
{
    struct bw_stage *s = call->stage;
    if (s->kept) {
        free_call(call);
        return;
    }
    bw_args_clear(&call->keys);
    bw_args_clear(&call->args);
    call->n = call->bytes = 0;
    s->kept = call;
}

/* Nobody knows, or everybody, what became of them: all are handed back. */
static void call_failed(struct stage_call *call)
{
    for (size_t i = 0; i < call->n; i++)
        finish(call->ops[i], !call->ops[i]->settles);
}

static void on_staged(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct stage_call *call = ctx;
    struct bw_stage *s = call->stage;
    if (err == BW_OK && reply->type == BW_REPLY_ARRAY && reply->n == call->n) {
        for (size_t i = 0; i < call->n; i++)
            judge(call->ops[i], reply->elements[i].str ? reply->elements[i].str : "no answer");
    } else {
        if (err == BW_OK && bw_redis_writable(s->cx->redis))
            bw_log_error("stage", "redis refused %zu checks: %s", call->n, reply->str ? reply->str : "");
        call_failed(call);
    }
    end_call(call);
    bw_stage_send(s);
}

static void send_call(struct bw_stage *s)
{
    struct stage_call *call = s->next;
    if (!call)
        return;
    s->next = NULL;
    size_t n_keys = call->keys.n;
    for (size_t i = 0; i < call->args.n; i++)
        bw_args_lend(&call->keys, call->args.values[i], call->args.lens[i]);
    if (bw_redis_eval(s->cx->redis, &bw_script_stage, n_keys, call->keys.n, call->keys.values,
                      call->keys.lens, on_staged, call) == BW_OK)
        return;
    call_failed(call);
    end_call(call);
}

/* The call that this check goes with. */
static struct stage_call *call_for(struct op *op)
{
    struct bw_stage *s = op->stage;
    const struct bw_keys *k = &s->cx->keys;
    const char *const keys[] = {k->due,     k->leased,  k->lease,        k->poll,   k->tracked, k->badges,
                                k->history, k->changes, k->staged_bytes, k->untold, k->guard};
    if (s->next && s->next->bytes + op->check.raw_len > STAGE_CALL_BYTES)
        send_call(s);
    if (!s->next) {
        s->next = s->kept ? s->kept : bw_alloc(sizeof(*s->next));
        s->kept = NULL;
        s->next->stage = s;
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
            bw_args_add(&s->next->keys, keys[i]);
        bw_args_add(&s->next->args, s->cx->id);
    }
    return s->next;
}

/* ---- detection ---- */

/* Names that the answer's own tree did not bring: from other trees and look-ups, else they are asked for. */
static void complete_names(struct op *op)
{
    struct bw_names *names = op->stage->names;
    int domain = op->check.member.key.domain;
    struct bw_state *next = &op->detection.next;
    for (size_t i = 0; i < next->n_categories; i++) {
        struct bw_category_state *c = &next->categories[i];
        if (c->name)
            continue;
        c->name = bw_strdup(bw_names_find(names, domain, c->category_id));
        if (!c->name)
            bw_names_want(names, domain, c->category_id);
    }
}

static void label(struct op *op, int64_t category_id, char **name)
{
    if (*name)
        return;
    const struct bw_category_state *c = bw_state_category(&op->detection.next, category_id);
    struct bw_buf text;
    bw_buf_init(&text, 4096);
    bw_category_label(category_id, c ? c->name : NULL, &text);
    *name = bw_buf_take(&text, NULL);
}

static int64_t received_at(const struct op *op)
{
    return bw_wall_now().ms - (bw_mono_now().ms - op->check.last_byte.ms);
}

/* False: there is nothing to decide. */
static bool detect(struct op *op)
{
    if (op->detected)
        bw_detection_fini(&op->detection);
    bw_state_text_fini(&op->text);
    struct bw_detect_input in = {.prev = &op->check.member.prev,
                                 .product = &op->check.product,
                                 .answered_at = op->check.answered_at,
                                 .received_at_ms = op->settles ? 0 : received_at(op),
                                 .detected_at_ms = bw_wall_now().ms,
                                 .others_answer = op->check.others_answer,
                                 .ill = op->stage->cx->source_ill};
    if (!op->settles)
        bw_detect(&in, &op->detection);
    else if (!bw_detect_settle(in.prev, op->ill, in.detected_at_ms, &op->detection))
        return false;
    op->detected = true;
    complete_names(op);
    for (size_t i = 0; i < op->detection.n_changes; i++)
        label(op, op->detection.changes[i].category_id, &op->detection.changes[i].category);
    for (size_t i = 0; i < op->detection.n_reigns; i++)
        label(op, op->detection.reigns[i].category_id, &op->detection.reigns[i].category);
    bw_state_text_make(&op->text, &op->detection.next);
    return true;
}

/* The hash is of the bytes as they came, the text is what the database can keep. */
static void prepare_raw(struct op *op)
{
    struct bw_check *c = &op->check;
    struct bw_buf mended;
    if (!c->raw)
        return;
    bw_sha256_hex(c->raw, c->raw_len, op->hash);
    bw_buf_init(&mended, DOC_MAX);
    /* a product that was read was read to its end: it is JSON */
    op->mended = !(c->product.unknown == BW_KNOWN && bw_utf8_valid(c->raw, c->raw_len)) &&
                 bw_keepa_raw_mend(c->raw, c->raw_len, &mended);
    if (!op->mended)
        return;
    op->stage->running_bytes += mended.len - c->raw_len;
    free(c->raw);
    c->raw = bw_buf_take(&mended, &c->raw_len);
}

static void run(struct op *op)
{
    struct bw_stage *s = op->stage;
    if (op->tries++ == 0)
        prepare_raw(op);
    if (!detect(op)) {
        finish(op, false);
        return;
    }
    struct stage_call *call = call_for(op);
    struct bw_staging staging = {.cx = s->cx,
                                 .check = &op->check,
                                 .detection = &op->detection,
                                 .text = &op->text,
                                 .settles = op->settles,
                                 .ill = op->ill,
                                 .hash = op->hash,
                                 .mended = op->mended,
                                 .doc = &s->doc};
    bw_stage_args(&staging, &call->keys, &call->args);
    call->ops[call->n++] = op;
    call->bytes += op->check.raw_len;
    if (call->n == STAGE_CALL || call->bytes >= STAGE_CALL_BYTES)
        send_call(s);
}

static bool has_room(const struct bw_stage *s, size_t raw_len)
{
    return s->running == 0 || (s->running < STAGE_WINDOW && s->running_bytes + raw_len <= STAGE_BYTES);
}

static void start_next(struct bw_stage *s)
{
    while (!TAILQ_EMPTY(&s->waiting)) {
        struct op *op = TAILQ_FIRST(&s->waiting);
        /* the analyzer does not see that TAILQ_REMOVE took the freed one out of the list */
        if (!has_room(s, op->check.raw_len)) // NOLINT(clang-analyzer-unix.Malloc)
            return;
        TAILQ_REMOVE(&s->waiting, op, link);
        s->n_waiting--;
        s->running++;
        s->running_bytes += op->check.raw_len;
        run(op);
    }
}

void bw_stage_submit(struct bw_stage *s, struct bw_check *check, void (*done)(void *ctx), void *ctx)
{
    struct op *op = bw_alloc(sizeof(*op));
    op->stage = s;
    op->check = *check;
    op->done = done;
    op->ctx = ctx;
    bw_names_learn(s->names, check->member.key.domain, check->product.tree, check->product.n_tree);
    TAILQ_INSERT_TAIL(&s->waiting, op, link);
    s->n_waiting++;
    s->cx->staging++;
    start_next(s);
}

static void decided(void *ctx)
{
    (void)ctx;
}

void bw_stage_settle(struct bw_stage *s, const struct bw_product_key *key, struct bw_state *state, bool ill)
{
    struct op *op = bw_alloc(sizeof(*op));
    op->stage = s;
    op->settles = true;
    op->ill = ill;
    op->check.member.key = *key;
    op->check.member.prev = *state;
    op->done = decided;
    TAILQ_INSERT_TAIL(&s->waiting, op, link);
    s->n_waiting++;
    s->cx->staging++;
    start_next(s);
}

void bw_stage_send(struct bw_stage *s)
{
    do { /* where it cannot be sent, all that waits is handed back */
        start_next(s);
        send_call(s);
    } while (s->running == 0 && !TAILQ_EMPTY(&s->waiting));
}

struct bw_stage *bw_stage_new(struct bw_context *context, struct bw_names *names,
                              const struct bw_stage_port *port)
{
    struct bw_stage *s = bw_alloc(sizeof(*s));
    s->cx = context;
    s->names = names;
    s->port = *port;
    TAILQ_INIT(&s->waiting);
    bw_buf_init(&s->doc, DOC_MAX);
    return s;
}

size_t bw_stage_pending(const struct bw_stage *s)
{
    return s->running + s->n_waiting;
}

void bw_stage_free(struct bw_stage *s)
{
    if (!s)
        return;
    if (s->kept)
        free_call(s->kept);
    bw_buf_fini(&s->doc);
    free(s);
}
