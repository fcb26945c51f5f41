/* Alerts as Slack messages.
 *
 * Happy way: one set of writers puts the words of a message; they run twice, once with markup escaped for `text`, which
 * phones and screen readers take alone, and once for the blocks. Both say the same. The blocks are a header, one section
 * and one context line; what strangers wrote stands in plain_text objects, because mrkdwn has no escape for * _ ~ and
 * the back-tick (slack_escape.c).
 *
 * Nothing fails. All that may be long is cut: names, titles, the list of changes, the ids in the metadata; so the
 * limits of Slack hold by sums of constants (test_slack_message proves them): header 150, section 3,000, text 4,000. */
#include "badgewatch/codec/slack.h"

#include "slack_escape.h"
#include "slack_message_p.h"

#include "badgewatch/base/clock.h"
#include "badgewatch/codec/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LISTED_MAX 10 /* changes of one message that are listed; more are counted */
#define LATE_MS    INT64_C(600000)

const char bw_slack_isolate[] = {(char)0xe2, (char)0x81, (char)0xa8, 0};
const char bw_slack_isolate_end[] = {(char)0xe2, (char)0x81, (char)0xa9, 0};

/* ---- words ---- */

/* False, and nothing put, where the text is absent or shows nothing. */
bool bw_slack_put_foreign(const char *text, size_t max, struct bw_slack_words w)
{
    size_t before = w.out->len;
    if (!text)
        return false;
    bool isolated = bw_slack_runs_right_to_left(text);
    if (isolated) /* what stands beside it keeps its place */
        bw_buf_adds(w.out, bw_slack_isolate);
    if (bw_slack_put_clean(text, max, w.markup, w.out)) {
        if (isolated)
            bw_buf_adds(w.out, bw_slack_isolate_end);
        return true;
    }
    if (w.out->len > before) { /* blanks */
        w.out->len = before;
        w.out->data[before] = '\0';
    }
    return false;
}

void bw_slack_put_title(const struct bw_change_entry *e, struct bw_slack_words w)
{
    if (!bw_slack_put_foreign(e->title, BW_SLACK_TITLE_MAX, w))
        bw_buf_adds(w.out, "(no title known)");
    bw_buf_addf(w.out, " (%s)", e->change.key.asin);
}

static void put_category(const struct bw_change *c, struct bw_slack_words w)
{
    if (!bw_slack_put_foreign(c->category, BW_SLACK_CATEGORY_MAX, w))
        bw_buf_addf(w.out, "Category %" PRId64, c->category_id);
}

/* "2025-08-13 16:08:32", or "" for what is no time. */
static void split_time(int64_t unix_s, char out[BW_TIME_TEXT])
{
    char at[BW_TIME_TEXT];
    bw_time_format(unix_s, at);
    if (at[0])
        snprintf(out, BW_TIME_TEXT, "%.10s %.8s", at, at + 11);
    else
        out[0] = '\0';
}

/* "2025-08-13 16:08 UTC" */
static void put_minute(int64_t unix_s, struct bw_buf *out)
{
    char at[BW_TIME_TEXT];
    bw_time_words(unix_s, at);
    bw_buf_adds(out, at);
}

/* ", seen 16:13:32 UTC", with the date where it is another day. */
static void put_seen(const struct bw_change *c, struct bw_buf *out)
{
    char occurred[BW_TIME_TEXT], seen[BW_TIME_TEXT];
    split_time(c->occurred_at, occurred);
    split_time(c->detected_at_ms / 1000, seen);
    if (seen[0])
        bw_buf_addf(out, ", seen %s UTC", strncmp(occurred, seen, 10) == 0 ? seen + 11 : seen);
}

static void put_gain(const struct bw_change *c, struct bw_buf *out)
{
    if (c->previous_rank > 0)
        bw_buf_addf(out, "Rank #%" PRId64 " → #1", c->previous_rank);
    else
        bw_buf_adds(out, c->previous_rank == BW_UNRANKED ? "Rank: none → #1" : "First known rank: #1");
}

static void put_why(const struct bw_change *c, struct bw_buf *out)
{
    switch (c->reason) {
    case BW_OUTRANKED:
        bw_buf_adds(out, "outranked");
        if (c->new_rank > 0)
            bw_buf_addf(out, ", now #%" PRId64, c->new_rank);
        break;
    case BW_UNRANKED_LOSS:
        bw_buf_adds(out, "no rank any more");
        break;
    case BW_CATEGORY_REMOVED:
        bw_buf_adds(out, "category removed");
        break;
    case BW_DELISTED:
        bw_buf_adds(out, "delisted");
        break;
    default:
        bw_buf_adds(out, "unknown");
    }
}

/* "held 12 d 4 h" between before and after; nothing at all where it is not known. */
static void put_held(int64_t from, int64_t to, const char *before, const char *after, struct bw_buf *out)
{
    char words[BW_TIME_TEXT];
    if (from <= 0 || to < from)
        return;
    bw_duration_words(to - from, words);
    bw_buf_addf(out, "%sheld %s%s", before, words, after);
}

