/* Keepa's token bucket. See bucket.h. */
#include "bucket.h"

void sim_bucket_init(struct sim_bucket *b, int64_t now_ms, int64_t rate, int64_t left)
{
    b->rate = rate;
    b->left = left == INT64_MIN ? sim_bucket_capacity(b) : left;
    b->next_tick_ms = now_ms + SIM_BUCKET_TICK_MS;
}

int64_t sim_bucket_capacity(const struct sim_bucket *b)
{
    return b->rate * 60;
}

void sim_bucket_refill(struct sim_bucket *b, int64_t now_ms)
{
    if (b->next_tick_ms - now_ms > SIM_BUCKET_TICK_MS) {
        b->next_tick_ms = now_ms + SIM_BUCKET_TICK_MS;
        return;
    }
    if (now_ms < b->next_tick_ms)
        return;
    int64_t ticks = (now_ms - b->next_tick_ms) / SIM_BUCKET_TICK_MS + 1;
    b->next_tick_ms += ticks * SIM_BUCKET_TICK_MS;
    int64_t room = sim_bucket_capacity(b) - b->left;
    if (room <= 0)
        return; /* --tokens above the capacity: kept, but nothing is added */
    /* compared by division: the ticks of years times the rate would overflow */
    b->left += b->rate > 0 && ticks > room / b->rate ? room : ticks * b->rate;
}

bool sim_bucket_may_run(const struct sim_bucket *b)
{
    return b->left > 0;
}

void sim_bucket_charge(struct sim_bucket *b, int64_t tokens)
{
    b->left -= tokens;
}

int64_t sim_bucket_refill_in(const struct sim_bucket *b, int64_t now_ms)
{
    int64_t in = b->next_tick_ms - now_ms;
    return in < 0 ? 0 : in > SIM_BUCKET_TICK_MS ? SIM_BUCKET_TICK_MS : in;
}
