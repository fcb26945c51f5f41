/* What never reaches the handler: addresses to listen on, methods, hosts, tokens, sizes. */
#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *listen;
    const char *token;
    bool open;
    enum bw_err err;
    const char *says;
} listens[] = {
    {"127.0.0.1:0", "", false, BW_OK, ""},
    {"127.9.8.7:0", NULL, false, BW_OK, ""},
    {"localhost:0", "", false, BW_OK, ""},
    {"[::1]:0", "", false, BW_OK, ""},
    {"[::ffff:127.0.0.1]:0", "", false, BW_OK, ""},
    {":0", "secret", false, BW_OK, ""},
    {":0", "", true, BW_OK, ""},
    {"0.0.0.0:0", "secret", false, BW_OK, ""},
    {"[::]:0", "", true, BW_OK, ""},
    {":0", "", false, BW_ERR_INVALID, "token"},
    {"0.0.0.0:0", "", false, BW_ERR_INVALID, "token"},
    {"[::]:0", NULL, false, BW_ERR_INVALID, "token"},
    {"192.0.2.1:0", "", false, BW_ERR_INVALID, "token"},
    {"192.0.2.1:0", "secret", false, BW_ERR_SYSTEM, "192.0.2.1:0"}, /* an address of nobody */
    {"127.0.0.1", "", false, BW_ERR_INVALID, "address and port"},
    {"9787", "", false, BW_ERR_INVALID, "address and port"},
    {"", "", false, BW_ERR_INVALID, "address and port"},
    {NULL, "", false, BW_ERR_INVALID, "address and port"},
    {"127.0.0.1:", "", false, BW_ERR_INVALID, "address and port"},
    {"127.0.0.1:65536", "", false, BW_ERR_INVALID, "address and port"},
    {"127.0.0.1:-1", "", false, BW_ERR_INVALID, "address and port"},
    {"127.0.0.1:http", "", false, BW_ERR_INVALID, "address and port"},
    {"example.org:9787", "secret", false, BW_ERR_INVALID, "address and port"},
    {"::1:9787", "", false, BW_ERR_INVALID, "address and port"},
    {"[127.0.0.1]:9787", "", false, BW_ERR_INVALID, "address and port"},
    {"[]:9787", "", false, BW_ERR_INVALID, "address and port"},
};

static void listen_addresses(void **state)
{
    for (size_t i = 0; i < sizeof listens / sizeof listens[0]; i++) {
        const struct bw_status_options o = {
            .listen = listens[i].listen, .token = listens[i].token, .open = listens[i].open};
        struct bw_status *s = NULL;
        struct bw_error error = {0};
        enum bw_err err = bw_status_new(*state, &o, &s, &error);
        if (err != listens[i].err || !strstr(error.text, listens[i].says))
            fail_msg("'%s': %d '%s'", listens[i].listen, err, error.text);
        if (!err) {
            assert_true(bw_status_port(s) > 0);
            bw_status_close(s, NULL, NULL);
        }
    }
}

static void port_in_use_says_so(void **state)
{
    struct app app;
    struct bw_status *s = NULL;
    struct bw_error error = {0};
    char listen[32];

    app_open(&app, *state, NULL);
    snprintf(listen, sizeof listen, "127.0.0.1:%d", bw_status_port(app.status));
    assert_int_equal(bw_status_new(*state, &(struct bw_status_options){.listen = listen}, &s, &error),
                     BW_ERR_SYSTEM);
    assert_non_null(strstr(error.text, listen));
    assert_non_null(strstr(error.text, "in use"));
    app_close(&app);
}

static char *long_request(size_t path, size_t header)
{
    char *text = malloc(path + header + 100);
    char *at = text;

    assert_non_null(text);
    at += sprintf(at, "GET /"); // NOLINT
    memset(at, 'a', path);
    at += path;
    at += sprintf(at, " HTTP/1.1\r\nHost: localhost\r\nX: "); // NOLINT
    memset(at, 'b', header);
    at += header;
    memcpy(at, "\r\n\r\n", 5);
    return text;
}

