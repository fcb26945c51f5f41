/* Times in which Keepa lost the rank of products that have one: their series show -1 from its begin, and the rank
 * in force again at its end, for ever after. The record does not know of them: the products did not move.
 *
 * An outage lasts as long as its "unranked" fault is there. Not kept over a restart. */
#pragma once

#include "faults.h"
#include "series.h"

#define SIM_MAX_OUTAGES 128

struct sim_outage {
    int64_t fault_id;
    int64_t from;     /* Keepa minute, even */
    int64_t to;       /* INT64_MAX while it lasts */
    int64_t category; /* 0 all */
    char asin[11];    /* "" all */
};

struct sim_outages {
    struct sim_outage list[SIM_MAX_OUTAGES]; /* by time; past the cap the oldest one is forgotten */
    size_t n;
};

/* Begins outages for new faults and ends those of removed ones, at this even minute. */
void sim_outages_sync(struct sim_outages *o, const struct sim_faults *faults, int64_t minute);
/* A series as it is seen: `out` is initialised here. A true point at the very minute of an edge wins. */
void sim_outages_overlay(const struct sim_outages *o, const char *asin, int64_t category,
                         const struct sim_series *in, struct sim_series *out);
