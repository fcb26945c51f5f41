/* Capped exponential back-off with full jitter: many clients that failed together do not come back together. */
#include "badgewatch/base/backoff.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/random.h>

void bw_backoff_init(struct bw_backoff *b, int64_t base_ms, int64_t cap_ms)
{
    *b = (struct bw_backoff){.base_ms = base_ms, .cap_ms = cap_ms};
}

int64_t bw_backoff_next(struct bw_backoff *b, uint32_t random)
{
    int64_t top = b->base_ms;
    for (unsigned i = 0; i < b->failures && top < b->cap_ms; i++)
        top = top > b->cap_ms / 2 ? b->cap_ms : top * 2;
    if (b->failures < UINT_MAX)
        b->failures++;
    /* Past 49 days the product would not fit into 64 bits, and nobody waits that long. */
    int64_t span = top - b->base_ms < UINT32_MAX ? top - b->base_ms : UINT32_MAX - 1;
    return span <= 0 ? b->base_ms : b->base_ms + (int64_t)((uint64_t)random * (uint64_t)(span + 1) >> 32);
}

void bw_backoff_reset(struct bw_backoff *b)
{
    b->failures = 0;
}

uint32_t bw_random(void)
{
    uint32_t value;
    if (getrandom(&value, sizeof(value), 0) != (ssize_t)sizeof(value))
        abort(); /* cannot fail for so few bytes once the kernel is up (getrandom(2)) */
    return value;
}
