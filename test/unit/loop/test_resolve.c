/* Name resolution: answers, deadline, cancel at each stage, a loop freed while a lookup hangs.
 *
 * getaddrinfo is this program's own, which the dynamic linker gives to libuv before libc's: "two.test" has two
 * addresses (one of them twice), "stuck.test" hangs until the gate opens, all else is unknown. */
#include "support/loop_fixture.h"

#include "badgewatch/base/clock.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static int inside; /* lookups that wait at the gate now */

static struct addrinfo *make_address(const char *text, struct addrinfo *next)
{
    struct room {
        struct addrinfo ai;
        struct sockaddr_in6 address;
    } *room = calloc(1, sizeof *room);

    room->ai.ai_addr = (struct sockaddr *)&room->address;
    room->ai.ai_next = next;
    if (strchr(text, ':')) {
        room->address.sin6_family = AF_INET6;
        room->ai.ai_addrlen = sizeof room->address;
        inet_pton(AF_INET6, text, &room->address.sin6_addr);
    } else {
        struct sockaddr_in v4 = {.sin_family = AF_INET};
        inet_pton(AF_INET, text, &v4.sin_addr);
        memcpy(&room->address, &v4, sizeof v4);
        room->ai.ai_addrlen = sizeof v4;
    }
    room->ai.ai_family = room->ai.ai_addr->sa_family;
    return &room->ai;
}

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the names in netdb.h are reserved
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    (void)service, (void)hints;
    if (strcmp(node, "stuck.test") == 0) {
        pthread_mutex_lock(&gate);
        inside++;
        pthread_cond_broadcast(&gate_moved);
        while (!gate_open)
            pthread_cond_wait(&gate_moved, &gate);
        inside--;
        pthread_mutex_unlock(&gate);
    } else if (strcmp(node, "two.test") != 0) {
        return EAI_NONAME;
    }
    *out = make_address("2001:db8::7", make_address("2001:db8::7", make_address("192.0.2.7", NULL)));
    return 0;
}

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
void freeaddrinfo(struct addrinfo *list)
{
    while (list) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

static void set_gate(bool open)
{
    pthread_mutex_lock(&gate);
    gate_open = open;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate);
}

static void wait_inside(int n)
{
    pthread_mutex_lock(&gate);
    while (inside < n)
        pthread_cond_wait(&gate_moved, &gate);
    pthread_mutex_unlock(&gate);
}

struct got {
    struct bw_resolve *r;
    int calls;
    enum bw_err err;
    char first[64], second[64];
    bool third;
};

static void note(void *ctx, enum bw_err err, const char *address)
{
    struct got *g = ctx;

    g->calls++;
    g->err = err;
    if (err != BW_OK) {
        assert_null(address);
        return;
    }
    assert_ptr_equal(address, bw_resolve_address(g->r, 0));
    strncpy(g->first, address, sizeof g->first - 1);
    if (bw_resolve_address(g->r, 1))
        strncpy(g->second, bw_resolve_address(g->r, 1), sizeof g->second - 1);
    g->third = bw_resolve_address(g->r, 2) != NULL;
}

static void start(struct bw_loop *loop, struct got *got, const char *host, int64_t timeout_ms)
{
    *got = (struct got){0};
    got->r = bw_resolve_start(loop, host, timeout_ms, note, got);
    assert_non_null(got->r);
    assert_int_equal(got->calls, 0); /* never from inside the call */
}

static void answers(void **state)
{
    struct bw_loop *loop = *state;
    static char too_long[4096];
    memset(too_long, 'a', sizeof too_long - 1);
    const struct {
        const char *host;
        enum bw_err err;
        const char *first, *second;
    } cases[] = {
        {"two.test", BW_OK, "2001:db8::7", "192.0.2.7"},
        {"127.0.0.1", BW_OK, "127.0.0.1", ""},
        {"::1", BW_OK, "::1", ""},
        {"unknown.test", BW_ERR_NOT_FOUND, "", ""},
        {"", BW_ERR_NOT_FOUND, "", ""},
        {too_long, BW_ERR_NOT_FOUND, "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct got got;
        start(loop, &got, cases[i].host, 5000);
        LOOP_RUN_UNTIL(loop, got.calls > 0, 3000);
        assert_int_equal(got.err, cases[i].err);
        assert_string_equal(got.first, cases[i].first);
        assert_string_equal(got.second, cases[i].second);
        assert_false(got.third);
    }
}

/* The pool's lookup threads all hang: the loop turns, each lookup ends at its own deadline whether it runs or is
 * queued, a numeric host is still answered, and late answers go nowhere. */
static void deadline_while_pool_hangs(void **state)
{
    struct bw_loop *loop = *state;
    struct got got[6], numeric;

    set_gate(false);
    struct bw_mono began = bw_mono_now();
    for (size_t i = 0; i < 6; i++)
        start(loop, &got[i], "stuck.test", 100);
    wait_inside(1);
    start(loop, &numeric, "10.0.0.1", 100);
    LOOP_RUN_UNTIL(loop, numeric.calls == 1, 90);
    assert_int_equal(numeric.err, BW_OK);
    for (size_t i = 0; i < 6; i++) {
        LOOP_RUN_UNTIL(loop, got[i].calls == 1, 2000);
        assert_int_equal(got[i].err, BW_ERR_TIMEOUT);
    }
    assert_true(bw_mono_now().ms - began.ms >= 99);
    set_gate(true);
    LOOP_RUN_FOR(loop, 20);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(got[i].calls, 1);
}

static void cancel_means_no_call(void **state)
{
    struct bw_loop *loop = *state;
    const char *hosts[] = {"two.test", "127.0.0.1", "", "stuck.test"};

    for (size_t h = 0; h < 4; h++) {
        for (int turns = 0; turns < 3; turns++) {
            struct got got;
            set_gate(false);
            start(loop, &got, hosts[h], 1000);
            for (int i = 0; i < turns && got.calls == 0; i++)
                bw_loop_turn(loop, false);
            int calls = got.calls;
            if (calls == 0)
                bw_resolve_cancel(got.r);
            set_gate(true);
            LOOP_RUN_FOR(loop, 10);
            assert_int_equal(got.calls, calls);
        }
    }
    bw_resolve_cancel(NULL);
}

/* A lookup that no one can stop outlives bw_loop_free's patience: it says so, keeps the memory that the thread
 * will write to, and does not hang. */
static void free_while_lookup_hangs(void **state)
{
    (void)state;
    static struct bw_loop *loop; /* static: the leak check sees its owner */
    struct got got;

    loop = bw_loop_new();
    set_gate(false);
    start(loop, &got, "stuck.test", 1000);
    wait_inside(1);
    bw_resolve_cancel(got.r);
    struct bw_mono began = bw_mono_now();
    assert_int_equal(bw_loop_free(loop), 1);
    assert_true(bw_mono_now().ms - began.ms < 4000);
    set_gate(true);
    uv_run(bw_loop_uv(loop), UV_RUN_DEFAULT); /* the thread gives its memory back */
    assert_int_equal(uv_loop_close(bw_loop_uv(loop)), 0);
    assert_int_equal(got.calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(deadline_while_pool_hangs, loop_setup, loop_teardown),
        cmocka_unit_test_setup_teardown(cancel_means_no_call, loop_setup, loop_teardown),
        cmocka_unit_test(free_while_lookup_hangs),
    };
    return cmocka_run_group_tests_name("resolve", tests, NULL, NULL);
}
