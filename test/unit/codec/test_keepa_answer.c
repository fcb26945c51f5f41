/* Small answers: /token, /category, error bodies. */
#include "unit/codec/data.h"

#include "badgewatch/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bw_keepa_envelope answer(const char *file, struct bw_category_name **names, size_t *n)
{
    struct bw_keepa_envelope e;
    size_t len;
    char *body = data_read(file, &len);

    assert_int_equal(bw_keepa_answer_decode(body, len, &e, names, n, NULL), BW_OK);
    free(body);
    return e;
}

static enum bw_err decode(const char *json, struct bw_keepa_envelope *e, struct bw_category_name **names,
                          size_t *n)
{
    size_t len = strlen(json);
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    for (size_t i = 0; i < len; i++)
        copy[i] = json[i]; /* no NUL behind it: reading past the end shows up */
    enum bw_err err = bw_keepa_answer_decode(copy, len, e, names, n, NULL);
    free(copy);
    return err;
}

static void token(void **state)
{
    struct bw_category_name *names;
    size_t n;
    struct bw_keepa_envelope e = answer("token.json", &names, &n);

    (void)state;
    assert_true(e.has_tokens);
    assert_int_equal(e.tokens_left, 1200);
    assert_int_equal(e.refill_in_ms, 59147);
    assert_int_equal(e.refill_rate, 20);
    assert_true(e.token_flow_reduction == 1.5);
    assert_int_equal(n, 0);
    bw_keepa_names_free(names, n);
}

static void refused_key(void **state)
{
    struct bw_keepa_envelope e = answer("bad_key.json", NULL, NULL);

    (void)state;
    assert_false(e.has_tokens); /* all zero says nothing about the bucket */
    assert_true(e.has_error);
    assert_string_equal(e.error_type, "accessDenied");
    assert_string_equal(e.error_message, "no such key");
    assert_int_equal(e.timestamp_ms, 1783987260123);
}

static void categories(void **state)
{
    struct bw_category_name *names;
    size_t n;
    struct bw_keepa_envelope e = answer("category.json", &names, &n);

    (void)state;
    assert_int_equal(e.tokens_consumed, 1);
    assert_int_equal(n, 3); /* the nameless one is left out, the doubled one is there once */
    assert_int_equal(names[0].category_id, 9900001);
    assert_int_equal(names[0].parent, 0);
    assert_string_equal(names[0].name, "Garden & Patio");
    assert_int_equal(names[1].category_id, 9900110000);
    assert_int_equal(names[1].parent, 9900001);
    assert_int_equal(names[2].category_id, 9900112233);
    assert_string_equal(names[2].name, "Mist Nozzles \xE2\x80\x93 Brass");
    bw_keepa_names_free(names, n);
}

static void odd_categories(void **state)
{
    static const char *const rows[] = {
        "{\"categories\":null}",
        "{\"categories\":[]}",
        "{\"categories\":{\"5\":null}}",
        "{\"categories\":{\"5\":{\"name\":7}}}",
        "{\"categories\":{\"5\":{\"name\":\"\"}}}",
        "{\"categories\":{\"x\":{\"name\":\"a\"}}}",
        "{\"categories\":{\"5\":{\"name\":\"a\",\"catId\":6}}}",
        "{\"categories\":{\"5\":{\"name\":\"a\",\"catId\":\"5\"}}}",
        "{\"categories\":{\"9223372036854775808\":{\"name\":\"a\"}}}",
    };
    struct bw_keepa_envelope e;
    struct bw_category_name *names;
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(decode(rows[i], &e, &names, &n), BW_OK);
        if (n != 0)
            fail_msg("%s", rows[i]);
        bw_keepa_names_free(names, n);
    }
    assert_int_equal(decode("{\"categories\":{\"5\":{\"name\":\"a\",\"parent\":-4}}}", &e, &names, &n),
                     BW_OK);
    assert_int_equal(n, 1);
    assert_int_equal(names[0].parent, 0);
    bw_keepa_names_free(names, n);
}

static void errors(void **state)
{
    static const struct {
        const char *json, *type, *message;
    } rows[] = {
        {"{\"error\":{}}", "", ""},
        {"{\"error\":\"plain\"}", "", "plain"},
        {"{\"error\":{\"type\":7,\"message\":null,\"details\":\"d\"}}", "", "d"},
        {"{\"error\":{\"type\":\"t\",\"message\":\"a\\nb\\u007f\xFF\"}}", "t", "a b \xEF\xBF\xBD"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bw_keepa_envelope e;

        assert_int_equal(decode(rows[i].json, &e, NULL, NULL), BW_OK);
        assert_true(e.has_error);
        assert_string_equal(e.error_type, rows[i].type);
        assert_string_equal(e.error_message, rows[i].message);
    }
}

static void long_error_is_cut(void **state)
{
    struct bw_keepa_envelope e;
    struct bw_buf b;

    (void)state;
    bw_buf_init(&b, 10000);
    (void)bw_buf_adds(&b, "{\"error\":{\"message\":\"");
    for (int i = 0; i < 1000; i++)
        (void)bw_buf_adds(&b, "\xE2\x82\xAC");
    (void)bw_buf_adds(&b, "\"}}");
    assert_int_equal(decode(bw_buf_str(&b), &e, NULL, NULL), BW_OK);
    assert_int_equal(strlen(e.error_message), 255);
    assert_true(bw_utf8_valid(e.error_message, 255));
    bw_buf_fini(&b);
}

static void not_an_answer(void **state)
{
    static const char *const rows[] = {
        "", "<html>", "[]", "7", "null", "{", "{}{}", "{\"a\":NaN}", "{\"a\":1,\"a\":2}"};
    struct bw_keepa_envelope e;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (decode(rows[i], &e, NULL, NULL) != BW_ERR_SYNTAX)
            fail_msg("'%s' accepted", rows[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(token),          cmocka_unit_test(refused_key), cmocka_unit_test(categories),
        cmocka_unit_test(odd_categories), cmocka_unit_test(errors),      cmocka_unit_test(long_error_is_cut),
        cmocka_unit_test(not_an_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
