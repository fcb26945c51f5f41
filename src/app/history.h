/* Entries that Postgres must get and that do not come from a check: appended to the history stream. */
#pragma once

#include "context.h"

/* kind: "request", "told", "attempt", "category" (codec/entry.h). A Redis that is away loses the entry: the caller
 * decides by the return value whether that matters. */
enum bw_err bw_history_append(const struct bw_context *cx, const char *kind,
                              const struct bw_buf *doc) BW_MUSTCHECK;
