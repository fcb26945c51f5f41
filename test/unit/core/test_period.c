/* Days, weeks and months: tables for what is known, and a walk over 400 years beside the C library's calendar. */
#include "badgewatch/core/period.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define DAY_MS INT64_C(86400000)

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
        enum bw_period_kind kind;
        const char *name; /* NULL = not due */
    } cases[] = {
        {"2026-05-10T07:59:59Z", 480, BW_DAILY, NULL},
        {"2026-05-10T08:00:00Z", 480, BW_DAILY, "2026-05-09"},
        {"2026-05-10T11:59:59Z", 480, BW_DAILY, "2026-05-09"},
        {"2026-05-10T12:00:00Z", 480, BW_DAILY, NULL},
        {"2026-05-10T08:00:00Z", -1, BW_DAILY, NULL},
        {"2026-05-10T00:00:00Z", 0, BW_DAILY, "2026-05-09"},
        {"2026-03-01T08:30:00Z", 480, BW_DAILY, "2026-02-28"},
        {"2026-01-01T08:30:00Z", 480, BW_DAILY, "2025-12-31"},
        {"2026-05-10T23:59:59Z", 1439, BW_DAILY, "2026-05-09"},
        {"2026-05-11T00:00:00Z", 1439, BW_DAILY, "2026-05-09"},
        {"2026-05-11T07:59:59Z", 480, BW_WEEKLY, NULL},
        {"2026-05-11T08:00:00Z", 480, BW_WEEKLY, "2026-W19"},
        {"2026-05-11T12:00:00Z", 480, BW_WEEKLY, NULL},
        {"2026-05-12T08:00:00Z", 480, BW_WEEKLY, NULL},
        {"2026-05-12T00:30:00Z", 1439, BW_WEEKLY, "2026-W19"}, /* Monday's minute was 31 minutes ago */
        {"2026-01-05T08:00:00Z", 480, BW_WEEKLY, "2026-W01"},
        {"2025-12-29T08:00:00Z", 480, BW_WEEKLY, "2025-W52"},
        {"2026-06-01T08:00:00Z", 480, BW_MONTHLY, "2026-05"},
        {"2026-06-02T08:00:00Z", 480, BW_MONTHLY, NULL},
        {"2026-01-01T08:00:00Z", 480, BW_MONTHLY, "2025-12"},
        {"2026-06-01T08:00:00Z", -1, BW_MONTHLY, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bw_period p = {.name = ""};
        bool is_due = bw_period_due(at(cases[i].now), cases[i].at_min, cases[i].kind, &p);
        if (is_due != (cases[i].name != NULL) || (is_due && strcmp(p.name, cases[i].name) != 0))
            fail_msg("%s at %d, %s: %d '%s'", cases[i].now, cases[i].at_min,
                     bw_period_kind_name(cases[i].kind), is_due, p.name);
    }
}

static void names(void **state)
{
    static const struct bw_period good[] = {{BW_DAILY, "2026-02-28", "2026-02-28", "2026-02-28"},
                                            {BW_DAILY, "2024-02-29", "2024-02-29", "2024-02-29"},
                                            {BW_WEEKLY, "2026-W19", "2026-05-04", "2026-05-10"},
                                            {BW_WEEKLY, "2020-W53", "2020-12-28", "2021-01-03"},
                                            {BW_WEEKLY, "2026-W01", "2025-12-29", "2026-01-04"},
                                            {BW_MONTHLY, "2024-02", "2024-02-01", "2024-02-29"},
                                            {BW_MONTHLY, "2026-12", "2026-12-01", "2026-12-31"},
                                            {BW_MONTHLY, "1970-01", "1970-01-01", "1970-01-31"}};
    static const char *const bad[] = {"2026-02-29",  "2026-13-01", "2026-1-01", "20260101", "",
                                      "2026-01-01 ", "yesterday1", "2026-13",   "2026-00",  "2026-W00",
                                      "2026-W54",    "2025-W53",   "2026W19",   "2026-W1",  "2026-W1x",
                                      "2026-w19",    "9999-12",    "9999-W52",  "2026-5",   "2026",
                                      "2026-W-1",    "1969-12",    "2026-05-",  "x026-W19"};
    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct bw_period p;
        if (!bw_period_parse(good[i].name, &p))
            fail_msg("%s is refused", good[i].name);
        assert_int_equal(p.kind, good[i].kind);
        assert_string_equal(p.name, good[i].name);
        assert_string_equal(p.first, good[i].first);
        assert_string_equal(p.last, good[i].last);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bw_period p;
        if (bw_period_parse(bad[i], &p))
            fail_msg("'%s' is taken for %s", bad[i], p.name);
    }
}

static void name_of(const struct tm *tm, enum bw_period_kind kind, char name[32])
{
    if (kind == BW_DAILY)
        strftime(name, 32, "%Y-%m-%d", tm);
    else if (kind == BW_WEEKLY)
        strftime(name, 32, "%G-W%V", tm);
    else
        strftime(name, 32, "%Y-%m", tm);
}

/* Every day of 400 years: the name is strftime's, parsing gives the same period back, the day lies in it, and periods follow
 * each other without a gap: a new one begins exactly on the day after the last one's end. */
static void calendar(void **state)
{
    struct bw_period before[BW_PERIOD_KINDS] = {{.name = ""}};
    char yesterday[BW_DAY_TEXT] = "";
    (void)state;
    for (int64_t day = 0; day < 146097; day++) {
        time_t seconds = (time_t)(day * 86400);
        struct tm tm;
        char today[BW_DAY_TEXT], name[32];
        gmtime_r(&seconds, &tm);
        bw_day_of((struct bw_wall){day * DAY_MS + DAY_MS - 1}, today);
        for (enum bw_period_kind kind = BW_DAILY; kind < BW_PERIOD_KINDS; kind++) {
            struct bw_period p, back;
            bw_period_at((struct bw_wall){day * DAY_MS + 12345}, kind, &p);
            name_of(&tm, kind, name);
            assert_string_equal(p.name, name);
            assert_true(strcmp(p.first, today) <= 0 && strcmp(today, p.last) <= 0);
            assert_true(bw_period_parse(p.name, &back));
            assert_string_equal(back.first, p.first);
            assert_string_equal(back.last, p.last);
            assert_int_equal(back.kind, kind);
            bool begins = strcmp(p.name, before[kind].name) != 0;
            if (begins && day > 0) {
                assert_string_equal(before[kind].last, yesterday);
                assert_string_equal(p.first, today);
            }
            before[kind] = p;
        }
        memcpy(yesterday, today, sizeof(today));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(due), cmocka_unit_test(names),
                                       cmocka_unit_test(calendar)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
