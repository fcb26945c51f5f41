/* The schema of the database: numbered migrations (db/NNN_name.sql), embedded in the binary, recorded in
 * schema_migrations. */
#pragma once

#include "badgewatch/pg/pg.h"

/* $1: BADGEWATCH_DEFAULT_FREQUENCY, for rows of tracked_asins that are inserted without a frequency. */
#define BW_KEEP_DEFAULT_FREQUENCY_SQL                                                                        \
    "UPDATE tracking_defaults SET monitoring_frequency = $1::int WHERE monitoring_frequency <> $1::int"

/* Applies what is missing, in order, each in one transaction under an advisory lock: several starters at once are safe.
 * done comes once, later, never from inside the call. applied: how many this call applied, also when err != BW_OK.
 * BW_ERR_CONFLICT: the database is newer than this program, or a migration is not the one that was applied; nothing is
 * touched then. BW_ERR_PROTOCOL: the server refused one (no rights, ...); it left nothing. message is for people. */
void bw_migrate_start(struct bw_pg *pg,
                      void (*done)(void *ctx, enum bw_err err, int applied, const char *message), void *ctx);

/* Only looks: BW_OK if the database has exactly this version's schema, BW_ERR_NOT_FOUND if some of it is missing,
 * BW_ERR_CONFLICT as above; message says what to do. done comes once, later, never from inside the call. */
void bw_migrate_check(struct bw_pg *pg, void (*done)(void *ctx, enum bw_err err, const char *message),
                      void *ctx);
