/* Nothing that a stranger wrote drives a terminal. */
#include "badgewatch/base/plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_copy(void **state)
{
    static const struct {
        const char *text, *plain;
    } cases[] = {
        {"", ""},
        {"Caf\u00e9 \u5bff\u53f8 \U0001f600 \"x\" \\", "Caf\u00e9 \u5bff\u53f8 \U0001f600 \"x\" \\"},
        {"\x1b[31mred", "\\x1b[31mred"},
        {"two\nlines\r\t", "two\\nlines\\r\\t"},
        {"\x7f\xc2\x9b"
         "31m",
         "\\x7f\\x9b31m"},
        {"b\u2028"
         "c",
         "b\\u2028c"},
        {"\xff\xc3(", "\\xff\\xc3("},
        {"\u05d0\u200f", "\u05d0\u200f"}, /* written from right to left, and it may be */
    };
    char out[64];
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_string_equal(bw_plain_copy(out, sizeof(out), cases[i].text), cases[i].plain);
}

/* Of bytes: the checker of the sources takes a literal with it for an attack. */
static void test_direction(void **state)
{
    static const char override[] = {'a', (char)0xe2, (char)0x80, (char)0xae, 'b', '\0'};
    char out[64];
    (void)state;
    assert_string_equal(bw_plain_copy(out, sizeof(out), override), "a\\u202eb");
}

/* Cut between characters, never inside an escape. */
static void test_cut(void **state)
{
    char out[6];
    (void)state;
    assert_string_equal(bw_plain_copy(out, sizeof(out), "abcd\x1b"), "abcd");
    assert_string_equal(bw_plain_copy(out, sizeof(out), "abcd\u00e9"), "abcd");
    assert_string_equal(bw_plain_copy(out, sizeof(out), "abc\u00e9x"), "abc\u00e9");
    assert_string_equal(bw_plain_copy(out, sizeof(out), "abcdefg"), "abcde");
    assert_string_equal(bw_plain_copy(out, 1, "a"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_direction),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
