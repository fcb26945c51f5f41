/* Messages for Slack: exact texts, limits under hostile input, and JSON that says the same in text and blocks. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/slack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char rlo[] = {(char)0xe2, (char)0x80, (char)0xae,
                           0}; /* U+202E, alone: it would turn this file around */

static const struct bw_message_options usual = {.channel = "C1", .metadata = true};

/* Unix seconds of a time; 0 for NULL. */
static int64_t at(const char *text)
{
    int64_t ms = 0;
    if (text && bw_time_parse(text, &ms) != BW_OK)
        fail_msg("%s is no time", text);
    return ms / 1000;
}

/* What a test says of a change; the rest is the same in all. */
struct told {
    enum bw_reason reason;
    const char *category;
    int64_t previous, new;
    const char *occurred, *seen, *held_since;
};

static struct bw_change_entry entry_of(const struct told *t, int index)
{
    struct bw_change_entry e = {.change = {.key = {1, "B00DI7U88G"},
                                           .type = t->reason == BW_REACHED_TOP ? BW_GAINED : BW_LOST,
                                           .reason = t->reason,
                                           .category_id = 7792528011,
                                           .category = bw_strdup(t->category),
                                           .previous_rank = t->previous,
                                           .new_rank = t->new,
                                           .occurred_at = at(t->occurred),
                                           .detected_at_ms = at(t->seen) * 1000,
                                           .held_since = at(t->held_since)},
                                .title = bw_strdup("Penetrex Joint & Muscle Therapy")};
    (void)snprintf(e.change.id, sizeof e.change.id, "00000000-0000-5000-8000-%012d", index);
    return e;
}

static void entries_free(struct bw_change_entry *e, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bw_change_entry_fini(&e[i]);
}

#define LINKS                                                                                                \
    "<https://www.amazon.com/dp/B00DI7U88G|View on Amazon> · "                                              \
    "<https://keepa.com/#!product/1-B00DI7U88G|Keepa chart>"
#define TITLE "Penetrex Joint &amp; Muscle Therapy (B00DI7U88G)\n"
#define RUBS  "Pain Relief Rubs"

