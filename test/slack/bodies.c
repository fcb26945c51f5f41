/* Prints the bodies of all kinds of messages about changes, a JSON object a line: {"kind": ..., "body": ...}; see check.py.
 *
 * With the argument "examples" only one of each kind, as a person would meet it: what the pictures show. Without, each kind in
 * all domains, and with titles and names that are hostile, very long, or of another script. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/slack.h"
#include "badgewatch/core/summary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 400
#define NOW_MS      INT64_C(1755101615000)
#define SEEN_MS     INT64_C(1755101612000)
#define SERUMS      INT64_C(7792528011)

static const char long_text[] =
    "A very long title that goes on, and on, 2-pack, for dry & sensitive skin <new>, ";
static const char *const titles[] = {
    NULL, /* an ordinary one */
    "<!channel> <@U0123> <https://evil.example|free> & *bold* _it_ ~st~ `code` ```pre```\n> quote\n1. list",
    "سيروم الوجه بفيتامين سي ‮gpj.exe‬ للبشرة",
    "👩‍👩‍👧‍👦 Familien-Set 🇩🇪 ❤️‍🔥 Crème brûlée – 50 ml",
    "日本語のとても長い商品名、保湿クリーム、敏感肌用",
    "\x01\x02 control \x7f and \xff\xfe broken UTF-8",
    "",
    NULL, /* the very long one */
};
#define TITLES (sizeof(titles) / sizeof(titles[0]))

/* What ordinary products are called, by turns, and the categories that they are first in. */
static const char *const ordinary[][2] = {{"Penetrex Joint & Muscle Therapy", "Pain Relief Rubs"},
                                          {"Brightmoor Vitamin C Serum - 30 ml", "Facial Serums"},
                                          {"Tidewell Garlic Press, Stainless Steel", "Garlic Presses"},
                                          {"Oakridge Puppy Chew Toys, 8 Pack", "Dog Chew Toys"},
                                          {"Fernhill Yoga Mat, 6 mm", "Yoga Mats"},
                                          {"Larkspur Gel Pens, 24 Colours", "Gel Ink Pens"}};
#define ORDINARY (sizeof(ordinary) / sizeof(ordinary[0]))

struct made {
    struct bw_change_entry list[ENTRIES_MAX];
    size_t n;
};

static char *title_of(size_t which)
{
    struct bw_buf out;
    if (which == 0)
        return bw_strdup(ordinary[0][0]);
    if (titles[which])
        return bw_strdup(titles[which]);
    bw_buf_init(&out, 16384);
    for (int i = 0; i < 40; i++)
        bw_buf_adds(&out, long_text);
    return bw_buf_take(&out, NULL);
}

/* A change of one product; ranks -1: none. */
static struct bw_change_entry *add(struct made *m, int domain, const char *asin, enum bw_reason reason,
                                   int64_t before, int64_t after, size_t title)
{
    struct bw_change_entry *e = &m->list[m->n++];
    struct bw_change *c = &e->change;
    *e = (struct bw_change_entry){.title = title_of(title), .data_at = 1755101312};
    c->key.domain = domain;
    snprintf(c->key.asin, sizeof(c->key.asin), "%s", asin);
    c->type = reason == BW_REACHED_TOP ? BW_GAINED : BW_LOST;
    c->reason = reason;
    c->category_id = SERUMS + (int64_t)m->n;
    c->category = title ? title_of(title) : bw_strdup(ordinary[(m->n - 1) % ORDINARY][1]);
    c->previous_rank = before;
    c->new_rank = after;
    c->occurred_at = 1755101280 + (int64_t)m->n;
    c->detected_at_ms = SEEN_MS;
    c->received_at_ms = SEEN_MS - 4;
    c->previous_check_at = 1755098000;
    c->held_since = reason == BW_REACHED_TOP ? 0 : 1754800000;
    bw_change_id(&c->key, c->category_id, c->type, c->occurred_at, c->id);
    return e;
}

static void clear(struct made *m)
{
    for (size_t i = 0; i < m->n; i++)
        bw_change_entry_fini(&m->list[i]);
    m->n = 0;
}

