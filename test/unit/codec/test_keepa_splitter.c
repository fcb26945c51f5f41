/* Cutting a streaming answer: any chunk size gives the same, and nothing but one JSON object passes. */
#include "unit/codec/data.h"

#include "badgewatch/base/alloc.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* All that came out of one answer, as text. */
struct run {
    struct bw_buf log;
    enum bw_err err;
    struct bw_error error;
    struct bw_keepa_envelope envelope;
    bool has_products;
};

static enum bw_err record(void *ctx, const char *json, size_t len, bool too_big)
{
    struct bw_buf *log = ctx;

    (void)bw_buf_addf(log, "%s%zu:", too_big ? "!" : "", len);
    (void)bw_buf_add(log, json, len);
    (void)bw_buf_addc(log, '\n');
    return BW_OK;
}

/* Each chunk in memory of its own, so that reading past it shows up. */
static enum bw_err feed_copy(struct bw_keepa_splitter *s, const char *data, size_t len)
{
    char *copy = malloc(len);
    assert_non_null(copy);
    memcpy(copy, data, len);
    enum bw_err err = bw_keepa_splitter_feed(s, copy, len);
    free(copy);
    return err;
}

static void run_split(const char *body, size_t len, size_t chunk, size_t max_product, struct run *out)
{
    enum bw_err fed = BW_OK;

    *out = (struct run){0};
    bw_buf_init(&out->log, 4u << 20);
    struct bw_keepa_splitter *s = bw_keepa_splitter_new(max_product, record, &out->log);
    for (size_t i = 0; i < len;) {
        size_t n = chunk == 0 || chunk > len - i ? len - i : chunk;

        enum bw_err err = feed_copy(s, body + i, n);
        if (fed)
            assert_int_equal(err, fed); /* errors stay */
        fed = err;
        i += n;
    }
    out->err = bw_keepa_splitter_finish(s, &out->envelope, &out->has_products, &out->error);
    if (fed)
        assert_int_equal(out->err, fed);
    bw_keepa_splitter_free(s);
}

static void run_text(const char *body, struct run *out)
{
    run_split(body, strlen(body), 0, 1u << 20, out);
}

static void expect(const char *body, enum bw_err err, const char *log)
{
    static const size_t chunks[] = {0, 1, 2, 3, 5};

    for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
        struct run r;

        run_split(body, strlen(body), chunks[i], 1u << 20, &r);
        if (r.err != err || strcmp(bw_buf_str(&r.log), log) != 0)
            fail_msg("'%s' in chunks of %zu: %s (%s), products '%s'", body, chunks[i], bw_err_text(r.err),
                     r.error.text, bw_buf_str(&r.log));
        bw_buf_fini(&r.log);
    }
}

static bool same_envelope(const struct bw_keepa_envelope *a, const struct bw_keepa_envelope *b)
{
    return a->timestamp_ms == b->timestamp_ms && a->has_tokens == b->has_tokens &&
           a->tokens_left == b->tokens_left && a->refill_in_ms == b->refill_in_ms &&
           a->refill_rate == b->refill_rate && a->token_flow_reduction == b->token_flow_reduction &&
           a->tokens_consumed == b->tokens_consumed && a->processing_ms == b->processing_ms &&
           a->has_error == b->has_error && strcmp(a->error_type, b->error_type) == 0 &&
           strcmp(a->error_message, b->error_message) == 0;
}

static void same_run(const struct run *a, const struct run *b)
{
    assert_int_equal(a->err, b->err);
    assert_string_equal(a->error.text, b->error.text);
    assert_int_equal(a->log.len, b->log.len);
    assert_string_equal(bw_buf_str(&a->log), bw_buf_str(&b->log));
    assert_true(same_envelope(&a->envelope, &b->envelope));
    assert_int_equal(a->has_products, b->has_products);
}

