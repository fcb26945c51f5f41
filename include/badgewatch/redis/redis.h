/* Redis client: hiredis 0.14 with our own loop adapter (facts/c-and-libraries 2.3).
 *
 * Happy way: new -> connects by itself (resolve, connect, AUTH, SELECT, CLIENT SETNAME) -> ready -> commands
 * are pipelined, each answered once. A lost connection fails what is in flight with BW_ERR_UNAVAILABLE
 * (its outcome is unknown!), then it reconnects for ever with back-off. While not ready, commands are
 * refused at once with BW_ERR_UNAVAILABLE: the caller keeps its work. Replies are copies in plain structs. */
#pragma once

#include "badgewatch/loop/loop.h"

struct bw_redis;

enum bw_reply_type {
    BW_REPLY_NIL,
    BW_REPLY_STRING,
    BW_REPLY_STATUS,
    BW_REPLY_INTEGER,
    BW_REPLY_ARRAY,
    BW_REPLY_ERROR
};

struct bw_reply {
    enum bw_reply_type type;
    const char *str; /* STRING, STATUS, ERROR; NUL-terminated, may hold NULs */
    size_t len;
    int64_t integer;
    const struct bw_reply *elements; /* ARRAY */
    size_t n;
};

/* err BW_OK: reply is there, not NULL, possibly of type ERROR. Otherwise reply is NULL: BW_ERR_UNAVAILABLE
 * (connection lost; the command may or may not have run), BW_ERR_TIMEOUT (same; the connection is then dropped),
 * BW_ERR_CLOSED. The reply is borrowed for the time of the call. */
typedef void (*bw_redis_cb)(void *ctx, enum bw_err err, const struct bw_reply *reply);

struct bw_redis_options {
    const char *url; /* redis://[user[:password]@]host[:port][/db], unix:///path?db=N; rediss:// is refused */
    const char *client_name;
    int64_t connect_timeout_ms; /* 0 = 5 s: resolve to ready */
    int64_t command_timeout_ms; /* 0 = 10 s: oldest unanswered command */
    int64_t reconnect_min_ms;   /* 0 = 100 */
    int64_t reconnect_max_ms;   /* 0 = 5000 */
    size_t max_pending;         /* 0 = 10000; more commands get BW_ERR_BUSY */
    bool read_write;            /* refuse a replica: not ready, and looked for elsewhere */
    /* Called from the loop on each change: ready, or not ready and why ("connection refused (127.0.0.1:6379)",
     * "wrong password (...)", "loading (...)"); not called with the same state and reason twice in a row. May be NULL. */
    void (*on_state)(void *ctx, bool ready, const char *reason);
    /* A server that is ready may refuse writes (see bw_redis_refusal). Called at the begin and the end of that; not when
     * the connection is lost meanwhile. May be NULL. */
    void (*on_writes)(void *ctx, bool taken, const char *why);
    void *ctx;
};

/* BW_ERR_INVALID / BW_ERR_UNSUPPORTED for a bad URL (error says why, without the password). */
enum bw_err bw_redis_new(struct bw_loop *loop, const struct bw_redis_options *options, struct bw_redis **out,
                         struct bw_error *error) BW_MUSTCHECK;
bool bw_redis_ready(const struct bw_redis *r);
const char *bw_redis_reason(const struct bw_redis *r); /* why it is not ready, or its refusal; "" = works */
/* What the server said when it refused a write because of its own state: full disk (MISCONF), memory limit (OOM), too few
 * replicas. "" while it takes them. Reads and what frees memory are still served, so commands are still sent. It ends with
 * the connection, or with bw_redis_accepted, which the owner calls when some write of his succeeded. */
const char *bw_redis_refusal(const struct bw_redis *r);
void bw_redis_accepted(struct bw_redis *r);
bool bw_redis_writable(const struct bw_redis *r); /* ready, and no refusal */
/* Sends one command; arguments are copied. lens may be NULL (strings). Error now, or one callback later. cb may
 * be NULL where the answer does not matter. Commands are answered in the order they were sent.
 * Errors now: BW_ERR_UNAVAILABLE not ready, BW_ERR_CLOSED closing, BW_ERR_BUSY max_pending (or 256 MB not yet
 * written), BW_ERR_TOO_BIG over 64 MB, BW_ERR_UNSUPPORTED for commands that are not answered once each
 * (SUBSCRIBE and its kin, MONITOR, QUIT, RESET, HELLO). A reply over 256 MB ends the connection. A command that
 * blocks (XREADGROUP BLOCK) holds up all behind it and counts for the time-out: give it a client of its own. */
enum bw_err bw_redis_command(struct bw_redis *r, size_t argc, const char *const *argv, const size_t *lens,
                             bw_redis_cb cb, void *ctx) BW_MUSTCHECK;
size_t bw_redis_pending(const struct bw_redis *r);
/* Waits up to drain_ms for answers, then fails the rest with BW_ERR_CLOSED; frees, calls closed (may be NULL). */
void bw_redis_close(struct bw_redis *r, int64_t drain_ms, void (*closed)(void *ctx), void *ctx);

/* A Lua script: EVALSHA, and by itself EVAL once where the server does not know it. The struct must outlive the
 * client (static is best). That EVAL is queued at the end: where a script was unknown (first use, restart, SCRIPT
 * FLUSH), it may run after commands that were sent behind it; nothing of it has run before. argv: the n_keys keys
 * first, then the other arguments. */
struct bw_script {
    const char *name;
    const char *source;
    char sha[41]; /* filled at first use, by asking the server */
};
enum bw_err bw_redis_eval(struct bw_redis *r, struct bw_script *script, size_t n_keys, size_t argc,
                          const char *const *argv, const size_t *lens, bw_redis_cb cb,
                          void *ctx) BW_MUSTCHECK;
