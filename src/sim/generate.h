/* Made-up products whose series are a function of (seed, index, simulated time) and of nothing else: the same
 * after a restart, and whatever was asked before.
 *
 * Rank of a category at a minute = a slow base rank, or 1 throughout for a category that the product holds. Time is
 * cut into windows; a window holds at most one episode, strictly inside it, in which a contended category is at #1
 * (or a held one is away from it). So each episode is one entry and one exit, and the mean number of crossings is
 * the chosen churn. The points of a series are the moments where that function changes, all at even minutes. */
#pragma once

#include "series.h"

#define SIM_GEN_CATEGORIES 5
#define SIM_GEN_DOMAINS    12

struct sim_generator {
    uint64_t seed;
    size_t n;
    int64_t start_minute; /* where the simulation began: some categories appear after it */
    int64_t first_minute; /* where history begins */
    double churn;         /* mean crossings per product and simulated day, over the whole set */
    int64_t window;       /* minutes, even; set by sim_gen_init */
    size_t family;        /* so many products in a row have one parent and, as at Amazon, one rank */
    size_t pad;           /* wanted bytes of a product at days=1 */
    int domains[SIM_GEN_DOMAINS];
    size_t n_domains;
};

struct sim_gen_category {
    int64_t id;
    char name[64];
    int64_t parent; /* 0 = root */
    bool in_tree;   /* part of categoryTree; other names are told by /category only */
    bool holder;    /* at #1 unless an episode says otherwise */
    double share;   /* part of the product's churn that happens here */
    int64_t base;   /* typical rank */
    int64_t first_minute;
    uint64_t key;
};

enum sim_gen_value {
    SIM_GEN_AMAZON,
    SIM_GEN_NEW,
    SIM_GEN_LIST,
    SIM_GEN_COUNT_NEW,
    SIM_GEN_RATING,
    SIM_GEN_REVIEWS,
    SIM_GEN_MONTHLY_SOLD,
    SIM_GEN_VALUES
};

/* churn 0..100. history_days before start. */
void sim_gen_init(struct sim_generator *g, uint64_t seed, size_t n, int64_t start_minute,
                  int64_t history_days, double churn);
void sim_gen_asin(const struct sim_generator *g, size_t index, char out[11]);
/* False, and "", where the product is no variation. */
bool sim_gen_parent(const struct sim_generator *g, size_t index, char out[11]);
int sim_gen_domain(const struct sim_generator *g, size_t index);
/* The product's categories, root first. Gives their number, 2..SIM_GEN_CATEGORIES. */
size_t sim_gen_categories(const struct sim_generator *g, size_t index, struct sim_gen_category *out);
int64_t sim_gen_rank(const struct sim_generator *g, size_t index, const struct sim_gen_category *c,
                     int64_t minute);
/* Each fills an empty series with the points up to `to`, from the beginning of history. */
void sim_gen_ranks(const struct sim_generator *g, size_t index, const struct sim_gen_category *c, int64_t to,
                   struct sim_series *out);
void sim_gen_reference(const struct sim_generator *g, size_t index, int64_t root, int64_t to,
                       struct sim_series *out);
/* csv[3]: the root's ranks, -1 wherever the reference is -1. */
void sim_gen_main_rank(const struct sim_series *root, const struct sim_series *reference,
                       struct sim_series *out);
void sim_gen_values(const struct sim_generator *g, size_t index, enum sim_gen_value kind, int64_t to,
                    struct sim_series *out);
