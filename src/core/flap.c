/* The rule of flapping and of threads, over the changes of one story. */
#include "badgewatch/core/flap.h"

/* Changes in the window that ends with change i. */
static int64_t in_window(const struct bw_flap_rule *rule, const struct bw_flap_change *list, size_t i)
{
    int64_t n = 0;
    for (size_t k = 0; k <= i; k++)
        n += list[i].occurred_at - list[k].occurred_at < rule->window_ms / 1000;
    return n;
}

static bool settled_before(const struct bw_flap_rule *rule, const struct bw_flap_change *list, size_t i)
{
    return i > 0 &&
           (list[i - 1].settled || list[i].detected_at_ms - list[i - 1].detected_at_ms >= rule->settle_ms);
}

enum bw_flap bw_flap_judge(const struct bw_flap_rule *rule, const struct bw_flap_change *list, size_t n,
                           size_t n_new)
{
    bool flaps = false, before = false;
    for (size_t i = 0; i < n && rule->changes > 0; i++) {
        flaps = flaps && !settled_before(rule, list, i);
        if (i == n - n_new)
            before = flaps;
        flaps = flaps || in_window(rule, list, i) > rule->changes;
    }
    return before ? BW_FLAP_GOES_ON : flaps ? BW_FLAP_BEGINS : BW_FLAP_NO;
}

/* The newest of the old changes that somebody was told of. */
static const struct bw_flap_change *last_told(const struct bw_flap_change *list, size_t n_old)
{
    while (n_old > 0 && !(list[n_old - 1].told && list[n_old - 1].ts[0]))
        n_old--;
    return n_old > 0 ? &list[n_old - 1] : NULL;
}

enum bw_place bw_flap_place(enum bw_flap flap, const struct bw_flap_change *list, size_t n, size_t n_new,
                            const char **root)
{
    const struct bw_flap_change *last = last_told(list, n - n_new), *first = &list[n - n_new];
    bool ends_reign = last && last == first - 1 && last->type == BW_GAINED && first->type == BW_LOST;
    if (!last || (flap == BW_FLAP_NO && !ends_reign))
        return BW_PLACE_CHANNEL;
    *root = last->root[0] ? last->root : last->ts;
    return flap == BW_FLAP_GOES_ON ? BW_PLACE_THREAD : BW_PLACE_BROADCAST;
}
