#include "world.h"

#include "badgewatch/base/alloc.h"
#include "sight.h"

#include <string.h>

int64_t world_random(struct world *w, int64_t below) /* splitmix64 */
{
    uint64_t z = (w->random += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return (int64_t)((z ^ (z >> 31)) % (uint64_t)below);
}

static int64_t random_rank(struct world *w)
{
    int64_t dice = world_random(w, 10);
    if (dice < 4)
        return 1;
    return dice < 6 ? BW_UNRANKED : 2 + world_random(w, 5);
}

static void make_points(struct world *w, struct world_category *c)
{
    static const int64_t paces[] = {20, 200, 2000};
    int64_t pace = paces[world_random(w, 3)];
    int64_t at = 1 + world_random(w, WORLD_MINUTES / 2);
    while (c->n < WORLD_POINTS && at < WORLD_MINUTES) {
        int64_t rank = random_rank(w);
        /* The source appends only what changes; now and then equal neighbours must not matter either. */
        if (c->n == 0 || c->points[c->n - 1].value != rank || world_random(w, 10) == 0)
            c->points[c->n++] = (struct bw_point){at, rank};
        at += 1 + world_random(w, pace);
    }
}

void world_make(struct world *w, uint64_t seed, bool simple)
{
    memset(w, 0, sizeof(*w));
    w->random = seed;
    w->n = 1 + (size_t)world_random(w, WORLD_CATEGORIES);
    for (size_t i = 0; i < w->n; i++) {
        struct world_category *c = &w->categories[i];
        c->id = 100 * ((int64_t)i + 1);
        make_points(w, c);
        if (simple)
            continue;
        c->lag = world_random(w, 2) * world_random(w, 29);
        c->appears = world_random(w, 3) == 0 ? world_random(w, WORLD_MINUTES) : 0;
    }
}

bool world_visible(const struct world_category *c, int64_t at)
{
    return at >= c->appears && c->n > 0 && c->points[0].at + c->lag <= at;
}

/* First index of the answer: the last point at or before the beginning of the window is kept as anchor. */
static size_t first_shown(const struct world_category *c, int64_t at, int days)
{
    int64_t window = at - days * (int64_t)1440;
    size_t i = 0;
    if (days == 0)
        return 0;
    while (i + 1 < c->n && c->points[i + 1].at + c->lag <= at && c->points[i + 1].at <= window)
        i++;
    return i;
}

int64_t world_oldest(const struct world_category *c, int64_t at, int days)
{
    return c->points[first_shown(c, at, days)].at;
}

static void answer_category(const struct world_category *c, int64_t at, int days, struct bw_product *p)
{
    struct bw_rank_series *r = &p->ranks[p->n_ranks++];
    r->category_id = c->id;
    r->series.points = bw_alloc_array(c->n, sizeof(struct bw_point));
    for (size_t i = first_shown(c, at, days); i < c->n && c->points[i].at + c->lag <= at; i++)
        r->series.points[r->series.n++] = (struct bw_point){sight_time(c->points[i].at), c->points[i].value};
}

void world_answer(const struct world *w, int64_t at, int days, const bool hidden[WORLD_CATEGORIES],
                  bool last_update, struct bw_product *p)
{
    sight_product(p, "", at - at % 60);
    if (!last_update)
        p->last_update = 0;
    p->ranks = bw_alloc_array(w->n, sizeof(*p->ranks));
    for (size_t i = 0; i < w->n; i++) {
        if (!hidden[i] && world_visible(&w->categories[i], at))
            answer_category(&w->categories[i], at, days, p);
    }
    if (p->n_ranks == 0)
        p->unknown = BW_UNKNOWN_NO_RANKS;
}
