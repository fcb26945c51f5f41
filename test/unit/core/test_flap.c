/* Flapping: tables of the rule, properties over random lives, and what a month costs a reader. */
#include "badgewatch/core/flap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define HOUR     INT64_C(3600)
#define DAY      (24 * HOUR)
#define LIFE_MAX 4000

static const struct bw_flap_rule usual = {3, DAY * 1000, 6 * HOUR * 1000};

/* A change each so many hours after the one before; all told, in turns of gained and lost. */
static size_t life(const double *hours, size_t n, struct bw_flap_change *out)
{
    int64_t at = 1000000;
    for (size_t i = 0; i < n; i++) {
        at += (int64_t)(hours[i] * (double)HOUR);
        out[i] = (struct bw_flap_change){.type = i % 2 ? BW_LOST : BW_GAINED,
                                         .occurred_at = at,
                                         .detected_at_ms = at * 1000,
                                         .told = true,
                                         .ts = "1.1",
                                         .root = ""};
    }
    return n;
}

static void judge(void **state)
{
    static const struct {
        const char *name;
        double hours[12];
        size_t n, n_new;
        int settled; /* index of a change after which a line says so; -1 = none */
        enum bw_flap flap;
    } rows[] = {
        {"one", {0}, 1, 1, -1, BW_FLAP_NO},
        {"three in a day", {0, 1, 1}, 3, 1, -1, BW_FLAP_NO},
        {"the fourth", {0, 1, 1, 1}, 4, 1, -1, BW_FLAP_BEGINS},
        {"the fifth", {0, 1, 1, 1, 1}, 5, 1, -1, BW_FLAP_GOES_ON},
        {"four in more than a day", {0, 5, 5, 14}, 4, 1, -1, BW_FLAP_NO},
        {"exactly a day is outside", {0, 5, 5, 14, 0}, 4, 1, -1, BW_FLAP_NO},
        {"it goes on while it does not settle", {0, 1, 1, 1, 5, 5, 5, 5, 5, 5}, 10, 1, -1, BW_FLAP_GOES_ON},
        {"settled, then four in a day again", {0, 1, 1, 1, 6}, 5, 1, -1, BW_FLAP_BEGINS},
        {"settled for long", {0, 1, 1, 1, 30}, 5, 1, -1, BW_FLAP_NO},
        {"a line says that it settled", {0, 1, 1, 1, 1, 1}, 6, 1, 4, BW_FLAP_BEGINS},
        {"it came and went twice between two checks", {0, 0, 0, 0}, 4, 4, -1, BW_FLAP_BEGINS},
        {"and does so again", {0, 0, 0, 0, 1, 0}, 6, 2, -1, BW_FLAP_GOES_ON},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bw_flap_change list[12];
        size_t n = life(rows[i].hours, rows[i].n, list);
        if (rows[i].settled >= 0)
            list[rows[i].settled].settled = true;
        if (bw_flap_judge(&usual, list, n, rows[i].n_new) != rows[i].flap)
            fail_msg("%s: %d", rows[i].name, bw_flap_judge(&usual, list, n, rows[i].n_new));
        struct bw_flap_rule off = {0, DAY * 1000, HOUR * 1000};
        assert_int_equal(bw_flap_judge(&off, list, n, rows[i].n_new), BW_FLAP_NO);
    }
}

/* A month that was missed is caught up in one check: it did not flap in it, and does not afterwards. */
static void caught_up(void **state)
{
    struct bw_flap_change list[12];
    static const double hours[12] = {0, 72, 72, 72, 72, 72, 72, 72, 72, 72, 1, 1};
    (void)state;
    size_t n = life(hours, 12, list);
    for (size_t i = 0; i < 10; i++)
        list[i].detected_at_ms = list[9].detected_at_ms;
    assert_int_equal(bw_flap_judge(&usual, list, 10, 10), BW_FLAP_NO);
    assert_int_equal(bw_flap_judge(&usual, list, 11, 1), BW_FLAP_NO);
    assert_int_equal(bw_flap_judge(&usual, list, n, 1), BW_FLAP_NO);
}

