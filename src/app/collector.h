/* One leased batch -> one request to Keepa -> each product to the stage.
 *
 * Happy way: take(batch) asks for as many days as reach back to the oldest last check -> each product becomes a check as
 * it arrives; while the stage has too much to do, the answer stands still -> at its end those that cannot be used, or did
 * not come, become checks too.
 * Failing: an answer that breaks off hands back, still due, the members whose product did not come whole. Those whose
 * window turns out too short (a clock was wrong, or ran fast) are asked for again with more days. */
#pragma once

#include "batch.h"
#include "keepa.h"
#include "stage.h"

struct bw_collector;

struct bw_collector_port {
    void (*check)(void *ctx, struct bw_check *check, void (*done)(void *ctx), void *done_ctx); /* the stage */
    void (*send)(void *ctx);                                               /* no more checks for the moment */
    void (*release)(void *ctx, const struct bw_member *members, size_t n); /* the leases */
    void (*idle)(void *ctx); /* a batch ended: there is room for another */
    void *ctx;
};

struct bw_collector *bw_collector_new(struct bw_context *context, struct bw_keepa *keepa,
                                      const struct bw_collector_port *port);
/* How many batches may still be taken. */
size_t bw_collector_room(const struct bw_collector *c);
void bw_collector_take(struct bw_collector *c, struct bw_batch *batch); /* takes ownership of the contents */
size_t bw_collector_pending(const struct bw_collector *c);
void bw_collector_free(struct bw_collector *c); /* nothing may be pending */