static void print(const char *kind, const struct bw_buf *body)
{
    if (body->overflow)
        exit(2);
    printf("{\"kind\":\"%s\",\"body\":%s}\n", kind, bw_buf_str(body));
}

typedef void (*teller)(const struct bw_change_entry *, size_t, const struct bw_message_options *,
                       struct bw_buf *);

static void tell_with(const char *kind, struct made *m, teller how, const struct bw_message_options *options)
{
    struct bw_buf body;
    bw_buf_init(&body, (size_t)1 << 20);
    how(m->list, m->n, options, &body);
    print(kind, &body);
    bw_buf_fini(&body);
    clear(m);
}

static struct bw_message_options usual(void)
{
    return (struct bw_message_options){.channel = "C0DEMO", .now_ms = NOW_MS, .metadata = true};
}

static void tell(const char *kind, struct made *m, teller how)
{
    struct bw_message_options options = usual();
    tell_with(kind, m, how, &options);
}

/* ---- one product ---- */

static void one_product(struct made *m, int domain, size_t t)
{
    static const char asin[] = "B00DI7U88G";
    add(m, domain, asin, BW_REACHED_TOP, 3, 1, t);
    tell("gained", m, bw_slack_changes);
    add(m, domain, asin, BW_OUTRANKED, 1, 4, t);
    tell("lost, outranked", m, bw_slack_changes);
    add(m, domain, asin, BW_UNRANKED_LOSS, 1, BW_UNRANKED, t);
    tell("lost, no rank", m, bw_slack_changes);
    add(m, domain, asin, BW_CATEGORY_REMOVED, 1, BW_UNRANKED, t);
    tell("lost, category removed", m, bw_slack_changes);
    add(m, domain, asin, BW_DELISTED, 1, BW_UNRANKED, t);
    tell("lost, delisted", m, bw_slack_changes);
    struct bw_change_entry *gained = add(m, domain, asin, BW_REACHED_TOP, 2, 1, t);
    struct bw_change_entry *lost = add(m, domain, asin, BW_OUTRANKED, 1, 3, t);
    free(lost->change.category);
    lost->change.category = bw_strdup(gained->change.category);
    lost->change.category_id = gained->change.category_id;
    lost->change.held_since = gained->change.occurred_at;
    lost->change.occurred_at = gained->change.occurred_at + 240;
    tell("came and went", m, bw_slack_changes);
    add(m, domain, asin, BW_REACHED_TOP, 2, 1, t);
    add(m, domain, asin, BW_OUTRANKED, 1, 2, t);
    add(m, domain, asin, BW_REACHED_TOP, BW_UNRANKED, 1, t);
    tell("several changes of a product", m, bw_slack_changes);
    for (int i = 0; i < ENTRIES_MAX; i++)
        add(m, domain, asin, i % 2 ? BW_OUTRANKED : BW_REACHED_TOP, i % 2 ? 1 : 9, i % 2 ? 7 : 1, t);
    tell("very many changes of a product", m, bw_slack_changes);
}

static void marked(struct made *m, size_t t)
{
    struct bw_message_options o = usual();
    o.now_ms = SEEN_MS + INT64_C(8040000);
    add(m, 1, "B00DI7U88G", BW_REACHED_TOP, 3, 1, t);
    tell_with("late", m, bw_slack_changes, &o);
    o.after_quiet = true;
    add(m, 1, "B00DI7U88G", BW_REACHED_TOP, 3, 1, t);
    tell_with("after quiet hours", m, bw_slack_changes, &o);
    o = usual();
    o.possible_repeat = true;
    add(m, 1, "B00DI7U88G", BW_REACHED_TOP, 3, 1, t);
    tell_with("possible repeat", m, bw_slack_changes, &o);
    o = usual();
    o.thread = "1503435956.000247";
    o.broadcast = true;
    add(m, 1, "B00DI7U88G", BW_OUTRANKED, 1, 4, t);
    tell_with("in a thread", m, bw_slack_changes, &o);
    o.broadcast = false;
    o.remark = "Flapping: more than 3 changes within 24 h. More of it goes into this thread, until there was "
               "none for 6 h.";
    add(m, 1, "B00DI7U88G", BW_REACHED_TOP, 3, 1, t);
    tell_with("flapping", m, bw_slack_changes, &o);
    o = usual();
    o.plain = true;
    add(m, 1, "B00DI7U88G", BW_REACHED_TOP, 3, 1, t);
    tell_with("plain text", m, bw_slack_changes, &o);
    o = usual();
    o.channel = "";
    o.metadata = false;
    add(m, 1, "B00DI7U88G", BW_REACHED_TOP, 3, 1, t);
    tell_with("webhook", m, bw_slack_changes, &o);
}

