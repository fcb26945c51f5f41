/* The client: when to connect, to which address, who waits for an answer, and how it ends.
 *
 * Happy way: the timer starts a connection: the name is looked up in the pool, since hiredis would do it in
 * the loop's thread; the addresses are tried in turn; the greeting makes it ready. One timer serves each phase
 * (see redis_phase). Commands go into the queue and are answered from its head.
 *
 * How it fails: every end of a connection goes through bw_redis_lose with a reason: the state is told, what
 * was in flight is answered with an error, once, and the next try is set with a back-off that is reset only by
 * a greeting that succeeded, so a wrong password is not tried in a tight loop. Callbacks run when the client
 * is not ready already, so a command issued in one is refused, not queued for nowhere.
 *
 * A command that is not answered in time ends the connection: its answer would otherwise be taken for the
 * answer to the next one. So does an answer by which the server says that it became a replica or forgot who we are:
 * the name may lead to another by now. A server that only refuses writes is kept (note_refusal). */
#include "client_p.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    CONNECT_TIMEOUT_MS = 5000,
    COMMAND_TIMEOUT_MS = 10000,
    RECONNECT_MIN_MS = 100,
    RECONNECT_MAX_MS = 5000,
    MAX_PENDING = 10000,
    MAX_CLIENT_NAME = 64
};

/* ---- state ---- */

void bw_redis_set_state(struct bw_redis *r, enum redis_phase phase, const char *reason)
{
    bool was_ready = r->phase == REDIS_READY;
    bool ready = phase == REDIS_READY;
    bool same = was_ready == ready && strcmp(r->reason, reason) == 0;

    r->phase = phase;
    if (same)
        return;
    snprintf(r->reason, sizeof r->reason, "%s", reason);
    bw_log_debug("redis", "%s%s", ready ? "ready" : "not ready: ", r->reason);
    if (r->on_state && !r->closing)
        r->on_state(r->on_state_ctx, ready, r->reason);
}

bool bw_redis_ready(const struct bw_redis *r)
{
    return r->phase == REDIS_READY && !r->closing;
}

const char *bw_redis_reason(const struct bw_redis *r)
{
    return bw_redis_ready(r) ? r->refusal : r->reason;
}

const char *bw_redis_refusal(const struct bw_redis *r)
{
    return r->refusal;
}

bool bw_redis_writable(const struct bw_redis *r)
{
    return bw_redis_ready(r) && !r->refusal[0];
}

void bw_redis_accepted(struct bw_redis *r)
{
    if (!r->refusal[0])
        return;
    r->refusal[0] = '\0';
    if (r->on_writes && !r->closing)
        r->on_writes(r->on_state_ctx, true, "");
}

/* The first text stays: those of scripts end with a place in the script, and differ. */
static void note_refusal(struct bw_redis *r, const char *error)
{
    static const char *const codes[] = {"MISCONF ", "OOM ", "NOREPLICAS "};

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strncmp(error, codes[i], strlen(codes[i])) != 0)
            continue;
        if (strncmp(error, r->refusal, strlen(codes[i])) == 0)
            return;
        snprintf(r->refusal, sizeof r->refusal, "%.*s", (int)strcspn(error, "\r\n"), error);
        if (r->on_writes && !r->closing)
            r->on_writes(r->on_state_ctx, false, r->refusal);
        return;
    }
}

size_t bw_redis_pending(const struct bw_redis *r)
{
    return r->phase == REDIS_READY ? r->queue.n : 0; /* the greeting is nobody's command */
}

/* ---- end of a connection ---- */

static void answer(const struct redis_command *c, enum bw_err err, const struct bw_reply *reply)
{
    if (c->cb)
        c->cb(c->ctx, err, reply);
}

/* Answers what waits; the queue is cut off first, so that nothing a callback does can touch it. */
static void fail_all(struct bw_redis *r, enum bw_err first, enum bw_err rest)
{
    struct redis_queue queue = r->queue;
    struct redis_command *c = NULL;

    r->queue = (struct redis_queue){0};
    for (enum bw_err err = first; (c = bw_redis_queue_pop(&queue)) != NULL; err = rest) {
        answer(c, err, NULL);
        bw_redis_command_free(c);
    }
}

static void try_later(struct bw_redis *r)
{
    if (r->closing)
        bw_timer_start(r->close_timer, 1); /* nothing left to wait for */
    else
        bw_timer_start(r->timer, bw_backoff_next(&r->backoff, bw_random()));
}

/* Why, and with which server; the socket's path has at most 107 bytes. */
static void at_server(const struct bw_redis *r, const char *reason, char out[REDIS_REASON])
{
    const struct redis_target *t = &r->target;

    if (t->path)
        snprintf(out, REDIS_REASON, "%.140s (%.110s)", reason, t->path);
    else
        snprintf(out, REDIS_REASON, "%.140s (%.100s:%d)", reason, t->host, t->port);
}

