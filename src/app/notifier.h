/* Tells Slack about changes: reads bw:changes, sends one message for each product and check, records what was told. Which
 * step follows which answer is core/delivery.h.
 *
 * Happy way: the stage kicks -> entries are read and gathered by check -> channel and mute of the product are read ->
 * Postgres is asked whether they were told (it has a second to answer) and notes the intention -> the intention is
 * written to bw:delivery, if the entries are still ours -> POST -> accepted -> told.lua moves it, in one step, from "to
 * be told" to an entry of the history stream that the writer records (notification_sent, channel, ts).
 * Failing (facts: slack.md 1.3): not processed = later; refused credentials or channel = the queue is kept and tried
 * each minute; refused payload = once more as plain text, then set aside; an unknown outcome (time-out, 5xx, or a
 * restart between intention and record, or a Redis that lost data) = the channel's history is asked for the change id
 * before anything is sent again, and where nobody can know, it is sent marked "(possible repeat)".
 * One of several daemons tells (lua/read.lua). Order is kept within a channel, but for a message that waits for something
 * else, as to be looked for: only its own product waits for it. One message a second a channel; changes of more than five
 * products that come within BADGEWATCH_GROUP_WINDOW, or that wait for their channel, go out as one. */
#pragma once

#include "context.h"

struct bw_notifier;

struct bw_notifier *bw_notifier_new(struct bw_context *context);
void bw_notifier_start(struct bw_notifier *n);
void bw_notifier_kick(struct bw_notifier *n);
void bw_notifier_notes(struct bw_notifier *n);  /* a message about no change was queued */
void bw_notifier_rewind(struct bw_notifier *n); /* Redis is back */
/* Products may go to other channels now: what waits for its channel is addressed anew. */
void bw_notifier_reroute(struct bw_notifier *n);
void bw_notifier_retry(struct bw_notifier *n); /* settings changed: what waits for a person is tried now */
/* Asks Slack whether the token is good, unless messages have shown it since the last call. */
void bw_notifier_probe(struct bw_notifier *n);
/* Nothing more is sent; a message on its way is waited for by bw_notifier_quiet. */
void bw_notifier_stop(struct bw_notifier *n);
bool bw_notifier_quiet(const struct bw_notifier *n);
/* Why messages wait; "" while they do not. */
const char *bw_notifier_reason(const struct bw_notifier *n);
void bw_notifier_free(struct bw_notifier *n);