static const struct golden {
    const char *name;
    struct told told[4];
    size_t n;
    bool repeat;
    const char *now; /* NULL: when it was seen */
    const char *data_at;
    const char *text;
} goldens[] = {
    {"gained", /* CONTRACT, letter by letter */
     {{BW_REACHED_TOP, RUBS, 3, 1, "2025-08-13T16:08:00Z", "2025-08-13T16:13:32Z"}},
     1,
     .text = "🎉 BEST SELLER GAINED - #1 in Pain Relief Rubs\n" TITLE
             "Rank #3 → #1 · since 2025-08-13 16:08 UTC (Keepa), seen 16:13:32 UTC\n" LINKS},
    {"gained, unranked before, seen the day after, old data",
     {{BW_REACHED_TOP, RUBS, BW_UNRANKED, 1, "2025-08-13T23:58:00Z", "2025-08-14T00:01:05Z"}},
     1,
     .data_at = "2025-08-13T23:20:00Z",
     .text = "🎉 BEST SELLER GAINED - #1 in Pain Relief Rubs\n" TITLE
             "Rank: none → #1 · since 2025-08-13 23:58 UTC (Keepa), seen 2025-08-14 00:01:05 UTC\n" LINKS
             " · data 41 min old"},
    {"gained, no rank known before, no category name, told again",
     {{BW_REACHED_TOP, NULL, BW_NO_RANK, 1, "2025-08-13T16:08:00Z", "2025-08-13T16:13:32Z"}},
     1,
     .repeat = true,
     .text = "🎉 BEST SELLER GAINED - #1 in Category 7792528011 (possible repeat)\n" TITLE
             "First known rank: #1 · since 2025-08-13 16:08 UTC (Keepa), seen 16:13:32 UTC\n" LINKS},
    {"outranked",
     {{BW_OUTRANKED, RUBS, 1, 4, "2025-08-13T16:08:00Z", "2025-08-13T16:13:32Z", "2025-08-01T12:00:00Z"}},
     1,
     .text = "⚠️ BEST SELLER LOST - #1 in Pain Relief Rubs\n" TITLE
             "Reason: outranked, now #4 · held 12 d 4 h · lost 2025-08-13 16:08 UTC (Keepa), seen 16:13:32 "
             "UTC\n" LINKS},
    {"no rank, late and told again",
     {{BW_UNRANKED_LOSS, RUBS, 1, BW_UNRANKED, "2025-08-13T16:08:00Z", "2025-08-13T16:13:32Z"}},
     1,
     .repeat = true,
     .now = "2025-08-13T19:13:33Z",
     .text = "⚠️ BEST SELLER LOST - #1 in Pain Relief Rubs (late: seen 3 h ago) (possible repeat)\n" TITLE
             "Reason: no rank any more · lost 2025-08-13 16:08 UTC (Keepa), seen 16:13:32 UTC\n" LINKS},
    {"ten minutes are not late",
     {{BW_CATEGORY_REMOVED, RUBS, 1, BW_NO_RANK, "2025-08-13T16:08:00Z", "2025-08-13T16:13:32Z"}},
     1,
     .now = "2025-08-13T16:23:32Z",
     .text = "⚠️ BEST SELLER LOST - #1 in Pain Relief Rubs\n" TITLE
             "Reason: category removed · lost 2025-08-13 16:08 UTC (Keepa), seen 16:13:32 UTC\n" LINKS},
    {"delisted; a start after the end is not a time it was held",
     {{BW_DELISTED, RUBS, 1, BW_NO_RANK, "2025-08-13T16:08:00Z", "2025-08-13T16:13:32Z",
       "2025-08-13T17:00:00Z"}},
     1,
     .text = "⚠️ BEST SELLER LOST - #1 in Pain Relief Rubs\n" TITLE
             "Reason: delisted · lost 2025-08-13 16:08 UTC (Keepa), seen 16:13:32 UTC\n" LINKS},
    {"came and went",
     {{BW_REACHED_TOP, RUBS, 3, 1, "2025-08-13T14:00:00Z", "2025-08-13T16:13:32Z"},
      {BW_OUTRANKED, RUBS, 1, 2, "2025-08-13T16:08:00Z", "2025-08-13T16:13:32Z", "2025-08-13T14:00:00Z"}},
     2,
     .text =
         "↕️ BEST SELLER CAME AND WENT - #1 in Pain Relief Rubs\n" TITLE
         "#1 from 2025-08-13 14:00 UTC to 2025-08-13 16:08 UTC (held 2 h 8 min) (Keepa), seen 16:13:32 UTC · "
         "Rank #3 → #1, then outranked, now #2\n" LINKS},
    {"lost and won back is two changes",
     {{BW_UNRANKED_LOSS, RUBS, 1, BW_UNRANKED, "2025-08-13T14:00:00Z", "2025-08-13T16:13:32Z"},
      {BW_REACHED_TOP, RUBS, BW_UNRANKED, 1, "2025-08-13T16:08:00Z", "2025-08-13T16:13:32Z"}},
     2,
     .text =
         "🔀 2 BEST SELLER badge changes: 1 gained, 1 lost\n" TITLE
         "• Lost: Pain Relief Rubs - Reason: no rank any more · lost 2025-08-13 14:00 UTC (Keepa), seen "
         "16:13:32 UTC\n"
         "• Gained: Pain Relief Rubs - Rank: none → #1 · since 2025-08-13 16:08 UTC (Keepa), seen 16:13:32 "
         "UTC\n" LINKS},
};

/* The second category of a pair must differ by its id too. */
static void build(const struct golden *g, struct bw_change_entry *entries, struct bw_message_options *o)
{
    *o = usual;
    o->possible_repeat = g->repeat;
    o->now_ms = at(g->now ? g->now : g->told[0].seen) * 1000;
    for (size_t i = 0; i < g->n; i++) {
        entries[i] = entry_of(&g->told[i], (int)i);
        entries[i].data_at = at(g->data_at);
    }
}

