/* The JSON writer and the strict reader. */
#include "badgewatch/codec/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum bw_err parse(const char *text, size_t len, struct bw_json_doc **doc)
{
    /* A copy without a NUL behind it: reading past the end shows up. */
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    enum bw_err err = bw_json_parse(copy, len, doc, NULL);
    free(copy);
    return err;
}

static struct bw_json_doc *parsed(const char *text)
{
    struct bw_json_doc *doc;

    if (parse(text, strlen(text), &doc) != BW_OK)
        fail_msg("refused: %s", text);
    return doc;
}

static void refused(const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bw_json_doc *doc;

        if (parse(texts[i], strlen(texts[i]), &doc) != BW_ERR_SYNTAX)
            fail_msg("accepted: %s", texts[i]);
    }
}
#define REFUSED(...)                                                                                         \
    do {                                                                                                     \
        static const char *const texts[] = {__VA_ARGS__};                                                    \
        refused(texts, sizeof texts / sizeof *texts);                                                        \
    } while (0)

static void writes_every_kind(void **state)
{
    struct bw_buf out;
    struct bw_json j;

    (void)state;
    bw_buf_init(&out, 4096);
    bw_json_init(&j, &out);
    bw_json_object(&j, NULL);
    bw_json_string(&j, "s", "a\"b\\c\n\t\x01\x7F/<\xC3\xBC\xFF");
    bw_json_string(&j, "none", NULL);
    bw_json_stringn(&j, "nul", "x\0y", 3);
    bw_json_int(&j, "min", INT64_MIN);
    bw_json_int(&j, "max", INT64_MAX);
    bw_json_double(&j, "d", 0.1);
    bw_json_double(&j, "nan", NAN);
    bw_json_double(&j, "inf", -INFINITY);
    bw_json_bool(&j, "b", true);
    bw_json_null(&j, "z");
    bw_json_raw(&j, "raw", "{\"x\":[]}");
    bw_json_time(&j, "t", 1778386768);
    bw_json_time(&j, "t0", 0);
    bw_json_time_ms(&j, "tm", 1778386768884);
    bw_json_array(&j, "a");
    bw_json_int(&j, NULL, 1);
    bw_json_array(&j, NULL);
    bw_json_array_end(&j);
    bw_json_object(&j, NULL);
    bw_json_object_end(&j);
    bw_json_array_end(&j);
    bw_json_object_end(&j);
    assert_string_equal(bw_buf_str(&out),
                        "{\"s\":\"a\\\"b\\\\c\\n\\t\\u0001\\u007f/<\xC3\xBC\xEF\xBF\xBD\",\"none\":null,"
                        "\"nul\":\"x\\u0000y\",\"min\":-9223372036854775808,\"max\":9223372036854775807,"
                        "\"d\":0.1,\"nan\":null,\"inf\":null,\"b\":true,\"z\":null,\"raw\":{\"x\":[]},"
                        "\"t\":\"2026-05-10T04:19:28Z\",\"t0\":null,\"tm\":\"2026-05-10T04:19:28.884Z\","
                        "\"a\":[1,[],{}]}");
    bw_json_free(parsed(bw_buf_str(&out)));
    bw_buf_fini(&out);
}

static void reads_what_was_sent(void **state)
{
    struct bw_json_doc *doc = parsed(
        " {\"a\": [1, -2, 3.5, \"x\\u00fc\\ud83c\\udf89\", true, null, {}], \"k\\u0065y\": \"v\"}\r\n\t ");
    const struct bw_json_node *root = bw_json_root(doc), *a = bw_json_get(root, "a");
    const char *text;
    int64_t number;

    (void)state;
    assert_true(bw_json_is_object(root));
    assert_true(bw_json_is_array(a));
    assert_int_equal(bw_json_count(a), 7);
    assert_int_equal(bw_json_count(root), 0);
    assert_true(bw_json_is_int(bw_json_at(a, 1), &number));
    assert_int_equal(number, -2);
    assert_true(bw_json_is_string(bw_json_at(a, 3), &text));
    assert_string_equal(text, "x\xC3\xBC\xF0\x9F\x8E\x89");
    assert_null(bw_json_at(a, 5));
    assert_null(bw_json_at(a, 7));
    assert_true(bw_json_get_string(root, "key", &text));
    assert_string_equal(text, "v");
    assert_null(bw_json_get(a, "a"));
    assert_null(bw_json_get(NULL, "a"));
    assert_null(bw_json_get(root, "absent"));
    bw_json_free(doc);
    bw_json_free(NULL);
}

