/* One listening socket that can be closed for a while. */
#pragma once

#include "badgewatch/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct sim_listener {
    struct sockaddr_storage address;
    socklen_t address_len;
    int fd;            /* -1 while connections are refused */
    int64_t reopen_ms; /* monotonic; valid while fd is -1 */
};

/* "127.0.0.1:9788", "localhost:9788", "[::1]:9788"; port 0 chooses one. Beyond loopback only if `open`. */
enum bw_err sim_listener_open(struct sim_listener *l, const char *address, bool open,
                              struct bw_error *error) BW_MUSTCHECK;
void sim_listener_close(struct sim_listener *l);
void sim_listener_refuse(struct sim_listener *l, int64_t until_ms);
/* Opens again once it is time; tries again at the next call if the port is taken. */
void sim_listener_reopen(struct sim_listener *l, int64_t now_ms);
int sim_listener_port(const struct sim_listener *l);
void sim_listener_url(const struct sim_listener *l, char out[80]);
