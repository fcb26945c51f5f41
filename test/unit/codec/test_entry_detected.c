/* What detection says of recorded products, written to the stream and read again: nothing is lost on the way, first with
 * the whole history at once, then in many checks, each with what was known at its time. */
#include "unit/codec/data.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/state_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define BATCH    "6f0c3a52-0000-4000-8000-000000000001"
#define LARGE    ((size_t)64 << 20)

/* ---- comparing ---- */

static void same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void same_state(const struct bw_state *a, const struct bw_state *b)
{
    struct bw_buf x, y;
    bw_buf_init(&x, LARGE);
    bw_buf_init(&y, LARGE);
    bw_state_encode(a, &x);
    bw_state_encode(b, &y);
    assert_int_equal(bw_product_key_compare(&a->key, &b->key), 0);
    assert_string_equal(bw_buf_str(&x), bw_buf_str(&y));
    bw_buf_fini(&x);
    bw_buf_fini(&y);
}

static void same_changes(const struct bw_detection *d, const struct bw_check_record *c)
{
    assert_int_equal(c->n_changes, d->n_changes);
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct bw_change *a = &d->changes[i], *b = &c->changes[i];
        assert_string_equal(a->id, b->id);
        assert_int_equal(bw_product_key_compare(&a->key, &b->key), 0);
        assert_true(a->type == b->type && a->reason == b->reason && a->category_id == b->category_id);
        assert_true(a->previous_rank == b->previous_rank && a->new_rank == b->new_rank);
        assert_true(a->occurred_at == b->occurred_at && a->detected_at_ms == b->detected_at_ms);
        assert_true(a->previous_check_at == b->previous_check_at && a->held_since == b->held_since);
        same_text(a->category, b->category);
    }
}

static void same_reigns(const struct bw_detection *d, const struct bw_check_record *c)
{
    assert_int_equal(c->n_reigns, d->n_reigns);
    for (size_t i = 0; i < d->n_reigns; i++) {
        const struct bw_reign *a = &d->reigns[i], *b = &c->reigns[i];
        assert_string_equal(a->id, b->id);
        assert_true(a->category_id == b->category_id);
        assert_true(a->started_at == b->started_at && a->ended_at == b->ended_at);
        assert_true(a->ended_at == 0 || a->ended_by == b->ended_by);
        assert_true(a->start_not_before == b->start_not_before && a->end_not_before == b->end_not_before);
        same_text(a->category, b->category);
    }
    assert_int_equal(c->n_unknowns, d->n_unknowns);
    for (size_t i = 0; i < d->n_unknowns; i++) {
        const struct bw_unknown_period *a = &d->unknowns[i], *b = &c->unknowns[i];
        assert_true(a->category_id == b->category_id && a->from_at == b->from_at && a->to_at == b->to_at);
        assert_string_equal(a->reason, b->reason);
    }
}

static void same_points(const struct bw_series *all, size_t from, size_t to, const struct bw_series *back)
{
    assert_int_equal(back->n, to - from);
    for (size_t i = 0; i < back->n; i++)
        assert_true(back->points[i].at == all->points[from + i].at &&
                    back->points[i].value == all->points[from + i].value);
}

/* Returns how many points came through. */
static size_t same_series(const struct bw_detection *d, const struct bw_product *p,
                          const struct bw_check_record *c)
{
    size_t n = 0, points = 0;
    assert_int_equal(c->n_ranks, d->n_rank_points);
    for (size_t i = 0; i < c->n_ranks; i++) {
        const struct bw_new_points *new = &d->rank_points[i];
        assert_true(c->ranks[i].category_id == p->ranks[new->series].category_id);
        same_points(&p->ranks[new->series].series, new->from, new->to, &c->ranks[i].series);
        points += c->ranks[i].series.n;
    }
    for (int k = 0; k < BW_VALUE_KINDS; k++) {
        if (d->value_from[k] >= d->value_to[k])
            continue;
        assert_true(n < c->n_values && (int)c->values[n].kind == k);
        same_points(&p->values[k], d->value_from[k], d->value_to[k], &c->values[n].series);
        points += c->values[n++].series.n;
    }
    assert_int_equal(c->n_values, n);
    return points;
}

static void same_names(const struct bw_product *p, const struct bw_check_record *c)
{
    assert_int_equal(c->n_names, p->n_tree);
    for (size_t i = 0; i < p->n_tree; i++) {
        assert_true(c->names[i].category_id == p->tree[i].category_id &&
                    c->names[i].parent == p->tree[i].parent);
        assert_string_equal(c->names[i].name, p->tree[i].name);
    }
}

/* ---- checking ---- */

/* Taken out of the detection, the record is the one that was read. */
static void same_when_taken(struct bw_detection *d, const struct bw_product *p,
                            const struct bw_check_record *read)
{
    struct bw_check_record c;
    struct bw_product lent = *p; /* its tree is taken, and is still the caller's */
    struct bw_detection copy = *d;
    bw_check_record_take(&c, d, &lent, read->checked_at_ms, read->batch_id, read->raw_sha256, false);
    assert_true(lent.tree == NULL && lent.n_tree == 0 && d->changes == NULL && d->reigns == NULL);
    assert_true(c.unknown == read->unknown && c.checked_at_ms == read->checked_at_ms && !c.raw_mended);
    assert_string_equal(c.batch_id, read->batch_id);
    assert_string_equal(c.raw_sha256, read->raw_sha256);
    same_state(&c.state, &read->state);
    copy.next = c.state;
    copy.changes = c.changes;
    copy.reigns = c.reigns;
    copy.unknowns = c.unknowns;
    same_changes(&copy, read);
    same_changes(&copy, &c);
    same_reigns(&copy, &c);
    (void)same_series(d, p, &c);
    same_names(p, &c);
    c.names = NULL;
    c.n_names = 0;
    bw_check_record_fini(&c);
}

