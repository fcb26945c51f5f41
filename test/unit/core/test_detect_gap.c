/* When does an answer not reach back to what was known? Days are those of the request; minutes as in sight.h. */
#include "sight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DAY INT64_C(1440)

static const struct {
    const char *name;
    const char *known; /* answer of the check at minute 0 */
    int days;
    bool gap;
    int64_t at;
    const char *answer;
} rows[] = {
    {"window reaches back", "7: 5@-100", 2, false, DAY, "7: 5@-100 1@500 3@900"},
    {"window reaches back, only new points", "7: 5@-100", 2, false, DAY, "7: 1@500 3@900"},
    {"window too short, newest known point is the anchor", "7: 5@-100", 1, false, 3 * DAY,
     "7: 5@-100 1@3000"},
    {"window too short, an older point than the newest known", "7: 5@-100 3@-50", 1, false, 3 * DAY,
     "7: 5@-100 3@-50"},
    {"window too short, the anchor is new", "7: 5@-100", 1, true, 3 * DAY, "7: 4@2000 1@3000"},
    {"window too short, no anchor at all", "7: 5@-100", 1, true, 3 * DAY, "7: 1@4000"},
    {"one of two has a hole", "7: 5@-100; 9: 2@-30", 1, true, 3 * DAY, "7: 5@-100; 9: 3@50"},
    {"whole history never has one", "7: 5@-100", 0, false, 3 * DAY, "7: 1@4000"},
    {"more days than there are", "7: 5@-100", 4000, false, 3 * DAY, "7: 1@4000"},
    {"new category, older than the last check", "7: 5@-100", 1, false, 3 * DAY, "7: 5@-100; 9: 1@-5 3@2900"},
    {"new category, anchor after the last check", "7: 5@-100", 1, true, 3 * DAY, "7: 5@-100; 9: 1@5 3@2900"},
    {"new category, window reaches back", "7: 5@-100", 4, false, 3 * DAY, "7: 5@-100; 9: 1@5 3@2900"},
    {"a category is missing: nothing to say of it", "7: 5@-100; 9: 3@-100", 1, false, 3 * DAY, "7: 5@-100"},
    {"window ends where the last check was: points come late", "7: 5@-100", 1, true, DAY, "7: 1@20"},
    {"half an hour later is soon enough", "7: 5@-100", 1, false, DAY - 30, "7: 1@20"},
    {"garbage of the future is no point", "7: 5@-100", 1, false, 3 * DAY, "7: 5@-100; 9: 1@99999"},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_product p;
        struct sight s;
        sight_init(&s);
        sight_see(&s, 0, rows[i].known);
        sight_product(&p, rows[i].answer, rows[i].at);
        if (bw_detect_gap(&s.state, &p, rows[i].days, sight_time(rows[i].at)) != rows[i].gap)
            fail_msg("%s", rows[i].name);
        p.unknown = BW_UNKNOWN_STUB;
        assert_false(bw_detect_gap(&s.state, &p, rows[i].days, sight_time(rows[i].at)));
        bw_product_fini(&p);
        sight_fini(&s);
    }
}

static void test_first_sight_has_none(void **state)
{
    struct bw_product p;
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_product(&p, "7: 1@4000", 3 * DAY);
    assert_false(bw_detect_gap(&s.state, &p, 1, sight_time(3 * DAY)));
    sight_see_unknown(&s, 0, BW_UNKNOWN_STUB);
    assert_false(bw_detect_gap(&s.state, &p, 1, sight_time(3 * DAY)));
    bw_product_fini(&p);
    sight_fini(&s);
}

/* A category that was away: its own last showing counts, not the last usable check of the product. */
static void test_category_that_was_away(void **state)
{
    struct bw_product p;
    struct sight s;
    (void)state;
    sight_init(&s);
    sight_see(&s, 0, "7: 5@-100; 9: 3@-100");
    sight_see(&s, 2 * DAY, "7: 5@-100");
    sight_product(&p, "7: 5@-100; 9: 4@2000", 3 * DAY - 60);
    assert_true(bw_detect_gap(&s.state, &p, 1, sight_time(3 * DAY - 60)));
    assert_false(bw_detect_gap(&s.state, &p, 4, sight_time(3 * DAY - 60)));
    bw_product_fini(&p);
    sight_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_first_sight_has_none),
        cmocka_unit_test(test_category_that_was_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
