/* Entries that Postgres must get and that do not come from a check: appended to the history stream.
 *
 * Happy way: append -> XADD -> it is in Redis, and forgotten here. Failing: while Redis is away or takes no writes, entries
 * are kept, at most HISTORY_KEPT of them, and sent again with the next sign of life. One whose outcome is unknown may be
 * in the stream twice; its rows are the same, by their own key or by the field "once". */
#pragma once

#include "context.h"

struct bw_history;

struct bw_history *bw_history_new(struct bw_context *context);
/* kind: "request", "told", "attempt", "category" (codec/entry.h). BW_ERR_BUSY: too many are kept, this one is lost. */
enum bw_err bw_history_append(const struct bw_context *cx, const char *kind,
                              const struct bw_buf *doc) BW_MUSTCHECK;
void bw_history_flush(struct bw_history *h); /* Redis is there: send what was kept */
void bw_history_free(struct bw_history *h);  /* what is still kept is lost, and said */