struct run {
    struct bw_state state;
    size_t points, changes, reigns;
};

static void check(struct run *r, const struct bw_product *p, int64_t answered_at)
{
    const struct bw_detect_input in = {.prev = &r->state,
                                       .product = p,
                                       .answered_at = answered_at,
                                       .detected_at_ms = answered_at * 1000 + 7,
                                       .others_answer = true};
    struct bw_error error = {.code = BW_OK};
    struct bw_check_record c;
    struct bw_detection d;
    struct bw_buf json;
    bw_detect(&in, &d);
    bw_buf_init(&json, LARGE);
    bw_check_encode(&d, p, NULL, in.detected_at_ms, BATCH, "", false, &json);
    assert_false(json.overflow);
    if (bw_check_decode(json.data, json.len, &c, &error) != BW_OK)
        fail_msg("%s of %s at %lld", error.text, p->key.asin, (long long)answered_at);
    assert_int_equal(c.unknown, d.unknown);
    same_state(&d.next, &c.state);
    same_changes(&d, &c);
    same_reigns(&d, &c);
    r->points += same_series(&d, p, &c);
    same_names(p, &c);
    r->changes += d.n_changes;
    r->reigns += d.n_reigns;
    same_when_taken(&d, p, &c);
    bw_state_fini(&r->state);
    r->state = c.state; /* the next check goes on from what was read */
    bw_state_init(&c.state, &p->key);
    bw_check_record_fini(&c);
    bw_detection_fini(&d);
    bw_buf_fini(&json);
}

static void cut_series(struct bw_series *s, int64_t until)
{
    while (s->n > 0 && s->points[s->n - 1].at > until)
        s->n--;
}

/* The product as it was at that time. */
static struct bw_product product_until(const struct bw_product *p, int64_t until)
{
    struct bw_product q = *p;
    q.ranks = bw_alloc_array(p->n_ranks, sizeof(*q.ranks));
    q.n_ranks = 0;
    q.last_update = until;
    for (size_t i = 0; i < p->n_ranks; i++) {
        struct bw_rank_series s = p->ranks[i];
        cut_series(&s.series, until);
        if (s.series.n > 0)
            q.ranks[q.n_ranks++] = s;
    }
    for (int k = 0; k < BW_VALUE_KINDS; k++)
        cut_series(&q.values[k], until);
    if (q.unknown == BW_KNOWN && q.n_ranks == 0)
        q.unknown = BW_UNKNOWN_NO_RANKS;
    return q;
}

static size_t count_points(const struct bw_product *p, int64_t *first, int64_t *last)
{
    size_t n = 0;
    *first = INT64_MAX;
    *last = p->last_update > 0 ? p->last_update : 1;
    for (size_t i = 0; i < p->n_ranks; i++) {
        const struct bw_series *s = &p->ranks[i].series;
        n += s->n;
        *first = s->points[0].at < *first ? s->points[0].at : *first;
        *last = s->points[s->n - 1].at > *last ? s->points[s->n - 1].at : *last;
    }
    for (int k = 0; k < BW_VALUE_KINDS; k++)
        n += p->values[k].n;
    return n;
}

/* In that many steps from the first point to the last. */
static struct run walk(const struct bw_product *p, int steps)
{
    struct run r = {.points = 0};
    int64_t first, last;
    size_t all = count_points(p, &first, &last);
    bw_state_init(&r.state, &p->key);
    for (int i = 1; i <= steps; i++) {
        int64_t until = first < last ? first + (last - first) * i / steps : last;
        struct bw_product q = product_until(p, until);
        check(&r, &q, until);
        free(q.ranks);
    }
    if (p->unknown == BW_KNOWN)
        assert_int_equal(r.points, all); /* each came through, and once */
    bw_state_fini(&r.state);
    return r;
}

static void recorded_products(void **state)
{
    static const char *const files[] = {"answer_2025.json", "answer_2026.json"};
    struct run once = {.points = 0}, often = {.points = 0};
    (void)state;
    for (size_t f = 0; f < COUNT(files); f++) {
        struct data_slices s;
        size_t len;
        char *body = data_read(files[f], &len);
        data_split(body, len, 0, &s);
        for (size_t i = 0; i < s.n; i++) {
            struct bw_product p;
            assert_int_equal(bw_keepa_product_decode(s.at[i].json, s.at[i].len, 1, &p, NULL), BW_OK);
            struct run a = walk(&p, 1), b = walk(&p, 200);
            once.points += a.points;
            once.changes += a.changes;
            once.reigns += a.reigns;
            often.points += b.points;
            often.changes += b.changes;
            bw_product_fini(&p);
        }
        data_slices_free(&s);
        free(body);
    }
    assert_int_equal(once.changes, 0); /* a first sight */
    assert_true(once.points > 100 && once.reigns > 0);
    assert_true(often.points > 100 && often.changes > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(recorded_products)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
