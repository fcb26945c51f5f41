/* Alerts as Slack messages. A message is first a short model (struct lines: plain texts), and then twice written out: as
 * `text`, which phones and screen readers take alone, and as blocks. Both say the same.
 *
 * Titles and category names come from Amazon's listings, written by strangers: they are escaped, cut, and shown in
 * plain_text objects where Slack offers them, because mrkdwn has no escape for * _ ~ and the back-tick. */
#include "badgewatch/codec/slack.h"

#include "badgewatch/base/clock.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/state_json.h"

#include <stdio.h>
#include <string.h>

#define TITLE_MAX    150 /* code points */
#define CATEGORY_MAX 80
#define LISTED_MAX   10 /* changes of one message that are listed; more are counted */
#define LATE_MS      (10 * 60 * 1000LL)
#define TEXT_MAX     3900 /* Slack advises 4,000; bytes are more than characters */
#define HEADER_MAX   148  /* Slack: 150 characters */

/* ---- hostile text ---- */

static size_t sequence_length(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c >= 0xf0)
        return 4;
    return c >= 0xe0 ? 3 : 2;
}

/* Bidi embeddings, overrides and isolates: one of them in a title could turn the rest of the line around. */
static bool is_bidi_control(const unsigned char *p, size_t left)
{
    if (left < 3 || p[0] != 0xe2)
        return false;
    return (p[1] == 0x80 && p[2] >= 0xaa && p[2] <= 0xae) || (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9);
}

static void put_clean(const char *text, size_t max, bool markup, struct bw_buf *out)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t left = strlen(text), shown = 0;
    while (left > 0) {
        size_t n = sequence_length(*p);
        if (n > left)
            n = left;
        if (shown++ == max) {
            bw_buf_adds(out, "…");
            return;
        }
        if (markup && (*p == '&' || *p == '<' || *p == '>'))
            bw_buf_adds(out, *p == '&' ? "&amp;" : *p == '<' ? "&lt;" : "&gt;");
        else if (*p < 0x20 || *p == 0x7f)
            bw_buf_addc(out, ' ');
        else if (!is_bidi_control(p, left))
            bw_buf_add(out, p, n);
        p += n;
        left -= n;
    }
}

void bw_slack_escape(const char *text, size_t max, struct bw_buf *out)
{
    put_clean(text, max, true, out);
}

/* ---- words ---- */

struct words {
    bool markup; /* escape for mrkdwn; false for plain_text objects */
    struct bw_buf *out;
};

static void put_title(const struct bw_change_entry *e, struct words w)
{
    if (e->title && e->title[0])
        put_clean(e->title, TITLE_MAX, w.markup, w.out);
    else
        bw_buf_adds(w.out, "(no title known)");
    bw_buf_addf(w.out, " (%s)", e->change.key.asin);
}

static void put_category(const struct bw_change *c, struct words w)
{
    struct bw_buf label;
    bw_buf_init(&label, 4096);
    bw_category_label(c->category_id, c->category, &label);
    put_clean(bw_buf_str(&label), CATEGORY_MAX, w.markup, w.out);
    bw_buf_fini(&label);
}

/* "2025-08-13 16:08 UTC" */
static void put_minute(int64_t unix_s, struct bw_buf *out)
{
    char at[BW_TIME_TEXT];
    bw_time_format(unix_s, at);
    if (at[0])
        bw_buf_addf(out, "%.10s %.5s UTC", at, at + 11);
}

/* ", seen 16:13:32 UTC", with the date where it is another day. */
static void put_seen(const struct bw_change *c, struct bw_buf *out)
{
    char occurred[BW_TIME_TEXT], seen[BW_TIME_TEXT];
    bw_time_format(c->occurred_at, occurred);
    bw_time_format(c->detected_at_ms / 1000, seen);
    if (strncmp(occurred, seen, 10) == 0)
        bw_buf_addf(out, ", seen %.8s UTC", seen + 11);
    else
        bw_buf_addf(out, ", seen %.10s %.8s UTC", seen, seen + 11);
}

