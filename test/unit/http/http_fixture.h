/* A client on a loop, and what its callbacks got. */
#pragma once

#include "support/loop_fixture.h"
#include "support/peer.h"

#include "badgewatch/http/http.h"

struct got {
    int calls;
    struct bw_http_response r; /* its texts are the copies below */
    char body[65536];
    char type[128];
    char scopes[128];
    struct bw_http_call *call;
};

struct client {
    struct bw_loop *loop;
    struct bw_http *http;
    int closed;
};

int client_setup(void **state);
int client_teardown(void **state); /* closes, waits for it, and asserts a clean loop */

void note_response(void *ctx, const struct bw_http_response *response);
void note_closed(void *ctx);

/* "http://127.0.0.1:port/path", valid until the next call. */
const char *url_of(const struct peer *peer, const char *path);
/* Starts it and runs the loop until its callback came. */
void fetch(struct client *c, const struct bw_http_request *request, struct got *got);