static void captures_in_any_chunks(void **state)
{
    static const char *const names[] = {"answer_2025.json", "answer_2026.json"};

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct run whole;
        size_t len;
        char *body = data_read(names[f], &len);

        run_split(body, len, 0, 1u << 20, &whole);
        assert_int_equal(whole.err, BW_OK);
        for (size_t chunk = 1; chunk < 40; chunk++) {
            struct run r;

            run_split(body, len, chunk, 1u << 20, &r);
            same_run(&whole, &r);
            bw_buf_fini(&r.log);
        }
        bw_buf_fini(&whole.log);
        free(body);
    }
}

static void captures_are_cut_exactly(void **state)
{
    static const char *const names[] = {"answer_2025.json", "answer_2026.json"};
    static const char *const asins[] = {"B0TEST0001", "B0TEST0002", "B0TEST0003", "B0TEST0004"};

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct data_slices s;
        size_t len;
        char *body = data_read(names[f], &len);
        const char *from = body;

        data_split(body, len, 100, &s);
        assert_int_equal(s.n, 4);
        for (size_t i = 0; i < s.n; i++) {
            assert_int_equal(s.at[i].json[0], '{');
            assert_int_equal(s.at[i].json[s.at[i].len - 1], '}');
            from =
                memmem(from, len - (size_t)(from - body), s.at[i].json, s.at[i].len); /* as sent, in order */
            assert_non_null(from);
            assert_non_null(memmem(s.at[i].json, s.at[i].len, asins[i], 10));
            from += s.at[i].len;
        }
        data_slices_free(&s);
        free(body);
    }
}

static void envelope_of_both_orders(void **state)
{
    struct run r;
    size_t len;

    (void)state;
    char *body = data_read("answer_2026.json", &len);
    run_split(body, len, 7, 1u << 20, &r);
    assert_int_equal(r.envelope.timestamp_ms, 1783987260123);
    assert_true(r.envelope.has_tokens);
    assert_int_equal(r.envelope.tokens_left, 1104);
    assert_int_equal(r.envelope.refill_in_ms, 41377);
    assert_int_equal(r.envelope.refill_rate, 20);
    assert_int_equal(r.envelope.tokens_consumed, 4);
    assert_int_equal(r.envelope.processing_ms, 312);
    assert_true(r.envelope.token_flow_reduction == 0);
    assert_false(r.envelope.has_error);
    assert_true(r.has_products);
    bw_buf_fini(&r.log);
    free(body);
    body = data_read("answer_2025.json", &len);
    run_split(body, len, 7, 1u << 20, &r);
    assert_int_equal(r.envelope.tokens_left, -37);
    assert_int_equal(r.envelope.refill_rate, 5);
    bw_buf_fini(&r.log);
    free(body);
}

static void error_inside_a_200(void **state)
{
    struct run r;
    size_t len;
    char *body = data_read("error_in_200.json", &len);

    (void)state;
    run_split(body, len, 0, 1000, &r);
    assert_int_equal(r.err, BW_OK);
    assert_false(r.has_products);
    assert_true(r.envelope.has_error);
    assert_string_equal(r.envelope.error_type, "invalidParameter");
    assert_string_equal(r.envelope.error_message,
                        "You sent a parameter that this made-up answer does not like.");
    bw_buf_fini(&r.log);
    free(body);
}

static void elements(void **state)
{
    (void)state;
    expect("{\"products\":[]}", BW_OK, "");
    expect("{\"products\":null,\"tokensLeft\":1}", BW_OK, "");
    expect("{}", BW_OK, "");
    expect(" { } \r\n", BW_OK, "");
    expect("{\"a\":1,\"products\":[{}]}", BW_OK, "2:{}\n");
    expect("{\"products\":[{\"a\":\"]}\\\"{\\\\\"} , {\"b\":[[{}]]}]}", BW_OK,
           "15:{\"a\":\"]}\\\"{\\\\\"}\n12:{\"b\":[[{}]]}\n");
    expect("{\"products\":[null,{},7 ,\"x]\",[1,[2]],-1.5e3]}", BW_OK,
           "4:null\n2:{}\n1:7\n4:\"x]\"\n7:[1,[2]]\n6:-1.5e3\n");
    /* only the outer member counts */
    expect("{\"x\":{\"products\":[{\"n\":1}]},\"y\":[\"products\",[{}]],\"products\":[{}]}", BW_OK, "2:{}\n");
    expect("{\"productsX\":[{}],\"product\":[{}]}", BW_OK, "");
    /* the inside of an element is its decoder's business */
    expect("{\"products\":[{nonsense},{}]}", BW_OK, "10:{nonsense}\n2:{}\n");
    /* bytes that are no UTF-8 pass through */
    expect("{\"products\":[{\"t\":\"Caf\xE9\"}]}", BW_OK, "12:{\"t\":\"Caf\xE9\"}\n");
}

