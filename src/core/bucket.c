/* Keepa's token bucket, as far as the envelopes tell it. Happy way: told by each answer, asked before each request.
 * How it fails: with an unknown or stopped bucket it allows one small request now and then, whose answer tells more;
 * it is never sure, so the source's 429 remains possible and is somebody else's business. */
#include "badgewatch/core/bucket.h"

#include <math.h>

#define TICK_MS       60300   /* measured 60.2 s; a little late costs nothing, a little early costs a 429 */
#define REFILL_IN_MAX 3600000 /* a garbage refillIn must not stop us for ever */
#define CLOCK_SET_MS  600000  /* no request takes so long */
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

int64_t bw_bucket_capacity(const struct bw_bucket *b)
{
    return b->plan_rate * 60;
}

static int64_t ticks_until(const struct bw_bucket *b, struct bw_mono now)
{
    int64_t passed = now.ms - b->told.ms;
    return passed < b->refill_in_ms ? 0 : 1 + (passed - b->refill_in_ms) / TICK_MS;
}

/* What was told, and what has come in since. */
static int64_t refilled(const struct bw_bucket *b, struct bw_mono now)
{
    int64_t capacity = bw_bucket_capacity(b);
    if (b->left >= capacity || b->rate == 0) /* what was told may be more than the capacity we reckon with */
        return b->left;
    int64_t missing = (capacity - b->left) / b->rate + 1;
    int64_t ticks = ticks_until(b, now);
    return ticks > missing ? capacity : clamp(b->left + ticks * b->rate, b->left, capacity);
}

/* Where both answers have Keepa's time, it decides; one that is far behind tells of a clock that was set. Of two that were
 * made in the same moment, and under way together, the one with more tokens was made first, whichever came first.
 * tokens.lua has the same rules, for what daemons tell each other. */
static bool overtaken(const struct bw_bucket *b, const struct bw_tokens *t, struct bw_mono at)
{
    int64_t behind;
    if (!b->known)
        return false;
    bool stamped = b->stamp_ms != 0 && t->stamp_ms != 0;
    if (stamped && t->stamp_ms != b->stamp_ms && !__builtin_sub_overflow(b->stamp_ms, t->stamp_ms, &behind))
        return behind > 0 && behind < CLOCK_SET_MS;
    bool more = t->left > refilled(b, at.ms < b->told.ms ? b->told : at);
    return (t->asked.ms < b->told.ms && more) || (!stamped && at.ms < b->told.ms);
}

void bw_bucket_told(struct bw_bucket *b, const struct bw_tokens *t, struct bw_mono at)
{
    if (overtaken(b, t, at))
        return;
    double flow =
        isfinite(t->flow_reduction) && t->flow_reduction > 0 ? ceil(fmin(t->flow_reduction, 1e9)) : 0;
    b->known = true;
    b->left = clamp(t->left, -TOKENS_MAX, TOKENS_MAX);
    b->plan_rate = clamp(t->rate, 0, TOKENS_MAX / 60);
    b->rate = clamp(b->plan_rate - (int64_t)flow, 0, TOKENS_MAX);
    b->refill_in_ms = clamp(t->refill_in_ms, 0, REFILL_IN_MAX);
    b->stamp_ms = t->stamp_ms;
    b->told = at;
    b->asked = t->asked;
}

int64_t bw_bucket_left(const struct bw_bucket *b, struct bw_mono now)
{
    return refilled(b, now) - b->in_flight - b->elsewhere;
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

bool bw_bucket_affords(const struct bw_bucket *b, double reserve, double tokens_per_hour)
{
    if (!b->known || b->rate == 0 || b->left < reserved(b, reserve))
        return false;
    /* What is spent leaves the reserve of an hour's refill, not only of a full bucket that nobody fills again. */
    return tokens_per_hour <= (double)(b->rate * 60 - reserved(b, reserve));
}
