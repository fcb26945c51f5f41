/* XADD, kept until it is answered. The count of staged bytes follows the answer: it may be off by an entry after a cut
 * connection, and heals when the stream runs empty (written.lua). */
#include "history.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define HISTORY_KEPT 10000
#define KEPT_BYTES   ((size_t)16 << 20)

struct entry {
    TAILQ_ENTRY(entry) link;
    struct bw_history *history;
    bool sent;
    char kind[16];
    char once[BW_UUID_TEXT];
    char *doc;
    size_t len;
};

struct bw_history {
    const struct bw_context *cx;
    TAILQ_HEAD(, entry) kept;
    size_t n;
    size_t bytes;
};

static void forget(struct entry *e)
{
    struct bw_history *h = e->history;
    TAILQ_REMOVE(&h->kept, e, link);
    h->n--;
    h->bytes -= e->len;
    free(e->doc);
    free(e);
}

static void on_added(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct entry *e = ctx;
    const struct bw_context *cx = e->history->cx;
    e->sent = false;
    if (err != BW_OK || reply->type == BW_REPLY_ERROR)
        return;
    char bytes[24];
    snprintf(bytes, sizeof(bytes), "%zu", e->len);
    const char *count[] = {"INCRBY", cx->keys.staged_bytes, bytes};
    if (bw_redis_command(cx->redis, 3, count, NULL, NULL, NULL) != BW_OK)
        bw_log_debug("redis", "an entry was not counted");
    forget(e);
}

static void send(struct entry *e)
{
    const struct bw_context *cx = e->history->cx;
    const char *add[] = {"XADD", cx->keys.history, "*", "kind", e->kind, "once", e->once, "doc", e->doc};
    e->sent = bw_redis_command(cx->redis, 9, add, NULL, on_added, e) == BW_OK;
}

enum bw_err bw_history_append(const struct bw_context *cx, const char *kind, const struct bw_buf *doc)
{
    struct bw_history *h = cx->history;
    if (h->n == HISTORY_KEPT || h->bytes + doc->len > KEPT_BYTES)
        return BW_ERR_BUSY;
    struct entry *e = bw_alloc(sizeof(*e));
    *e = (struct entry){.history = h, .doc = bw_strndup(bw_buf_str(doc), doc->len), .len = doc->len};
    snprintf(e->kind, sizeof(e->kind), "%s", kind);
    bw_uuid_random(e->once);
    TAILQ_INSERT_TAIL(&h->kept, e, link);
    h->n++;
    h->bytes += e->len;
    send(e);
    return BW_OK;
}

void bw_history_flush(struct bw_history *h)
{
    struct entry *e;
    if (!bw_redis_writable(h->cx->redis))
        return;
    TAILQ_FOREACH (e, &h->kept, link) {
        if (!e->sent)
            send(e);
    }
}

struct bw_history *bw_history_new(struct bw_context *context)
{
    struct bw_history *h = bw_alloc(sizeof(*h));
    h->cx = context;
    TAILQ_INIT(&h->kept);
    return h;
}

void bw_history_free(struct bw_history *h)
{
    if (!h)
        return;
    if (h->n > 0)
        bw_log_warning("redis", "%zu entries about requests and attempts are lost: it was away at the end",
                       h->n);
    while (
        !TAILQ_EMPTY(&h->kept)) /* the analyzer does not see that TAILQ_REMOVE takes them out of the list */
        forget(TAILQ_FIRST(&h->kept)); // NOLINT(clang-analyzer-unix.Malloc)
    free(h);
}
