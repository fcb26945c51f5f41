/* See fixture.h. */
#include "fixture.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void note_state(void *ctx, bool ready, const char *reason)
{
    struct client *c = ctx;

    if (c->states > 0 && c->ready == ready && strcmp(c->reason, reason) == 0)
        c->repeats++;
    c->states++;
    c->ready = ready;
    snprintf(c->reason, sizeof c->reason, "%s", reason);
    assert_int_equal(bw_redis_ready(c->r), ready);
    assert_string_equal(bw_redis_reason(c->r), reason);
}

void client_open(struct client *c, struct bw_loop *loop, const char *url,
                 const struct bw_redis_options *options)
{
    struct bw_redis_options o = options ? *options : (struct bw_redis_options){0};
    struct bw_error error = {0};

    *c = (struct client){.loop = loop};
    o.url = url;
    o.on_state = note_state;
    o.ctx = c;
    if (bw_redis_new(loop, &o, &c->r, &error))
        fail_msg("%s", error.text);
    assert_int_equal(c->states, 0); /* never from inside the call */
}

static void note_closed(void *ctx)
{
    *(bool *)ctx = true;
}

void client_close(struct client *c)
{
    bw_redis_close(c->r, 0, note_closed, &c->closed);
    assert_false(c->closed);
    LOOP_RUN_UNTIL(c->loop, c->closed, WAIT_MS);
    assert_int_equal(c->repeats, 0);
}

void keep_answer(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct answer *a = ctx;

    a->calls++;
    a->err = err;
    assert_int_equal(err == BW_OK, reply != NULL);
    if (!reply)
        return;
    a->type = reply->type;
    a->integer = reply->integer;
    a->len = reply->len;
    a->n = reply->n;
    snprintf(a->text, sizeof a->text, "%s", reply->str ? reply->str : "");
}

void send_words(struct client *c, struct answer *a, size_t n, const char *const *words)
{
    *a = (struct answer){0};
    assert_int_equal(bw_redis_command(c->r, n, words, NULL, keep_answer, a), BW_OK);
    assert_int_equal(a->calls, 0);
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    return ntohs(address.sin_port);
}

void server_open(struct server *s)
{
    *s = (struct server){0};
    if (access("/usr/bin/redis-server", X_OK) != 0)
        skip();
    snprintf(s->dir, sizeof s->dir, "/tmp/bw-redis-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    snprintf(s->socket_url, sizeof s->socket_url, "unix://%s/s", s->dir);
    s->port = free_port();
}

void server_start(struct server *s, const char *const *extra)
{
    char port[16];
    const char *args[32] = {"redis-server", "--port",       port,  "--bind",     "127.0.0.1", "--dir",
                            s->dir,         "--unixsocket", "s",   "--save",     "",          "--appendonly",
                            "no",           "--logfile",    "log", "--loglevel", "warning"};
    size_t n = 17;

    snprintf(port, sizeof port, "%d", s->port);
    for (; extra && *extra; extra++)
        args[n++] = *extra;
    assert_true(n < 32);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves no server behind */
        execv("/usr/bin/redis-server", (char *const *)(uintptr_t)args);
        _exit(127);
    }
}

void server_kill(struct server *s)
{
    if (s->pid <= 0)
        return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

void server_close(struct server *s)
{
    static const char *const files[] = {"s", "log", "dump.rdb"};
    char path[128];

    server_kill(s);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", s->dir, files[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(s->dir), 0);
}
