/* What the tracked products will cost, and when the plan does not keep up. */
#include "badgewatch/core/forecast.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct bw_forecast forecast(double checks, int64_t plan_rate, int64_t rate, int64_t least,
                                   int64_t most)
{
    struct bw_forecast_input in = {checks, plan_rate, rate, least, most, 4900};
    struct bw_forecast out;
    bw_forecast(&in, &out);
    return out;
}

static void test_known_plan(void **state)
{
    (void)state;
    struct bw_forecast f = forecast(95, 20, 20, 1, 1);
    assert_true(f.most_hour == 95 && f.most_month == 95 * 744);
    assert_true(fabs(f.share - 95.0 / 1200) < 1e-9);
    assert_true(fabs(f.month_cents - 4900 * 95.0 / 1200) < 1e-6);
    assert_true(f.stretch == 0);
    f = forecast(1200, 20, 20, 1, 1);
    assert_true(f.stretch == 0 && f.share == 1); /* all of it is enough */
}

static void test_too_much(void **state)
{
    (void)state;
    struct bw_forecast f = forecast(3000, 20, 20, 1, 1);
    assert_true(f.stretch == 2.5);
    assert_true(f.month_cents == 4900); /* the plan costs what it costs */
    f = forecast(1200, 20, 15, 1, 1);   /* trackings take a quarter */
    assert_true(fabs(f.stretch - 4.0 / 3) < 1e-9);
    assert_true(isinf(forecast(1, 20, 0, 1, 1).stretch));
    assert_true(forecast(0, 20, 0, 1, 1).stretch == 0);
}

static void test_unknown_plan(void **state)
{
    (void)state;
    struct bw_forecast f = forecast(3000, 0, 0, 1, 2);
    assert_true(f.least_hour == 3000 && f.most_hour == 6000);
    assert_true(f.share == 0 && f.month_cents == 0 && f.stretch == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_plan),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_unknown_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
