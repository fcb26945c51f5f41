/* A list: a channel is looked for once for each message. */
#include "channels.h"

#include "badgewatch/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void drop_unused(struct bw_channels *channels)
{
    struct bw_channel *c = TAILQ_FIRST(channels), *after;
    int64_t now = bw_mono_now().ms;
    for (; c; c = after) {
        after = TAILQ_NEXT(c, link);
        if (c->messages == 0 && !c->forgot && c->next.ms <= now) {
            TAILQ_REMOVE(channels, c, link);
            free(c);
        }
    }
}

struct bw_channel *bw_channel_join(struct bw_channels *channels, const char *name)
{
    struct bw_channel *c = TAILQ_FIRST(channels);
    while (c && strcmp(c->name, name) != 0)
        c = TAILQ_NEXT(c, link);
    if (!c) {
        drop_unused(channels);
        c = bw_alloc(sizeof(*c));
        snprintf(c->name, sizeof(c->name), "%s", name);
        TAILQ_INSERT_TAIL(channels, c, link);
    }
    c->messages++;
    return c;
}

void bw_channel_leave(struct bw_channel *channel)
{
    channel->messages--;
}

void bw_channels_open(struct bw_channels *channels)
{
    struct bw_channel *c;
    TAILQ_FOREACH (c, channels, link)
        c->next = bw_mono_now();
}

int64_t bw_channels_wait_ms(const struct bw_channels *channels)
{
    int64_t now = bw_mono_now().ms, wait = INT64_MAX;
    const struct bw_channel *c;
    TAILQ_FOREACH (c, channels, link) {
        int64_t left = c->next.ms - now;
        if (left > 0 && left < wait)
            wait = left;
    }
    return wait;
}

void bw_channels_free(struct bw_channels *channels)
{
    struct bw_channel *c = TAILQ_FIRST(channels), *after;
    for (; c; c = after) {
        after = TAILQ_NEXT(c, link);
        free(c);
    }
}
