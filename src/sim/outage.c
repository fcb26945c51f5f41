/* Outages of the source. See outage.h. */
#include "outage.h"

#include <stdio.h>
#include <string.h>

static bool fault_is_there(const struct sim_faults *faults, int64_t id)
{
    for (size_t i = 0; i < faults->n; i++)
        if (faults->list[i].id == id)
            return true;
    return false;
}

static bool has_outage(const struct sim_outages *o, int64_t fault_id)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->list[i].fault_id == fault_id)
            return true;
    return false;
}

static void begin(struct sim_outages *o, const struct sim_fault *fault, int64_t minute)
{
    if (o->n == SIM_MAX_OUTAGES)
        memmove(o->list, o->list + 1, (--o->n) * sizeof o->list[0]);
    struct sim_outage *x = &o->list[o->n++];
    *x = (struct sim_outage){
        .fault_id = fault->id, .from = minute, .to = INT64_MAX, .category = fault->category};
    memcpy(x->asin, fault->asin, sizeof x->asin);
}

void sim_outages_sync(struct sim_outages *o, const struct sim_faults *faults, int64_t minute)
{
    for (size_t i = 0; i < o->n; i++)
        if (o->list[i].to == INT64_MAX && !fault_is_there(faults, o->list[i].fault_id))
            o->list[i].to = minute > o->list[i].from ? minute : o->list[i].from + 2;
    for (size_t i = 0; i < faults->n; i++)
        if (faults->list[i].kind == SIM_F_UNRANKED && !has_outage(o, faults->list[i].id))
            begin(o, &faults->list[i], minute);
}

static bool concerns(const struct sim_outage *x, const char *asin, int64_t category)
{
    return (!x->asin[0] || strcmp(x->asin, asin) == 0) && (x->category == 0 || x->category == category);
}

static void overlay_one(const struct sim_outage *x, const struct sim_series *in, struct sim_series *out)
{
    int64_t from = x->from;
    int64_t in_force = -1;
    size_t i = 0;
    for (; i + 1 < in->n && in->v[i] < from; i += 2)
        sim_series_append(out, in->v[i], in_force = in->v[i + 1]);
    if (i + 1 < in->n && in->v[i] == from) {
        sim_series_append(out, in->v[i], in_force = in->v[i + 1]);
        i += 2;
        from += 2;
    }
    if (out->n > 0 && from < x->to)
        sim_series_append(out, from, -1);
    for (; i + 1 < in->n && in->v[i] <= x->to; i += 2)
        in_force = in->v[i + 1];
    if (in_force != -1 && x->to != INT64_MAX)
        sim_series_append(out, x->to, in_force);
    for (; i + 1 < in->n; i += 2)
        sim_series_append(out, in->v[i], in->v[i + 1]);
}

void sim_outages_overlay(const struct sim_outages *o, const char *asin, int64_t category,
                         const struct sim_series *in, struct sim_series *out)
{
    sim_series_init(out, 2);
    for (size_t i = 0; i < in->n; i++)
        sim_series_add(out, in->v[i]);
    for (size_t i = 0; i < o->n; i++) {
        if (!concerns(&o->list[i], asin, category))
            continue;
        struct sim_series next;
        sim_series_init(&next, 2);
        overlay_one(&o->list[i], out, &next);
        sim_series_fini(out);
        *out = next;
    }
}