static void exact_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(goldens); i++) {
        const struct golden *g = &goldens[i];
        struct bw_change_entry entries[4];
        struct bw_message_options o;
        struct bw_buf text;

        build(g, entries, &o);
        bw_buf_init(&text, 1u << 16);
        bw_slack_changes_text(entries, g->n, &o, &text);
        if (strcmp(bw_buf_str(&text), g->text) != 0)
            fail_msg("%s:\n%s\n-- expected --\n%s", g->name, bw_buf_str(&text), g->text);
        bw_buf_fini(&text);
        entries_free(entries, g->n);
    }
}

/* ---- the JSON ---- */

static struct bw_json_doc *parse(const struct bw_buf *body)
{
    struct bw_json_doc *doc;
    struct bw_error error;
    assert_false(body->overflow);
    if (bw_json_parse(bw_buf_str(body), body->len, &doc, &error) != BW_OK)
        fail_msg("%s: %s", error.text, bw_buf_str(body));
    return doc;
}

/* Not inlined: gcc 12 would take what it returns for a pointer to its own variable. */
__attribute__((noinline)) static const char *string_of(const struct bw_json_node *o, const char *key)
{
    const char *text = NULL;
    if (!bw_json_get_string(o, key, &text))
        fail_msg("no text '%s'", key);
    return text;
}

/* As JavaScript counts: the largest of the units that Slack may mean. */
static size_t units(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80 ? ((unsigned char)*s >= 0xf0 ? 2 : 1) : 0;
    return n;
}

static const struct bw_json_node *text_of_block(const struct bw_json_node *root, size_t i)
{
    const struct bw_json_node *block = bw_json_at(bw_json_get(root, "blocks"), i);
    static const char *const types[] = {"header", "section", "context"};
    assert_string_equal(string_of(block, "type"), types[i]);
    return i == 2 ? bw_json_at(bw_json_get(block, "elements"), 0) : bw_json_get(block, "text");
}

/* slack.md 2, and how many characters the text has. */
static void check_limits(const struct bw_json_node *root)
{
    static const size_t most[] = {150, 3000, 3000};
    size_t sum = 0;
    assert_int_equal(bw_json_count(bw_json_get(root, "blocks")), 3);
    for (size_t i = 0; i < 3; i++) {
        const struct bw_json_node *o = text_of_block(root, i);
        const char *text = string_of(o, "text");
        assert_string_equal(string_of(o, "type"), i == 2 ? "mrkdwn" : "plain_text");
        assert_in_range(units(text), 1, most[i]);
        sum += units(text);
    }
    assert_in_range(sum, 1, 9999);
    assert_in_range(units(string_of(root, "text")), 1, 3999);
}

static void whole_body(void **state)
{
    struct bw_change_entry entries[4];
    struct bw_message_options o;
    struct bw_buf body;
    (void)state;
    build(&goldens[0], entries, &o);
    bw_buf_init(&body, 1u << 16);
    bw_slack_changes(entries, 1, &o, &body);
    assert_string_equal(
        bw_buf_str(&body),
        "{\"channel\":\"C1\",\"text\":\"🎉 BEST SELLER GAINED - #1 in Pain Relief Rubs\\nPenetrex Joint &amp; "
        "Muscle Therapy (B00DI7U88G)\\nRank #3 → #1 · since 2025-08-13 16:08 UTC (Keepa), seen 16:13:32 "
        "UTC\\n" LINKS "\",\"unfurl_links\":false,\"unfurl_media\":false,\"blocks\":["
        "{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"🎉 BEST SELLER GAINED - #1 in Pain "
        "Relief Rubs\",\"emoji\":true}},"
        "{\"type\":\"section\",\"text\":{\"type\":\"plain_text\",\"text\":\"Penetrex Joint & Muscle Therapy "
        "(B00DI7U88G)\\nRank #3 → #1 · since 2025-08-13 16:08 UTC (Keepa), seen 16:13:32 UTC\","
        "\"emoji\":true}},"
        "{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":\"" LINKS "\"}]}],"
        "\"metadata\":{\"event_type\":\"badgewatch_changes\",\"event_payload\":{\"change_ids\":["
        "\"00000000-0000-5000-8000-000000000000\"]}}}");
    bw_buf_fini(&body);
    entries_free(entries, 1);
}

