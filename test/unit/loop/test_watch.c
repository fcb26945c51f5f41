/* Watches of descriptors: reuse of a number, errors, pausing. */
#include "support/loop_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

struct got {
    int calls;
    int events;
    bool broken;
};

static void note(void *ctx, int events, bool broken)
{
    struct got *g = ctx;

    g->calls++;
    g->events |= events;
    g->broken = g->broken || broken;
}

static struct bw_watch *watch(struct bw_loop *loop, int fd, int events, struct got *got)
{
    struct bw_watch *w = NULL;

    assert_int_equal(bw_watch_new(loop, fd, note, got, &w), BW_OK);
    assert_int_equal(bw_watch_set(w, events), BW_OK);
    return w;
}

/* A pipe whose reading end has the wanted number. */
static void pipe_at(int fd, int pipefd[2])
{
    assert_int_equal(pipe(pipefd), 0);
    if (pipefd[0] != fd) {
        assert_int_equal(dup2(pipefd[0], fd), fd);
        close(pipefd[0]);
        pipefd[0] = fd;
    }
}

/* The number of a watched fd is closed and given to another fd within one turn: the new watch must fire, the old
 * one must not, and nothing may abort; for a watch that was active, paused, or had never run. */
static void poll_fd_reuse(void **state)
{
    struct bw_loop *loop = *state;
    enum { ACTIVE, PAUSED, FRESH, HOW_N };

    for (int how = 0; how < HOW_N; how++) {
        struct got before = {0}, after = {0};
        int old[2], new[2];

        assert_int_equal(pipe(old), 0);
        int fd = old[0];
        struct bw_watch *a = watch(loop, fd, BW_READABLE, &before);
        if (how != FRESH)
            bw_loop_turn(loop, false);
        if (how == PAUSED)
            assert_int_equal(bw_watch_set(a, 0), BW_OK);
        bw_watch_free(a);
        close(old[0]);
        close(old[1]);
        pipe_at(fd, new);
        struct bw_watch *b = watch(loop, fd, BW_READABLE, &after);
        assert_int_equal(write(new[1], "x", 1), 1);
        LOOP_RUN_UNTIL(loop, after.calls >= 2,
                       2000); /* level triggered: it stays, also after a's close ended */
        assert_int_equal(after.events, BW_READABLE);
        assert_int_equal(before.calls, 0);
        bw_watch_free(b);
        close(new[0]);
        close(new[1]);
    }
}

/* An fd that is watched already is an error, not an abort. */
static void second_watch_is_refused(void **state)
{
    struct bw_loop *loop = *state;
    struct got got = {0};
    int pipefd[2];
    struct bw_watch *second = NULL;

    assert_int_equal(pipe(pipefd), 0);
    struct bw_watch *first = watch(loop, pipefd[0], BW_READABLE, &got);
    assert_int_equal(bw_watch_new(loop, pipefd[0], note, &got, &second), BW_ERR_CONFLICT);
    assert_null(second);
    bw_watch_free(first);
    close(pipefd[0]);
    close(pipefd[1]);
}

static void bad_fd_is_an_error(void **state)
{
    struct bw_loop *loop = *state;
    struct got got = {0};
    struct bw_watch *w = NULL;
    int pipefd[2];

    assert_int_equal(pipe(pipefd), 0);
    close(pipefd[0]);
    close(pipefd[1]);
    assert_int_equal(bw_watch_new(loop, pipefd[0], note, &got, &w), BW_ERR_SYSTEM);
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC); /* epoll refuses plain files */
    assert_true(file >= 0);
    assert_int_equal(bw_watch_new(loop, file, note, &got, &w), BW_ERR_SYSTEM);
    assert_null(w);
    close(file);
    bw_watch_free(NULL);
}

/* libuv stops a handle whose fd has an error and hands over no events: the owner must hear of it. */
static void refused_connect_is_broken(void **state)
{
    struct bw_loop *loop = *state;
    struct got got = {0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    /* a port that is bound but does not listen refuses */
    int bound = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(bound, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(bound, (struct sockaddr *)&address, &len), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct bw_watch *w = NULL;
    (void)!connect(fd, (struct sockaddr *)&address, sizeof address); /* refused, now or in a moment */
    assert_int_equal(bw_watch_new(loop, fd, note, &got, &w), BW_OK);
    assert_int_equal(bw_watch_set(w, BW_WRITABLE), BW_OK);
    LOOP_RUN_UNTIL(loop, got.calls > 0, 2000);
    assert_true(got.broken);
    assert_int_equal(got.events, 0);
    bw_watch_free(w);
    close(fd);
    close(bound);
}

static void pause_and_change(void **state)
{
    struct bw_loop *loop = *state;
    struct got got = {0};
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct bw_watch *w = watch(loop, pair[0], BW_READABLE, &got);
    assert_int_equal(write(pair[1], "x", 1), 1);
    LOOP_RUN_UNTIL(loop, got.calls > 0, 2000);
    assert_int_equal(bw_watch_set(w, 0), BW_OK);
    got = (struct got){0};
    LOOP_RUN_FOR(loop, 20);
    assert_int_equal(got.calls, 0);
    assert_int_equal(bw_watch_set(w, BW_READABLE | BW_WRITABLE), BW_OK);
    LOOP_RUN_UNTIL(loop, got.events == (BW_READABLE | BW_WRITABLE), 2000);
    assert_int_equal(bw_watch_set(w, BW_WRITABLE), BW_OK);
    got = (struct got){0};
    LOOP_RUN_UNTIL(loop, got.calls > 0, 2000);
    assert_int_equal(got.events, BW_WRITABLE);
    bw_watch_free(w);
    close(pair[0]);
    close(pair[1]);
}

struct pair {
    struct bw_watch *other;
    int *calls;
};

static void free_the_other(void *ctx, int events, bool broken)
{
    struct pair *p = ctx;
    (void)events, (void)broken;

    ++*p->calls;
    bw_watch_free(p->other);
    p->other = NULL;
}

/* Two fds ready in one turn; the callback that comes first frees the other watch, which must stay silent. */
static void free_within_one_batch(void **state)
{
    struct bw_loop *loop = *state;
    int a[2], b[2], calls = 0;
    struct pair pa = {.calls = &calls}, pb = {.calls = &calls};
    struct bw_watch *wa = NULL, *wb = NULL;

    assert_int_equal(pipe(a), 0);
    assert_int_equal(pipe(b), 0);
    assert_int_equal(bw_watch_new(loop, a[0], free_the_other, &pa, &wa), BW_OK);
    assert_int_equal(bw_watch_new(loop, b[0], free_the_other, &pb, &wb), BW_OK);
    pa.other = wb;
    pb.other = wa;
    assert_int_equal(bw_watch_set(wa, BW_READABLE), BW_OK);
    assert_int_equal(bw_watch_set(wb, BW_READABLE), BW_OK);
    assert_int_equal(write(a[1], "x", 1), 1);
    assert_int_equal(write(b[1], "x", 1), 1);
    bw_loop_turn(loop, true);
    assert_int_equal(calls, 1);
    bw_watch_free(pa.other ? wb : wa);
    for (int i = 0; i < 2; i++) {
        close(a[i]);
        close(b[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(poll_fd_reuse, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(second_watch_is_refused, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(bad_fd_is_an_error, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(refused_connect_is_broken, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(pause_and_change, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(free_within_one_batch, loop_setup, loop_teardown),
    };
    return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