static void scalars_alone(void **state)
{
    static const char *const texts[] = {"123", "-0", "\"x\"", "true", "null", "1.5e3", " [] "};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        bw_json_free(parsed(texts[i]));
}

/* A getter gives a value of its own type or leaves the variable alone. */
static void getters_do_not_coerce(void **state)
{
    struct bw_json_doc *doc = parsed(
        "{\"s\":\"12\",\"i\":12,\"d\":12.0,\"b\":true,\"n\":null,\"nul\":\"a\\u0000b\",\"big\":1e999}");
    const struct bw_json_node *root = bw_json_root(doc);
    const char *text = "kept";
    int64_t number = 7;
    double real = 7;
    bool yes = false;

    (void)state;
    assert_false(bw_json_get_int(root, "s", &number));
    assert_false(bw_json_get_int(root, "d", &number));
    assert_false(bw_json_get_int(root, "b", &number));
    assert_false(bw_json_get_int(root, "n", &number));
    assert_int_equal(number, 7);
    assert_false(bw_json_get_string(root, "i", &text));
    assert_false(bw_json_get_string(root, "n", &text));
    assert_false(bw_json_get_string(root, "nul", &text));
    assert_string_equal(text, "kept");
    assert_false(bw_json_get_double(root, "s", &real));
    assert_false(bw_json_get_double(root, "big", &real));
    assert_true(real == 7);
    assert_true(bw_json_get_double(root, "i", &real));
    assert_true(real == 12);
    assert_false(bw_json_get_bool(root, "i", &yes));
    assert_false(yes);
    assert_true(bw_json_get_bool(root, "b", &yes));
    assert_true(yes);
    bw_json_free(doc);
}

