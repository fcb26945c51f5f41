/* What a working peer sends, and what the request looked like on its side. */
#include "http_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void get_gives_all(void **state)
{
    struct client *c = *state;
    static const struct peer_step script[] = {
        PEER_READ_REQUEST,
        PEER_SEND(
            "HTTP/1.1 200 OK\r\nDate: Sun, 10 May 2026 04:19:28 GMT\r\nContent-Type: application/json\r\n"
            "X-OAuth-Scopes: chat:write,channels:history\r\nContent-Length: 8\r\n\r\n{\"a\": 1}"),
        PEER_END};
    struct peer *peer = peer_new_tcp();
    struct got got;
    const struct bw_http_header headers[] = {{"Authorization", "Bearer x"}, {"X-Empty", ""}};

    peer_script(peer, script);
    fetch(c,
          &(struct bw_http_request){.url = url_of(peer, "/product?key=k&asin=A,B"),
                                    .headers = headers,
                                    .n_headers = 2,
                                    .idempotent = true},
          &got);
    assert_int_equal(got.r.err, BW_OK);
    assert_int_equal(got.r.status, 200);
    assert_true(got.r.sent);
    assert_true(got.r.body_complete);
    assert_string_equal(got.body, "{\"a\": 1}");
    assert_int_equal(got.r.body_len, 8);
    assert_int_equal(got.r.retry_after_ms, -1);
    assert_string_equal(got.type, "application/json");
    assert_string_equal(got.scopes, "chat:write,channels:history");
    assert_true(got.r.has_date);
    assert_true(got.r.date.ms == 1778386768000);
    assert_true(got.r.total_s >= 0 && got.r.total_s < 5);
    assert_true(bw_mono_now().ms - got.r.last_byte.ms < 5000);
    assert_string_equal(got.r.reason, "");
    const char *request = peer_received(peer, 0);
    assert_ptr_equal(strstr(request, "GET /product?key=k&asin=A,B HTTP/1.1\r\n"), request);
    assert_non_null(strstr(request, "\r\nAuthorization: Bearer x\r\n"));
    assert_non_null(strstr(request, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(request, "\r\nUser-Agent: badgewatch-test\r\n"));
    assert_non_null(strstr(request, "gzip"));
    assert_int_equal(bw_http_in_flight(c->http), 0);
    peer_free(peer);
}

static void post_sends_its_body(void **state)
{
    struct client *c = *state;
    static const struct peer_step script[] = {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 204 No Content\r\n\r\n"),
                                              PEER_END};
    static char body[2000000];
    struct peer *peer = peer_new_tcp();
    struct got got;
    const struct bw_http_header type = {"Content-Type", "application/json"};

    peer_script(peer, script);
    memset(body, 'b', sizeof body);
    body[1000] = '\0'; /* the length counts, not the first NUL */
    struct bw_http_request request = {.method = BW_HTTP_POST,
                                      .url = url_of(peer, "/p"),
                                      .headers = &type,
                                      .n_headers = 1,
                                      .body = body,
                                      .body_len = 2000};
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_OK);
    assert_int_equal(got.r.status, 204);
    assert_string_equal(got.body, "");
    const char *seen = peer_received(peer, 0);
    assert_ptr_equal(strstr(seen, "POST /p HTTP/1.1\r\n"), seen);
    assert_non_null(strstr(seen, "\r\nContent-Length: 2000\r\n"));
    assert_non_null(strstr(seen, "\r\nContent-Type: application/json\r\n"));
    const char *end = strstr(seen, "\r\n\r\n");
    assert_memory_equal(end + 4, body, 2000);

    request.body_len = sizeof body; /* big enough for libcurl to ask for "100 Continue" first */
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_OK);
    assert_null(strstr(peer_received(peer, 1), "100-continue"));
    assert_true(got.r.total_s < 0.9);
    request.body = NULL;
    request.body_len = 0;
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_OK);
    assert_non_null(strstr(peer_received(peer, 2), "\r\nContent-Length: 0\r\n"));
    peer_free(peer);
}

