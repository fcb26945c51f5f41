/* The reader's object functions: a root struct bw_reply, with its elements and texts in a few blocks behind it, since a
 * claim or the history are hundreds of texts.
 *
 * Happy way: hiredis calls them as the bytes come in, an element being made in its place in the parent's
 * array, so that nothing is copied twice. The reply is freed with its blocks.
 *
 * How it fails: "*2000000000\r\n" is fourteen bytes and asks for gigabytes. Each piece is taken from a budget;
 * when it is used up, NULL is returned, hiredis frees what is there and stops, and the connection ends with
 * `exceeded` saying why (hiredis itself says "out of memory"). */
#include "reply.h"

#include "badgewatch/base/alloc.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAX                                                                                            \
    ((size_t)64 << 10) /* each is twice as large as the one before; a longer text gets one of its own */

struct block {
    struct block *before;
    size_t size, left;
    alignas(max_align_t) char bytes[];
};

struct reply_root {
    struct bw_reply reply; /* first: the root is this reply */
    struct block *blocks;  /* newest first */
    size_t left;
    alignas(max_align_t) char bytes[256]; /* most replies need no more */
};

/* Memory that lives as long as the reply; not cleared. */
static void *take(struct reply_root *root, size_t size)
{
    struct block *b = root->blocks;
    size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (!b && size <= root->left)
        return root->bytes + sizeof root->bytes - (root->left -= size) - size;
    if (!b || b->left < size) {
        size_t room = b && b->size * 2 <= BLOCK_MAX ? b->size * 2 : b ? BLOCK_MAX : 1024;
        room = room < size ? size : room;
        b = bw_realloc_array(NULL, sizeof *b + room, 1);
        *b = (struct block){.before = root->blocks, .size = room, .left = room};
        root->blocks = b;
    }
    b->left -= size;
    return b->bytes + b->size - b->left - size;
}

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
        struct reply_root *root = bw_realloc_array(NULL, 1, sizeof *root);
        root->blocks = NULL;
        root->left = sizeof root->bytes;
        root->reply = (struct bw_reply){0};
        budget->left = REDIS_MAX_REPLY;
        budget->root = root;
        reply = &root->reply;
    }
    reply->type = type;
    return reply;
}

static void discard(void *object)
{
    bw_redis_reply_free(object);
}

static struct reply_root *root_of(const redisReadTask *task)
{
    return ((struct reply_budget *)task->privdata)->root;
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
    char *copy = take(root_of(task), len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    reply->str = copy;
    reply->len = len;
    return reply;
}

static void *make_array(const redisReadTask *task, int n)
{
    struct bw_reply *reply = place(task, BW_REPLY_ARRAY);

    if (!spend(task, (size_t)n * sizeof *reply))
        return refuse(task, reply);
    if (n > 0)
        reply->elements =
            memset(take(root_of(task), (size_t)n * sizeof *reply), 0, (size_t)n * sizeof *reply);
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

void bw_redis_reply_free(struct bw_reply *reply)
{
    struct reply_root *root = (struct reply_root *)reply;

    if (!root)
        return;
    for (struct block *b = root->blocks, *before; b; b = before) {
        before = b->before;
        free(b);
    }
    free(root);
}
