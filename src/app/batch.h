/* Products on their way through a check: leased in Redis, asked about together, staged one by one. */
#pragma once

#include "badgewatch/core/state.h"

#include <stdbool.h>

#define BW_BATCH_MAX       100 /* Keepa's limit for one request */
#define BW_BATCH_FIRST_MAX 20  /* first sights bring whole histories (CONTRACT 3, BADGEWATCH_BACKFILL) */

struct bw_member {
    struct bw_product_key key;
    bool polled;   /* asked for by a person: handed back, it stays so */
    int64_t due;   /* planned for, unix s */
    int frequency; /* minutes */
    struct bw_state prev;
};

struct bw_batch {
    struct bw_member *members; /* owned, with their states */
    size_t n;
    int domain;
    bool first;   /* all are first sights, or none is */
    int update;   /* as it was planned when they were taken */
    int64_t cost; /* tokens of one product, at most */
};

void bw_batch_fini(struct bw_batch *b);
