/* The Keepa client: requests, the token bucket, and when not to ask.
 *
 * Happy way: bw_keepa_plan says how many products may be asked about -> bw_keepa_products asks -> products come one by
 * one as exact bytes -> done is called once with the envelope. Each request, failed ones too, becomes one row of
 * api_usage_log (through the history stream) and moves the metrics.
 * Failing: no connection, time-outs, 5xx and unreadable answers back off with jitter; 429 waits for the bucket's own
 * refillIn; a refused key (400, 402) is tried once a minute. While it is closed so, nothing may be asked. */
#pragma once

#include "badgewatch/codec/keepa.h"
#include "badgewatch/core/plan.h"
#include "context.h"

struct bw_keepa;

enum bw_keepa_outcome {
    BW_KEEPA_OK,
    BW_KEEPA_REJECTED, /* an error object inside a 200, and no products */
    BW_KEEPA_FAILED    /* no usable answer; the gate knows why and until when it is closed */
};

struct bw_keepa_result {
    enum bw_keepa_outcome outcome;
    struct bw_keepa_envelope envelope; /* BW_KEEPA_OK and REJECTED */
    int64_t answered_at;               /* Keepa's clock, unix s; ours where the envelope has none */
    struct bw_mono last_byte;
    const struct bw_category_name *names; /* of a /category answer; borrowed */
    size_t n_names;
    const char *text; /* for people: what went wrong; "" if nothing */
};

struct bw_keepa_piece {
    const char *json;
    size_t len;
    bool too_big;                   /* len is not all of it (codec/keepa.h) */
    struct bw_keepa_splitter *from; /* gives the bytes away: bw_keepa_splitter_take */
    int64_t
        dated_at; /* Keepa's clock by the answer's Date header; 0 where it has none. The envelope's comes last */
};

struct bw_keepa_question {
    int domain;
    const struct bw_product_key *keys;
    size_t n;
    int days;         /* 0 = whole history */
    int update;       /* hours, or BW_UPDATE_DEFAULT */
    int64_t expected; /* tokens, as they were planned */
    bool reserved;    /* the claim has told the other daemons of them */
    const char *batch_id;
    /* A product of the answer, while it comes; borrowed. Whole as it is, whatever becomes of the rest. Only of answers with
     * status 200. */
    enum bw_err (*on_product)(void *ctx, const struct bw_keepa_piece *piece);
    void (*on_pause)(void *ctx); /* what arrived is read: nothing need wait for what comes next */
    bool (*is_full)(void *ctx);  /* no more for now: bw_keepa_resume when there is room */
    void (*done)(void *ctx, const struct bw_keepa_result *result);
    void *ctx;
};

struct bw_keepa *bw_keepa_new(struct bw_context *context);
/* Redis is there (again): tells it what is known of the bucket, since others may have been told nothing meanwhile. */
void bw_keepa_share(struct bw_keepa *k);
/* The state of the bucket in Redis by which was reckoned last; claim.lua gives nothing out for an older one. */
int64_t bw_keepa_seq(const struct bw_keepa *k);
void bw_keepa_learn(struct bw_keepa *k, const struct bw_reply *reply); /* claim.lua said "tokens" */
void bw_keepa_claimed(struct bw_keepa *k, int64_t seq); /* it gave a batch: so is the state now */
/* How many products may be asked about now, how, and at what price; none while the gate is closed. */
void bw_keepa_plan(const struct bw_keepa *k, struct bw_plan *out);
/* Tokens that a request may plan to spend now without touching the reserve; 0 = do not ask yet. */
int64_t bw_keepa_allowance(const struct bw_keepa *k);
/* Starts; done comes exactly once, later, unless this returns an error. */
enum bw_err bw_keepa_products(struct bw_keepa *k, const struct bw_keepa_question *question) BW_MUSTCHECK;
void bw_keepa_resume(struct bw_keepa *k); /* some answer that stood still may go on */
/* /category: up to ten ids. */
enum bw_err bw_keepa_categories(struct bw_keepa *k, int domain, const int64_t *ids, size_t n,
                                void (*done)(void *ctx, const struct bw_keepa_result *result),
                                void *ctx) BW_MUSTCHECK;
/* Forecast for update=auto: checks an hour of all active products. */
void bw_keepa_forecast(struct bw_keepa *k, double checks_per_hour);
/* Settings were read again, maybe with another key: what was refused may be tried now. */
void bw_keepa_retry(struct bw_keepa *k);
/* Why it is not asked now; "" while it may be. */
const char *bw_keepa_reason(const struct bw_keepa *k);
const struct bw_bucket *bw_keepa_bucket(const struct bw_keepa *k);
size_t bw_keepa_in_flight(const struct bw_keepa *k);
/* Ends requests under way (their done comes with BW_KEEPA_FAILED). */
void bw_keepa_cancel(struct bw_keepa *k);
void bw_keepa_free(struct bw_keepa *k); /* nothing may be in flight */
