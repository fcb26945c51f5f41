/* Replies built straight into struct bw_reply by hiredis' reader. */
#pragma once

#include "badgewatch/redis/redis.h"

#include <hiredis/read.h>

/* One reply, and what is buffered of one, may take this much; more ends the connection. */
enum { REDIS_MAX_REPLY = 256 * 1024 * 1024 };

/* What the reply under construction may still take; belongs to the connection. */
struct reply_budget {
    size_t left;
    bool exceeded;
    struct reply_root *root; /* the reply under construction; only while hiredis builds it */
};

redisReader *bw_redis_reader_new(struct reply_budget *budget);
void bw_redis_reply_free(struct bw_reply *reply);