static void put_ranks(const struct bw_change *c, struct bw_buf *out)
{
    if (c->previous_rank > 0)
        bw_buf_addf(out, "Rank #%lld → #1", (long long)c->previous_rank);
    else if (c->previous_rank == BW_UNRANKED)
        bw_buf_adds(out, "Rank: none → #1");
    else
        bw_buf_adds(out, "First known rank: #1");
}

static void put_why(const struct bw_change *c, struct bw_buf *out)
{
    switch (c->reason) {
    case BW_OUTRANKED:
        bw_buf_addf(out, "Outranked, now #%lld", (long long)c->new_rank);
        break;
    case BW_UNRANKED_LOSS:
        bw_buf_adds(out, "No rank any more");
        break;
    case BW_CATEGORY_REMOVED:
        bw_buf_adds(out, "Category removed from the product");
        break;
    case BW_DELISTED:
        bw_buf_adds(out, "Delisted: Amazon shows the product no more");
        break;
    default:
        bw_buf_adds(out, bw_reason_name(c->reason));
    }
}

static void put_held(int64_t from, int64_t to, const char *before, struct bw_buf *out)
{
    char words[BW_TIME_TEXT];
    if (from <= 0 || to < from)
        return;
    bw_duration_words(to - from, words);
    bw_buf_addf(out, "%sheld %s", before, words);
}

/* The line under the title of a single change. */
static void put_details(const struct bw_change *c, struct bw_buf *out)
{
    if (c->type == BW_GAINED) {
        put_ranks(c, out);
        bw_buf_adds(out, " · since ");
    } else {
        put_why(c, out);
        put_held(c->held_since, c->occurred_at, " · ", out);
        bw_buf_adds(out, " · lost ");
    }
    put_minute(c->occurred_at, out);
    bw_buf_adds(out, " (Keepa)");
    put_seen(c, out);
}

/* ---- pairs: a stay that came and went between two checks ---- */

/* Index of the loss that ends the gain at i, or 0. */
static size_t find_loss(const struct bw_change_entry *entries, size_t n, size_t i)
{
    const struct bw_change *gain = &entries[i].change;
    for (size_t k = i + 1; k < n && gain->type == BW_GAINED; k++) {
        const struct bw_change *c = &entries[k].change;
        if (c->category_id == gain->category_id)
            return c->type == BW_LOST ? k : 0;
    }
    return 0;
}

static bool is_end_of_pair(const struct bw_change_entry *entries, size_t n, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (find_loss(entries, n, k) == i)
            return true;
    }
    return false;
}

static void put_stay(const struct bw_change *gain, const struct bw_change *loss, struct bw_buf *out)
{
    bw_buf_adds(out, "#1 from ");
    put_minute(gain->occurred_at, out);
    bw_buf_adds(out, " to ");
    put_minute(loss->occurred_at, out);
    put_held(gain->occurred_at, loss->occurred_at, " (", out);
    bw_buf_adds(out, "), then: ");
    put_why(loss, out);
}

/* ---- the message as lines ---- */

static void put_marks(const struct bw_change_entry *e, const struct bw_message_options *o, struct bw_buf *out)
{
    int64_t late = o->now_ms - e->change.detected_at_ms;
    if (late > LATE_MS) {
        char words[BW_TIME_TEXT];
        bw_duration_words(late / 1000, words);
        bw_buf_addf(out, " (late: seen %s ago)", words);
    }
    if (o->possible_repeat)
        bw_buf_adds(out, " (possible repeat)");
}

static void put_headline(const struct bw_change_entry *entries, size_t n, const struct bw_message_options *o,
                         struct words w)
{
    const struct bw_change *c = &entries[0].change;
    size_t loss = find_loss(entries, n, 0);
    if (n == 1 || (n == 2 && loss == 1)) {
        const char *what = c->type == BW_LOST ? "⚠️ BEST SELLER LOST"
                           : n == 1           ? "🎉 BEST SELLER GAINED"
                                              : "↕️ BEST SELLER CAME AND WENT";
        bw_buf_addf(w.out, "%s - #1 in ", what);
        put_category(c, w);
    } else {
        bw_buf_addf(w.out, "🔀 %zu BEST SELLER CHANGES", n);
    }
    put_marks(&entries[0], o, w.out);
}

