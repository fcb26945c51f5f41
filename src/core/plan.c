/* Tokens into products. A request is planned at the most it can cost, so that the reserve is never touched by what
 * turns out dearer than hoped; what it did cost comes with the answer's balance. */
#include "badgewatch/core/plan.h"

#define ANSWERS  20   /* after so many the dearest of them counts: a price that fell is believed then */
#define COST_MAX 1000 /* a garbage figure must not stop the checks */

static const struct bw_cost *of_update(const struct bw_costs *c, int update)
{
    return update == 0 ? &c->live : &c->plain;
}

int64_t bw_costs_expect(const struct bw_costs *c, int update)
{
    int64_t listed = update == 0 ? 2 : 1;
    int64_t most = of_update(c, update)->most;
    return most > listed ? most : listed;
}

void bw_costs_learn(struct bw_costs *c, int update, size_t n, int64_t consumed)
{
    struct bw_cost *cost = update == 0 ? &c->live : &c->plain;
    if (n == 0 || consumed < 0)
        return;
    int64_t each = consumed / (int64_t)n + (consumed % (int64_t)n != 0);
    if (each > COST_MAX)
        each = COST_MAX;
    if (each > cost->newer)
        cost->newer = each;
    if (each > cost->most)
        cost->most = each;
    if (++cost->answers < ANSWERS)
        return;
    *cost = (struct bw_cost){.most = cost->newer};
}

static int choose_update(const struct bw_plan_input *in)
{
    if (!in->automatic)
        return in->update;
    double tokens = in->checks_per_hour * (double)bw_costs_expect(in->costs, 0);
    return bw_bucket_affords(in->bucket, in->reserve, tokens) ? 0 : BW_UPDATE_DEFAULT;
}

void bw_plan(const struct bw_plan_input *in, struct bw_plan *out)
{
    out->update = choose_update(in);
    out->cost = bw_costs_expect(in->costs, out->update);
    out->routine = bw_bucket_spendable(in->bucket, in->now, in->reserve);
    out->polled = bw_bucket_spendable(in->bucket, in->now, 0);
    if (!in->bucket->known)
        return; /* one product, whatever it costs, tells the bucket */
    out->routine /= out->cost;
    /* Keepa answers as long as one token is left */
    out->polled = out->polled > out->cost ? out->polled / out->cost : out->polled > 0;
}
