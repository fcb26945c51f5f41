/* Reading a stream as one of the daemons that share it (a Redis consumer group).
 *
 * Happy way: entries that were read before and never finished come first, then new ones; the reader acknowledges what
 * it finished (written.lua, told.lua). A group that is missing (Redis was emptied) is made anew from the beginning of
 * the stream. Entries of daemons that died are taken over (take_over.lua). */
#pragma once

#include "context.h"

struct bw_consumer;

/* One entry; borrowed for the time of the call. */
struct bw_entry {
    const char *id;
    const struct bw_reply *fields; /* ARRAY: name, value, ... */
};
/* Bytes of a field, or NULL. */
const char *bw_entry_field(const struct bw_entry *e, const char *name, size_t *len);

/* n = 0: nothing there now. err: Redis is away or refused; ask again later. BW_ERR_BUSY: another daemon reads it, and has
 * what was read before. */
typedef void (*bw_consumer_cb)(void *ctx, enum bw_err err, const struct bw_entry *entries, size_t n);

/* script: bw_script_read or bw_script_history. Both give the stream to one daemon at a time, in its order: turn is the key
 * that says to which. */
struct bw_consumer *bw_consumer_new(const struct bw_context *context, const char *stream, const char *turn,
                                    const char *group, struct bw_script *script, bw_consumer_cb cb,
                                    void *ctx);
/* What this daemon itself added, from the first to the last of these ids, is in its memory: history.lua leaves its bytes
 * out. "" = nothing is. */
void bw_consumer_have(struct bw_consumer *c, const char *first, const char *last);
/* Reads about `count` entries (0: none, but the turn is kept); one cb, unless one is due already or Redis is away (then false). */
bool bw_consumer_read(struct bw_consumer *c, int count);
/* Begin again with what was read and not finished: after a lost connection, or when the reader dropped its memory. */
void bw_consumer_rewind(struct bw_consumer *c);
/* Takes over from dead daemons what no turn does; call every few seconds. taken(ctx) is called when there was something. */
void bw_consumer_adopt(struct bw_consumer *c, void (*taken)(void *ctx));
/* Some of what was read and not finished may still have to be read again. */
bool bw_consumer_catching_up(const struct bw_consumer *c);
bool bw_consumer_busy(const struct bw_consumer *c);
void bw_consumer_free(struct bw_consumer *c); /* not while busy */
