/* Series: appending on change, cutting, crossings; and the made-up ones: the same for the same question, always. */
#include "badgewatch/base/alloc.h"
#include "generate.h"
#include "series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START  8359200
#define DAY    1440
#define SAMPLE 60

static void fill(struct sim_series *s, const int64_t *v, size_t n)
{
    sim_series_init(s, 2);
    for (size_t i = 0; i < n; i++)
        sim_series_add(s, v[i]);
}

static void append_only_on_change(void **state)
{
    struct sim_series s;
    (void)state;
    sim_series_init(&s, 2);
    sim_series_append(&s, 2, 5);
    sim_series_append(&s, 4, 5);
    sim_series_append(&s, 6, 7);
    assert_int_equal(s.n, 4);
    assert_int_equal(s.v[2], 6);
    sim_series_fini(&s);
}

static void cut_keeps_one_anchor(void **state)
{
    static const int64_t v[] = {100, 1, 2000, 2, 3000, 3, 4000, 4};
    static const struct {
        int64_t now, days;
        size_t begin, end;
    } cases[] = {
        {99, 0, 0, 0},   /* nothing yet */
        {100, 0, 0, 2},  /* the point of this very minute is visible */
        {9999, 0, 0, 8}, /* all */
        {4000, 1, 2, 8}, /* window from 2560: the point at 2000 is still in force */
        {4440, 1, 4, 8}, /* the window's edge itself counts as older */
        {90000, 1, 6, 8}, {3500, 90, 0, 6},
    };
    struct sim_series s;
    (void)state;
    fill(&s, v, 8);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim_span span = sim_series_cut(&s, cases[i].now, cases[i].days);
        assert_int_equal(span.begin, cases[i].begin);
        assert_int_equal(span.end, cases[i].end);
    }
    sim_series_fini(&s);
}

struct seen {
    struct sim_crossing list[16];
    size_t n;
};

static void see(void *ctx, const struct sim_crossing *c)
{
    struct seen *s = ctx;
    assert_in_range(s->n, 0, 15);
    s->list[s->n++] = *c;
}

static void crossings(void **state)
{
    static const int64_t v[] = {10, 1, 20, 4, 30, 1, 40, -1, 50, 2, 60, 1};
    static const struct sim_crossing expected[] = {{true, SIM_REACHED_TOP, 10, -1, 1},
                                                   {false, SIM_OUTRANKED, 20, 1, 4},
                                                   {true, SIM_REACHED_TOP, 30, 4, 1},
                                                   {false, SIM_UNRANKED, 40, 1, -1},
                                                   {true, SIM_REACHED_TOP, 60, 2, 1}};
    struct sim_series s;
    struct seen seen = {.n = 0};
    (void)state;
    fill(&s, v, 12);
    sim_series_crossings(&s, 0, 100, see, &seen);
    assert_int_equal(seen.n, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(seen.list[i].gained, expected[i].gained);
        assert_int_equal(seen.list[i].reason, expected[i].reason);
        assert_int_equal(seen.list[i].minute, expected[i].minute);
        assert_int_equal(seen.list[i].previous, expected[i].previous);
        assert_int_equal(seen.list[i].next, expected[i].next);
    }
    seen.n = 0;
    sim_series_crossings(&s, 20, 40, see, &seen);
    assert_int_equal(seen.n, 3);
    sim_series_fini(&s);
}

typedef void check_series(const struct sim_generator *g, size_t index, const struct sim_gen_category *c,
                          const struct sim_series *s);

static void each_series(const struct sim_generator *g, int64_t to, check_series *check)
{
    for (size_t i = 0; i < SAMPLE; i++) {
        struct sim_gen_category categories[SIM_GEN_CATEGORIES];
        size_t n = sim_gen_categories(g, i, categories);
        assert_in_range(n, 2, SIM_GEN_CATEGORIES);
        for (size_t j = 0; j < n; j++) {
            struct sim_series s;
            sim_series_init(&s, 2);
            sim_gen_ranks(g, i, &categories[j], to, &s);
            check(g, i, &categories[j], &s);
            sim_series_fini(&s);
        }
    }
}

static void is_well_formed(const struct sim_generator *g, size_t index, const struct sim_gen_category *c,
                           const struct sim_series *s)
{
    (void)g;
    (void)index;
    for (size_t i = 0; i + 1 < s->n; i += 2) {
        assert_int_equal(s->v[i] % 2, 0);
        assert_true(s->v[i] >= c->first_minute);
        assert_true(s->v[i + 1] == -1 || s->v[i + 1] >= 1);
        if (i > 0) {
            assert_true(s->v[i] > s->v[i - 2]);
            assert_true(s->v[i + 1] != s->v[i - 1]);
        }
    }
}

/* Each point says what the rank function says, from its minute until the next one. */
static void agrees_with_the_function(const struct sim_generator *g, size_t index,
                                     const struct sim_gen_category *c, const struct sim_series *s)
{
    size_t i = 0;
    for (int64_t m = c->first_minute; m <= START + DAY; m += 2) {
        while (i + 2 < s->n && s->v[i + 2] <= m)
            i += 2;
        assert_int_equal(s->v[i + 1], sim_gen_rank(g, index, c, m));
    }
}

static void made_up_series_are_well_formed(void **state)
{
    struct sim_generator g;
    (void)state;
    sim_gen_init(&g, 7, SAMPLE, START, 10, 1.5);
    each_series(&g, START + 5 * DAY, is_well_formed);
    sim_gen_init(&g, 7, SAMPLE, START, 2, 90);
    each_series(&g, START + DAY, is_well_formed);
}

static void points_are_all_there(void **state)
{
    struct sim_generator g;
    (void)state;
    sim_gen_init(&g, 11, SAMPLE, START, 3, 4);
    each_series(&g, START + DAY, agrees_with_the_function);
}

