/* The HTTP edge. See http.h.
 *
 * Traps of libmicrohttpd 0.9.75 that shape this file: the first call of the access handler has no body yet; a
 * content reader that returns 0 without suspending spins; suspended connections must be resumed before the daemon
 * stops; without MHD_get_timeout the edge-triggered sockets are forgotten. */
#include "http.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"
#include "listener.h"
#include "state.h"
#include "stream.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define MAX_CONNECTIONS 1024U
#define IDLE_S          75U
#define SAVE_EVERY_MS   5000

/* One request of one connection, from its first line until MHD says it is complete. */
struct exchange {
    struct sim_http *http;
    struct MHD_Connection *connection;
    struct sim_request request;
    struct sim_response response;
    bool handled;
    bool waiting; /* suspended, on the list */
    int64_t due_ms;
    LIST_ENTRY(exchange) entry;
};

struct sim_http {
    struct sim *sim;
    struct MHD_Daemon *daemon;
    struct sim_listener listeners[SIM_MAX_LISTEN];
    size_t n_listeners;
    int signals;
    int epoll;
    bool stop;
    int64_t saved_ms;
    LIST_HEAD(, exchange) waiting;
};

static void wait_until(struct exchange *x, int64_t due_ms)
{
    x->due_ms = due_ms;
    x->waiting = true;
    LIST_INSERT_HEAD(&x->http->waiting, x, entry);
    MHD_suspend_connection(x->connection);
}

static void go_on(struct exchange *x)
{
    LIST_REMOVE(x, entry);
    x->waiting = false;
    MHD_resume_connection(x->connection);
}

static enum MHD_Result add_arg(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    (void)kind;
    sim_request_add_arg(cls, key, value);
    return MHD_YES;
}

static char *copy_header(struct MHD_Connection *c, const char *name)
{
    return bw_strdup(MHD_lookup_connection_value(c, MHD_HEADER_KIND, name));
}

static struct exchange *begin(struct sim_http *http, struct MHD_Connection *c, const char *method,
                              const char *path)
{
    struct exchange *x = bw_alloc(sizeof *x);
    x->http = http;
    x->connection = c;
    sim_request_init(&x->request, method, path);
    sim_response_init(&x->response);
    MHD_get_connection_values(c, MHD_GET_ARGUMENT_KIND, add_arg, &x->request);
    x->request.authorization = copy_header(c, "Authorization");
    x->request.content_type = copy_header(c, "Content-Type");
    const char *accept = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Accept-Encoding");
    x->request.accept_gzip = accept && strstr(accept, "gzip");
    return x;
}

/* A disconnect of a TCP socket (connect to AF_UNSPEC) sends RST at once, whatever the library does afterwards. */
static void reset_connection(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    if (info)
        (void)connect(info->connect_fd, &none, sizeof none);
}

struct sending { /* of a streamed body; freed with the MHD response */
    struct exchange *exchange;
    struct sim_stream *stream;
};

