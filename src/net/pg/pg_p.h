/* Inside of the Postgres client. */
#pragma once

#include "badgewatch/base/backoff.h"
#include "badgewatch/pg/pg.h"

#include <libpq-fe.h>
#include <sys/queue.h>

/* One batch: from submit to its single callback. */
struct batch {
    TAILQ_ENTRY(batch) link;
    bw_pg_cb cb; /* NULL: the client's own greeting */
    void *ctx;
    bool script;   /* simple protocol */
    bool greeting;
    size_t n;      /* statements */
    size_t at;     /* of the result that comes next */
    PGresult **results;
    struct bw_pg_answer answer; /* error so far */
    char message[512];
    struct bw_mono sent;
};

enum state {
    PG_WAITING,    /* for the time of the next try */
    PG_RESOLVING,  /* names of hosts */
    PG_CONNECTING, /* PQconnectPoll */
    PG_GREETING,   /* session settings, LISTEN */
    PG_READY,
    PG_CLOSED
};

#define HOSTS_MAX     8
#define ADDRESSES_MAX 16

struct host {
    char *name; /* "" or a path: unix socket, not resolved */
    char *port;
};

struct bw_pg {
    struct bw_loop *loop;
    struct bw_pg_options options; /* strings are not kept, but for those below */
    char *url;
    char *application_name;
    char **listen;
    enum state state;
    PGconn *conn;
    struct bw_watch *watch;
    struct bw_timer *timer; /* next try, connect time-out, deadline of the oldest batch, end of draining */
    struct bw_backoff backoff;
    char reason[512];
    bool told_ready;
    char told[512]; /* reason told last */
    bool broken;    /* to be dropped from the loop, not from inside a call */
    bool pumping;
    bool closing;
    struct bw_mono drain_until;
    void (*closed)(void *ctx);
    void *closed_ctx;
    TAILQ_HEAD(, batch) sent;
    size_t n_sent;
    /* connecting */
    struct bw_resolve *resolve;
    struct host hosts[HOSTS_MAX];
    size_t n_hosts;
    size_t resolving; /* index */
    struct bw_buf list_host, list_hostaddr, list_port;
    size_t n_addresses;
    char resolve_error[256];
};

/* connect.c */
void pg_connect_begin(struct bw_pg *pg);
void pg_connect_ready(struct bw_pg *pg); /* the socket moved while connecting */
void pg_connect_forget(struct bw_pg *pg);
enum bw_err pg_check_url(const char *url, struct bw_error *error);

/* pipeline.c */
enum bw_err pg_send(struct bw_pg *pg, struct batch *b, const struct bw_pg_statement *statements);
enum bw_err pg_send_script(struct bw_pg *pg, struct batch *b, const char *sql);
void pg_greet(struct bw_pg *pg);
void pg_pump(struct bw_pg *pg, bool broken);
void pg_fail_all(struct bw_pg *pg, enum bw_err err, const char *why);

/* batch.c */
struct batch *batch_new(size_t n, bw_pg_cb cb, void *ctx);
void batch_free(struct batch *b);
/* Takes one result; true when the batch is complete. */
bool batch_take(struct batch *b, PGresult *result);
void batch_deliver(struct batch *b); /* calls back and frees */

/* pg.c */
void pg_drop(struct bw_pg *pg, enum bw_err err, const char *why); /* ends the connection, begins anew later */
void pg_became_ready(struct bw_pg *pg);
void pg_arm(struct bw_pg *pg);
void pg_watch(struct bw_pg *pg, int events);
void pg_copy_reason(struct bw_pg *pg, const char *text);
