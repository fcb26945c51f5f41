/* The line in the channel that says how a product that flapped has settled (core/flap.h).
 *
 * Happy way: every few seconds Postgres is asked which stories were last told in their thread alone, so long ago that they
 * count as settled -> the line is queued as a note, once (note.lua) -> the writer marks the story when Slack has it.
 * Failing: what was not queued, or is forgotten, is found again; that a line may be out already is in settling_at. */
#pragma once

#include "context.h"

struct bw_settler;

struct bw_settler *bw_settler_new(const struct bw_context *context, void (*queued)(void *ctx), void *ctx);
void bw_settler_start(struct bw_settler *s);
void bw_settler_stop(struct bw_settler *s);
void bw_settler_free(struct bw_settler *s);
