/* The writer of array literals, and what the server reads in them. */
#include "fixture.h"

#include <stdio.h>
#include <string.h>

static struct pgserver *server;

static int start_server(void **state)
{
    (void)state;
    server = pgserver_new();
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    pgserver_free(server);
    return 0;
}

static const char *const texts[] = {"plain",
                                    "",
                                    " ",
                                    "NULL",
                                    "null",
                                    "a,b",
                                    "{}",
                                    "{1}",
                                    "\"",
                                    "\\",
                                    "\\\"\\\\\"",
                                    "line\nline\r\ttab",
                                    "\x01\x7f",
                                    "Größe ☃ 🎉",
                                    "it's",
                                    "$1",
                                    "a\"b",
                                    "trailing\\",
                                    "{\"json\": \"\\u0000 \\\" {}\"}",
                                    NULL};
enum { N_TEXTS = sizeof(texts) / sizeof(texts[0]) };

static void literals(void **state)
{
    struct bw_pg_array a;
    (void)state;
    bw_pg_array_init(&a, 1000);
    assert_string_equal(bw_pg_array_end(&a), "{}");
    bw_pg_array_clear(&a);
    bw_pg_array_add_int(&a, INT64_MIN);
    bw_pg_array_add_null(&a);
    bw_pg_array_add_str(&a, NULL);
    bw_pg_array_add_int(&a, INT64_MAX);
    assert_int_equal(a.n, 4);
    assert_string_equal(bw_pg_array_end(&a), "{-9223372036854775808,NULL,NULL,9223372036854775807}");
    assert_string_equal(bw_pg_array_end(&a),
                        "{-9223372036854775808,NULL,NULL,9223372036854775807}"); /* again */
    bw_pg_array_clear(&a);
    bw_pg_array_add(&a, "a\"b\\c-not this", 5);
    bw_pg_array_add_str(&a, "");
    assert_string_equal(bw_pg_array_end(&a), "{\"a\\\"b\\\\c\",\"\"}");
    bw_pg_array_fini(&a);
}

static void cap_and_nul_are_refused(void **state)
{
    struct bw_pg_array a;
    (void)state;
    bw_pg_array_init(&a, 8);
    bw_pg_array_add_str(&a, "1234"); /* {"1234"} */
    assert_string_equal(bw_pg_array_end(&a), "{\"1234\"}");
    bw_pg_array_clear(&a);
    bw_pg_array_add_str(&a, "12345");
    assert_null(bw_pg_array_end(&a));
    bw_pg_array_clear(&a);
    bw_pg_array_add(&a, "a\0b", 3);
    assert_null(bw_pg_array_end(&a));
    bw_pg_array_clear(&a);
    bw_pg_array_add_int(&a, 1);
    assert_string_equal(bw_pg_array_end(&a), "{1}"); /* good again */
    bw_pg_array_fini(&a);
}

/* Every text, alone and together with the others, is what the server has in the end. */
static void round_trip(void **state)
{
    struct client c;
    struct answer got = {0};
    char url[PGSERVER_URL];
    struct bw_pg_array all;
    pgserver_url(server, "postgres", "", url);
    client_open(&c, *state, url, NULL);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    bw_pg_array_init(&all, 10000);
    for (size_t i = 0; i < N_TEXTS; i++) {
        struct bw_pg_array one;
        bw_pg_array_init(&one, 1000);
        bw_pg_array_add_str(&one, texts[i]);
        bw_pg_array_add_str(&all, texts[i]);
        const char *const params[] = {bw_pg_array_end(&one), texts[i]};
        const struct bw_pg_statement s = {
            "SELECT ($1::text[])[1] IS NOT DISTINCT FROM $2 AND cardinality($1) = 1", 2, params};
        assert_int_equal(submit_all(&c, &got, &s, 1), BW_OK);
        LOOP_RUN_UNTIL(*state, got.calls > 0, WAIT_MS);
        if (got.err != BW_OK || strcmp(got.value, "t") != 0)
            fail_msg("not the same: %s (%s)", texts[i] ? texts[i] : "NULL", got.message);
        answer_free(&got);
        bw_pg_array_fini(&one);
    }
    const char *const params[] = {bw_pg_array_end(&all)};
    for (size_t i = 0; i < N_TEXTS; i++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "SELECT ($1::text[])[%zu]", i + 1);
        const struct bw_pg_statement s = {sql, 1, params};
        assert_int_equal(submit_all(&c, &got, &s, 1), BW_OK);
        LOOP_RUN_UNTIL(*state, got.calls > 0, WAIT_MS);
        if (texts[i])
            assert_string_equal(got.value, texts[i]);
        else
            assert_null(got.value);
        answer_free(&got);
    }
    bw_pg_array_fini(&all);
    client_close(&c);
}

#define T(f) cmocka_unit_test_setup_teardown(f, loop_setup, loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(literals), cmocka_unit_test(cap_and_nul_are_refused),
                                       T(round_trip)};
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
