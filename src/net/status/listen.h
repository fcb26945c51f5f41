/* Where the status port listens. */
#pragma once

#include "badgewatch/base/err.h"

#include <netinet/in.h>
#include <stdbool.h>

struct listen_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    bool loopback; /* nobody else can reach it */
    bool every;    /* ":port": all addresses of both families */
};

/* "127.0.0.1:9787", "[::1]:0", "localhost:9787", ":9787". BW_ERR_INVALID otherwise; names are not looked up. */
enum bw_err bw_listen_parse(const char *text, struct listen_address *out,
                            struct bw_error *error) BW_MUSTCHECK;
/* A listening, non-blocking socket of the caller, and the port it got. `text` is for the error. */
enum bw_err bw_listen_open(const struct listen_address *a, const char *text, int *fd, int *port,
                           struct bw_error *error) BW_MUSTCHECK;
