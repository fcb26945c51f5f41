/* A history of integers, the bulk of every product, read in one pass with its own loop.
 *
 * Happy way: integers of 32 bits in whole groups, times strictly ascending. How it fails: the first item that breaks a
 * rule drops the whole series, and the array is passed again by the general walk, which says whether it is JSON at all.
 * Two points at one time are a fault too: nobody can tell which came last, and Keepa never sends them. */
#include "series.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 10 /* of INT32_MAX */

/* Most series are a few points: they get their memory at the end, and no more than they need. */
#define SHORT 32

struct growing {
    struct bw_point *points; /* few, or on the heap */
    size_t n, room;
    struct bw_point few[SHORT];
};

static inline const char *blanks(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* An integer of at most ten digits and the blanks around it; NULL for anything else. What follows is not judged. */
static inline const char *small_integer(const char *p, const char *end, int64_t *value)
{
    p = blanks(p, end);
    bool minus = p < end && *p == '-';
    p += minus;
    const char *first = p;
    int64_t v = 0;
    while (p < end && (unsigned char)(*p - '0') < 10 && p - first <= DIGITS_MAX)
        v = v * 10 + (*p++ - '0');
    if (p == first || p - first > DIGITS_MAX || (*first == '0' && p - first > 1))
        return NULL;
    *value = minus ? -v : v;
    return blanks(p, end);
}

static inline void push(struct growing *g, int64_t minute, int64_t value)
{
    if (g->n == g->room) {
        g->room *= 2;
        g->points = bw_realloc_array(g->points == g->few ? NULL : g->points, g->room, sizeof *g->points);
        if (g->n == SHORT)
            memcpy(g->points, g->few, sizeof g->few);
    }
    g->points[g->n++] = (struct bw_point){.at = bw_keepa_time(minute), .value = value};
}

/* The rules for one group; NULL if it keeps them. */
static inline const char *judge(enum bw_series_form form, int64_t minute, int64_t before, int64_t value)
{
    if (minute < 0 || minute > INT32_MAX)
        return "a time out of range";
    if (minute <= before)
        return "times that do not ascend";
    if (value > INT32_MAX || value < -INT32_MAX)
        return "a value out of range";
    if (form == BW_SERIES_RANKS && value < 1 && value != BW_UNRANKED)
        return "a rank out of range";
    return NULL;
}

static inline int64_t landed(int64_t price, int64_t shipping)
{
    if (price < 0)
        return -1;
    return shipping > 0 ? price + shipping : price;
}

/* p is behind the opening bracket of an array that is not empty; gives the place behind the closing one. */
static const char *groups(const char *p, const char *end, enum bw_series_form form, struct growing *g,
                          struct bw_series_fault *fault)
{
    const size_t stride = form == BW_SERIES_PRICES ? 3 : 2;
    int64_t item[3] = {0}, before = -1;
    size_t n = 0;

    for (size_t k = 0;; n++) {
        fault->item = n;
        p = small_integer(p, end, &item[k]);
        if (!p || p == end || (*p != ',' && *p != ']')) {
            fault->what = "something that is no integer of 32 bits";
            return NULL;
        }
        if (++k == stride) {
            int64_t value = stride == 3 ? landed(item[1], item[2]) : item[1];

            fault->item = n + 1 - stride;
            fault->what = judge(form, item[0], before, value);
            if (fault->what)
                return NULL;
            push(g, item[0], value);
            before = item[0];
            k = 0;
        }
        if (*p == ']') {
            fault->what = k == 0 ? NULL : "half a point at the end";
            return fault->what ? NULL : p + 1;
        }
        p++;
    }
}

bool bw_series_read(struct bw_cursor *c, enum bw_series_form form, struct bw_series *out,
                    struct bw_series_fault *fault)
{
    struct growing g;

    *out = (struct bw_series){0};
    *fault = (struct bw_series_fault){0};
    if (bw_cursor_null(c))
        return true;
    if (bw_cursor_peek(c) != '[') {
        fault->what = "no array";
        return bw_cursor_skip(c, BW_CURSOR_DEPTH);
    }
    struct bw_cursor start = *c;
    if (!bw_cursor_first(c, '[', ']'))
        return !c->fault;
    g.points = g.few;
    g.n = 0;
    g.room = SHORT;
    const char *behind = groups(c->at, c->end, form, &g, fault);
    bool on_heap = g.points != g.few;
    if (!behind) {
        if (on_heap)
            free(g.points);
        *c = start;
        return bw_cursor_skip(c, BW_CURSOR_DEPTH);
    }
    c->at = behind;
    out->points = bw_realloc_array(on_heap ? g.points : NULL, g.n, sizeof *g.points);
    if (!on_heap)
        memcpy(out->points, g.few, g.n * sizeof *g.few);
    out->n = g.n;
    return true;
}
