/* History into Postgres: reads bw:history in order, writes batches in one transaction each, then removes the entries.
 *
 * Happy way: the stage kicks -> up to WRITE_MOST entries -> one pipeline of unnest statements, all idempotent -> commit
 * -> written.lua takes the entries out of the stream. A crash between commit and removal writes them once more, which
 * changes nothing. Of several daemons one writes at a time (history.lua): Postgres never knows a state whose
 * predecessors it does not have.
 * Failing: Postgres away or ill = the entries wait in Redis and the writer asks again with back-off. An entry that cannot
 * be read, or that Postgres refuses by itself, is found by writing the batch one by one, set aside and counted; the others
 * go on. */
#pragma once

#include "context.h"
#include "held.h"

struct bw_writer;

struct bw_writer *bw_writer_new(struct bw_context *context);
void bw_writer_start(struct bw_writer *w);
void bw_writer_kick(struct bw_writer *w);
void bw_writer_rewind(struct bw_writer *w); /* Redis is back */
/* A check was staged as this entry of the history: it is kept, so that it need not be read again. Takes what
 * check holds. */
void bw_writer_hold(struct bw_writer *w, const char *id, struct bw_held_check *check);
void bw_writer_stop(struct bw_writer *w);
bool bw_writer_quiet(const struct bw_writer *w);
/* Why entries wait; "" while they do not. */
const char *bw_writer_reason(const struct bw_writer *w);
void bw_writer_free(struct bw_writer *w);
