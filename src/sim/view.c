/* Series as JSON under a view. See view.h. */
#include "view.h"

struct json_object *sim_json_series(const struct sim_series *s, struct sim_span span)
{
    struct json_object *a = json_object_new_array_ext((int)(span.end - span.begin) + 1);
    for (size_t i = span.begin; i < span.end; i++)
        json_object_array_add(a, json_object_new_int64(s->v[i]));
    return a;
}

struct json_object *sim_json_cut(const struct sim_series *s, const struct sim_view *view)
{
    struct sim_span span = sim_series_cut(s, view->now_minute, view->days);
    return span.begin == span.end ? NULL : sim_json_series(s, span);
}

static struct json_object *ranks_in_view(const struct sim_series *s, const struct sim_view *view)
{
    struct sim_span span = sim_series_cut(s, view->now_minute, view->days);
    if (span.begin == span.end)
        return NULL;
    if (!view->history) {
        if (!view->ranks_at_zero)
            return NULL;
        span.begin = span.end - s->stride;
    }
    return sim_json_series(s, span);
}

struct json_object *sim_json_ranks(const struct sim_series *s, int64_t category, const struct sim_view *view)
{
    if (view->outages->n == 0)
        return ranks_in_view(s, view);
    struct sim_series seen;
    sim_outages_overlay(view->outages, view->asin, category, s, &seen);
    struct json_object *o = ranks_in_view(&seen, view);
    sim_series_fini(&seen);
    return o;
}
