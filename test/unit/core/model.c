#include "model.h"

#include <string.h>

/* One category, minute by minute. */
struct film {
    const struct world_category *c;
    size_t index;
    const struct model_check *checks;
    size_t n_checks;
    int64_t rank[WORLD_MINUTES]; /* in force in that minute; BW_NO_RANK before the oldest point ever given */
    int64_t last_point[WORLD_MINUTES]; /* newest point at or before that minute; -1 none */
    size_t first;                      /* check that showed the category first */
    int64_t seen_until;                /* newest minute whose points the first showing could hold */
    int64_t history_until;             /* up to here it is history: nothing is told */
    int64_t end;                       /* newest minute whose points any check could hold */
    bool late;                         /* the product was known before this category was */
};

static bool begin(struct film *f)
{
    int64_t usable_before = -1;
    for (f->first = 0; f->first < f->n_checks && !f->checks[f->first].shown[f->index]; f->first++) {
        if (f->checks[f->first].usable)
            usable_before = f->checks[f->first].at;
    }
    if (f->first == f->n_checks)
        return false;
    f->late = usable_before >= 0;
    f->seen_until = f->checks[f->first].at - f->c->lag;
    f->history_until = f->late && usable_before < f->seen_until ? usable_before : f->seen_until;
    for (size_t k = f->first; k < f->n_checks; k++) {
        if (f->checks[k].shown[f->index])
            f->end = f->checks[k].at - f->c->lag;
    }
    return true;
}

static void film(struct film *f)
{
    int64_t oldest = world_oldest(f->c, f->checks[f->first].at, f->checks[f->first].days);
    int64_t rank = BW_NO_RANK;
    int64_t point = -1;
    size_t i = 0;
    for (int64_t minute = 0; minute < WORLD_MINUTES; minute++) {
        if (i < f->c->n && f->c->points[i].at == minute) {
            if (minute >= oldest) {
                rank = f->c->points[i].value;
                point = minute;
            }
            i++;
        }
        f->rank[minute] = rank;
        f->last_point[minute] = point;
    }
}

static bool top(const struct film *f, int64_t minute)
{
    return minute >= 0 && f->rank[minute] == 1;
}

/* The moment before `minute` at which the standing before was sure: the point before, or the check between the two
 * that showed nothing newer. */
static int64_t sure_before(const struct film *f, int64_t minute)
{
    int64_t sure = minute > 0 ? f->last_point[minute - 1] : -1;
    int64_t shown = -1;
    if (minute <= f->seen_until)
        return sure;
    for (size_t k = f->first; k < f->n_checks && f->checks[k].at - f->c->lag < minute; k++) {
        if (f->checks[k].shown[f->index])
            shown = f->checks[k].at;
    }
    bool newest_known = sure <= shown - f->c->lag;
    return newest_known && shown < minute && shown > sure ? shown : sure;
}

static void told(struct model *m, const struct film *f, int64_t minute, int64_t held_since)
{
    int64_t rank = f->rank[minute];
    m->changes[m->n_changes++] = (struct model_change){
        .category = f->c->id,
        .reason = rank == 1 ? BW_REACHED_TOP : (rank == BW_UNRANKED ? BW_UNRANKED_LOSS : BW_OUTRANKED),
        .at = minute,
        .previous_rank = minute > 0 ? f->rank[minute - 1] : BW_NO_RANK,
        .new_rank = rank,
        .held_since = rank == 1 ? -1 : held_since,
    };
}

/* A gain of the history is told too if it is the one in force when the product was checked last. */
static bool in_force_then(const struct film *f, int64_t minute)
{
    for (int64_t later = minute; later <= f->history_until; later++) {
        if (!top(f, later))
            return false;
    }
    return f->late;
}

static void play(struct model *m, const struct film *f)
{
    struct model_reign *reign = NULL;
    for (int64_t minute = 0; minute <= f->end && minute < WORLD_MINUTES; minute++) {
        if (f->last_point[minute] == minute)
            m->points[m->n_points++] = (struct model_point){f->c->id, minute};
        if (top(f, minute) == top(f, minute - 1))
            continue;
        if (top(f, minute)) {
            reign = &m->reigns[m->n_reigns++];
            *reign = (struct model_reign){f->c->id, minute, -1, BW_REACHED_TOP, sure_before(f, minute), -1};
        } else {
            reign->end = minute;
            reign->ended_by = f->rank[minute] == BW_UNRANKED ? BW_UNRANKED_LOSS : BW_OUTRANKED;
            reign->end_not_before = sure_before(f, minute);
        }
        if (minute > f->history_until || (top(f, minute) && in_force_then(f, minute)))
            told(m, f, minute, reign->start);
    }
}

void model_make(const struct world *w, const struct model_check *checks, size_t n, struct model *m)
{
    static struct film f; /* large */
    memset(m, 0, sizeof(*m));
    for (size_t i = 0; i < w->n; i++) {
        memset(&f, 0, sizeof(f));
        f.c = &w->categories[i];
        f.index = i;
        f.checks = checks;
        f.n_checks = n;
        if (!begin(&f))
            continue;
        film(&f);
        play(m, &f);
    }
}
