/* Routes: who is told of a product's changes, when, and of which. Pure.
 *
 * A product has the first route, in the order of the settings file, whose tag it has; else the default route, where one is
 * given; else none, which tells everything at once. Its channel is its own (tracked_asins.channel), else that of its
 * route, else the default channel. The other rules of a route hold whatever the channel. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Minutes after 00:00 UTC, 0..1439; equal: there are none; from > to: over midnight. */
struct bw_quiet_hours {
    int from_min, to_min;
};

/* The texts are owned and never NULL. */
struct bw_route {
    char *tag;                   /* "" = the default route */
    char *channel;               /* "" = the default channel */
    struct bw_quiet_hours quiet; /* alerts wait until they are over */
    int min_priority; /* only products with this priority number or a lower one (1 is the highest); 0 = all */
    bool trigger_on_gained;
    bool trigger_on_lost;
};
void bw_route_fini(struct bw_route *r);

/* tags: separated by ';'. NULL: no route is for it. */
const struct bw_route *bw_route_of(const struct bw_route *routes, size_t n, const char *tags);
/* route may be NULL, also below; own: the product's channel, "" = none. */
const char *bw_route_channel(const struct bw_route *route, const char *own, const char *fallback);
/* Why nobody is told of changes, as in bestseller_changes.withheld: "priority" or "trigger"; NULL: they are told.
 * gained, lost: what happened in one category in one check. A stay that came and went has both, and goes by either
 * trigger: half of it would not be the truth. priority 0: not known, so it withholds nothing. */
const char *bw_route_withholds(const struct bw_route *route, int priority, bool gained, bool lost);
/* Unix s at which the quiet hours around now_s end; 0: it is not quiet now. */
int64_t bw_route_quiet_until(const struct bw_route *route, int64_t now_s);
