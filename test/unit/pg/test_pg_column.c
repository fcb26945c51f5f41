/* The writer of arrays in binary form, and what the server reads in them. */
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

static void open_client(struct client *c, struct bw_loop *loop)
{
    char url[PGSERVER_URL];
    pgserver_url(server, "postgres", "", url);
    client_open(c, loop, url, NULL);
    LOOP_RUN_UNTIL(loop, c->ready, WAIT_MS);
}

/* What the server says of a statement with this column as its only parameter. */
static void say(struct client *c, struct bw_pg_column *column, const char *sql, struct answer *got)
{
    const char *const params[] = {bw_pg_column_end(column)};
    const int lens[] = {(int)column->buf.len};
    const struct bw_pg_statement s = {sql, 1, params, lens};
    assert_non_null(params[0]);
    *got = (struct answer){0};
    assert_int_equal(submit_all(c, got, &s, 1), BW_OK);
    LOOP_RUN_UNTIL(c->loop, got->calls > 0, WAIT_MS);
    if (got->err != BW_OK)
        fail_msg("%s: %s", sql, got->message);
}

static void is_read_as(struct client *c, struct bw_pg_column *column, const char *sql, const char *expected)
{
    struct answer got;
    say(c, column, sql, &got);
    assert_string_equal(got.value, expected);
    answer_free(&got);
}

static const struct {
    enum bw_pg_type type;
    int64_t min, max;
    const char *sql, *expected;
} numbers[] = {
    {BW_PG_BOOL, 0, 1, "SELECT ($1::boolean[])::text", "{f,NULL,t,f}"},
    {BW_PG_INT2, INT16_MIN, INT16_MAX, "SELECT ($1::smallint[])::text", "{-32768,NULL,32767,0}"},
    {BW_PG_INT4, INT32_MIN, INT32_MAX, "SELECT ($1::int[])::text", "{-2147483648,NULL,2147483647,0}"},
    {BW_PG_INT8, INT64_MIN, INT64_MAX, "SELECT ($1::bigint[])::text",
     "{-9223372036854775808,NULL,9223372036854775807,0}"},
};
enum { N_NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static void numbers_arrive(void **state)
{
    struct client c;
    open_client(&c, *state);
    for (size_t i = 0; i < N_NUMBERS; i++) {
        struct bw_pg_column column;
        bw_pg_column_init(&column, numbers[i].type, 1000);
        is_read_as(&c, &column, numbers[i].sql, "{}");
        for (int again = 0; again < 2; again++) {
            bw_pg_column_clear(&column);
            bw_pg_column_add_int(&column, numbers[i].min);
            bw_pg_column_add_null(&column);
            bw_pg_column_add_int(&column, numbers[i].max);
            bw_pg_column_add_int(&column, 0);
            is_read_as(&c, &column, numbers[i].sql, numbers[i].expected);
        }
        bw_pg_column_fini(&column);
    }
    client_close(&c);
}

static const char *const texts[] = {"plain",     "",   "NULL",    "{\"json\": \"\\u0000 \\\" {}\"}",
                                    "Größe ☃ 🎉", NULL, "a\n\"b\\"};
enum { N_TEXTS = sizeof(texts) / sizeof(texts[0]) };

static void texts_arrive(void **state)
{
    struct client c;
    struct bw_pg_column all;
    struct answer got;
    open_client(&c, *state);
    bw_pg_column_init(&all, BW_PG_TEXT, 10000);
    for (size_t i = 0; i < N_TEXTS; i++)
        bw_pg_column_add_str(&all, texts[i]);
    bw_pg_column_add(&all, "half", 2);
    is_read_as(&c, &all, "SELECT cardinality($1::text[])::text || ($1::text[])[8]", "8ha");
    for (size_t i = 0; i < N_TEXTS; i++) {
        char sql[64];
        snprintf(sql, sizeof(sql), "SELECT ($1::text[])[%zu]", i + 1);
        say(&c, &all, sql, &got);
        if (texts[i])
            assert_string_equal(got.value, texts[i]);
        else
            assert_null(got.value);
        answer_free(&got);
    }
    bw_pg_column_fini(&all);
    client_close(&c);
}

static void uuids_arrive(void **state)
{
    static const char uuid[] = "f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    struct client c;
    struct bw_pg_column column;
    open_client(&c, *state);
    bw_pg_column_init(&column, BW_PG_UUID, 1000);
    bw_pg_column_add_str(&column, NULL);
    bw_pg_column_add_str(&column, uuid);
    is_read_as(&c, &column, "SELECT ($1::uuid[])::text", "{NULL,f81d4fae-7dec-11d0-a765-00a0c91e6bf6}");
    bw_pg_column_fini(&column);
    client_close(&c);
}

/* What the server would refuse is known before. */
static void unfit_values_are_refused(void **state)
{
    static const char *const no_uuids[] = {
        "", "f81d4fae-7dec-11d0-a765-00a0c91e6bf", "f81d4fae-7dec-11d0-a765-00a0c91e6bf60",
        "f81d4fae-7dec-11d0-a765-00a0c91e6bfG", "f81d4fae07dec-11d0-a765-00a0c91e6bf6"};
    struct bw_pg_column column;
    (void)state;
    for (size_t i = 0; i < N_NUMBERS && numbers[i].type != BW_PG_INT8; i++) {
        for (int above = 0; above < 2; above++) {
            bw_pg_column_init(&column, numbers[i].type, 1000);
            bw_pg_column_add_int(&column, above ? numbers[i].max + 1 : numbers[i].min - 1);
            bw_pg_column_add_int(&column, 0);
            assert_null(bw_pg_column_end(&column));
            assert_true(column.unfit);
            bw_pg_column_fini(&column);
        }
    }
    for (size_t i = 0; i < sizeof(no_uuids) / sizeof(no_uuids[0]); i++) {
        bw_pg_column_init(&column, BW_PG_UUID, 1000);
        bw_pg_column_add_str(&column, no_uuids[i]);
        assert_null(bw_pg_column_end(&column));
        bw_pg_column_clear(&column);
        bw_pg_column_add_str(&column, "00000000-0000-0000-0000-000000000000");
        assert_non_null(bw_pg_column_end(&column)); /* good again */
        bw_pg_column_fini(&column);
    }
    bw_pg_column_init(&column, BW_PG_TEXT, 1000);
    bw_pg_column_add(&column, "a\0b", 3);
    assert_null(bw_pg_column_end(&column));
    bw_pg_column_fini(&column);
}

static void the_cap_is_kept(void **state)
{
    struct bw_pg_column column;
    (void)state;
    bw_pg_column_init(&column, BW_PG_TEXT, 20 + 4 + 4);
    bw_pg_column_add_str(&column, "1234");
    assert_non_null(bw_pg_column_end(&column));
    bw_pg_column_clear(&column);
    bw_pg_column_add_str(&column, "12345");
    bw_pg_column_add_null(&column);
    assert_null(bw_pg_column_end(&column));
    assert_false(column.unfit);
    bw_pg_column_fini(&column);
}

#define T(f) cmocka_unit_test_setup_teardown(f, loop_setup, loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(numbers_arrive), T(texts_arrive), T(uuids_arrive),
                                       cmocka_unit_test(unfit_values_are_refused),
                                       cmocka_unit_test(the_cap_is_kept)};
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
