/* libmicrohttpd 0.9.75 on our loop.
 *
 * Happy way: the daemon runs without a thread on an epoll fd of its own, which the loop watches. Each event,
 * and a timer that it asks for, leads to pump(): MHD_run, then set the timer again. A request that passes
 * the guard goes to the handler; while the handler has no answer yet the connection is suspended.
 *
 * How it fails: a client that is slow, mute or gone costs one of the max_connections places until its
 * deadline; further ones wait in the listen queue.
 *
 * Traps met here. MHD_get_timeout is not optional: client sockets are edge triggered inside its epoll, and a
 * connection that it has put aside as ready is not reported again. With all places taken it stops to listen,
 * and looks at that only at the beginning of MHD_run, so one more run must follow when a place is free. A
 * handler that has no answer must suspend, else MHD_run is called without end. The first call of the access
 * handler for a request comes before its body; one that answers there makes libmicrohttpd drop the connection,
 * so it waits for the last. Its time-out counts from the last byte, so a byte now and then holds a place for
 * ever: sweep() has a deadline for the whole. MHD_stop_daemon panics while connections are suspended: all are
 * resumed before. And it writes its log to stderr unless a logger is the first option. What it refuses by
 * itself, before any callback (a broken request line, headers over 64 KB), is answered with its own short HTML
 * text. */
#include "status_p.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "listen.h"

enum {
    MAX_CONNECTIONS = 64,
    TIMEOUT_MS = 10000,
    SEND_FACTOR = 6,              /* a whole answer may take this many time-outs, a stop in it only one */
    CONNECTION_MEMORY = 64 * 1024 /* request line and headers */
};

/* ---- pump ---- */

static void pump(struct bw_status *s)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;

    s->place_freed = false;
    MHD_run(s->daemon);
    if (s->closing)
        return;
    if (s->place_freed)
        bw_timer_start(s->pump_timer, 1);
    else if (MHD_get_timeout(s->daemon, &ms) == MHD_YES)
        bw_timer_start(s->pump_timer, ms > TIMEOUT_MS ? TIMEOUT_MS : (int64_t)ms);
    else
        bw_timer_stop(s->pump_timer);
}

static void epoll_ready(void *ctx, int events, bool broken)
{
    (void)events;
    if (broken)
        bw_log_error("status", "the status port's epoll reported an error");
    pump(ctx);
}

static void pump_due(void *ctx)
{
    pump(ctx);
}

/* ---- connections ---- */

static void set_phase(struct status_connection *c, enum status_phase phase)
{
    if (!c || c->phase == STATUS_CUT)
        return;
    c->phase = phase;
    c->since = bw_mono_now();
}

/* Often enough that a deadline is met within a quarter of it. */
static int64_t sweep_every(const struct bw_status *s)
{
    return s->timeout_ms / 4 < 1000 ? s->timeout_ms / 4 : 1000;
}

static void sweep(void *ctx)
{
    struct bw_status *s = ctx;
    struct status_connection *c = NULL;
    int64_t now = bw_mono_now().ms;

    LIST_FOREACH (c, &s->connections, link) {
        int64_t limit = c->phase == STATUS_SENDING ? SEND_FACTOR * s->timeout_ms : s->timeout_ms;
        if (c->phase == STATUS_PENDING || c->phase == STATUS_CUT || now - c->since.ms < limit)
            continue;
        c->phase = STATUS_CUT;
        shutdown(c->fd, SHUT_RDWR); /* libmicrohttpd owns the fd: it sees the end and closes it */
    }
    if (!LIST_EMPTY(&s->connections))
        bw_timer_start(s->sweep_timer, sweep_every(s));
}

/* Another trap: of a request that the library gives up after its own time-out, the end may never be told; of one whose
 * arguments had no room in its memory it is not. */
static void forget(struct status_connection *c)
{
    assert(!c->exchange || !c->exchange->seen);
    if (c->exchange)
        bw_exchange_free(c->exchange);
    c->exchange = NULL;
}