static ssize_t read_stream(void *cls, uint64_t position, char *out, size_t max)
{
    struct sending *s = cls;
    size_t n = 0;
    (void)position;
    switch (sim_stream_read(s->stream, out, max, &n)) {
    case SIM_MORE:
        return (ssize_t)n;
    case SIM_PAUSE:
        wait_until(s->exchange, bw_mono_now().ms + s->exchange->response.drip_ms);
        return 0;
    case SIM_CUT:
        reset_connection(s->exchange->connection);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    default:
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
}

static void free_stream(void *cls)
{
    struct sending *s = cls;
    sim_stream_free(s->stream);
    free(s);
}

static struct MHD_Response *stream_response(struct exchange *x)
{
    struct sending *s = bw_alloc(sizeof *s);
    s->exchange = x;
    s->stream = sim_stream_new(&x->response);
    int64_t length = sim_stream_length(s->stream);
    return MHD_create_response_from_callback(length < 0 ? MHD_SIZE_UNKNOWN : (uint64_t)length, 32768,
                                             read_stream, s, free_stream);
}

static struct MHD_Response *whole_response(struct exchange *x)
{
    size_t n = 0;
    char *data = bw_buf_take(&x->response.body, &n);
    if (!data)
        data = bw_alloc(1);
    return MHD_create_response_from_buffer(n, data, MHD_RESPMEM_MUST_FREE);
}

static enum MHD_Result send_answer(struct exchange *x)
{
    struct sim_response *r = &x->response;
    char date[32];
    if (r->delivery == SIM_CLOSE)
        return MHD_NO;
    bool truncate = r->delivery == SIM_TRUNCATE;
    bool streamed = r->delivery != SIM_SEND && !truncate;
    bool gzip = truncate || (r->gzip && r->body.len > 0);
    if (gzip && r->delivery != SIM_SEND_HUGE)
        sim_gzip(&r->body);
    if (truncate)
        r->body.len /= 2;
    struct MHD_Response *m = streamed ? stream_response(x) : whole_response(x);
    sim_http_date(r->date_ms, date);
    MHD_add_response_header(m, "Date", date);
    MHD_add_response_header(m, "Content-Type", r->content_type);
    if (gzip)
        MHD_add_response_header(m, "Content-Encoding", "gzip");
    for (size_t i = 0; i < r->n_headers; i++)
        MHD_add_response_header(m, r->headers[i].name, r->headers[i].value);
    enum MHD_Result result = MHD_queue_response(x->connection, (unsigned)r->status, m);
    MHD_destroy_response(m);
    return result;
}

static void refuse(struct sim_http *http, const struct sim_response *r)
{
    for (size_t i = 0; i < http->n_listeners; i++)
        if (r->refuse_port == 0 || r->refuse_port == sim_listener_port(&http->listeners[i]))
            sim_listener_refuse(&http->listeners[i], bw_mono_now().ms + r->refuse_ms);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *path, const char *method,
                                  const char *version, const char *upload, size_t *upload_size,
                                  void **con_cls)
{
    struct sim_http *http = cls;
    struct exchange *x = *con_cls;
    (void)version;
    if (!x) {
        *con_cls = begin(http, c, method, path);
        return MHD_YES;
    }
    if (*upload_size > 0) {
        (void)bw_buf_add(&x->request.body, upload, *upload_size); /* too much is answered with 413 */
        *upload_size = 0;
        return MHD_YES;
    }
    if (!x->handled) {
        x->handled = true;
        sim_handle(http->sim, &x->request, &x->response);
        if (x->response.refuse_ms > 0)
            refuse(http, &x->response);
        if (x->response.delay_ms > 0) {
            wait_until(x, bw_mono_now().ms + x->response.delay_ms);
            return MHD_YES; /* called again once resumed */
        }
    }
    return send_answer(x);
}

static void on_complete(void *cls, struct MHD_Connection *c, void **con_cls,
                        enum MHD_RequestTerminationCode code)
{
    struct exchange *x = *con_cls;
    (void)cls;
    (void)c;
    (void)code;
    if (!x)
        return;
    if (x->waiting)
        LIST_REMOVE(x, entry);
    sim_request_fini(&x->request);
    sim_response_fini(&x->response);
    free(x);
    *con_cls = NULL;
}

static enum bw_err open_signals(struct sim_http *http, struct bw_error *error)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0)
        http->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (http->signals < 0)
        return bw_error_set(error, BW_ERR_SYSTEM, "signalfd: %s", strerror(errno));
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
    return BW_OK;
}

static enum bw_err start_daemon(struct sim_http *http, struct bw_error *error)
{
    unsigned flags =
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    http->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, http, MHD_OPTION_CONNECTION_LIMIT,
                                    MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
                                    MHD_OPTION_NOTIFY_COMPLETED, on_complete, NULL, MHD_OPTION_END);
    if (!http->daemon)
        return bw_error_set(error, BW_ERR_SYSTEM, "the HTTP server did not start");
    http->epoll = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    return BW_OK;
}

