/* Variations of one product whose badges changed in the same way: one message; who is a family; limits. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/slack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a)    (sizeof(a) / sizeof *(a))
#define CHANGES_MAX 7

static const struct bw_message_options usual = {.channel = "C1", .metadata = true, .now_ms = 1755101613000};

static struct bw_change_entry entry_of(int child, int category, bool gained, const char *title,
                                       const char *name)
{
    struct bw_change_entry e = {.change = {.key = {1, ""},
                                           .type = gained ? BW_GAINED : BW_LOST,
                                           .reason = gained ? BW_REACHED_TOP : BW_OUTRANKED,
                                           .category_id = 7792528000 + category,
                                           .category = bw_strdup(name),
                                           .previous_rank = gained ? 3 : 1,
                                           .new_rank = gained ? 1 : 4,
                                           .occurred_at = 1755101280,
                                           .detected_at_ms = 1755101612345},
                                .title = bw_strdup(title),
                                .parent = "B0PARENT01"};
    (void)snprintf(e.change.key.asin, sizeof e.change.key.asin, "B0%08d", child);
    (void)snprintf(e.change.id, sizeof e.change.id, "00000000-0000-5000-8000-%06d%06d", child, category);
    return e;
}

static void entries_free(struct bw_change_entry *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bw_change_entry_fini(&e[i]);
}

static void exact_text(void **state)
{
    (void)state;
    struct bw_change_entry e[] = {entry_of(1, 1, true, "Serum & Oil, 30 ml", "Serums"),
                                  entry_of(2, 1, true, "Serum & Oil, 50 ml", "Serums"),
                                  entry_of(3, 1, true, NULL, "Serums")};
    struct bw_buf text;
    bw_buf_init(&text, 65536);
    assert_true(bw_slack_is_family(e, 3));
    bw_slack_family_text(e, 3, &usual, &text);
    assert_string_equal(text.data, "🎉 BEST SELLER GAINED - #1 in Serums\n"
                                   "Serum &amp; Oil, 30 ml (B000000001) and 2 more of its family\n"
                                   "Rank #3 → #1 · since 2025-08-13 16:08 UTC (Keepa), seen 16:13:32 UTC\n"
                                   "3 variations of B0PARENT01:\n"
                                   "• B000000001 Serum &amp; Oil, 30 ml\n"
                                   "• B000000002 Serum &amp; Oil, 50 ml\n"
                                   "• B000000003 (no title known)\n"
                                   "<https://www.amazon.com/dp/B000000001|View on Amazon> · "
                                   "<https://keepa.com/#!product/1-B000000001|Keepa chart>");
    bw_buf_fini(&text);
    entries_free(e, 3);
}

/* What one thing is different in is no family. */
static void who_is_a_family(void **state)
{
    enum { SAME, PARENT, NO_PARENT, DOMAIN, CATEGORY, TYPE, TIME, RANK, ASIN, MORE, CASES };
    (void)state;
    for (int k = SAME; k < CASES; k++) {
        struct bw_change_entry e[] = {entry_of(1, 1, true, "A", "X"), entry_of(2, 1, true, "B", "X"),
                                      entry_of(2, 2, true, "B", "Y")};
        struct bw_change *c = &e[1].change;
        size_t n = k == MORE ? 3 : 2;
        if (k == PARENT)
            e[1].parent[9] = '2';
        else if (k == NO_PARENT)
            e[0].parent[0] = e[1].parent[0] = '\0';
        else if (k == DOMAIN)
            c->key.domain = 3;
        else if (k == CATEGORY)
            c->category_id++;
        else if (k == TYPE)
            c->type = BW_LOST;
        else if (k == TIME)
            c->occurred_at += 60;
        else if (k == RANK)
            c->new_rank = 2;
        else if (k == ASIN)
            c->key = e[0].change.key;
        if (bw_slack_is_family(e, n) != (k == SAME) ||
            bw_slack_same_family(e, 1, &e[1], n - 1) != (k == SAME))
            fail_msg("case %d", k);
        entries_free(e, 3);
    }
}

