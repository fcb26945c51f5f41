/* Stream entries: what is written is read again, texts that were cut too. */
#include "made.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/keepa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static void same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void same_change(const struct bw_change *a, const struct bw_change *b)
{
    assert_string_equal(a->id, b->id);
    assert_int_equal(bw_product_key_compare(&a->key, &b->key), 0);
    assert_true(a->type == b->type && a->reason == b->reason && a->category_id == b->category_id);
    assert_true(a->previous_rank == b->previous_rank && a->new_rank == b->new_rank);
    assert_true(a->occurred_at == b->occurred_at && a->detected_at_ms == b->detected_at_ms);
    assert_true(a->received_at_ms == b->received_at_ms);
    assert_true(a->previous_check_at == b->previous_check_at && a->held_since == b->held_since);
    same_text(a->category, b->category);
}

/* ---- round trips ---- */

#define DECODED(call, json)                                                                                  \
    do {                                                                                                     \
        struct bw_error error = {.code = BW_OK};                                                             \
        if ((call) != BW_OK)                                                                                 \
            fail_msg("%s: %s", error.text, bw_buf_str(json));                                                \
    } while (0)

static void changes(void **state)
{
    uint32_t seed = 1;
    (void)state;
    for (int round = 0; round < 500; round++) {
        struct bw_change_entry e = {.change = random_change(&seed),
                                    .title = random_name(&seed),
                                    .data_at = random_number(&seed, 0, TIME_MAX)};
        struct bw_change_entry back;
        struct bw_buf json;
        (void)snprintf(e.parent, sizeof e.parent, "%s", round % 2 ? "B0PARENT01" : "");
        bw_buf_init(&json, 1u << 16);
        bw_change_entry_encode(&e, &json);
        DECODED(bw_change_entry_decode(json.data, json.len, &back, &error), &json);
        same_change(&e.change, &back.change);
        same_text(e.title, back.title);
        assert_string_equal(e.parent, back.parent);
        assert_true(back.data_at == e.data_at);
        bw_change_entry_fini(&back);
        bw_change_entry_fini(&e);
        bw_buf_fini(&json);
    }
}

static void requests(void **state)
{
    static const double costs[] = {0, 0.1, 1.0 / 3, 0.10972222222222222, 4900, 99999999, 5e-324};
    uint32_t seed = 2;
    (void)state;
    for (int round = 0; round < 500; round++) {
        struct bw_request_record r = {.started_at_ms = random_number(&seed, 0, TIME_MAX * 1000),
                                      .completed_at_ms = random_number(&seed, 0, TIME_MAX * 1000),
                                      .endpoint = "product",
                                      .http_status = (int)random_number(&seed, 0, 999),
                                      .asins = (int)random_number(&seed, 0, 100),
                                      .tokens_consumed = random_number(&seed, 0, INT32_MAX),
                                      .has_tokens_left = next_random(&seed) % 2,
                                      .cost_cents = costs[next_random(&seed) % COUNT(costs)]};
        struct bw_request_record back;
        struct bw_buf json;
        random_uuid(&seed, r.batch_id);
        r.tokens_left = r.has_tokens_left ? random_number(&seed, -400, 400) : 0;
        (void)snprintf(r.error, sizeof r.error, "%s", random_text(&seed));
        bw_buf_init(&json, 1u << 16);
        bw_request_encode(&r, &json);
        DECODED(bw_request_decode(json.data, json.len, &back, &error), &json);
        assert_string_equal(r.batch_id, back.batch_id);
        assert_true(r.started_at_ms == back.started_at_ms && r.completed_at_ms == back.completed_at_ms);
        assert_string_equal(r.endpoint, back.endpoint);
        assert_true(r.http_status == back.http_status && r.asins == back.asins);
        assert_true(r.tokens_consumed == back.tokens_consumed && r.has_tokens_left == back.has_tokens_left);
        assert_true(r.tokens_left == back.tokens_left && r.cost_cents == back.cost_cents);
        assert_string_equal(r.error, back.error);
        bw_buf_fini(&json);
    }
}

