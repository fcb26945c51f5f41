/* Stored state: what is written is read again, and nothing else is. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/state_json.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct bw_product_key key = {.domain = 3, .asin = "B0TEST0001"};

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Often an end of the range. */
static int64_t random_number(uint32_t *seed, int64_t min, int64_t max)
{
    switch (next_random(seed) % 4) {
    case 0:
        return min;
    case 1:
        return max;
    default:
        return min + (int64_t)next_random(seed) % (max > 16777216 ? 16777216 : max - min + 1);
    }
}

static char *random_text(uint32_t *seed)
{
    static const char *const texts[] = {NULL, "", "Plain", "Quote \" and \\ and \n\x01",
                                        "\xC3\xBC\xF0\x9F\x8E\x89 \xE2\x80\xA8"};

    return bw_strdup(texts[next_random(seed) % 5]);
}

static void random_state(struct bw_state *s, uint32_t *seed)
{
    int64_t *const longs[] = {&s->version,     &s->checked_at_ms, &s->answered_at,
                              &s->ok_at,       &s->freshness,     &s->last_update,
                              &s->last_change, &s->unknown_since, &s->stub_since};
    int64_t *const values[] = {&s->current_price, &s->monthly_sold, &s->rating, &s->review_count};

    bw_state_init(s, &key);
    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++)
        *longs[i] = random_number(seed, 0, INT64_MAX);
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        *values[i] = random_number(seed, -1, INT64_MAX);
    for (size_t i = 0; i < BW_VALUE_KINDS; i++)
        s->value_at[i] = random_number(seed, 0, INT64_MAX);
    s->baseline = next_random(seed) % 2;
    s->unknown = (enum bw_unknown)(next_random(seed) % (BW_UNKNOWN_STALE + 1));
    s->unknown_checks = (int)random_number(seed, 0, INT_MAX);
    s->stub_checks = (int)random_number(seed, 0, INT_MAX);
    s->availability_amazon = next_random(seed) % 2 ? INT64_MIN : random_number(seed, -1, 4);
    s->title = random_text(seed);
    s->brand = random_text(seed);
    s->parent_asin = random_text(seed);
    s->n_categories = next_random(seed) % 6;
    if (s->n_categories > 0)
        s->categories = bw_alloc_array(s->n_categories, sizeof *s->categories);
    for (size_t i = 0; i < s->n_categories; i++) {
        s->categories[i] = (struct bw_category_state){
            .category_id = i == 5 ? INT64_MAX : (int64_t)i * 1000000007 + 1,
            .name = random_text(seed),
            .rank = random_number(seed, -1, INT64_MAX),
            .at = random_number(seed, 0, INT64_MAX),
            .since = random_number(seed, 0, INT64_MAX),
            .not_before = random_number(seed, 0, INT64_MAX),
            .confirmed_at = random_number(seed, 0, INT64_MAX),
            .missing = (int)random_number(seed, 0, INT_MAX),
            .missing_since = random_number(seed, 0, INT64_MAX),
            .removed = next_random(seed) % 2,
        };
    }
}

static void same_text(const char *a, const char *b)
{
    assert_int_equal(a == NULL, b == NULL);
    if (a)
        assert_string_equal(a, b);
}

static void same_category(const struct bw_category_state *a, const struct bw_category_state *b)
{
    assert_true(a->category_id == b->category_id && a->rank == b->rank && a->at == b->at);
    assert_true(a->since == b->since && a->not_before == b->not_before && a->confirmed_at == b->confirmed_at);
    assert_true(a->missing == b->missing && a->missing_since == b->missing_since && a->removed == b->removed);
    same_text(a->name, b->name);
}

static void same_state(const struct bw_state *a, const struct bw_state *b)
{
    assert_int_equal(bw_product_key_compare(&a->key, &b->key), 0);
    assert_true(a->version == b->version && a->baseline == b->baseline &&
                a->checked_at_ms == b->checked_at_ms);
    assert_true(a->answered_at == b->answered_at && a->ok_at == b->ok_at && a->freshness == b->freshness);
    assert_true(a->last_update == b->last_update && a->last_change == b->last_change &&
                a->unknown == b->unknown);
    assert_true(a->unknown_checks == b->unknown_checks && a->unknown_since == b->unknown_since);
    assert_true(a->stub_checks == b->stub_checks && a->stub_since == b->stub_since);
    assert_true(a->current_price == b->current_price && a->availability_amazon == b->availability_amazon);
    assert_true(a->monthly_sold == b->monthly_sold && a->rating == b->rating &&
                a->review_count == b->review_count);
    assert_memory_equal(a->value_at, b->value_at, sizeof a->value_at);
    same_text(a->title, b->title);
    same_text(a->brand, b->brand);
    same_text(a->parent_asin, b->parent_asin);
    assert_int_equal(a->n_categories, b->n_categories);
    for (size_t i = 0; i < a->n_categories; i++)
        same_category(&a->categories[i], &b->categories[i]);
}

