/* The capped buffer, memory helpers, errors and back-off. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/backoff.h"
#include "badgewatch/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_append(void **state)
{
    struct bw_buf b;
    (void)state;
    bw_buf_init(&b, 1000);
    assert_string_equal(bw_buf_str(&b), "");
    assert_int_equal(bw_buf_adds(&b, "one"), BW_OK);
    assert_int_equal(bw_buf_addc(&b, ' '), BW_OK);
    assert_int_equal(bw_buf_addf(&b, "%d %s", 2, "three"), BW_OK);
    assert_int_equal(bw_buf_add(&b, "\0x", 2), BW_OK);
    assert_int_equal(bw_buf_add(&b, NULL, 0), BW_OK);
    assert_int_equal(b.len, 13);
    assert_memory_equal(b.data, "one 2 three\0x", 14); /* with the NUL at its end */
    bw_buf_clear(&b);
    assert_int_equal(b.len, 0);
    assert_string_equal(bw_buf_str(&b), "");
    bw_buf_fini(&b);
    assert_int_equal(bw_buf_adds(&b, "again"), BW_OK); /* usable after fini, with the same max */
    assert_int_equal(b.max, 1000);
    bw_buf_fini(&b);
}

static void test_cap(void **state)
{
    struct bw_buf b;
    (void)state;
    bw_buf_init(&b, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(bw_buf_addc(&b, 'x'), BW_OK); /* exactly the cap fits */
    assert_false(b.overflow);
    assert_int_equal(bw_buf_addc(&b, 'y'), BW_ERR_TOO_BIG);
    assert_true(b.overflow);
    assert_int_equal(b.len, 100);
    assert_int_equal(strlen(bw_buf_str(&b)), 100);
    assert_int_equal(bw_buf_add(&b, "", 0), BW_ERR_TOO_BIG); /* it stays: a run is checked once at its end */
    bw_buf_clear(&b);
    assert_int_equal(bw_buf_adds(&b, "room again"), BW_OK);
    assert_int_equal(bw_buf_addf(&b, "%90s|", "y"), BW_ERR_TOO_BIG); /* all or nothing */
    assert_string_equal(bw_buf_str(&b), "room again");
    bw_buf_fini(&b);
    assert_false(b.overflow);
}

static void test_integers(void **state)
{
    static const struct {
        int64_t value;
        const char *text;
    } cases[] = {{0, "0"},
                 {7, "7"},
                 {10, "10"},
                 {-1, "-1"},
                 {7792528011, "7792528011"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    struct bw_buf b;
    (void)state;
    bw_buf_init(&b, 20);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bw_buf_clear(&b);
        assert_int_equal(bw_buf_addi(&b, cases[i].value), BW_OK);
        assert_string_equal(bw_buf_str(&b), cases[i].text);
    }
    assert_int_equal(bw_buf_addi(&b, 1), BW_ERR_TOO_BIG);        /* the last one fills it */
    for (int64_t v = 1; v > 0 && v <= INT64_MAX / 10; v *= 10) { /* each number of digits */
        for (int64_t near = v - 1; near <= v + 1; near++) {
            char expected[BW_INT_TEXT], text[BW_INT_TEXT];
            int len = snprintf(expected, sizeof(expected), "%lld", -(long long)near);
            assert_int_equal(bw_int_format(-near, text), len);
            assert_string_equal(text, expected);
            assert_int_equal(bw_int_format(near, text), near == 0 ? 1 : len - 1);
            assert_string_equal(text, near == 0 ? expected : expected + 1);
        }
    }
    assert_string_equal(bw_buf_str(&b), "-9223372036854775808");
    bw_buf_fini(&b);
}

static void test_cap_edges(void **state)
{
    struct bw_buf b;
    (void)state;
    bw_buf_init(&b, 0);
    assert_int_equal(bw_buf_adds(&b, ""), BW_OK);
    assert_int_equal(bw_buf_adds(&b, "x"), BW_ERR_TOO_BIG);
    bw_buf_fini(&b);
    bw_buf_init(&b, SIZE_MAX); /* "no cap" must not wrap round to a buffer of no bytes */
    assert_int_equal(bw_buf_adds(&b, "unbounded"), BW_OK);
    assert_string_equal(bw_buf_str(&b), "unbounded");
    volatile size_t huge =
        SIZE_MAX - 4; /* gcc would see through it, and warn of the copy that never is made */
    assert_int_equal(bw_buf_add(&b, "x", huge), BW_ERR_TOO_BIG);
    bw_buf_fini(&b);
}

static void test_take(void **state)
{
    struct bw_buf b;
    size_t len = 77;
    (void)state;
    bw_buf_init(&b, 10);
    char *nothing = bw_buf_take(&b, &len);
    assert_string_equal(nothing, "");
    assert_int_equal(len, 0);
    free(nothing);
    assert_int_equal(bw_buf_adds(&b, "bytes"), BW_OK);
    char *bytes = bw_buf_take(&b, NULL);
    assert_string_equal(bytes, "bytes");
    assert_int_equal(b.len, 0);
    assert_int_equal(bw_buf_adds(&b, "0123456789"), BW_OK); /* the cap counts from zero again */
    free(bytes);
    bw_buf_fini(&b);
}

static void test_alloc(void **state)
{
    (void)state;
    unsigned char *p = bw_alloc_array(100, 3);
    for (int i = 0; i < 300; i++)
        assert_int_equal(p[i], 0);
    p[299] = 9;
    p = bw_realloc_array(p, 400, 3);
    assert_int_equal(p[299], 9);
    free(p);
    p = bw_alloc(0);
    assert_non_null(p);
    free(p);
    assert_null(bw_strdup(NULL));
    char *text = bw_strndup("abcdef", 3);
    assert_string_equal(text, "abc");
    free(text);
    text = bw_asprintf("%s-%d", "x", 5);
    assert_string_equal(text, "x-5");
    free(text);
}

static void test_error_text(void **state)
{
    struct bw_error e;
    (void)state;
    assert_int_equal(bw_error_set(&e, BW_ERR_TIMEOUT, "after %d s", 5), BW_ERR_TIMEOUT);
    assert_string_equal(e.text, "after 5 s");
    assert_int_equal(bw_error_prefix(&e, "part '%s'", "redis"), BW_ERR_TIMEOUT);
    assert_string_equal(e.text, "part 'redis': after 5 s");
    assert_int_equal(bw_error_set(&e, BW_ERR_DENIED, "again: %s", e.text), BW_ERR_DENIED); /* its own text */
    assert_string_equal(e.text, "again: part 'redis': after 5 s");
    assert_int_equal(bw_error_set(&e, BW_ERR_INVALID, "%600s|", "x"), BW_ERR_INVALID);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    assert_int_equal(bw_error_prefix(&e, "%600s", "y"), BW_ERR_INVALID);
    assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
    assert_int_equal(bw_error_set(NULL, BW_ERR_BUSY, "nobody reads"), BW_ERR_BUSY);
    assert_int_not_equal(bw_error_prefix(NULL, "nobody reads"), BW_OK); /* a failure stays one */
}

static void test_error_names(void **state)
{
    (void)state;
    for (int i = 0; i <= BW_ERR_SYSTEM; i++) {
        const char *text = bw_err_text((enum bw_err)i);
        assert_string_not_equal(text, "unknown error");
        for (int k = 0; k < i; k++)
            assert_string_not_equal(text, bw_err_text((enum bw_err)k));
    }
    assert_string_equal(bw_err_text((enum bw_err)99), "unknown error");
}

static void test_backoff(void **state)
{
    static const int64_t tops[] = {100, 200, 400, 800, 1000, 1000, 1000};
    struct bw_backoff low, high;
    (void)state;
    bw_backoff_init(&low, 100, 1000);
    bw_backoff_init(&high, 100, 1000);
    for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
        assert_int_equal(bw_backoff_next(&low, 0), 100);
        assert_int_equal(bw_backoff_next(&high, UINT32_MAX), tops[i]);
    }
    bw_backoff_reset(&high);
    assert_int_equal(bw_backoff_next(&high, UINT32_MAX), 100);
}

static void test_backoff_edges(void **state)
{
    struct bw_backoff b;
    (void)state;
    bw_backoff_init(&b, 500, 100); /* a cap below the base: the base still holds */
    for (int i = 0; i < 5; i++)
        assert_int_equal(bw_backoff_next(&b, UINT32_MAX), 500);
    bw_backoff_init(&b, 1, INT64_MAX);
    int64_t most = 0;
    for (int i = 0; i < 200; i++) {
        int64_t ms = bw_backoff_next(&b, UINT32_MAX);
        assert_true(ms >= most);
        most = ms;
    }
    b.failures = UINT32_MAX; /* stays there: it does not begin anew */
    assert_int_equal(bw_backoff_next(&b, UINT32_MAX), most);
    assert_int_equal(bw_backoff_next(&b, UINT32_MAX), most);
    uint32_t seen = 0;
    for (int i = 0; i < 64; i++)
        seen |= bw_random();
    assert_int_equal(seen, UINT32_MAX); /* each bit was set once: fails once in 2^59 runs */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),     cmocka_unit_test(test_cap),
        cmocka_unit_test(test_cap_edges),  cmocka_unit_test(test_take),
        cmocka_unit_test(test_integers),   cmocka_unit_test(test_alloc),
        cmocka_unit_test(test_error_text), cmocka_unit_test(test_error_names),
        cmocka_unit_test(test_backoff),    cmocka_unit_test(test_backoff_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