#define LOCAL " HTTP/1.1\r\nHost: localhost\r\n"
static const struct {
    const char *request;
    int status;
    const char *has;
} requests[] = {
    {GET("/now"), 200, "hello"},
    {GET("/a%20b/c?x=1"), 404, "nothing at /a b/c\""},
    {GET("/query?q=a%26b+c&x"), 200, "\r\n\r\na&b c"},
    {GET("/query?q"), 200, "Content-Length: 0"},
    {GET("/query"), 200, "(none)"},
    {GET("/%22%5C%0a%ff%c3%a9%ed%a0%80"), 404, "/\\\"\\\\\\u000a\\ufffd\xc3\xa9\\ufffd\\ufffd\\ufffd\""},
    {"POST /now" LOCAL "Content-Length: 3\r\n\r\nabc", 405, "Allow: GET, HEAD"},
    {"POST /now" LOCAL "Content-Length: 9999999999\r\n\r\nabc", 405, "Allow: GET, HEAD"},
    {"PUT /now" LOCAL "Transfer-Encoding: chunked\r\n\r\n", 405, "Allow: GET, HEAD"},
    {"DELETE /now" LOCAL "\r\n", 405, "Allow: GET, HEAD"},
    {"OPTIONS /now" LOCAL "\r\n", 405, "Allow: GET, HEAD"},
    {"TRACE /now" LOCAL "\r\n", 405, "Allow: GET, HEAD"},
    {"get /now" LOCAL "\r\n", 405, "Allow: GET, HEAD"},
    {"GET /now" LOCAL "Content-Length: 3\r\n\r\nabc", 200, "hello"},
    {"GET /now" LOCAL "Content-Length: 9999999\r\n\r\nabc", 413, "\"status\": 413"},
    {"GET /now" LOCAL "Transfer-Encoding: chunked\r\n\r\n", 413, "\"status\": 413"},
    {"GET /now" LOCAL "Content-Length: x\r\n\r\n", 400, ""}, /* refused by the library itself */
    {GET("/now%00/x"), 400, "\"status\": 400"},
    {"GET http://localhost/now" LOCAL "\r\n", 400, "\"status\": 400"},
    {"GET *" LOCAL "\r\n", 400, "\"status\": 400"},
    {"GET /now HTTP/1.1\r\n\r\n", 400, "no Host"},
    {"GET /now HTTP/1.0\r\n\r\n", 200, "hello"},
    {"GET /now HTTP/1.1\r\nHost: LOCALHOST:1234\r\n\r\n", 200, "hello"},
    {"GET /now HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 200, "hello"},
    {"GET /now HTTP/1.1\r\nHost: 127.0.0.1:9787\r\n\r\n", 200, "hello"},
    {"GET /now HTTP/1.1\r\nHost: [::1]:9787\r\n\r\n", 200, "hello"},
    {"GET /now HTTP/1.1\r\nHost: [::1]\r\n\r\n", 200, "hello"},
    {"GET /now HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "\"status\": 421"},
    {"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, "\"status\": 421"},
    {"GET /now HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 421, "\"status\": 421"},
    {"GET /now HTTP/1.1\r\nHost: localhost:80.evil.example\r\n\r\n", 421, "\"status\": 421"},
    {"GET /now HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 421, "\"status\": 421"},
    {"GET /now HTTP/1.1\r\nHost: 192.168.0.1\r\n\r\n", 421, "\"status\": 421"},
    {"GET /now HTTP/1.1\r\nHost: [::1\r\n\r\n", 421, "\"status\": 421"},
    {"GET /now HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 421, "\"status\": 421"},
    {"GET /now HTTP/1.1\r\nHost: \r\n\r\n", 421, "\"status\": 421"},
};

static void check(struct app *app, const char *request, int status, const char *has)
{
    struct http h;
    int calls = app->calls;

    http_ask(&h, app, request);
    if ((status > 0 && http_status(&h) != status) || !http_has(&h, has))
        fail_msg("%.60s: expected %d '%s', got:\n%s", request, status, has, h.data);
    if (status != 400 || has[0] != '\0')
        assert_true(http_has(&h, "X-Content-Type-Options: nosniff") &&
                    http_has(&h, "Cache-Control: no-store") && http_has(&h, "Referrer-Policy: no-referrer"));
    assert_int_equal(app->calls - calls, http_status(&h) == 200 || http_status(&h) == 404);
    if (http_status(&h) >= 400 && has[0] != '\0') {
        assert_true(http_has(&h, "Content-Type: application/json"));
        assert_memory_equal(http_body(&h), "{\"error\": {\"status\": ", 21);
    }
    http_close(&h);
}

static void requests_and_answers(void **state)
{
    struct app app;

    app_open(&app, *state, NULL);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        check(&app, requests[i].request, requests[i].status, requests[i].has);
    app_close(&app);
}

/* libmicrohttpd has no room for so many, does not say so, and does not say that the request ended: the connection is cut
 * in time, and what was kept for the request is freed (LeakSanitizer looks). */
static void too_many_arguments(void **state)
{
    struct app app;
    struct http h;
    char text[8300];
    size_t n = (size_t)snprintf(text, sizeof text, "GET /now?");

    app_open(&app, *state, &(struct bw_status_options){.timeout_ms = 1000});
    while (n < 8200) {
        text[n++] = 'a';
        text[n++] = '&';
    }
    snprintf(text + n, sizeof text - n, " HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for (size_t i = 0; i < 3; i++) {
        http_open(&h, &app);
        http_send(&h, text);
        LOOP_RUN_UNTIL(app.loop, http_ended(&h), WAIT_MS);
        assert_int_equal(app.calls, 0);
        http_close(&h);
    }
    http_ask(&h, &app, GET("/now"));
    assert_int_equal(http_status(&h), 200);
    http_close(&h);
    app_close(&app);
}

static void long_requests(void **state)
{
    static const struct {
        size_t path, header;
        int status;
        const char *has;
    } sizes[] = {
        {4095, 10, 404, "nothing at"},
        {4096, 10, 414, "\"status\": 414"},
        {30000, 10, 414, "\"status\": 414"},
        {10, 20000, 404, "nothing at"},
        {200000, 10, 0, ""}, /* the library's own limit: an answer or an end, but no wait */
        {10, 200000, 0, ""},
    };
    struct app app;

    app_open(&app, *state, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char *text = long_request(sizes[i].path, sizes[i].header);
        struct http h;
        http_ask(&h, &app, text);
        if (sizes[i].status == 0) {
            assert_true(http_status(&h) == 0 || (http_status(&h) >= 400 && http_status(&h) < 500));
        } else if (http_status(&h) != sizes[i].status || !http_has(&h, sizes[i].has)) {
            fail_msg("%zu %zu: %s", sizes[i].path, sizes[i].header, h.data);
        }
        http_close(&h);
        free(text);
    }
    app_close(&app);
}

static void head_has_no_body(void **state)
{
    struct app app;
    struct http h;

    app_open(&app, *state, NULL);
    http_ask(&h, &app, "HEAD /now" LOCAL "Connection: close\r\n\r\n");
    LOOP_RUN_UNTIL(app.loop, http_ended(&h), WAIT_MS);
    assert_int_equal(http_status(&h), 200);
    assert_true(http_has(&h, "Content-Length: 5\r\n"));
    assert_string_equal(http_body(&h), "");
    http_close(&h);
    http_ask(&h, &app, "HEAD /nowhere" LOCAL "Connection: close\r\n\r\n");
    LOOP_RUN_UNTIL(app.loop, http_ended(&h), WAIT_MS);
    assert_int_equal(http_status(&h), 404);
    assert_string_equal(http_body(&h), "");
    http_close(&h);
    app_close(&app);
}

static void pages_have_a_policy(void **state)
{
    struct app app;
    struct http h;

    app_open(&app, *state, NULL);
    http_ask(&h, &app, GET("/html"));
    assert_true(http_has(&h, "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'"));
    http_close(&h);
    http_ask(&h, &app, GET("/now"));
    assert_false(http_has(&h, "Content-Security-Policy"));
    http_close(&h);
    app_close(&app);
}

/* The token is "s3cr=t/ä"; its cookie is that in hexadecimal. */
#define TOKEN  "s3cr=t/\xc3\xa4"
#define QUERY  "s3cr%3Dt%2F%C3%A4"
#define COOKIE "733363723d742fc3a4"
static const struct {
    const char *request;
    int status;
    const char *has;
} token_requests[] = {
    {GET("/healthz"), 200, "hello"},
    {GET("/healthz/"), 401, "WWW-Authenticate: Bearer"},
    {GET("/readyz"), 401, "WWW-Authenticate: Bearer"},
    {GET("/now"), 401, "a token is needed"},
    {"POST /now" LOCAL "\r\n", 405, "Allow"},
    {"GET /now" LOCAL "Authorization: Bearer " TOKEN "\r\n\r\n", 200, "hello"},
    {"GET /now" LOCAL "Authorization: bearer " TOKEN "\r\n\r\n", 200, "hello"},
    {"GET /now HTTP/1.1\r\nHost: other.example\r\nAuthorization: Bearer " TOKEN "\r\n\r\n", 200, "hello"},
    {"GET /now" LOCAL "Authorization: Bearer s3cr\r\n\r\n", 401, "needed"},
    {"GET /now" LOCAL "Authorization: Bearer " TOKEN TOKEN "\r\n\r\n", 401, "needed"},
    {"GET /now" LOCAL "Authorization: Bearer \r\n\r\n", 401, "needed"},
    {"GET /now" LOCAL "Authorization: Basic " TOKEN "\r\n\r\n", 401, "needed"},
    {GET("/now?token=wrong"), 401, "wrong"},
    {GET("/now?token="), 401, "wrong"},
    {GET("/now?token"), 401, "wrong"},
    {"GET /now?token=wrong" LOCAL "Authorization: Bearer " TOKEN "\r\n\r\n", 401, "wrong"},
    {GET("/now?token=" QUERY), 303, "\r\nLocation: /now\r\n"},
    {GET("/now?token=" QUERY), 303,
     "\r\nSet-Cookie: badgewatch_token=" COOKIE "; Path=/; HttpOnly; SameSite=Strict\r\n"},
    {GET("/now?a=1&token=" QUERY "&b=%26"), 303, "\r\nLocation: /now?a=1&b=%26\r\n"},
    {GET("/now?%74oken=" QUERY "&tokens=1"), 303, "\r\nLocation: /now?tokens=1\r\n"},
    {GET("//evil.example/?token=" QUERY), 303, "\r\nLocation: /\r\n"},
    {GET("/\\evil.example/?token=" QUERY), 303, "\r\nLocation: /\r\n"},
    {GET("/?token=" QUERY), 303, "\r\nLocation: /\r\n"},
    {"GET /now" LOCAL "Cookie: badgewatch_token=" COOKIE "\r\n\r\n", 200, "hello"},
    {"GET /now" LOCAL "Cookie: a=b; badgewatch_token=" COOKIE "; c=d\r\n\r\n", 200, "hello"},
    {"GET /now" LOCAL "Cookie: badgewatch_token=" TOKEN "\r\n\r\n", 401, "needed"},
    {"GET /now" LOCAL "Cookie: badgewatch_token=73\r\n\r\n", 401, "needed"},
};

static void tokens(void **state)
{
    struct app app;

    app_open(&app, *state, &(struct bw_status_options){.token = TOKEN});
    for (size_t i = 0; i < sizeof token_requests / sizeof token_requests[0]; i++)
        check(&app, token_requests[i].request, token_requests[i].status, token_requests[i].has);
    app_close(&app);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, loop_setup, loop_teardown)
    const struct CMUnitTest tests[] = {
        T(listen_addresses),   T(port_in_use_says_so), T(requests_and_answers), T(long_requests),
        T(too_many_arguments), T(head_has_no_body),    T(pages_have_a_policy),  T(tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