/* Every field differs from what a fresh state holds in some round: one forgotten shows up. */
static void round_trip(void **state)
{
    uint32_t seed = 4711;

    (void)state;
    for (int round = 0; round < 500; round++) {
        struct bw_state s, back;
        struct bw_buf json;
        struct bw_error error;

        random_state(&s, &seed);
        bw_buf_init(&json, 1u << 20);
        bw_state_encode(&s, &json);
        if (bw_state_decode(bw_buf_str(&json), json.len, &key, &back, &error) != BW_OK)
            fail_msg("%s: %s", error.text, bw_buf_str(&json));
        same_state(&s, &back);
        bw_buf_fini(&json);
        bw_state_fini(&s);
        bw_state_fini(&back);
    }
}

static void fresh_state(void **state)
{
    struct bw_state s, back;
    struct bw_buf json;

    (void)state;
    bw_state_init(&s, &key);
    bw_buf_init(&json, 10000);
    bw_state_encode(&s, &json);
    assert_int_equal(bw_state_decode(bw_buf_str(&json), json.len, &key, &back, NULL), BW_OK);
    same_state(&s, &back);
    bw_buf_fini(&json);
    bw_state_fini(&s);
    bw_state_fini(&back);
}

/* A good state in which `from` is replaced by `to`. */
static void expect_refused(const char *good, const char *from, const char *to)
{
    struct bw_state back;
    struct bw_error error = {0};
    const char *at = strstr(good, from);

    assert_non_null(at);
    char *bad = bw_asprintf("%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
    enum bw_err err = bw_state_decode(bad, strlen(bad), &key, &back, &error);
    if (err != BW_ERR_INVALID && err != BW_ERR_SYNTAX)
        fail_msg("'%s' for '%s' accepted", to, from);
    assert_true(error.text[0] != '\0');
    free(bad);
}

static char *good_state(void)
{
    struct bw_state s;
    struct bw_buf json;

    bw_state_init(&s, &key);
    s.version = 12;
    s.title = bw_strdup("T");
    s.n_categories = 2;
    s.categories = bw_alloc_array(2, sizeof *s.categories);
    s.categories[0] = (struct bw_category_state){
        .category_id = 5, .rank = 1, .at = 1000, .since = 900, .name = bw_strdup("Five")};
    s.categories[1] = (struct bw_category_state){.category_id = 6, .rank = -1, .at = 1000};
    bw_buf_init(&json, 10000);
    bw_state_encode(&s, &json);
    bw_state_fini(&s);
    return bw_buf_take(&json, NULL);
}

/* good is refused with each of the replacements, and when it is cut. */
static void expect_strict(const char *good, const char *const (*rows)[2], size_t n)
{
    struct bw_state back;

    assert_int_equal(bw_state_decode(good, strlen(good), &key, &back, NULL), BW_OK);
    bw_state_fini(&back);
    for (size_t i = 0; i < n; i++)
        expect_refused(good, rows[i][0], rows[i][1]);
    for (size_t len = 0; len < strlen(good); len++)
        assert_int_equal(bw_state_decode(good, len, &key, &back, NULL), BW_ERR_SYNTAX);
}

#define GOOD                                                                                                 \
    "[2,[12,0,0,0,0,0,0,0,-1,-1,-1,-1],\"\",\"T\",null,null,null,[],[[\"Five\",5,1,1000,0,900],[null,6,-1,"  \
    "1000]]]"

static void anything_odd_is_refused(void **state)
{
    static const char *const rows[][2] = {
        {"[2,", "[1,"},
        {"[2,", "[3,"},
        {"[2,", "["},
        {"[12,", "[-1,"},
        {"[12,", "[\"12\","},
        {"[12,", "[12.0,"},
        {"[12,", "[9223372036854775808,"},
        {"[12,0,", "[12,2,"},
        {"[12,0,", "[12,false,"},
        {"-1],", "-1,2147483648],"},
        {"-1],", "-1,0,0,0,0,0],"},
        {"-1],", "-2],"},
        {"\"\"", "\"weather\""},
        {"\"\"", "null"},
        {"\"T\"", "7"},
        {"\"T\"", "\"a\\u0000b\""},
        {"\"T\",", ""},
        {"null,[]", "\"\",[]"},
        {"[],", "[null],"},
        {"[],", "[-1],"},
        {"[],", "[0,0,0,0,0,0,0,0],"},
        {"[],", "{},"},
        {"[[", "[7,["},
        {"[[", "[null,["},
        {"[[", "[[],["},
        {"[\"Five\",5,1,1000,0,900]", "[\"Five\"]"},
        {"\"Five\",5", "\"Five\",0"},
        {"\"Five\",5", "\"Five\",6"},
        {"\"Five\",5", "\"Five\",7"},
        {"\"Five\",5,1", "\"Five\",5,-2"},
        {"\"Five\",5,1", "\"Five\",5,null"},
        {"\"Five\"", "5"},
        {"900]", "900,0,0,0,2]"},
        {"900]", "900,0,0,0,1,0,0,0,0,0,1]"},
        {"]]]", "]],7]"},
        {"]]]", "]]],7"},
        {"[[\"Five\",5,1,1000,0,900],[null,6,-1,1000]]", "null"},
    };
    char *good = good_state();

    (void)state;
    assert_string_equal(good, GOOD);
    expect_strict(good, rows, sizeof rows / sizeof *rows);
    static const char *const others[] = {"[]", "null", "7", "{}", "[2]", "[2,[]]", "[[2]]"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct bw_state back;
        assert_int_equal(bw_state_decode(others[i], strlen(others[i]), &key, &back, NULL), BW_ERR_INVALID);
    }
    free(good);
}

/* As Postgres gives them back. */
static void blanks_change_nothing(void **state)
{
    struct bw_state back;
    struct bw_buf again;

    (void)state;
    static const char spaced[] =
        "[2, [12, 0, 0, 0, 0, 0, 0, 0, -1, -1, -1, -1], \"\", \"T\", null, null, null, [], "
        "[[\"Five\", 5, 1, 1000, 0, 900], [null, 6, -1, 1000]]]\n";
    assert_int_equal(bw_state_decode(spaced, strlen(spaced), &key, &back, NULL), BW_OK);
    bw_buf_init(&again, 10000);
    bw_state_encode(&back, &again);
    assert_string_equal(bw_buf_str(&again), GOOD);
    bw_buf_fini(&again);
    bw_state_fini(&back);
}

#define OLD                                                                                                  \
    "{\"v\":1,\"version\":12,\"baseline\":true,\"checked_at_ms\":1,\"answered_at\":2,\"ok_at\":3,"           \
    "\"freshness\":4,"                                                                                       \
    "\"last_update\":5,\"last_change\":6,\"unknown_checks\":7,\"unknown_since\":8,\"stub_checks\":9,\"stub_" \
    "since\":10,"                                                                                            \
    "\"current_price\":11,\"monthly_sold\":12,\"rating\":13,\"review_count\":14,\"unknown\":\"stub\","       \
    "\"title\":\"T\","                                                                                       \
    "\"brand\":\"B\",\"parent_asin\":null,\"availability_amazon\":-1,\"value_at\":[15,16,17,18,19,20,21],"   \
    "\"categories\":[{\"category_id\":5,\"rank\":1,\"at\":22,\"since\":23,\"not_before\":24,\"confirmed_"    \
    "at\":25,"                                                                                               \
    "\"missing\":26,\"missing_since\":27,\"removed\":true,\"name\":\"Five\"}]}"

/* An upgrade finds states of version 1 in Redis, Postgres and the history stream. */
static void version_1_is_read(void **state)
{
    struct bw_state back;
    struct bw_buf now;

    (void)state;
    assert_int_equal(bw_state_decode(OLD, strlen(OLD), &key, &back, NULL), BW_OK);
    bw_buf_init(&now, 10000);
    bw_state_encode(&back, &now);
    assert_string_equal(bw_buf_str(&now),
                        "[2,[12,1,1,2,3,4,5,6,11,12,13,14,7,8,9,10],\"stub\",\"T\",\"B\",null,-1,"
                        "[15,16,17,18,19,20,21],[[\"Five\",5,1,22,25,23,24,26,27,1]]]");
    bw_buf_fini(&now);
    bw_state_fini(&back);
}

static void anything_odd_in_version_1_is_refused(void **state)
{
    static const char *const rows[][2] = {
        {"\"v\":1", "\"v\":2"},
        {"\"v\":1,", ""},
        {"\"version\":12", "\"version\":-1"},
        {"\"version\":12", "\"version\":\"12\""},
        {"\"version\":12", "\"version\":12,\"more\":1"},
        {"\"version\":12", "\"revision\":12"},
        {"\"version\":12", "\"version\":12,\"version\":13"},
        {"\"baseline\":true", "\"baseline\":1"},
        {"\"unknown_checks\":7", "\"unknown_checks\":2147483648"},
        {"\"unknown\":\"stub\"", "\"unknown\":\"weather\""},
        {"\"title\":\"T\"", "\"titel\":\"T\""},
        {"\"availability_amazon\":", "\"availability_amazon\":\"\",\"x\":"},
        {"\"value_at\":[15,", "\"value_at\":["},
        {"\"value_at\":[15,", "\"value_at\":[0,0,"},
        {"\"categories\":[", "\"categories\":[null,"},
        {"\"category_id\":5", "\"category_id\":0"},
        {"\"name\":\"Five\"", "\"name\":\"Five\",\"x\":1"},
        {"\"removed\":true", "\"removed\":null"},
        {"{\"v\"", "[{\"v\""},
    };

    (void)state;
    expect_strict(OLD, rows, sizeof rows / sizeof *rows);
}

static void readable_pieces(void **state)
{
    struct bw_category_state categories[] = {
        {.category_id = 5, .rank = 1, .at = 1778386768, .since = 1778386700, .name = NULL},
        {.category_id = 6, .rank = -1, .at = 1778386768},
        {.category_id = 7, .rank = 0, .at = 1778386768, .removed = true},
        {.category_id = 7792528011,
         .rank = 1,
         .at = 1778386768,
         .since = 1778386768,
         .name = (char[]){"Oils & \"Serums\""}},
        {.category_id = INT64_MAX, .rank = 4, .at = 1778386768},
    };
    struct bw_state s;
    struct bw_buf json;

    (void)state;
    bw_state_init(&s, &key);
    s.categories = categories;
    s.n_categories = 5;
    bw_buf_init(&json, 10000);
    bw_state_ranks_json(&s, &json);
    assert_string_equal(bw_buf_str(&json),
                        "{\"5\":{\"rank\":1,\"at\":\"2026-05-10T04:19:28Z\"},"
                        "\"6\":{\"rank\":null,\"at\":\"2026-05-10T04:19:28Z\"},"
                        "\"7792528011\":{\"rank\":1,\"at\":\"2026-05-10T04:19:28Z\"},"
                        "\"9223372036854775807\":{\"rank\":4,\"at\":\"2026-05-10T04:19:28Z\"}}");
    bw_buf_clear(&json);
    bw_state_badges_json(&s, &json);
    assert_string_equal(bw_buf_str(&json),
                        "[{\"category_id\":5,\"category\":\"Category 5\",\"since\":\"2026-05-10T04:18:20Z\"},"
                        "{\"category_id\":7792528011,\"category\":\"Oils & \\\"Serums\\\"\","
                        "\"since\":\"2026-05-10T04:19:28Z\"}]");
    bw_buf_clear(&json);
    s.n_categories = 0;
    bw_state_ranks_json(&s, &json);
    bw_state_badges_json(&s, &json);
    assert_string_equal(bw_buf_str(&json), "{}[]");
    bw_buf_fini(&json);
    s.categories = NULL; /* not on the heap */
    bw_state_fini(&s);
}

static void labels(void **state)
{
    struct bw_buf b;

    (void)state;
    bw_buf_init(&b, 100);
    bw_category_label(5, "Five", &b);
    bw_category_label(5, NULL, &b);
    bw_category_label(5, "", &b);
    assert_string_equal(bw_buf_str(&b), "FiveCategory 5Category 5");
    bw_buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(fresh_state),
        cmocka_unit_test(anything_odd_is_refused),
        cmocka_unit_test(blanks_change_nothing),
        cmocka_unit_test(version_1_is_read),
        cmocka_unit_test(anything_odd_in_version_1_is_refused),
        cmocka_unit_test(readable_pieces),
        cmocka_unit_test(labels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
