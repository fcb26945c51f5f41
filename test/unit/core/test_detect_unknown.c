/* Detection when an answer cannot be used: unknown, stub, delisted, older than the state; and the periods about which
 * nothing may be said. */
#include "sight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HOURS(n) ((n)*INT64_C(60))

static void test_unknown(void **state)
{
    static const enum bw_unknown kinds[] = {BW_UNKNOWN_NO_RANKS,     BW_UNKNOWN_ABSENT, BW_UNKNOWN_STUB,
                                            BW_UNKNOWN_INACCESSIBLE, BW_UNKNOWN_ERROR,  BW_UNKNOWN_MALFORMED};
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct sight s;
        char opened[64];
        char closed[64];
        snprintf(opened, sizeof(opened), "0: 100..- %s", bw_unknown_name(kinds[i]));
        snprintf(closed, sizeof(closed), "0: 100..400 %s", bw_unknown_name(kinds[i]));
        sight_init(&s);
        sight_see(&s, 100, "7: 1@10");
        sight_see_unknown(&s, 200, kinds[i]);
        assert_int_equal(s.d.unknown, kinds[i]);
        assert_string_equal(sight_unknowns(&s), opened);
        sight_see_unknown(&s, 300, kinds[i]);
        assert_string_equal(sight_unknowns(&s), "");
        assert_string_equal(sight_changes(&s), "");
        assert_string_equal(sight_state(&s), "7: 1@10 since 10");
        assert_int_equal(s.state.unknown, kinds[i]);
        assert_int_equal(s.state.unknown_checks, 2);
        assert_int_equal(s.state.unknown_since, sight_time(100));
        assert_int_equal(s.state.version, 3);
        assert_int_equal(s.state.ok_at, sight_time(100));
        assert_int_equal(s.state.answered_at, sight_time(300));
        assert_int_equal(s.state.checked_at_ms, sight_time(300) * 1000 + 7);
        sight_see(&s, 400, "7: 1@10 2@250");
        assert_string_equal(sight_unknowns(&s), closed);
        assert_string_equal(sight_changes(&s), "lost 7@250 1>2 outranked held 10");
        assert_string_equal(sight_reigns(&s),
                            "7: 10..250 outranked [?,100]"); /* unknown checks confirm nothing */
        assert_int_equal(s.d.changes[0].previous_check_at, sight_time(100));
        assert_int_equal(s.state.unknown, BW_KNOWN);
        assert_int_equal(s.state.unknown_checks, 0);
        assert_int_equal(s.state.unknown_since, 0);
        sight_fini(&s);
    }
}

static void test_unknown_is_no_first_sight(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see_unknown(&s, 50, BW_UNKNOWN_STUB);
    assert_false(s.d.first_sight);
    assert_false(s.state.baseline);
    assert_string_equal(sight_unknowns(&s), "");
    assert_int_equal(s.state.unknown_checks, 1);
    sight_see(&s, 100, "7: 5@10 1@60");
    assert_true(s.d.first_sight);
    assert_string_equal(sight_changes(&s), "");
    assert_string_equal(sight_unknowns(&s), "");
    assert_string_equal(sight_points(&s), "0: 0..2");
    sight_see(&s, 200, "7: 5@10 1@60");
    assert_false(s.d.first_sight);
    sight_fini(&s);
}

static void test_missing_opens_and_closes_a_period(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "7: 1@10; 9: 5@10");
    sight_see(&s, 200, "9: 5@10");
    assert_string_equal(sight_unknowns(&s), "7: 100..- category_missing");
    sight_see(&s, 300, "9: 5@10");
    assert_string_equal(sight_unknowns(&s), "");
    sight_see(&s, 400, "7: 1@10; 9: 5@10");
    assert_string_equal(sight_unknowns(&s), "7: 100..400 category_missing");
    sight_see(&s, 500, "9: 5@10");
    assert_string_equal(sight_unknowns(&s), "7: 400..- category_missing");
    sight_see_unknown(&s, 550, BW_UNKNOWN_ERROR); /* neither counts nor resets */
    sight_see(&s, 600, "9: 5@10");
    assert_string_equal(sight_changes(&s), "");
    sight_see_unknown(&s, 650, BW_UNKNOWN_ERROR);
    sight_see(&s, 700, "9: 5@10");
    assert_string_equal(sight_changes(&s), "lost 7@500 1>? category_removed held 10");
    assert_string_equal(sight_unknowns(&s), "0: 600..700 error; 7: 400..500 category_missing");
    sight_see(&s, 800, "7: 1@10; 9: 5@10");
    assert_string_equal(sight_unknowns(&s), ""); /* it was closed by the decision */
    sight_fini(&s);
}