static void not_json(void **state)
{
    (void)state;
    expect("", BW_ERR_SYNTAX, "");
    expect("  ", BW_ERR_SYNTAX, "");
    expect("[]", BW_ERR_SYNTAX, "");
    expect("null", BW_ERR_SYNTAX, "");
    expect("\xEF\xBB\xBF{}", BW_ERR_SYNTAX, "");
    expect("{\"products\":[{}}", BW_ERR_SYNTAX, "2:{}\n");
    expect("{\"products\":[{},]}", BW_ERR_SYNTAX, "2:{}\n");
    expect("{\"products\":[,{}]}", BW_ERR_SYNTAX, "");
    expect("{\"products\":[{} {}]}", BW_ERR_SYNTAX, "2:{}\n");
    expect("{\"products\":[]]}", BW_ERR_SYNTAX, "");
    expect("{\"products\":{}}", BW_ERR_SYNTAX, "");
    expect("{\"products\":\"x\"}", BW_ERR_SYNTAX, "");
    expect("{\"products\":7}", BW_ERR_SYNTAX, "");
    expect("{\"products\"[]}", BW_ERR_SYNTAX, "");
    expect("{\"products\":[],\"products\":[{}]}", BW_ERR_SYNTAX, "");
    expect("{\"products\":null,\"products\":[{}]}", BW_ERR_SYNTAX, "");
    expect("{\"product\\u0073\":[{}]}", BW_ERR_SYNTAX, "");
    expect("{\"a\":1,\"a\":2}", BW_ERR_SYNTAX, "");
    expect("{\"a\":1,}", BW_ERR_SYNTAX, "");
    expect("{\"a\":}", BW_ERR_SYNTAX, "");
    expect("{\"a\":NaN}", BW_ERR_SYNTAX, "");
    expect("{\"a\" 1}", BW_ERR_SYNTAX, "");
    expect("{a:1}", BW_ERR_SYNTAX, "");
    expect("{'a':1}", BW_ERR_SYNTAX, "");
    expect("{\"a\":{]}", BW_ERR_SYNTAX, "");
    expect("{,}", BW_ERR_SYNTAX, "");
    expect("{\"a\":\"\n\"}", BW_ERR_SYNTAX, "");
}

/* The outer object is complete in one chunk; what comes in a later one must still be seen. */
static void json_trailing_in_next_chunk(void **state)
{
    static const char *const later[] = {"{", "}", "x", "\xEF", ",", "\"", "{}", "0"};

    (void)state;
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        struct bw_keepa_envelope envelope;
        struct bw_buf log;
        bool has_products;

        bw_buf_init(&log, 100);
        struct bw_keepa_splitter *s = bw_keepa_splitter_new(100, record, &log);
        assert_int_equal(feed_copy(s, "{\"products\":[]}", 15), BW_OK);
        assert_int_equal(feed_copy(s, " \n", 2), BW_OK);
        assert_int_equal(feed_copy(s, later[i], strlen(later[i])), BW_ERR_SYNTAX);
        assert_int_equal(feed_copy(s, " ", 1), BW_ERR_SYNTAX);
        assert_int_equal(bw_keepa_splitter_finish(s, &envelope, &has_products, NULL), BW_ERR_SYNTAX);
        bw_keepa_splitter_free(s);
        bw_buf_fini(&log);
    }
}

static void cut_anywhere(void **state)
{
    size_t len;
    char *body = data_read("answer_2025.json", &len);

    (void)state;
    for (size_t n = 0; n < len; n++) {
        struct run r;

        run_split(body, n, 0, 1u << 20, &r);
        assert_int_equal(r.err, BW_ERR_SYNTAX);
        bw_buf_fini(&r.log);
    }
    free(body);
}