/* An answer with gzip of the text, the answer's head in front; *len is set. */
static char *gzip_answer(const char *head, const void *data, size_t size, size_t keep, size_t *len)
{
    z_stream z = {0};
    size_t max = compressBound(size) + 64;
    unsigned char *zipped = malloc(max);

    assert_int_equal(deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)data;
    z.avail_in = (unsigned)size;
    z.next_out = zipped;
    z.avail_out = (unsigned)max;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = keep && keep < z.total_out ? keep : z.total_out;
    char *answer = malloc(n + 512);
    int head_len =
        snprintf(answer, 512, "%s\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", head, n);
    memcpy(answer + head_len, zipped, n);
    *len = (size_t)head_len + n;
    deflateEnd(&z);
    free(zipped);
    return answer;
}

static void error_status_has_gzip_body_and_retry_after(void **state)
{
    struct client *c = *state;
    const struct {
        const char *value;
        int64_t ms;
    } cases[] = {{"Retry-After: 30", 30000},
                 {"Retry-After: 0", 0},
                 {"retry-after:7 ", 7000},
                 {"X-Other: 1", -1},
                 {"Retry-After: -5", -1},
                 {"Retry-After: 1.5", -1},
                 {"Retry-After:", -1},
                 {"Retry-After: Sun, 10 May 2026 04:19:28 GMT", -1},
                 {"Retry-After: 99999999999999999999", 999999999000}};
    static const char text[] = "{\"tokensLeft\": -3, \"refillIn\": 25000}";

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char head[256];
        size_t len;
        snprintf(head, sizeof head, "HTTP/1.1 429 Too Many Requests\r\n%s", cases[i].value);
        char *answer = gzip_answer(head, text, sizeof text - 1, 0, &len);
        const struct peer_step script[] = {PEER_READ_REQUEST, PEER_SEND_N(answer, len), PEER_END};
        struct peer *peer = peer_new_tcp();
        struct got got;
        peer_script(peer, script);
        fetch(c, &(struct bw_http_request){.url = url_of(peer, "/"), .idempotent = true}, &got);
        assert_int_equal(got.r.err, BW_OK);
        assert_int_equal(got.r.status, 429);
        assert_string_equal(got.body, text);
        assert_true(got.r.retry_after_ms == cases[i].ms);
        assert_false(got.r.has_date);
        peer_free(peer);
        free(answer);
    }
}

/* 64 MB of zeros in 64 KB or so: the cap counts what comes out, not what comes in. */
static size_t bomb_seen;

static enum bw_err count_bytes(void *ctx, const char *data, size_t len)
{
    (void)ctx, (void)data;
    bomb_seen += len;
    return BW_OK;
}

static void http_body_cap_after_gunzip(void **state)
{
    struct client *c = *state;
    enum { BOMB = 64 * 1024 * 1024, CAP = 100000 };
    char *zeros = calloc(1, BOMB);
    size_t len;
    char *answer = gzip_answer("HTTP/1.1 200 OK", zeros, BOMB, 0, &len);
    const struct peer_step script[] = {PEER_READ_REQUEST, PEER_SEND_N(answer, len), PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct got got;

    free(zeros);
    assert_true(len < BOMB / 100);
    peer_script(peer, script);
    struct bw_http_request request = {.url = url_of(peer, "/"), .idempotent = true, .max_body = CAP};
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_ERR_TOO_BIG);
    assert_int_equal(got.r.status, 200);
    assert_false(got.r.body_complete);
    assert_true(got.r.body_len <= CAP);
    assert_string_equal(got.r.reason, "the answer is bigger than 100000 bytes");

    request.on_body = count_bytes;
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_ERR_TOO_BIG);
    assert_true(bomb_seen > 0 && bomb_seen <= CAP);

    request.max_body = 0; /* 1 MB when nothing is said */
    bomb_seen = 0;
    fetch(c, &request, &got);
    assert_int_equal(got.r.err, BW_ERR_TOO_BIG);
    assert_true(bomb_seen > 1000000 && bomb_seen <= 1048576);
    peer_free(peer);
    free(answer);
}

