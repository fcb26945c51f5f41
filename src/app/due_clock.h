/* The clock by which products are due: that of the Redis server. claim.lua reads it, so all daemons share one idea of
 * "due" and of a lease; times that this daemon plans (next checks) must be on the same clock, or a step of its own
 * would put them off for hours, or bring them all at once.
 *
 * Happy way: each claim brings the server's time, and it is asked with each sign of life; in between our monotonic clock
 * goes on from there. Failing: as
 * long as it has not answered our own wall clock has to do. A server whose clock went back is told to `went_back`: what was
 * planned by it would come late, and has to be planned anew. A step forward needs nothing: what became due is checked
 * once. */
#pragma once

#include "context.h"

struct bw_due_clock;

struct bw_due_clock *bw_due_clock_new(struct bw_context *context, void (*went_back)(void *ctx), void *ctx);
void bw_due_clock_ask(struct bw_due_clock *c);
void bw_due_clock_told(struct bw_due_clock *c, int64_t now_ms); /* by a claim */
void bw_due_clock_free(struct bw_due_clock *c);
/* Unix seconds now. */
int64_t bw_due_now(const struct bw_context *cx);
