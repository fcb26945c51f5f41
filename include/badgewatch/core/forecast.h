/* What the products that are tracked will cost, and whether the plan keeps up. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BW_MONTH_HOURS 744 /* 31 days, as the price of a token is reckoned (CONTRACT 3) */

struct bw_forecast_input {
    double checks_per_hour; /* of all active products */
    int64_t plan_rate;      /* tokens a minute that the plan gives; 0 = not known yet */
    int64_t rate;           /* less what trackings take of it */
    int64_t least, most;    /* tokens that a check costs; they differ as long as `update` is not decided */
    int64_t monthly_cost_cents;
};

struct bw_forecast {
    double least_hour, most_hour;   /* tokens */
    double least_month, most_month; /* tokens */
    double share;                   /* of the plan, 1 = all of it; by most; 0 = not known */
    double month_cents;             /* of the plan's price, never more than it; 0 = not known */
    double stretch; /* where the plan does not keep up: so many times its interval a product waits on
                                     * average; else 0 */
};

void bw_forecast(const struct bw_forecast_input *in, struct bw_forecast *out);
