/* Waiting calls on top of the asynchronous clients. */
#include "session.h"

#include "badgewatch/base/alloc.h"
#include "command.h"
#include "progress.h"

#include <stdio.h>
#include <stdlib.h>

static void on_deadline(void *ctx)
{
    ((struct session *)ctx)->expired = true;
}

void session_open(struct session *s, const struct bw_conf *conf)
{
    *s = (struct session){.conf = conf, .loop = bw_loop_new()};
    bw_keys_init(&s->keys, conf->redis_prefix);
    s->deadline = bw_timer_new(s->loop, on_deadline, s);
}

void session_close(struct session *s)
{
    if (s->redis)
        bw_redis_close(s->redis, 500, NULL, NULL);
    if (s->pg)
        bw_pg_close(s->pg, 500, NULL, NULL);
    if (s->http)
        bw_http_close(s->http, NULL, NULL);
    bw_timer_free(s->deadline);
    bw_loop_run(s->loop);
    bw_keys_fini(&s->keys);
    int left = bw_loop_free(s->loop);
    if (left != 0)
        fprintf(stderr, "badgewatch: %d handles were left open\n", left);
}

bool session_wait(struct session *s, const bool *done, int64_t ms)
{
    s->expired = false;
    bw_timer_start(s->deadline, ms);
    while (!*done && !s->expired)
        bw_loop_turn(s->loop, true);
    bw_timer_stop(s->deadline);
    return *done;
}

static void complain(struct session *s, const char *part, const char *text)
{
    if (s->keep)
        snprintf(s->why, sizeof(s->why), "%s", text);
    else
        failure("%s: %s", part, text);
}

/* Turns until ready, or until the client has had the time for a first answer. */
static bool wait_ready(struct session *s, bool (*ready)(const struct session *))
{
    s->expired = false;
    bw_timer_start(s->deadline, SESSION_WAIT_MS);
    while (!ready(s) && !s->expired)
        bw_loop_turn(s->loop, true);
    bw_timer_stop(s->deadline);
    return ready(s);
}

/* A client that says "not ready, because" has its answer: the command need not wait for the next try. */
static void on_state(void *ctx, bool ready, const char *reason)
{
    struct session *s = ctx;
    if (!ready && reason[0])
        s->expired = true;
}

static bool postgres_ready(const struct session *s)
{
    return bw_pg_ready(s->pg);
}

static bool redis_ready(const struct session *s)
{
    return bw_redis_ready(s->redis);
}

bool session_postgres(struct session *s)
{
    struct bw_error error;
    if (!s->pg) {
        struct bw_pg_options options = {.url = s->conf->database_url,
                                        .application_name = "badgewatch command",
                                        .statement_timeout_ms = 120000,
                                        .on_state = on_state,
                                        .ctx = s};
        if (bw_pg_new(s->loop, &options, &s->pg, &error) != BW_OK) {
            complain(s, "DATABASE_URL", error.text);
            return false;
        }
    }
    if (wait_ready(s, postgres_ready))
        return true;
    const char *reason = bw_pg_reason(s->pg);
    complain(s, "Postgres", reason[0] ? reason : "no answer in time");
    return false;
}

static bool open_redis(struct session *s, struct bw_error *error)
{
    struct bw_redis_options options = {
        .url = s->conf->redis_url, .client_name = "badgewatch-command", .on_state = on_state, .ctx = s};
    return s->redis || bw_redis_new(s->loop, &options, &s->redis, error) == BW_OK;
}

bool session_try_redis(struct session *s)
{
    struct bw_error error;
    return open_redis(s, &error) && wait_ready(s, redis_ready);
}

bool session_redis(struct session *s)
{
    struct bw_error error;
    if (!open_redis(s, &error)) {
        complain(s, "REDIS_URL", error.text);
        return false;
    }
    if (wait_ready(s, redis_ready))
        return true;
    const char *reason = bw_redis_reason(s->redis);
    complain(s, "Redis", reason[0] ? reason : "no answer in time");
    return false;
}

/* ---- Postgres ---- */

struct query {
    struct session *session;
    bool done;
    bool ok;
    void (*handle)(void *ctx, const struct bw_pg_result *rows);
    void *ctx;
};

