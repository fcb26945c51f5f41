/* The guard against an ill source (rule 8): when ranks of many badges, or usable answers, vanish together, it is Keepa's data
 * and not the products.
 *
 * Happy way: a loss for want of a rank is held back by detection (core/detect.h) and counted in Redis where it is staged
 * (lua/guard.lua), by whichever daemon. Seconds later, when no more answers are on their way, one of the daemons decides: lost
 * after all, or under guard. What is under guard is asked about again every ten minutes until detection knows what became of
 * it. Two system messages say when it begins and when it is over; each once, whoever restarts.
 *
 * How it fails: what is held back stands in the product's state, so it outlives daemons, and Redis too; nobody deciding for a
 * while only makes it later. */
#pragma once

#include "stage.h"

#define BW_GUARD_AGAIN_S 600

struct bw_guard;

struct bw_guard_port {
    bool (*answers_come)(void *ctx); /* more answers of Keepa are on their way to this daemon */
    void (*queued)(void *ctx);       /* a message was queued */
    void *ctx;
};

/* What is shown of it. */
struct bw_guard_view {
    int64_t since_ms;                  /* the source was found ill; 0 = it is well */
    int64_t lost, held, unknown, seen; /* and by these figures */
    int64_t guarded;                   /* badges whose loss is held back */
};

struct bw_guard *bw_guard_new(struct bw_context *context, struct bw_stage *stage,
                              const struct bw_guard_port *port);
void bw_guard_start(struct bw_guard *g);
void bw_guard_stop(struct bw_guard *g);
const struct bw_guard_view *bw_guard_view(const struct bw_guard *g);
bool bw_guard_quiet(const struct bw_guard *g);
void bw_guard_free(struct bw_guard *g);
