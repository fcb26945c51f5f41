/* What should have been said about a world, worked out minute by minute from its whole truth. The model knows which
 * checks were made and what they showed; it knows nothing of states, and shares no code with detection. */
#pragma once

#include "badgewatch/core/change.h"
#include "world.h"

struct model_check {
    int64_t at;
    bool usable;
    int days;
    bool shown[WORLD_CATEGORIES];
};

struct model_change {
    int64_t category;
    enum bw_reason reason; /* BW_REACHED_TOP: gained */
    int64_t at;            /* minutes */
    int64_t previous_rank;
    int64_t new_rank;
    int64_t held_since; /* minutes; -1 for a gain */
};

struct model_reign {
    int64_t category;
    int64_t start, end; /* minutes; end -1 = still held */
    enum bw_reason ended_by;
    int64_t start_not_before, end_not_before; /* minutes; -1 = unknown */
};

struct model_point {
    int64_t category;
    int64_t at;
};

#define MODEL_MAX (WORLD_CATEGORIES * WORLD_POINTS)
struct model {
    struct model_change changes[MODEL_MAX];
    size_t n_changes;
    struct model_reign reigns[MODEL_MAX];
    size_t n_reigns;
    struct model_point points[MODEL_MAX];
    size_t n_points;
};

void model_make(const struct world *w, const struct model_check *checks, size_t n, struct model *m);
