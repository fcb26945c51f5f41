/* How a product is looked at: the moment and the request's parameters that shape an answer. */
#pragma once

#include "json.h"
#include "outage.h"
#include "series.h"

struct sim_view {
    int64_t now_minute;  /* points up to this minute are visible */
    int64_t days;        /* 0 = all history */
    bool history;        /* false: no csv, no histories */
    bool ranks_at_zero;  /* history=false: one current pair for each category instead of no salesRanks */
    int64_t last_update; /* Keepa minute */
    const struct sim_outages *outages;
    const char *asin; /* of the product, for the outages */
};

/* A new array of the numbers in the span. */
struct json_object *sim_json_series(const struct sim_series *s, struct sim_span span);
/* What the view leaves of a series; NULL if nothing. */
struct json_object *sim_json_cut(const struct sim_series *s, const struct sim_view *view);
/* salesRanks of one category under the view (with history=false its newest pair); NULL if nothing. */
struct json_object *sim_json_ranks(const struct sim_series *s, int64_t category, const struct sim_view *view);