enum bw_err sim_http_new(struct sim *sim, struct sim_http **out, struct bw_error *error)
{
    struct sim_http *http = bw_alloc(sizeof *http);
    http->sim = sim;
    http->signals = -1;
    LIST_INIT(&http->waiting);
    enum bw_err err = BW_OK;
    for (size_t i = 0; i < sim->args->n_listen && err == BW_OK; i++) {
        err = sim_listener_open(&http->listeners[i], sim->args->listen[i], sim->args->open, error);
        http->n_listeners = i + 1;
    }
    if (err == BW_OK)
        err = open_signals(http, error);
    if (err == BW_OK)
        err = start_daemon(http, error);
    if (err != BW_OK)
        sim_http_free(http);
    else
        *out = http;
    return err;
}

bool sim_http_url(const struct sim_http *http, size_t i, char out[80])
{
    if (i >= http->n_listeners)
        return false;
    sim_listener_url(&http->listeners[i], out);
    return true;
}

static void accept_all(struct sim_http *http, struct sim_listener *l)
{
    while (l->fd >= 0) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        int one = 1;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        (void)MHD_add_connection(http->daemon, fd, (struct sockaddr *)&from,
                                 len); /* closes fd if it is one too many */
    }
}

static void earlier(int64_t *wait, int64_t ms)
{
    if (ms < 0)
        ms = 0;
    if (ms < *wait)
        *wait = ms;
}

static int next_timeout(struct sim_http *http, int64_t now)
{
    int64_t wait = SAVE_EVERY_MS;
    MHD_UNSIGNED_LONG_LONG mhd = 0;
    struct exchange *x;
    if (MHD_get_timeout(http->daemon, &mhd) == MHD_YES && mhd < SAVE_EVERY_MS)
        wait = (int64_t)mhd;
    LIST_FOREACH (x, &http->waiting, entry)
        earlier(&wait, x->due_ms - now);
    for (size_t i = 0; i < http->n_listeners; i++)
        if (http->listeners[i].fd < 0)
            earlier(&wait, http->listeners[i].reopen_ms - now);
    return (int)wait;
}

static void resume_due(struct sim_http *http, int64_t now)
{
    struct exchange *x = LIST_FIRST(&http->waiting);
    while (x) {
        struct exchange *next = LIST_NEXT(x, entry);
        if (x->due_ms <= now)
            go_on(x);
        x = next;
    }
}

static void turn(struct sim_http *http)
{
    struct pollfd fds[SIM_MAX_LISTEN + 2];
    nfds_t n = 0;
    fds[n++] = (struct pollfd){.fd = http->epoll, .events = POLLIN};
    fds[n++] = (struct pollfd){.fd = http->signals, .events = POLLIN};
    for (size_t i = 0; i < http->n_listeners; i++) /* poll passes over negative descriptors */
        fds[n++] = (struct pollfd){.fd = http->listeners[i].fd, .events = POLLIN};
    (void)poll(fds, n, next_timeout(http, bw_mono_now().ms));
    int64_t now = bw_mono_now().ms;
    for (size_t i = 0; i < http->n_listeners; i++) {
        sim_listener_reopen(&http->listeners[i], now);
        accept_all(http, &http->listeners[i]);
    }
    resume_due(http, now);
    MHD_run(http->daemon);
    if (fds[1].revents)
        http->stop = true;
    if (now - http->saved_ms >= SAVE_EVERY_MS) {
        sim_state_save(http->sim);
        http->saved_ms = now;
    }
}

void sim_http_run(struct sim_http *http)
{
    http->saved_ms = bw_mono_now().ms;
    sim_state_save(http->sim);
    while (!http->stop)
        turn(http);
}

void sim_http_free(struct sim_http *http)
{
    if (!http)
        return;
    for (size_t i = 0; i < http->n_listeners; i++)
        sim_listener_close(&http->listeners[i]);
    while (!LIST_EMPTY(&http->waiting))
        go_on(LIST_FIRST(&http->waiting));
    if (http->daemon) {
        MHD_run(http->daemon); /* takes the resumed connections back, or MHD_stop_daemon panics */
        while (!LIST_EMPTY(&http->waiting)) /* one of them may have paused again */
            go_on(LIST_FIRST(&http->waiting));
        MHD_stop_daemon(http->daemon);
    }
    if (http->signals >= 0)
        close(http->signals);
    free(http);
}
