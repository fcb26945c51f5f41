/* Keepa's flat histories [minute, value, minute, value, ...] read under the cursor. */
#pragma once

#include "cursor.h"

#include "badgewatch/core/product.h"

enum bw_series_form {
    BW_SERIES_RANKS,  /* pairs; a value is a rank or BW_UNRANKED */
    BW_SERIES_VALUES, /* pairs */
    BW_SERIES_PRICES /* triples: minute, price, shipping; the point's value is their sum, -1 where there is no price */
};

/* Why a series cannot be used. */
struct bw_series_fault {
    const char *what; /* NULL: nothing is wrong */
    size_t item;      /* of the array, from 0 */
};

/* Passes the value under the cursor, whatever it is. A null or [] gives an empty series; so does one at fault. False
 * only when the text is no JSON (c->fault). Points to be freed by the caller. */
bool bw_series_read(struct bw_cursor *c, enum bw_series_form form, struct bw_series *out,
                    struct bw_series_fault *fault);
