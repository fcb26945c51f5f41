/* The Slack client: one message out, or one question whether a message is there. */
#pragma once

#include "badgewatch/codec/slack.h"
#include "badgewatch/core/delivery.h"
#include "context.h"

struct bw_slack;

enum bw_slack_mode { BW_SLACK_OFF, BW_SLACK_BOT, BW_SLACK_WEBHOOK };
enum bw_slack_mode bw_slack_mode(const struct bw_conf *conf);

/* body: JSON of chat.postMessage, or of the webhook. begin_by: not one byte of it leaves after that moment; the outcome
 * is BW_POSTED_RETRY then. sent_at: when it left, from which Slack's pace counts; ms 0 if it certainly did not. */
typedef void (*bw_slack_cb)(void *ctx, const struct bw_slack_answer *answer, struct bw_mono sent_at);
enum bw_err bw_slack_post(const struct bw_context *cx, const char *body, size_t len, struct bw_mono begin_by,
                          bw_slack_cb cb, void *ctx) BW_MUSTCHECK;

/* auth.test: posts nothing. error "" where the token is good for posting; else what is wrong. */
typedef void (*bw_slack_auth_cb)(void *ctx, bool answered, const char *error);
enum bw_err bw_slack_auth(const struct bw_context *cx, bw_slack_auth_cb cb, void *ctx) BW_MUSTCHECK;

/* BW_SEEN: all were found. BW_SEEN_NOT: not all. The list is that of the question, borrowed for the call.
 * BW_SEEN_LATER, BW_SEEN_REFUSED: not before retry_after_ms; why is Slack's code where it gave one. */
typedef void (*bw_slack_find_cb)(void *ctx, enum bw_delivery_seen seen, const struct bw_slack_sought *sought,
                                 size_t n, int64_t retry_after_ms, const char *why);
/* Where to look: in the channel, and in the threads of these messages; back to age_ms ago. A look that a rate limit
 * interrupts is left in *paused, and the next for the same goes on from there: where Slack grants a page a minute, one that
 * began anew each time would never get beyond the first. The caller frees what is left there. */
struct bw_slack_look;
struct bw_slack_where {
    const char *channel;
    char (*threads)[32];
    size_t n_threads;
    int64_t age_ms;
    struct bw_slack_look **paused;
};

void bw_slack_look_free(struct bw_slack_look *look);

/* Asks conversations.history, and conversations.replies for each thread, for the messages that tell these changes. Takes
 * ownership of `sought` (n >= 1), also when it fails. */
enum bw_err bw_slack_find(const struct bw_context *cx, const struct bw_slack_where *where,
                          struct bw_slack_sought *sought, size_t n, bw_slack_find_cb cb,
                          void *ctx) BW_MUSTCHECK;