static void on_answer(void *ctx, const struct bw_pg_answer *answer)
{
    struct query *q = ctx;
    q->done = true;
    q->ok = answer->err == BW_OK;
    if (!q->ok)
        complain(q->session, "Postgres", answer->message);
    else if (q->handle)
        q->handle(q->ctx, answer->results[0]);
}

static bool run_query(struct query *q, const struct bw_pg_statement *statements, size_t n,
                      struct progress *progress)
{
    struct session *s = q->session;
    if (!session_postgres(s))
        return false;
    enum bw_err err = bw_pg_submit(s->pg, statements, n, on_answer, q);
    if (err != BW_OK) {
        complain(s, "Postgres", bw_err_text(err));
        return false;
    }
    while (!q->done) { /* the client's own time-outs bound this */
        bw_loop_turn(s->loop, true);
        if (progress && !q->done)
            progress_at(progress, bw_pg_answered(s->pg));
    }
    return q->ok;
}

bool session_query(struct session *s, const char *sql, int n, const char *const *params,
                   void (*handle)(void *ctx, const struct bw_pg_result *rows), void *ctx)
{
    struct query q = {.session = s, .handle = handle, .ctx = ctx};
    struct bw_pg_statement statement = {.sql = sql, .n_params = n, .params = params};
    return run_query(&q, &statement, 1, NULL);
}

bool session_transaction(struct session *s, const struct bw_pg_statement *statements, size_t n,
                         struct progress *progress)
{
    struct query q = {.session = s};
    return run_query(&q, statements, n, progress);
}

/* ---- Redis ---- */

struct command_call {
    struct session *session;
    bool done;
    bool ok;
    void (*handle)(void *ctx, const struct bw_reply *reply);
    void *ctx;
};

static void on_reply(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct command_call *c = ctx;
    c->done = true;
    c->ok = err == BW_OK && reply->type != BW_REPLY_ERROR;
    if (err != BW_OK)
        complain(c->session, "Redis", bw_err_text(err));
    else if (!c->ok)
        complain(c->session, "Redis", reply->str);
    else if (c->handle)
        c->handle(c->ctx, reply);
}

static bool wait_reply(const struct command_call *c, enum bw_err err)
{
    if (err != BW_OK) {
        complain(c->session, "Redis", bw_err_text(err));
        return false;
    }
    while (!c->done)
        bw_loop_turn(c->session->loop, true);
    return c->ok;
}

bool session_command(struct session *s, size_t argc, const char *const *argv,
                     void (*handle)(void *ctx, const struct bw_reply *reply), void *ctx)
{
    struct command_call c = {.session = s, .handle = handle, .ctx = ctx};
    return session_redis(s) && wait_reply(&c, bw_redis_command(s->redis, argc, argv, NULL, on_reply, &c));
}

bool session_eval(struct session *s, struct bw_script *script, size_t n_keys, size_t argc,
                  const char *const *argv, void (*handle)(void *ctx, const struct bw_reply *reply), void *ctx)
{
    struct command_call c = {.session = s, .handle = handle, .ctx = ctx};
    return session_redis(s) &&
           wait_reply(&c, bw_redis_eval(s->redis, script, n_keys, argc, argv, NULL, on_reply, &c));
}

/* ---- HTTP ---- */

struct http_call {
    bool done;
    bw_http_cb handle;
    void *ctx;
};

static void on_response(void *ctx, const struct bw_http_response *response)
{
    struct http_call *c = ctx;
    c->done = true;
    c->handle(c->ctx, response);
}

bool session_http(struct session *s, const struct bw_http_request *request, bw_http_cb handle, void *ctx)
{
    struct http_call c = {.handle = handle, .ctx = ctx};
    if (!s->http)
        s->http = bw_http_new(s->loop, "badgewatch/" BW_VERSION, 2);
    enum bw_err err = bw_http_start(s->http, request, on_response, &c, NULL);
    if (err != BW_OK) {
        failure("HTTP: %s", bw_err_text(err));
        return false;
    }
    while (!c.done)
        bw_loop_turn(s->loop, true);
    return true;
}
