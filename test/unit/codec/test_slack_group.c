/* Changes of many products in one message: exact text, a line for each product in text and blocks, limits under hostile
 * input. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/slack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENTRIES_MAX 200

static struct bw_change_entry entry_of(int product, int category, bool gained, const char *title,
                                       const char *name)
{
    struct bw_change_entry e = {.change = {.key = {product % 2 ? 3 : 1, ""},
                                           .type = gained ? BW_GAINED : BW_LOST,
                                           .reason = gained ? BW_REACHED_TOP : BW_OUTRANKED,
                                           .category_id = 7792528000 + category,
                                           .category = bw_strdup(name),
                                           .previous_rank = gained ? 3 : 1,
                                           .new_rank = gained ? 1 : 4,
                                           .occurred_at = 1755101280,
                                           .detected_at_ms = 1755101612345},
                                .title = bw_strdup(title)};
    (void)snprintf(e.change.key.asin, sizeof e.change.key.asin, "B%09d", product);
    (void)snprintf(e.change.id, sizeof e.change.id, "00000000-0000-5000-8000-%06d%06d", product, category);
    return e;
}

static void entries_free(struct bw_change_entry *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bw_change_entry_fini(&e[i]);
}

static const struct bw_message_options usual = {.channel = "C1", .metadata = true, .now_ms = 1755101613000};

static void exact_text(void **state)
{
    (void)state;
    struct bw_change_entry e[] = {
        entry_of(2, 1, true, "Penetrex Joint & Muscle Therapy", "Pain Relief Rubs"),
        entry_of(2, 2, false, "Penetrex Joint & Muscle Therapy", "Serums"),
        entry_of(3, 1, false, NULL, NULL),
        entry_of(4, 1, true, "Vitamin C", "Serums"),
        entry_of(4, 1, false, "Vitamin C", "Serums"),
    };
    struct bw_buf text;
    bw_buf_init(&text, 65536);
    bw_slack_group_text(e, 5, &usual, &text);
    assert_string_equal(text.data,
                        "🔀 5 BEST SELLER badge changes on 3 products: 2 gained, 3 lost\n"
                        "• B000000002 Penetrex Joint &amp; Muscl…: gained #1 in Pain Relief Rubs (+1)\n"
                        "• 3:B000000003 (no title known): lost #1 in Category 7792528001\n"
                        "• B000000004 Vitamin C: came and went in Serums\n");
    assert_int_equal(bw_slack_group_products(e, 5), 3);
    bw_buf_clear(&text);
    struct bw_message_options late = usual;
    late.now_ms += 3600000;
    late.possible_repeat = true;
    bw_slack_group_text(&e[3], 1, &late, &text);
    assert_string_equal(text.data,
                        "🔀 1 BEST SELLER badge changes on 1 products: 1 gained (late: seen 1 h ago) "
                        "(possible repeat)\n• B000000004 Vitamin C: gained #1 in Serums\n");
    bw_buf_clear(&text);
    struct bw_message_options morning = usual; /* after a night: where things stand */
    morning.now_ms += 3600000;
    morning.after_quiet = true;
    bw_slack_group_text(e, 5, &morning, &text);
    assert_string_equal(
        text.data, "🔀 5 BEST SELLER badge changes on 3 products: 2 gained, 3 lost (quiet hours: 1 h ago)\n"
                   "• B000000002 Penetrex Joint &amp; Muscl…: no more #1 in Serums (+1)\n"
                   "• 3:B000000003 (no title known): lost #1 in Category 7792528001\n"
                   "• B000000004 Vitamin C: came and went in Serums\n");
    bw_buf_fini(&text);
    entries_free(e, 5);
}

/* Characters as Slack may count them at worst: UTF-16 units. */
static size_t units(const char *text)
{
    size_t n = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p; p++)
        n += (*p & 0xc0) != 0x80 ? (*p >= 0xf0 ? 2 : 1) : 0;
    return n;
}

static const char *text_of(const struct bw_json_node *object, const char *name)
{
    const char *text = "";
    assert_true(bw_json_get_string(object, name, &text));
    return text;
}