static void told(void **state)
{
    uint32_t seed = 3;
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct bw_change_entry entries[4];
        struct bw_told_record back;
        struct bw_buf json;
        size_t n = 1 + next_random(&seed) % COUNT(entries);
        for (size_t i = 0; i < n; i++)
            entries[i] =
                (struct bw_change_entry){.change = random_change(&seed),
                                         .title = random_name(&seed),
                                         .data_at = random_number(&seed, 0, TIME_MAX),
                                         .queued_at_ms = round % 4 ? random_number(&seed, 0, TIME_MAX) : 0};
        bw_buf_init(&json, 1u << 16);
        struct bw_told_record where = {
            .channel = "C0123", .quietly = round % 5 == 0, .told_at_ms = 1755101612345};
        (void)snprintf(where.withheld, sizeof where.withheld, "%s", round % 3 ? "" : "muted");
        (void)snprintf(where.ts, sizeof where.ts, "%s", round % 2 ? "1503435956.000247" : "");
        (void)snprintf(where.thread, sizeof where.thread, "%s", round % 5 ? "" : "1503435955.000001");
        bw_told_encode(entries, n, &where, &json);
        DECODED(bw_told_decode(json.data, json.len, &back, &error), &json);
        assert_int_equal(back.n, n);
        assert_string_equal(back.withheld, round % 3 ? "" : "muted");
        assert_string_equal(back.channel, "C0123");
        assert_string_equal(back.ts, round % 2 ? "1503435956.000247" : "");
        assert_string_equal(back.thread, where.thread);
        assert_int_equal(back.quietly, where.quietly);
        assert_true(back.told_at_ms == 1755101612345);
        for (size_t i = 0; i < n; i++) {
            same_change(&entries[i].change, &back.entries[i].change);
            same_text(entries[i].title, back.entries[i].title);
            assert_true(entries[i].data_at == back.entries[i].data_at);
            assert_true(entries[i].queued_at_ms == back.entries[i].queued_at_ms);
            bw_change_entry_fini(&entries[i]);
        }
        bw_told_record_fini(&back);
        bw_buf_fini(&json);
    }
}

static void attempts(void **state)
{
    uint32_t seed = 4;
    (void)state;
    for (size_t n = 0; n < 5; n++) {
        char ids[5][BW_UUID_TEXT], *list[5];
        struct bw_attempt_record r = {.kind = "change",
                                      .channel = "C0123",
                                      .change_ids = list,
                                      .n_change_ids = n,
                                      .attempt = (int)random_number(&seed, 0, INT32_MAX),
                                      .outcome = "ambiguous",
                                      .at_ms = random_number(&seed, 0, TIME_MAX * 1000)};
        struct bw_attempt_record back;
        struct bw_buf json;
        for (size_t i = 0; i < n; i++) {
            random_uuid(&seed, ids[i]);
            list[i] = ids[i];
        }
        (void)snprintf(r.error, sizeof r.error, "%s", random_text(&seed));
        bw_buf_init(&json, 1u << 16);
        bw_attempt_encode(&r, &json);
        DECODED(bw_attempt_decode(json.data, json.len, &back, &error), &json);
        assert_string_equal(r.kind, back.kind);
        assert_string_equal(r.channel, back.channel);
        assert_string_equal(r.outcome, back.outcome);
        assert_string_equal(r.error, back.error);
        assert_true(r.attempt == back.attempt && r.at_ms == back.at_ms);
        assert_int_equal(back.n_change_ids, n);
        for (size_t i = 0; i < n; i++)
            assert_string_equal(back.change_ids[i], ids[i]);
        bw_attempt_record_fini(&back);
        bw_buf_fini(&json);
    }
}

static void names(void **state)
{
    char name[] = "Beauté & \xF0\x9F\x8E\x89", empty[] = "";
    struct bw_category_name *back = NULL, given[] = {{7792528011, 0, name}, {INT64_MAX, 7792528011, empty}};
    (void)state;
    for (size_t count = 0; count <= COUNT(given); count++) {
        struct bw_buf json;
        int domain = 0;
        size_t n = 99;
        bw_buf_init(&json, 4096);
        bw_names_encode(12, given, count, &json);
        DECODED(bw_names_decode(json.data, json.len, &domain, &back, &n, &error), &json);
        assert_int_equal(domain, 12);
        assert_int_equal(n, count);
        for (size_t i = 0; i < count; i++) {
            assert_true(back[i].category_id == given[i].category_id && back[i].parent == given[i].parent);
            assert_string_equal(back[i].name, given[i].name);
        }
        bw_keepa_names_free(back, n);
        bw_buf_fini(&json);
    }
}

