/* What a summary says. */
#include "badgewatch/core/summary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void lines(void **state)
{
    (void)state;
    struct bw_period week = {BW_WEEKLY, "2026-W19", "2026-05-04", "2026-05-10"};
    struct bw_period day = {BW_DAILY, "2026-05-09", "2026-05-09", "2026-05-09"};
    struct bw_summary s = {.gained = 7,
                           .lost = 5,
                           .muted = 1,
                           .withheld = 2,
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
    bw_summary_lines(&day, &s, "EUR", &out);
    assert_string_equal(out.data,
                        "Day: 2026-05-09 (UTC)\nChanges: 12\nGained: 7\nLost: 5\nMuted: 1 of them\n"
                        "Left out: 2 of them, by a route or for want of Slack\n"
                        "Products checked: 94 of 95\nAPI calls: 24\nTokens: 2280\n"
                        "Estimated cost: 12.50 EUR\nBadges held: 31\n"
                        "Top categories: Serums (3), Pain Relief Rubs (2)\nOldest data: 3 h 20 min\n");
    bw_summary_fini(&s);
    bw_buf_clear(&out);
    bw_summary_lines(&week, &s, "USD", &out);
    assert_string_equal(out.data, "Week: 2026-W19, 2026-05-04 to 2026-05-10 (UTC)\nChanges: 0\nGained: "
                                  "0\nLost: 0\nProducts checked: 0 of 0\n"
                                  "API calls: 0\nTokens: 0\nEstimated cost: 0.00 USD\nBadges held: 0\n"
                                  "Top categories: none\nOldest data: none\n");
    bw_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
