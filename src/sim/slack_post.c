/* Posting: rate, channel, text, blocks, metadata; then the message is kept. See slack.h. */
#include "slack.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"
#include "blocks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 40000 /* longer text is cut, and the call succeeds with a warning */

static bool known_channel(const struct sim *sim, const char *channel)
{
    for (size_t i = 0; i < sim->args->n_channels; i++)
        if (strcmp(sim->args->channels[i], "any") == 0 || strcmp(sim->args->channels[i], channel) == 0)
            return *channel != '\0';
    return false;
}

/* One bucket a channel: `rate` a second, `burst` at once. */
static bool within_rate(struct sim_slack_call *call, const char *channel)
{
    const struct sim_args *args = call->sim->args;
    if (args->slack_rate <= 0)
        return true;
    int64_t wait_ms = 0;
    if (sim_channels_admit(&call->sim->channels, channel, bw_mono_now().ms, args->slack_rate,
                           args->slack_burst, &wait_ms))
        return true;
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)((wait_ms + 999) / 1000));
    sim_response_header(call->response, "Retry-After", seconds);
    return false;
}

static const char *check_blocks(struct sim_slack_call *call, struct json_object *blocks)
{
    struct json_object *messages = json_object_new_array();
    const char *error = sim_blocks_check(blocks, messages);
    if (!error || json_object_array_length(messages) == 0) {
        json_object_put(messages);
        return error;
    }
    struct json_object *meta = json_object_new_object();
    struct json_object *errors = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(messages); i++) {
        const char *text = json_object_get_string(json_object_array_get_idx(messages, i));
        json_object_array_add(errors, json_object_new_string(text + strlen("[ERROR] ")));
    }
    json_object_object_add(meta, "messages", messages);
    json_object_object_add(call->out, "errors", errors);
    json_object_object_add(call->out, "response_metadata", meta);
    return error;
}

/* The beginning of a text, cut between characters. *cut tells whether it was longer. */
static struct json_object *limited_text(const char *text, bool *cut)
{
    int64_t n = 0;
    const char *p = text;
    for (; *p; p++)
        if (((unsigned char)*p & 0xc0) != 0x80 && n++ == MAX_TEXT)
            break;
    *cut = *p != '\0';
    return json_object_new_string_len(text, (int)(p - text));
}

static void copy_member(struct json_object *to, struct json_object *from, const char *name)
{
    struct json_object *v = sim_json_get(from, name);
    if (v)
        json_object_object_add(to, name, json_object_get(v));
}

static struct json_object *make_message(const struct sim_slack_call *call, const char *channel,
                                        const char *text)
{
    bool cut = false;
    struct json_object *m = json_object_new_object();
    json_object_object_add(m, "channel", json_object_new_string(channel));
    json_object_object_add(m, "text", limited_text(text, &cut));
    if (cut)
        json_object_object_add(m, "truncated", json_object_new_boolean(true));
    copy_member(m, call->args, "blocks");
    copy_member(m, call->args, "attachments");
    copy_member(m, call->args, "metadata");
    copy_member(m, call->args, "thread_ts");
    if (sim_slack_flag(call->args, "reply_broadcast"))
        json_object_object_add(m, "reply_broadcast", json_object_new_boolean(true));
    copy_member(m, call->args, "unfurl_links");
    copy_member(m, call->args, "unfurl_media");
    bool webhook = strcmp(call->method, "webhook") == 0;
    json_object_object_add(m, "via", json_object_new_string(webhook ? "webhook" : "api"));
    return m;
}

/* A thread hangs on a message of the channel itself, not on a reply. */
static const char *check_thread(const struct sim_slack_call *call, const char *channel)
{
    const struct sim_channels *c = &call->sim->channels;
    const char *thread = sim_json_str(call->args, "thread_ts", "");
    struct json_object *root = *thread ? sim_channels_find(c, channel, thread) : NULL;
    if (!*thread)
        return NULL;
    if (!root)
        return "thread_not_found";
    return sim_json_get(root, "thread_ts") ? "cannot_reply_to_message" : NULL;
}

const char *sim_slack_post(struct sim_slack_call *call, const char *channel, struct json_object **message)
{
    const char *text = sim_json_str(call->args, "text", "");
    struct json_object *blocks = sim_json_get(call->args, "blocks");
    struct json_object *attachments = sim_json_get(call->args, "attachments");
    struct json_object *metadata = sim_json_get(call->args, "metadata");
    const char *error = NULL;
    if (!known_channel(call->sim, channel))
        return "channel_not_found";
    if (!within_rate(call, channel))
        return "ratelimited";
    if (!*text && !blocks && !attachments)
        return "no_text";
    error = check_thread(call, channel);
    if (!error && blocks)
        error = check_blocks(call, blocks);
    if (!error && metadata)
        error = sim_metadata_check(metadata);
    if (error)
        return error;
    *message = make_message(call, channel, text);
    sim_channels_post(&call->sim->channels, *message, bw_wall_now().ms);
    return NULL;
}