/* In a group the children of a line before say so. */
static void inside_a_group(void **state)
{
    (void)state;
    struct bw_change_entry e[] = {entry_of(1, 1, false, "Serum 30 ml", "Serums"),
                                  entry_of(2, 1, false, "Serum 50 ml", "Serums"),
                                  entry_of(3, 1, true, "Other", "Serums")};
    struct bw_buf text;
    bw_buf_init(&text, 65536);
    assert_false(bw_slack_is_family(e, 3));
    bw_slack_group_text(e, 3, &usual, &text);
    assert_string_equal(text.data, "🔀 3 BEST SELLER badge changes on 3 products: 1 gained, 2 lost\n"
                                   "• B000000001 Serum 30 ml: lost #1 in Serums\n"
                                   "• B000000002 Serum 50 ml: the same (family of B000000001)\n"
                                   "• B000000003 Other: gained #1 in Serums\n");
    bw_buf_fini(&text);
    entries_free(e, 3);
}

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

/* Gives the sum of the text of all blocks, each within its own limit. */
static size_t check_blocks(const struct bw_json_node *blocks, struct bw_buf *all)
{
    size_t sum = 0;
    assert_in_range(bw_json_count(blocks), 4, 10);
    for (size_t i = 0; i < bw_json_count(blocks); i++) {
        const struct bw_json_node *b = bw_json_at(blocks, i), *t = bw_json_get(b, "text");
        if (strcmp(text_of(b, "type"), "context") == 0)
            t = bw_json_at(bw_json_get(b, "elements"), 0);
        size_t n = units(text_of(t, "text"));
        assert_in_range(n, 1, strcmp(text_of(b, "type"), "header") == 0 ? 150 : 3000);
        sum += n;
        bw_buf_adds(all, text_of(t, "text"));
    }
    return sum;
}

static size_t many(struct bw_change_entry *e, int children, int changes, const char *title)
{
    size_t n = 0;
    for (int p = 0; p < children; p++) {
        for (int c = 0; c < changes; c++) {
            e[n] = entry_of(p, c / 2, c % 2 == 0, title, title);
            e[n].change.key.domain = 12;
            e[n].change.occurred_at += c;
            e[n++].data_at = 1;
        }
    }
    return n;
}

static void check_limits(int children, int changes, const char *title, bool plain)
{
    struct bw_change_entry *e = bw_alloc_array((size_t)BW_SLACK_GROUP_MAX * CHANGES_MAX, sizeof *e);
    struct bw_message_options o = usual;
    struct bw_json_doc *doc;
    struct bw_buf out, all;
    size_t n = many(e, children, changes, title);
    o.plain = plain;
    o.possible_repeat = true;
    o.now_ms += INT64_C(1000000000000);
    bw_buf_init(&out, 1 << 20);
    bw_buf_init(&all, 1 << 20);
    assert_true(bw_slack_is_family(e, n));
    bw_slack_family(e, n, &o, &out);
    assert_int_equal(bw_json_parse(out.data, out.len, &doc, NULL), BW_OK);
    const struct bw_json_node *root = bw_json_root(doc);
    const char *text = text_of(root, "text");
    assert_in_range(units(text), 1, 4000);
    assert_int_equal(bw_json_get(root, "blocks") == NULL, plain);
    if (!plain)
        assert_in_range(check_blocks(bw_json_get(root, "blocks"), &all), 1, 13000);
    for (size_t i = 0; i < n; i += (size_t)changes) {
        char link[64];
        (void)snprintf(link, sizeof link, "amazon.com.br/dp/%s", e[i].change.key.asin);
        assert_non_null(strstr(text, e[i].change.key.asin));
        assert_true(plain || strstr(bw_buf_str(&all), link) != NULL);
    }
    const struct bw_json_node *payload = bw_json_get(bw_json_get(root, "metadata"), "event_payload");
    assert_int_equal(bw_json_count(bw_json_get(payload, "change_ids")), n);
    bw_json_free(doc);
    bw_buf_fini(&out);
    bw_buf_fini(&all);
    entries_free(e, n);
    free(e);
}

static void within_limits(void **state)
{
    static const char *const pieces[] = {"words ", "&", "<!channel>", "😀", "\xff\xfe", "א"};
    (void)state;
    for (size_t k = 0; k < COUNT(pieces); k++) {
        char title[2000] = "";
        while (strlen(title) + strlen(pieces[k]) < sizeof title)
            strncat(title, pieces[k], sizeof title - strlen(title) - 1);
        for (int plain = 0; plain < 2; plain++) {
            check_limits(2, 1, title, plain);
            check_limits(20, 2, title, plain);
            check_limits(21, 3, title, plain);
            check_limits(BW_SLACK_GROUP_MAX, CHANGES_MAX, title, plain);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exact_text), cmocka_unit_test(who_is_a_family),
                                       cmocka_unit_test(inside_a_group), cmocka_unit_test(within_limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
