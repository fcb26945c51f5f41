/* Keeps Redis in agreement with tracked_asins, the table that people and programs edit.
 *
 * Happy way: Postgres connects -> all rows are read in pages and given to track.lua -> products that Redis tracks
 * and Postgres does not are forgotten -> the epoch key is set: checks may begin. After that each NOTIFY names the
 * products that changed. A reconnect of either store starts over (a notification may have been missed).
 * While Redis has its epoch, checks go on without Postgres; an emptied Redis waits for it. */
#pragma once

#include "context.h"

struct bw_tracker;

/* tracked: rows that were read are in force, some may differ from those before. */
struct bw_tracker *bw_tracker_new(struct bw_context *context, void (*tracked)(void *ctx), void *ctx);
/* Nothing more is started; what is under way ends by itself before the clients are closed. */
void bw_tracker_stop(struct bw_tracker *t);
void bw_tracker_free(struct bw_tracker *t);
/* Everything must be read again: a store came back, or Redis was found empty (restore: with the states too). */
void bw_tracker_resync(struct bw_tracker *t, bool restore);
/* A notification of channel badgewatch_tracked: "D:ASIN", or "*". */
void bw_tracker_notify(struct bw_tracker *t, const char *payload);
/* True once a sync was completed since the start of the daemon. */
bool bw_tracker_synced(const struct bw_tracker *t);
