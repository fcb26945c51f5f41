/* Rule 8 for one product: losses that are held back, and what becomes of them. */
#include "sight.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DAY 1440

enum event { END, SEE, SETTLE, ILL, UNKNOWN };

/* What happens, when (minutes), and what is said then: changes, reigns, unknown periods. NULL: nothing. */
struct step {
    enum event event;
    int64_t at;
    const char *answer, *changes, *reigns, *unknowns;
};

static const struct {
    const char *name;
    struct step steps[8];
} cases[] = {
    {"a lone loss waits, and is told",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20", NULL, NULL, NULL},
      {SETTLE, 0, NULL, "lost 7@20 1>- unranked held 10", "7: 10..20 unranked [?,15]", NULL},
      {SEE, 40, "7: -@20", NULL, NULL, NULL}}},
    {"a reign that began and ended in one answer",
     {{SEE, 5, "7: 4@1", NULL, NULL, NULL},
      {SEE, 25, "7: 4@1 1@10 -@20", "gained 7@10 4>1 reached_top", "7: 10.. [5,?]", NULL},
      {SETTLE, 0, NULL, "lost 7@20 1>- unranked held 10", "7: 10..20 unranked [5,10]", NULL}}},
    {"a rank comes before it is decided: it was lost",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20", NULL, NULL, NULL},
      {SEE, 35, "7: -@20 1@30", "lost 7@20 1>- unranked held 10; gained 7@30 ->1 reached_top",
       "7: 10..20 unranked [?,15]; 7: 30.. [25,?]", NULL}}},
    {"nobody decided: the next check does",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20", NULL, NULL, NULL},
      {SEE, 26, "7: -@20", "lost 7@20 1>- unranked held 10", "7: 10..20 unranked [?,15]", NULL}}},
    {"ill, and back at #1: never lost",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20", NULL, NULL, NULL},
      {ILL, 0, NULL, NULL, NULL, NULL},
      {SETTLE, 0, NULL, NULL, NULL, "7: 20..- guard"},
      {SEE, 35, "7: -@20", NULL, NULL, NULL},
      {SEE, 45, "7: -@20 1@40", NULL, NULL, "7: 20..40 guard"},
      {SEE, 65, "7: 1@40 3@60", "lost 7@60 1>3 outranked held 10", "7: 10..60 outranked [?,45]", NULL}}},
    {"ill, and back at another rank: lost then",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {ILL, 0, NULL, NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20", NULL, NULL, "7: 20..- guard"},
      {SEE, 45, "7: -@20 5@40", "lost 7@40 1>5 outranked held 10", "7: 10..40 outranked [?,15]",
       "7: 20..40 guard"}}},
    {"ill, still without a rank after a day: lost",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {ILL, 0, NULL, NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20", NULL, NULL, "7: 20..- guard"},
      {SEE, 19 + DAY, "7: -@20", NULL, NULL, NULL},
      {SEE, 20 + DAY, "7: -@20", "lost 7@20 1>- unranked held 10", "7: 10..20 unranked [?,15]",
       "7: 20..20 guard"}}},
    {"ill: what vanished and came back in one answer was never lost",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {ILL, 0, NULL, NULL, NULL, NULL},
      {SEE, 45, "7: 1@10 -@20 1@30", NULL, NULL, "7: 20..- guard; 7: 20..30 guard"}}},
    {"ill: a loss to another rank is told at once",
     {{SEE, 15, "7: 1@10; 9: 1@10", NULL, NULL, NULL},
      {ILL, 0, NULL, NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 4@20; 9: 1@10 -@20", "lost 7@20 1>4 outranked held 10", "7: 10..20 outranked [?,15]",
       "9: 20..- guard"}}},
    {"guarded, and nobody remembers that the source was ill",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {ILL, 1, NULL, NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20", NULL, NULL, "7: 20..- guard"},
      {ILL, 0, NULL, NULL, NULL, NULL},
      {SEE, 35, "7: -@20", NULL, NULL, NULL},
      {SEE, 45, "7: -@20 1@40", NULL, NULL, "7: 20..40 guard"}}},
    {"found ill while the loss waits, and back at #1 before it was decided",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20", NULL, NULL, NULL},
      {ILL, 0, NULL, NULL, NULL, NULL},
      {SEE, 45, "7: -@20 1@40", NULL, NULL, "7: 20..- guard; 7: 20..40 guard"},
      {SEE, 65, "7: 1@40 3@60", "lost 7@60 1>3 outranked held 10", "7: 10..60 outranked [?,45]", NULL}}},
    {"found ill while the loss waits, and back at another rank",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20", NULL, NULL, NULL},
      {ILL, 0, NULL, NULL, NULL, NULL},
      {SEE, 45, "7: -@20 5@40", "lost 7@40 1>5 outranked held 10", "7: 10..40 outranked [?,15]",
       "7: 20..- guard; 7: 20..40 guard"}}},
    {"the category goes while its badge is held back",
     {{SEE, 15, "7: 1@10; 9: 5@10", NULL, NULL, NULL},
      {ILL, 0, NULL, NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20; 9: 5@10", NULL, NULL, "7: 20..- guard"},
      {SEE, 30, "9: 5@10", NULL, NULL, "7: 25..- category_missing"},
      {SEE, 40, "9: 5@10", NULL, NULL, NULL},
      {SEE, 50, "9: 5@10", "lost 7@30 1>? category_removed held 10", "7: 10..30 category_removed [?,25]",
       "7: 25..30 category_missing; 7: 20..30 guard"}}},
    {"unknown checks leave it",
     {{SEE, 15, "7: 1@10", NULL, NULL, NULL},
      {SEE, 25, "7: 1@10 -@20", NULL, NULL, NULL},
      {UNKNOWN, 26, NULL, NULL, NULL, "0: 25..- no_ranks"},
      {SETTLE, 0, NULL, "lost 7@20 1>- unranked held 10", "7: 10..20 unranked [?,15]", NULL}}},
};

static void expect(const char *name, const struct step *s, const char *what, const char *is,
                   const char *expected)
{
    if (strcmp(is, expected ? expected : "") != 0)
        fail_msg("%s, minute %" PRId64 ": %s '%s', expected '%s'", name, s->at, what, is,
                 expected ? expected : "");
}

static void one(const char *name, const struct step *steps)
{
    struct sight sight;
    sight_init(&sight);
    sight.waits = true;
    for (const struct step *s = steps; s->event != END; s++) {
        if (s->event == ILL) {
            sight.ill = !sight.ill;
            continue;
        }
        if (s->event == SEE)
            sight_see(&sight, s->at, s->answer);
        else if (s->event == UNKNOWN)
            sight_see_unknown(&sight, s->at, BW_UNKNOWN_NO_RANKS);
        else
            assert_true(sight_settle(&sight, BW_HOLD_MS));
        if (s == steps) /* a baseline says reigns */
            continue;
        expect(name, s, "changes", sight_changes(&sight), s->changes);
        expect(name, s, "reigns", sight_reigns(&sight), s->reigns);
        expect(name, s, "unknown periods", sight_unknowns(&sight), s->unknowns);
    }
    sight_fini(&sight);
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        one(cases[i].name, cases[i].steps);
}

static void test_nothing_waits(void **state)
{
    struct sight s;
    (void)state;
    sight_init(&s);
    assert_false(sight_settle(&s, 0));
    sight_see(&s, 15, "7: 1@10");
    sight_see(&s, 25, "7: 1@10 -@20"); /* decided at once */
    assert_false(sight_settle(&s, 0));
    sight_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_nothing_waits)};
    return cmocka_run_group_tests_name("detect_guard", tests, NULL, NULL);
}
