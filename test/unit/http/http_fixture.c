/* See http_fixture.h. */
#include "http_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int client_setup(void **state)
{
    struct client *c = calloc(1, sizeof *c);

    c->loop = bw_loop_new();
    c->http = bw_http_new(c->loop, "badgewatch-test", 100);
    *state = c;
    return 0;
}

void note_closed(void *ctx)
{
    struct client *c = ctx;

    c->closed++;
}

int client_teardown(void **state)
{
    struct client *c = *state;

    if (c->http) {
        bw_http_close(c->http, note_closed, c);
        LOOP_RUN_UNTIL(c->loop, c->closed > 0, 2000);
    }
    int left = bw_loop_free(c->loop);
    free(c);
    return left;
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

void note_response(void *ctx, const struct bw_http_response *response)
{
    struct got *got = ctx;
    size_t len = response->body_len < sizeof got->body ? response->body_len : sizeof got->body - 1;

    got->calls++;
    got->r = *response;
    memcpy(got->body, response->body, len);
    got->body[len] = '\0';
    assert_int_equal(response->body[response->body_len], '\0');
    copy_text(got->type, sizeof got->type, response->content_type);
    copy_text(got->scopes, sizeof got->scopes, response->oauth_scopes);
    got->r.body = got->body;
    got->r.content_type = got->type;
    got->r.oauth_scopes = got->scopes;
}

const char *url_of(const struct peer *peer, const char *path)
{
    static char url[512];

    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", peer_port(peer), path);
    return url;
}

void fetch(struct client *c, const struct bw_http_request *request, struct got *got)
{
    memset(got, 0, sizeof *got);
    assert_int_equal(bw_http_start(c->http, request, note_response, got, &got->call), BW_OK);
    assert_int_equal(got->calls, 0);
    LOOP_RUN_UNTIL(c->loop, got->calls > 0, 5000);
    assert_int_equal(got->calls, 1);
}