static void bodies_are_json_within_limits(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(goldens); i++) {
        struct bw_change_entry entries[4];
        struct bw_message_options o;
        struct bw_buf body;
        bool yes = true;

        build(&goldens[i], entries, &o);
        bw_buf_init(&body, 1u << 16);
        bw_slack_changes(entries, goldens[i].n, &o, &body);
        struct bw_json_doc *doc = parse(&body);
        const struct bw_json_node *root = bw_json_root(doc);
        check_limits(root);
        assert_string_equal(string_of(root, "text"), goldens[i].text);
        assert_string_equal(string_of(root, "channel"), "C1");
        assert_true(bw_json_get_bool(root, "unfurl_links", &yes) && !yes);
        yes = true;
        assert_true(bw_json_get_bool(root, "unfurl_media", &yes) && !yes);
        bw_json_free(doc);
        bw_buf_fini(&body);
        entries_free(entries, goldens[i].n);
    }
}

static void forms(void **state)
{
    static const struct {
        struct bw_message_options o;
        bool channel, blocks, metadata;
    } rows[] = {
        {{.channel = "C1", .metadata = true}, true, true, true},
        {{.channel = "C1", .metadata = true, .plain = true}, true, false, true},
        {{.channel = ""}, false, true, false},
        {{.channel = "", .plain = true}, false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bw_change_entry e = entry_of(&goldens[0].told[0], 7);
        struct bw_buf body;
        const char *text;
        bw_buf_init(&body, 1u << 16);
        bw_slack_changes(&e, 1, &rows[i].o, &body);
        struct bw_json_doc *doc = parse(&body);
        const struct bw_json_node *root = bw_json_root(doc);
        assert_int_equal(bw_json_get_string(root, "channel", &text), rows[i].channel);
        assert_int_equal(bw_json_get(root, "blocks") != NULL, rows[i].blocks);
        assert_int_equal(bw_json_get(root, "metadata") != NULL, rows[i].metadata);
        bw_json_free(doc);
        bw_buf_fini(&body);
        bw_change_entry_fini(&e);
    }
}

/* A reply says whose, and whether the channel shows it too. */
static void replies(void **state)
{
    (void)state;
    for (int broadcast = 0; broadcast < 2; broadcast++) {
        struct bw_change_entry e = entry_of(&goldens[3].told[0], 0);
        struct bw_message_options o = usual;
        struct bw_buf body;
        bool shown = !broadcast;
        o.thread = "1503435956.000247";
        o.broadcast = broadcast;
        o.remark = "A remark.";
        bw_buf_init(&body, 1u << 16);
        bw_slack_changes(&e, 1, &o, &body);
        struct bw_json_doc *doc = parse(&body);
        assert_string_equal(string_of(bw_json_root(doc), "thread_ts"), "1503435956.000247");
        assert_true(bw_json_get_bool(bw_json_root(doc), "reply_broadcast", &shown));
        assert_int_equal(shown, broadcast);
        assert_non_null(strstr(string_of(bw_json_root(doc), "text"), " UTC\nA remark.\n<https://"));
        assert_non_null(strstr(string_of(text_of_block(bw_json_root(doc), 1), "text"), " UTC\nA remark."));
        bw_json_free(doc);
        bw_buf_fini(&body);
        bw_change_entry_fini(&e);
    }
}

static void links_of_all_domains(void **state)
{
    static const struct {
        int domain;
        const char *amazon;
    } rows[] = {{1, "com"}, {2, "co.uk"}, {3, "de"},  {4, "fr"},      {5, "co.jp"},  {6, "ca"},
                {8, "it"},  {9, "es"},    {10, "in"}, {11, "com.mx"}, {12, "com.br"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bw_change_entry e = entry_of(&goldens[0].told[0], 0);
        struct bw_buf text;
        char links[256];
        e.change.key.domain = rows[i].domain;
        bw_buf_init(&text, 1u << 16);
        bw_slack_changes_text(&e, 1, &usual, &text);
        (void)snprintf(links, sizeof links,
                       "\n<https://www.amazon.%s/dp/B00DI7U88G|View on Amazon> · "
                       "<https://keepa.com/#!product/%d-B00DI7U88G|Keepa chart>",
                       rows[i].amazon, rows[i].domain);
        if (!strstr(bw_buf_str(&text), links))
            fail_msg("%s\nlacks %s", bw_buf_str(&text), links);
        bw_buf_fini(&text);
        bw_change_entry_fini(&e);
    }
}

/* ---- many changes ---- */

static struct bw_change_entry *many(size_t n, const char *title, const char *category)
{
    struct bw_change_entry *e = bw_alloc_array(n, sizeof *e);
    for (size_t i = 0; i < n; i++) {
        struct told t = goldens[3].told[0];
        t.category = category;
        e[i] = entry_of(&t, (int)i);
        e[i].change.category_id = (int64_t)i + 1;
        free(e[i].title);
        e[i].title = bw_strdup(title);
    }
    return e;
}

static size_t count_of(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = strstr(text, part); p; p = strstr(p + strlen(part), part))
        n++;
    return n;
}

static void ten_are_listed(void **state)
{
    static const struct {
        size_t n, listed;
        const char *more;
    } rows[] = {{2, 2, NULL},
                {10, 10, NULL},
                {11, 10, "\nand 1 more: badgewatch changes --asin 1:B00DI7U88G\n"},
                {50, 10, "\nand 40 more: badgewatch changes --asin 1:B00DI7U88G\n"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bw_change_entry *e = many(rows[i].n, "T", "C");
        struct bw_buf text;
        bw_buf_init(&text, 1u << 16);
        bw_slack_changes_text(e, rows[i].n, &usual, &text);
        assert_int_equal(count_of(bw_buf_str(&text), "• Lost: "), rows[i].listed);
        assert_int_equal(strstr(bw_buf_str(&text), " more: ") != NULL, rows[i].more != NULL);
        if (rows[i].more)
            assert_non_null(strstr(bw_buf_str(&text), rows[i].more));
        bw_buf_fini(&text);
        entries_free(e, rows[i].n);
        free(e);
    }
}

/* gained, lost, gained of one category and a loss of another: a stay, a gain, a loss. */
static void stays_among_others(void **state)
{
    static const struct told told[] = {
        {BW_REACHED_TOP, "A", 3, 1, "2025-08-13T14:00:00Z", "2025-08-13T16:13:32Z"},
        {BW_OUTRANKED, "B", 1, 2, "2025-08-13T14:30:00Z", "2025-08-13T16:13:32Z"},
        {BW_OUTRANKED, "A", 1, 5, "2025-08-13T15:00:00Z", "2025-08-13T16:13:32Z"},
        {BW_REACHED_TOP, "A", 5, 1, "2025-08-13T16:00:00Z", "2025-08-13T16:13:32Z"}};
    struct bw_change_entry e[4];
    struct bw_buf text;
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        e[i] = entry_of(&told[i], (int)i);
        e[i].change.category_id = (unsigned char)told[i].category[0];
    }
    bw_buf_init(&text, 1u << 16);
    bw_slack_changes_text(e, 4, &usual, &text);
    assert_string_equal(
        bw_buf_str(&text),
        "🔀 4 BEST SELLER badge changes: 2 gained, 2 lost\n" TITLE
        "• Came and went: A - #1 from 2025-08-13 14:00 UTC to 2025-08-13 15:00 UTC (held 1 h) (Keepa), seen "
        "16:13:32 UTC · Rank #3 → #1, then outranked, now #5\n"
        "• Lost: B - Reason: outranked, now #2 · lost 2025-08-13 14:30 UTC (Keepa), seen 16:13:32 UTC\n"
        "• Gained: A - Rank #5 → #1 · since 2025-08-13 16:00 UTC (Keepa), seen 16:13:32 UTC\n" LINKS);
    bw_buf_fini(&text);
    entries_free(e, 4);
}

static void ids_in_the_metadata(void **state)
{
    static const struct {
        size_t n;
        bool plain;
        size_t ids;
    } rows[] = {
        {1, false, 1}, {50, false, 50}, {2000, false, BW_SLACK_IDS_MAX}, {5, true, 5}, {2000, true, 20}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bw_change_entry *e = many(rows[i].n, "T", "C");
        struct bw_message_options o = usual;
        struct bw_buf body;
        const char *id = NULL;
        o.plain = rows[i].plain;
        bw_buf_init(&body, 1u << 16);
        bw_slack_changes(e, rows[i].n, &o, &body);
        struct bw_json_doc *doc = parse(&body);
        const struct bw_json_node *metadata = bw_json_get(bw_json_root(doc), "metadata");
        const struct bw_json_node *ids = bw_json_get(bw_json_get(metadata, "event_payload"), "change_ids");
        assert_string_equal(string_of(metadata, "event_type"), "badgewatch_changes");
        assert_int_equal(bw_json_count(ids), rows[i].ids);
        for (size_t k = 0; k < rows[i].ids; k++) {
            assert_true(bw_json_is_string(bw_json_at(ids, k), &id));
            assert_string_equal(id, e[k].change.id);
        }
        bw_json_free(doc);
        bw_buf_fini(&body);
        entries_free(e, rows[i].n);
        free(e);
    }
}

/* ---- texts of strangers ---- */

static char *repeated(const char *piece, size_t times)
{
    struct bw_buf b;
    bw_buf_init(&b, strlen(piece) * times);
    for (size_t i = 0; i < times; i++)
        assert_int_equal(bw_buf_adds(&b, piece), BW_OK);
    return bw_buf_take(&b, NULL);
}

/* Every second one is the loss of the badge gained before it. */
static void make_stays(struct bw_change_entry *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bw_change *c = &e[i].change;
        c->type = i % 2 ? BW_LOST : BW_GAINED;
        c->reason = i % 2 ? BW_OUTRANKED : BW_REACHED_TOP;
        c->category_id = INT64_MAX - (int64_t)(i / 2);
        c->previous_rank = c->new_rank = INT32_MAX;
        c->occurred_at = at(i % 2 ? "2025-08-13T15:59:59Z" : "1970-01-02T00:00:00Z");
    }
}

