/* Reading back: conversations.history and conversations.replies, and how Slack words a message. See slack.h.
 *
 * Slack gives a message back changed: Unicode emoji become :names:. Here this is done for the ones in the table, so
 * that nobody relies on finding a message by its text. */
#include "slack.h"

#include "badgewatch/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 100
#define MAX_LIMIT     999
#define CURSOR        "next_ts:"

static const char *const emoji[][2] = {{"\xf0\x9f\x8e\x89", ":tada:"},
                                       {"\xe2\x9a\xa0\xef\xb8\x8f", ":warning:"},
                                       {"\xe2\x9a\xa0", ":warning:"},
                                       {"\xe2\x9c\x85", ":white_check_mark:"},
                                       {"\xf0\x9f\x93\x8a", ":bar_chart:"}};

static struct json_object *mutated_text(const char *text)
{
    struct bw_buf out;
    bw_buf_init(&out, (size_t)1 << 22);
    while (*text) {
        size_t skip = 0;
        for (size_t i = 0; i < sizeof emoji / sizeof emoji[0] && skip == 0; i++) {
            if (strncmp(text, emoji[i][0], strlen(emoji[i][0])) == 0) {
                skip = strlen(emoji[i][0]);
                (void)bw_buf_adds(&out, emoji[i][1]);
            }
        }
        if (skip == 0)
            (void)bw_buf_addc(&out, *text);
        text += skip ? skip : 1;
    }
    struct json_object *o = json_object_new_string(bw_buf_str(&out));
    bw_buf_fini(&out);
    return o;
}

/* Without include_all_metadata only the event type is told. */
static struct json_object *echo_metadata(struct json_object *metadata, bool all)
{
    if (all)
        return json_object_get(metadata);
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "event_type", json_object_new_string(sim_json_str(metadata, "event_type", "")));
    return o;
}

struct json_object *sim_slack_echo(struct json_object *message, bool all_metadata)
{
    struct json_object *o = json_object_new_object();
    struct json_object *blocks = sim_json_get(message, "blocks");
    struct json_object *metadata = sim_json_get(message, "metadata");
    json_object_object_add(o, "type", json_object_new_string("message"));
    bool broadcast = sim_json_bool(message, "reply_broadcast", false);
    json_object_object_add(o, "subtype",
                           json_object_new_string(broadcast ? "thread_broadcast" : "bot_message"));
    if (sim_json_get(message, "thread_ts"))
        json_object_object_add(o, "thread_ts",
                               json_object_new_string(sim_json_str(message, "thread_ts", "")));
    json_object_object_add(o, "user", json_object_new_string("U000BOT"));
    json_object_object_add(o, "bot_id", json_object_new_string("B000BOT"));
    json_object_object_add(o, "app_id", json_object_new_string("A000APP"));
    json_object_object_add(o, "team", json_object_new_string("T000"));
    json_object_object_add(o, "ts", json_object_new_string(sim_json_str(message, "ts", "")));
    json_object_object_add(o, "text", mutated_text(sim_json_str(message, "text", "")));
    if (blocks)
        json_object_object_add(o, "blocks", json_object_get(blocks));
    if (metadata)
        json_object_object_add(o, "metadata", echo_metadata(metadata, all_metadata));
    return o;
}

/* Numbers come as JSON values or, in forms and queries, as text. */
static int64_t arg_int(struct json_object *args, const char *name, int64_t otherwise)
{
    const char *text = sim_json_str(args, name, NULL);
    return text && *text ? strtoll(text, NULL, 10) : sim_json_int(args, name, otherwise);
}

/* A ts in microseconds; also whole seconds. */
static int64_t ts_us(const char *ts)
{
    char *end = NULL;
    long long s = strtoll(ts, &end, 10);
    long long us = 0;
    if (*end == '.') {
        long long unit = 100000;
        for (const char *p = end + 1; *p >= '0' && *p <= '9' && unit > 0; p++, unit /= 10)
            us += (*p - '0') * unit;
    }
    return s * 1000000 + us;
}

struct window {
    int64_t oldest, latest, before; /* microseconds */
    bool inclusive;
    size_t limit;
};

