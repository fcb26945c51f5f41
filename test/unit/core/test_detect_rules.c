/* The rules of detection about ranks that move, and categories that come and go, one by one, as short stories: what
 * was seen, what was said. */
#include "sight.h"

#include "badgewatch/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A story: one answer after the other to one product, and what each was to say. NULL = does not matter. */
struct part {
    int64_t at;
    const char *answer;
    const char *changes;
    const char *reigns;
    const char *state;
};

struct story {
    const char *name;
    struct part parts[8];
};

static void compare(const char *story, int64_t at, const char *what, const char *is, const char *expected)
{
    if (expected && strcmp(is, expected) != 0)
        fail_msg("%s, minute %lld, %s:\n  is       '%s'\n  expected '%s'", story, (long long)at, what, is,
                 expected);
}

static void tell(const struct story *story)
{
    struct sight s;
    sight_init(&s);
    for (size_t i = 0; i < 8 && story->parts[i].answer; i++) {
        const struct part *p = &story->parts[i];
        sight_see(&s, p->at, p->answer);
        compare(story->name, p->at, "changes", sight_changes(&s), p->changes);
        compare(story->name, p->at, "reigns", sight_reigns(&s), p->reigns);
        compare(story->name, p->at, "state", sight_state(&s), p->state);
    }
    sight_fini(&s);
}