/* After a stop of ours the source no longer has what lies between: that time is unknown, and what it has is told. */
static void test_forgotten_by_the_source(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "7: 1@10; 9: 5@10");
    sight_see(&s, 900, "7: 3@600; 9: 5@10 1@700");
    assert_string_equal(sight_unknowns(&s), "7: 100..600 outage");
    assert_string_equal(sight_changes(&s), "lost 7@600 1>3 outranked held 10; gained 9@700 5>1 reached_top");
    sight_see(&s, 1000, "7: 3@600; 9: 5@10 1@700"); /* the point that we know joins what we have */
    assert_string_equal(sight_unknowns(&s), "");
    sight_see(&s, 1100, "7: 2@1050; 9: 1@700");
    assert_string_equal(sight_unknowns(&s), "7: 1000..1050 outage");
    sight_fini(&s);
}

static void test_delisted(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 0, "7: 1@-50; 9: 5@-50; 11: 3@-60 1@-20");
    sight_see_unknown(&s, HOURS(1), BW_UNKNOWN_STUB);
    sight_see_unknown(&s, HOURS(13), BW_UNKNOWN_INACCESSIBLE);
    sight_see_unknown(&s, HOURS(20), BW_UNKNOWN_STUB); /* three, but less than a day */
    assert_string_equal(sight_changes(&s), "");
    assert_int_equal(s.state.stub_checks, 3);
    sight_see_unknown(&s, HOURS(25), BW_UNKNOWN_STUB);
    assert_string_equal(sight_changes(&s),
                        "lost 7@60 1>? delisted held -50; lost 11@60 1>? delisted held -20");
    assert_string_equal(sight_reigns(&s), "7: -50..60 delisted [?,0]; 11: -20..60 delisted [-60,0]");
    assert_string_equal(sight_state(&s), "7: removed; 9: removed; 11: removed");
    assert_string_equal(sight_unknowns(&s), ""); /* the product is unknown until it answers */
    assert_int_equal(s.state.last_change, sight_time(HOURS(1)));
    sight_see_unknown(&s, HOURS(26), BW_UNKNOWN_STUB);
    assert_string_equal(sight_changes(&s), "");
    sight_see(&s, HOURS(30), "7: 1@-50; 9: 5@-50 1@1700; 11: 3@-60 1@-20 2@70");
    assert_string_equal(sight_changes(&s), "gained 9@1700 ?>1 reached_top; gained 7@1800 ?>1 reached_top");
    assert_string_equal(sight_unknowns(&s), "0: 0..1800 stub");
    assert_int_equal(s.state.stub_checks, 0);
    sight_fini(&s);
}

static void test_delisted_needs_a_day_of_nothing_else(void **state)
{
    static const struct {
        const char *name;
        int64_t hours[5];
        enum bw_unknown kinds[5];
        bool others[5];
        bool lost;
    } rows[] = {
        {"three over a day",
         {1, 2, 25},
         {BW_UNKNOWN_STUB, BW_UNKNOWN_STUB, BW_UNKNOWN_STUB},
         {1, 1, 1},
         true},
        {"two over a day", {1, 25}, {BW_UNKNOWN_STUB, BW_UNKNOWN_STUB}, {1, 1}, false},
        {"nobody answers", {1, 2, 25}, {BW_UNKNOWN_STUB, BW_UNKNOWN_STUB, BW_UNKNOWN_STUB}, {0, 0, 0}, false},
        {"checks while nobody answers neither count nor reset",
         {1, 2, 3, 26, 27},
         {BW_UNKNOWN_STUB, BW_UNKNOWN_STUB, BW_UNKNOWN_STUB, BW_UNKNOWN_STUB, BW_UNKNOWN_STUB},
         {1, 0, 1, 0, 1},
         true},
        {"absent and errors neither count nor reset",
         {1, 2, 3, 4, 25},
         {BW_UNKNOWN_STUB, BW_UNKNOWN_ABSENT, BW_UNKNOWN_STUB, BW_UNKNOWN_ERROR, BW_UNKNOWN_STUB},
         {1, 1, 1, 1, 1},
         true},
        {"absent for days is not delisted",
         {1, 25, 50, 75},
         {BW_UNKNOWN_ABSENT, BW_UNKNOWN_ABSENT, BW_UNKNOWN_ABSENT, BW_UNKNOWN_ABSENT},
         {1, 1, 1, 1},
         false},
        {"an answer with a title but no ranks ends it",
         {1, 2, 3, 25, 26},
         {BW_UNKNOWN_STUB, BW_UNKNOWN_STUB, BW_UNKNOWN_NO_RANKS, BW_UNKNOWN_STUB, BW_UNKNOWN_STUB},
         {1, 1, 1, 1, 1},
         false},
        {"the same answer again is no check",
         {1, 1, 25, 25, 25},
         {BW_UNKNOWN_STUB, BW_UNKNOWN_STUB, BW_UNKNOWN_STUB, BW_UNKNOWN_STUB, BW_UNKNOWN_STUB},
         {1, 1, 1, 1, 1},
         false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sight s;
        size_t lost = 0;
        sight_init(&s);
        sight_see(&s, 0, "7: 1@-50");
        for (size_t j = 0; j < 5 && rows[i].hours[j] > 0; j++) {
            s.others = rows[i].others[j];
            sight_see_unknown(&s, HOURS(rows[i].hours[j]), rows[i].kinds[j]);
            lost += s.d.n_changes;
        }
        if (lost != (rows[i].lost ? 1U : 0U))
            fail_msg("%s: %zu lost", rows[i].name, lost);
        sight_fini(&s);
    }
}

static void test_usable_answer_resets_stubs(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 0, "7: 1@-50");
    sight_see_unknown(&s, HOURS(1), BW_UNKNOWN_STUB);
    sight_see_unknown(&s, HOURS(2), BW_UNKNOWN_STUB);
    sight_see(&s, HOURS(3), "7: 1@-50");
    sight_see_unknown(&s, HOURS(26), BW_UNKNOWN_STUB);
    assert_string_equal(sight_changes(&s), "");
    assert_int_equal(s.state.stub_checks, 1);
    assert_int_equal(s.state.stub_since, sight_time(HOURS(26)));
    sight_fini(&s);
}

