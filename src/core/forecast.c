/* Hours and months of tokens. What the reserve holds back does not count: it is kept once, the refill is all spent. */
#include "badgewatch/core/forecast.h"

#include <math.h>

void bw_forecast(const struct bw_forecast_input *in, struct bw_forecast *out)
{
    *out = (struct bw_forecast){.least_hour = in->checks_per_hour * (double)in->least,
                                .most_hour = in->checks_per_hour * (double)in->most};
    out->least_month = out->least_hour * BW_MONTH_HOURS;
    out->most_month = out->most_hour * BW_MONTH_HOURS;
    if (in->plan_rate <= 0)
        return;
    double gives = (double)in->rate * 60;
    out->share = out->most_hour / ((double)in->plan_rate * 60);
    out->month_cents = fmin(out->share, 1.0) * (double)in->monthly_cost_cents;
    if (out->most_hour > gives)
        out->stretch = gives > 0 ? out->most_hour / gives : INFINITY;
}