static bool read_window(struct sim_slack_call *call, struct window *w)
{
    const char *cursor = sim_json_str(call->args, "cursor", "");
    int64_t limit = arg_int(call->args, "limit", DEFAULT_LIMIT);
    if (limit < 1 || limit > MAX_LIMIT)
        call->error = "invalid_limit";
    w->limit = (size_t)(limit < 1 ? 1 : limit);
    w->inclusive = sim_slack_flag(call->args, "inclusive");
    w->oldest = ts_us(sim_json_str(call->args, "oldest", "0"));
    const char *latest = sim_json_str(call->args, "latest", "");
    w->latest = *latest ? ts_us(latest) : INT64_MAX;
    w->before = INT64_MAX;
    if (w->oldest < 0)
        call->error = "invalid_ts_oldest";
    if (*cursor && strncmp(cursor, CURSOR, strlen(CURSOR)) != 0)
        call->error = "invalid_cursor";
    else if (*cursor)
        w->before = ts_us(cursor + strlen(CURSOR));
    return call->error == NULL;
}

static bool inside(const struct window *w, int64_t us)
{
    if (us >= w->before)
        return false;
    return w->inclusive ? us >= w->oldest && us <= w->latest : us > w->oldest && us < w->latest;
}

static bool channel_known(const struct sim *sim, const char *channel)
{
    for (size_t i = 0; i < sim->args->n_channels; i++)
        if (strcmp(sim->args->channels[i], "any") == 0 || strcmp(sim->args->channels[i], channel) == 0)
            return true;
    return false;
}

/* What one question lists. */
struct list {
    struct json_object *messages;
    char next[64]; /* cursor */
    bool more;
};

/* False: the page was full before it. */
static bool add_to_list(struct list *l, const struct window *w, struct json_object *message,
                        bool all_metadata)
{
    if (json_object_array_length(l->messages) == w->limit) {
        l->more = true;
        return false;
    }
    json_object_array_add(l->messages, sim_slack_echo(message, all_metadata));
    snprintf(l->next, sizeof l->next, CURSOR "%s", sim_json_str(message, "ts", ""));
    return true;
}

static void answer_list(struct sim_slack_call *call, struct list *l)
{
    struct json_object *meta = json_object_new_object();
    json_object_object_add(meta, "next_cursor", json_object_new_string(l->more ? l->next : ""));
    json_object_object_add(call->out, "messages", l->messages);
    json_object_object_add(call->out, "has_more", json_object_new_boolean(l->more));
    json_object_object_add(call->out, "response_metadata", meta);
}

/* Newest first. A reply is in the history only where it was sent to the channel too. */
void sim_slack_history(struct sim_slack_call *call)
{
    const struct sim_channels *c = &call->sim->channels;
    const char *channel = sim_json_str(call->args, "channel", "");
    bool all_metadata = sim_slack_flag(call->args, "include_all_metadata");
    struct window w;
    if (!channel_known(call->sim, channel)) {
        call->error = "channel_not_found";
        return;
    }
    if (!read_window(call, &w))
        return;
    struct list l = {.messages = json_object_new_array()};
    for (size_t i = c->n; i > 0 && !l.more; i--) {
        struct json_object *m = c->messages[i - 1];
        if (strcmp(sim_json_str(m, "channel", ""), channel) == 0 &&
            (!sim_json_get(m, "thread_ts") || sim_json_bool(m, "reply_broadcast", false)) &&
            inside(&w, ts_us(sim_json_str(m, "ts", ""))))
            (void)add_to_list(&l, &w, m, all_metadata);
    }
    answer_list(call, &l);
}

/* Oldest first; the root begins each page's list, whatever the window. A cursor names the last message given. */
void sim_slack_replies(struct sim_slack_call *call)
{
    const struct sim_channels *c = &call->sim->channels;
    const char *channel = sim_json_str(call->args, "channel", ""), *ts = sim_json_str(call->args, "ts", "");
    bool all_metadata = sim_slack_flag(call->args, "include_all_metadata");
    struct window w;
    struct json_object *root = sim_channels_find(c, channel, ts);
    if (!channel_known(call->sim, channel) || !root)
        call->error = root ? "channel_not_found" : "thread_not_found";
    if (call->error || !read_window(call, &w))
        return;
    int64_t behind = w.before == INT64_MAX ? 0 : w.before;
    struct list l = {.messages = json_object_new_array()};
    w.before = INT64_MAX;
    (void)add_to_list(&l, &w, root, all_metadata);
    w.limit += 1; /* the root is no reply */
    for (size_t i = 0; i < c->n && !l.more; i++) {
        struct json_object *m = c->messages[i];
        int64_t us = ts_us(sim_json_str(m, "ts", ""));
        if (strcmp(sim_json_str(m, "channel", ""), channel) == 0 && us > behind && inside(&w, us) &&
            strcmp(sim_json_str(m, "thread_ts", ""), ts) == 0)
            (void)add_to_list(&l, &w, m, all_metadata);
    }
    answer_list(call, &l);
}
