/* Who is checked when, for a simulated week: nobody is refused, the reserve stays, the important come first, nobody
 * starves. What decides is the daemon's own: the rules of core, and claim.lua in a real Redis. */
#include "week.h"

#include <stdio.h>
#include <stdlib.h>

#define RATE    20
#define RESERVE 120 /* a tenth of 1,200 */
#define HOUR_S  INT64_C(3600)
#define STEP_MS 500 /* as often as the scheduler looks */

static int64_t most(const struct week *w, int priority, bool gap)
{
    int64_t most = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct watched *p = &w->products[i];
        int64_t value = gap ? p->gap : p->late;
        if ((priority == 0 || p->priority == priority) && value > most)
            most = value;
    }
    return most;
}

static int64_t least_checks(const struct week *w)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < w->n; i++)
        least = w->products[i].checks < least ? w->products[i].checks : least;
    return least;
}

static void nothing_wrong(const struct week *w)
{
    int64_t under_way = 0;
    for (size_t i = 0; i < w->n_daemons; i++) {
        for (size_t j = 0; j < IN_FLIGHT_MAX; j++)
            under_way += w->daemons[i].requests[j].consumed;
    }
    assert_int_equal(w->refused, 0);
    if (w->lowest < RESERVE)
        fail_msg("the balance was %lld", (long long)w->lowest);
    assert_int_equal(w->told + under_way, w->charged);
}

/* 3,000 products each hour are two and a half times what 20 tokens a minute pay for. */
static void far_too_many_products(void **state)
{
    struct week *w = test_malloc(sizeof(*w));
    (void)state;
    week_begin(w, RATE, INT64_MIN, 1);
    w->update = 1;
    for (int i = 0; i < 3000; i++)
        week_track(w, 1, i % 10 == 0 ? 1 : 2 + i % 4, 60);
    week_run(w, WEEK_S, STEP_MS);
    nothing_wrong(w);
    print_message(
        "%lld checks, %lld requests; priority 1 at most %lld s late; longest between two checks: %lld s, "
        "of priority 1 %lld s\n",
        (long long)w->charged, (long long)w->requests, (long long)most(w, 1, false),
        (long long)most(w, 0, true), (long long)most(w, 1, true));
    assert_true(w->charged >= (int64_t)RATE * 60 * 168 * 99 / 100); /* and no token was left unused */
    assert_true(most(w, 1, false) < HOUR_S);
    assert_true(most(w, 1, true) < 2 * HOUR_S);
    assert_true(most(w, 0, true) < 12 * HOUR_S);
    assert_true(least_checks(w) >= 168 / 12);
    week_end(w);
    test_free(w);
}

/* More of priority 1 than all tokens pay for: the others still come, by a quarter of the tokens. */
static void nobody_starves(void **state)
{
    struct week *w = test_malloc(sizeof(*w));
    (void)state;
    week_begin(w, RATE, 130, 1);
    w->update = 1;
    for (int i = 0; i < 1500; i++)
        week_track(w, 1, 1, 60);
    for (int i = 0; i < 300; i++)
        week_track(w, 1 + i % 2 * 2, 9, 60);
    week_run(w, WEEK_S / 7, STEP_MS);
    nothing_wrong(w);
    assert_true(least_checks(w) >= 8);
    assert_true(most(w, 9, true) < 3 * HOUR_S);
    week_end(w);
    test_free(w);
}

/* Three daemons, one key, and checks that may cost twice: they spend what one would. */
static void daemons_share_the_bucket(void **state)
{
    struct week *w = test_malloc(sizeof(*w));
    (void)state;
    week_begin(w, RATE, INT64_MIN, 3);
    w->update = 0;
    for (int i = 0; i < 1500; i++)
        week_track(w, 1, 1 + i % 5, 60);
    week_run(w, WEEK_S / 7, STEP_MS);
    nothing_wrong(w);
    assert_true(w->charged >= (int64_t)RATE * 60 * 24 * 95 / 100);
    assert_true(most(w, 1, false) < HOUR_S);
    assert_true(least_checks(w) >= 4);
    for (size_t i = 0; i < w->n_daemons; i++)
        assert_true(w->daemons[i].claims > 100);
    week_end(w);
    test_free(w);
}

/* The first users: 95 products on the hour are one request, and live ones at that. */
static void one_request_an_hour(void **state)
{
    struct week *w = test_malloc(sizeof(*w));
    (void)state;
    week_begin(w, RATE, INT64_MIN, 1);
    w->update = UPDATE_AUTOMATIC;
    for (int i = 0; i < 95; i++)
        week_track(w, 1, 5, 60);
    week_run(w, 2 * HOUR_S, 5000); /* the first sights, twenty at a time */
    week_forget(w);
    week_run(w, 24 * HOUR_S, 5000);
    nothing_wrong(w);
    assert_int_equal(w->requests, 24);
    assert_int_equal(w->smallest, 95);
    assert_int_equal(least_checks(w), 24);
    assert_true(w->charged > 95L * 24); /* some of them cost two */
    assert_true(most(w, 0, false) <= 5);
    assert_true(most(w, 0, true) <= HOUR_S + 10);
    week_end(w);
    test_free(w);
}

/* A laptop that slept: what was missed is checked once, not five times. */
static void missed_time(void **state)
{
    struct week *w = test_malloc(sizeof(*w));
    (void)state;
    week_begin(w, RATE, INT64_MIN, 1);
    w->update = 1;
    for (int i = 0; i < 95; i++)
        week_track(w, 1, 5, 60);
    week_run(w, HOUR_S, 5000);
    week_forget(w);
    w->now_ms += 5 * HOUR_S * INT64_C(1000);
    week_run(w, 600, STEP_MS);
    assert_int_equal(w->requests, 1);
    assert_int_equal(w->smallest, 95);
    for (size_t i = 0; i < w->n; i++)
        assert_int_equal(w->products[i].due % HOUR_S, 0);
    nothing_wrong(w);
    week_end(w);
    test_free(w);
}

/* 40 products each 55 minutes and 40 each hour: where both grids are near each other they are one request. */
static void what_is_due_next_comes_along(void **state)
{
    struct week *w = test_malloc(sizeof(*w));
    (void)state;
    week_begin(w, RATE, INT64_MIN, 1);
    w->update = 1;
    for (int i = 0; i < 80; i++)
        week_track(w, 1, 5, i % 2 ? 57 : 60);
    week_run(w, 2 * HOUR_S, 5000);
    week_forget(w);
    week_run(w, 19 * HOUR_S, 5000); /* 57 * 60 minutes: both grids meet once */
    nothing_wrong(w);
    assert_int_equal(w->charged, 40 * 19 + 40 * 20); /* not a token more */
    assert_true(w->requests < 19 + 20);
    assert_int_equal(w->largest, 80);
    week_end(w);
    test_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(far_too_many_products),
        cmocka_unit_test(nobody_starves),
        cmocka_unit_test(daemons_share_the_bucket),
        cmocka_unit_test(one_request_an_hour),
        cmocka_unit_test(missed_time),
        cmocka_unit_test(what_is_due_next_comes_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
