/* A world with a clock of its own: products tracked in a real Redis, daemons that plan with the rules of core and take
 * products with claim.lua, the simulator's bucket, answers that take a while. The scripts are the daemon's own; only the
 * clock they read is the world's. */
#pragma once

#include "badgewatch/core/plan.h"
#include "bucket.h"
#include "fixture.h"

#include <stdbool.h>
#include <stdint.h>

#define WEEK_S           604800
#define PRODUCTS_MAX     4000
#define IN_FLIGHT_MAX    4
#define DAEMONS_MAX      4
#define UPDATE_AUTOMATIC 99

struct watched {
    char member[20];
    int priority, frequency;
    int64_t version;
    int64_t checks;
    int64_t due;        /* planned for */
    int64_t checked_at; /* newest, unix s */
    int64_t gap;        /* longest between two checks, s */
    int64_t late;       /* most that a check was late, s */
};

struct week_request {
    struct watched *products[100];
    int64_t due[100];
    size_t n;
    int update;
    int64_t expected;
    int64_t asked_ms, processed_ms, answered_ms; /* 0: free */
    bool processed;
    int64_t left, refill_in, stamp_ms, consumed; /* of the answer */
};

struct week_daemon {
    char id[16];
    struct bw_bucket bucket;
    struct bw_costs costs;
    int64_t claims, seq;
    struct week_request requests[IN_FLIGHT_MAX];
};

struct week {
    struct server server;
    void *redis; /* redisContext */
    char claim[41], stage[41], track[41], tokens[41];
    int64_t now_ms, clock_ms; /* the world's clock, and what Redis shows of it */
    uint64_t seed;
    struct sim_bucket keepa;
    double reserve;
    int update; /* or UPDATE_AUTOMATIC */
    double checks_per_hour;
    struct watched products[PRODUCTS_MAX];
    size_t n;
    struct week_daemon daemons[DAEMONS_MAX];
    size_t n_daemons;
    /* what happened */
    int64_t requests, refused, charged, told, lowest;
    size_t largest, smallest; /* batches */
};

void week_begin(struct week *w, int64_t rate, int64_t left, size_t daemons);
void week_end(struct week *w);
/* Tracks a product, due at once. */
struct watched *week_track(struct week *w, int domain, int priority, int frequency);
/* Runs for so many seconds, in steps; answers under way stay under way. */
void week_run(struct week *w, int64_t seconds, int64_t step_ms);
/* Forgets what happened so far. */
void week_forget(struct week *w);
int64_t week_due(struct week *w, const char *set, const struct watched *p); /* score, -1 = not in the set */