static void connection_changed(void *ctx, struct MHD_Connection *connection, void **socket_context,
                               enum MHD_ConnectionNotificationCode code)
{
    struct bw_status *s = ctx;
    struct status_connection *c = *socket_context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        c = bw_alloc(sizeof *c);
        c->fd = info->connect_fd;
        set_phase(c, STATUS_RECEIVING);
        LIST_INSERT_HEAD(&s->connections, c, link);
        *socket_context = c;
        if (!bw_timer_active(s->sweep_timer))
            bw_timer_start(s->sweep_timer, sweep_every(s));
    } else if (c) {
        LIST_REMOVE(c, link);
        forget(c);
        free(c);
        *socket_context = NULL;
        s->place_freed = true;
    }
}

/* ---- requests ---- */

/* The first that is known of a request. uri is not decoded yet; NULL where there is none. */
static void *request_begun(void *ctx, const char *uri, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct bw_exchange *e = bw_alloc(sizeof *e);

    e->s = ctx;
    e->connection = connection;
    e->peer = info ? info->socket_context : NULL;
    if (e->peer) {
        forget(e->peer);
        e->peer->exchange = e;
    }
    e->uri = bw_strndup(uri ? uri : "", strnlen(uri ? uri : "", STATUS_MAX_URI + 1));
    return e;
}

static void request_ended(void *ctx, struct MHD_Connection *connection, void **con_cls,
                          enum MHD_RequestTerminationCode code)
{
    struct bw_exchange *e = *con_cls;

    (void)ctx;
    (void)connection;
    (void)code;
    *con_cls = NULL;
    if (!e)
        return;
    set_phase(e->peer, STATUS_RECEIVING);
    if (e->peer)
        e->peer->exchange = NULL;
    e->connection = NULL;
    e->s = NULL;
    if (!e->handed || e->response || e->status)
        bw_exchange_free(e);
    /* else the handler still owes a reply, which frees it */
}

static enum MHD_Result send_response(struct bw_exchange *e)
{
    enum MHD_Result result = MHD_queue_response(e->connection, e->status, e->response);

    MHD_destroy_response(e->response);
    e->response = NULL;
    set_phase(e->peer, STATUS_SENDING);
    return result;
}

static void hand_over(struct bw_exchange *e, const char *path)
{
    e->handed = true;
    set_phase(e->peer, STATUS_PENDING);
    e->s->handler(e->s->ctx, e, path);
}

static enum MHD_Result access_request(void *ctx, struct MHD_Connection *connection, const char *path,
                                      const char *method, const char *version, const char *upload,
                                      size_t *upload_size, void **con_cls)
{
    struct bw_exchange *e = *con_cls;

    (void)connection;
    (void)upload;
    if (!e->seen) {
        e->seen = true;
        return bw_guard_refuse_body(e, method) ? send_response(e) : MHD_YES;
    }
    if (*upload_size > 0) { /* small, and of no use */
        *upload_size = 0;
        return MHD_YES;
    }
    if (!e->response && bw_guard_admit(e, path, method, version))
        hand_over(e, path);
    if (e->response)
        return send_response(e);
    struct bw_status *s = ctx;
    MHD_suspend_connection(e->connection);
    e->suspended = true;
    LIST_INSERT_HEAD(&s->suspended, e, link);
    return MHD_YES;
}

static void log_line(void *ctx, const char *fmt, va_list args) BW_PRINTF(2, 0);
static void log_line(void *ctx, const char *fmt, va_list args)
{
    char line[512];

    (void)ctx;
    vsnprintf(line, sizeof line, fmt, args);
    line[strcspn(line, "\n")] = '\0';
    bw_log_debug("status", "%s", line);
}

/* ---- life ---- */

static void finish(void *ctx)
{
    struct bw_status *s = ctx;
    struct bw_exchange *e = NULL;
    void (*closed)(void *) = s->closed;
    void *closed_ctx = s->closed_ctx;

    while ((e = LIST_FIRST(&s->suspended)) != NULL) {
        LIST_REMOVE(e, link);
        e->suspended = false;
        MHD_resume_connection(e->connection);
    }
    MHD_stop_daemon(s->daemon); /* ends every request: see request_ended */
    bw_timer_free(s->pump_timer);
    bw_timer_free(s->sweep_timer);
    bw_timer_free(s->close_timer);
    if (s->token) {
        explicit_bzero(s->token, strlen(s->token));
        explicit_bzero(s->cookie, strlen(s->cookie));
    }
    free(s->token);
    free(s->cookie);
    free(s);
    if (closed)
        closed(closed_ctx);
}

