/* Inside of the Postgres client. */
#pragma once

#include "badgewatch/base/backoff.h"
#include "badgewatch/pg/pg.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <sys/queue.h>

#define HOSTS_MAX      16
#define ADDRESSES_MAX  8
#define PARAMETERS_MAX 64
#define LISTEN_MAX     16
#define REASON_MAX     512

/* ---- url.c ---- */

struct host {
    char *name;    /* NULL: libpq's default */
    char *address; /* hostaddr of the string; NULL: to be resolved */
    char *port;
};

struct pg_url {
    PQconninfoOption *options;
    struct host hosts[HOSTS_MAX];
    size_t n_hosts;             /* at least 1 */
    int64_t connect_timeout_ms; /* 0 = it says nothing */
};

enum bw_err pg_url_init(struct pg_url *url, const char *text, struct bw_error *error) BW_MUSTCHECK;
void pg_url_fini(struct pg_url *url);

/* ---- the client ---- */

/* One batch: from submit to its single callback. */
struct batch {
    TAILQ_ENTRY(batch) link;
    bw_pg_cb cb;
    void *ctx;
    bool greeting;
    bool script;  /* simple protocol */
    bool ending;  /* script: its results are in, the transaction that it left open is being rolled back */
    bool refused; /* the error is the caller's, though the connection must go */
    bool got;     /* a result of statement `at`; its NULL must follow */
    size_t n;     /* statements */
    size_t at;    /* of the result that comes next */
    PGresult **results;
    struct bw_pg_answer answer; /* error so far */
    char message[REASON_MAX];
};

enum pg_state {
    PG_WAITING,    /* for the time of the next try */
    PG_RESOLVING,  /* the name of a host */
    PG_CONNECTING, /* PQconnectPoll */
    PG_GREETING,   /* session settings, LISTEN */
    PG_READY,
    PG_CLOSED
};

struct bw_pg {
    struct bw_loop *loop;
    struct bw_pg_options options; /* strings are not kept, but for those below */
    struct pg_url url;
    char *application_name;
    char **listen;
    enum pg_state state;
    PGconn *conn;
    struct bw_watch *watch;
    struct bw_timer *timer; /* next try, connect time-out, deadline of the oldest batch, end of draining */
    struct bw_backoff backoff;
    char reason[REASON_MAX];
    bool told_any;
    bool told_ready;
    char told[REASON_MAX];  /* reason told last */
    char fatal[REASON_MAX]; /* the server's last words on this connection */
    char lost[REASON_MAX];  /* why the connection is broken, when we know it ourselves */
    bool broken;            /* to be dropped from the loop, not from inside a call */
    bool closing;
    struct bw_mono drain_until;
    struct bw_mono progress; /* of the oldest batch: bytes moved */
    void (*closed)(void *ctx);
    void *closed_ctx;
    TAILQ_HEAD(, batch) sent;
    size_t n_sent;
    /* finding a server: this round */
    struct bw_resolve *resolve;
    size_t host_at; /* the next one */
    char addresses[ADDRESSES_MAX][64];
    size_t n_addresses;
    size_t address_at; /* the next one */
    char failure[REASON_MAX];
    bool slow; /* refused for something that only a person can mend */
    bool failure_slow;
};

/* connect.c */
void pg_connect_begin(struct bw_pg *pg);
void pg_connect_moved(struct bw_pg *pg); /* the socket moved while connecting */
void pg_target_failed(struct bw_pg *pg, const char *why);
void pg_target_timeout(struct bw_pg *pg);

/* pipeline.c */
enum bw_err pg_send(struct bw_pg *pg, struct batch *b, const struct bw_pg_statement *statements) BW_MUSTCHECK;
enum bw_err pg_send_script(struct bw_pg *pg, struct batch *b, const char *sql) BW_MUSTCHECK;
bool pg_greet(struct bw_pg *pg) BW_MUSTCHECK;
void pg_pump(struct bw_pg *pg, bool broken);
void pg_note_fatal(struct bw_pg *pg, const PGresult *result);

/* batch.c */
enum taken { TAKEN_MORE, TAKEN_ALL, TAKEN_OUT_OF_STEP };
struct batch *batch_new(size_t n, bw_pg_cb cb, void *ctx);
void batch_free(struct batch *b);
enum taken batch_take(struct batch *b,
                      PGresult *result); /* takes ownership of one result, or the NULL between two */
void batch_deliver(struct batch *b);     /* calls back and frees */
void batch_fail(struct batch *b, enum bw_err err, const char *why); /* outcome unknown; same */

/* pg.c */
void pg_drop(struct bw_pg *pg, enum bw_err err, const char *why); /* ends the connection, begins anew later */
void pg_wait(struct bw_pg *pg, int64_t delay_ms, const char *why); /* not ready; the next try is later */
void pg_disconnect(struct bw_pg *pg);
void pg_became_ready(struct bw_pg *pg);
void pg_arm(struct bw_pg *pg);                            /* the timer, for what the state waits for */
bool pg_watch(struct bw_pg *pg, int events) BW_MUSTCHECK; /* false: it cannot be watched */
