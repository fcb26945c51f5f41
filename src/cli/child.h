/* A program that a command runs and waits for: pg_dump, pg_restore, psql. */
#pragma once

#include "badgewatch/base/err.h"

#include <stdbool.h>

struct child_plan {
    const char *const *argv; /* ends with NULL; never holds a secret */
    const char *url;         /* the database, given to it as environment variables */
    const char *database;    /* another one on the same server; NULL = that of the url */
    const char *out;         /* file that gets its stdout; NULL = nobody reads it */
    bool speaks;             /* its stdout is ours */
    const char *what;        /* "backing up": said on a terminal with the size of watched; NULL = nothing */
    const char *watched;     /* file that grows meanwhile; may be NULL */
    bool uninterrupted;      /* Ctrl-C does not end it: what clears up */
};

/* True when it ended with 0. Else a message was said; its own words went to stderr. Ctrl-C and SIGTERM end it, and
 * child_interrupted() is true from then on. */
bool child_run(const struct child_plan *plan);
bool child_interrupted(void);
/* From here on SIGINT, SIGTERM and SIGHUP are for child_run: what is half done can be cleared up. */
void child_hold_signals(void);