/* json-c clamps these with errno 0. */
static void json_u64_clamp(void **state)
{
    static const struct {
        const char *text;
        bool fits;
        int64_t value;
    } rows[] = {
        {"[9223372036854775807]", true, INT64_MAX},
        {"[-9223372036854775808]", true, INT64_MIN},
        {"[9223372036854775808]", false, 0},
        {"[18446744073709551615]", false, 0},
        {"[18446744073709551616]", false, 0},
        {"[99999999999999999999999999]", false, 0},
        {"[-1]", true, -1},
        {"[-0]", true, 0},
        {"[1e3]", false, 0},
        {"[1.0]", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bw_json_doc *doc = parsed(rows[i].text);
        int64_t v = 42;

        if (bw_json_is_int(bw_json_at(bw_json_root(doc), 0), &v) != rows[i].fits)
            fail_msg("%s", rows[i].text);
        assert_int_equal(v, rows[i].fits ? rows[i].value : 42);
        bw_json_free(doc);
    }
    REFUSED("[-9223372036854775809]", "[-99999999999999999999999]");
}

static void json_nan_rejected(void **state)
{
    (void)state;
    REFUSED("NaN", "[NaN]", "{\"a\":NaN}", "[nan]", "[Infinity]", "[-Infinity]", "[inf]", "[-]", "[+1]",
            "[.5]", "[1.]", "[1e]", "[1e+]", "[01]", "[-01]", "[0x10]", "[1_000]", "[--1]");
}

static void grammar(void **state)
{
    (void)state;
    REFUSED("", " ", "{", "}", "[", "]", "[1,]", "{\"a\":1,}", "[,1]", "[1 2]", "{'a':1}", "{a:1}",
            "{\"a\" 1}", "{\"a\":}", "{\"a\"}", "{1:2}", "['x']", "[tru]", "[TRUE]", "[True]", "[nul",
            "nullx", "[1]]", "[1}", "{\"a\":[}]}", "[\"\t\"]", "[\"\\x\"]", "[\"\\u12G4\"]", "[\"\\u12\"]",
            "[\"abc]", "[\"\\\"]", "/*c*/[]", "[1//x\n]", "\xEF\xBB\xBF[]", "{\"a\":1}{\"b\":2}", "[] x",
            "[\"\xFF\"]", "[\"\xED\xA0\x80\"]", "\f[]");
}

static void doubled_members(void **state)
{
    (void)state;
    REFUSED("{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "[{\"x\":{\"b\":null,\"b\":null}}]",
            "{\"a\\u0000b\":1}", "{\"\":1,\"\":1}");
    bw_json_free(parsed("[{\"a\":1},{\"a\":1,\"b\":{\"a\":2}}]"));
}

static void embedded_nul_byte(void **state)
{
    struct bw_json_doc *doc;

    (void)state;
    assert_int_equal(parse("[1]\0", 4, &doc), BW_ERR_SYNTAX);
    assert_int_equal(parse("[\"a\0b\"]", 7, &doc), BW_ERR_SYNTAX);
    assert_int_equal(parse("\0", 1, &doc), BW_ERR_SYNTAX);
}

static void depth(void **state)
{
    char text[256];
    struct bw_json_doc *doc;

    (void)state;
    for (size_t n = 1; n <= 100; n++) {
        memset(text, '[', n);
        memset(text + n, ']', n);
        enum bw_err err = parse(text, 2 * n, &doc);
        assert_int_equal(err, n <= 32 ? BW_OK : BW_ERR_SYNTAX);
        if (!err)
            bw_json_free(doc);
    }
}

static void error_names_the_place(void **state)
{
    struct bw_json_doc *doc;
    struct bw_error error;

    (void)state;
    assert_int_equal(bw_json_parse("{\"a\":1 \"b\"}", 11, &doc, &error), BW_ERR_SYNTAX);
    assert_non_null(strstr(error.text, "byte 7"));
    assert_int_equal(bw_json_parse(NULL, 0, &doc, &error), BW_ERR_SYNTAX);
}

/* Every prefix of a document is refused. */
static void cut_anywhere(void **state)
{
    const char *whole = "{\"a\":[1,-2.5e3,\"x\\u00fc\"],\"b\":{\"c\":null,\"d\":true}}";
    struct bw_json_doc *doc;

    (void)state;
    for (size_t n = 0; n < strlen(whole); n++)
        assert_int_equal(parse(whole, n, &doc), BW_ERR_SYNTAX);
    bw_json_free(parsed(whole));
}

struct seen {
    char keys[64];
    int nulls;
};

static void see(void *ctx, const char *key, const struct bw_json_node *value)
{
    struct seen *s = ctx;

    memcpy(s->keys + strlen(s->keys), key, strlen(key) + 1);
    s->nulls += value == NULL;
}

static void each_in_order(void **state)
{
    struct bw_json_doc *doc = parsed("{\"z\":1,\"a\":null,\"m\":[]}");
    struct seen s = {0};

    (void)state;
    bw_json_each(bw_json_root(doc), see, &s);
    assert_string_equal(s.keys, "zam");
    assert_int_equal(s.nulls, 1);
    bw_json_each(bw_json_get(bw_json_root(doc), "m"), see, &s);
    bw_json_each(NULL, see, &s);
    assert_string_equal(s.keys, "zam");
    bw_json_free(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_every_kind),
        cmocka_unit_test(reads_what_was_sent),
        cmocka_unit_test(scalars_alone),
        cmocka_unit_test(getters_do_not_coerce),
        cmocka_unit_test(json_u64_clamp),
        cmocka_unit_test(json_nan_rejected),
        cmocka_unit_test(grammar),
        cmocka_unit_test(doubled_members),
        cmocka_unit_test(embedded_nul_byte),
        cmocka_unit_test(depth),
        cmocka_unit_test(error_names_the_place),
        cmocka_unit_test(cut_anywhere),
        cmocka_unit_test(each_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