static void test_first_sight(void **state)
{
    static const struct story stories[] = {
        {"history fills reigns and tells nothing",
         {{100, "7: 5@10 1@20 2@30 1@40 -@50 1@60; 9: 3@5", "",
           "7: 20..30 outranked [10,20]; 7: 40..50 unranked [30,40]; 7: 60.. [50,?]",
           "7: 1@60 since 60; 9: 3@5"}}},
        {"a badge from the first point on: nothing is known of before",
         {{100, "7: 1@20", "", "7: 20.. [?,?]", "7: 1@20 since 20"}}},
        {"no rank at all", {{100, "7: -@20", "", "", "7: -@20"}}},
        {"neighbours that are equal are one reign",
         {{100, "7: 4@5 1@20 1@30 2@40", "", "7: 20..40 outranked [5,30]", "7: 2@40"}}},
        {"the same again tells nothing",
         {{100, "7: 1@20", "", NULL, NULL}, {160, "7: 1@20", "", "", "7: 1@20 since 20"}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
        tell(&stories[i]);
}

static void test_crossings(void **state)
{
    static const struct story stories[] = {
        {"gained, then outranked; the checks narrow the edges",
         {{100, "7: 5@10", "", "", NULL},
          {200, "7: 5@10 1@150", "gained 7@150 5>1 reached_top", "7: 150.. [100,?]", "7: 1@150 since 150"},
          {300, "7: 5@10 1@150 2@250", "lost 7@250 1>2 outranked held 150", "7: 150..250 outranked [100,200]",
           "7: 2@250"}}},
        {"lost its rank, came back from it",
         {{100, "7: 1@10", "", NULL, NULL},
          {200, "7: 1@10 -@150", "lost 7@150 1>- unranked held 10", NULL, "7: -@150"},
          {300, "7: 1@10 -@150 1@250", "gained 7@250 ->1 reached_top", NULL, "7: 1@250 since 250"}}},
        {"a reign between two checks, seen in the window of a day only",
         {{100, "7: 5@10", "", NULL, NULL},
          {200, "7: 5@10 4@110 1@120 6@130",
           "gained 7@120 4>1 reached_top; lost 7@130 1>6 outranked held 120",
           "7: 120..130 outranked [110,120]", "7: 6@130"}}},
        {"came and went and came",
         {{100, "7: 1@10", "", NULL, NULL},
          {200, "7: 1@10 2@110 1@120 3@130 1@140",
           "lost 7@110 1>2 outranked held 10; gained 7@120 2>1 reached_top; lost 7@130 1>3 outranked held "
           "120; "
           "gained 7@140 3>1 reached_top",
           "7: 10..110 outranked [?,100]; 7: 120..130 outranked [110,120]; 7: 140.. [130,?]", NULL}}},
        {"two categories in the order of time, then of category",
         {{100, "7: 5@10; 9: 1@10; 11: 2@10", "", NULL, NULL},
          {200, "7: 5@10 1@150; 9: 1@10 2@140; 11: 2@10 1@140",
           "lost 9@140 1>2 outranked held 10; gained 11@140 2>1 reached_top; gained 7@150 5>1 reached_top",
           NULL, NULL}}},
        {"ranks that move without touching the top",
         {{100, "7: 5@10", "", NULL, NULL}, {200, "7: 5@10 2@110 -@120 3@130", "", "", "7: 3@130"}}},
        {"a point that the source shows late: the check before it confirms nothing",
         {{100, "7: 5@10", "", NULL, NULL},
          {200, "7: 5@10 1@95", "gained 7@95 5>1 reached_top", "7: 95.. [10,?]", NULL},
          {300, "7: 5@10 1@95 3@198", "lost 7@198 1>3 outranked held 95", "7: 95..198 outranked [10,95]",
           NULL}}},
        {"the root category is one like any other",
         {{100, "3760911: 23@10; 7792528011: 1@10", "", NULL, NULL},
          {200, "3760911: 23@10 1@110; 7792528011: 1@10", "gained 3760911@110 23>1 reached_top", NULL,
           NULL}}},
        {"points at or before the newest known move nothing",
         {{100, "7: 5@10 2@50", "", NULL, NULL},
          {200, "7: 1@40", "", "", "7: 2@50"},
          {300, "7: 5@10 1@50", "", "", "7: 2@50"},
          {400, "7: 5@10 1@45 2@50", "", "", "7: 2@50"}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
        tell(&stories[i]);
}

static void test_new_category(void **state)
{
    static const struct story stories[] = {
        {"stood at #1 at the previous check: told with its own time and the rank before",
         {{100, "7: 5@10", "", NULL, NULL},
          {200, "7: 5@10; 9: 1@20 4@30 1@50", "gained 9@50 4>1 reached_top",
           "9: 20..30 outranked [?,20]; 9: 50.. [30,?]", "7: 5@10; 9: 1@50 since 50"}}},
        {"no point before that: the rank before is not known",
         {{100, "7: 5@10", "", NULL, NULL},
          {200, "7: 5@10; 9: 1@50", "gained 9@50 ?>1 reached_top", NULL, NULL}}},
        {"stood elsewhere: history, nothing told",
         {{100, "7: 5@10", "", NULL, NULL},
          {200, "7: 5@10; 9: 1@50 2@60", "", "9: 50..60 outranked [?,50]", "7: 5@10; 9: 2@60"}}},
        {"crossings after the previous check are changes",
         {{100, "7: 5@10", "", NULL, NULL},
          {200, "7: 5@10; 9: 2@60 1@150 3@160",
           "gained 9@150 2>1 reached_top; lost 9@160 1>3 outranked held 150",
           "9: 150..160 outranked [60,150]", NULL}}},
        {"stood at #1 then and lost it since: both",
         {{100, "7: 5@10", "", NULL, NULL},
          {200, "7: 5@10; 9: 2@60 1@80 -@160", "gained 9@80 2>1 reached_top; lost 9@160 1>- unranked held 80",
           "9: 80..160 unranked [60,80]", NULL}}},
        {"born after the previous check",
         {{100, "7: 5@10", "", NULL, NULL},
          {200, "7: 5@10; 9: 1@150", "gained 9@150 ?>1 reached_top", "9: 150.. [?,?]", NULL}}},
        {"a point of the minute of the previous check is history",
         {{100, "7: 5@10", "", NULL, NULL}, {200, "7: 5@10; 9: 1@50 2@100", "", NULL, "7: 5@10; 9: 2@100"}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
        tell(&stories[i]);
}

/* The previous check is the previous usable one: a stay around an unknown check is told. */
static void test_new_category_after_unknown(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "7: 5@10");
    sight_see_unknown(&s, 170, BW_UNKNOWN_ABSENT);
    sight_see(&s, 200, "7: 5@10; 9: 1@150 2@160");
    assert_string_equal(sight_changes(&s), "gained 9@150 ?>1 reached_top; lost 9@160 1>2 outranked held 150");
    sight_fini(&s);
}

static void test_category_removed(void **state)
{
    static const struct story stories[] = {
        {"lost at the time of the first check without it",
         {{100, "7: 1@10; 9: 5@10", "", NULL, NULL},
          {200, "9: 5@10", "", "", "7: 1@10 since 10 missing 1; 9: 5@10"},
          {300, "9: 5@10", "", "", "7: 1@10 since 10 missing 2; 9: 5@10"},
          {400, "9: 5@10", "lost 7@200 1>? category_removed held 10", "7: 10..200 category_removed [?,100]",
           "7: removed; 9: 5@10"},
          {500, "9: 5@10", "", "", "7: removed; 9: 5@10"}}},
        {"no badge: removed in silence",
         {{100, "7: 2@10; 9: 5@10", "", NULL, NULL},
          {200, "9: 5@10", "", NULL, NULL},
          {300, "9: 5@10", "", NULL, NULL},
          {400, "9: 5@10", "", "", "7: removed; 9: 5@10"}}},
        {"back before the third: as if nothing was",
         {{100, "7: 1@10; 9: 5@10", "", NULL, NULL},
          {200, "9: 5@10", "", NULL, NULL},
          {300, "9: 5@10", "", NULL, NULL},
          {400, "7: 1@10; 9: 5@10", "", "", "7: 1@10 since 10; 9: 5@10"},
          {500, "9: 5@10", "", "", "7: 1@10 since 10 missing 1; 9: 5@10"}}},
        {"back before the third with news",
         {{100, "7: 1@10; 9: 5@10", "", NULL, NULL},
          {200, "9: 5@10", "", NULL, NULL},
          {300, "7: 1@10 2@250; 9: 5@10", "lost 7@250 1>2 outranked held 10", "7: 10..250 outranked [?,100]",
           NULL}}},
        {"it had the newest point: without it the answer is no older than the state",
         {{100, "u=20; 7: 1@90; 9: 5@10", "", NULL, NULL},
          {200, "u=20; 9: 5@10", "", NULL, "7: 1@90 since 90 missing 1; 9: 5@10"},
          {300, "u=20; 9: 5@10", "", NULL, NULL},
          {400, "u=20; 9: 5@10", "lost 7@200 1>? category_removed held 90", NULL, NULL}}},
        {"the same answer three times is one check",
         {{100, "7: 1@10; 9: 5@10", "", NULL, NULL},
          {200, "9: 5@10", "", NULL, NULL},
          {200, "9: 5@10", "", NULL, NULL},
          {200, "9: 5@10", "", NULL, "7: 1@10 since 10 missing 1; 9: 5@10"}}},
        {"a badge by a point a little ahead of the clock is not lost before it was gained",
         {{100, "7: 5@10; 9: 5@10", "", NULL, NULL},
          {200, "7: 5@10 1@350; 9: 5@10", "gained 7@350 5>1 reached_top", NULL, NULL},
          {300, "u=350; 9: 5@10", "", NULL, NULL},
          {310, "u=350; 9: 5@10", "", NULL, NULL},
          {320, "u=350; 9: 5@10", "lost 7@350 1>? category_removed held 350",
           "7: 350..350 category_removed [100,350]", NULL}}},
        {"every known one gone, a new one there: they are missing",
         {{100, "7: 1@10", "", NULL, NULL},
          {200, "9: 5@10", "", NULL, "7: 1@10 since 10 missing 1; 9: 5@10"},
          {300, "9: 5@10", "", NULL, NULL},
          {400, "9: 5@10", "lost 7@200 1>? category_removed held 10", NULL, NULL}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
        tell(&stories[i]);
}

#define REMOVED_WITH_BADGE                                                                                   \
    {100, "7: 1@10; 9: 5@10", "", NULL, NULL}, {200, "9: 5@10", "", NULL, NULL},                             \
        {300, "9: 5@10", "", NULL, NULL},                                                                    \
    {                                                                                                        \
        400, "9: 5@10", "lost 7@200 1>? category_removed held 10", NULL, NULL                                \
    }
#define REMOVED_SILENTLY                                                                                     \
    {100, "7: 5@10; 9: 5@10", "", NULL, NULL}, {200, "9: 5@10", "", NULL, NULL},                             \
        {300, "9: 5@10", "", NULL, NULL},                                                                    \
    {                                                                                                        \
        400, "9: 5@10", "", NULL, "7: removed; 9: 5@10"                                                      \
    }

static void test_return(void **state)
{
    static const struct story stories[] = {
        {"at #1 with nothing newer: gained at this check",
         {REMOVED_WITH_BADGE,
          {500, "7: 1@10; 9: 5@10", "gained 7@500 ?>1 reached_top", "7: 500.. [400,?]",
           "7: 1@10 since 500; 9: 5@10"},
          {600, "7: 1@10; 9: 5@10", "", "", NULL},
          {700, "7: 1@10 2@650; 9: 5@10", "lost 7@650 1>2 outranked held 500",
           "7: 500..650 outranked [400,600]", "7: 2@650; 9: 5@10"}}},
        {"at #1 by a newer point: gained then",
         {REMOVED_WITH_BADGE,
          {500, "7: 1@10 4@410 1@450; 9: 5@10", "gained 7@450 4>1 reached_top", "7: 450.. [410,?]", NULL}}},
        {"the first newer point has no rank before it",
         {REMOVED_WITH_BADGE,
          {500, "7: 1@10 1@450; 9: 5@10", "gained 7@450 ?>1 reached_top", "7: 450.. [400,?]", NULL}}},
        {"elsewhere: back in silence",
         {REMOVED_WITH_BADGE, {500, "7: 1@10 3@450; 9: 5@10", "", "", "7: 3@450; 9: 5@10"}}},
        {"points of before the loss cannot gain before it; where it stands counts from this check",
         {REMOVED_WITH_BADGE,
          {500, "7: 1@10 4@150 1@160; 9: 5@10", "gained 7@500 ?>1 reached_top", NULL,
           "7: 1@160 since 500; 9: 5@10"}}},
        {"what the source adds afterwards cannot undo the gain in the past",
         {REMOVED_WITH_BADGE,
          {500, "7: 1@10; 9: 5@10", "gained 7@500 ?>1 reached_top", NULL, NULL},
          {600, "7: 1@10 4@450 1@460 6@470; 9: 5@10", "lost 7@500 1>6 outranked held 500",
           "7: 500..500 outranked [400,500]", "7: 6@470; 9: 5@10"},
          {700, "7: 1@10 4@450 1@460 6@470 1@650; 9: 5@10", "gained 7@650 6>1 reached_top", NULL, NULL}}},
        {"what the source adds afterwards may confirm it",
         {REMOVED_WITH_BADGE,
          {500, "7: 1@10; 9: 5@10", "gained 7@500 ?>1 reached_top", NULL, NULL},
          {600, "7: 1@10 4@450 1@460; 9: 5@10", "", "", "7: 1@460 since 500; 9: 5@10"}}},
        {"removed without a badge, back with an older gain: its own time",
         {REMOVED_SILENTLY,
          {500, "7: 5@10 1@150; 9: 5@10", "gained 7@150 ?>1 reached_top", "7: 150.. [100,?]", NULL}}},
        {"removed without a badge, back as it was",
         {REMOVED_SILENTLY, {500, "7: 5@10; 9: 5@10", "", "", "7: 5@10; 9: 5@10"}}},
        {"an old answer does not bring it back",
         {REMOVED_WITH_BADGE, {150, "u=400; 7: 1@10; 9: 5@10", "", "", "7: removed; 9: 5@10"}}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(stories) / sizeof(stories[0]); i++)
        tell(&stories[i]);
}

static void test_return_gives_all_points(void **state)
{
    static const struct story removed = {"removed", {REMOVED_WITH_BADGE}};
    struct sight s;
    (void)state;
    sight_init(&s);
    for (size_t i = 0; i < 4; i++)
        sight_see(&s, removed.parts[i].at, removed.parts[i].answer);
    sight_see(&s, 500, "7: 1@10 4@150 1@160; 9: 5@10 6@450");
    assert_string_equal(sight_points(&s), "0: 0..3; 1: 1..2");
    sight_fini(&s);
}

/* Points of the future are left out; they neither freeze the state nor are they stored. */
static void test_future_points(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "7: 5@10 1@90 3@99999; 9: 1@88888");
    assert_string_equal(sight_state(&s), "7: 1@90 since 90");
    assert_string_equal(sight_points(&s), "0: 0..2");
    sight_see(&s, 200, "7: 5@10 1@90 2@150 3@99999; 9: 1@88888");
    assert_string_equal(sight_changes(&s), "lost 7@150 1>2 outranked held 90");
    assert_string_equal(sight_points(&s), "0: 2..3");
    sight_see(&s, 300, "u=77777; 7: 5@77777; 9: 1@88888"); /* nothing else: cannot be used */
    assert_int_equal(s.d.unknown, BW_UNKNOWN_MALFORMED);
    assert_string_equal(sight_state(&s), "7: 2@150");
    sight_see(&s, 400, "u=77777; 7: 2@150 1@350");
    assert_string_equal(sight_changes(&s), "gained 7@350 2>1 reached_top");
    assert_int_equal(s.state.last_update, sight_time(200));
    sight_see(&s, 100000, "u=100000; 7: 2@150 1@350 3@99999; 9: 1@88888"); /* their time has come */
    assert_string_equal(sight_changes(&s),
                        "gained 9@88888 ?>1 reached_top; lost 7@99999 1>3 outranked held 350");
    sight_fini(&s);
}

/* Up to a day ahead a point is taken: clocks differ, and Keepa's minutes are even. */
static void test_points_a_little_ahead(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "7: 5@10");
    sight_see(&s, 200, "7: 5@10 1@202");
    assert_string_equal(sight_changes(&s), "gained 7@202 5>1 reached_top");
    sight_see(&s, 260, "7: 5@10 1@202 2@1701"); /* 260 + 1440 = 1700 */
    assert_string_equal(sight_changes(&s), "");
    sight_see(&s, 261, "7: 5@10 1@202 2@1701");
    assert_string_equal(sight_changes(&s), "lost 7@1701 1>2 outranked held 202");
    sight_fini(&s);
}

static void test_change_carries_everything(void **state)
{
    struct bw_product p;
    struct sight s;
    const struct bw_change *c;
    char id[BW_UUID_TEXT];
    (void)state;
    sight_init(&s);
    sight_see(&s, 100, "7: 5@10");
    sight_product(&p, "7: 5@10 1@150", 200);
    p.tree = bw_alloc_array(2, sizeof(*p.tree));
    p.n_tree = 2;
    p.tree[0] = (struct bw_category_name){.category_id = 3, .name = bw_strdup("Beauty")};
    p.tree[1] = (struct bw_category_name){.category_id = 7, .parent = 3, .name = bw_strdup("Serums")};
    p.title = bw_strdup("A serum");
    sight_check(&s, &p, sight_time(200));
    bw_product_fini(&p);
    assert_int_equal(s.d.n_changes, 1);
    c = &s.d.changes[0];
    bw_change_id(&s.state.key, 7, BW_GAINED, sight_time(150), id);
    assert_string_equal(c->id, id);
    assert_int_equal(bw_product_key_compare(&c->key, &s.state.key), 0);
    assert_string_equal(c->category, "Serums");
    assert_int_equal(c->occurred_at, sight_time(150));
    assert_int_equal(c->detected_at_ms, sight_time(200) * 1000 + 7);
    assert_int_equal(c->previous_check_at, sight_time(100));
    assert_int_equal(s.state.last_change, sight_time(150));
    assert_string_equal(s.d.reigns[0].category, "Serums");
    bw_reign_id(&s.state.key, 7, sight_time(150), id);
    assert_string_equal(s.d.reigns[0].id, id);
    assert_string_equal(s.state.title, "A serum");
    sight_see(&s, 300, "7: 5@10 1@150 4@250"); /* no title, no tree: what was known stays */
    assert_string_equal(s.state.title, "A serum");
    assert_string_equal(s.d.changes[0].category, "Serums");
    assert_string_equal(s.d.reigns[0].id, id);
    assert_int_equal(s.state.last_change, sight_time(250));
    sight_fini(&s);
}

static void add_values(struct bw_product *p, enum bw_value_kind kind, const int64_t *minutes, size_t n)
{
    p->values[kind].points = bw_alloc_array(n, sizeof(struct bw_point));
    p->values[kind].n = n;
    for (size_t i = 0; i < n; i++)
        p->values[kind].points[i] = (struct bw_point){sight_time(minutes[i]), (int64_t)i};
}

static void check_values(struct sight *s, int64_t at, const char *ranks, const int64_t *minutes, size_t n)
{
    struct bw_product p;
    sight_product(&p, ranks, at);
    add_values(&p, BW_VALUE_RATING, minutes, n);
    sight_check(s, &p, sight_time(at));
    bw_product_fini(&p);
}

static void test_value_points(void **state)
{
    static const int64_t minutes[] = {10, 20, 120, 130, 99999};
    struct sight s;
    (void)state;
    sight_init(&s);
    check_values(&s, 100, "7: 5@10", minutes, 2);
    assert_int_equal(s.d.value_from[BW_VALUE_RATING], 0);
    assert_int_equal(s.d.value_to[BW_VALUE_RATING], 2);
    assert_int_equal(s.d.value_from[BW_VALUE_AMAZON], 0); /* none: == n */
    check_values(&s, 200, "7: 5@10", minutes, 5);
    assert_int_equal(s.d.value_from[BW_VALUE_RATING], 2);
    assert_int_equal(s.d.value_to[BW_VALUE_RATING], 4); /* the last one lies in the future */
    assert_int_equal(s.state.value_at[BW_VALUE_RATING], sight_time(130));
    check_values(&s, 300, "7: 5@10", minutes, 5);
    assert_int_equal(s.d.value_from[BW_VALUE_RATING], 5);
    assert_int_equal(s.d.value_to[BW_VALUE_RATING], 5);
    check_values(&s, 400, "u=1; 7: 5@10", minutes, 5); /* stale: nothing is new */
    assert_int_equal(s.d.unknown, BW_UNKNOWN_STALE);
    assert_int_equal(s.d.value_from[BW_VALUE_RATING], 5);
    sight_fini(&s);
}

static void test_state_copies_and_lookups(void **state)
{
    struct bw_state copy;
    struct sight s;
    (void)state;
    sight_init(&s);
    assert_int_equal(s.state.availability_amazon, INT64_MIN);
    assert_int_equal(s.state.rating, -1);
    sight_see(&s, 100, "7: 1@10; 9: 5@10; 11: 1@50");
    bw_state_copy(&copy, &s.state);
    sight_fini(&s);
    assert_int_equal(bw_state_badges(&copy), 2);
    assert_int_equal(bw_state_category(&copy, 9)->rank, 5);
    assert_null(bw_state_category(&copy, 8));
    bw_state_fini(&copy);
    assert_int_equal(bw_state_badges(&copy), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_sight),
        cmocka_unit_test(test_crossings),
        cmocka_unit_test(test_new_category),
        cmocka_unit_test(test_new_category_after_unknown),
        cmocka_unit_test(test_category_removed),
        cmocka_unit_test(test_return),
        cmocka_unit_test(test_return_gives_all_points),
        cmocka_unit_test(test_future_points),
        cmocka_unit_test(test_points_a_little_ahead),
        cmocka_unit_test(test_change_carries_everything),
        cmocka_unit_test(test_value_points),
        cmocka_unit_test(test_state_copies_and_lookups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
