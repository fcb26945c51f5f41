/* Postgres client: libpq, non-blocking, pipeline mode (facts/c-and-libraries 2.4).
 *
 * The unit of work is a batch: statements that run in one implicit transaction (one Sync), all or nothing.
 * Several batches may be in flight; they are answered in order. A lost connection fails what is in flight
 * with BW_ERR_UNAVAILABLE and sqlstate "" (outcome unknown: make batches idempotent), then reconnects for ever
 * with back-off on a new PGconn. While not ready, submit is refused at once. */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/loop/loop.h"

struct bw_pg;

struct bw_pg_options {
    const char *url; /* any libpq connection string or URI */
    const char *application_name;
    int64_t connect_timeout_ms;   /* 0 = 10 s for one address */
    int64_t statement_timeout_ms; /* 0 = 30 s; sent as a session setting */
    int64_t reconnect_min_ms;     /* 0 = 200 */
    int64_t reconnect_max_ms;     /* 0 = 10000 */
    size_t max_batches;           /* 0 = 64 in flight or queued; more get BW_ERR_BUSY */
    bool read_write;              /* refuse a read-only server: not ready, reason "read-only" */
    void (*on_state)(void *ctx, bool ready, const char *reason); /* as in redis.h */
    void (*on_notify)(void *ctx, const char *channel, const char *payload);
    const char *const *listen; /* channels to LISTEN on after each connect, before ready; NULL-terminated */
    void *ctx;
};

struct bw_pg_statement {
    const char *sql;
    int n_params;
    const char *const *params; /* NULL = SQL NULL; copied at submit */
    const int *lens;           /* NULL: all params are texts; else all are in binary form, of these lengths */
};

/* One result a statement. Borrowed for the time of the call. */
struct bw_pg_result;
size_t bw_pg_rows(const struct bw_pg_result *result);
const char *bw_pg_value(const struct bw_pg_result *result, size_t row, int column); /* NULL = SQL NULL */
size_t bw_pg_length(const struct bw_pg_result *result, size_t row, int column);
int64_t bw_pg_affected(const struct bw_pg_result *result); /* of the command tag; 0 where it has none */

struct bw_pg_answer {
    enum bw_err err;  /* BW_OK committed; BW_ERR_PROTOCOL the server refused (see sqlstate), nothing was
                              applied; BW_ERR_UNAVAILABLE, BW_ERR_TIMEOUT, BW_ERR_CLOSED: outcome unknown;
                              BW_ERR_UNSUPPORTED: a COPY, nothing was applied */
    char sqlstate[6]; /* "" unless the server gave one */
    bool transient;   /* worth trying again as it is: 08, 40, 53, 55, 57, 25006, and no SQLSTATE */
    size_t failed;    /* index of the statement that failed, when err is BW_ERR_PROTOCOL; the last one when it
                              was the commit (a deferred constraint) */
    const char *message; /* for people; "" when BW_OK */
    size_t n;            /* results, when BW_OK */
    const struct bw_pg_result *const *results;
};
typedef void (*bw_pg_cb)(void *ctx, const struct bw_pg_answer *answer);

enum bw_err bw_pg_new(struct bw_loop *loop, const struct bw_pg_options *options, struct bw_pg **out,
                      struct bw_error *error) BW_MUSTCHECK; /* BW_ERR_INVALID: bad URL */
struct bw_loop *bw_pg_loop(const struct bw_pg *pg);
bool bw_pg_ready(const struct bw_pg *pg);
const char *bw_pg_reason(const struct bw_pg *pg); /* no password */
/* Error now (BW_ERR_UNAVAILABLE, BW_ERR_BUSY; BW_ERR_TOO_BIG: a statement of 1 GB), or one callback later. */
enum bw_err bw_pg_submit(struct bw_pg *pg, const struct bw_pg_statement *statements, size_t n, bw_pg_cb cb,
                         void *ctx) BW_MUSTCHECK;
/* A script of several statements (migrations): runs outside the pipeline through the simple protocol on this
 * connection, only while nothing is in flight (else BW_ERR_BUSY). One callback; n = 0 results. A transaction that the
 * script leaves open, by an error or by mistake (then BW_ERR_INVALID), is rolled back before the callback. */
enum bw_err bw_pg_script(struct bw_pg *pg, const char *sql, bw_pg_cb cb, void *ctx) BW_MUSTCHECK;
size_t bw_pg_pending(const struct bw_pg *pg);
/* Statements of the oldest batch in flight that have their result: for a person who waits. */
size_t bw_pg_answered(const struct bw_pg *pg);
void bw_pg_close(struct bw_pg *pg, int64_t drain_ms, void (*closed)(void *ctx), void *ctx);

/* Arrays as texts, for the few values of a command: bw_pg_array_init, _add / _add_null / _add_int, _end; then pass buf.data. */
struct bw_pg_array {
    struct bw_buf buf;
    bool open;
    size_t n;
};
void bw_pg_array_init(struct bw_pg_array *a, size_t max);
void bw_pg_array_add(struct bw_pg_array *a, const char *text,
                     size_t len); /* quoted and escaped; a NUL in text ends it and sets overflow */
void bw_pg_array_add_str(struct bw_pg_array *a, const char *text); /* NULL adds NULL */
void bw_pg_array_add_int(struct bw_pg_array *a, int64_t value);
void bw_pg_array_add_null(struct bw_pg_array *a);
/* Closes the literal ("{...}") and returns it, or NULL if the cap was reached or a text held a NUL. */
const char *bw_pg_array_end(struct bw_pg_array *a);
void bw_pg_array_clear(struct bw_pg_array *a);
void bw_pg_array_fini(struct bw_pg_array *a);

/* Arrays in binary form, for the rows of a batch: no quoting, no reading of numbers by the server. Its elements are of one
 * type, which must be that of the parameter. */
enum bw_pg_type { BW_PG_BOOL, BW_PG_INT2, BW_PG_INT4, BW_PG_INT8, BW_PG_TEXT, BW_PG_UUID };
struct bw_pg_column {
    struct bw_buf buf;
    enum bw_pg_type type;
    uint32_t n;
    bool has_null;
    bool unfit; /* holds what is no value of its type */
};
void bw_pg_column_init(struct bw_pg_column *c, enum bw_pg_type type, size_t max); /* max: below 2 GB */
void bw_pg_column_add_int(struct bw_pg_column *c, int64_t value);                 /* also of a bool: 0 or 1 */
void bw_pg_column_add(struct bw_pg_column *c, const char *text, size_t len);      /* text, uuid */
void bw_pg_column_add_str(struct bw_pg_column *c, const char *text);              /* NULL adds NULL */
void bw_pg_column_add_null(struct bw_pg_column *c);
/* Completes it, and gives its buf.data of buf.len bytes, the parameter; NULL if the cap was reached or it is unfit. Nothing
 * may be added behind. */
const char *bw_pg_column_end(struct bw_pg_column *c);
void bw_pg_column_clear(struct bw_pg_column *c);
void bw_pg_column_fini(struct bw_pg_column *c);

/* The settings of a URI or connection string as libpq's environment variables (PGHOST, PGPASSWORD, ...), for a program that
 * is started: its command line is read by everybody on the machine, its environment only by its user. False: the text is
 * no connection string. */
bool bw_pg_url_environment(const char *url, void (*take)(void *ctx, const char *name, const char *value),
                           void *ctx);