/* The line under the title of a single change. */
static void put_details(const struct bw_change *c, struct bw_buf *out)
{
    if (c->type == BW_GAINED) {
        put_gain(c, out);
        bw_buf_adds(out, " · since ");
    } else {
        bw_buf_adds(out, "Reason: ");
        put_why(c, out);
        put_held(c->held_since, c->occurred_at, " · ", "", out);
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

/* The same for a stay: "#1 from .. to .. (held 2 h), Rank #3 → #1, then outranked, now #4". */
static void put_stay(const struct bw_change *gain, const struct bw_change *loss, struct bw_buf *out)
{
    bw_buf_adds(out, "#1 from ");
    put_minute(gain->occurred_at, out);
    bw_buf_adds(out, " to ");
    put_minute(loss->occurred_at, out);
    put_held(gain->occurred_at, loss->occurred_at, " (", ")", out);
    bw_buf_adds(out, " (Keepa)");
    put_seen(loss, out);
    bw_buf_adds(out, " · ");
    put_gain(gain, out);
    bw_buf_adds(out, ", then ");
    put_why(loss, out);
}

/* ---- the message as lines ---- */

static bool is_stay(const struct bw_change_entry *entries, size_t n)
{
    return n == 2 && find_loss(entries, n, 0) == 1;
}

void bw_slack_put_marks(const struct bw_change_entry *e, const struct bw_message_options *o,
                        struct bw_buf *out)
{
    int64_t late = o->now_ms - e->change.detected_at_ms;
    if (late > LATE_MS || o->after_quiet) {
        char words[BW_TIME_TEXT];
        bw_duration_words(late / 1000, words);
        bw_buf_addf(out, o->after_quiet ? " (quiet hours: %s ago)" : " (late: seen %s ago)", words);
    }
    if (o->possible_repeat)
        bw_buf_adds(out, " (possible repeat)");
}

/* "3 BEST SELLER badge changes: 2 gained, 1 lost" */
static void put_count(const struct bw_change_entry *entries, size_t n, struct bw_buf *out)
{
    size_t gained = 0;
    for (size_t i = 0; i < n; i++)
        gained += entries[i].change.type == BW_GAINED;
    bw_buf_addf(out, "🔀 %zu BEST SELLER badge changes: ", n);
    if (gained > 0)
        bw_buf_addf(out, "%zu gained%s", gained, gained < n ? ", " : "");
    if (gained < n)
        bw_buf_addf(out, "%zu lost", n - gained);
}

void bw_slack_put_headline(const struct bw_change_entry *entries, size_t n,
                           const struct bw_message_options *o, struct bw_slack_words w)
{
    const struct bw_change *c = &entries[0].change;
    bool stay = is_stay(entries, n);
    if (n == 1 || stay) {
        bw_buf_adds(w.out, stay                   ? "↕️ BEST SELLER CAME AND WENT - #1 in "
                           : c->type == BW_GAINED ? "🎉 BEST SELLER GAINED - #1 in "
                                                  : "⚠️ BEST SELLER LOST - #1 in ");
        put_category(c, w);
    } else {
        put_count(entries, n, w.out);
    }
    bw_slack_put_marks(&entries[0], o, w.out);
}

static void put_list_line(const struct bw_change_entry *entries, size_t n, size_t i, struct bw_slack_words w)
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

void bw_slack_put_changes(const struct bw_change_entry *entries, size_t n, size_t most,
                          struct bw_slack_words w)
{
    size_t listed = 0, told = 0;
    if (n == 1 || is_stay(entries, n)) {
        if (n == 1)
            put_details(&entries[0].change, w.out);
        else
            put_stay(&entries[0].change, &entries[1].change, w.out);
        bw_buf_addc(w.out, '\n');
        return;
    }
    for (size_t i = 0; i < n && listed < most; i++) {
        if (is_end_of_pair(entries, n, i))
            continue;
        put_list_line(entries, n, i, w);
        listed++;
        told += find_loss(entries, n, i) ? 2 : 1;
    }
    if (told < n)
        bw_buf_addf(w.out, "and %zu more: badgewatch changes --asin %d:%s\n", n - told,
                    entries[0].change.key.domain, entries[0].change.key.asin);
}

void bw_slack_put_remark(const struct bw_message_options *o, struct bw_buf *out)
{
    if (o->remark && o->remark[0])
        bw_buf_addf(out, "%s\n", o->remark);
}

/* Everything between the headline and the links. */
static void put_body(const struct bw_change_entry *entries, size_t n, const struct bw_message_options *o,
                     struct bw_slack_words w)
{
    bw_slack_put_title(&entries[0], w);
    bw_buf_addc(w.out, '\n');
    bw_slack_put_changes(entries, n, LISTED_MAX, w);
    bw_slack_put_remark(o, w.out);
}

void bw_slack_put_urls(const struct bw_product_key *key, char amazon[128], char keepa[128])
{
    const char *host = bw_domain_host(key->domain);
    snprintf(amazon, 128, "https://www.%s/dp/%s", host ? host : "amazon.com", key->asin);
    snprintf(keepa, 128, "https://keepa.com/#!product/%d-%s", key->domain, key->asin);
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

void bw_slack_put_pages(const struct bw_product_key *key, struct bw_buf *out)
{
    char amazon[128], keepa[128];
    bw_slack_put_urls(key, amazon, keepa);
    bw_buf_addf(out, "<%s|View on Amazon> · <%s|Keepa chart>", amazon, keepa);
}

void bw_slack_put_links(const struct bw_change_entry *e, struct bw_buf *out)
{
    bw_slack_put_pages(&e->change.key, out);
    put_age(e, " · ", out);
}

void bw_slack_changes_text(const struct bw_change_entry *entries, size_t n,
                           const struct bw_message_options *options, struct bw_buf *out)
{
    struct bw_slack_words w = {.markup = true, .out = out};
    bw_slack_put_headline(entries, n, options, w);
    bw_buf_addc(out, '\n');
    put_body(entries, n, options, w);
    bw_slack_put_links(&entries[0], out);
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

void bw_slack_write_section(struct bw_json *j, const char *type, const struct bw_buf *text)
{
    size_t len = text->len;
    while (len > 0 && text->data[len - 1] == '\n')
        len--;
    bw_json_object(j, NULL);
    bw_json_string(j, "type", "section");
    write_text_object(j, "text", type, text->data, len);
    bw_json_object_end(j);
}

void bw_slack_write_context(struct bw_json *j, const struct bw_buf *text)
{
    bw_json_object(j, NULL);
    bw_json_string(j, "type", "context");
    bw_json_array(j, "elements");
    write_text_object(j, NULL, "mrkdwn", text->data, text->len);
    bw_json_array_end(j);
    bw_json_object_end(j);
}

void bw_slack_write_header(struct bw_json *j, const struct bw_buf *headline)
{
    bw_json_object(j, NULL);
    bw_json_string(j, "type", "header");
    write_text_object(j, "text", "plain_text", headline->data, headline->len);
    bw_json_object_end(j);
}

static void write_blocks(struct bw_json *j, const struct bw_change_entry *entries, size_t n,
                         const struct bw_message_options *o)
{
    struct bw_buf part;
    struct bw_slack_words w = {.markup = false, .out = &part};
    bw_buf_init(&part, BW_SLACK_TEXT_MAX);
    bw_json_array(j, "blocks");
    bw_slack_put_headline(entries, n, o, w);
    bw_slack_write_header(j, &part);
    bw_buf_clear(&part);
    put_body(entries, n, o, w);
    bw_slack_write_section(j, "plain_text", &part);
    bw_buf_clear(&part);
    bw_slack_put_links(&entries[0], &part);
    bw_slack_write_context(j, &part);
    bw_json_array_end(j);
    bw_buf_fini(&part);
}

void bw_slack_write_metadata(struct bw_json *j, const struct bw_change_entry *entries, size_t n, bool plain)
{
    size_t most = plain ? BW_SLACK_PLAIN_IDS_MAX : BW_SLACK_IDS_MAX;
    n = n < most ? n : most;
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

void bw_slack_begin_message(struct bw_json *j, const struct bw_message_options *o, const struct bw_buf *text,
                            struct bw_buf *out)
{
    bw_json_init(j, out);
    bw_json_object(j, NULL);
    if (o->channel[0])
        bw_json_string(j, "channel", o->channel);
    if (o->thread && o->thread[0]) {
        bw_json_string(j, "thread_ts", o->thread);
        bw_json_bool(j, "reply_broadcast", o->broadcast);
    }
    bw_json_stringn(j, "text", bw_buf_str(text), text->len);
    bw_json_bool(j, "unfurl_links", false);
    bw_json_bool(j, "unfurl_media", false);
}

void bw_slack_changes(const struct bw_change_entry *entries, size_t n,
                      const struct bw_message_options *options, struct bw_buf *out)
{
    struct bw_json j;
    struct bw_buf text;
    bw_buf_init(&text, BW_SLACK_TEXT_MAX);
    bw_slack_changes_text(entries, n, options, &text);
    bw_slack_begin_message(&j, options, &text, out);
    if (!options->plain)
        write_blocks(&j, entries, n, options);
    if (options->metadata)
        bw_slack_write_metadata(&j, entries, n, options->plain);
    bw_json_object_end(&j);
    bw_buf_fini(&text);
}

void bw_slack_test(const struct bw_message_options *options, const char *host, struct bw_buf *out)
{
    struct bw_json j;
    struct bw_buf text;
    char at[BW_TIME_TEXT];
    bw_buf_init(&text, BW_SLACK_TEXT_MAX);
    split_time(options->now_ms / 1000, at);
    bw_buf_adds(&text, "🔔 TEST - badgewatch can post here. Sent by badgewatch notify-test on ");
    if (!bw_slack_put_foreign(host, BW_SLACK_TITLE_MAX,
                              (struct bw_slack_words){.markup = true, .out = &text}))
        bw_buf_adds(&text, "an unnamed host");
    bw_buf_addf(&text, " at %s UTC. Nothing was gained or lost.", at[0] ? at : "an unknown time,");
    bw_slack_begin_message(&j, options, &text, out);
    bw_json_object_end(&j);
    bw_buf_fini(&text);
}
