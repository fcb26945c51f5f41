/* See peer.h. One thread accepts, one thread runs each connection; both wait in poll(2) together with the
 * reading end of a pipe that peer_free closes. */
#include "support/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNS = 512, MAX_SCRIPTS = 64, MAX_RECORD = 4 << 20, BACKLOG = 512 };

struct conn {
    struct peer *peer;
    pthread_t thread;
    int fd;
    const struct peer_step *steps;
    char *record; /* what MAX_RECORD asks for, doubled at most; grown under the peer's lock */
    size_t len, size;
    size_t used; /* how far the script's reads went; the connection's thread only */
    char *shown; /* the last copy given to the test */
};

struct peer {
    int fd;
    int port;
    int stop[2];
    pthread_t thread;
    bool listening;
    char path[108];
    pthread_mutex_t lock; /* all below, and each connection's record */
    const struct peer_step *scripts[MAX_SCRIPTS];
    size_t n_scripts;
    struct conn *conns[MAX_CONNS];
    size_t n_conns;
    size_t n_ended;
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
    abort();
}

static char *grow(char *p, size_t size)
{
    char *grown = realloc(p, size);

    if (!grown)
        abort();
    return grown;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* True when fd has one of the events; false when the peer stops or the time is over. fd may be -1. */
static bool wait_for(const struct peer *p, int fd, short events, int ms)
{
    int64_t end = now_ms() + ms;

    for (;;) {
        struct pollfd fds[] = {{.fd = p->stop[0], .events = POLLIN}, {.fd = fd, .events = events}};
        int64_t left = end - now_ms();
        int n = poll(fds, 2, ms < 0 ? -1 : left < 0 ? 0 : (int)left);
        if (n < 0 && errno == EINTR)
            continue;
        if (fds[0].revents != 0 || n <= 0)
            return false;
        if (fds[1].revents != 0)
            return true;
    }
}

static void record(struct conn *c, const char *data, size_t n)
{
    pthread_mutex_lock(&c->peer->lock);
    if (c->len + n > MAX_RECORD)
        n = MAX_RECORD - c->len;
    if (!c->record || c->len + n + 1 > c->size) {
        c->size = 2 * (c->len + n + 1); /* a sanitizer copies at each realloc */
        c->record = grow(c->record, c->size);
    }
    memcpy(c->record + c->len, data, n);
    c->len += n;
    c->record[c->len] = '\0';
    pthread_mutex_unlock(&c->peer->lock);
}

/* Reads what is there; false when the client is gone or the peer stops. */
static bool read_more(struct conn *c)
{
    char data[16384];

    if (!wait_for(c->peer, c->fd, POLLIN, -1))
        return false;
    ssize_t n = recv(c->fd, data, sizeof data, 0);
    if (n <= 0)
        return false;
    record(c, data, (size_t)n);
    return true;
}

static bool read_until(struct conn *c, const char *text)
{
    for (;;) {
        /* only this thread writes the record, so it may read it without the lock */
        const char *at = c->record ? memmem(c->record + c->used, c->len - c->used, text, strlen(text)) : NULL;
        if (at) {
            c->used = (size_t)(at - c->record) + strlen(text);
            return true;
        }
        if (!read_more(c))
            return false;
    }
}

static size_t content_length(const char *head, const char *end)
{
    static const char name[] = "\r\nContent-Length:";

    for (const char *at = head; at < end; at++)
        if (strncasecmp(at, name, sizeof name - 1) == 0)
            return strtoul(at + sizeof name - 1, NULL, 10);
    return 0;
}

static bool read_request(struct conn *c)
{
    size_t begin = c->used;

    if (!read_until(c, "\r\n\r\n"))
        return false;
    size_t body = content_length(c->record + begin, c->record + c->used);
    while (c->len < c->used + body && c->len < MAX_RECORD)
        if (!read_more(c))
            return false;
    c->used += body;
    return true;
}

static bool send_all(struct conn *c, const char *data, size_t len)
{
    while (len > 0) {
        if (!wait_for(c->peer, c->fd, POLLOUT, -1))
            return false;
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        }
    }
    return true;
}

/* A pause that ends early when the client closes. */
static bool pause_for(struct conn *c, int ms)
{
    int64_t end = now_ms() + ms;

    for (int64_t left = ms; left > 0; left = end - now_ms()) {
        if (wait_for(c->peer, c->fd, POLLIN, (int)left)) {
            if (!read_more(c))
                return false;
        } else if (now_ms() < end) {
            return false; /* the peer stops */
        }
    }
    return true;
}

static bool send_step(struct conn *c, const struct peer_step *step)
{
    size_t len = step->len ? step->len : strlen(step->data);
    size_t chunk = step->chunk ? step->chunk : len;

    for (size_t at = 0; at < len; at += chunk) {
        if (at > 0 && !pause_for(c, step->ms))
            return false;
        if (!send_all(c, step->data + at, len - at < chunk ? len - at : chunk))
            return false;
    }
    return true;
}