static void html_is_shown(void **state)
{
    const char *page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\x01 and much more of it";
    struct run a, b;

    (void)state;
    run_text(page, &a);
    run_split(page, strlen(page), 1, 1u << 20, &b);
    same_run(&a, &b);
    assert_int_equal(a.err, BW_ERR_SYNTAX);
    assert_non_null(strstr(a.error.text, "'<html>..<head><title>502 Bad Gateway"));
    bw_buf_fini(&a.log);
    bw_buf_fini(&b.log);
}

static void too_big_products(void **state)
{
    const char *body =
        "{\"products\":[{\"a\":12},{\"asin\":\"B0TEST0001\",\"x\":[1,2,3,4,5]},{\"a\":3}],\"tokensLeft\":5}";

    (void)state;
    for (size_t chunk = 0; chunk < 30; chunk++) {
        struct run r;

        run_split(body, strlen(body), chunk, 8, &r);
        assert_int_equal(r.err, BW_OK);
        assert_string_equal(bw_buf_str(&r.log), "8:{\"a\":12}\n!8:{\"asin\":\n7:{\"a\":3}\n");
        bw_buf_fini(&r.log);
    }
}

static void envelope_has_a_cap(void **state)
{
    struct bw_buf body;
    struct run r;

    (void)state;
    bw_buf_init(&body, 1u << 20);
    for (size_t size = 60000; size <= 70000; size += 10000) {
        bw_buf_clear(&body);
        (void)bw_buf_adds(&body, "{\"pad\":\"");
        for (size_t i = 0; i < size; i++)
            (void)bw_buf_addc(&body, 'x');
        (void)bw_buf_adds(&body, "\",\"products\":[{\"a\":\"also long, but no part of it\"}]}");
        run_split(body.data, body.len, 1000, 1u << 20, &r);
        assert_int_equal(r.err, size == 60000 ? BW_OK : BW_ERR_TOO_BIG);
        bw_buf_fini(&r.log);
    }
    bw_buf_fini(&body);
}

