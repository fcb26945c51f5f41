/* The schema of the database: numbered migrations (db/NNN_name.sql), embedded in the binary, recorded in
 * schema_migrations. */
#pragma once

#include "badgewatch/pg/pg.h"

/* Applies what is missing, in order, each in one transaction under an advisory lock: several starters at once are safe.
 * done comes once, later. applied: how many this call applied; message: for people when err != BW_OK (a database newer
 * than this program, a migration that was changed after it was applied, no rights, ...). */
void bw_migrate_start(struct bw_pg *pg,
                      void (*done)(void *ctx, enum bw_err err, int applied, const char *message), void *ctx);

/* Only looks: BW_OK if the database has exactly this version's schema; else message says what to do. done comes once,
 * later, unless this returns an error. */
void bw_migrate_check(struct bw_pg *pg, void (*done)(void *ctx, enum bw_err err, const char *message),
                      void *ctx);
