/* XADD and the count of staged bytes, in one pipelined pair: the counter may be off by an entry after a cut connection,
 * and heals when the stream runs empty (written.lua). */
#include "history.h"

#include <stdio.h>

enum bw_err bw_history_append(const struct bw_context *cx, const char *kind, const struct bw_buf *doc)
{
    const char *add[] = {"XADD", cx->keys.history, "*", "kind", kind, "doc", bw_buf_str(doc)};
    enum bw_err err = bw_redis_command(cx->redis, 7, add, NULL, NULL, NULL);
    if (err != BW_OK)
        return err;
    char bytes[24];
    snprintf(bytes, sizeof(bytes), "%zu", doc->len);
    const char *count[] = {"INCRBY", cx->keys.staged_bytes, bytes};
    return bw_redis_command(cx->redis, 3, count, NULL, NULL, NULL);
}
