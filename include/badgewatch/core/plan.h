/* How many products may be asked about now, how (Keepa's `update`), and at what price. Pure. */
#pragma once

#include "badgewatch/core/bucket.h"

#define BW_UPDATE_DEFAULT (-2) /* send no `update`: Keepa looks itself when its data is older than an hour */

/* Tokens that one product costs at most: by Keepa's price list one, two where it is asked to look at once, or what the
 * newest answers charged, if that is more. */
struct bw_costs {
    struct bw_cost {
        int64_t most;  /* of one product, as far as answers told */
        int64_t newer; /* of the answers since `most` was looked at anew */
        int answers;   /* so many of them */
    } plain, live;
};

int64_t bw_costs_expect(const struct bw_costs *c, int update);
/* n products were asked about and the answer charged `consumed`. */
void bw_costs_learn(struct bw_costs *c, int update, size_t n, int64_t consumed);

struct bw_plan_input {
    const struct bw_bucket *bucket;
    const struct bw_costs *costs;
    struct bw_mono now;
    double reserve;         /* 0..1 of the capacity */
    bool automatic;         /* choose `update` */
    int update;             /* else this one */
    double checks_per_hour; /* of all active products */
};

struct bw_plan {
    int update;
    int64_t cost;    /* of one product */
    int64_t routine; /* products for which tokens above the reserve are there; 0 = wait */
    int64_t polled;  /* those a person asked for: they may spend the reserve; 0 = wait */
};

void bw_plan(const struct bw_plan_input *in, struct bw_plan *out);
