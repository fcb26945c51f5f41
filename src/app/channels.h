/* The channels of Slack that messages in memory go to: each has its own pace, and one that is gone or slow holds up no other.
 *
 * Happy way: a message joins its channel by name, and leaves it when it is routed elsewhere or ends. A channel lives while
 * somebody is in it or waits for it in Redis, or while it may not be posted to yet: there are never more than messages and
 * channels lately refused. Nothing fails. */
#pragma once

#include "badgewatch/base/clock.h"
#include "badgewatch/core/delivery.h"

#include "ids.h"

#include <sys/queue.h>

struct bw_channel {
    TAILQ_ENTRY(bw_channel) link;
    char name[BW_CHANNEL_SIZE];
    struct bw_mono next; /* not before */
    bool busy;           /* a message holds it */
    size_t messages;     /* in it */
    bool refused;        /* what it was last sent; only a person can help */
    bool forgot;         /* messages for it, from forgot_from on, are left in Redis (crowd.c) */
    struct bw_stream_id forgot_from;
    unsigned taken; /* the walk through the list that found a message here which those behind it wait for */
};

TAILQ_HEAD(bw_channels, bw_channel);

/* Made if it is not there. Each join is ended by a leave. */
struct bw_channel *bw_channel_join(struct bw_channels *channels, const char *name);
void bw_channel_leave(struct bw_channel *channel);
/* All may be posted to now. */
void bw_channels_open(struct bw_channels *channels);
/* Until the next one may be posted to; INT64_MAX: none waits. */
int64_t bw_channels_wait_ms(const struct bw_channels *channels);
void bw_channels_free(struct bw_channels *channels);