/* A reason of a library, cut to its field in the middle of a character: mending makes it longer, and its own reader must
 * take it all the same. */
static void cut_texts_are_read(void **state)
{
    struct bw_request_record r = {.batch_id = "6f0c3a52-0000-5000-8000-000000000001"}, back;
    struct bw_attempt_record a = {.kind = "change", .outcome = "retry"}, a_back;
    struct bw_change_entry e = {0};
    struct bw_told_record t_back;
    uint32_t seed = 5;
    struct bw_buf json;
    struct bw_told_record where = {.told_at_ms = 1};
    (void)state;
    memset(r.endpoint, 'p', sizeof r.endpoint - 1);
    memset(r.error, 'x', sizeof r.error - 1);
    r.error[sizeof r.error - 2] = '\xc3';
    bw_buf_init(&json, 1u << 16);
    bw_request_encode(&r, &json);
    DECODED(bw_request_decode(json.data, json.len, &back, &error), &json);
    assert_int_equal(strlen(back.error), sizeof r.error - 2);
    assert_memory_equal(back.error, r.error, sizeof r.error - 2);

    memset(a.channel, '\xff', sizeof a.channel - 1);
    bw_buf_clear(&json);
    bw_attempt_encode(&a, &json);
    DECODED(bw_attempt_decode(json.data, json.len, &a_back, &error), &json);
    assert_int_equal(strlen(a_back.channel),
                     (sizeof a.channel - 1) / 3 * 3); /* as U+FFFD, three bytes each */
    bw_attempt_record_fini(&a_back);

    memset(where.withheld, 'c', sizeof where.withheld - 1);
    memset(where.channel, 'c', sizeof where.channel - 1);
    memset(where.thread, 'c', sizeof where.thread - 1);
    e.change = random_change(&seed);
    bw_buf_clear(&json);
    bw_told_encode(&e, 1, &where, &json);
    DECODED(bw_told_decode(json.data, json.len, &t_back, &error), &json);
    assert_int_equal(strlen(t_back.withheld), sizeof t_back.withheld - 1);
    assert_int_equal(strlen(t_back.channel), sizeof t_back.channel - 1);
    assert_string_equal(t_back.thread, where.thread);
    bw_told_record_fini(&t_back);
    bw_change_entry_fini(&e);
    bw_buf_fini(&json);
}

/* ---- check ---- */

static void same_points(const struct bw_series *all, size_t from, size_t to, const struct bw_series *back)
{
    assert_int_equal(back->n, to - from);
    for (size_t i = 0; i < back->n; i++)
        assert_true(back->points[i].at == all->points[from + i].at &&
                    back->points[i].value == all->points[from + i].value);
}

static void same_reigns(const struct made *m, const struct bw_check_record *c)
{
    assert_int_equal(c->n_reigns, m->d.n_reigns);
    for (size_t i = 0; i < c->n_reigns; i++) {
        const struct bw_reign *a = &m->reigns[i], *b = &c->reigns[i];
        assert_string_equal(a->id, b->id);
        assert_true(a->category_id == b->category_id && a->started_at == b->started_at &&
                    a->ended_at == b->ended_at);
        assert_true(a->start_not_before == b->start_not_before && a->end_not_before == b->end_not_before);
        assert_true(a->ended_at == 0 || a->ended_by == b->ended_by);
        same_text(a->category, b->category);
    }
    assert_int_equal(c->n_unknowns, m->d.n_unknowns);
    for (size_t i = 0; i < c->n_unknowns; i++) {
        const struct bw_unknown_period *a = &m->unknowns[i], *b = &c->unknowns[i];
        assert_true(a->category_id == b->category_id && a->from_at == b->from_at && a->to_at == b->to_at);
        assert_string_equal(a->reason, b->reason);
    }
}

