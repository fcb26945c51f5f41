/* Failures of libcurl's multi and of the loop's watches, which no peer can cause: the two calls are wrapped at
 * link time and fail on order. All calls end as unavailable, and the next one works. */
#include "http_fixture.h"

#include <curl/curl.h>
#include <string.h>

static int fail_action_at = -1; /* counts down; fails at 0 */
static int fail_watch_at = -1;

CURLMcode __real_curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int events, int *running); // NOLINT
CURLMcode __wrap_curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int events, int *running); // NOLINT
enum bw_err __real_bw_watch_new(struct bw_loop *loop, int fd, bw_watch_cb cb, void *ctx,
                                struct bw_watch **out); // NOLINT
enum bw_err __wrap_bw_watch_new(struct bw_loop *loop, int fd, bw_watch_cb cb, void *ctx,
                                struct bw_watch **out); // NOLINT

CURLMcode __wrap_curl_multi_socket_action(CURLM *multi, curl_socket_t fd, int events, int *running) // NOLINT
{
    CURLMcode code = __real_curl_multi_socket_action(multi, fd, events, running);

    return fail_action_at >= 0 && fail_action_at-- == 0 ? CURLM_INTERNAL_ERROR : code;
}

enum bw_err __wrap_bw_watch_new(struct bw_loop *loop, int fd, bw_watch_cb cb, void *ctx,
                                struct bw_watch **out) // NOLINT
{
    if (fail_watch_at >= 0 && fail_watch_at-- == 0)
        return BW_ERR_CONFLICT;
    return __real_bw_watch_new(loop, fd, cb, ctx, out);
}

static const struct peer_step answer[] = {
    PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), PEER_AGAIN};
static const struct peer_step hang[] = {PEER_READ_REQUEST, PEER_HANG};

static void run_with_failure(struct client *c, int *countdown, int at)
{
    struct peer *peer = peer_new_tcp(), *hanging = peer_new_tcp();
    struct got a = {0}, b = {0};
    struct bw_http_request request = {.url = url_of(peer, "/?key=s3cr3t"), .idempotent = true};

    peer_script(peer, answer);
    peer_script(hanging, hang);
    assert_int_equal(bw_http_start(c->http, &request, note_response, &a, NULL), BW_OK);
    request.url = url_of(hanging, "/");
    assert_int_equal(bw_http_start(c->http, &request, note_response, &b, NULL), BW_OK);
    *countdown = at;
    LOOP_RUN_UNTIL(c->loop, b.calls > 0 && a.calls > 0, 3000);
    assert_int_equal(b.r.err, BW_ERR_UNAVAILABLE);
    assert_non_null(strstr(b.r.reason, "the HTTP client failed"));
    assert_true(a.r.err == BW_ERR_UNAVAILABLE || a.r.err == BW_OK);
    assert_null(strstr(a.r.reason, "s3cr3t"));
    assert_int_equal(*countdown, -1);

    request.url = url_of(peer, "/");
    fetch(c, &request, &a);
    assert_int_equal(a.r.err, BW_OK);
    assert_string_equal(a.body, "ok");
    peer_free(peer);
    peer_free(hanging);
}

static void multi_that_fails_is_rebuilt(void **state)
{
    for (int at = 0; at < 4; at++)
        run_with_failure(*state, &fail_action_at, at);
}

static void socket_that_cannot_be_watched(void **state)
{
    for (int at = 0; at < 2; at++)
        run_with_failure(*state, &fail_watch_at, at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(multi_that_fails_is_rebuilt, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(socket_that_cannot_be_watched, client_setup, client_teardown),
    };
    return cmocka_run_group_tests_name("http_rebuild", tests, NULL, NULL);
}
