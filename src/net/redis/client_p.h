/* What the files of the client share. */
#pragma once

#include "link.h"
#include "url.h"

#include "badgewatch/base/backoff.h"

enum { REDIS_ADDRESSES = 8, REDIS_ADDRESS_TEXT = 64 };

enum redis_phase {
    REDIS_WAITING,    /* for the next try; timer = when */
    REDIS_RESOLVING,  /* timer = deadline of the connection, also in the next two */
    REDIS_CONNECTING, /* to addresses[at] */
    REDIS_GREETING,
    REDIS_READY /* timer = deadline of the oldest command, if there is one */
};

struct bw_redis {
    struct bw_loop *loop;
    struct redis_target target;
    char *client_name;
    int64_t connect_timeout_ms;
    int64_t command_timeout_ms;
    size_t max_pending;
    bool read_write;
    void (*on_state)(void *ctx, bool ready, const char *reason);
    void (*on_writes)(void *ctx, bool taken, const char *why);
    void *on_state_ctx;

    enum redis_phase phase;
    char reason[REDIS_REASON];  /* "" when ready */
    char refusal[REDIS_REASON]; /* of the newest write; "" while they are taken */
    struct redis_link link;
    struct redis_queue queue;
    struct bw_timer *timer;
    const struct redis_command *overdue; /* was given one more turn; only compared */
    struct bw_backoff backoff;
    struct bw_resolve *resolve;
    char addresses[REDIS_ADDRESSES][REDIS_ADDRESS_TEXT];
    size_t n_addresses;
    size_t tried; /* of the addresses, in this connection */
    size_t first; /* where to begin; moves on when an address did not answer in time */

    bool closing;
    struct bw_timer *close_timer;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* client.c */
void bw_redis_set_state(struct bw_redis *r, enum redis_phase phase, const char *reason);
void bw_redis_lose(struct bw_redis *r, enum bw_err first, const char *reason); /* ends the connection */
/* Takes ownership; the command is answered exactly once. Only in GREETING and READY. */
void bw_redis_send(struct bw_redis *r, struct redis_command *c, bw_redis_cb cb, void *ctx);
/* BW_ERR_CLOSED, _UNAVAILABLE or _BUSY when no further command of a user can be taken. */
enum bw_err bw_redis_can_send(const struct bw_redis *r) BW_MUSTCHECK;

/* greeting.c: AUTH, SELECT, CLIENT SETNAME, INFO, PING; then READY, or lost with the reason. */
void bw_redis_greet(struct bw_redis *r);
/* In plain words, if the error means that this connection is of no use any more; else NULL. */
const char *bw_redis_unfit(const char *error);
