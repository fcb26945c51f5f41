/* The token bucket: ticks, reserve, waits, and what an hour of live checks costs. */
#include "badgewatch/core/bucket.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct bw_mono at(int64_t ms)
{
    return (struct bw_mono){ms};
}

static void tell(struct bw_bucket *b, int64_t left, int64_t rate, double flow, int64_t refill_in_ms,
                 int64_t at_ms)
{
    struct bw_tokens tokens = {left, rate, flow, refill_in_ms, 0, at(at_ms)};
    bw_bucket_told(b, &tokens, at(at_ms));
}

static struct bw_bucket told(int64_t left, int64_t rate, int64_t refill_in_ms)
{
    struct bw_bucket b;
    bw_bucket_init(&b);
    tell(&b, left, rate, 0, refill_in_ms, 1000);
    return b;
}

static void test_unknown_bucket_allows_one_request(void **state)
{
    struct bw_bucket b;
    (void)state;
    bw_bucket_init(&b);
    assert_int_equal(bw_bucket_spendable(&b, at(0), 0.1), 1);
    assert_int_equal(bw_bucket_wait(&b, at(0), 0.1, 100), 0);
    bw_bucket_start(&b, 1);
    assert_int_equal(bw_bucket_spendable(&b, at(0), 0.1), 0);
    assert_true(bw_bucket_wait(&b, at(0), 0.1, 100) > 0);
    bw_bucket_finish(&b, 1);
    assert_int_equal(bw_bucket_spendable(&b, at(0), 0.1), 1);
}

static void test_ticks(void **state)
{
    struct bw_bucket b = told(100, 20, 30000);
    (void)state;
    assert_int_equal(bw_bucket_capacity(&b), 1200);
    assert_int_equal(bw_bucket_left(&b, at(1000)), 100);
    assert_int_equal(bw_bucket_left(&b, at(30999)), 100);
    assert_int_equal(bw_bucket_left(&b, at(31000)), 120);
    assert_int_equal(bw_bucket_left(&b, at(31000 + 59000)), 120); /* not before a minute is over */
    assert_int_equal(bw_bucket_left(&b, at(31000 + 61000)), 140);
    assert_int_equal(bw_bucket_left(&b, at(31000 + 100 * 61000)), 1200);
    assert_int_equal(bw_bucket_left(&b, at(INT64_MAX / 2)), 1200);
}

static void test_told(void **state)
{
    struct bw_bucket b = told(100, 20, 0);
    (void)state;
    tell(&b, 5, 20, 0, 0, 999); /* an older answer */
    assert_int_equal(b.left, 100);
    tell(&b, 5, 20, 2.1, -7, 1000);
    assert_int_equal(b.left, 5);
    assert_int_equal(b.rate, 17); /* rounded up: never too much hope */
    assert_int_equal(b.refill_in_ms, 0);
    tell(&b, 5, -3, NAN, 0, 1001);
    assert_int_equal(b.rate, 0);
    tell(&b, INT64_MAX, INT64_MAX, INFINITY, INT64_MAX, 1002);
    assert_true(bw_bucket_left(&b, at(2000)) > 0);
    assert_true(bw_bucket_wait(&b, at(2000), 0.5, INT64_MAX) >= 0);
    tell(&b, 1300, 20, 5, 0, 1003); /* more than the capacity */
    assert_int_equal(bw_bucket_left(&b, at(500000)), 1300);
}

/* Two requests at once: the one that Keepa answered first may come last, with a balance that is no more. */
static void test_overtaken_answer(void **state)
{
    struct bw_bucket b;
    (void)state;
    bw_bucket_init(&b);
    bw_bucket_told(&b, &(struct bw_tokens){800, 20, 0, 60000, 50000, at(0)}, at(1000));
    bw_bucket_told(&b, &(struct bw_tokens){900, 20, 0, 60000, 49000, at(0)}, at(1100));
    assert_int_equal(b.left, 800);
    bw_bucket_told(&b, &(struct bw_tokens){900, 20, 0, 60000, 50000, at(0)}, at(1100)); /* the same moment */
    assert_int_equal(b.left, 800);
    bw_bucket_told(&b, &(struct bw_tokens){790, 20, 0, 60000, 50000, at(0)},
                   at(990)); /* too, but made last */
    assert_int_equal(b.left, 790);
    bw_bucket_told(&b, &(struct bw_tokens){800, 20, 0, 60000, 50000, at(0)}, at(995));
    assert_int_equal(b.left, 790);
    bw_bucket_told(&b, &(struct bw_tokens){810, 20, 0, 60000, 50000, at(0)}, at(61000)); /* refilled since */
    assert_int_equal(b.left, 810);
    bw_bucket_told(&b, &(struct bw_tokens){820, 20, 0, 60000, 50000, at(61000)}, at(61000));
    assert_int_equal(b.left, 820);
    bw_bucket_told(&b, &(struct bw_tokens){900, 20, 0, 60000, 50000, at(62000)},
                   at(63000)); /* asked afterwards */
    assert_int_equal(b.left, 900);
    bw_bucket_told(&b, &(struct bw_tokens){700, 20, 0, 60000, 51000, at(0)},
                   at(900)); /* received in the same turn */
    assert_int_equal(b.left, 700);
    bw_bucket_told(&b, &(struct bw_tokens){650, 20, 0, 60000, 0, at(0)}, at(1200)); /* it does not say when */
    assert_int_equal(b.left, 650);
    bw_bucket_told(&b, &(struct bw_tokens){640, 20, 0, 60000, 5000000, at(0)}, at(1300));
    bw_bucket_told(&b, &(struct bw_tokens){630, 20, 0, 60000, 53000, at(0)},
                   at(1400)); /* Keepa's clock was set back */
    assert_int_equal(b.left, 630);
}

