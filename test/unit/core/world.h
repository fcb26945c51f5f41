/* A made-up product whose whole truth is known: random series, and the answers that Keepa would give about it.
 * Times are minutes from 0 to WORLD_MINUTES (see sight_time). */
#pragma once

#include "badgewatch/core/product.h"

#define WORLD_MINUTES    (8 * INT64_C(1440))
#define WORLD_CATEGORIES 4
#define WORLD_POINTS     200

struct world_category {
    int64_t id;
    struct bw_point points[WORLD_POINTS]; /* at: minutes */
    size_t n;
    int64_t lag;     /* a point is shown this many minutes after its time */
    int64_t appears; /* the category is in no answer before this minute */
};

struct world {
    uint64_t random;
    struct world_category categories[WORLD_CATEGORIES];
    size_t n;
};

/* simple: every category is there from the beginning and points are shown at once. */
void world_make(struct world *w, uint64_t seed, bool simple);
int64_t world_random(struct world *w, int64_t below); /* 0 .. below - 1 */
/* Whether an answer at this minute can show the category: it has appeared and has a point. */
bool world_visible(const struct world_category *c, int64_t at);
/* days 0 = whole history; hidden categories are left out. unknown is BW_UNKNOWN_NO_RANKS if nothing is left. */
void world_answer(const struct world *w, int64_t at, int days, const bool hidden[WORLD_CATEGORIES],
                  bool last_update, struct bw_product *p);
/* Minute of the oldest point of the category in such an answer. */
int64_t world_oldest(const struct world_category *c, int64_t at, int days);
