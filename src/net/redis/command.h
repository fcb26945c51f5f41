/* One command on its way, and the queue of those that are not answered yet. */
#pragma once

#include "badgewatch/redis/redis.h"

struct bw_redis;

enum {
    REDIS_MAX_COMMAND = 64 * 1024 * 1024, /* of one command, formatted */
    REDIS_MAX_QUEUE = 256 * 1024 * 1024   /* of all that are not written yet */
};

struct redis_command {
    struct redis_command *next;
    char *bytes; /* the request; freed when it is written, or, with keep, when it is answered */
    size_t len;
    size_t written;
    bool keep;
    struct bw_mono sent;
    bw_redis_cb cb; /* may be NULL */
    void *ctx;
};

/* In the order they were sent: first those that are written, then those that are not. */
struct redis_queue {
    struct redis_command *head;
    struct redis_command *tail;
    struct redis_command *unwritten; /* the first with bytes left, NULL if none */
    size_t n;
    size_t unwritten_bytes;
};

struct redis_args {
    size_t argc;
    const char *const *argv;
    const size_t *lens; /* NULL: strings */
};

/* "*N\r\n$3\r\nGET\r\n..." of the arguments of `first` and then those of `rest` (may be NULL). Gives a
 * command that belongs to the caller; BW_ERR_INVALID without arguments, BW_ERR_TOO_BIG above the cap. */
enum bw_err bw_redis_command_new(const struct redis_args *first, const struct redis_args *rest,
                                 struct redis_command **out) BW_MUSTCHECK;
void bw_redis_command_free(struct redis_command *c);

void bw_redis_queue_push(struct redis_queue *q, struct redis_command *c); /* takes ownership */
struct redis_command *bw_redis_queue_pop(struct redis_queue *q);          /* gives ownership; NULL if empty */
/* n more bytes of the unwritten part have left. */
void bw_redis_queue_wrote(struct redis_queue *q, size_t n);