static void test_spendable(void **state)
{
    static const struct {
        int64_t left;
        double reserve;
        int64_t in_flight;
        int64_t spendable;
    } rows[] = {
        {1200, 0, 0, 1200},  {1200, 0.1, 0, 1080}, {1200, 0.1, 100, 980}, {120, 0.1, 0, 0},
        {121, 0.1, 0, 1},    {-249, 0.1, 0, 0},    {1200, 1, 0, 0},       {1200, 7, 0, 0},
        {1200, -1, 0, 1200}, {0, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_bucket b = told(rows[i].left, 20, 60000);
        if (rows[i].in_flight > 0)
            bw_bucket_start(&b, rows[i].in_flight);
        assert_int_equal(bw_bucket_spendable(&b, at(1000), rows[i].reserve), rows[i].spendable);
    }
}

/* Whatever the numbers: not a millisecond before the end of the wait is it enough, and at its end it is. */
static void test_wait_is_exact(void **state)
{
    static const int64_t lefts[] = {-249, -1, 0, 1, 119, 120, 121, 500, 1200};
    static const int64_t costs[] = {1, 2, 20, 100, 1080, 5000};
    (void)state;
    for (size_t i = 0; i < sizeof(lefts) / sizeof(lefts[0]); i++) {
        for (size_t j = 0; j < sizeof(costs) / sizeof(costs[0]); j++) {
            struct bw_bucket b = told(lefts[i], 20, 17000);
            int64_t want = costs[j] < 1080 ? costs[j] : 1080; /* more than that never comes together */
            int64_t now = 5000;
            int64_t wait = bw_bucket_wait(&b, at(now), 0.1, costs[j]);
            assert_true(bw_bucket_spendable(&b, at(now + wait), 0.1) >= want);
            if (wait > 0)
                assert_true(bw_bucket_spendable(&b, at(now + wait - 1), 0.1) < want);
        }
    }
}

static void test_stopped_bucket_is_asked_again(void **state)
{
    struct bw_bucket b = told(0, 0, 60000);
    (void)state;
    assert_int_equal(bw_bucket_left(&b, at(100000000)), 0);
    assert_true(bw_bucket_wait(&b, at(1000), 0.1, 1) > 60000);
    assert_true(bw_bucket_wait(&b, at(1000), 0.1, 1) <= 3600000);
}

static void test_failures_do_not_pile_up(void **state)
{
    struct bw_bucket b = told(500, 20, 60000);
    (void)state;
    for (int i = 0; i < 50; i++) {
        bw_bucket_start(&b, 100);
        bw_bucket_finish(&b, 100);
    }
    assert_int_equal(bw_bucket_left(&b, at(1000)), 500);
    bw_bucket_finish(&b, 100);
    assert_int_equal(b.in_flight, 0);
}

static void test_cost(void **state)
{
    (void)state;
    assert_true(fabs(bw_token_cost_cents(892800, 20, 4900) - 4900) <
                1e-6); /* a month's tokens, a month's price */
    assert_true(fabs(bw_token_cost_cents(100, 20, 4900) - 0.548835) < 1e-5);
    assert_true(bw_token_cost_cents(100, 0, 4900) == 0);
    assert_true(bw_token_cost_cents(-1, 20, 4900) == 0);
}

static void test_affords(void **state)
{
    struct bw_bucket b;
    (void)state;
    bw_bucket_init(&b);
    assert_false(bw_bucket_affords(&b, 0.1, 1));
    b = told(1200, 20, 0);
    assert_true(bw_bucket_affords(&b, 0.1, 1080)); /* 1200 - 120 */
    assert_false(bw_bucket_affords(&b, 0.1, 1081));
    b = told(119, 20, 0); /* already in the reserve */
    assert_false(bw_bucket_affords(&b, 0.1, 1));
    b = told(100, 0, 0);
    assert_false(bw_bucket_affords(&b, 0.1, 0));
}

/* Trackings at Keepa slow the refill; the bucket is as large as the plan says. */
static void test_flow_reduction(void **state)
{
    struct bw_bucket b;
    (void)state;
    bw_bucket_init(&b);
    tell(&b, 100, 20, 4.5, 60000, 1000);
    assert_int_equal(bw_bucket_capacity(&b), 1200);
    assert_int_equal(bw_bucket_left(&b, at(61000)), 115);
    assert_int_equal(bw_bucket_spendable(&b, at(61000 + 59 * 61000), 0.1), 1000 - 120);
    assert_int_equal(bw_bucket_left(&b, at(1000 + 200 * 61000)), 1200);
    assert_true(bw_bucket_affords(&b, 0.1, 15 * 60 - 120) == false); /* 100 is in the reserve */
    tell(&b, 1200, 20, 4.5, 60000, 2000);
    assert_true(bw_bucket_affords(&b, 0.1, 15 * 60 - 120));
    assert_false(bw_bucket_affords(&b, 0.1, 15 * 60 - 119));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_bucket_allows_one_request),
        cmocka_unit_test(test_ticks),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_overtaken_answer),
        cmocka_unit_test(test_spendable),
        cmocka_unit_test(test_wait_is_exact),
        cmocka_unit_test(test_stopped_bucket_is_asked_again),
        cmocka_unit_test(test_failures_do_not_pile_up),
        cmocka_unit_test(test_cost),
        cmocka_unit_test(test_affords),
        cmocka_unit_test(test_flow_reduction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