/* ---- many products ---- */

static void add_products(struct made *m, size_t n, size_t t)
{
    char asin[BW_ASIN_LEN + 1];
    for (size_t i = 0; i < n; i++) {
        snprintf(asin, sizeof(asin), "B0D8W1YV%02zu", i);
        add(m, i % 3 ? 1 : 3, asin, i % 2 ? BW_OUTRANKED : BW_REACHED_TOP, i % 2 ? 1 : 5, i % 2 ? 2 : 1, t);
        if (t == 0) {
            struct bw_change_entry *e = &m->list[m->n - 1];
            free(e->title);
            free(e->change.category);
            e->title = bw_strdup(ordinary[i % ORDINARY][0]);
            e->change.category = bw_strdup(ordinary[i % ORDINARY][1]);
        }
        if (i % 5 == 0)
            add(m, i % 3 ? 1 : 3, asin, BW_UNRANKED_LOSS, 1, BW_UNRANKED, t);
    }
}

static void many(struct made *m, size_t t)
{
    add_products(m, 6, t);
    tell("grouped", m, bw_slack_group);
    add_products(m, BW_SLACK_GROUP_MAX, t);
    tell("grouped, forty", m, bw_slack_group);
    for (int i = 0; i < 4; i++) {
        char asin[BW_ASIN_LEN + 1];
        snprintf(asin, sizeof(asin), "B0F7XPYC0%d", i);
        struct bw_change_entry *e = add(m, 1, asin, BW_REACHED_TOP, 3 + i, 1, t);
        snprintf(e->parent, sizeof(e->parent), "B0F7XPYCSJ");
        e->change.category_id = SERUMS;
        free(e->change.category);
        e->change.category = t ? title_of(t) : bw_strdup("Facial Serums");
        e->change.occurred_at = 1755101280;
    }
    tell("family", m, bw_slack_family);
}

/* A group and a family as they may go out too: after quiet hours, late and repeated, as plain text, by a webhook. */
static void many_marked(struct made *m, size_t t)
{
    struct bw_message_options forms[4];
    static const char *const names[] = {"grouped, after quiet hours", "grouped, late, possible repeat",
                                        "grouped, plain text", "grouped, webhook"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        forms[i] = usual();
    forms[0].after_quiet = true;
    forms[0].now_ms = SEEN_MS + INT64_C(36000000);
    forms[1].possible_repeat = true;
    forms[1].now_ms = SEEN_MS + INT64_C(36000000);
    forms[2].plain = true;
    forms[3].channel = "";
    forms[3].metadata = false;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        add_products(m, BW_SLACK_GROUP_MAX, t);
        tell_with(names[i], m, bw_slack_group, &forms[i]);
    }
}

/* How the settler words it (src/app/settler.c), by bot and by webhook. */
static void settled(int domain, size_t t)
{
    struct bw_message_options o = usual();
    struct bw_product_key key = {.domain = domain, .asin = "B00DI7U88G"};
    struct bw_buf headline, lines, body;
    char *title = title_of(t), id[BW_UUID_TEXT];
    bw_buf_init(&headline, 16384);
    bw_buf_init(&lines, 16384);
    bw_buf_init(&body, 65536);
    bw_buf_adds(&headline, "🏁 BEST SELLER SETTLED - does not hold #1 in ");
    bw_slack_put_name(title, 56, &headline);
    if (!bw_slack_put_name(title, 150, &lines))
        bw_buf_adds(&lines, "(no title known)");
    bw_buf_addf(&lines, " (%s) and 3 more of its family\nLost 2025-08-13 16:08 UTC (Keepa)\n", key.asin);
    bw_note_id("settled", id);
    bw_slack_note(bw_buf_str(&headline), bw_buf_str(&lines), id, &key, &o, &body);
    print("settled", &body);
    bw_buf_clear(&body);
    o.channel = "";
    o.metadata = false;
    o.possible_repeat = true;
    bw_slack_note(bw_buf_str(&headline), bw_buf_str(&lines), id, &key, &o, &body);
    print("settled, webhook", &body);
    bw_buf_fini(&headline);
    bw_buf_fini(&lines);
    bw_buf_fini(&body);
    free(title);
}

