/* Staging: one check's result from detection into Redis, in one script (stage.lua), several in a call.
 *
 * Happy way: detect on the state that the lease brought -> script -> "ok" -> done. "conflict": somebody else staged a
 * newer state: read it, detect again (at most STAGE_TRIES). "gone": the product is tracked no more. A lost connection
 * leaves the outcome unknown: the product is handed back; should the script have run after all, the next check finds
 * its state and nothing happens twice. At most STAGE_WINDOW checks are under way; the rest waits in order. */
#pragma once

#include "batch.h"
#include "held.h"
#include "names.h"

struct bw_stage;

struct bw_check {
    struct bw_member member;   /* ownership of its state passes to the stage */
    struct bw_product product; /* ownership passes */
    char *raw;                 /* ownership passes; NULL where the answer held no bytes for it */
    size_t raw_len;
    int64_t answered_at;
    bool others_answer;
    char batch_id[BW_UUID_TEXT];
    struct bw_mono last_byte;
};

struct bw_stage_port {
    void (*changed)(void *ctx); /* changes were staged: the notifier may look */
    /* history was staged as this entry: the writer may look. Takes what check holds. */
    void (*staged)(void *ctx, const char *id, struct bw_held_check *check);
    void (*release)(void *ctx, const struct bw_member *); /* not staged: hand the lease back */
    void *ctx;
};

struct bw_stage *bw_stage_new(struct bw_context *context, struct bw_names *names,
                              const struct bw_stage_port *port);
/* done(ctx) comes exactly once, whatever becomes of the check; it may come from inside this call only if Redis is not
 * ready. */
void bw_stage_submit(struct bw_stage *s, struct bw_check *check, void (*done)(void *ctx), void *ctx);
/* Decides about losses that were held back (bw_detect_settle), without a check. Takes the state, which is what Redis has. If
 * it is not any more, or Redis finds the source well (or ill) meanwhile, nothing happens. */
void bw_stage_settle(struct bw_stage *s, const struct bw_product_key *key, struct bw_state *state, bool ill);
/* What was submitted goes to Redis now, and need not wait for company: at the end of each piece of an answer. */
void bw_stage_send(struct bw_stage *s);
size_t bw_stage_pending(const struct bw_stage *s);
void bw_stage_free(struct bw_stage *s); /* nothing may be pending */