/* A bucket that steers our waiting must be sane. */
static void odd_buckets(void **state)
{
    static const struct {
        const char *body;
        bool has_tokens;
    } rows[] = {
        {"{\"tokensLeft\":0,\"refillIn\":0,\"refillRate\":0}", false},
        {"{\"tokensLeft\":-1,\"refillIn\":300,\"refillRate\":60}", true},
        {"{\"tokensLeft\":5,\"refillIn\":300}", false},
        {"{\"tokensLeft\":\"5\",\"refillIn\":300,\"refillRate\":60}", false},
        {"{\"tokensLeft\":5,\"refillIn\":-1,\"refillRate\":60}", false},
        {"{\"tokensLeft\":5,\"refillIn\":99999999999,\"refillRate\":60}", false},
        {"{\"tokensLeft\":18446744073709551615,\"refillIn\":1,\"refillRate\":60}", false},
        {"{\"tokensLeft\":5,\"refillIn\":1,\"refillRate\":1e3}", false},
        {"{\"tokensLeft\":5,\"refillIn\":1,\"refillRate\":null}", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run r;

        run_text(rows[i].body, &r);
        assert_int_equal(r.err, BW_OK);
        if (r.envelope.has_tokens != rows[i].has_tokens)
            fail_msg("%s", rows[i].body);
        bw_buf_fini(&r.log);
    }
}

static enum bw_err refuse_second(void *ctx, const char *json, size_t len, bool too_big)
{
    int *calls = ctx;

    (void)json;
    (void)len;
    (void)too_big;
    return ++*calls == 2 ? BW_ERR_BUSY : BW_OK;
}

static void refusal_ends_the_feed(void **state)
{
    const char *body = "{\"products\":[{},{},{},{}]}";
    struct bw_keepa_envelope envelope;
    struct bw_error error;
    bool has_products;
    int calls = 0;

    (void)state;
    struct bw_keepa_splitter *s = bw_keepa_splitter_new(100, refuse_second, &calls);
    assert_int_equal(feed_copy(s, body, strlen(body)), BW_ERR_BUSY);
    assert_int_equal(feed_copy(s, body, strlen(body)), BW_ERR_BUSY);
    assert_int_equal(bw_keepa_splitter_finish(s, &envelope, &has_products, &error), BW_ERR_BUSY);
    assert_int_equal(calls, 2);
    bw_keepa_splitter_free(s);
    bw_keepa_splitter_free(NULL);
}

/* Reference captures, if they are here: one product each, the same whatever the chunks. */
static void reference_captures(void **state)
{
    static const char *const names[] = {"cunuo_product_B0D8W1YVBX_full_20260510.json",
                                        "cunuo_product_B0F7XPYCSJ_full_20260510.json"};
    static const size_t chunks[] = {1, 13, 4096, 65536};

    (void)state;
    for (size_t f = 0; f < 2; f++) {
        struct run whole;
        size_t len;
        char *body = data_reference(names[f], &len);

        if (!body) {
            skip();
            return; /* never: the analyser does not know skip() */
        }
        run_split(body, len, 0, 8u << 20, &whole);
        assert_int_equal(whole.err, BW_OK);
        assert_int_equal(whole.envelope.refill_rate, 60);
        assert_int_equal(whole.envelope.tokens_left, f == 0 ? 94 : 42);
        for (size_t i = 0; i < sizeof chunks / sizeof *chunks; i++) {
            struct run r;

            run_split(body, len, chunks[i], 8u << 20, &r);
            same_run(&whole, &r);
            bw_buf_fini(&r.log);
        }
        bw_buf_fini(&whole.log);
        free(body);
    }
}

struct taking {
    struct bw_keepa_splitter *splitter;
    char *taken[3];
    size_t n;
};

static enum bw_err take_each(void *ctx, const char *json, size_t len, bool too_big)
{
    struct taking *t = ctx;

    assert_false(too_big);
    assert_true(t->n < 3);
    t->taken[t->n] = bw_keepa_splitter_take(t->splitter, json, len);
    assert_int_equal(strlen(t->taken[t->n++]), len);
    return BW_OK;
}

/* What is taken outlives the splitter, wherever the chunks end, and takes no byte from those behind it. */
static void products_are_taken(void **state)
{
    static const char *const products[] = {"{\"a\":[1,2,3]}", "{}", "{\"b\":\"a text that is longer\"}"};
    char body[256];

    (void)state;
    int len = snprintf(body, sizeof body, "{\"products\":[%s,%s,%s]}", products[0], products[1], products[2]);
    for (int chunk = 1; chunk <= len; chunk++) {
        struct taking t = {.n = 0};
        struct bw_keepa_envelope envelope;
        struct bw_error error;
        bool has_products;

        t.splitter = bw_keepa_splitter_new(100, take_each, &t);
        for (int i = 0; i < len; i += chunk)
            assert_int_equal(feed_copy(t.splitter, body + i, (size_t)(len - i < chunk ? len - i : chunk)),
                             BW_OK);
        assert_int_equal(bw_keepa_splitter_finish(t.splitter, &envelope, &has_products, &error), BW_OK);
        bw_keepa_splitter_free(t.splitter);
        assert_int_equal(t.n, 3);
        for (size_t k = 0; k < 3; k++) {
            assert_string_equal(t.taken[k], products[k]);
            free(t.taken[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captures_in_any_chunks),
        cmocka_unit_test(captures_are_cut_exactly),
        cmocka_unit_test(envelope_of_both_orders),
        cmocka_unit_test(error_inside_a_200),
        cmocka_unit_test(elements),
        cmocka_unit_test(not_json),
        cmocka_unit_test(json_trailing_in_next_chunk),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(html_is_shown),
        cmocka_unit_test(too_big_products),
        cmocka_unit_test(envelope_has_a_cap),
        cmocka_unit_test(odd_buckets),
        cmocka_unit_test(refusal_ends_the_feed),
        cmocka_unit_test(reference_captures),
        cmocka_unit_test(products_are_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
