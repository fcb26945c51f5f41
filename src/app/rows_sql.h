/* The statements of rows.c, one a table; $1, $2 ... are the columns of its rows, as arrays. Private to rows.c. */
#pragma once

#include "rows.h"

enum table {
    PARTITIONS,
    CATEGORIES,
    CHECKS,
    RANK_POINTS,
    VALUE_POINTS,
    REIGNS,
    CHANGES,
    TOLD,
    INTENTIONS,
    NOTES,
    SETTLED,
    UNKNOWNS,
    STATES,
    REQUESTS,
    ATTEMPTS,
    RAW, /* the longest last: libpq tries to send at each message while the socket is full */
    TABLES
};

_Static_assert(TABLES <= BW_ROWS_STATEMENTS, "room for all statements");

struct rows_table {
    int columns;
    const char *sql;
};
extern const struct rows_table rows_tables[TABLES];
