/* How many products may be asked about: the reserve, what a product costs, and `update`. */
#include "badgewatch/core/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct bw_plan plan_of(int64_t left, int64_t rate, bool automatic, int update, double checks,
                              const struct bw_costs *costs)
{
    static const struct bw_costs none;
    struct bw_bucket b;
    struct bw_plan out;
    bw_bucket_init(&b);
    if (rate > 0)
        bw_bucket_told(&b, &(struct bw_tokens){.left = left, .rate = rate, .refill_in_ms = 60000},
                       (struct bw_mono){1000});
    struct bw_plan_input in = {&b, costs ? costs : &none, {1000}, 0.1, automatic, update, checks};
    bw_plan(&in, &out);
    return out;
}

static void test_unknown_bucket(void **state)
{
    struct bw_plan p = plan_of(0, 0, true, 0, 95, NULL);
    (void)state;
    assert_int_equal(p.routine, 1);
    assert_int_equal(p.polled, 1);
    assert_int_equal(p.update, BW_UPDATE_DEFAULT);
    assert_int_equal(plan_of(0, 0, false, 0, 95, NULL).routine, 1); /* though it may cost two */
}

static void test_reserve(void **state)
{
    static const struct {
        int64_t left;
        int update;
        int64_t routine, polled;
    } rows[] = {
        {1200, 1, 1080, 1200}, {1200, 0, 540, 600}, {121, 1, 1, 121}, {121, 0, 0, 60},
        {120, 1, 0, 120},      {1, 1, 0, 1},        {1, 0, 0, 1}, /* the last token buys a poll that costs two */
        {3, 0, 0, 1},          {0, 1, 0, 0},        {-249, 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_plan p = plan_of(rows[i].left, 20, false, rows[i].update, 95, NULL);
        assert_int_equal(p.routine, rows[i].routine);
        assert_int_equal(p.polled, rows[i].polled);
        assert_int_equal(p.update, rows[i].update);
    }
}

static void test_automatic_update(void **state)
{
    (void)state;
    assert_int_equal(plan_of(1200, 20, true, 7, 540, NULL).update, 0);
    assert_int_equal(plan_of(1200, 20, true, 7, 541, NULL).update, BW_UPDATE_DEFAULT);
    assert_int_equal(plan_of(119, 20, true, 7, 10, NULL).update, BW_UPDATE_DEFAULT);
    assert_int_equal(plan_of(1200, 20, true, 7, 540, NULL).cost, 2);
    assert_int_equal(plan_of(1200, 20, true, 7, 541, NULL).cost, 1);
}

/* What answers charge more than the price list says is planned with, and forgotten when it was not seen again. */
static void test_costs_are_learned(void **state)
{
    struct bw_costs c = {0};
    (void)state;
    assert_int_equal(bw_costs_expect(&c, 0), 2);
    assert_int_equal(bw_costs_expect(&c, 1), 1);
    bw_costs_learn(&c, 1, 100, 100);
    assert_int_equal(bw_costs_expect(&c, 1), 1);
    bw_costs_learn(&c, 1, 100, 201); /* three for some of them, for all that is known */
    assert_int_equal(bw_costs_expect(&c, 1), 3);
    assert_int_equal(bw_costs_expect(&c, BW_UPDATE_DEFAULT), 3);
    assert_int_equal(bw_costs_expect(&c, 0), 2);
    assert_int_equal(plan_of(1200, 20, false, 1, 95, &c).routine, 360);
    for (int i = 0; i < 18; i++)
        bw_costs_learn(&c, 1, 10, 10);
    assert_int_equal(bw_costs_expect(&c, 1), 3);
    for (int i = 0; i < 20; i++)
        bw_costs_learn(&c, 1, 10, 10);
    assert_int_equal(bw_costs_expect(&c, 1), 1);
    bw_costs_learn(&c, 0, 10, 40);
    assert_int_equal(bw_costs_expect(&c, 0), 4);
    assert_int_equal(plan_of(1200, 20, true, 0, 271, &c).update, BW_UPDATE_DEFAULT); /* 4 * 271 > 1080 */
    bw_costs_learn(&c, 0, 0, 40); /* /category and garbage */
    bw_costs_learn(&c, 0, 1, -5);
    assert_int_equal(bw_costs_expect(&c, 0), 4);
    bw_costs_learn(&c, 0, 1, INT64_MAX);
    assert_int_equal(bw_costs_expect(&c, 0), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_bucket),
        cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_automatic_update),
        cmocka_unit_test(test_costs_are_learned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
