/* What restore and verify share: a backup that is whole, and its way into a database. */
#pragma once

#include "command.h"
#include "manifest.h"
#include "options.h"

/* The backup that the command line names, read and compared; signals are held. m: initialised. False after a message, *code
 * is then the exit. */
bool restore_choose(struct invocation *in, const char *allowed, struct options *o, char folder[COPY_PATH],
                    struct manifest *m, int *code);
/* One transaction. database: another one on the server of the url; NULL = that of the url. */
bool restore_load(const char *folder, const char *url, const char *database);
