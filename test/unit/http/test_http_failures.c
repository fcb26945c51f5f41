/* Bad peers: what is told, whether the request counts as sent, and that no text shows a secret. */
#include "http_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "s3cr3tkey"
static const char secret_path[] = "/services/" SECRET "path?key=" SECRET "&asin=B0D8W1YVBX";

enum where { LISTENING, REFUSING };
enum sent { NOT_SENT, SENT, EITHER };

struct failure {
    const char *name;
    enum where where;
    struct peer_step script[5];
    struct bw_http_request request;
    const char *scheme; /* instead of http */
    enum bw_err err;
    enum sent sent;
    long status;
};

static enum bw_err refuse_body(void *ctx, const char *data, size_t len)
{
    (void)ctx, (void)data, (void)len;
    return BW_ERR_DENIED;
}

static char big_header[300000];

static const struct failure failures[] = {
    {"refused", REFUSING, {PEER_END}, {.timeout_ms = 3000}, NULL, BW_ERR_UNAVAILABLE, NOT_SENT, 0},
    {"refused post", REFUSING, {PEER_END}, {.method = BW_HTTP_POST}, NULL, BW_ERR_UNAVAILABLE, NOT_SENT, 0},
    {"too late to begin", /* the fence of core/delivery.h: whoever looks for it later must be sure that it is not out */
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")},
     {.method = BW_HTTP_POST, .body = "{}", .body_len = 2, .begin_by = {1}},
     NULL,
     BW_ERR_TIMEOUT,
     NOT_SENT,
     0},
    {"hangs after the request",
     LISTENING,
     {PEER_READ_REQUEST, PEER_HANG},
     {.method = BW_HTTP_POST, .timeout_ms = 150},
     NULL,
     BW_ERR_TIMEOUT,
     SENT,
     0},
    {"hangs in the answer",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), PEER_HANG},
     {.timeout_ms = 150},
     NULL,
     BW_ERR_TIMEOUT,
     SENT,
     200},
    {"stalls before the answer",
     LISTENING,
     {PEER_READ_REQUEST, PEER_HANG},
     {.stall_ms = 120, .idempotent = true},
     NULL,
     BW_ERR_TIMEOUT,
     SENT,
     0},
    {"stalls in the answer",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), PEER_HANG},
     {.stall_ms = 120},
     NULL,
     BW_ERR_TIMEOUT,
     SENT,
     200},
    {"reset on accept",
     LISTENING,
     {PEER_RESET},
     {.method = BW_HTTP_POST},
     NULL,
     BW_ERR_UNAVAILABLE,
     EITHER, /* whether libcurl saw the connection up first is a race */
     0},
    {"reset after the request",
     LISTENING,
     {PEER_READ_REQUEST, PEER_RESET},
     {.method = BW_HTTP_POST, .body = "{}", .body_len = 2},
     NULL,
     BW_ERR_UNAVAILABLE,
     SENT,
     0},
    {"closed without an answer",
     LISTENING,
     {PEER_READ_REQUEST, PEER_END},
     {.method = BW_HTTP_POST},
     NULL,
     BW_ERR_UNAVAILABLE,
     SENT,
     0},
    {"closed in the head",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Le"), PEER_END},
     {.idempotent = true},
     NULL,
     BW_ERR_UNAVAILABLE,
     SENT,
     200},
    {"closed after the status line",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n"), PEER_END},
     {.method = BW_HTTP_POST},
     NULL,
     BW_ERR_UNAVAILABLE,
     SENT,
     200},
    {"closed after an interim answer",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"), PEER_END},
     {.method = BW_HTTP_POST},
     NULL,
     BW_ERR_UNAVAILABLE,
     SENT,
     103},
    {"closed in the body",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"), PEER_END},
     {.idempotent = true},
     NULL,
     BW_ERR_UNAVAILABLE,
     SENT,
     200},
    {"closed between chunks",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
      PEER_END},
     {.idempotent = true},
     NULL,
     BW_ERR_UNAVAILABLE,
     SENT,
     200},
    {"bad chunk",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"),
      PEER_END},
     {.idempotent = true},
     NULL,
     BW_ERR_UNAVAILABLE,
     SENT,
     200},
    {"not HTTP",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("220 mail.example ESMTP\r\n\r\n"), PEER_END},
     {.idempotent = true},
     NULL,
     BW_ERR_PROTOCOL,
     SENT,
     0},
    {"unknown encoding",
     LISTENING,
     {PEER_READ_REQUEST,
      PEER_SEND("HTTP/1.1 200 OK\r\nContent-Encoding: rot13\r\nContent-Length: 3\r\n\r\nabc"), PEER_END},
     {.idempotent = true},
     NULL,
     BW_ERR_PROTOCOL,
     SENT,
     200},
    {"too big",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\n0123456789"), PEER_END},
     {.max_body = 9},
     NULL,
     BW_ERR_TOO_BIG,
     SENT,
     500},
    {"headers without end",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n"), PEER_SEND(big_header), PEER_HANG},
     {.timeout_ms = 3000},
     NULL,
     BW_ERR_TOO_BIG,
     SENT,
     200},
    {"body refused by the owner",
     LISTENING,
     {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"), PEER_END},
     {.on_body = refuse_body},
     NULL,
     BW_ERR_DENIED,
     SENT,
     200},
    {"no TLS on the other side",
     LISTENING,
     {PEER_READ_MORE, PEER_SEND("HTTP/1.1 400 Bad Request\r\n\r\n"), PEER_END},
     {.method = BW_HTTP_POST},
     "https",
     BW_ERR_UNAVAILABLE,
     NOT_SENT,
     0},
    {"TLS hangs",
     LISTENING,
     {PEER_READ_MORE, PEER_HANG},
     {.method = BW_HTTP_POST, .connect_timeout_ms = 150},
     "https",
     BW_ERR_TIMEOUT,
     NOT_SENT,
     0},
};

