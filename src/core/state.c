/* Memory of a product between checks: birth, copies, look-ups. Nothing here can fail. */
#include "badgewatch/core/state.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>

void bw_state_init(struct bw_state *s, const struct bw_product_key *key)
{
    *s = (struct bw_state){
        .key = *key,
        .current_price = -1,
        .availability_amazon = INT64_MIN,
        .monthly_sold = -1,
        .rating = -1,
        .review_count = -1,
    };
}

void bw_state_fini(struct bw_state *s)
{
    for (size_t i = 0; i < s->n_categories; i++)
        free(s->categories[i].name);
    free(s->categories);
    free(s->title);
    free(s->brand);
    free(s->parent_asin);
    *s = (struct bw_state){0};
}

void bw_state_copy(struct bw_state *dst, const struct bw_state *src)
{
    *dst = *src;
    dst->title = bw_strdup(src->title);
    dst->brand = bw_strdup(src->brand);
    dst->parent_asin = bw_strdup(src->parent_asin);
    dst->categories = NULL;
    if (src->n_categories > 0)
        dst->categories = bw_alloc_array(src->n_categories, sizeof(*dst->categories));
    for (size_t i = 0; i < src->n_categories; i++) {
        dst->categories[i] = src->categories[i];
        dst->categories[i].name = bw_strdup(src->categories[i].name);
    }
}

const struct bw_category_state *bw_state_category(const struct bw_state *s, int64_t category_id)
{
    size_t lo = 0;
    size_t hi = s->n_categories;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->categories[mid].category_id == category_id)
            return &s->categories[mid];
        if (s->categories[mid].category_id < category_id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

void bw_state_holds(const struct bw_state *s, size_t *waiting, size_t *guarded)
{
    *waiting = *guarded = 0;
    for (size_t i = 0; i < s->n_categories; i++) {
        const struct bw_hold *h = &s->categories[i].hold;
        *waiting += h->at != 0 && !h->guarded;
        *guarded += h->at != 0 && h->guarded;
    }
}

size_t bw_state_badges(const struct bw_state *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_categories; i++)
        n += s->categories[i].since != 0;
    return n;
}
