/* Messages about no change: links of the product they are about, and lines that strangers had a word in. */
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/slack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char id[] = "00000000-0000-5000-8000-000000000001";
static const struct bw_product_key german = {3, "B00DI7U88G"};
static const struct bw_message_options usual = {.channel = "C1", .metadata = true};

static void links_of_the_product(void **state)
{
    (void)state;
    struct bw_buf body;
    bw_buf_init(&body, 65536);
    bw_slack_note("Settled", "Serum (B00DI7U88G)\n", id, &german, &usual, &body);
    assert_string_equal(
        bw_buf_str(&body),
        "{\"channel\":\"C1\",\"text\":\"Settled\\nSerum (B00DI7U88G)\\n"
        "<https://www.amazon.de/dp/B00DI7U88G|View on Amazon> · "
        "<https://keepa.com/#!product/3-B00DI7U88G|Keepa chart>\","
        "\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":["
        "{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"Settled\",\"emoji\":true}},"
        "{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"text\":\"Serum "
        "(B00DI7U88G)\",\"emoji\":true}},"
        "{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":"
        "\"<https://www.amazon.de/dp/B00DI7U88G|View on Amazon> · "
        "<https://keepa.com/#!product/3-B00DI7U88G|Keepa chart>\"}]}],"
        "\"metadata\":{\"event_type\":\"badgewatch_changes\",\"event_payload\":{\"change_ids\":["
        "\"00000000-0000-5000-8000-000000000001\"]}}}");
    bw_buf_fini(&body);
}

/* n times the same character, then what follows. */
static void put_long(struct bw_buf *out, const char *character, size_t n, const char *then)
{
    for (size_t i = 0; i < n; i++)
        bw_buf_adds(out, character);
    bw_buf_adds(out, then);
}

/* A long line is cut at a character and says so, and the figures behind it are still there. */
static void long_lines(void **state)
{
    (void)state;
    struct bw_buf lines, body;
    bw_buf_init(&lines, 65536);
    bw_buf_init(&body, 65536);
    for (size_t shift = 0; shift < 3; shift++) {
        bw_buf_clear(&lines);
        bw_buf_clear(&body);
        put_long(&lines, "x", shift, "");
        put_long(&lines, "語", 4000, "\nOldest data: 3 min\n");
        bw_slack_note("Summary", bw_buf_str(&lines), id, NULL, &usual, &body);
        assert_null(strstr(bw_buf_str(&body), "\xef\xbf\xbd")); /* half a character */
        assert_non_null(strstr(bw_buf_str(&body), "語…\\nOldest data: 3 min"));
    }
    bw_buf_fini(&lines);
    bw_buf_fini(&body);
}

/* What a stranger wrote stays in its line, and calls nobody. */
static void names(void **state)
{
    (void)state;
    struct bw_buf line, body;
    bw_buf_init(&line, 65536);
    bw_buf_init(&body, 65536);
    assert_false(bw_slack_put_name(NULL, 150, &line));
    assert_false(bw_slack_put_name(" \t\n", 150, &line));
    assert_int_equal(line.len, 0);
    assert_true(bw_slack_put_name("<!channel>\nOldest data: none\r& more", 150, &line));
    assert_string_equal(bw_buf_str(&line), "<!channel> Oldest data: none & more");
    bw_slack_note("Settled", bw_buf_str(&line), id, &german, &usual, &body);
    assert_non_null(strstr(bw_buf_str(&body), "&lt;!channel&gt; Oldest data: none &amp; more\\n<https://"));
    bw_buf_clear(&line);
    for (int i = 0; i < 40; i++)
        bw_buf_adds(&line, "語語語語語"); /* 200 characters */
    bw_buf_clear(&body);
    assert_true(bw_slack_put_name(bw_buf_str(&line), 150, &body));
    assert_int_equal(body.len, 151 * 3); /* and the ellipsis */
    bw_buf_fini(&line);
    bw_buf_fini(&body);
}

/* The mark of a repeat finds room in a header, however long the headline is: 150 characters. */
static void longest_header(void **state)
{
    (void)state;
    struct bw_message_options repeat = usual;
    struct bw_buf headline, body;
    bw_buf_init(&headline, 65536);
    bw_buf_init(&body, 65536);
    repeat.possible_repeat = true;
    put_long(&headline, "x", 500, "");
    bw_slack_note(bw_buf_str(&headline), "", id, NULL, &repeat, &body);
    static const char before[] = "\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"";
    const char *header = strstr(bw_buf_str(&body), before);
    assert_non_null(header);
    header += strlen(before);
    const char *end = strstr(header, " (possible repeat)\"");
    assert_non_null(end);
    assert_in_range((size_t)(end - header) - 2 + strlen(" (possible repeat)"), 100,
                    150); /* the ellipsis has 3 bytes */
    bw_buf_fini(&headline);
    bw_buf_fini(&body);
}

/* What stands behind a name that runs from right to left keeps its place; what is no pair does nothing. */
static void right_to_left(void **state)
{
    /* byte by byte: as texts they would turn this file around */
    static const char shalom[] = {(char)0xd7, (char)0xa9, (char)0xd7, (char)0x9c, (char)0xd7,
                                  (char)0x95, (char)0xd7, (char)0x9d, 0};
    static const char isolate[] = {(char)0xe2, (char)0x81, (char)0xa8, 0};
    static const char end[] = {(char)0xe2, (char)0x81, (char)0xa9, 0};
    (void)state;
    struct bw_buf title, line, body, wanted;
    bw_buf_init(&title, 65536);
    bw_buf_init(&line, 65536);
    bw_buf_init(&body, 65536);
    bw_buf_init(&wanted, 65536);
    bw_buf_addf(&title, "%s & co", shalom);
    assert_true(bw_slack_put_name(bw_buf_str(&title), 150, &line));
    bw_buf_adds(&line, " (B00DI7U88G)\nTop: ");
    assert_true(bw_slack_put_name(shalom, 56, &line));
    bw_buf_adds(&line, " (2), ");
    assert_true(bw_slack_put_name(shalom, 56, &line));
    bw_buf_adds(&line, " (1)\n");
    bw_buf_addf(&line, "a%sb%sc", end, isolate); /* a stranger's own */
    bw_slack_note("Settled", bw_buf_str(&line), id, NULL, &usual, &body);
    bw_buf_addf(&wanted, "%s%s &amp; co%s (B00DI7U88G)\\nTop: %s%s%s (2), %s%s%s (1)\\nabc", isolate, shalom,
                end, isolate, shalom, end, isolate, shalom, end);
    assert_non_null(strstr(bw_buf_str(&body), bw_buf_str(&wanted)));
    bw_buf_fini(&line);
    bw_buf_fini(&body);
    bw_buf_fini(&wanted);
    bw_buf_fini(&title);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_of_the_product), cmocka_unit_test(long_lines),    cmocka_unit_test(names),
        cmocka_unit_test(longest_header),       cmocka_unit_test(right_to_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
