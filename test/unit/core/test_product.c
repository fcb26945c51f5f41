/* Keepa's time, the names of things, and how fresh an answer is. */
#include "badgewatch/core/product.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_time(void **state)
{
    static const struct {
        int64_t minutes;
        int64_t unix_s;
    } rows[] = {
        {0, 1293840000},                                          /* 2011-01-01T00:00Z */
        {1, 1293840060}, {-1, 1293839940}, {8077219, 1778473140}, /* 2026-05-11T04:19Z */
        {-21564000, 0},  {-21564001, -60},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(bw_keepa_time(rows[i].minutes), rows[i].unix_s);
        assert_int_equal(bw_keepa_minutes(rows[i].unix_s), rows[i].minutes);
        assert_int_equal(bw_keepa_minutes(rows[i].unix_s + 59), rows[i].minutes); /* floor */
        assert_int_equal(bw_keepa_minutes(rows[i].unix_s - 1), rows[i].minutes - 1);
    }
    assert_true(bw_keepa_time(INT64_MAX) == INT64_MAX);
    assert_true(bw_keepa_time(INT64_MIN) == INT64_MIN);
    assert_true(bw_keepa_time(INT64_MAX / 60) == INT64_MAX);
    assert_true(bw_keepa_minutes(INT64_MIN) < bw_keepa_minutes(INT64_MAX));
}

static void test_names(void **state)
{
    static const char *const kinds[] = {"amazon", "new",     "buy_box",     "list",
                                        "rating", "reviews", "monthly_sold"};
    static const char *const unknowns[] = {"",      "no_ranks",  "absent", "stub", "inaccessible",
                                           "error", "malformed", "stale"};
    (void)state;
    assert_int_equal(sizeof(kinds) / sizeof(kinds[0]), BW_VALUE_KINDS);
    for (unsigned i = 0; i < BW_VALUE_KINDS; i++)
        assert_string_equal(bw_value_kind_name((enum bw_value_kind)i), kinds[i]);
    for (unsigned i = 0; i <= BW_UNKNOWN_STALE; i++)
        assert_string_equal(bw_unknown_name((enum bw_unknown)i), unknowns[i]);
}

static void test_rank_lookup(void **state)
{
    struct bw_rank_series ranks[] = {{.category_id = 3}, {.category_id = 7}, {.category_id = INT64_MAX}};
    struct bw_product p = {.ranks = ranks, .n_ranks = 3};
    (void)state;
    assert_ptr_equal(bw_product_rank(&p, 3), &ranks[0]);
    assert_ptr_equal(bw_product_rank(&p, 7), &ranks[1]);
    assert_ptr_equal(bw_product_rank(&p, INT64_MAX), &ranks[2]);
    assert_null(bw_product_rank(&p, 5));
    assert_null(bw_product_rank(&p, INT64_MIN));
    p.n_ranks = 0;
    assert_null(bw_product_rank(&p, 3));
}

static void test_freshness(void **state)
{
    struct bw_point a[] = {{100, 1}, {200, 2}};
    struct bw_point b[] = {{50, 1}, {300, 2}, {300 + 86400 + 1, 3}};
    struct bw_rank_series ranks[] = {{1, {a, 2}}, {2, {b, 3}}, {3, {NULL, 0}}};
    struct bw_product p = {.ranks = ranks, .n_ranks = 3, .last_update = 250};
    (void)state;
    assert_int_equal(bw_product_freshness(&p, 300), 300); /* the last point is more than a day ahead */
    assert_int_equal(bw_product_freshness(&p, 301), 300 + 86401); /* now it is not */
    p.last_update = 400;
    assert_int_equal(bw_product_freshness(&p, 300), 400);
    p.last_update = 300 + 86401;
    assert_int_equal(bw_product_freshness(&p, 300), 300);
    p.n_ranks = 0;
    assert_int_equal(bw_product_freshness(&p, 300), 0);
    p.last_update = -5;
    assert_int_equal(bw_product_freshness(&p, INT64_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_rank_lookup),
        cmocka_unit_test(test_freshness),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
