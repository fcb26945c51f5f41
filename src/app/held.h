/* Checks that this daemon staged, kept until the writer comes to them, so that neither their bytes nor their meaning need
 * be read from Redis again.
 *
 * Happy way: put in the order of staging, taken in the order of the stream, which is the same. Failing: what is not here
 * (no room, another daemon staged it, a restart) is read from Redis: nothing but speed depends on this. */
#pragma once

#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/state_json.h"

#define BW_HELD_ID 48 /* text of an id */

struct bw_held;

struct bw_held_check {
    struct bw_check_record record;
    struct bw_state_text text; /* of record.state */
    char *raw;                 /* as it goes to the database; NULL where there is none */
    size_t raw_len;
};

struct bw_held *bw_held_new(void);
void bw_held_free(struct bw_held *h);
void bw_held_clear(struct bw_held *h);
/* Takes what check holds, also where there is no room for it. id: of its entry in the stream. */
void bw_held_put(struct bw_held *h, const char *id, struct bw_held_check *check);
/* False if it is not here. Else it is the caller's, to be ended by bw_held_check_fini. Those that were staged before it
 * are dropped: another daemon has them. */
bool bw_held_take(struct bw_held *h, const char *id, struct bw_held_check *out);
void bw_held_check_fini(struct bw_held_check *c);
size_t bw_held_bytes(const struct bw_held *h); /* about */
/* Ids of the oldest and the newest; what was put between them is all here. "" where nothing is. */
void bw_held_ends(const struct bw_held *h, char oldest[BW_HELD_ID], char newest[BW_HELD_ID]);
