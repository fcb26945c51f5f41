/* Bytes found many at a time are those that one look at each finds: every kind of byte at every place of texts of every
 * length around a step, in memory that ends with the text. Built twice, the second time without the processor's own
 * instructions, as for other processors. */
#include "../../../src/codec/word.h"

#include "badgewatch/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LONGEST 50

static bool special(char c)
{
    return c == '"' || c == '\\' || (unsigned char)c < 0x20;
}

static bool odd(char c)
{
    return c == '\0' || (unsigned char)c >= 0x80;
}

static const struct {
    const char *(*find)(const char *p, const char *end);
    bool (*is)(char c);
} finders[] = {
    {bw_word_find_special, special},
    {bw_word_find_structural, bw_word_is_structural},
    {bw_word_find_odd, odd},
};

static const char *by_one(const char *p, const char *end, bool (*is)(char c))
{
    while (p < end && !is(*p))
        p++;
    return p;
}

static void check(const char *text, size_t len)
{
    for (size_t f = 0; f < sizeof finders / sizeof *finders; f++)
        assert_ptr_equal(finders[f].find(text, text + len), by_one(text, text + len, finders[f].is));
}

static void each_byte_at_each_place(void **state)
{
    (void)state;
    for (size_t len = 0; len <= LONGEST; len++) {
        char *text = bw_realloc_array(NULL, len + 1, 1); /* the sanitizer sees a look behind the end */
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                memset(text, 'a', len);
                text[at] = (char)byte;
                check(text + 1, len - 1);
                check(text, len);
            }
        }
        free(text);
    }
}

/* Several of them, also of those that differ from a bracket in a bit that is not looked at. */
static void mixed_bytes(void **state)
{
    static const char bytes[] = "\"\\[]{}Yy_\x7F\x1F \x80\xFFz0\n";
    uint32_t seed = 1;

    (void)state;
    for (int round = 0; round < 100000; round++) {
        char text[LONGEST];
        size_t len = (seed >> 8) % (LONGEST + 1);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525u + 1013904223u;
            bool plain = (seed >> 30) != 0;
            text[i] = plain ? (char)('a' + (seed >> 16) % 26) : bytes[(seed >> 16) % sizeof bytes];
        }
        seed = seed * 1664525u + 1013904223u;
        check(text, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_at_each_place),
        cmocka_unit_test(mixed_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
