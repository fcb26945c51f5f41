/* When the daily summary is due, and what it says. */
#include "badgewatch/core/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bw_wall at(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(bw_time_parse(text, &ms), BW_OK);
    return (struct bw_wall){ms};
}

static void due(void **state)
{
    static const struct {
        const char *now;
        int at_min;
        const char *day; /* NULL = not due */
    } cases[] = {
        {"2026-05-10T07:59:59Z", 480, NULL},          {"2026-05-10T08:00:00Z", 480, "2026-05-09"},
        {"2026-05-10T11:59:59Z", 480, "2026-05-09"},  {"2026-05-10T12:00:00Z", 480, NULL},
        {"2026-05-10T08:00:00Z", -1, NULL},           {"2026-05-10T00:00:00Z", 0, "2026-05-09"},
        {"2026-03-01T08:30:00Z", 480, "2026-02-28"},  {"2026-01-01T08:30:00Z", 480, "2025-12-31"},
        {"2026-05-10T23:59:59Z", 1439, "2026-05-09"}, {"2026-05-11T00:00:00Z", 1439, "2026-05-09"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char day[BW_DAY_TEXT] = "";
        bool is_due = bw_summary_due(at(cases[i].now), cases[i].at_min, day);
        if (is_due != (cases[i].day != NULL) || (is_due && strcmp(day, cases[i].day) != 0))
            fail_msg("%s at %d: %d '%s'", cases[i].now, cases[i].at_min, is_due, day);
    }
}

static void days(void **state)
{
    (void)state;
    assert_true(bw_day_valid("2026-02-28"));
    assert_true(bw_day_valid("2024-02-29"));
    static const char *const bad[] = {"2026-02-29", "2026-13-01",  "2026-1-01", "20260101",
                                      "",           "2026-01-01 ", "yesterday1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(bw_day_valid(bad[i]));
}

static void lines(void **state)
{
    (void)state;
    struct bw_summary s = {.day = "2026-05-09",
                           .gained = 7,
                           .lost = 5,
                           .withheld = 1,
                           .checked = 94,
                           .tracked = 95,
                           .calls = 24,
                           .tokens = 2280,
                           .cost_cents = 1250.4,
                           .badges = 31,
                           .top = {{strdup("Serums"), 3}, {strdup("Pain Relief Rubs"), 2}},
                           .n_top = 2,
                           .oldest_s = 12000};
    struct bw_buf out;
    bw_buf_init(&out, 4096);
    bw_summary_lines(&s, "EUR", &out);
    assert_string_equal(out.data,
                        "Day: 2026-05-09 (UTC)\nChanges: 12\nGained: 7\nLost: 5\nMuted: 1 of them\n"
                        "Products checked: 94 of 95\nAPI calls: 24\nTokens: 2280\n"
                        "Estimated cost: 12.50 EUR\nBadges held: 31\n"
                        "Top categories: Serums (3), Pain Relief Rubs (2)\nOldest data: 3 h 20 min\n");
    bw_summary_fini(&s);
    bw_buf_clear(&out);
    snprintf(s.day, sizeof(s.day), "2026-05-10");
    bw_summary_lines(&s, "USD", &out);
    assert_string_equal(out.data,
                        "Day: 2026-05-10 (UTC)\nChanges: 0\nGained: 0\nLost: 0\nProducts checked: 0 of 0\n"
                        "API calls: 0\nTokens: 0\nEstimated cost: 0.00 USD\nBadges held: 0\n"
                        "Top categories: none\nOldest data: none\n");
    bw_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(due), cmocka_unit_test(days),
                                       cmocka_unit_test(lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