static void check_hostile(const char *piece, const char *title, size_t n, bool stays)
{
    struct bw_change_entry *e = many(n, title, title);
    struct bw_message_options o = usual;
    struct bw_buf body;
    o.possible_repeat = true;
    o.remark = "Flapping: more than 30 changes within 1000 d 23 h. More of it goes into this thread, until "
               "there was none "
               "for 1000 d 23 h.";
    o.now_ms = INT64_C(253402300799000); /* the longest mark of lateness */
    e[0].data_at = 1;
    if (stays)
        make_stays(e, n);
    bw_buf_init(&body, 1u << 16);
    bw_slack_changes(e, n, &o, &body);
    struct bw_json_doc *doc = parse(&body);
    const struct bw_json_node *root = bw_json_root(doc);
    const char *text = string_of(root, "text");
    check_limits(root);
    assert_non_null(strstr(string_of(text_of_block(root, 0), "text"), " (possible repeat)"));
    if (count_of(text, "<") != 2 || count_of(text, ">") != 2 || strstr(text, rlo))
        fail_msg("'%s': %s", piece, text); /* more than our own two links */
    for (const char *p = strchr(text, '&'); p; p = strchr(p + 1, '&'))
        assert_true(strncmp(p, "&amp;", 5) == 0 || strncmp(p, "&lt;", 4) == 0 || strncmp(p, "&gt;", 4) == 0);
    bw_json_free(doc);
    bw_buf_fini(&body);
    entries_free(e, n);
    free(e);
}