static void put_list_line(const struct bw_change_entry *entries, size_t n, size_t i, struct words w)
{
    const struct bw_change *c = &entries[i].change;
    size_t loss = find_loss(entries, n, i);
    bw_buf_adds(w.out, loss ? "• Came and went: " : c->type == BW_GAINED ? "• Gained: " : "• Lost: ");
    put_category(c, w);
    bw_buf_adds(w.out, " - ");
    if (loss)
        put_stay(c, &entries[loss].change, w.out);
    else
        put_details(c, w.out);
    bw_buf_addc(w.out, '\n');
}

/* Everything between the headline and the links. */
static void put_body(const struct bw_change_entry *entries, size_t n, struct words w)
{
    size_t listed = 0, told = 0;
    put_title(&entries[0], w);
    bw_buf_addc(w.out, '\n');
    if (n == 1) {
        put_details(&entries[0].change, w.out);
        bw_buf_addc(w.out, '\n');
        return;
    }
    if (n == 2 && find_loss(entries, n, 0) == 1) {
        put_stay(&entries[0].change, &entries[1].change, w.out);
        put_seen(&entries[1].change, w.out);
        bw_buf_addc(w.out, '\n');
        return;
    }
    for (size_t i = 0; i < n && listed < LISTED_MAX; i++) {
        if (is_end_of_pair(entries, n, i))
            continue;
        put_list_line(entries, n, i, w);
        listed++;
        told += find_loss(entries, n, i) ? 2 : 1;
    }
    if (told < n)
        bw_buf_addf(w.out, "… and %zu more changes: badgewatch changes --asin %d:%s\n", n - told,
                    entries[0].change.key.domain, entries[0].change.key.asin);
}

static void put_urls(const struct bw_product_key *key, char amazon[128], char keepa[128])
{
    const char *host = bw_domain_host(key->domain);
    snprintf(amazon, 128, "https://www.%s/dp/%s", host ? host : "amazon.com", key->asin);
    snprintf(keepa, 128, "https://keepa.com/#!product/%d-%s", key->domain, key->asin);
}

static void put_links(const struct bw_product_key *key, struct bw_buf *out)
{
    char amazon[128], keepa[128];
    put_urls(key, amazon, keepa);
    bw_buf_addf(out, "<%s|View on Amazon> · <%s|Keepa chart>", amazon, keepa);
}

static void put_age(const struct bw_change_entry *e, const char *before, struct bw_buf *out)
{
    int64_t age = e->change.detected_at_ms / 1000 - e->data_at;
    char words[BW_TIME_TEXT];
    if (e->data_at <= 0 || age < 0)
        return;
    bw_duration_words(age, words);
    bw_buf_addf(out, "%sdata %s old", before, words);
}

void bw_slack_changes_text(const struct bw_change_entry *entries, size_t n,
                           const struct bw_message_options *options, struct bw_buf *out)
{
    struct words w = {.markup = true, .out = out};
    put_headline(entries, n, options, w);
    bw_buf_addc(out, '\n');
    put_body(entries, n, w);
    put_links(&entries[0].change.key, out);
    put_age(&entries[0], " · ", out);
}

/* ---- JSON ---- */

static void write_text_object(struct bw_json *j, const char *key, const char *type, const char *text,
                              size_t len)
{
    bw_json_object(j, key);
    bw_json_string(j, "type", type);
    bw_json_stringn(j, "text", text, len);
    if (strcmp(type, "plain_text") == 0)
        bw_json_bool(j, "emoji", true);
    bw_json_object_end(j);
}

static void write_section(struct bw_json *j, const char *type, const struct bw_buf *text)
{
    size_t len = text->len;
    while (len > 0 && text->data[len - 1] == '\n')
        len--;
    bw_json_object(j, NULL);
    bw_json_string(j, "type", "section");
    write_text_object(j, "text", type, text->data, len);
    bw_json_object_end(j);
}

