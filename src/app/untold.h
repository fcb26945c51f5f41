/* Brings back to Redis what Postgres has as neither told nor withheld, after Redis lost data (tracker.c). */
#pragma once

#include "context.h"

struct bw_untold;

struct bw_untold *bw_untold_new(const struct bw_context *context);
/* done comes once, maybe from inside the call: false if a store failed, then the whole is to be begun again. Not while one is under way. */
void bw_untold_start(struct bw_untold *u, void (*done)(void *ctx, bool ok), void *ctx);
void bw_untold_free(struct bw_untold *u); /* not while under way */
