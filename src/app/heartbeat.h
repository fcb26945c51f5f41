/* The dead man's switch: BADGEWATCH_HEARTBEAT_URL is called after each completed sweep, that is when products were checked
 * and none is due any more; with "/fail" behind it when a part does not work (as Healthchecks.io has it), once a health
 * check. Whoever is at the other end says when nothing came. A call that fails is logged; the next sweep calls again. */
#pragma once

#include "context.h"
#include "housekeeping.h"

struct bw_heartbeat;

struct bw_heartbeat_port {
    bool (*red)(void *ctx); /* some part does not work, or checks wait */
    void *ctx;
};

struct bw_heartbeat *bw_heartbeat_new(const struct bw_context *context,
                                      const struct bw_housekeeping *housekeeping,
                                      const struct bw_heartbeat_port *port);
void bw_heartbeat_start(struct bw_heartbeat *h);
void bw_heartbeat_stop(struct bw_heartbeat *h);
bool bw_heartbeat_quiet(const struct bw_heartbeat *h);
void bw_heartbeat_free(struct bw_heartbeat *h); /* nothing may be under way */
