/* The Slack client: one message out, or one question whether a message is there. */
#pragma once

#include "badgewatch/codec/slack.h"
#include "context.h"

struct bw_slack;

enum bw_slack_mode { BW_SLACK_OFF, BW_SLACK_BOT, BW_SLACK_WEBHOOK };
enum bw_slack_mode bw_slack_mode(const struct bw_conf *conf);

/* body: JSON of chat.postMessage, or of the webhook. */
typedef void (*bw_slack_cb)(void *ctx, const struct bw_slack_answer *answer);
enum bw_err bw_slack_post(const struct bw_context *cx, const char *body, size_t len, bw_slack_cb cb,
                          void *ctx) BW_MUSTCHECK;

enum bw_slack_seen {
    BW_SLACK_SEEN,       /* the message is in the channel: ts */
    BW_SLACK_NOT_SEEN,   /* the channel's history was read back to `oldest`, it is not there */
    BW_SLACK_CANNOT_SEE, /* no scope, not a member, or a webhook: nobody can know */
    BW_SLACK_TRY_LATER
};
typedef void (*bw_slack_find_cb)(void *ctx, enum bw_slack_seen seen, const char *ts, const char *why);
/* Asks conversations.history for the message that carries change_id, back to `oldest`. */
enum bw_err bw_slack_find(const struct bw_context *cx, const char *channel, const char *change_id,
                          struct bw_wall oldest, bw_slack_find_cb cb, void *ctx) BW_MUSTCHECK;
