/* Detection under garbage: times and values of any size, in the one order that the decoder guarantees. It must not
 * crash, overflow or leak (the sanitizers watch), and its state must stay one that can be stored and read again. */
#include "badgewatch/base/alloc.h"
#include "sight.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t random_state;

static uint64_t next_random(void) /* xorshift64* */
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dU;
}

static int64_t odd_number(void)
{
    static const int64_t odd[] = {INT64_MIN,   INT64_MIN + 1, -86400,        -2,       -1, 0, 1, 2, 3,
                                  SIGHT_EPOCH, INT32_MAX,     INT64_MAX - 1, INT64_MAX};
    switch (next_random() % 4) {
    case 0:
        return odd[next_random() % (sizeof(odd) / sizeof(odd[0]))];
    case 1:
        return (int64_t)next_random();
    case 2:
        return (int64_t)(next_random() % 5) - 1;
    default:
        return SIGHT_EPOCH + (int64_t)(next_random() % 400000) - 200000;
    }
}

static int compare_points(const void *a, const void *b)
{
    const struct bw_point *x = a;
    const struct bw_point *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static void odd_series(struct bw_series *s)
{
    size_t n = next_random() % 8;
    s->points = bw_alloc_array(n, sizeof(*s->points));
    for (size_t i = 0; i < n; i++)
        s->points[i] = (struct bw_point){odd_number(), odd_number()};
    qsort(s->points, n, sizeof(*s->points), compare_points);
    for (size_t i = 0; i < n; i++) { /* strictly ascending */
        if (s->n == 0 || s->points[s->n - 1].at < s->points[i].at)
            s->points[s->n++] = s->points[i];
    }
}

static int compare_ranks(const void *a, const void *b)
{
    const struct bw_rank_series *x = a;
    const struct bw_rank_series *y = b;
    return (x->category_id > y->category_id) - (x->category_id < y->category_id);
}

static void odd_product(struct bw_product *p)
{
    sight_product(p, "", 0);
    if (next_random() % 4 == 0)
        p->unknown = (enum bw_unknown)(next_random() % BW_UNKNOWN_STALE);
    p->last_update = odd_number();
    p->current_price = odd_number();
    p->availability_amazon = odd_number();
    p->monthly_sold = odd_number();
    p->rating = odd_number();
    p->review_count = odd_number();
    p->title = next_random() % 2 ? bw_strdup("t") : NULL;
    p->n_ranks = next_random() % 6;
    p->ranks = bw_alloc_array(p->n_ranks, sizeof(*p->ranks));
    for (size_t i = 0; i < p->n_ranks; i++) {
        p->ranks[i].category_id = next_random() % 8 ? (int64_t)(next_random() % 6) : odd_number();
        odd_series(&p->ranks[i].series);
    }
    qsort(p->ranks, p->n_ranks, sizeof(*p->ranks), compare_ranks);
    for (size_t i = 0; i < BW_VALUE_KINDS; i++)
        odd_series(&p->values[i]);
}

static void unique_ranks(struct bw_product *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_ranks; i++) {
        if (n > 0 && p->ranks[n - 1].category_id == p->ranks[i].category_id)
            free(p->ranks[i].series.points);
        else
            p->ranks[n++] = p->ranks[i];
    }
    p->n_ranks = n;
}

/* What a stored state must satisfy. */
static void assert_sound(const struct bw_state *s, uint64_t seed)
{
    bool sound = s->ok_at >= 0 && s->freshness >= 0 && s->last_update >= 0 && s->current_price >= -1 &&
                 s->monthly_sold >= -1 && s->rating >= -1 && s->review_count >= -1 && s->last_change >= 0;
    for (size_t i = 0; i < BW_VALUE_KINDS; i++)
        sound = sound && s->value_at[i] >= 0;
    for (size_t i = 0; i < s->n_categories; i++) {
        const struct bw_category_state *c = &s->categories[i];
        sound = sound && c->category_id > 0 && c->rank >= BW_UNRANKED && c->at > 0 && c->since >= 0 &&
                c->not_before >= 0 && (c->rank == 1) == (c->since > 0) &&
                c->removed == (c->rank == BW_NO_RANK) &&
                (i == 0 || s->categories[i - 1].category_id < c->category_id);
    }
    if (!sound)
        fail_msg("seed %" PRIu64 ": the state cannot be stored: %s", seed,
                 sight_state(&(struct sight){.state = *s}));
}

static void one(uint64_t seed)
{
    struct sight s;
    random_state = seed * 0x9e3779b97f4a7c15U + 1;
    sight_init(&s);
    for (int i = 0; i < 30; i++) {
        struct bw_product p;
        int64_t at = next_random() % 8 ? SIGHT_EPOCH + i * 5000 : odd_number();
        odd_product(&p);
        unique_ranks(&p);
        s.others = next_random() % 2;
        if (at < 1)
            at = 1;
        (void)bw_detect_gap(&s.state, &p, (int)next_random(), at);
        sight_check(&s, &p, at);
        assert_sound(&s.state, seed);
        for (size_t j = 0; j < s.d.n_rank_points; j++) {
            const struct bw_new_points *n = &s.d.rank_points[j];
            assert_true(n->series < p.n_ranks && n->from < n->to && n->to <= p.ranks[n->series].series.n);
        }
        bw_product_fini(&p);
    }
    sight_fini(&s);
}

static void test_garbage(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 3000; seed++)
        one(seed);
}

static void test_empty_product(void **state)
{
    struct sight s;
    struct bw_product p = {0}; /* "known", with nothing in it */
    (void)state;
    sight_init(&s);
    sight_check(&s, &p, SIGHT_EPOCH);
    assert_int_equal(s.d.unknown, BW_UNKNOWN_MALFORMED);
    assert_false(s.state.baseline);
    sight_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage),
        cmocka_unit_test(test_empty_product),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
