/* Entries of the history stream as rows of Postgres: one set of arrays a table, one statement a table. */
#pragma once

#include "badgewatch/codec/entry.h"
#include "badgewatch/pg/pg.h"
#include "consumer.h"
#include "held.h"

struct bw_rows;

#define BW_ROWS_STATEMENTS 16

struct bw_rows *bw_rows_new(void);
void bw_rows_free(struct bw_rows *r);
void bw_rows_clear(struct bw_rows *r);
/* Adds what one entry says. An error names what cannot be read: nothing of it was added then. */
enum bw_err bw_rows_add(struct bw_rows *r, const struct bw_entry *entry, struct bw_error *error) BW_MUSTCHECK;
/* Adds a check that was staged here. */
void bw_rows_add_check(struct bw_rows *r, const struct bw_held_check *check);
/* Adds the intention to tell a change. Its statement gives rows (id, told or withheld, ms since an earlier intention
 * or NULL, the thread that it may stand in or NULL) of those changes that Postgres knew before. */
void bw_rows_intend(struct bw_rows *r, const struct bw_change_entry *e);
/* Statements of all that was added, in the order in which they must run; borrowed until clear. BW_ERR_TOO_BIG if it does
 * not fit one batch, BW_ERR_INVALID if a value cannot be one of its column. */
enum bw_err bw_rows_statements(struct bw_rows *r, struct bw_pg_statement out[BW_ROWS_STATEMENTS],
                               size_t *n) BW_MUSTCHECK;
size_t bw_rows_checks(const struct bw_rows *r);
/* The id of the i-th change that is told, or withheld, by what was added; NULL behind the last. */
const char *bw_rows_told(const struct bw_rows *r, size_t i);