static void hostile_titles_keep_the_limits(void **state)
{
    static const char *const pieces[] = {
        "&",    "<",        "x", "\n",           "🎉",     rlo, "\xf0",     "<!channel>", "*_~`",
        "\"\\", "\x01\x7f", "é", "\xed\xa0\x80", "<@U1>", "﷽", "\xcd\x81", " "};
    static const size_t counts[] = {1, 2, 10, 50, 500};
    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        char *title = repeated(pieces[i], 1000);
        for (size_t k = 0; k < COUNT(counts); k++) {
            check_hostile(pieces[i], title, counts[k], false);
            check_hostile(pieces[i], title, counts[k], true);
        }
        free(title);
    }
    char *title = repeated("&", 10000);
    check_hostile("&", title, 20, true);
    free(title);
}

/* The longest headline there is: a stay, a long name, both marks. */
static void longest_header(void **state)
{
    static const char *const pieces[] = {"x", "🎉", "&"};
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(pieces); i++) {
        char *name = repeated(pieces[i / 2], 500);
        struct told t[] = {goldens[7].told[0], goldens[7].told[1]};
        struct bw_change_entry e[2];
        struct bw_message_options o = usual;
        struct bw_buf body;
        t[0].category = t[1].category = name;
        for (int k = 0; k < 2; k++) {
            e[k] = entry_of(&t[k], k);
            e[k].change.detected_at_ms = 0;
        }
        o.possible_repeat = true;
        o.after_quiet = i % 2;
        o.now_ms = at("2299-12-31T23:00:00Z") * 1000;
        bw_buf_init(&body, 1u << 16);
        bw_slack_changes(e, 2, &o, &body);
        struct bw_json_doc *doc = parse(&body);
        check_limits(bw_json_root(doc));
        const char *header = string_of(text_of_block(bw_json_root(doc), 0), "text");
        assert_non_null(strstr(header, o.after_quiet ? "… (quiet hours: 120529 d 23 h ago) (possible repeat)"
                                                     : "… (late: seen 120529 d 23 h ago) (possible repeat)"));
        assert_in_range(units(header), 140, 150);
        bw_json_free(doc);
        bw_buf_fini(&body);
        entries_free(e, 2);
        free(name);
    }
}