void bw_redis_lose(struct bw_redis *r, enum bw_err first, const char *reason)
{
    char copy[REDIS_REASON];

    at_server(r, reason, copy); /* a copy: it may live in what is closed now */
    bw_timer_stop(r->timer);
    bw_resolve_cancel(r->resolve);
    r->resolve = NULL;
    bw_redis_link_close(&r->link);
    r->refusal[0] = '\0';
    bw_redis_set_state(r, REDIS_WAITING, copy);
    fail_all(r, first, BW_ERR_UNAVAILABLE);
    try_later(r);
}

/* ---- connecting ---- */

static void try_address(struct bw_redis *r)
{
    char reason[REDIS_REASON] = "no address";

    r->phase = REDIS_CONNECTING;
    while (r->tried < r->n_addresses) {
        const char *address = r->addresses[(r->first + r->tried++) % r->n_addresses];
        if (bw_redis_link_open(&r->link, r->target.path, address, r->target.port, reason))
            return;
    }
    bw_redis_lose(r, BW_ERR_UNAVAILABLE, reason);
}

static void keep_address(struct bw_redis *r, const char *text)
{
    if (strlen(text) < REDIS_ADDRESS_TEXT)
        snprintf(r->addresses[r->n_addresses++], REDIS_ADDRESS_TEXT, "%s", text);
}

static void resolved(void *ctx, enum bw_err err, const char *address)
{
    struct bw_redis *r = ctx;

    if (err) {
        r->resolve = NULL;
        bw_redis_lose(r, BW_ERR_UNAVAILABLE, err == BW_ERR_NOT_FOUND ? "name not known" : bw_err_text(err));
        return;
    }
    for (size_t i = 0; address && i < REDIS_ADDRESSES; i++) {
        keep_address(r, address);
        address = bw_resolve_address(r->resolve, i + 1);
    }
    r->resolve = NULL;
    try_address(r);
}

static void begin(struct bw_redis *r)
{
    bw_timer_start(r->timer, r->connect_timeout_ms);
    r->tried = 0;
    r->n_addresses = 0;
    if (r->target.path) {
        r->n_addresses = 1;
        try_address(r);
        return;
    }
    r->phase = REDIS_RESOLVING;
    r->resolve = bw_resolve_start(r->loop, r->target.host, r->connect_timeout_ms, resolved, r);
}

static void link_up(void *ctx)
{
    struct bw_redis *r = ctx;

    r->phase = REDIS_GREETING;
    bw_redis_greet(r);
}

static void link_down(void *ctx, const char *reason)
{
    struct bw_redis *r = ctx;

    bw_redis_link_close(&r->link);
    if (r->phase == REDIS_CONNECTING && r->tried < r->n_addresses)
        try_address(r); /* "localhost": ::1 refuses, 127.0.0.1 may not */
    else
        bw_redis_lose(r, BW_ERR_UNAVAILABLE, reason);
}

/* ---- commands ---- */

static void link_answered(void *ctx, struct redis_command *command, const struct bw_reply *reply)
{
    struct bw_redis *r = ctx;
    bool refused =
        r->phase == REDIS_READY && reply->type == BW_REPLY_ERROR; /* the greeting judges for itself */
    const char *unfit = refused ? bw_redis_unfit(reply->str) : NULL;

    if (unfit) /* for the callbacks of this command and those behind it; lost with the connection, below */
        snprintf(r->refusal, sizeof r->refusal, "%s", unfit);
    else if (refused)
        note_refusal(r, reply->str);
    answer(command, BW_OK, reply);
    if (unfit && r->phase == REDIS_READY)
        bw_redis_lose(r, BW_ERR_UNAVAILABLE, unfit);
    if (r->closing && r->queue.n == 0)
        bw_timer_start(r->close_timer, 1);
}

static void command_overdue(struct bw_redis *r)
{
    const struct redis_command *oldest = r->queue.head;
    char reason[REDIS_REASON];

    if (!oldest)
        return;
    int64_t left = oldest->sent.ms + r->command_timeout_ms - bw_mono_now().ms;
    if (left > 0 || r->overdue != oldest) {
        /* libuv runs timers before it looks at sockets: after a long turn the answer may be there already */
        r->overdue = left > 0 ? NULL : oldest;
        bw_timer_start(r->timer, left);
        return;
    }
    snprintf(reason, sizeof reason, "no answer within %lld ms", (long long)r->command_timeout_ms);
    bw_redis_lose(r, BW_ERR_TIMEOUT, reason);
}

static void connect_overdue(struct bw_redis *r)
{
    static const char *const what[] = {
        [REDIS_RESOLVING] = "no answer about its name",
        [REDIS_CONNECTING] = "no connection",
        [REDIS_GREETING] = "connected, but no answer",
    };
    char reason[REDIS_REASON];

    r->first++;
    snprintf(reason, sizeof reason, "%s within %lld ms", what[r->phase], (long long)r->connect_timeout_ms);
    bw_redis_lose(r, BW_ERR_UNAVAILABLE, reason);
}

static void timer_fired(void *ctx)
{
    struct bw_redis *r = ctx;

    if (r->phase == REDIS_READY)
        command_overdue(r);
    else if (r->phase != REDIS_WAITING)
        connect_overdue(r);
    else if (!r->closing)
        begin(r);
}

