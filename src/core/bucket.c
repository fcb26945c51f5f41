/* Keepa's token bucket, as far as the envelopes tell it. Happy way: told by each answer, asked before each request.
 * How it fails: with an unknown or stopped bucket it allows one small request now and then, whose answer tells more;
 * it is never sure, so the source's 429 remains possible and is somebody else's business. */
#include "badgewatch/core/bucket.h"

#include <math.h>

#define TICK_MS       60300   /* measured 60.2 s; a little late costs nothing, a little early costs a 429 */
#define REFILL_IN_MAX 3600000 /* a garbage refillIn must not stop us for ever */
#define LEARN_MS      1000    /* while the request that will tell the bucket is under way */
#define STOPPED_MS    3600000 /* no refill at all: ask again in an hour, the plan may have changed */
#define TOKENS_MAX    1000000000000

static int64_t clamp(int64_t v, int64_t lo, int64_t hi)
{
    if (v < lo)
        return lo;
    return v > hi ? hi : v;
}

void bw_bucket_init(struct bw_bucket *b)
{
    *b = (struct bw_bucket){0};
}

void bw_bucket_told(struct bw_bucket *b, int64_t left, int64_t rate, double flow_reduction,
                    int64_t refill_in_ms, struct bw_mono at)
{
    if (b->known && at.ms < b->told.ms)
        return;
    double flow = isfinite(flow_reduction) && flow_reduction > 0 ? ceil(fmin(flow_reduction, 1e9)) : 0;
    b->known = true;
    b->left = clamp(left, -TOKENS_MAX, TOKENS_MAX);
    b->rate = clamp(clamp(rate, 0, TOKENS_MAX / 60) - (int64_t)flow, 0, TOKENS_MAX);
    b->refill_in_ms = clamp(refill_in_ms, 0, REFILL_IN_MAX);
    b->told = at;
}

int64_t bw_bucket_capacity(const struct bw_bucket *b)
{
    return b->rate * 60;
}

static int64_t ticks_until(const struct bw_bucket *b, struct bw_mono now)
{
    int64_t passed = now.ms - b->told.ms;
    return passed < b->refill_in_ms ? 0 : 1 + (passed - b->refill_in_ms) / TICK_MS;
}

int64_t bw_bucket_left(const struct bw_bucket *b, struct bw_mono now)
{
    int64_t capacity = bw_bucket_capacity(b);
    int64_t left = b->left;
    if (left < capacity && b->rate > 0) { /* what was told may be more than the capacity we reckon with */
        int64_t missing = (capacity - left) / b->rate + 1;
        int64_t ticks = ticks_until(b, now);
        left = ticks > missing ? capacity : clamp(left + ticks * b->rate, left, capacity);
    }
    return left - b->in_flight;
}

static int64_t reserved(const struct bw_bucket *b, double reserve)
{
    double part = reserve > 0 ? fmin(reserve, 1.0) : 0.0;
    return (int64_t)ceil((double)bw_bucket_capacity(b) * part);
}

int64_t bw_bucket_spendable(const struct bw_bucket *b, struct bw_mono now, double reserve)
{
    if (!b->known)
        return b->in_flight > 0 ? 0 : 1;
    int64_t spendable = bw_bucket_left(b, now) - reserved(b, reserve);
    return spendable > 0 ? spendable : 0;
}

int64_t bw_bucket_wait(const struct bw_bucket *b, struct bw_mono now, double reserve, int64_t cost)
{
    if (!b->known)
        return b->in_flight > 0 ? LEARN_MS : 0;
    int64_t kept = reserved(b, reserve);
    int64_t most = bw_bucket_capacity(b) - kept;
    cost = clamp(cost, 1, most > 1 ? most : 1);
    int64_t short_of = cost + kept - bw_bucket_left(b, now);
    if (short_of <= 0)
        return 0;
    if (b->rate == 0)
        return STOPPED_MS;
    int64_t ticks = ticks_until(b, now) + (short_of + b->rate - 1) / b->rate;
    int64_t wait = b->told.ms + b->refill_in_ms + (ticks - 1) * TICK_MS - now.ms;
    return wait > 1 ? wait : 1;
}

void bw_bucket_start(struct bw_bucket *b, int64_t expected)
{
    b->in_flight += expected;
}

/* A request that told nothing is forgotten, not charged: failures of the source would pile up to a debt that only
 * an answer could clear, and no answer would be asked for. */
void bw_bucket_finish(struct bw_bucket *b, int64_t expected)
{
    b->in_flight = b->in_flight > expected ? b->in_flight - expected : 0;
}

double bw_token_cost_cents(int64_t tokens, int64_t rate, int64_t monthly_cost_cents)
{
    if (tokens <= 0 || rate <= 0 || monthly_cost_cents <= 0)
        return 0;
    return (double)tokens * (double)monthly_cost_cents / ((double)rate * 44640.0);
}

bool bw_bucket_affords_live(const struct bw_bucket *b, double reserve, double checks_per_hour)
{
    if (!b->known || b->rate == 0 || b->left < reserved(b, reserve))
        return false;
    /* The capacity is one hour's refill: what an hour of live checks leaves of it must be the reserve. */
    return 2.0 * checks_per_hour <= (double)(bw_bucket_capacity(b) - reserved(b, reserve));
}
