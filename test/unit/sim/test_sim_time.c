/* Simulated time and the token bucket: pure arithmetic. */
#include "bucket.h"
#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void clock_runs_at_its_speed(void **state)
{
    struct sim_clock c;
    (void)state;
    sim_clock_init(&c, 1000, 500000, 60, false);
    assert_int_equal(sim_clock_now(&c, 1000), 500000);
    assert_int_equal(sim_clock_now(&c, 2000), 560000);
    sim_clock_speed(&c, 2000, 1);
    assert_int_equal(sim_clock_now(&c, 2000), 560000);
    assert_int_equal(sim_clock_now(&c, 3000), 561000);
    assert_int_equal(c.start_sim_ms, 500000);
}

static void stopped_clock_moves_only_when_told(void **state)
{
    struct sim_clock c;
    (void)state;
    sim_clock_init(&c, 0, 100, 1, true);
    assert_int_equal(sim_clock_now(&c, 99999), 100);
    sim_clock_advance(&c, 99999, 3600000);
    assert_int_equal(sim_clock_now(&c, 200000), 3600100);
    sim_clock_set(&c, 200000, 7);
    assert_int_equal(sim_clock_now(&c, 200001), 7);
    sim_clock_stop(&c, 300000, false);
    assert_int_equal(sim_clock_now(&c, 300500), 507);
}

static void keepa_minutes(void **state)
{
    (void)state;
    assert_int_equal(sim_minute_of_ms(INT64_C(1293840000000)), 0); /* 2011-01-01 */
    assert_int_equal(sim_minute_of_ms(INT64_C(1293840119999)), 1);
    assert_int_equal(sim_even_minute_of_ms(INT64_C(1293840119999)), 0);
    assert_int_equal(sim_even_minute_of_ms(INT64_C(1293839999999)), -2);
    assert_int_equal(sim_ms_of_minute(8075776), INT64_C(1778386560000));
}

static void http_date(void **state)
{
    char text[32];
    (void)state;
    sim_http_date(INT64_C(784111777999), text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
}

static void bucket_starts_full_and_goes_negative(void **state)
{
    struct sim_bucket b;
    (void)state;
    sim_bucket_init(&b, 0, 5, INT64_MIN);
    assert_int_equal(b.left, 300);
    sim_bucket_charge(&b, 299);
    assert_true(sim_bucket_may_run(&b));
    sim_bucket_charge(&b, 100);
    assert_int_equal(b.left, -99);
    assert_false(sim_bucket_may_run(&b));
}

static void bucket_refills_in_lumps(void **state)
{
    struct sim_bucket b;
    (void)state;
    sim_bucket_init(&b, 0, 20, 0);
    sim_bucket_refill(&b, SIM_BUCKET_TICK_MS - 1);
    assert_int_equal(b.left, 0);
    assert_int_equal(sim_bucket_refill_in(&b, SIM_BUCKET_TICK_MS - 1), 1);
    sim_bucket_refill(&b, SIM_BUCKET_TICK_MS);
    assert_int_equal(b.left, 20);
    sim_bucket_refill(&b, 4 * (int64_t)SIM_BUCKET_TICK_MS);
    assert_int_equal(b.left, 80);
    assert_int_equal(sim_bucket_refill_in(&b, 4 * (int64_t)SIM_BUCKET_TICK_MS), SIM_BUCKET_TICK_MS);
}

static void bucket_never_passes_its_capacity(void **state)
{
    struct sim_bucket b;
    (void)state;
    sim_bucket_init(&b, 0, 20, 1190);
    sim_bucket_refill(&b, 3 * (int64_t)SIM_BUCKET_TICK_MS);
    assert_int_equal(b.left, 1200);
    sim_bucket_init(&b, 0, 100000, -5);
    sim_bucket_refill(&b, INT64_C(4000000000000));
    assert_int_equal(b.left, 6000000);
}

static void bucket_survives_a_clock_set_back(void **state)
{
    struct sim_bucket b;
    (void)state;
    sim_bucket_init(&b, 1000000000, 20, 10);
    sim_bucket_refill(&b, 5000);
    assert_int_equal(b.left, 10);
    assert_int_equal(sim_bucket_refill_in(&b, 5000), SIM_BUCKET_TICK_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clock_runs_at_its_speed),
        cmocka_unit_test(stopped_clock_moves_only_when_told),
        cmocka_unit_test(keepa_minutes),
        cmocka_unit_test(http_date),
        cmocka_unit_test(bucket_starts_full_and_goes_negative),
        cmocka_unit_test(bucket_refills_in_lumps),
        cmocka_unit_test(bucket_never_passes_its_capacity),
        cmocka_unit_test(bucket_survives_a_clock_set_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
