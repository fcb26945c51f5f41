/* What the tests of the Redis client share: a client with a record of its states, a record of answers, and a
 * real server in a temporary folder. */
#pragma once

#include "support/loop_fixture.h"

#include "badgewatch/redis/redis.h"

#include <sys/types.h>

enum { WAIT_MS = 10000 };

struct client {
    struct bw_loop *loop;
    struct bw_redis *r;
    int states;  /* calls of on_state */
    int writes;  /* calls of on_writes */
    int repeats; /* calls with what was told before: must stay 0 */
    bool ready;
    char reason[256];
    bool closed;
};

/* options may be NULL; its url, on_state and ctx are set here. */
void client_open(struct client *c, struct bw_loop *loop, const char *url,
                 const struct bw_redis_options *options);
void client_close(struct client *c); /* at once, and waits for it */

struct answer {
    int calls;
    enum bw_err err;
    enum bw_reply_type type;
    int64_t integer;
    size_t len;
    size_t n;
    char text[256];
};

void keep_answer(void *ctx, enum bw_err err, const struct bw_reply *reply);
/* Sends words and records the answer; the command must be accepted. */
void send_words(struct client *c, struct answer *a, size_t n, const char *const *words);
#define SEND(c, a, ...)                                                                                      \
    send_words((c), (a), sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                             \
               (const char *[]){__VA_ARGS__})

struct server {
    pid_t pid;
    int port;
    char dir[64];
    char socket_url[128];
};

void server_open(struct server *s); /* folder and port; skips the test where there is no redis-server */
void server_start(struct server *s, const char *const *extra); /* more arguments, ended by NULL; or NULL */
void server_kill(struct server *s);                            /* SIGKILL, and waits */
void server_close(struct server *s);                           /* kills and removes the folder */
