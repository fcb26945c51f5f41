/* What is done now and then: signs of life, gauges, partitions, the forecast for update=auto. */
#pragma once

#include "context.h"
#include "due_clock.h"
#include "keepa.h"
#include "leases.h"
#include "names.h"

struct bw_housekeeping;

/* What the gauges showed last; for the status API. -1 = not known yet. */
struct bw_counts {
    int64_t tracked; /* active products */
    int64_t overdue; /* due for more than a minute */
    int64_t badges;
    int64_t backlog; /* entries that Postgres does not have */
    int64_t backlog_bytes;
    int64_t pending; /* changes that Slack does not have */
    int64_t quiet;   /* of these, those that wait for quiet hours to end */
    int64_t set_aside;
    int64_t next_due; /* unix s; 0 = none */
};

struct bw_housekeeping *bw_housekeeping_new(struct bw_context *context, struct bw_keepa *keepa,
                                            struct bw_leases *leases, struct bw_names *names,
                                            struct bw_due_clock *clock);
void bw_housekeeping_start(struct bw_housekeeping *h);
void bw_housekeeping_alive(struct bw_housekeeping *h); /* the sign of life now: Redis is there */
void bw_housekeeping_postgres_ready(
    struct bw_housekeeping *h); /* partitions and the forecast are looked at anew */
const struct bw_counts *bw_housekeeping_counts(const struct bw_housekeeping *h);
void bw_housekeeping_stop(struct bw_housekeeping *h);
void bw_housekeeping_free(struct bw_housekeeping *h);
