/* Takes what is due from Redis (claim.lua) and gives it to the collector, as far as tokens and room allow. */
#pragma once

#include "batch.h"
#include "due_clock.h"
#include "keepa.h"

struct bw_scheduler;

struct bw_scheduler_port {
    size_t (*room)(void *ctx);                       /* batches that the collector can take */
    void (*take)(void *ctx, struct bw_batch *batch); /* the collector; ownership of the contents passes */
    void (*release)(void *ctx, const struct bw_member *members, size_t n);
    void (*emptied)(void *ctx); /* Redis has no epoch: verify against Postgres */
    void *ctx;
};

struct bw_scheduler *bw_scheduler_new(struct bw_context *context, struct bw_keepa *keepa,
                                      struct bw_due_clock *clock, const struct bw_scheduler_port *port);
void bw_scheduler_start(struct bw_scheduler *s);
void bw_scheduler_kick(struct bw_scheduler *s);        /* there is room, or Redis is back: look now */
void bw_scheduler_stop(struct bw_scheduler *s);        /* no more batches; a claim under way is handed back */
bool bw_scheduler_quiet(const struct bw_scheduler *s); /* no claim under way */
/* Why nothing is checked although something may be due; "" while all is well. */
const char *bw_scheduler_reason(const struct bw_scheduler *s);
void bw_scheduler_free(struct bw_scheduler *s);
