/* Capped exponential back-off with full jitter: delay = random in [base, min(cap, base*2^n)].
 * The random number is passed in, so that a test can choose it. */
#pragma once

#include <stdint.h>

struct bw_backoff {
    int64_t base_ms;
    int64_t cap_ms;
    unsigned failures;
};

void bw_backoff_init(struct bw_backoff *b, int64_t base_ms, int64_t cap_ms);
/* Counts one failure and returns the delay before the next try, at least base_ms. */
int64_t bw_backoff_next(struct bw_backoff *b, uint32_t random);
void bw_backoff_reset(struct bw_backoff *b);
uint32_t bw_random(void); /* getrandom(2); for jitter and ids, not for secrets */