static void body_of_just_the_cap_is_taken(void **state)
{
    struct client *c = *state;
    static const struct peer_step script[] = {
        PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345"), PEER_AGAIN};
    struct peer *peer = peer_new_tcp();
    struct got got;

    peer_script(peer, script);
    fetch(c, &(struct bw_http_request){.url = url_of(peer, "/"), .idempotent = true, .max_body = 5}, &got);
    assert_int_equal(got.r.err, BW_OK);
    assert_string_equal(got.body, "12345");
    fetch(c, &(struct bw_http_request){.url = url_of(peer, "/"), .idempotent = true, .max_body = 4}, &got);
    assert_int_equal(got.r.err, BW_ERR_TOO_BIG);
    peer_free(peer);
}

/* A stream cut at its source, so that the answer's length fits the cut. libcurl 7.88 does not tell it from a whole
 * one: what comes is a prefix, no more, which a JSON parser then finds unfinished. */
static void truncated_gzip_gives_a_prefix(void **state)
{
    struct client *c = *state;
    char text[20000];
    unsigned seed = 7;

    for (size_t i = 0; i < sizeof text; i++) { /* letters that do not shrink to nothing */
        seed = seed * 1103515245 + 12345;
        text[i] = (char)('a' + (seed >> 16) % 26);
    }
    const size_t keeps[] = {5, 10, 12, 100, 5000};
    for (size_t i = 0; i < sizeof keeps / sizeof keeps[0]; i++) {
        size_t len;
        char *answer = gzip_answer("HTTP/1.1 200 OK", text, sizeof text, keeps[i], &len);
        const struct peer_step script[] = {PEER_READ_REQUEST, PEER_SEND_N(answer, len), PEER_END};
        struct peer *peer = peer_new_tcp();
        struct got got;
        peer_script(peer, script);
        fetch(c, &(struct bw_http_request){.url = url_of(peer, "/"), .idempotent = true}, &got);
        assert_true(got.r.err == BW_OK || got.r.err == BW_ERR_PROTOCOL);
        assert_true(got.r.body_len <= keeps[i] * 2);
        assert_memory_equal(got.body, text, got.r.body_len);
        peer_free(peer);
        free(answer);
    }
}

/* One cut by a connection that closes too early is known as such. */
static void gzip_cut_by_the_connection(void **state)
{
    struct client *c = *state;
    static const char text[] = "{\"products\": [1, 2, 3, 4, 5, 6, 7, 8, 9]}";
    size_t len;
    char *answer = gzip_answer("HTTP/1.1 200 OK", text, sizeof text - 1, 0, &len);
    const struct peer_step script[] = {PEER_READ_REQUEST, PEER_SEND_N(answer, len - 12), PEER_END};
    struct peer *peer = peer_new_tcp();
    struct got got;

    peer_script(peer, script);
    fetch(c, &(struct bw_http_request){.url = url_of(peer, "/"), .idempotent = true}, &got);
    assert_int_equal(got.r.err, BW_ERR_UNAVAILABLE);
    assert_false(got.r.body_complete);
    peer_free(peer);
    free(answer);
}

/* Headers after a chunked body, and an interim answer before the real one, are both whole answers. */
static void trailers_and_interim_answers(void **state)
{
    struct client *c = *state;
    static const struct peer_step script[] = {
        PEER_READ_REQUEST,
        PEER_SEND("HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\n"
                  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
                  "2\r\nok\r\n0\r\nX-T: 1\r\nRetry-After: 8\r\n\r\n"),
        PEER_AGAIN};
    struct peer *peer = peer_new_tcp();
    struct got got;

    peer_script(peer, script);
    for (int i = 0; i < 2; i++) {
        fetch(c, &(struct bw_http_request){.url = url_of(peer, "/"), .idempotent = true}, &got);
        assert_int_equal(got.r.err, BW_OK);
        assert_int_equal(got.r.status, 200);
        assert_string_equal(got.body, "ok");
        assert_int_equal(got.r.retry_after_ms, -1);
    }
    assert_int_equal(peer_accepted(peer), 1);
    peer_free(peer);
}

static void bad_gzip_is_a_protocol_error(void **state)
{
    struct client *c = *state;
    static const struct peer_step script[] = {
        PEER_READ_REQUEST,
        PEER_SEND("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 11\r\n\r\n{\"not\":\"gz\"}"),
        PEER_END};
    struct peer *peer = peer_new_tcp();
    struct got got;

    peer_script(peer, script);
    fetch(c, &(struct bw_http_request){.url = url_of(peer, "/"), .idempotent = true}, &got);
    assert_int_equal(got.r.err, BW_ERR_PROTOCOL);
    assert_int_equal(got.r.status, 200);
    assert_true(got.r.sent);
    peer_free(peer);
}

struct pieces {
    char text[256];
    size_t len;
    int n;
    int refuse_at;
    struct got got;
};

static enum bw_err take_piece(void *ctx, const char *data, size_t len)
{
    struct pieces *p = ctx;

    if (++p->n == p->refuse_at)
        return BW_ERR_SYNTAX;
    assert_true(p->len + len < sizeof p->text);
    memcpy(p->text + p->len, data, len);
    p->len += len;
    return BW_OK;
}

static void note_pieces(void *ctx, const struct bw_http_response *response)
{
    note_response(&((struct pieces *)ctx)->got, response);
}

static void body_is_streamed(void **state)
{
    struct client *c = *state;
    static const struct peer_step script[] = {
        PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        PEER_DRIP("5\r\nhello\r\n"
                  "6\r\n world\r\n"
                  "0\r\n\r\n",
                  26, 10, 15),
        PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct pieces p = {.refuse_at = -1};
    struct bw_http_request request = {.url = url_of(peer, "/"), .on_body = take_piece};

    peer_script(peer, script);
    assert_int_equal(bw_http_start(c->http, &request, note_pieces, &p, NULL), BW_OK);
    LOOP_RUN_UNTIL(c->loop, p.got.calls > 0, 3000);
    assert_int_equal(p.got.r.err, BW_OK);
    assert_string_equal(p.text, "hello world");
    assert_true(p.n >= 2);
    assert_string_equal(p.got.body, "");
    assert_int_equal(p.got.r.body_len, 0);

    p = (struct pieces){.refuse_at = 2};
    assert_int_equal(bw_http_start(c->http, &request, note_pieces, &p, NULL), BW_OK);
    LOOP_RUN_UNTIL(c->loop, p.got.calls > 0, 3000);
    assert_int_equal(p.got.r.err, BW_ERR_SYNTAX); /* the owner's own code */
    assert_false(p.got.r.body_complete);
    assert_string_equal(p.text, "hello");
    assert_int_equal(p.n, 2);
    peer_free(peer);
}

/* An owner who takes two pieces and then none until a timer fires. */
struct slow {
    struct got got;
    struct bw_http_call *call;
    struct bw_timer *timer;
    const char *expected;
    size_t len;
    int pieces, stops;
    long status;
    int64_t date_s;
};

static enum bw_err take_slowly(void *ctx, const char *data, size_t len)
{
    struct slow *s = ctx;

    bw_http_head(s->call, &s->status, &s->date_s);
    if (s->pieces == 2) {
        s->stops++;
        bw_timer_start(s->timer, 1);
        return BW_ERR_BUSY;
    }
    s->pieces++;
    assert_memory_equal(data, s->expected + s->len, len);
    s->len += len;
    return BW_OK;
}

static void go_on(void *ctx)
{
    struct slow *s = ctx;

    s->pieces = 0;
    bw_http_resume(s->call);
    bw_http_resume(s->call); /* twice is once */
}

static void note_slow(void *ctx, const struct bw_http_response *response)
{
    note_response(&((struct slow *)ctx)->got, response);
}

static void body_waits_for_its_owner(void **state)
{
    struct client *c = *state;
    enum { SIZE = 2 * 1024 * 1024, CAP = 1000000 };
    static const char head[] = "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:07 GMT";
    char *text = malloc(SIZE);
    size_t len;

    for (size_t i = 0; i < SIZE; i++)
        text[i] = (char)(' ' + i * i / 977 % 90);
    char *answer = gzip_answer(head, text, SIZE, 0, &len);
    const struct peer_step script[] = {PEER_READ_REQUEST, PEER_SEND_N(answer, len), PEER_HANG};
    struct peer *peer = peer_new_tcp();
    struct slow s = {.expected = text, .timer = bw_timer_new(c->loop, go_on, &s)};
    struct bw_http_request request = {.url = url_of(peer, "/"), .max_body = SIZE, .on_body = take_slowly};
    peer_script(peer, script);
    assert_int_equal(bw_http_start(c->http, &request, note_slow, &s, &s.call), BW_OK);
    LOOP_RUN_UNTIL(c->loop, s.got.calls > 0, 5000);
    assert_int_equal(s.got.r.err, BW_OK);
    assert_int_equal(s.len, SIZE);
    assert_true(s.stops > 3 && s.status == 200 && s.date_s == 1767225607);

    /* what libcurl kept is counted against the cap when it comes */
    s = (struct slow){.expected = text, .timer = s.timer};
    request.max_body = CAP;
    assert_int_equal(bw_http_start(c->http, &request, note_slow, &s, &s.call), BW_OK);
    LOOP_RUN_UNTIL(c->loop, s.got.calls > 0, 5000);
    assert_int_equal(s.got.r.err, BW_ERR_TOO_BIG);
    assert_true(s.len <= CAP && s.stops > 0);
    bw_timer_free(s.timer);
    peer_free(peer);
    free(answer);
    free(text);
}

/* Not an error for HTTP: the owner sees the status and the type. */
static void redirects_and_html_are_handed_over(void **state)
{
    struct client *c = *state;
    static const struct peer_step redirect[] = {
        PEER_READ_REQUEST,
        PEER_SEND("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"), PEER_AGAIN};
    static const struct peer_step html[] = {
        PEER_READ_REQUEST,
        PEER_SEND("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: "
                  "close\r\n\r\n<html>busy</html>"),
        PEER_END};
    struct peer *peer = peer_new_tcp();
    struct got got;

    peer_script(peer, redirect);
    fetch(c, &(struct bw_http_request){.url = url_of(peer, "/a")}, &got);
    assert_int_equal(got.r.err, BW_OK);
    assert_int_equal(got.r.status, 302);
    assert_int_equal(peer_accepted(peer), 1);
    assert_null(strstr(peer_received(peer, 0), "elsewhere"));
    peer_free(peer);

    peer = peer_new_tcp();
    peer_script(peer, html);
    fetch(c, &(struct bw_http_request){.url = url_of(peer, "/a")}, &got);
    assert_int_equal(got.r.err, BW_OK);
    assert_string_equal(got.type, "text/html; charset=utf-8");
    assert_string_equal(got.body, "<html>busy</html>");
    peer_free(peer);
}

/* "localhost" is ::1 first where the system has IPv6; this peer has only 127.0.0.1. */
static void a_hundred_in_parallel_over_localhost(void **state)
{
    struct client *c = *state;
    static const struct peer_step script[] = {PEER_READ_REQUEST, PEER_PAUSE(20),
                                              PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
                                              PEER_AGAIN};
    enum { N = 100 };
    struct peer *peer = peer_new_tcp();
    struct got *got = calloc(N, sizeof *got);
    char url[64];
    size_t done = 0;

    peer_script(peer, script);
    snprintf(url, sizeof url, "http://localhost:%d/", peer_port(peer));
    for (int round = 0; round < 2; round++) { /* the second finds a pool of used connections */
        memset(got, 0, N * sizeof *got);
        for (size_t i = 0; i < N; i++) {
            const struct bw_http_request request = {
                .url = url, .idempotent = i % 2 == 0, .timeout_ms = 20000};
            assert_int_equal(bw_http_start(c->http, &request, note_response, &got[i], NULL), BW_OK);
        }
        assert_int_equal(bw_http_in_flight(c->http), N);
        LOOP_RUN_UNTIL(c->loop, bw_http_in_flight(c->http) == 0, 20000);
        for (size_t i = 0; i < N; i++) {
            assert_int_equal(got[i].calls, 1);
            assert_int_equal(got[i].r.err, BW_OK);
            assert_string_equal(got[i].body, "ok");
            done++;
        }
    }
    assert_int_equal(done, 2 * N);
    free(got);
    peer_free(peer);
}

static void environment_proxy_is_ignored(void **state)
{
    struct client *c = *state;
    static const struct peer_step script[] = {
        PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), PEER_END};
    struct peer *peer = peer_new_tcp(), *proxy = peer_new_refusing();
    struct got got;

    peer_script(peer, script);
    setenv("http_proxy", url_of(proxy, ""), 1);
    setenv("all_proxy", url_of(proxy, ""), 1);
    fetch(c, &(struct bw_http_request){.url = url_of(peer, "/")}, &got);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_int_equal(got.r.err, BW_OK);
    peer_free(peer);
    peer_free(proxy);
}

static void invalid_requests_are_refused_now(void **state)
{
    struct client *c = *state;
    const char *urls[] = {NULL,          "",        "ftp://127.0.0.1/", "file:///etc/passwd",
                          "127.0.0.1/x", "http://", "http://a b/",      "http://h:99999/"};
    const struct bw_http_header headers[] = {
        {"X", "a\r\nY: b"}, {"X\n", "a"}, {"", "a"}, {"X:", "a"}, {"X", NULL}};
    struct got got = {0};

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        const struct bw_http_request request = {.url = urls[i]};
        assert_int_equal(bw_http_start(c->http, &request, note_response, &got, NULL), BW_ERR_INVALID);
    }
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        const struct bw_http_request request = {
            .url = "http://127.0.0.1:1/", .headers = &headers[i], .n_headers = 1};
        assert_int_equal(bw_http_start(c->http, &request, note_response, &got, NULL), BW_ERR_INVALID);
    }
    assert_int_equal(bw_http_in_flight(c->http), 0);
    LOOP_RUN_FOR(c->loop, 10);
    assert_int_equal(got.calls, 0);
}