static void each_failure(void **state)
{
    struct client *c = *state;

    static const char line[] = "X-Filler: 0123456789abcdefgh\r\n";
    for (size_t at = 0; at + 1 < sizeof big_header; at++)
        big_header[at] = line[at % (sizeof line - 1)];
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        const struct failure *f = &failures[i];
        struct peer *peer = f->where == REFUSING ? peer_new_refusing() : peer_new_tcp();
        struct bw_http_request request = f->request;
        struct got got;
        char url[256];

        peer_script(peer, f->script);
        snprintf(url, sizeof url, "%s://127.0.0.1:%d%s", f->scheme ? f->scheme : "http", peer_port(peer),
                 secret_path);
        request.url = url;
        fetch(c, &request, &got);
        bool sent_ok = f->sent == EITHER || got.r.sent == (f->sent == SENT);
        if (got.r.err != f->err || !sent_ok || got.r.status != f->status)
            fail_msg("%s: error %d sent %d status %ld ('%s')", f->name, (int)got.r.err, got.r.sent,
                     got.r.status, got.r.reason);
        assert_false(got.r.body_complete);
        if (got.r.reason[0] == '\0' || strstr(got.r.reason, SECRET) || strstr(got.r.reason, "B0D8W1YVBX"))
            fail_msg("%s: reason '%s'", f->name, got.r.reason);
        assert_true(peer_accepted(peer) <= 1); /* nothing was sent twice */
        assert_int_equal(bw_http_in_flight(c->http), 0);
        peer_free(peer);
    }
}

/* The connection is cut hard within the body, for a pooled connection too: an answer that has begun is never
 * asked for again by libcurl. */