/* Only a loss ends a stay. */
static void two_gains_are_no_stay(void **state)
{
    struct bw_change_entry e[] = {entry_of(&goldens[0].told[0], 0), entry_of(&goldens[0].told[0], 1)};
    struct bw_buf text;
    (void)state;
    bw_buf_init(&text, 1u << 16);
    bw_slack_changes_text(e, 2, &usual, &text);
    assert_int_equal(count_of(bw_buf_str(&text), "• Gained: "), 2);
    assert_null(strstr(bw_buf_str(&text), "ame and went"));
    assert_non_null(strstr(bw_buf_str(&text), "2 BEST SELLER badge changes: 2 gained\n"));
    bw_buf_fini(&text);
    entries_free(e, 2);
}

static void escaping(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *expected;
    } rows[] = {
        {"plain", 150, "plain"},
        {"", 150, ""},
        {"a & b <c>", 150, "a &amp; b &lt;c&gt;"},
        {"<!channel> hi", 150, "&lt;!channel&gt; hi"},
        {"two\nlines\r\n\tand\x01more\x7f", 150, "two lines   and more "},
        {"a\xe2\x80\xae"
         "b\xe2\x80\xac"
         "c\xe2\x81\xa6"
         "d\xe2\x81\xa9",
         150, "abcd"},
        {"a\xe2\x80\xa8"
         "b\xe2\x80\xa9"
         "c\xc2\x85"
         "d",
         150, "a b c d"}, /* separators and NEL */
        {"\xe2\x80\x8f right-to-left mark stays", 150, "\xe2\x80\x8f right-to-left mark stays"},
        {"müßig 🎉", 150, "müßig 🎉"},
        {"abcdef", 6, "abcdef"},
        {"abcdefg", 6, "abcdef…"},
        {"ab&cd", 7, "ab&amp;…"}, /* an escape is whole or absent */
        {"ab&cd", 6, "ab…"},
        {"a🎉b", 3, "a🎉…"},
        {"a🎉b", 2, "a…"},
        {"\xf0<!here>", 150,
         "\xef\xbf\xbd&lt;!here&gt;"}, /* a lone lead byte carries nothing past the escaping */
        {"\xe2\x80<b", 150, "\xef\xbf\xbd&lt;b"},
        {"end\xc3", 150, "end\xef\xbf\xbd"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bw_buf out;
        bw_buf_init(&out, 4096);
        bw_slack_escape(rows[i].text, rows[i].max, &out);
        if (strcmp(bw_buf_str(&out), rows[i].expected) != 0)
            fail_msg("'%s' (%zu) gave '%s'", rows[i].text, rows[i].max, bw_buf_str(&out));
        bw_buf_fini(&out);
    }
}