/* A category that was missing when the product was delisted: its own period ends with the decision. */
static void test_delisted_while_missing(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 0, "7: 1@-50; 9: 5@-50");
    sight_see(&s, 30, "9: 5@-50");
    sight_see_unknown(&s, HOURS(1), BW_UNKNOWN_STUB);
    sight_see_unknown(&s, HOURS(2), BW_UNKNOWN_STUB);
    sight_see_unknown(&s, HOURS(25), BW_UNKNOWN_STUB);
    assert_string_equal(sight_changes(&s), "lost 7@60 1>? delisted held -50");
    assert_string_equal(sight_unknowns(&s), "7: 0..60 category_missing");
    sight_fini(&s);
}

static void test_stale(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "u=90; 7: 5@10 1@80");
    sight_see(&s, 200, "u=60; 7: 5@10"); /* an older copy of the source */
    assert_int_equal(s.d.unknown, BW_UNKNOWN_STALE);
    assert_string_equal(sight_changes(&s), "");
    assert_string_equal(sight_unknowns(&s), "");
    assert_string_equal(sight_points(&s), "");
    assert_string_equal(sight_state(&s), "7: 1@80 since 80");
    assert_int_equal(s.state.version, 2);
    assert_int_equal(s.state.unknown, BW_UNKNOWN_STALE);
    assert_int_equal(s.state.unknown_checks, 0);
    assert_int_equal(s.state.ok_at, sight_time(100));
    assert_int_equal(s.state.checked_at_ms, sight_time(200) * 1000 + 7);
    sight_see(&s, 300, "u=90; 7: 5@10 1@80 2@290");
    assert_int_equal(s.d.unknown, BW_KNOWN);
    assert_string_equal(sight_changes(&s), "lost 7@290 1>2 outranked held 80");
    assert_string_equal(sight_reigns(&s),
                        "7: 80..290 outranked [10,100]"); /* the stale one confirmed nothing */
    assert_string_equal(sight_unknowns(&s), "");
    sight_fini(&s);
}

static void test_stale_among_unknown_ones(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "7: 1@80");
    sight_see_unknown(&s, 200, BW_UNKNOWN_STUB);
    sight_see(&s, 250, "u=60; 7: 5@10");
    assert_int_equal(s.d.unknown, BW_UNKNOWN_STALE);
    assert_int_equal(s.state.unknown, BW_UNKNOWN_STUB);
    assert_int_equal(s.state.unknown_checks, 1);
    sight_see(&s, 300, "7: 1@80");
    assert_string_equal(sight_unknowns(&s), "0: 100..300 stub");
    sight_fini(&s);
}

