/* Made-up records of the tests of entries: random ones, with the ends of each range often among them. */
#pragma once

#include "badgewatch/codec/entry.h"

#define TIME_MAX INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define BATCH    "6f0c3a52-0000-4000-8000-000000000001"
#define HASH     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct bw_product_key made_key = {.domain = 3, .asin = "B0TEST0001"};

uint32_t next_random(uint32_t *seed);
int64_t random_number(uint32_t *seed, int64_t min, int64_t max);
const char *random_text(uint32_t *seed);
char *random_name(uint32_t *seed); /* NULL now and then; to be freed */
void random_uuid(uint32_t *seed, char out[BW_UUID_TEXT]);
struct bw_change random_change(uint32_t *seed);

/* One check with all that a check can have, detected by nobody. */
struct made {
    struct bw_detection d;
    struct bw_product p;
    struct bw_rank_series ranks[3];
    struct bw_new_points new[3];
    struct bw_point points[8], values[3];
    struct bw_category_name tree[2];
    struct bw_reign reigns[3];
    struct bw_unknown_period unknowns[2];
    struct bw_change changes[3];
    char text[32];
};

/* Points into itself: not to be copied. */
void made_init(struct made *m, uint32_t *seed);
void made_fini(struct made *m);
void made_encode(const struct made *m, struct bw_buf *json);
