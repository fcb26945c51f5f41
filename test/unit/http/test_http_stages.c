/* Cancel and close at each stage of a call, name lookups that hang among them.
 *
 * getaddrinfo is this program's own, which the dynamic linker gives to libcurl before libc's: "stuck.test" hangs
 * for three seconds or until the gate opens, all else is libc's. */
#include "http_fixture.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static int inside;

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the names in netdb.h are reserved
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    struct timespec end;

    pthread_mutex_lock(&gate);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(node, "stuck.test") != 0) {
        pthread_mutex_unlock(&gate);
        return real(node, service, hints, out);
    }
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 3;
    inside++;
    while (!gate_open && pthread_cond_timedwait(&gate_moved, &gate, &end) == 0) {
    }
    inside--;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate);
    return EAI_NONAME;
}

static int lookups_inside(void)
{
    pthread_mutex_lock(&gate);
    int n = inside;
    pthread_mutex_unlock(&gate);
    return n;
}

static void set_gate(bool open)
{
    pthread_mutex_lock(&gate);
    gate_open = open;
    pthread_cond_broadcast(&gate_moved);
    while (open && inside > 0)
        pthread_cond_wait(&gate_moved, &gate);
    pthread_mutex_unlock(&gate);
}

struct pulse {
    struct bw_timer *timer;
    struct bw_mono last;
    int64_t longest;
    int beats;
};

static void beat(void *ctx)
{
    struct pulse *p = ctx;
    struct bw_mono now = bw_mono_now();

    if (now.ms - p->last.ms > p->longest)
        p->longest = now.ms - p->last.ms;
    p->last = now;
    p->beats++;
    bw_timer_start(p->timer, 10);
}

/* Time-out, cancel and close of calls whose name lookup hangs: the loop turns all the while. */
static void http_dns_stall_does_not_block(void **state)
{
    struct client *c = *state;
    struct got timed = {0}, cancelled = {0}, closed = {0};
    struct pulse p = {.last = bw_mono_now()};
    struct bw_http_request request = {.url = "http://stuck.test/?key=secret", .connect_timeout_ms = 300};

    set_gate(false);
    p.timer = bw_timer_new(c->loop, beat, &p);
    bw_timer_start(p.timer, 10);
    assert_int_equal(bw_http_start(c->http, &request, note_response, &timed, NULL), BW_OK);
    request.connect_timeout_ms = 0;
    assert_int_equal(bw_http_start(c->http, &request, note_response, &cancelled, &cancelled.call), BW_OK);
    assert_int_equal(bw_http_start(c->http, &request, note_response, &closed, NULL), BW_OK);
    LOOP_RUN_UNTIL(c->loop, lookups_inside() == 3, 2000);
    LOOP_RUN_UNTIL(c->loop, timed.calls == 1, 2000);
    assert_int_equal(timed.r.err, BW_ERR_TIMEOUT);
    assert_false(timed.r.sent);
    assert_null(strstr(timed.r.reason, "secret"));
    bw_http_cancel(cancelled.call);
    LOOP_RUN_UNTIL(c->loop, cancelled.calls == 1, 2000);
    assert_false(cancelled.r.sent);
    bw_http_close(c->http, note_closed, c);
    c->http = NULL;
    LOOP_RUN_UNTIL(c->loop, c->closed == 1, 2000);
    assert_int_equal(closed.r.err, BW_ERR_CLOSED);
    assert_int_equal(lookups_inside(), 3); /* all of that while they still hung */
    assert_true(p.longest < 1000);
    assert_true(p.beats >= 10);
    bw_timer_free(p.timer);
    set_gate(true);
}

static const struct peer_step hang_in_body[] = {
    PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), PEER_HANG};
static const struct peer_step answer[] = {
    PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), PEER_AGAIN};

static void cancel_tells_once_and_later(void **state)
{
    struct client *c = *state;
    struct peer *peer = peer_new_tcp();

    peer_script(peer, hang_in_body);
    for (int turns = 0; turns < 8; turns++) {
        const struct bw_http_request request = {.url = url_of(peer, "/"), .stall_ms = 5000};
        struct got got = {0};
        assert_int_equal(bw_http_start(c->http, &request, note_response, &got, &got.call), BW_OK);
        for (int i = 0; i < turns && i < 3; i++)
            bw_loop_turn(c->loop, false);
        for (int i = 3; i < turns; i++)
            LOOP_RUN_FOR(c->loop, 5);
        assert_int_equal(got.calls, 0);
        bw_http_cancel(got.call);
        bw_http_cancel(got.call);
        assert_int_equal(got.calls, 0);
        assert_int_equal(bw_http_in_flight(c->http), 1);
        LOOP_RUN_UNTIL(c->loop, got.calls > 0, 2000);
        LOOP_RUN_FOR(c->loop, 5);
        assert_int_equal(got.calls, 1);
        assert_int_equal(got.r.err, BW_ERR_CLOSED);
        assert_string_equal(got.r.reason, "cancelled");
        if (turns == 0)
            assert_false(got.r.sent);
    }
    peer_free(peer);
}