static void write_context(struct bw_json *j, const struct bw_buf *text)
{
    bw_json_object(j, NULL);
    bw_json_string(j, "type", "context");
    bw_json_array(j, "elements");
    write_text_object(j, NULL, "mrkdwn", text->data, text->len);
    bw_json_array_end(j);
    bw_json_object_end(j);
}

/* A header holds 150 characters: a longer headline keeps its beginning. */
static void write_header(struct bw_json *j, const struct bw_buf *headline)
{
    struct bw_buf cut;
    bw_buf_init(&cut, TEXT_MAX);
    put_clean(bw_buf_str(headline), HEADER_MAX, false, &cut);
    bw_json_object(j, NULL);
    bw_json_string(j, "type", "header");
    write_text_object(j, "text", "plain_text", bw_buf_str(&cut), cut.len);
    bw_json_object_end(j);
    bw_buf_fini(&cut);
}

static void write_blocks(struct bw_json *j, const struct bw_change_entry *entries, size_t n,
                         const struct bw_message_options *o)
{
    struct bw_buf part;
    struct words w = {.markup = false, .out = &part};
    bw_buf_init(&part, TEXT_MAX * 4);
    bw_json_array(j, "blocks");
    put_headline(entries, n, o, w);
    write_header(j, &part);
    bw_buf_clear(&part);
    put_body(entries, n, w);
    write_section(j, "plain_text", &part);
    bw_buf_clear(&part);
    put_links(&entries[0].change.key, &part);
    put_age(&entries[0], " · ", &part);
    write_context(j, &part);
    bw_json_array_end(j);
    bw_buf_fini(&part);
}

static void write_metadata(struct bw_json *j, const struct bw_change_entry *entries, size_t n)
{
    bw_json_object(j, "metadata");
    bw_json_string(j, "event_type", "badgewatch_changes");
    bw_json_object(j, "event_payload");
    bw_json_array(j, "change_ids");
    for (size_t i = 0; i < n; i++)
        bw_json_string(j, NULL, entries[i].change.id);
    bw_json_array_end(j);
    bw_json_object_end(j);
    bw_json_object_end(j);
}

static void begin_message(struct bw_json *j, const struct bw_message_options *o, const struct bw_buf *text,
                          struct bw_buf *out)
{
    bw_json_init(j, out);
    bw_json_object(j, NULL);
    if (o->channel[0])
        bw_json_string(j, "channel", o->channel);
    bw_json_stringn(j, "text", bw_buf_str(text), text->len);
    bw_json_bool(j, "unfurl_links", false);
    bw_json_bool(j, "unfurl_media", false);
}

void bw_slack_changes(const struct bw_change_entry *entries, size_t n,
                      const struct bw_message_options *options, struct bw_buf *out)
{
    struct bw_json j;
    struct bw_buf text;
    bw_buf_init(&text, TEXT_MAX * 4);
    bw_slack_changes_text(entries, n, options, &text);
    begin_message(&j, options, &text, out);
    if (!options->plain)
        write_blocks(&j, entries, n, options);
    if (options->metadata)
        write_metadata(&j, entries, n);
    bw_json_object_end(&j);
    bw_buf_fini(&text);
}

void bw_slack_test(const struct bw_message_options *options, const char *host, struct bw_buf *out)
{
    struct bw_json j;
    struct bw_buf text;
    char at[BW_TIME_TEXT];
    bw_buf_init(&text, TEXT_MAX);
    bw_time_format(options->now_ms / 1000, at);
    bw_buf_addf(&text, "🔔 TEST - badgewatch can post here. Sent by `badgewatch notify-test` on ");
    put_clean(host, TITLE_MAX, true, &text);
    bw_buf_addf(&text, " at %.10s %.8s UTC. Nothing gained or lost.", at, at + 11);
    begin_message(&j, options, &text, out);
    bw_json_object_end(&j);
    bw_buf_fini(&text);
}