static void same_series(const struct made *m, const struct bw_check_record *c)
{
    assert_int_equal(c->n_ranks, m->d.n_rank_points);
    for (size_t i = 0; i < c->n_ranks; i++) {
        assert_true(c->ranks[i].category_id == m->ranks[i].category_id);
        same_points(&m->ranks[i].series, m->new[i].from, m->new[i].to, &c->ranks[i].series);
    }
    size_t rating = m->d.value_from[BW_VALUE_RATING] < 3;
    assert_int_equal(c->n_values, 1 + rating);
    assert_int_equal(c->values[0].kind, BW_VALUE_AMAZON);
    same_points(&m->p.values[BW_VALUE_AMAZON], 1, 2, &c->values[0].series);
    if (rating) {
        assert_int_equal(c->values[1].kind, BW_VALUE_RATING);
        same_points(&m->p.values[BW_VALUE_RATING], m->d.value_from[BW_VALUE_RATING], 3, &c->values[1].series);
    }
    assert_int_equal(c->n_names, m->p.n_tree);
    for (size_t i = 0; i < c->n_names; i++) {
        assert_true(c->names[i].category_id == m->tree[i].category_id &&
                    c->names[i].parent == m->tree[i].parent);
        assert_string_equal(c->names[i].name, m->tree[i].name);
    }
}

static void checks(void **state)
{
    uint32_t seed = 6;
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct made m;
        struct bw_check_record c;
        struct bw_buf json;
        made_init(&m, &seed);
        bw_buf_init(&json, 1u << 20);
        made_encode(&m, &json);
        DECODED(bw_check_decode(json.data, json.len, &c, &error), &json);
        assert_int_equal(c.unknown, m.d.unknown);
        assert_true(c.checked_at_ms == 1755101612345 && c.raw_mended);
        assert_string_equal(c.batch_id, BATCH);
        assert_string_equal(c.raw_sha256, HASH);
        assert_int_equal(bw_product_key_compare(&c.state.key, &made_key), 0);
        assert_true(c.state.version == 17 && c.state.freshness == 1755101612);
        assert_string_equal(c.state.title, "Title \"x\"");
        assert_int_equal(c.n_changes, m.d.n_changes);
        for (size_t i = 0; i < c.n_changes; i++)
            same_change(&m.changes[i], &c.changes[i]);
        same_reigns(&m, &c);
        same_series(&m, &c);
        bw_check_record_fini(&c);
        made_fini(&m);
        bw_buf_fini(&json);
    }
}

/* Compact, and still for a person. */
static void check_as_text(void **state)
{
    struct made m;
    uint32_t seed = 7;
    struct bw_buf json;
    (void)state;
    made_init(&m, &seed);
    m.d.n_changes = m.d.n_reigns = m.d.n_unknowns = m.p.n_tree = 0;
    m.d.unknown = BW_KNOWN;
    m.d.n_rank_points = 1;
    m.ranks[0].category_id = 7792528011;
    m.new[0].from = 6;
    m.points[7].value = 1;
    m.d.value_from[BW_VALUE_RATING] = 3;
    m.values[1].value = -1;
    bw_buf_init(&json, 1u << 20);
    made_encode(&m, &json);
    assert_ptr_equal(strstr(json.data,
                            "{\"domain\":3,\"asin\":\"B0TEST0001\",\"unknown\":\"\",\"checked_at_ms\":"
                            "1755101612345,\"batch_id\":\"" BATCH "\",\"raw_sha256\":\"" HASH
                            "\",\"raw_mended\":true,\"state\":[2,["),
                     json.data);
    assert_non_null(strstr(json.data,
                           "],\"changes\":[],\"reigns\":[],\"unknowns\":[],\"ranks\":{\"7792528011\":["
                           "1755100006,-1,1755100007,1]},\"values\":{\"amazon\":[1755100001,-1]},"
                           "\"names\":[]}"));
    made_fini(&m);
    bw_buf_fini(&json);
}

/* What does not fit is seen on the buffer, also when it is the state inside. */
static void check_over_the_cap(void **state)
{
    struct made m;
    uint32_t seed = 8;
    struct bw_buf whole, json;
    (void)state;
    made_init(&m, &seed);
    bw_buf_init(&whole, 1u << 20);
    made_encode(&m, &whole);
    for (size_t max = 0; max < whole.len; max += 7) {
        bw_buf_init(&json, max);
        made_encode(&m, &json);
        assert_true(json.overflow);
        bw_buf_fini(&json);
    }
    made_fini(&m);
    bw_buf_fini(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes),  cmocka_unit_test(requests),      cmocka_unit_test(told),
        cmocka_unit_test(attempts), cmocka_unit_test(names),         cmocka_unit_test(cut_texts_are_read),
        cmocka_unit_test(checks),   cmocka_unit_test(check_as_text), cmocka_unit_test(check_over_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
