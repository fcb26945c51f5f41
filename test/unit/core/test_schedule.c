/* When a product is checked next, and how far back a request reaches. */
#include "badgewatch/core/schedule.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HOUR INT64_C(3600)
#define DAY  INT64_C(86400)

static void test_next(void **state)
{
    static const struct {
        int64_t now;
        int frequency;
        int64_t next;
    } rows[] = {
        {0, 60, HOUR},
        {HOUR - 1, 60, HOUR},
        {HOUR, 60, 2 * HOUR}, /* strictly after */
        {1000 * HOUR + 1, 60, 1001 * HOUR},
        {59, 1, 60},
        {DAY + 5, 1440, 2 * DAY},
        {8 * DAY, 10080, 14 * DAY},
        {8 * DAY, 999999, 14 * DAY}, /* brought into range */
        {59, 0, 60},
        {59, -5, 60},
        {-1, 60, 0},
        {-HOUR, 60, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(bw_schedule_next(rows[i].now, rows[i].frequency), rows[i].next);
}

static void test_after(void **state)
{
    (void)state;
    assert_int_equal(bw_schedule_after(HOUR + 5, HOUR, false, 60), 2 * HOUR);
    assert_int_equal(bw_schedule_after(4 * HOUR + 5, HOUR, false, 60),
                     5 * HOUR); /* missed ones are not made up */
    assert_int_equal(bw_schedule_after(HOUR - 100, HOUR, false, 60), 2 * HOUR); /* filled a batch */
    assert_int_equal(bw_schedule_after(HOUR - 100, HOUR, true, 60), HOUR);      /* polled */
    assert_int_equal(bw_schedule_after(HOUR - 1000, HOUR, false, 60), HOUR);    /* the clock went back */
}

static void test_retry(void **state)
{
    static const struct {
        int frequency;
        int unknown;
        int64_t delay;
    } rows[] = {
        {60, 1, 300},  {60, 2, 600},        {60, 3, 1200},       {60, 4, 2400},       {60, 5, 3600},
        {60, 6, 3600}, {60, 0, 300},        {3, 1, 180},         {60, INT_MAX, 3600}, {5, 1, 300},
        {5, 2, 300},   {10080, 12, 604800}, {10080, 11, 307200},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(bw_schedule_retry(5000, rows[i].frequency, rows[i].unknown), 5000 + rows[i].delay);
}

static void test_days(void **state)
{
    int64_t now = 20000 * DAY;
    static const struct {
        int64_t ago;
        int days;
    } rows[] = {
        {0, 1},         {-500, 1},      {HOUR, 1},          {23 * HOUR, 1},   {23 * HOUR + 1, 2},
        {24 * HOUR, 2}, {47 * HOUR, 2}, {47 * HOUR + 1, 3}, {365 * DAY, 366},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(bw_schedule_days(now, now - rows[i].ago), rows[i].days);
    assert_int_equal(bw_schedule_days(INT64_MAX, INT64_MIN), INT_MAX);
    assert_int_equal(bw_schedule_days(INT64_MIN, INT64_MAX), 1);
}

/* The smallest that reaches back to the last check and an hour more. */
static void test_days_is_the_smallest(void **state)
{
    (void)state;
    for (int64_t ago = 0; ago < 5 * DAY; ago += 577) {
        int64_t now = 1800000000;
        int64_t days = bw_schedule_days(now, now - ago);
        assert_true(days >= 1);
        assert_true(now - days * DAY <= now - ago - HOUR);
        if (days > 1)
            assert_true(now - (days - 1) * DAY > now - ago - HOUR);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_after),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_days_is_the_smallest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
