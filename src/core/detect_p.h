/* Inside of detection: one check at work, shared by detect.c (the product) and detect_category.c (its categories). */
#pragma once

#include "badgewatch/core/detect.h"

struct bw_check_work {
    const struct bw_detect_input *in;
    const struct bw_state *prev;
    struct bw_detection *out;
    size_t cap_changes;
    size_t cap_reigns;
    size_t cap_unknowns;
    size_t cap_rank_points;
};

/* Points that may be believed: index [from, to) of a series. */
struct bw_believable {
    size_t from;
    size_t to;
};

/* Cuts off points not after 1970 and points later than a day after the answer. They are dropped one by one and the
 * rest is used: calling the whole product malformed would freeze it for as long as the source keeps such a point,
 * and taking one in would make every true point until then look old. */
struct bw_believable bw_believable_points(const struct bw_series *series, int64_t answered_at);

/* Opens (to_at 0) or closes a period. Where nothing was ever known (from_at 0) there is nothing to say. */
void bw_work_unknown(struct bw_check_work *w, int64_t category_id, int64_t from_at, int64_t to_at,
                     const char *reason);

/* Brings next.categories up to date with a usable answer: rules 3 to 7, category by category. next holds the
 * categories of prev. */
void bw_work_categories(struct bw_check_work *w);
/* Rule 8: what becomes of a badge that waits. */
void bw_work_settle(struct bw_check_work *w, struct bw_category_state *c);
/* Category gone for good: a badge is lost at `at`, the time of the first check that missed it. */
void bw_work_remove(struct bw_check_work *w, struct bw_category_state *c, enum bw_reason reason, int64_t at);
