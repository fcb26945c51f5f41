/* The manifest of a backup: a text of lines beside the dump.
 *
 *     badgewatch backup 2
 *     schema 9                           the newest migration
 *     rows 1234 public.checks            of each table, in the snapshot that the dump is of
 *     bytes 56789                        of the dump
 *     sha256 4f0c...                     of the dump
 *     end 9a31...                        SHA-256 of all lines before
 *
 * Those of format 1 have neither rows nor end. */
#pragma once

#include "child.h"
#include "copies.h"

struct manifest {
    int format;
    int schema;
    int64_t bytes;
    char sum[COPY_SUM + 1];
    struct bw_buf rows; /* its "rows" lines, in the order of their names */
};

/* For psql: says "snapshot ID", then the lines of the schema and the rows, and keeps the snapshot until its stdin ends. */
extern const char manifest_script[];

void manifest_init(struct manifest *m);
void manifest_fini(struct manifest *m);
/* Takes the schema and the rows from what psql said. False after a message. */
bool manifest_take(struct manifest *m, const char *said);
/* Sums the dump and writes the manifest beside it, both synced. */
bool manifest_write(struct manifest *m, const char *folder);
/* Reads it and compares the dump with it. False after a message that names the file, and what is wrong with it. */
bool manifest_read(struct manifest *m, const char *folder);
/* Says of each table whose rows are others; true when all agree. */
bool manifest_same_rows(const struct manifest *m, const struct manifest *restored);