static void test_overtaken_answers_are_stale(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "u=50; 7: 1@10; 9: 5@10");
    sight_see_unknown(&s, 90, BW_UNKNOWN_STUB);
    assert_int_equal(s.d.unknown, BW_UNKNOWN_STALE);
    assert_int_equal(s.state.unknown_checks, 0);
    sight_see(&s, 95, "u=50; 9: 5@10");
    assert_int_equal(s.d.unknown, BW_UNKNOWN_STALE);
    assert_string_equal(sight_state(&s), "7: 1@10 since 10; 9: 5@10");
    assert_int_equal(s.state.answered_at, sight_time(100));
    sight_see(&s, 98, "u=60; 7: 1@10 2@55; 9: 5@10"); /* answered before, and yet newer: it is used */
    assert_string_equal(sight_changes(&s), "lost 7@55 1>2 outranked held 10");
    assert_int_equal(s.state.ok_at, sight_time(100));
    sight_fini(&s);
}

#define YEARS(n) (HOURS(n) * 24 * 365)

/* A check at at_min by our clock, of an answer that dates itself elsewhere. */
static void see_dated(struct sight *s, int64_t at_min, int64_t dated_min, const char *text)
{
    sight_see(s, dated_min, text);
    s->state.checked_at_ms = sight_time(at_min) * 1000;
}

/* One answer dated years ahead: what comes later is not older for that, and moves are seen with their own times. */
static void test_dated_years_ahead(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "u=90; 7: 1@10; 9: 5@10");
    see_dated(&s, 160, YEARS(5), "u=150; 7: 1@10; 9: 5@10");
    assert_string_equal(sight_changes(&s), "");
    sight_see(&s, 220, "u=210; 7: 1@10 2@200; 9: 5@10 1@210");
    assert_int_equal(s.d.unknown, BW_KNOWN);
    assert_string_equal(sight_changes(&s), "lost 7@200 1>2 outranked held 10; gained 9@210 5>1 reached_top");
    assert_string_equal(sight_reigns(&s), "7: 10..200 outranked [?,160]; 9: 210.. [160,?]");
    assert_int_equal(s.state.answered_at, sight_time(220));
    assert_int_equal(s.state.ok_at, sight_time(220));
    sight_see_unknown(&s, 280, BW_UNKNOWN_STUB);
    assert_int_equal(s.d.unknown, BW_UNKNOWN_STUB);
    sight_fini(&s);
}

/* So did a point and the last update that came with it: neither hides the true ones after it. */
static void test_all_of_it_years_ahead(void **state)
{
    char text[64];
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "u=90; 7: 5@10");
    snprintf(text, sizeof(text), "u=%d; 7: 5@10 4@%d", (int)YEARS(5), (int)YEARS(5) - 10);
    see_dated(&s, 160, YEARS(5), text);
    sight_see(&s, 220, "u=210; 7: 5@10 1@200");
    assert_int_equal(s.d.unknown, BW_KNOWN);
    assert_string_equal(sight_changes(&s), "gained 7@200 4>1 reached_top");
    assert_int_equal(s.state.last_update, sight_time(210));
    assert_int_equal(s.state.freshness, sight_time(210));
    sight_fini(&s);
}

/* Where our own clock agreed with the state it is the later answer that is wrong: it stays overtaken. */
static void test_dated_years_back(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, YEARS(5), "7: 1@10");
    see_dated(&s, YEARS(5) + 60, 100, "7: 1@10");
    assert_int_equal(s.d.unknown, BW_UNKNOWN_STALE);
    assert_int_equal(s.state.answered_at, sight_time(YEARS(5)));
    sight_fini(&s);
}

/* An answer without a last update is not older for that. */
static void test_last_update_absent(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "u=90; 7: 1@10");
    sight_see(&s, 200, "u=-; 7: 1@10");
    assert_int_equal(s.d.unknown, BW_KNOWN);
    assert_int_equal(s.state.last_update, sight_time(90));
    assert_int_equal(s.state.ok_at, sight_time(200));
    sight_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_unknown_is_no_first_sight),
        cmocka_unit_test(test_missing_opens_and_closes_a_period),
        cmocka_unit_test(test_forgotten_by_the_source),
        cmocka_unit_test(test_delisted),
        cmocka_unit_test(test_delisted_needs_a_day_of_nothing_else),
        cmocka_unit_test(test_usable_answer_resets_stubs),
        cmocka_unit_test(test_delisted_while_missing),
        cmocka_unit_test(test_stale),
        cmocka_unit_test(test_stale_among_unknown_ones),
        cmocka_unit_test(test_overtaken_answers_are_stale),
        cmocka_unit_test(test_dated_years_ahead),
        cmocka_unit_test(test_all_of_it_years_ahead),
        cmocka_unit_test(test_dated_years_back),
        cmocka_unit_test(test_last_update_absent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
