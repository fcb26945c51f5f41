/* One connection to a server: connect, write the queue, hand out replies, end with a reason. */
#pragma once

#include "command.h"
#include "reply.h"

struct redisContext;

/* All come from the loop, never from inside bw_redis_link_open or _kick. In each the owner may close the link,
 * but not open it again. */
struct redis_link_owner {
    void (*up)(void *ctx);
    /* The answer to the oldest command of the queue, which the link has popped; both are borrowed. */
    void (*answered)(void *ctx, struct redis_command *command, const struct bw_reply *reply);
    void (*down)(void *ctx, const char *reason); /* the owner must close the link in it */
};

struct redis_link {
    struct bw_loop *loop;
    const struct redis_link_owner *owner;
    void *ctx;
    struct redis_queue *queue;
    struct redisContext *c; /* NULL while closed */
    struct bw_watch *watch;
    struct bw_turn_end *turn_end; /* commands of a turn are written together */
    bool connected;
    struct reply_budget budget;
};

enum { REDIS_REASON = 256 };

void bw_redis_link_init(struct redis_link *l, struct bw_loop *loop, struct redis_queue *queue,
                        const struct redis_link_owner *owner, void *ctx);
/* path, or a numeric address and port. false: it failed at once, and reason says why; the link stays closed. */
bool bw_redis_link_open(struct redis_link *l, const char *path, const char *address, int port,
                        char reason[REDIS_REASON]);
void bw_redis_link_kick(struct redis_link *l); /* the queue has grown */
void bw_redis_link_close(struct redis_link *l);
void bw_redis_link_fini(struct redis_link *l); /* closed; it is not opened again */