static bool run_step(struct conn *c, const struct peer_step *step)
{
    switch (step->op) {
    case PEER_OP_READ_UNTIL:
        return read_until(c, step->data);
    case PEER_OP_READ_REQUEST:
        return read_request(c);
    case PEER_OP_READ_MORE:
        if (!read_more(c))
            return false;
        c->used = c->len;
        return true;
    case PEER_OP_SEND:
        return send_step(c, step);
    case PEER_OP_PAUSE:
        return pause_for(c, step->ms);
    case PEER_OP_HANG:
        while (read_more(c)) {
        }
        return false;
    case PEER_OP_RESET: {
        const struct linger hard = {.l_onoff = 1, .l_linger = 0};
        must(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard) == 0, "SO_LINGER");
        return false;
    }
    case PEER_OP_END:
    case PEER_OP_AGAIN:
        break;
    }
    return false;
}

static void *serve(void *arg)
{
    struct conn *c = arg;
    size_t i = 0;

    while (run_step(c, &c->steps[i])) {
        i++;
        if (c->steps[i].op == PEER_OP_AGAIN)
            i = 0;
    }
    close(c->fd);
    pthread_mutex_lock(&c->peer->lock);
    c->peer->n_ended++;
    pthread_mutex_unlock(&c->peer->lock);
    return NULL;
}

static void add_conn(struct peer *p, int fd)
{
    struct conn *c = calloc(1, sizeof *c);
    int on = 1;

    must(c != NULL, "calloc");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails on a unix socket, which needs it not */
    c->peer = p;
    c->fd = fd;
    pthread_mutex_lock(&p->lock);
    must(p->n_scripts > 0 && p->n_conns < MAX_CONNS, "a connection without a script");
    c->steps = p->scripts[p->n_conns < p->n_scripts ? p->n_conns : p->n_scripts - 1];
    p->conns[p->n_conns++] = c;
    must(pthread_create(&c->thread, NULL, serve, c) == 0, "pthread_create");
    pthread_mutex_unlock(&p->lock);
}

static void *accept_all(void *arg)
{
    struct peer *p = arg;

    while (wait_for(p, p->fd, POLLIN, -1)) {
        int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            add_conn(p, fd);
    }
    return NULL;
}

static struct peer *new_peer(int family)
{
    struct peer *p = calloc(1, sizeof *p);

    must(p != NULL, "calloc");
    signal(SIGPIPE, SIG_IGN); /* as the daemon does; hiredis and libuv write without MSG_NOSIGNAL */
    must(pipe(p->stop) == 0, "pipe");
    must(pthread_mutex_init(&p->lock, NULL) == 0, "pthread_mutex_init");
    p->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(p->fd >= 0, "socket");
    return p;
}

struct peer *peer_new_refusing(void)
{
    struct peer *p = new_peer(AF_INET);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    must(bind(p->fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    must(getsockname(p->fd, (struct sockaddr *)&address, &len) == 0, "getsockname");
    p->port = ntohs(address.sin_port);
    return p;
}

void peer_listen(struct peer *p)
{
    must(listen(p->fd, BACKLOG) == 0, "listen");
    must(pthread_create(&p->thread, NULL, accept_all, p) == 0, "pthread_create");
    p->listening = true;
}

struct peer *peer_new_tcp(void)
{
    struct peer *p = peer_new_refusing();

    peer_listen(p);
    return p;
}

struct peer *peer_new_unix(const char *path)
{
    struct peer *p = new_peer(AF_UNIX);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    must(strlen(path) < sizeof address.sun_path, "path too long");
    memcpy(address.sun_path, path, strlen(path) + 1);
    memcpy(p->path, path, strlen(path) + 1);
    must(bind(p->fd, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    peer_listen(p);
    return p;
}

void peer_script(struct peer *p, const struct peer_step *steps)
{
    pthread_mutex_lock(&p->lock);
    must(p->n_scripts < MAX_SCRIPTS, "too many scripts");
    p->scripts[p->n_scripts++] = steps;
    pthread_mutex_unlock(&p->lock);
}

int peer_port(const struct peer *p)
{
    return p->port;
}

size_t peer_accepted(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    size_t n = p->n_conns;
    pthread_mutex_unlock(&p->lock);
    return n;
}

size_t peer_ended(struct peer *p)
{
    pthread_mutex_lock(&p->lock);
    size_t n = p->n_ended;
    pthread_mutex_unlock(&p->lock);
    return n;
}

const char *peer_received(struct peer *p, size_t i)
{
    const char *shown = "";

    pthread_mutex_lock(&p->lock);
    if (i < p->n_conns && p->conns[i]->record) {
        struct conn *c = p->conns[i];
        c->shown = grow(c->shown, c->len + 1);
        memcpy(c->shown, c->record, c->len + 1);
        shown = c->shown;
    }
    pthread_mutex_unlock(&p->lock);
    return shown;
}

size_t peer_received_len(struct peer *p, size_t i)
{
    pthread_mutex_lock(&p->lock);
    size_t len = i < p->n_conns ? p->conns[i]->len : 0;
    pthread_mutex_unlock(&p->lock);
    return len;
}

void peer_free(struct peer *p)
{
    if (!p)
        return;
    close(p->stop[1]); /* the reading end is now readable for every thread */
    if (p->listening)
        pthread_join(p->thread, NULL);
    for (size_t i = 0; i < p->n_conns; i++) {
        pthread_join(p->conns[i]->thread, NULL);
        free(p->conns[i]->record);
        free(p->conns[i]->shown);
        free(p->conns[i]);
    }
    close(p->stop[0]);
    close(p->fd);
    if (p->path[0] != '\0')
        unlink(p->path);
    pthread_mutex_destroy(&p->lock);
    free(p);
}
