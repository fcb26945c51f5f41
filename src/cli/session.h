/* What a command needs of the outside: a loop of its own and clients that are opened when first used. Calls wait for
 * their answer (bounded), since a command has nothing else to do. */
#pragma once

#include "badgewatch/app/keys.h"
#include "badgewatch/base/plain.h"
#include "badgewatch/conf/conf.h"
#include "badgewatch/http/http.h"
#include "badgewatch/pg/pg.h"
#include "badgewatch/redis/redis.h"

#define SESSION_WAIT_MS 10000
#define PLAIN_MAX       2048 /* of others' text (bw_plain_copy) in a line that a command prints */

struct session {
    struct bw_loop *loop;
    const struct bw_conf *conf;
    struct bw_keys keys;
    struct bw_redis *redis;
    struct bw_pg *pg;
    struct bw_http *http;
    struct bw_timer *deadline;
    bool expired;
    bool keep; /* what fails goes into why instead of to stderr: the command has a line of its own for it */
    char why[512];
};

void session_open(struct session *s, const struct bw_conf *conf);
void session_close(struct session *s);

/* True when connected; else false after a message that says why not (see keep). */
bool session_postgres(struct session *s);
bool session_redis(struct session *s);
/* The same without a message: for what can do without. */
bool session_try_redis(struct session *s);

/* One statement; handle is called once with its rows when it succeeded. False after a message. */
bool session_query(struct session *s, const char *sql, int n, const char *const *params,
                   void (*handle)(void *ctx, const struct bw_pg_result *rows), void *ctx);
/* Statements in one transaction: all or nothing, also where this program is ended meanwhile. progress: may be NULL; it
 * counts statements. False after a message. */
struct progress;
bool session_transaction(struct session *s, const struct bw_pg_statement *statements, size_t n,
                         struct progress *progress);
/* One command; handle may see any reply but an error. False after a message. */
bool session_command(struct session *s, size_t argc, const char *const *argv,
                     void (*handle)(void *ctx, const struct bw_reply *reply), void *ctx);
bool session_eval(struct session *s, struct bw_script *script, size_t n_keys, size_t argc,
                  const char *const *argv, void (*handle)(void *ctx, const struct bw_reply *reply),
                  void *ctx);
/* One request; handle sees any response. False only if it could not be started. */
bool session_http(struct session *s, const struct bw_http_request *request, bw_http_cb handle, void *ctx);

/* Turns the loop until *done or the time is over; false then. */
bool session_wait(struct session *s, const bool *done, int64_t ms);
