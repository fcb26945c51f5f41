/* The figures of a summary, out of a row that people may have edited. */
#include "badgewatch/base/buf.h"
#include "badgewatch/codec/summary_json.h"
#include "badgewatch/core/period.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define FIGURES                                                                                              \
    "\"gained\":1,\"lost\":2,\"withheld\":0,\"checked\":3,\"tracked\":4,\"calls\":5,\"tokens\":-6,"          \
    "\"cost_cents\":0.5,\"badges\":7"

static enum bw_err decode(const char *json, struct bw_summary *s, struct bw_error *error)
{
    return bw_summary_decode(json, strlen(json), s, error);
}

static void figures(void **state)
{
    struct bw_summary s;
    struct bw_error error;
    (void)state;
    assert_int_equal(decode("{" FIGURES ",\"top\":[],\"oldest_s\":null}", &s, &error), BW_OK);
    assert_int_equal(s.gained, 1);
    assert_int_equal(s.tokens, -6);
    assert_int_equal(s.badges, 7);
    assert_int_equal(s.oldest_s, -1);
    assert_int_equal(s.n_top, 0);
    bw_summary_fini(&s);
}

/* As an alert would show them: no control characters, not longer than there, kept apart from the figures beside them. */
static void names(void **state)
{
    /* byte by byte: as a text it would turn this file around */
    static const unsigned char shalom[] = {0xe2, 0x81, 0xa8, 0xd7, 0xa9, 0xd7, 0x9c, 0xd7,
                                           0x95, 0xd7, 0x9d, 0xe2, 0x81, 0xa9, 0};
    struct bw_summary s;
    struct bw_error error;
    (void)state;
    assert_int_equal(
        decode("{" FIGURES
               ",\"oldest_s\":60,\"top\":[{\"name\":\"\\u05e9\\u05dc\\u05d5\\u05dd\",\"changes\":3},"
               "{\"name\":\"a\\u202eb\\u0007c\",\"changes\":2},"
               "{\"name\":\"0123456789012345678901234567890123456789012345678901234567890123456789\","
               "\"changes\":1},"
               "{\"name\":\" \\n\",\"changes\":1}]}",
               &s, &error),
        BW_OK);
    assert_int_equal(s.n_top, 4);
    assert_string_equal(s.top[0].name, (const char *)shalom);
    assert_string_equal(s.top[1].name, "ab c");
    assert_true(strlen(s.top[2].name) < 62);
    assert_string_equal(s.top[3].name, "(no name)");
    struct bw_period period;
    struct bw_buf lines;
    bw_buf_init(&lines, 16384);
    assert_true(bw_period_parse("2026-11-22", &period));
    bw_summary_lines(&period, &s, "EUR", &lines); /* which puts them as they are */
    assert_non_null(strstr(bw_buf_str(&lines), (const char *)shalom));
    bw_buf_fini(&lines);
    assert_int_equal(s.oldest_s, 60);
    bw_summary_fini(&s);
}

static void edited(void **state)
{
    static const char *const rows[] = {
        "",
        "[]",
        "{}",
        "{" FIGURES "}",
        "{" FIGURES ",\"top\":[{\"name\":1,\"changes\":1}]}",
        "{" FIGURES ",\"top\":[{\"name\":\"a\",\"changes\":1},{\"name\":\"b\",\"changes\":-1}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_summary s;
        struct bw_error error = {.text = ""};
        assert_int_not_equal(decode(rows[i], &s, &error), BW_OK);
        assert_true(error.text[0] != '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(figures), cmocka_unit_test(names),
                                       cmocka_unit_test(edited)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