static void query_values_are_escaped(void **state)
{
    (void)state;
    const struct {
        const char *value, *escaped;
    } cases[] = {{"", ""},
                 {"B0D8W1YVBX,B00DI7U88G", "B0D8W1YVBX,B00DI7U88G"},
                 {"a-b._~:c", "a-b._~:c"},
                 {"a b&c=d+e%f/g?h#i", "a%20b%26c%3Dd%2Be%25f%2Fg%3Fh%23i"},
                 {"\xC3\xA9\n", "%C3%A9%0A"}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_buf out;
        bw_buf_init(&out, 1000);
        bw_http_escape(&out, cases[i].value);
        assert_string_equal(bw_buf_str(&out), cases[i].escaped);
        bw_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(get_gives_all, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(post_sends_its_body, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(error_status_has_gzip_body_and_retry_after, client_setup,
                                        client_teardown),
        cmocka_unit_test_setup_teardown(http_body_cap_after_gunzip, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(body_of_just_the_cap_is_taken, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(truncated_gzip_gives_a_prefix, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(gzip_cut_by_the_connection, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(trailers_and_interim_answers, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(bad_gzip_is_a_protocol_error, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(body_is_streamed, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(body_waits_for_its_owner, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(redirects_and_html_are_handed_over, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(a_hundred_in_parallel_over_localhost, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(environment_proxy_is_ignored, client_setup, client_teardown),
        cmocka_unit_test_setup_teardown(invalid_requests_are_refused_now, client_setup, client_teardown),
        cmocka_unit_test(query_values_are_escaped),
    };
    return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
