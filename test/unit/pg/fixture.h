/* A client under test, and its answers, kept so that a test can look at them later. */
#pragma once

#include "badgewatch/pg/pg.h"
#include "pgserver.h"
#include "support/loop_fixture.h"

enum { WAIT_MS = 10000, NOTES_MAX = 128 };

struct client {
    struct bw_loop *loop;
    struct bw_pg *pg;
    bool ready;
    bool closed;
    int states; /* calls of on_state */
    char reason[512];
    char notes[NOTES_MAX][128]; /* "channel payload" */
    size_t n_notes;
};

struct answer {
    struct client *client;
    int calls;
    int order; /* of this answer among all of the client's */
    enum bw_err err;
    char sqlstate[6];
    bool transient;
    size_t failed;
    char message[1024];
    size_t n;
    size_t rows; /* of the last result */
    char *value; /* its first value; NULL = SQL NULL or no row */
    size_t length;
    int64_t affected;  /* of the last result */
    bool close_inside; /* close the client from inside the callback */
};

/* options: NULL = quick reconnects and nothing else; url, on_state, on_notify and ctx are set here. */
void client_open(struct client *c, struct bw_loop *loop, const char *url,
                 const struct bw_pg_options *options);
void client_close(struct client *c); /* and waits until it is closed */
void client_close_start(struct client *c, int64_t drain_ms);

void on_answer(void *ctx, const struct bw_pg_answer *answer);
/* Submits one statement without parameters. */
enum bw_err submit(struct client *c, struct answer *a, const char *sql);
enum bw_err submit_all(struct client *c, struct answer *a, const struct bw_pg_statement *statements,
                       size_t n);
void answer_free(struct answer *a);
/* Submits, waits, and fails the test unless the answer is BW_OK. The value must be freed by answer_free. */
void ask(struct client *c, struct answer *a, const char *sql);
