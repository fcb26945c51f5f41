/* Flat Keepa series. See series.h. */
#include "series.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>

void sim_series_init(struct sim_series *s, size_t stride)
{
    *s = (struct sim_series){.stride = stride};
}

void sim_series_fini(struct sim_series *s)
{
    free(s->v);
    *s = (struct sim_series){.stride = s->stride};
}

void sim_series_add(struct sim_series *s, int64_t number)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 32;
        s->v = bw_realloc_array(s->v, s->cap, sizeof *s->v);
    }
    s->v[s->n++] = number;
}

void sim_series_append(struct sim_series *s, int64_t minute, int64_t value)
{
    if (s->n >= 2 && s->v[s->n - 1] == value)
        return;
    sim_series_add(s, minute);
    sim_series_add(s, value);
}

/* Number of points with a minute <= limit. Series are in time order, so a binary search does. */
static size_t points_until(const struct sim_series *s, int64_t limit)
{
    size_t lo = 0;
    size_t hi = s->n / s->stride;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->v[mid * s->stride] <= limit)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct sim_span sim_series_cut(const struct sim_series *s, int64_t now, int64_t days)
{
    size_t end = points_until(s, now);
    size_t begin = 0;
    if (days > 0) {
        begin = points_until(s, now - days * 1440);
        begin = begin > 0 ? begin - 1 : 0; /* the anchor */
    }
    return (struct sim_span){begin * s->stride, end * s->stride};
}

void sim_series_crossings(const struct sim_series *s, int64_t from, int64_t to, sim_crossing_cb *cb,
                          void *ctx)
{
    int64_t previous = -1;
    for (size_t i = 0; i + 1 < s->n && s->v[i] <= to; i += s->stride) {
        int64_t next = s->v[i + 1];
        if ((previous == 1) != (next == 1) && s->v[i] >= from) {
            struct sim_crossing c = {
                .gained = next == 1, .minute = s->v[i], .previous = previous, .next = next};
            c.reason = next == 1 ? SIM_REACHED_TOP : next > 1 ? SIM_OUTRANKED : SIM_UNRANKED;
            cb(ctx, &c);
        }
        previous = next;
    }
}

const char *sim_reason_name(enum sim_reason r)
{
    static const char *const names[] = {"reached_top", "outranked", "unranked"};
    return names[r];
}