static void place(void **state)
{
    static const struct {
        const char *name;
        struct bw_flap_change list[3];
        size_t n, n_new;
        enum bw_flap flap;
        enum bw_place place;
        const char *root;
    } rows[] = {
        {"a gain", {{.type = BW_GAINED}}, 1, 1, BW_FLAP_NO, BW_PLACE_CHANNEL, NULL},
        {"a loss of what nobody was told", {{.type = BW_LOST}}, 1, 1, BW_FLAP_NO, BW_PLACE_CHANNEL, NULL},
        {"a loss answers its gain",
         {{.type = BW_GAINED, .told = true, .ts = "1.1", .root = ""}, {.type = BW_LOST}},
         2,
         1,
         BW_FLAP_NO,
         BW_PLACE_BROADCAST,
         "1.1"},
        {"a loss, its gain elsewhere",
         {{.type = BW_GAINED, .told = false, .ts = "", .root = ""}, {.type = BW_LOST}},
         2,
         1,
         BW_FLAP_NO,
         BW_PLACE_CHANNEL,
         NULL},
        {"an older message is no gain of this reign",
         {{.type = BW_GAINED, .told = true, .ts = "1.1", .root = ""},
          {.type = BW_GAINED, .ts = "", .root = ""},
          {.type = BW_LOST}},
         3,
         1,
         BW_FLAP_NO,
         BW_PLACE_CHANNEL,
         NULL},
        {"the next reign is a story of its own",
         {{.type = BW_LOST, .told = true, .ts = "2.2", .root = "1.1"}, {.type = BW_GAINED}},
         2,
         1,
         BW_FLAP_NO,
         BW_PLACE_CHANNEL,
         NULL},
        {"flapping begins in the thread there is",
         {{.type = BW_LOST, .told = true, .ts = "2.2", .root = "1.1"}, {.type = BW_GAINED}},
         2,
         1,
         BW_FLAP_BEGINS,
         BW_PLACE_BROADCAST,
         "1.1"},
        {"and goes on in it",
         {{.type = BW_LOST, .told = true, .ts = "2.2", .root = "1.1"}, {.type = BW_GAINED}},
         2,
         1,
         BW_FLAP_GOES_ON,
         BW_PLACE_THREAD,
         "1.1"},
        {"past what was not told",
         {{.type = BW_LOST, .told = true, .ts = "2.2", .root = ""},
          {.type = BW_GAINED, .ts = "", .root = ""},
          {.type = BW_LOST}},
         3,
         1,
         BW_FLAP_GOES_ON,
         BW_PLACE_THREAD,
         "2.2"},
        {"without a thread the channel is told",
         {{.type = BW_LOST, .told = true, .ts = "", .root = ""}, {.type = BW_GAINED}},
         2,
         1,
         BW_FLAP_GOES_ON,
         BW_PLACE_CHANNEL,
         NULL},
        {"came and went", /* the gain stands in the same message */
         {{.type = BW_LOST, .told = true, .ts = "2.2", .root = "1.1"},
          {.type = BW_GAINED},
          {.type = BW_LOST}},
         3,
         2,
         BW_FLAP_NO,
         BW_PLACE_CHANNEL,
         NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *root = NULL;
        enum bw_place got = bw_flap_place(rows[i].flap, rows[i].list, rows[i].n, rows[i].n_new, &root);
        if (got != rows[i].place)
            fail_msg("%s: place %d", rows[i].name, got);
        if (rows[i].root)
            assert_string_equal(root, rows[i].root);
    }
}

/* ---- lives ---- */

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* A month: reigns of days, and now and then a fight for the place that goes to and fro, ten minutes at least and `slowest` at
 * most between two changes. slowest 0: nobody fights. */
static size_t month(uint64_t *seed, int64_t slowest, struct bw_flap_change *out)
{
    int64_t at = 1000000, end = at + 30 * DAY;
    size_t n = 0;
    while (at < end && n < LIFE_MAX) {
        bool fight = slowest > 0 && next_random(seed) % 3 == 0;
        int64_t until = at + (fight ? 6 * HOUR + (int64_t)(next_random(seed) % (uint64_t)(3 * DAY)) : 1);
        do {
            int64_t pause = fight ? 600 + (int64_t)(next_random(seed) % (uint64_t)(slowest - 600))
                                  : DAY / 2 + (int64_t)(next_random(seed) % (uint64_t)(4 * DAY));
            at += pause;
            out[n] = (struct bw_flap_change){.type = n % 2 ? BW_LOST : BW_GAINED,
                                             .occurred_at = at,
                                             .detected_at_ms = at * 1000 + 60000,
                                             .told = true,
                                             .ts = "1.1",
                                             .root = ""};
            n++;
        } while (at < until && at < end && n < LIFE_MAX);
    }
    return n;
}

struct reader {
    size_t channel, thread, settled;
};

/* Tells a life, change by change, and looks over the shoulder of one who reads the channel alone: he was told of each
 * change, or knows that it flaps; and once it has settled he knows how. */
static struct reader tell(const struct bw_flap_rule *rule, struct bw_flap_change *list, size_t n)
{
    struct reader r = {0};
    bool told_flapping = false;
    for (size_t i = 0; i < n; i++) {
        enum bw_flap flap = bw_flap_judge(rule, list, i + 1, 1);
        const char *root = NULL;
        enum bw_place where = bw_flap_place(flap, list, i + 1, 1, &root);
        if (where == BW_PLACE_THREAD) {
            assert_true(told_flapping);
            r.thread++;
        } else {
            r.channel++;
        }
        told_flapping = flap != BW_FLAP_NO;
        bool quiet = i + 1 == n || list[i + 1].detected_at_ms - list[i].detected_at_ms >= rule->settle_ms;
        if (where == BW_PLACE_THREAD && quiet) { /* the settled line */
            list[i].settled = true;
            told_flapping = false;
            r.settled++;
        } else if (quiet) {
            told_flapping = false; /* the last line in the channel says how it stands */
        }
    }
    return r;
}

static void readers_know(void **state)
{
    static struct bw_flap_change list[LIFE_MAX];
    (void)state;
    for (uint64_t seed = 1; seed < 200; seed++) {
        uint64_t s = seed;
        struct bw_flap_rule rule = {(int64_t)(1 + next_random(&s) % 6), DAY * 1000,
                                    (int64_t)(1 + next_random(&s) % 12) * HOUR * 1000};
        size_t n = month(&s, (1 + (int64_t)(next_random(&s) % 8)) * HOUR, list);
        struct reader r = tell(&rule, list, n);
        assert_int_equal(r.channel + r.thread, n); /* each change once, somewhere */
        assert_true(r.settled <= r.channel);       /* never more lines than without the rule */
        assert_true(r.channel + r.settled <= n + 1);
    }
}

/* 95 products as a team watches them; one of five is contested. Ranks move once an hour or so: those that flap do it at
 * that pace. At a slower one there is less to spare, and it is printed too. */
static void a_month(void **state)
{
    static struct bw_flap_change list[LIFE_MAX];
    static const int64_t paces[] = {2, 4, 8};
    (void)state;
    for (size_t pace = 0; pace < COUNT(paces); pace++) {
        size_t plain[2] = {0}, lines[2] = {0}, settled = 0;
        uint64_t seed = 42;
        for (int product = 0; product < 95; product++) {
            bool fights = product % 5 == 0;
            size_t n = month(&seed, fights ? paces[pace] * HOUR : 0, list);
            struct reader r = tell(&usual, list, n);
            plain[fights] += n;
            lines[fights] += r.channel + r.settled;
            settled += r.settled;
        }
        print_message(
            "a month, a change every %d h at the most where two fight: one message a change %zu, with "
            "threads "
            "%zu lines (%zu that it settled) in the channel; of the 19 products that flap %zu and %zu: %.1f "
            "times fewer\n",
            (int)paces[pace], plain[0] + plain[1], lines[0] + lines[1], settled, plain[1], lines[1],
            (double)plain[1] / (double)lines[1]);
        assert_true(pace > 0 || plain[1] >= 5 * lines[1]);
        assert_int_equal(plain[0], lines[0]); /* who does not flap has a line each */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(judge), cmocka_unit_test(caught_up),
                                       cmocka_unit_test(place), cmocka_unit_test(readers_know),
                                       cmocka_unit_test(a_month)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