/* What was served at one time is the beginning of what is served later. */
static void later_answers_extend_earlier_ones(void **state)
{
    struct sim_generator g;
    (void)state;
    sim_gen_init(&g, 3, SAMPLE, START, 5, 6);
    for (size_t i = 0; i < SAMPLE; i++) {
        struct sim_gen_category c[SIM_GEN_CATEGORIES];
        size_t n = sim_gen_categories(&g, i, c);
        for (size_t j = 0; j < n; j++) {
            struct sim_series early;
            struct sim_series late;
            sim_series_init(&early, 2);
            sim_series_init(&late, 2);
            sim_gen_ranks(&g, i, &c[j], START + 100, &early);
            sim_gen_ranks(&g, i, &c[j], START + 4 * DAY, &late);
            assert_true(early.n <= late.n);
            if (early.n > 0)
                assert_memory_equal(early.v, late.v, early.n * sizeof *early.v);
            if (early.n < late.n)
                assert_true(late.v[early.n] > START + 100);
            sim_series_fini(&early);
            sim_series_fini(&late);
        }
    }
}

static void seeds_differ_and_repeat(void **state)
{
    struct sim_generator a;
    struct sim_generator b;
    char x[11];
    char y[11];
    (void)state;
    sim_gen_init(&a, 1, 10, START, 30, 1.5);
    sim_gen_init(&b, 1, 10, START, 30, 1.5);
    sim_gen_asin(&a, 4, x);
    sim_gen_asin(&b, 4, y);
    assert_string_equal(x, y);
    sim_gen_init(&b, 2, 10, START, 30, 1.5);
    sim_gen_asin(&b, 4, y);
    assert_string_not_equal(x, y);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void asins_are_unique_and_well_formed(void **state)
{
    enum { N = 20000 };
    struct sim_generator g;
    char(*all)[11] = bw_alloc_array(N, sizeof *all);
    (void)state;
    sim_gen_init(&g, 99, N, START, 1, 1);
    for (size_t i = 0; i < N; i++) {
        sim_gen_asin(&g, i, all[i]);
        assert_int_equal(strspn(all[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), 10);
        assert_memory_equal(all[i], "B0", 2);
    }
    qsort(all, N, sizeof *all, by_text);
    for (size_t i = 1; i < N; i++)
        assert_string_not_equal(all[i - 1], all[i]);
    free(all);
}

static void count_crossing(void *ctx, const struct sim_crossing *c)
{
    (void)c;
    ++*(size_t *)ctx;
}

/* The mean over many products and days is near the churn that was asked for. */
static void churn_is_what_was_asked_for(void **state)
{
    static const double wanted[] = {0.5, 1.5, 10, 60};
    (void)state;
    for (size_t k = 0; k < 4; k++) {
        struct sim_generator g;
        size_t n = 0;
        sim_gen_init(&g, 5, 1000, START, 1, wanted[k]);
        for (size_t i = 0; i < 1000; i++) {
            struct sim_gen_category c[SIM_GEN_CATEGORIES];
            size_t count = sim_gen_categories(&g, i, c);
            for (size_t j = 0; j < count; j++) {
                struct sim_series s;
                sim_series_init(&s, 2);
                sim_gen_ranks(&g, i, &c[j], START + 4 * DAY, &s);
                sim_series_crossings(&s, START + DAY, START + 4 * DAY, count_crossing, &n);
                sim_series_fini(&s);
            }
        }
        double got = (double)n / 1000 / 3;
        assert_true(got > wanted[k] * 0.85 && got < wanted[k] * 1.15);
    }
}

static void zero_churn_never_crosses(void **state)
{
    struct sim_generator g;
    size_t n = 0;
    (void)state;
    sim_gen_init(&g, 5, 200, START, 1, 0);
    for (size_t i = 0; i < 200; i++) {
        struct sim_gen_category c[SIM_GEN_CATEGORIES];
        size_t count = sim_gen_categories(&g, i, c);
        for (size_t j = 0; j < count; j++) {
            struct sim_series s;
            sim_series_init(&s, 2);
            sim_gen_ranks(&g, i, &c[j], START + 4 * DAY, &s);
            sim_series_crossings(&s, START + DAY + 2, START + 4 * DAY, count_crossing, &n);
            sim_series_fini(&s);
        }
    }
    assert_int_equal(n, 0);
}

static void main_rank_follows_reference(void **state)
{
    static const int64_t ranks[] = {0, 50, 10, 40, 20, 30, 30, 20};
    static const int64_t reference[] = {0, 9, 10, -1, 24, 9};
    static const int64_t expected[] = {0, 50, 10, -1, 24, 30, 30, 20};
    struct sim_series a;
    struct sim_series b;
    struct sim_series out;
    (void)state;
    fill(&a, ranks, 8);
    fill(&b, reference, 6);
    sim_series_init(&out, 2);
    sim_gen_main_rank(&a, &b, &out);
    assert_int_equal(out.n, 8);
    assert_memory_equal(out.v, expected, sizeof expected);
    sim_series_fini(&a);
    sim_series_fini(&b);
    sim_series_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(append_only_on_change),
        cmocka_unit_test(cut_keeps_one_anchor),
        cmocka_unit_test(crossings),
        cmocka_unit_test(made_up_series_are_well_formed),
        cmocka_unit_test(points_are_all_there),
        cmocka_unit_test(later_answers_extend_earlier_ones),
        cmocka_unit_test(seeds_differ_and_repeat),
        cmocka_unit_test(asins_are_unique_and_well_formed),
        cmocka_unit_test(churn_is_what_was_asked_for),
        cmocka_unit_test(zero_churn_never_crosses),
        cmocka_unit_test(main_rank_follows_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