static void summary(enum bw_period_kind kind)
{
    struct bw_summary s = {.gained = 7,
                           .lost = 5,
                           .muted = 1,
                           .checked = 95,
                           .tracked = 95,
                           .calls = 24,
                           .tokens = 2280,
                           .cost_cents = 12.51,
                           .badges = 31,
                           .n_top = 3,
                           .oldest_s = 12000,
                           .top = {{bw_strdup("Facial Serums"), 3},
                                   {bw_strdup("Pain Relief Rubs"), 2},
                                   {bw_strdup("Yoga Mats"), 2}}};
    struct bw_message_options o = usual();
    struct bw_period period;
    struct bw_buf lines, body;
    char headline[64], id[BW_UUID_TEXT];
    bw_period_at((struct bw_wall){NOW_MS - INT64_C(86400000)}, kind, &period);
    bw_buf_init(&lines, 16384);
    bw_buf_init(&body, 65536);
    bw_summary_lines(&period, &s, "EUR", &lines);
    snprintf(headline, sizeof(headline), "📊 badgewatch: summary of %s", period.name);
    bw_note_id(headline, id);
    bw_slack_note(headline, bw_buf_str(&lines), id, NULL, &o, &body);
    print(bw_period_kind_name(kind), &body);
    bw_buf_fini(&lines);
    bw_buf_fini(&body);
    bw_summary_fini(&s);
}

static void test_message(void)
{
    struct bw_buf body;
    struct bw_message_options o = usual();
    bw_buf_init(&body, 65536);
    bw_slack_test(&o, "keeper.example", &body);
    print("test", &body);
    bw_buf_fini(&body);
}

/* The summary's headline and lines with every title in the place of a category. */
static void hostile_summary(size_t t)
{
    struct bw_summary s = {.n_top = 1, .top = {{title_of(t), 3}}};
    struct bw_message_options o = usual();
    struct bw_period period;
    struct bw_buf lines, body;
    char id[BW_UUID_TEXT];
    bw_period_at((struct bw_wall){NOW_MS - INT64_C(86400000)}, BW_DAILY, &period);
    bw_buf_init(&lines, 16384);
    bw_buf_init(&body, 65536);
    bw_summary_lines(&period, &s, "EUR", &lines);
    bw_note_id("x", id);
    bw_slack_note("summary", bw_buf_str(&lines), id, NULL, &o, &body);
    print("summary with such categories", &body);
    bw_buf_fini(&lines);
    bw_buf_fini(&body);
    bw_summary_fini(&s);
}

int main(int argc, char **argv)
{
    static struct made m;
    bool examples = argc > 1 && strcmp(argv[1], "examples") == 0;
    for (int domain = 1; domain <= (examples ? 1 : 12); domain++) {
        if (bw_domain_host(domain))
            one_product(&m, domain, 0);
    }
    for (size_t t = 0; t < (examples ? 1 : TITLES); t++) {
        for (int domain = 1; t > 0 && domain <= 12; domain++) {
            if (!bw_domain_host(domain))
                continue;
            one_product(&m, domain, t);
            settled(domain, t);
        }
        marked(&m, t);
        many(&m, t);
        if (!examples) {
            many_marked(&m, t);
            hostile_summary(t);
        }
    }
    for (enum bw_period_kind kind = BW_DAILY; kind < BW_PERIOD_KINDS; kind++)
        summary(kind);
    test_message();
    return 0;
}
