/* What the files of the status port share. */
#pragma once

#include "badgewatch/status/status.h"

#include <microhttpd.h>
#include <sys/queue.h>

enum { STATUS_MAX_URI = 4096, STATUS_MAX_BODY = 64 * 1024 };

/* What a connection is doing, for its deadlines. */
enum status_phase {
    STATUS_RECEIVING, /* a request, or waits for the next one */
    STATUS_PENDING,   /* the handler's turn: no deadline */
    STATUS_SENDING,
    STATUS_CUT /* shut down; libmicrohttpd will notice */
};

struct status_connection {
    LIST_ENTRY(status_connection) link;
    int fd;
    enum status_phase phase;
    struct bw_mono since;
    struct bw_exchange *exchange; /* begun, and not ended */
};

struct bw_exchange {
    LIST_ENTRY(bw_exchange) link; /* in s->suspended */
    struct bw_status *s;
    struct MHD_Connection *connection; /* NULL: the port is closed, only the handler's pointer is left */
    struct status_connection *peer;
    char *uri;   /* as it was sent, for the redirect; at most STATUS_MAX_URI + 1 bytes of it */
    bool seen;   /* the access handler had its first call */
    bool handed; /* the handler has it, and owes a reply */
    bool suspended;
    struct MHD_Response *response; /* NULL until the reply */
    unsigned status;
};

struct bw_status {
    struct bw_loop *loop;
    void (*handler)(void *ctx, struct bw_exchange *exchange, const char *path);
    void *ctx;
    char *token;  /* NULL: none */
    char *cookie; /* the token in hexadecimal, which every cookie may hold */
    bool check_host;
    int port;
    int64_t timeout_ms;
    struct MHD_Daemon *daemon;
    struct bw_watch *watch;
    struct bw_timer *pump_timer;
    struct bw_timer *sweep_timer;
    struct bw_timer *close_timer;
    LIST_HEAD(, bw_exchange) suspended;
    LIST_HEAD(, status_connection) connections;
    bool place_freed; /* a connection ended during this run */
    bool closing;
    void (*closed)(void *ctx);
    void *closed_ctx;
};

/* guard.c: true when the request may go to the handler; otherwise it has been answered. */
bool bw_guard_admit(struct bw_exchange *e, const char *path, const char *method, const char *version);
/* The same for what can be said before the body came: true when it has been answered, because of its size. */
bool bw_guard_refuse_body(struct bw_exchange *e, const char *method);

/* exchange.c: as bw_exchange_reply, with one more header. */
void bw_exchange_reply_with(struct bw_exchange *e, int status, const char *name, const char *value,
                            const char *content_type, const char *body, size_t len);
void bw_exchange_error_with(struct bw_exchange *e, int status, const char *name, const char *value,
                            const char *message);
void bw_exchange_free(struct bw_exchange *e);
