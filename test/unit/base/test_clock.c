/* Texts of times and durations, forth and back, at the edges of the calendar and of the integers. */
#include "badgewatch/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static void test_format(void **state)
{
    static const struct {
        int64_t s;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59Z"},
        {1778386768, "2026-05-10T04:19:28Z"},
        {951782400, "2000-02-29T00:00:00Z"},
        {951868799, "2000-02-29T23:59:59Z"},
        {4107542400, "2100-03-01T00:00:00Z"}, /* 2100 has no 29 February */
        {4107542399, "2100-02-28T23:59:59Z"},
        {253402300799, "9999-12-31T23:59:59Z"},
        {253402300800, ""},
        {-62135596800, "0001-01-01T00:00:00Z"},
        {-62135596801, ""},
        {INT64_MAX, ""},
        {INT64_MIN, ""},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char text[BW_TIME_TEXT] = "stale";
        bw_time_format(rows[i].s, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_format_ms(void **state)
{
    char text[BW_TIME_TEXT];
    (void)state;
    bw_time_format_ms(1778386768123, text);
    assert_string_equal(text, "2026-05-10T04:19:28.123Z");
    bw_time_format_ms(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    bw_time_format_ms(INT64_MIN, text);
    assert_string_equal(text, "");
    bw_time_format_ms(INT64_MAX, text);
    assert_string_equal(text, "");
}

static void test_time_words(void **state)
{
    char text[BW_TIME_TEXT];
    (void)state;
    bw_time_words(1778386768, text);
    assert_string_equal(text, "2026-05-10 04:19 UTC");
    bw_time_words(INT64_MAX, text);
    assert_string_equal(text, "an unknown time");
}

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } rows[] = {
        {"2026-05-10", 1778371200000},
        {"2026-05-10T04:19Z", 1778386740000},
        {"2026-05-10 04:19", 1778386740000},
        {"2026-05-10T04:19:28", 1778386768000},
        {"2026-05-10T04:19:28.5Z", 1778386768500},
        {"2026-05-10T04:19:28.123999Z", 1778386768123},
        {"2026-05-10T06:19:28+02:00", 1778386768000},
        {"2026-05-09T22:49:28-05:30", 1778386768000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2024-02-29", 1709164800000},
        {"0001-01-01", -62135596800000},
        {"9999-12-31T23:59:59Z", 253402300799000},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        int64_t ms = 1;
        assert_int_equal(bw_time_parse(rows[i].text, &ms), BW_OK);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void test_parse_refused(void **state)
{
    static const char *const rows[] = {
        "",
        "2026",
        "2026-05",
        "2026-5-10",
        "2026-13-01",
        "2026-02-30",
        "2025-02-29",
        "2100-02-29",
        "2026-00-10",
        "2026-05-00",
        "0000-01-01",
        "2026-05-10T",
        "2026-05-10T04",
        "2026-05-10T24:00Z",
        "2026-05-10T04:60Z",
        "26-05-10",
        " 2026-05-10",
        "2026-05-10x",
        "2026-05-10T04:19X",
        "2026-05-10T04:19:60Z",
        "yesterday",
        "2026-05-10Z",
        "2026-05-10T04:19+2",
        "2026-05-10T04:19+02:60",
        "2026-05-10T04:19:28.Z",
        "2026-05-10T04:19Z ",
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        int64_t ms = 77;
        if (bw_time_parse(rows[i], &ms) == BW_OK)
            fail_msg("'%s' was taken", rows[i]);
        assert_int_equal(ms, 77); /* set only on success */
    }
}

/* Each day of 800 years comes back as itself, and its text grows. */
static void test_every_day(void **state)
{
    char before[BW_TIME_TEXT] = "";
    (void)state;
    for (int64_t day = -146097; day < 146097; day++) {
        char text[BW_TIME_TEXT];
        int64_t ms = 0;
        bw_time_format(day * 86400 + 86399, text);
        assert_true(strcmp(before, text) < 0);
        assert_int_equal(bw_time_parse(text, &ms), BW_OK);
        assert_int_equal(ms, (day * 86400 + 86399) * 1000);
        memcpy(before, text, sizeof(text));
    }
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
        const char *shortest;
    } rows[] = {
        {"500ms", 500, "500ms"},
        {"30s", 30000, "30s"},
        {"15m", 900000, "15m"},
        {"8h", 28800000, "8h"},
        {"7d", 604800000, "7d"},
        {"90s", 90000, "90s"},
        {"60s", 60000, "1m"},
        {"24h", 86400000, "1d"},
        {"36h", 129600000, "36h"},
        {"1001ms", 1001, "1001ms"},
        {"3653d", 315619200000, "3653d"},
        {"010s", 10000, "10s"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        int64_t ms = 0;
        char text[BW_TIME_TEXT];
        assert_int_equal(bw_duration_parse(rows[i].text, &ms), BW_OK);
        assert_int_equal(ms, rows[i].ms);
        bw_duration_format(ms, text);
        assert_string_equal(text, rows[i].shortest);
    }
}

static void test_durations_refused(void **state)
{
    static const char *const rows[] = {"",
                                       "5",
                                       "s",
                                       "0s",
                                       "-5s",
                                       "+5s",
                                       "1.5h",
                                       "5 s",
                                       " 5s",
                                       "5s ",
                                       "5S",
                                       "5min",
                                       "5hh",
                                       "5w",
                                       "ms",
                                       "3654d",
                                       "99999999999999999999ms",
                                       "315619200001ms",
                                       "0x5s"};
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        int64_t ms = 77;
        if (bw_duration_parse(rows[i], &ms) == BW_OK)
            fail_msg("'%s' was taken", rows[i]);
        assert_int_equal(ms, 77);
    }
}

static void test_words(void **state)
{
    static const struct {
        int64_t s;
        const char *text;
    } rows[] = {
        {0, "0 s"},     {42, "42 s"},          {59, "59 s"},
        {60, "1 min"},  {239, "3 min"},        {3599, "59 min"},
        {3600, "1 h"},  {15000, "4 h 10 min"}, {86399, "23 h 59 min"},
        {86400, "1 d"}, {1051200, "12 d 4 h"}, {86400 + 3599, "1 d"},
        {-5, "0 s"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        char text[BW_TIME_TEXT];
        bw_duration_words(rows[i].s, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void test_clocks_run(void **state)
{
    struct bw_mono a = bw_mono_now(), b = bw_mono_now();
    (void)state;
    assert_true(a.ms > 0 && b.ms >= a.ms && b.ms - a.ms < 60000);
    assert_true(bw_wall_now().ms > 1735689600000); /* 2025 */
}

/* The kernel's clocks, and how long the machine slept: CLOCK_MONOTONIC alone stood still. */
static int64_t slept_s;

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the names of libc are reserved
int clock_gettime(clockid_t id, struct timespec *ts)
{
    int failed = (int)syscall(SYS_clock_gettime, id, ts);
    if (!failed && id != CLOCK_MONOTONIC)
        ts->tv_sec += (time_t)slept_s;
    return failed;
}

static void test_sleep_counts(void **state)
{
    (void)state;
    struct bw_mono before = bw_mono_now();
    slept_s = 3600;
    assert_true(bw_mono_now().ms - before.ms >= slept_s * 1000);
    slept_s = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format),        cmocka_unit_test(test_format_ms),
        cmocka_unit_test(test_time_words),    cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refused), cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_durations),     cmocka_unit_test(test_durations_refused),
        cmocka_unit_test(test_words),         cmocka_unit_test(test_clocks_run),
        cmocka_unit_test(test_sleep_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
