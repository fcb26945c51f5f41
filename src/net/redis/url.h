/* Where a Redis server is and how to log in, from a URL. */
#pragma once

#include "badgewatch/base/err.h"

struct redis_target {
    char *host; /* name or address; NULL for a unix socket */
    char *path; /* of the unix socket, else NULL */
    int port;
    int db;
    char *user;     /* NULL: the default user */
    char *password; /* NULL: none */
};

/* Error texts never hold user or password. */
enum bw_err bw_redis_target_parse(const char *url, struct redis_target *out,
                                  struct bw_error *error) BW_MUSTCHECK;
void bw_redis_target_fini(struct redis_target *t);
