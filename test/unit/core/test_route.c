/* Which route a product has, where that tells, whether, and when. */
#include "badgewatch/core/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MINUTES(h, m) ((h)*60 + (m))
#define HOUR          INT64_C(3600)
#define MIDNIGHT      INT64_C(1778371200) /* 2026-05-10T00:00:00Z */

static char none[] = "", acme[] = "acme", vip[] = "vip", to_acme[] = "C0ACME", to_rest[] = "C0REST";

/* In the order of the file; the default route may stand anywhere. */
static const struct bw_route routes[] = {
    {.tag = vip, .channel = none, .trigger_on_gained = true, .trigger_on_lost = true},
    {.tag = none, .channel = to_rest, .trigger_on_gained = true, .trigger_on_lost = true},
    {.tag = acme, .channel = to_acme, .trigger_on_gained = true, .trigger_on_lost = true},
};

static void test_which(void **state)
{
    static const struct {
        const char *tags;
        const struct bw_route *route;
    } rows[] = {
        {"", &routes[1]},         {"acme", &routes[2]},     {"x;acme;y", &routes[2]},
        {"acme;vip", &routes[0]}, {"vip;acme", &routes[0]}, {"acm", &routes[1]},
        {"acme2", &routes[1]},    {"ACME", &routes[1]},     {";;acme;", &routes[2]},
        {"x acme;a", &routes[1]},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (bw_route_of(routes, 3, rows[i].tags) != rows[i].route)
            fail_msg("'%s' has another route", rows[i].tags);
    }
    assert_null(bw_route_of(routes, 1, "acme"));
    assert_null(bw_route_of(NULL, 0, "acme"));
}

static void test_channel(void **state)
{
    (void)state;
    assert_string_equal(bw_route_channel(NULL, "", "C0"), "C0");
    assert_string_equal(bw_route_channel(NULL, "C0OWN", "C0"), "C0OWN");
    assert_string_equal(bw_route_channel(&routes[2], "", "C0"), "C0ACME");
    assert_string_equal(bw_route_channel(&routes[2], "C0OWN", "C0"), "C0OWN");
    assert_string_equal(bw_route_channel(&routes[0], "", "C0"), "C0");
}

static void test_withholds(void **state)
{
    static const struct {
        int min_priority;
        bool on_gained, on_lost;
        int priority;
        bool gained, lost;
        const char *why;
    } rows[] = {
        {0, true, true, 9, true, false, ""},          {3, true, true, 3, true, false, ""},
        {3, true, true, 1, false, true, ""},          {3, true, true, 4, true, false, "priority"},
        {3, true, true, 0, true, false, ""}, /* not known */
        {0, false, true, 5, true, false, "trigger"},  {0, false, true, 5, false, true, ""},
        {0, true, false, 5, false, true, "trigger"},  {0, true, false, 5, true, false, ""},
        {0, true, false, 5, true, true, ""}, /* came and went */
        {0, false, true, 5, true, true, ""},          {0, false, false, 5, true, true, "trigger"},
        {1, false, false, 5, true, true, "priority"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_route route = {.min_priority = rows[i].min_priority,
                                 .trigger_on_gained = rows[i].on_gained,
                                 .trigger_on_lost = rows[i].on_lost};
        const char *why = bw_route_withholds(&route, rows[i].priority, rows[i].gained, rows[i].lost);
        if (strcmp(why ? why : "", rows[i].why) != 0)
            fail_msg("row %zu: '%s' instead of '%s'", i, why ? why : "", rows[i].why);
    }
    assert_null(bw_route_withholds(NULL, 100, false, true));
}

static void test_quiet(void **state)
{
    static const struct {
        int from, to;
        int64_t now, until; /* s after midnight; 0: not quiet */
    } rows[] = {
        {MINUTES(22, 0), MINUTES(7, 0), 21 * HOUR + 3599, 0},
        {MINUTES(22, 0), MINUTES(7, 0), 22 * HOUR, 31 * HOUR},
        {MINUTES(22, 0), MINUTES(7, 0), 86399, 31 * HOUR},
        {MINUTES(22, 0), MINUTES(7, 0), 0, 7 * HOUR},
        {MINUTES(22, 0), MINUTES(7, 0), 7 * HOUR - 1, 7 * HOUR},
        {MINUTES(22, 0), MINUTES(7, 0), 7 * HOUR, 0},
        {MINUTES(12, 30), MINUTES(13, 0), 12 * HOUR + 1799, 0},
        {MINUTES(12, 30), MINUTES(13, 0), 12 * HOUR + 1800, 13 * HOUR},
        {MINUTES(12, 30), MINUTES(13, 0), 13 * HOUR, 0},
        {MINUTES(23, 59), MINUTES(0, 0), 86399, 86400},
        {MINUTES(23, 59), MINUTES(0, 0), 0, 0},
        {MINUTES(0, 0), MINUTES(0, 1), 59, 60},
        {0, 0, 100, 0}, /* none */
        {MINUTES(7, 0), MINUTES(7, 0), 7 * HOUR, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_route route = {.quiet = {rows[i].from, rows[i].to}};
        int64_t until = bw_route_quiet_until(&route, MIDNIGHT + rows[i].now);
        if (until != (rows[i].until ? MIDNIGHT + rows[i].until : 0))
            fail_msg("row %zu: %lld", i, (long long)(until - MIDNIGHT));
    }
    assert_int_equal(bw_route_quiet_until(NULL, MIDNIGHT), 0);
}

/* Whatever the hours: quiet ends within a day, and is over then; the minutes of a day that are quiet are as many as said. */
static void test_quiet_ends(void **state)
{
    (void)state;
    for (int from = 0; from < 1440; from += 37) {
        for (int to = 0; to < 1440; to += 41) {
            struct bw_route route = {.quiet = {from, to}};
            int quiet = 0;
            for (int minute = 0; minute < 1440; minute++) {
                int64_t now = MIDNIGHT + minute * INT64_C(60);
                int64_t until = bw_route_quiet_until(&route, now);
                if (until == 0)
                    continue;
                quiet++;
                assert_true(until > now && until - now < 86400);
                assert_int_equal(until % 86400, to * 60);
                assert_int_equal(bw_route_quiet_until(&route, until), 0);
            }
            assert_int_equal(quiet, (to - from + 1440) % 1440);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which), cmocka_unit_test(test_channel),    cmocka_unit_test(test_withholds),
        cmocka_unit_test(test_quiet), cmocka_unit_test(test_quiet_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
