/* Keepa's token bucket as the envelope of each answer tells it. Pure.
 *
 * Capacity = refillRate * 60. A request may run while the balance is positive, whatever it costs; the
 * balance may then be negative. Refill comes in ticks a minute apart; refill_in_ms counts to the next one. */
#pragma once

#include "badgewatch/base/clock.h"

#include <stdbool.h>

struct bw_bucket {
    bool known;
    int64_t left;         /* tokensLeft as told last */
    int64_t plan_rate;    /* refillRate, tokens a minute: the capacity is an hour of it */
    int64_t rate;         /* less tokenFlowReduction (rounded up): what comes in fact */
    struct bw_mono told;  /* when the answer was received */
    struct bw_mono asked; /* when its request began */
    int64_t stamp_ms;     /* when it was made, by Keepa's clock; 0 = it did not say */
    int64_t refill_in_ms; /* at `told` */
    int64_t in_flight;    /* tokens expected by requests under way */
    int64_t elsewhere;    /* the same of other daemons */
};

void bw_bucket_init(struct bw_bucket *b);
/* From an envelope; negative rates count as 0. Envelopes whose token fields are all zero (parameter errors) must
 * not be given. An answer that Keepa made before the newest one known is ignored: requests overtake each other, and
 * its balance would not know of what the other one spent. */
struct bw_tokens {
    int64_t left, rate; /* tokensLeft, refillRate */
    double flow_reduction;
    int64_t refill_in_ms;
    int64_t stamp_ms;     /* `timestamp`; 0 = none */
    struct bw_mono asked; /* when the request began */
};
void bw_bucket_told(struct bw_bucket *b, const struct bw_tokens *t, struct bw_mono at);
int64_t bw_bucket_capacity(const struct bw_bucket *b);
/* Balance expected at `now`: told + ticks since (capped at capacity) - in flight, here and elsewhere. */
int64_t bw_bucket_left(const struct bw_bucket *b, struct bw_mono now);
/* How many tokens a routine request may plan to spend now, keeping `reserve` (0..1 of capacity); 0 = wait.
 * Unknown bucket: one small request is allowed to learn it (returns 1 if nothing is in flight, else 0). */
int64_t bw_bucket_spendable(const struct bw_bucket *b, struct bw_mono now, double reserve);
/* Milliseconds until bw_bucket_spendable(..) >= cost (capped at what the capacity allows); 0 = now. */
int64_t bw_bucket_wait(const struct bw_bucket *b, struct bw_mono now, double reserve, int64_t cost);
void bw_bucket_start(struct bw_bucket *b, int64_t expected);  /* a request leaves */
void bw_bucket_finish(struct bw_bucket *b, int64_t expected); /* it ended (call before bw_bucket_told) */
/* cents = tokens * monthly_cost_cents / (rate * 44640): the price of a token on a plan of `rate` (CONTRACT 3). */
double bw_token_cost_cents(int64_t tokens, int64_t rate, int64_t monthly_cost_cents);
/* True if spending so many tokens an hour leaves the reserve untouched. */
bool bw_bucket_affords(const struct bw_bucket *b, double reserve, double tokens_per_hour);