void bw_status_close(struct bw_status *s, void (*closed)(void *ctx), void *ctx)
{
    assert(!s->closing);
    s->closing = true;
    s->closed = closed;
    s->closed_ctx = ctx;
    bw_watch_free(s->watch); /* before libmicrohttpd closes its epoll fd */
    s->watch = NULL;
    bw_timer_stop(s->pump_timer);
    bw_timer_stop(s->sweep_timer);
    bw_timer_start(s->close_timer, 1); /* not here: the caller may be below MHD_run */
}

int bw_status_port(const struct bw_status *s)
{
    return s->port;
}

static void set_token(struct bw_status *s, const char *token)
{
    if (!token || token[0] == '\0')
        return;
    s->token = bw_strdup(token);
    s->cookie = bw_alloc(2 * strlen(token) + 1);
    for (size_t i = 0; token[i] != '\0'; i++)
        snprintf(s->cookie + 2 * i, 3, "%02x", (unsigned char)token[i]);
}

static struct MHD_Daemon *start_daemon(struct bw_status *s, const struct bw_status_options *options, int fd)
{
    unsigned limit = options->max_connections > 0 ? (unsigned)options->max_connections : MAX_CONNECTIONS;
    unsigned seconds = (unsigned)((s->timeout_ms + 999) / 1000);

    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL, access_request, s,
        MHD_OPTION_EXTERNAL_LOGGER, log_line, NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        limit, MHD_OPTION_CONNECTION_TIMEOUT, seconds, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY, MHD_OPTION_URI_LOG_CALLBACK, request_begun, s, MHD_OPTION_NOTIFY_COMPLETED,
        request_ended, NULL, MHD_OPTION_NOTIFY_CONNECTION, connection_changed, s, MHD_OPTION_END);
}

static enum bw_err watch_daemon(struct bw_status *s)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    enum bw_err err = info ? bw_watch_new(s->loop, info->epoll_fd, epoll_ready, s, &s->watch) : BW_ERR_SYSTEM;

    return err ? err : bw_watch_set(s->watch, BW_READABLE);
}

static enum bw_err check_reach(const struct listen_address *a, const struct bw_status_options *options,
                               struct bw_error *error)
{
    if (a->loopback || options->open || (options->token && options->token[0] != '\0'))
        return BW_OK;
    return bw_error_set(
        error, BW_ERR_INVALID,
        "'%s' can be reached from other machines: set a token (BADGEWATCH_STATUS_TOKEN), or say "
        "BADGEWATCH_STATUS_OPEN=yes",
        options->listen);
}

static enum bw_err find_address(const struct bw_status_options *options, struct listen_address *address,
                                struct bw_error *error)
{
    enum bw_err err = bw_listen_parse(options->listen, address, error);
    return err ? err : check_reach(address, options, error);
}

enum bw_err bw_status_check(const struct bw_status_options *options, struct bw_error *error)
{
    struct listen_address address;
    return find_address(options, &address, error);
}

enum bw_err bw_status_new(struct bw_loop *loop, const struct bw_status_options *options,
                          struct bw_status **out, struct bw_error *error)
{
    struct listen_address address;
    int fd = -1;
    int port = 0;
    enum bw_err err = find_address(options, &address, error);

    if (!err)
        err = bw_listen_open(&address, options->listen, &fd, &port, error);
    if (err)
        return err;
    struct bw_status *s = bw_alloc(sizeof *s);
    s->loop = loop;
    s->handler = options->handler;
    s->ctx = options->ctx;
    s->port = port;
    s->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
    set_token(s, options->token);
    s->check_host = address.loopback && !s->token;
    s->pump_timer = bw_timer_new(loop, pump_due, s);
    s->sweep_timer = bw_timer_new(loop, sweep, s);
    s->close_timer = bw_timer_new(loop, finish, s);
    s->daemon = start_daemon(s, options, fd); /* takes the socket, also when it fails */
    if (!s->daemon || watch_daemon(s)) {
        bw_watch_free(s->watch);
        finish(s);
        return bw_error_set(error, BW_ERR_SYSTEM, "cannot start the status port on %s", options->listen);
    }
    bw_timer_start(s->pump_timer, 1); /* the first pump lets it listen */
    *out = s;
    return BW_OK;
}