/* Sum of the text of all blocks, each within its own limit; *lines gathers the sections. */
static size_t check_blocks(const struct bw_json_node *blocks, struct bw_buf *lines)
{
    size_t sum = 0;
    assert_true(bw_json_count(blocks) <= 50);
    for (size_t i = 0; i < bw_json_count(blocks); i++) {
        const struct bw_json_node *b = bw_json_at(blocks, i), *t = bw_json_get(b, "text");
        const char *type = text_of(b, "type");
        if (strcmp(type, "context") == 0)
            t = bw_json_at(bw_json_get(b, "elements"), 0);
        const char *text = text_of(t, "text");
        size_t n = units(text);
        assert_true(n >= 1 && n <= (strcmp(type, "header") == 0 ? 150 : 3000));
        sum += n;
        if (strcmp(type, "section") == 0)
            bw_buf_adds(lines, text);
    }
    return sum;
}

static void within_limits(void **state)
{
    static const char *const pieces[] = {"Plain words ", "&",        "<!channel>", "😀", "ß",
                                         "*_~`",         "\xff\xfe", "א"};
    (void)state;
    for (size_t k = 0; k < sizeof(pieces) / sizeof(pieces[0]); k++) {
        static struct bw_change_entry e[ENTRIES_MAX];
        char title[2000] = "";
        struct bw_buf out, lines;
        struct bw_json_doc *doc;
        size_t n = 0;
        while (strlen(title) + strlen(pieces[k]) < sizeof(title))
            strncat(title, pieces[k], sizeof(title) - strlen(title) - 1);
        for (size_t p = 0; p < BW_SLACK_GROUP_MAX; p++) {
            for (int c = 0; c < 5; c++)
                e[n++] = entry_of((int)p * 2 + 1, c, c % 2 == 0, title, title);
        }
        bw_buf_init(&out, 1 << 20);
        bw_buf_init(&lines, 1 << 20);
        struct bw_message_options o = usual;
        o.after_quiet = k % 2;
        o.possible_repeat = true;
        bw_slack_group(e, n, &o, &out);
        assert_int_equal(bw_json_parse(out.data, out.len, &doc, NULL), BW_OK);
        const struct bw_json_node *root = bw_json_root(doc);
        const char *text = text_of(root, "text");
        assert_true(units(text) <= 4000);
        assert_true(check_blocks(bw_json_get(root, "blocks"), &lines) <= 13000);
        for (size_t p = 0; p < BW_SLACK_GROUP_MAX; p++) {
            assert_non_null(strstr(text, e[p * 5].change.key.asin));
            assert_non_null(strstr(bw_buf_str(&lines), e[p * 5].change.key.asin));
        }
        const struct bw_json_node *payload = bw_json_get(bw_json_get(root, "metadata"), "event_payload");
        assert_int_equal(bw_json_count(bw_json_get(payload, "change_ids")), n);
        bw_json_free(doc);
        bw_buf_fini(&out);
        bw_buf_fini(&lines);
        entries_free(e, n);
    }
}

/* The text alone, and for a webhook: no channel, no metadata. */
static void forms(void **state)
{
    (void)state;
    struct bw_change_entry e[] = {entry_of(2, 1, true, "A", "X"), entry_of(4, 1, true, "B", "Y")};
    struct bw_message_options o = {.channel = "", .plain = true, .now_ms = usual.now_ms};
    struct bw_json_doc *doc;
    struct bw_buf out;
    bw_buf_init(&out, 65536);
    bw_slack_group(e, 2, &o, &out);
    assert_int_equal(bw_json_parse(out.data, out.len, &doc, NULL), BW_OK);
    const struct bw_json_node *root = bw_json_root(doc);
    assert_null(bw_json_get(root, "channel"));
    assert_null(bw_json_get(root, "blocks"));
    assert_null(bw_json_get(root, "metadata"));
    assert_non_null(bw_json_get(root, "text"));
    bw_json_free(doc);
    bw_buf_fini(&out);
    entries_free(e, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_text), cmocka_unit_test(within_limits),
                                       cmocka_unit_test(forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
