/* Which series of checks gives which news. */
#include "badgewatch/core/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* checks: '+' ok, '-' failing; news: '.' none, 'D' down, 'U' up */
static const struct {
    const char *checks, *news;
} series[] = {
    {"+++", "..."},
    {"--+", "..."},
    {"---", "..D"},
    {"---+", "..DU"},
    {"------+++", "..D...U.."},
    {"--+--+--", "........"},
    {"---+---+", "..DU..DU"},
    {"-+-+-+", "......"},
};

static void news(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(series) / sizeof(series[0]); i++) {
        struct bw_health h = {0};
        for (size_t k = 0; series[i].checks[k]; k++) {
            enum bw_health_news n = bw_health_judge(&h, series[i].checks[k] == '+', (int64_t)k * 1000);
            if (".DU"[n] != series[i].news[k])
                fail_msg("%s, check %zu: %c", series[i].checks, k, ".DU"[n]);
        }
    }
}

static void since_the_first_failure(void **state)
{
    (void)state;
    struct bw_health h = {0};
    bw_health_judge(&h, true, 1000);
    bw_health_judge(&h, false, 2000);
    bw_health_judge(&h, false, 3000);
    assert_int_equal(bw_health_judge(&h, false, 4000), BW_HEALTH_DOWN);
    assert_int_equal(h.since_ms, 2000);
    assert_int_equal(bw_health_judge(&h, true, 5000), BW_HEALTH_UP);
    assert_int_equal(h.since_ms, 2000);
    bw_health_judge(&h, false, 9000);
    assert_int_equal(h.since_ms, 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(news), cmocka_unit_test(since_the_first_failure)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