static void titles_that_cannot_be_seen(void **state)
{
    static const char *const titles[] = {NULL, "", "  \n", rlo};
    (void)state;
    for (size_t i = 0; i < COUNT(titles); i++) {
        struct bw_change_entry *e = many(1, titles[i], titles[i]);
        struct bw_buf text;
        bw_buf_init(&text, 1u << 16);
        bw_slack_changes_text(e, 1, &usual, &text);
        assert_non_null(strstr(bw_buf_str(&text), "(no title known) (B00DI7U88G)\n"));
        assert_non_null(strstr(bw_buf_str(&text), "#1 in Category 1\n"));
        bw_buf_fini(&text);
        entries_free(e, 1);
        free(e);
    }
}

/* Titles that run from right to left stand in an isolate: our own words and numbers beside them keep their places. */
static void right_to_left(void **state)
{
    static const struct {
        const char *title, *shown;
    } rows[] = {{"סרום לפנים 30", "⁨סרום לפנים 30⁩ (B00DI7U88G)\n"},
                {"كريم (50 ml) & more", "⁨كريم (50 ml) &amp; more⁩ (B00DI7U88G)\n"},
                {"Crème 日本語 🎉👨‍👩‍👧",
                 "Crème 日本語 🎉👨‍👩‍👧 (B00DI7U88G)\n"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bw_change_entry *e = many(1, rows[i].title, "C");
        struct bw_buf text;
        bw_buf_init(&text, 1u << 16);
        bw_slack_changes_text(e, 1, &usual, &text);
        if (!strstr(bw_buf_str(&text), rows[i].shown))
            fail_msg("%s", bw_buf_str(&text));
        bw_buf_fini(&text);
        entries_free(e, 1);
        free(e);
    }
}

/* Not from detection, but an entry may be edited by hand. */
static void times_that_are_none(void **state)
{
    struct bw_change_entry e = entry_of(&goldens[0].told[0], 0);
    struct bw_buf text;
    (void)state;
    e.change.occurred_at = INT64_MAX / 2;
    e.change.detected_at_ms = INT64_MAX / 2;
    bw_buf_init(&text, 1u << 16);
    bw_slack_changes_text(&e, 1, &usual, &text);
    assert_string_equal(bw_buf_str(&text), "🎉 BEST SELLER GAINED - #1 in Pain Relief Rubs\n" TITLE
                                           "Rank #3 → #1 · since an unknown time (Keepa)\n" LINKS);
    bw_buf_fini(&text);
    bw_change_entry_fini(&e);
}

static void test_message(void **state)
{
    static const struct {
        const char *host, *shown;
    } rows[] = {{"watch-1", "watch-1"}, {"a<b>&c", "a&lt;b&gt;&amp;c"}, {"", "an unnamed host"}};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct bw_message_options o = usual;
        struct bw_buf body;
        char expected[256];
        o.now_ms = at("2025-08-13T16:13:32Z") * 1000 + 999;
        bw_buf_init(&body, 1u << 16);
        bw_slack_test(&o, rows[i].host, &body);
        struct bw_json_doc *doc = parse(&body);
        (void)snprintf(
            expected, sizeof expected,
            "🔔 TEST - badgewatch can post here. Sent by badgewatch notify-test on %s at 2025-08-13 "
            "16:13:32 UTC. Nothing was gained or lost.",
            rows[i].shown);
        assert_string_equal(string_of(bw_json_root(doc), "text"), expected);
        assert_string_equal(string_of(bw_json_root(doc), "channel"), "C1");
        bw_json_free(doc);
        bw_buf_fini(&body);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exact_texts),
        cmocka_unit_test(whole_body),
        cmocka_unit_test(bodies_are_json_within_limits),
        cmocka_unit_test(forms),
        cmocka_unit_test(replies),
        cmocka_unit_test(links_of_all_domains),
        cmocka_unit_test(ten_are_listed),
        cmocka_unit_test(stays_among_others),
        cmocka_unit_test(ids_in_the_metadata),
        cmocka_unit_test(hostile_titles_keep_the_limits),
        cmocka_unit_test(longest_header),
        cmocka_unit_test(two_gains_are_no_stay),
        cmocka_unit_test(escaping),
        cmocka_unit_test(titles_that_cannot_be_seen),
        cmocka_unit_test(right_to_left),
        cmocka_unit_test(times_that_are_none),
        cmocka_unit_test(test_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