void bw_redis_send(struct bw_redis *r, struct redis_command *c, bw_redis_cb cb, void *ctx)
{
    c->cb = cb;
    c->ctx = ctx;
    c->sent = bw_mono_now();
    bw_redis_queue_push(&r->queue, c);
    bw_redis_link_kick(&r->link);
    if (r->phase == REDIS_READY && !bw_timer_active(r->timer))
        bw_timer_start(r->timer, r->command_timeout_ms);
}

enum bw_err bw_redis_can_send(const struct bw_redis *r)
{
    if (r->closing)
        return BW_ERR_CLOSED;
    if (r->phase != REDIS_READY)
        return BW_ERR_UNAVAILABLE;
    if (r->queue.n >= r->max_pending || r->queue.unwritten_bytes >= REDIS_MAX_QUEUE)
        return BW_ERR_BUSY;
    return BW_OK;
}

/* These are not answered once each, so everything after them would get the wrong answer. */
static bool is_unsuitable(const char *name, size_t len)
{
    static const char *const words[] = {"subscribe",    "psubscribe", "ssubscribe", "unsubscribe",
                                        "punsubscribe", "monitor",    "quit",       "sunsubscribe",
                                        "reset",        "hello"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strlen(words[i]) == len && strncasecmp(words[i], name, len) == 0)
            return true;
    return false;
}

enum bw_err bw_redis_command(struct bw_redis *r, size_t argc, const char *const *argv, const size_t *lens,
                             bw_redis_cb cb, void *ctx)
{
    const struct redis_args args = {.argc = argc, .argv = argv, .lens = lens};
    struct redis_command *c = NULL;
    enum bw_err err = bw_redis_can_send(r);

    if (!err && argc > 0 && is_unsuitable(argv[0], lens ? lens[0] : strlen(argv[0])))
        err = BW_ERR_UNSUPPORTED;
    if (!err)
        err = bw_redis_command_new(&args, NULL, &c);
    if (!err)
        bw_redis_send(r, c, cb, ctx);
    return err;
}

/* ---- life ---- */

static void finish(void *ctx)
{
    struct bw_redis *r = ctx;
    void (*closed)(void *) = r->closed;
    void *closed_ctx = r->closed_ctx;

    bw_resolve_cancel(r->resolve);
    bw_redis_link_close(&r->link);
    bw_redis_link_fini(&r->link);
    r->phase = REDIS_WAITING;
    fail_all(r, BW_ERR_CLOSED, BW_ERR_CLOSED);
    bw_timer_free(r->timer);
    bw_timer_free(r->close_timer);
    bw_redis_target_fini(&r->target);
    free(r->client_name);
    free(r);
    if (closed)
        closed(closed_ctx);
}

void bw_redis_close(struct bw_redis *r, int64_t drain_ms, void (*closed)(void *ctx), void *ctx)
{
    assert(!r->closing);
    r->closing = true;
    r->closed = closed;
    r->closed_ctx = ctx;
    bw_timer_start(r->close_timer, bw_redis_pending(r) > 0 ? drain_ms : 1);
}

static bool is_client_name(const char *name)
{
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++)
        if (name[i] <= ' ' || name[i] > '~')
            return false;
    return len > 0 && len <= MAX_CLIENT_NAME;
}

static int64_t or_else(int64_t value, int64_t otherwise)
{
    return value > 0 ? value : otherwise;
}

enum bw_err bw_redis_new(struct bw_loop *loop, const struct bw_redis_options *options, struct bw_redis **out,
                         struct bw_error *error)
{
    static const struct redis_link_owner owner = {link_up, link_answered, link_down};
    struct redis_target target;
    enum bw_err err = bw_redis_target_parse(options->url, &target, error);

    if (err)
        return err;
    if (options->client_name && !is_client_name(options->client_name)) {
        bw_redis_target_fini(&target);
        return bw_error_set(error, BW_ERR_INVALID, "'%s' cannot be the name of a Redis client",
                            options->client_name);
    }
    struct bw_redis *r = bw_alloc(sizeof *r);
    r->loop = loop;
    r->target = target;
    r->client_name = bw_strdup(options->client_name);
    r->connect_timeout_ms = or_else(options->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    r->command_timeout_ms = or_else(options->command_timeout_ms, COMMAND_TIMEOUT_MS);
    r->max_pending = options->max_pending > 0 ? options->max_pending : MAX_PENDING;
    r->read_write = options->read_write;
    r->on_state = options->on_state;
    r->on_writes = options->on_writes;
    r->on_state_ctx = options->ctx;
    bw_backoff_init(&r->backoff, or_else(options->reconnect_min_ms, RECONNECT_MIN_MS),
                    or_else(options->reconnect_max_ms, RECONNECT_MAX_MS));
    bw_redis_link_init(&r->link, loop, &r->queue, &owner, r);
    snprintf(r->reason, sizeof r->reason, "connecting");
    r->timer = bw_timer_new(loop, timer_fired, r);
    r->close_timer = bw_timer_new(loop, finish, r);
    bw_timer_start(r->timer, 1);
    *out = r;
    return BW_OK;
}
