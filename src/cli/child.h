/* A program that a command runs and waits for: pg_dump, pg_restore, psql. */
#pragma once

#include "badgewatch/base/buf.h"

#include "progress.h"

#include <stdbool.h>
#include <sys/types.h>

struct child_plan {
    const char *const *argv; /* ends with NULL; never holds a secret */
    const char *url;         /* the database, given to it as environment variables */
    const char *database;    /* another one on the same server; NULL = that of the url */
    const char *script;      /* its stdin, at most 4 kB; NULL = nothing */
    struct bw_buf *out;      /* gets its stdout when it has ended; NULL = nobody reads it */
    const char *what;        /* "backing up": said on a terminal, with one of the two; NULL = nothing */
    const char *writes;      /* file that grows meanwhile: its size */
    const char *reads;       /* file that it reads from its begin to its end: a bar */
    bool uninterrupted;      /* Ctrl-C does not end it: what clears up */
};

/* True when it ended with 0. Else a message was said; its own words went to stderr. Ctrl-C and SIGTERM end it (with SIGKILL
 * where it does not within 3 s, or at the second one), and child_interrupted() is true from then on. */
bool child_run(const struct child_plan *plan);
bool child_interrupted(void);
/* From here on SIGINT, SIGTERM and SIGHUP are for children: what is half done can be cleared up. */
void child_hold_signals(void);

/* One that goes on beside others: its stdin stays open, so psql keeps its transaction. */
struct child {
    const struct child_plan *plan;
    pid_t pid;
    int in, out; /* ours: the end of its stdin that is written, the file of its stdout */
    struct progress bar;
};

bool child_start(struct child *c, const struct child_plan *plan);
/* Waits until it has said a whole line; gives it without its end. False: it ended, or was interrupted; child_end says why. */
bool child_first_line(struct child *c, char *line, size_t size);
/* Closes its stdin and waits for its end, as child_run does. wanted false: nobody needs it any more, it is ended. */
bool child_end(struct child *c, bool wanted);
