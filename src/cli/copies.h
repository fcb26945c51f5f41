/* The folder that backups lie in, and what each is made of: see backup.c. */
#pragma once

#include "badgewatch/base/buf.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#define COPY_PREFIX  "badgewatch-"
#define COPY_PARTIAL ".partial"
#define COPY_NAME    (sizeof(COPY_PREFIX "20260510T041928Z") - 1)
#define COPY_PATH    2048
#define COPY_SUM     64

/* "PATH: why", from errno; gives false. */
bool copy_complain(const char *path);
void copy_path(char out[COPY_PATH], const char *folder, const char *name);
/* A backup's folder and all that is ever in it. False after a message: it is still there. */
bool copy_remove(const char *folder);
bool copy_sync(const char *path);
/* Size and SHA-256 of a file; false after a message, also where it is empty. */
bool copy_sum(const char *path, int64_t *size, char sum[COPY_SUM + 1]);
/* Removes all but the newest; keep 0: none. made: the name of the one just made; false after a message, and nothing is
 * removed, where another one is dated after it. */
bool copies_keep(const char *dir, int keep, const char *made);
/* The folder itself where it is a backup, else the newest in it. False after a message. */
bool copies_choose(const char *dir, char out[COPY_PATH]);
