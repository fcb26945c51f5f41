/* The reader's object functions: a root struct bw_reply, and the elements of an array in one block.
 *
 * Happy way: hiredis calls them as the bytes come in, an element being made in its place in the parent's
 * block, so that nothing is copied twice.
 *
 * How it fails: "*2000000000\r\n" is fourteen bytes and asks for gigabytes. Each piece is taken from a budget;
 * when it is used up, NULL is returned, hiredis frees what is there and stops, and the connection ends with
 * `exceeded` saying why (hiredis itself says "out of memory"). */
#include "reply.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>

static bool spend(const redisReadTask *task, size_t size)
{
    struct reply_budget *budget = task->privdata;

    if (size > budget->left) {
        budget->exceeded = true;
        return false;
    }
    budget->left -= size;
    return true;
}

/* The place of the object: in its parent's block, or a new root. */
static struct bw_reply *place(const redisReadTask *task, enum bw_reply_type type)
{
    struct bw_reply *reply = NULL;

    if (task->parent) {
        struct bw_reply *parent = task->parent->obj;
        /* the block is ours; const is for the readers of the finished reply */
        reply = (struct bw_reply *)(uintptr_t)parent->elements + task->idx;
    } else {
        struct reply_budget *budget = task->privdata;
        budget->left = REDIS_MAX_REPLY;
        reply = bw_alloc(sizeof *reply);
    }
    reply->type = type;
    return reply;
}

static void discard(void *object)
{
    bw_redis_reply_free(object);
}

/* A root that did not become one must be freed here; a child goes with its root. */
static void *refuse(const redisReadTask *task, struct bw_reply *reply)
{
    if (!task->parent)
        bw_redis_reply_free(reply);
    return NULL;
}

static enum bw_reply_type type_of(int type)
{
    switch (type) {
    case REDIS_REPLY_STATUS:
        return BW_REPLY_STATUS;
    case REDIS_REPLY_ERROR:
        return BW_REPLY_ERROR;
    default:
        return BW_REPLY_STRING;
    }
}

static void *make_string(const redisReadTask *task, char *text, size_t len)
{
    struct bw_reply *reply = place(task, type_of(task->type));

    if (!spend(task, len + 1))
        return refuse(task, reply);
    reply->str = bw_strndup(text, len);
    reply->len = len;
    return reply;
}

static void *make_array(const redisReadTask *task, int n)
{
    struct bw_reply *reply = place(task, BW_REPLY_ARRAY);

    if (!spend(task, (size_t)n * sizeof *reply))
        return refuse(task, reply);
    reply->elements = bw_alloc_array((size_t)n, sizeof *reply);
    reply->n = (size_t)n;
    return reply;
}

static void *make_integer(const redisReadTask *task, long long value)
{
    struct bw_reply *reply = place(task, BW_REPLY_INTEGER);

    reply->integer = value;
    return reply;
}

static void *make_nil(const redisReadTask *task)
{
    return place(task, BW_REPLY_NIL);
}

redisReader *bw_redis_reader_new(struct reply_budget *budget)
{
    /* hiredis wants it writable, and never writes to it */
    static redisReplyObjectFunctions functions = {make_string, make_array, make_integer, make_nil, discard};
    redisReader *reader = redisReaderCreateWithFunctions(&functions);

    if (!reader)
        abort();
    reader->privdata = budget;
    *budget = (struct reply_budget){.left = REDIS_MAX_REPLY};
    return reader;
}

/* hiredis stops at nesting depth 7, so the recursion is bounded. */
static void fini(struct bw_reply *reply)
{
    for (size_t i = 0; i < reply->n; i++)
        fini((struct bw_reply *)(uintptr_t)&reply->elements[i]);
    free((void *)(uintptr_t)reply->elements);
    free((void *)(uintptr_t)reply->str);
}

void bw_redis_reply_free(struct bw_reply *reply)
{
    if (!reply)
        return;
    fini(reply);
    free(reply);
}
