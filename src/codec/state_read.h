/* Stored states, as their readers see them. Private to this room. */
#pragma once

#include "cursor.h"

#include "badgewatch/codec/state_json.h"

/* *s is initialised with its key, and is to be freed on failure too. What is no JSON is BW_ERR_INVALID as well. */
enum bw_err state_read(struct bw_cursor *c, struct bw_state *s, struct bw_error *error);
enum bw_err state_read_old(struct bw_cursor *c, struct bw_state *s, struct bw_error *error); /* version 1 */

/* What both versions have in common. The first fault stays in err; each gives false then. */
struct state_decode {
    struct bw_cursor *c;
    struct bw_error *error;
    enum bw_err err;
};
bool state_wrong(struct state_decode *d, const char *name); /* always false */
bool state_read_int(struct state_decode *d, const char *name, int64_t min, int64_t max, int64_t *out);
bool state_read_text(struct state_decode *d, const char *name, char **out); /* a string, or null */
bool state_read_unknown(struct state_decode *d, enum bw_unknown *out);
/* Reads one category more; they ascend, and have a cap. */
bool state_next_category(struct state_decode *d, struct bw_state *s,
                         bool (*read)(struct state_decode *d, struct bw_category_state *category));
