/* Names of hosts: several addresses of one name, a name server that hangs, and closing between two addresses.
 *
 * getaddrinfo is this program's own, which libuv and libpq find before libc's: "six.test" is ::1 and then 127.0.0.1, as
 * localhost is on many machines, and the test's server listens on the second only; "stuck.test" hangs until the gate
 * opens. All else is libc's business. */
#include "fixture.h"
#include "support/peer.h"

#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pgserver *server;

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static bool gate_open;
static int inside; /* lookups that wait at the gate now */

static int real_lookup(const char *node, const char *service, const struct addrinfo *hints,
                       struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = NULL;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof(real)); /* ISO C knows no cast from an object to a function */
    return real(node, service, hints, out);
}

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the names in netdb.h are reserved
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    if (node && strcmp(node, "stuck.test") == 0) {
        pthread_mutex_lock(&gate);
        inside++;
        while (!gate_open)
            pthread_cond_wait(&gate_moved, &gate);
        inside--;
        pthread_cond_broadcast(&gate_moved);
        pthread_mutex_unlock(&gate);
        return EAI_NONAME;
    }
    if (!node || strcmp(node, "six.test") != 0)
        return real_lookup(node, service, hints, out);
    int failed = real_lookup("::1", service, NULL, out);
    if (failed)
        return failed;
    struct addrinfo *last = *out;
    while (last->ai_next)
        last = last->ai_next;
    return real_lookup("127.0.0.1", service, NULL, &last->ai_next);
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

static int start_server(void **state)
{
    (void)state;
    server = pgserver_new();
    pgserver_database(server, "t");
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    pgserver_free(server);
    return 0;
}

static const struct bw_pg_options quick = {
    .reconnect_min_ms = 5, .reconnect_max_ms = 50, .connect_timeout_ms = 300};

/* The first address of the name refuses, the second is the server: nobody is told of a failure. */
static void second_address_of_a_name(void **state)
{
    struct client c;
    struct answer a;
    char url[PGSERVER_URL];
    pgserver_tcp_url(server, "postgres", "six.test", "t", url);
    client_open(&c, *state, url, &quick);
    LOOP_RUN_UNTIL(*state, c.ready, WAIT_MS);
    assert_int_equal(c.states, 1);
    ask(&c, &a, "SELECT host(inet_server_addr())");
    assert_string_equal(a.value, "127.0.0.1");
    answer_free(&a);
    client_close(&c);
}

/* A name server that hangs costs the time of one host, and nothing but that host: the time-out of the connection tried
 * before it is no longer running. */
static void stuck_name_gives_way_to_the_next(void **state)
{
    struct peer *refusing = peer_new_refusing();
    struct client c;
    char url[PGSERVER_URL];
    set_gate(false);
    snprintf(url, sizeof(url), "host=127.0.0.1,stuck.test,%s port=%d,%d,%d user=postgres dbname=t",
             pgserver_folder(server), peer_port(refusing), pgserver_port(server), pgserver_port(server));
    client_open(&c, *state, url, &quick);
    LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
    if (!c.ready)
        fail_msg("%s", c.reason);
    client_close(&c);
    set_gate(true);
    peer_free(refusing);
}

static void stuck_name_is_the_reason(void **state)
{
    struct client c;
    set_gate(false);
    client_open(&c, *state, "postgresql://u:geheim@stuck.test/t", &quick);
    LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
    assert_string_equal(c.reason, "host 'stuck.test': its name was not resolved in time");
    client_close(&c);
    set_gate(true);
}

/* Closed when the refusal of the first host is on its way: the second, which hangs, is not begun. */
static void close_between_two_addresses(void **state)
{
    static const struct peer_step hang[] = {PEER_HANG, PEER_END};
    static const struct bw_pg_options slow = {.connect_timeout_ms = 20000};
    struct peer *refusing = peer_new_refusing(), *hanging = peer_new_tcp();
    char urls[2][PGSERVER_URL];
    peer_script(hanging, hang);
    snprintf(urls[0], PGSERVER_URL, "postgresql://u@127.0.0.1:%d,127.0.0.1:%d/t", peer_port(refusing),
             peer_port(hanging));
    snprintf(urls[1], PGSERVER_URL, "postgresql://u@six.test:%d/t", peer_port(hanging));
    for (size_t i = 0; i < 2; i++) {
        for (int turns = 0; turns < 8; turns++) {
            struct client c;
            client_open(&c, *state, urls[i], &slow);
            for (int k = 0; k < turns; k++)
                bw_loop_turn(*state, k < 2); /* it waits for its first timer, later there may be nothing */
            client_close_start(&c, WAIT_MS);
            LOOP_RUN_UNTIL(*state, c.closed, 3000);
            assert_int_equal(c.states, 0);
        }
    }
    peer_free(refusing);
    peer_free(hanging);
}

/* Numbers that no integer holds: the connection is tried all the same. */
static void connect_timeout_of_the_url(void **state)
{
    static const char *const seconds[] = {
        "99999999999999999999", "9223372036854775807", "-99999999999999999999", "-5", "0", "2"};
    for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        const struct bw_pg_options options = {.reconnect_min_ms = 5, .reconnect_max_ms = 50};
        struct client c;
        char url[PGSERVER_URL], more[64];
        snprintf(more, sizeof(more), "&connect_timeout=%s", seconds[i]);
        pgserver_url(server, "t", more, url);
        client_open(&c, *state, url, &options);
        LOOP_RUN_UNTIL(*state, c.states > 0, WAIT_MS);
        assert_true(c.ready);
        client_close(&c);
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, loop_setup, loop_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(second_address_of_a_name),    T(stuck_name_gives_way_to_the_next), T(stuck_name_is_the_reason),
        T(close_between_two_addresses), T(connect_timeout_of_the_url),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
