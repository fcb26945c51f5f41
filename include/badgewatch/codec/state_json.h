/* State of a product as stored JSON, and the readable pieces of it. */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/core/state.h"

/* Whole state, nothing lost: a list whose form state_json.c tells. */
void bw_state_encode(const struct bw_state *s, struct bw_buf *out);
/* Also of version 1. key is what the state belongs to. BW_ERR_SYNTAX / BW_ERR_INVALID with a text on anything unexpected. */
enum bw_err bw_state_decode(const char *json, size_t len, const struct bw_product_key *key,
                            struct bw_state *out, struct bw_error *error) BW_MUSTCHECK;
/* {"7792528011":{"rank":1,"at":"2026-05-10T04:19:28Z"}}; rank null where unranked (CONTRACT 4 sales_ranks). Removed
 * categories are left out. */
void bw_state_ranks_json(const struct bw_state *s, struct bw_buf *out);
/* [{"category_id":7792528011,"category":"Serums","since":"..."}] (bestseller_badges). */
void bw_state_badges_json(const struct bw_state *s, struct bw_buf *out);
/* The three texts of a state, for whoever needs them more than once. */
struct bw_state_text {
    struct bw_buf state, ranks, badges;
};
void bw_state_text_make(struct bw_state_text *t, const struct bw_state *s); /* t uninitialised */
void bw_state_text_fini(struct bw_state_text *t);
/* "Serums", or "Category 7792528011" where no name is known. */
void bw_category_label(int64_t category_id, const char *name, struct bw_buf *out);