static void http_rst_midbody(void **state)
{
    struct client *c = *state;
    static const struct peer_step script[] = {
        PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), PEER_READ_REQUEST,
        PEER_DRIP("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc", 0, 43, 20), PEER_RESET};
    struct peer *peer = peer_new_tcp();
    struct got got;
    const struct bw_http_request request = {.url = url_of(peer, "/"), .idempotent = true};

    peer_script(peer, script);
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_OK);
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_ERR_UNAVAILABLE);
    assert_true(got.r.sent);
    assert_int_equal(got.r.status, 200);
    assert_false(got.r.body_complete);
    assert_int_equal(peer_accepted(peer), 1);
    peer_free(peer);
}

static const struct peer_step one_then_dead[] = {PEER_READ_REQUEST,
                                                 PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
                                                 PEER_READ_REQUEST, PEER_END};
static const struct peer_step dead[] = {PEER_READ_REQUEST, PEER_END};

static size_t requests_seen(struct peer *peer)
{
    size_t n = 0;

    for (size_t i = 0; i < peer_accepted(peer); i++)
        for (const char *at = peer_received(peer, i); (at = strstr(at, " HTTP/1.1\r\n")) != NULL; at++)
            n++;
    return n;
}

/* A pooled connection that dies under the request: an idempotent one is sent again on a new connection, once. */
static void dead_pooled_connection_is_retried_once(void **state)
{
    struct client *c = *state;
    struct peer *peer = peer_new_tcp();
    struct got got;
    const struct bw_http_request request = {.url = url_of(peer, "/"), .idempotent = true};

    peer_script(peer, one_then_dead);
    peer_script(peer, one_then_dead);
    peer_script(peer, dead);
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_OK);
    fetch(c, &request, &got); /* dies on connection 0, answered on connection 1 */
    assert_int_equal(got.r.err, BW_OK);
    assert_string_equal(got.body, "ok");
    assert_int_equal(peer_accepted(peer), 2);
    fetch(c, &request, &got); /* dies on connection 1, and on the new one too: no third time */
    assert_int_equal(got.r.err, BW_ERR_UNAVAILABLE);
    assert_true(got.r.sent);
    assert_int_equal(peer_accepted(peer), 3);
    assert_int_equal(requests_seen(peer), 5);
    peer_free(peer);
}

/* The same for a request that is not idempotent: it does not take the pooled connection and is sent once. */
static void post_is_never_sent_twice(void **state)
{
    struct client *c = *state;
    struct peer *peer = peer_new_tcp();
    struct got got;
    struct bw_http_request request = {.url = url_of(peer, "/"), .idempotent = true};

    peer_script(peer, one_then_dead);
    peer_script(peer, dead);
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_OK);
    request = (struct bw_http_request){
        .method = BW_HTTP_POST, .url = url_of(peer, "/"), .body = "{}", .body_len = 2};
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_ERR_UNAVAILABLE);
    assert_true(got.r.sent);
    LOOP_RUN_FOR(c->loop, 50);
    assert_int_equal(peer_accepted(peer), 2);
    assert_int_equal(requests_seen(peer), 2);
    peer_free(peer);
}

/* Slow is not stalled: bytes arrive more often than stall_ms, for longer than it. */
static void slow_drip_is_not_a_stall(void **state)
{
    struct client *c = *state;
    static const struct peer_step script[] = {PEER_READ_REQUEST,
                                              PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"),
                                              PEER_DRIP("01234567890123456789", 20, 1, 30), PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct got got;

    peer_script(peer, script);
    fetch(c, &(struct bw_http_request){.url = url_of(peer, "/"), .stall_ms = 400}, &got);
    assert_int_equal(got.r.err, BW_OK);
    assert_true(got.r.total_s >= 0.5);
    assert_string_equal(got.body, "01234567890123456789");
    peer_free(peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_failure, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(http_rst_midbody, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(dead_pooled_connection_is_retried_once, client_setup,
                                        client_teardown),
        cmocka_unit_test_setup_teardown(post_is_never_sent_twice, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(slow_drip_is_not_a_stall, client_setup, client_teardown),
    };
    return cmocka_run_group_tests_name("http_failures", tests, NULL, NULL);
}
