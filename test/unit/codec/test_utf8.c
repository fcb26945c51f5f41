/* UTF-8: what is valid, and what mending makes of the rest. */
#include "badgewatch/codec/keepa.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BAD     "\xEF\xBF\xBD"
#define TEXT(s) (s), sizeof(s) - 1

static const struct {
    const char *in;
    size_t len;
    const char *mended; /* NULL: valid as it is */
} rows[] = {
    {TEXT(""), NULL},
    {TEXT("plain ascii, longer than one word of eight"), NULL},
    {TEXT("\xC3\xBC \xE2\x82\xAC \xF0\x9F\x8E\x89 \x7F"), NULL},
    {TEXT("\xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF"), NULL}, /* around the surrogates; the last code point */
    {TEXT("a\0b"), "a" BAD "b"},
    {TEXT("12345678\0"), "12345678" BAD},
    {TEXT("\x80"), BAD},
    {TEXT("\xC0\xAF"), BAD BAD},                 /* overlong '/' */
    {TEXT("\xE0\x80\xAF"), BAD BAD BAD},         /* overlong in three */
    {TEXT("\xED\xA0\x80"), BAD BAD BAD},         /* a surrogate */
    {TEXT("\xF4\x90\x80\x80"), BAD BAD BAD BAD}, /* past U+10FFFF */
    {TEXT("\xF5\xFE\xFF"), BAD BAD BAD},
    {TEXT("x\xE2\x82"), "x" BAD}, /* cut off: one sequence, one mark */
    {TEXT("x\xF0\x9F\x8Ey"), "x" BAD "y"},
    {TEXT("\xC3(\xC3\xBC"), BAD "(\xC3\xBC"},
    {TEXT("Caf\xE9 Latin-1 title"), "Caf" BAD " Latin-1 title"},
};

static void validity(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (bw_utf8_valid(rows[i].in, rows[i].len) != (rows[i].mended == NULL))
            fail_msg("row %zu judged wrong", i);
    }
}

static void mending(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *expected = rows[i].mended ? rows[i].mended : rows[i].in;
        struct bw_buf out;

        bw_buf_init(&out, 1000);
        bw_utf8_mend(rows[i].in, rows[i].len, &out);
        if (strcmp(bw_buf_str(&out), expected) != 0)
            fail_msg("row %zu mended to '%s'", i, bw_buf_str(&out));
        bw_buf_fini(&out);
    }
}

/* Any bytes: the mended text is valid, and valid text is left alone. */
static void mended_is_valid(void **state)
{
    uint32_t seed = 12345;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        char bytes[24];
        struct bw_buf out;
        size_t len = (size_t)round % sizeof bytes;

        for (size_t i = 0; i < len; i++) {
            static const unsigned char likely[] = {0x00, 'a',  0x7F, 0x80, 0xBF, 0xC2,
                                                   0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xA0};

            seed = seed * 1664525 + 1013904223;
            bytes[i] = (char)(seed >> 31 ? likely[(seed >> 8) % sizeof likely] : (seed >> 16));
        }
        bw_buf_init(&out, 1000);
        bw_utf8_mend(bytes, len, &out);
        assert_true(bw_utf8_valid(bw_buf_str(&out), out.len));
        if (bw_utf8_valid(bytes, len)) {
            assert_int_equal(out.len, len);
            assert_memory_equal(bw_buf_str(&out), bytes, len);
        }
        bw_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validity),
        cmocka_unit_test(mending),
        cmocka_unit_test(mended_is_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
