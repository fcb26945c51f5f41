/* All products the simulator knows, captured and made up, by (domain, ASIN); and the truth about them. */
#pragma once

#include "gen_product.h"
#include "replay.h"

struct sim_product {
    int domain;
    char asin[11];
    const struct sim_capture *capture; /* NULL: made up */
    size_t index;                      /* of the made-up product */
    int64_t refreshed;                 /* Keepa minute of the newest live look; 0 = none yet */
};

struct sim_catalog {
    struct sim_capture *captures;
    size_t n_captures;
    struct sim_generator generator; /* n = 0: none */
    struct sim_product *products;   /* sorted by domain, then ASIN; a capture hides a made-up twin */
    size_t n;
};

/* Builds `products` from captures and generator. */
void sim_catalog_index(struct sim_catalog *c);
void sim_catalog_fini(struct sim_catalog *c);
struct sim_product *sim_catalog_find(struct sim_catalog *c, int domain, const char *asin);

/* When Keepa last looked by itself: about four times a day, at a phase of the product's own. */
int64_t sim_product_last_update(const struct sim_product *p, int64_t now_minute);
struct json_object *sim_product_object(const struct sim_catalog *c, const struct sim_product *p,
                                       const struct sim_view *view);

typedef void sim_ranks_cb(void *ctx, int64_t category_id, const struct sim_series *points);
/* The whole rank series of each category, up to a minute. */
void sim_product_ranks(const struct sim_catalog *c, const struct sim_product *p, int64_t to, sim_ranks_cb *cb,
                       void *ctx);
/* Name and parent of a category; false if nobody knows it. */
bool sim_catalog_category(const struct sim_catalog *c, int domain, int64_t id, char name[128],
                          int64_t *parent);

/* The true crossings of rank 1 at minutes in [from, to], by time, domain, ASIN, category: a JSON array. */
struct json_object *sim_catalog_record(const struct sim_catalog *c, int64_t from, int64_t to);
