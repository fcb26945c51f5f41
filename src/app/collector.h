/* One leased batch -> one request to Keepa -> each product to the stage.
 *
 * Happy way: take(batch) asks for as many days as reach back to the oldest last check -> products are decoded as they
 * arrive -> when the answer is complete, its own timestamp says what "now" is in Keepa's clock -> each member of the
 * batch becomes a check (absent ones too).
 * Failing: no usable answer hands all members back, still due. A window that turns out too short (a clock was wrong, or
 * ran fast) is asked for again with more days before anything is staged. */
#pragma once

#include "batch.h"
#include "keepa.h"
#include "stage.h"

struct bw_collector;

struct bw_collector_port {
    void (*check)(void *ctx, struct bw_check *check, void (*done)(void *ctx), void *done_ctx); /* the stage */
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