/* Close after 0, 1, 2 and more turns, with calls at all stages: each owner is told once, and nothing is left. */
static void http_shutdown_inflight(void **state)
{
    (void)state;
    set_gate(false);
    for (int turns = 0; turns < 10; turns++) {
        struct peer *hanging = peer_new_tcp(), *refusing = peer_new_refusing(), *good = peer_new_tcp();
        struct client c = {.loop = bw_loop_new()};
        enum { KINDS = 4, N = 8 };
        struct got *got = calloc(N, sizeof *got);
        char urls[KINDS][128];

        c.http = bw_http_new(c.loop, "test", 2); /* so that some wait for a connection */
        peer_script(hanging, hang_in_body);
        peer_script(good, answer);
        snprintf(urls[0], sizeof urls[0], "%s", url_of(hanging, "/"));
        snprintf(urls[1], sizeof urls[1], "%s", url_of(refusing, "/"));
        snprintf(urls[2], sizeof urls[2], "%s", url_of(good, "/"));
        snprintf(urls[3], sizeof urls[3], "http://stuck.test/");
        for (size_t i = 0; i < N; i++) {
            const struct bw_http_request request = {
                .url = urls[i % KINDS], .idempotent = i < KINDS, .stall_ms = 10000};
            assert_int_equal(bw_http_start(c.http, &request, note_response, &got[i], &got[i].call), BW_OK);
        }
        for (int i = 0; i < turns && i < 3; i++)
            bw_loop_turn(c.loop, false);
        for (int i = 3; i < turns; i++)
            LOOP_RUN_FOR(c.loop, 5);
        if (got[0].calls == 0 && turns % 2)
            bw_http_cancel(got[0].call); /* a cancelled call that was not told yet */
        bw_http_close(c.http, note_closed, &c);
        assert_int_equal(c.closed, 0);
        LOOP_RUN_UNTIL(c.loop, c.closed > 0, 2000);
        assert_int_equal(c.closed, 1);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(got[i].calls, 1);
            if (i % KINDS == 0 || i % KINDS == 3)
                assert_int_equal(got[i].r.err, BW_ERR_CLOSED);
        }
        LOOP_FREE(c.loop);
        free(got);
        peer_free(hanging);
        peer_free(refusing);
        peer_free(good);
    }
    set_gate(true);
}

/* bw_http_close with no callback, and the loop freed right after: bw_loop_free runs what is left. */
static void loop_freed_right_after_close(void **state)
{
    (void)state;
    struct bw_loop *loop = bw_loop_new();
    struct bw_http *http = bw_http_new(loop, "test", 4);
    struct peer *peer = peer_new_tcp();
    struct got got = {0};
    const struct bw_http_request request = {.url = url_of(peer, "/")};

    peer_script(peer, hang_in_body);
    assert_int_equal(bw_http_start(http, &request, note_response, &got, NULL), BW_OK);
    bw_loop_turn(loop, true);
    bw_http_close(http, NULL, NULL);
    LOOP_FREE(loop);
    assert_int_equal(got.calls, 1);
    assert_int_equal(got.r.err, BW_ERR_CLOSED);
    peer_free(peer);
}

struct chain {
    struct client *c;
    const char *url;
    struct got *victim; /* cancelled from the first callback */
    int calls;
    enum bw_err after_close;
    bool close_in_callback;
};

static void next_in_chain(void *ctx, const struct bw_http_response *response)
{
    struct chain *chain = ctx;
    const struct bw_http_request request = {.url = chain->url, .idempotent = true};

    assert_int_equal(response->err, BW_OK);
    if (++chain->calls == 1)
        bw_http_cancel(chain->victim->call);
    if (chain->calls < 5) {
        assert_int_equal(bw_http_start(chain->c->http, &request, next_in_chain, chain, NULL), BW_OK);
        return;
    }
    if (chain->close_in_callback) {
        bw_http_close(chain->c->http, note_closed, chain->c);
        chain->after_close = bw_http_start(chain->c->http, &request, next_in_chain, chain, NULL);
        chain->c->http = NULL;
    }
}

/* Owners start, cancel and close from their callbacks. */
static void callbacks_may_use_the_client(void **state)
{
    struct client *c = *state;
    struct peer *peer = peer_new_tcp(), *hanging = peer_new_tcp();
    char url[128];
    struct got victim = {0}, other = {0};
    struct chain chain = {.c = c, .url = url, .victim = &victim, .close_in_callback = true};

    peer_script(peer, answer);
    peer_script(hanging, hang_in_body);
    struct bw_http_request request = {.url = url_of(hanging, "/")};
    assert_int_equal(bw_http_start(c->http, &request, note_response, &victim, &victim.call), BW_OK);
    assert_int_equal(bw_http_start(c->http, &request, note_response, &other, NULL), BW_OK);
    snprintf(url, sizeof url, "%s", url_of(peer, "/"));
    request.url = url;
    request.idempotent = true;
    assert_int_equal(bw_http_start(c->http, &request, next_in_chain, &chain, NULL), BW_OK);
    LOOP_RUN_UNTIL(c->loop, c->closed > 0, 5000);
    assert_int_equal(chain.calls, 5);
    assert_int_equal(chain.after_close, BW_ERR_CLOSED);
    assert_int_equal(victim.calls, 1);
    assert_int_equal(victim.r.err, BW_ERR_CLOSED);
    assert_int_equal(other.calls, 1);
    assert_int_equal(peer_accepted(peer), 1); /* one pooled connection served all five */
    peer_free(peer);
    peer_free(hanging);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(http_dns_stall_does_not_block, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(cancel_tells_once_and_later, client_setup, client_teardown),
        cmocka_unit_test(http_shutdown_inflight),
        cmocka_unit_test(loop_freed_right_after_close),
        cmocka_unit_test_setup_teardown(callbacks_may_use_the_client, client_setup, client_teardown),
    };
    return cmocka_run_group_tests_name("http_stages", tests, NULL, NULL);
}
