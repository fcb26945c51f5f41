/* What Keepa said of one product: times, names, look-ups, and how fresh the data is. Nothing here can fail; times of
 * the source are kept in range instead, since a garbage minute must not overflow. */
#include "badgewatch/core/product.h"

#include <assert.h>
#include <stdlib.h>

#define DAY_S 86400

int64_t bw_keepa_time(int64_t keepa_minutes)
{
    int64_t s;
    if (__builtin_add_overflow(keepa_minutes, BW_KEEPA_EPOCH_MINUTES, &s) ||
        __builtin_mul_overflow(s, 60, &s))
        return keepa_minutes < 0 ? INT64_MIN : INT64_MAX;
    return s;
}

int64_t bw_keepa_minutes(int64_t unix_s)
{
    int64_t minutes = unix_s / 60 - (unix_s % 60 < 0 ? 1 : 0);
    return minutes - BW_KEEPA_EPOCH_MINUTES;
}

const char *bw_value_kind_name(enum bw_value_kind kind)
{
    static const char *const names[BW_VALUE_KINDS] = {"amazon", "new",     "buy_box",     "list",
                                                      "rating", "reviews", "monthly_sold"};
    assert((unsigned)kind < BW_VALUE_KINDS);
    return names[kind];
}

const char *bw_unknown_name(enum bw_unknown u)
{
    static const char *const names[] = {"",      "no_ranks",  "absent", "stub", "inaccessible",
                                        "error", "malformed", "stale"};
    assert((unsigned)u <= BW_UNKNOWN_STALE);
    return names[u];
}

void bw_product_fini(struct bw_product *p)
{
    free(p->title);
    free(p->brand);
    free(p->parent_asin);
    for (size_t i = 0; i < p->n_ranks; i++)
        free(p->ranks[i].series.points);
    free(p->ranks);
    for (size_t i = 0; i < BW_VALUE_KINDS; i++)
        free(p->values[i].points);
    for (size_t i = 0; i < p->n_tree; i++)
        free(p->tree[i].name);
    free(p->tree);
    *p = (struct bw_product){0};
}

const struct bw_rank_series *bw_product_rank(const struct bw_product *p, int64_t category_id)
{
    size_t lo = 0;
    size_t hi = p->n_ranks;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (p->ranks[mid].category_id == category_id)
            return &p->ranks[mid];
        if (p->ranks[mid].category_id < category_id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

int64_t bw_product_freshness(const struct bw_product *p, int64_t now_s)
{
    int64_t limit = now_s > INT64_MAX - DAY_S ? INT64_MAX : now_s + DAY_S;
    int64_t newest = p->last_update > 0 && p->last_update <= limit ? p->last_update : 0;
    for (size_t i = 0; i < p->n_ranks; i++) {
        const struct bw_series *s = &p->ranks[i].series;
        size_t n = s->n;
        while (n > 0 && s->points[n - 1].at > limit)
            n--;
        if (n > 0 && s->points[n - 1].at > newest)
            newest = s->points[n - 1].at;
    }
    return newest;
}
