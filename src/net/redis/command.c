/* Requests as bytes, and their queue.
 *
 * Happy way: formatted once into one block, pushed, written by the link in as many pieces as the socket takes,
 * popped when its answer is there.
 *
 * hiredis could format and buffer too. Its output buffer is one string that moves down at each write: a
 * backlog of n bytes costs n*n/64k byte moves, on the loop. And a script that the server does not know must be
 * sent again as text, with the same arguments, so the block is kept for it (see script.c). */
#include "command.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/buf.h"

#include <stdlib.h>
#include <string.h>

struct writer {
    char *at; /* NULL: only measure */
    size_t size;
};

static void put(struct writer *w, const char *data, size_t len)
{
    w->size += len;
    if (w->at) {
        memcpy(w->at, data, len);
        w->at += len;
    }
}

static void put_count(struct writer *w, char mark, size_t n)
{
    char line[BW_INT_TEXT];
    size_t len = bw_int_format((int64_t)n, line);

    put(w, &mark, 1);
    put(w, line, len);
    put(w, "\r\n", 2);
}

static void put_args(struct writer *w, const struct redis_args *args)
{
    for (size_t i = 0; args && i < args->argc && w->size <= REDIS_MAX_COMMAND; i++) {
        size_t len = args->lens ? args->lens[i] : strlen(args->argv[i]);
        put_count(w, '$', len);
        put(w, args->argv[i], len);
        put(w, "\r\n", 2);
    }
}

static void put_all(struct writer *w, const struct redis_args *first, const struct redis_args *rest)
{
    put_count(w, '*', first->argc + (rest ? rest->argc : 0));
    put_args(w, first);
    put_args(w, rest);
}

enum bw_err bw_redis_command_new(const struct redis_args *first, const struct redis_args *rest,
                                 struct redis_command **out)
{
    struct writer w = {0};

    if (first->argc == 0)
        return BW_ERR_INVALID;
    put_all(&w, first, rest); /* measured first: argument after argument, so that a sum cannot wrap */
    if (w.size > REDIS_MAX_COMMAND)
        return BW_ERR_TOO_BIG;

    struct redis_command *c = bw_alloc(sizeof *c);
    c->len = w.size;
    c->bytes = bw_realloc_array(NULL, c->len, 1); /* not cleared: all of it is written */
    w = (struct writer){.at = c->bytes};
    put_all(&w, first, rest);
    *out = c;
    return BW_OK;
}

void bw_redis_command_free(struct redis_command *c)
{
    if (!c)
        return;
    free(c->bytes);
    free(c);
}

void bw_redis_queue_push(struct redis_queue *q, struct redis_command *c)
{
    c->next = NULL;
    if (q->tail)
        q->tail->next = c;
    else
        q->head = c;
    q->tail = c;
    if (!q->unwritten)
        q->unwritten = c;
    q->n++;
    q->unwritten_bytes += c->len;
}

struct redis_command *bw_redis_queue_pop(struct redis_queue *q)
{
    struct redis_command *c = q->head;

    if (!c)
        return NULL;
    q->head = c->next;
    if (!q->head)
        q->tail = NULL;
    if (q->unwritten == c)
        q->unwritten = c->next;
    q->unwritten_bytes -= c->len - c->written;
    q->n--;
    c->next = NULL;
    return c;
}

void bw_redis_queue_wrote(struct redis_queue *q, size_t n)
{
    q->unwritten_bytes -= n;
    while (n > 0) {
        struct redis_command *c = q->unwritten;
        size_t part = c->len - c->written < n ? c->len - c->written : n;
        c->written += part;
        n -= part;
        if (c->written < c->len)
            return;
        q->unwritten = c->next;
        if (!c->keep) {
            free(c->bytes);
            c->bytes = NULL;
        }
    }
}
