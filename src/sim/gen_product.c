/* Made-up products as Keepa objects. See gen_product.h. Members are in alphabetical order, as in answers of 2026. */
#include "gen_product.h"

#include "badgewatch/base/alloc.h"
#include "rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CSV_ROWS 36
#define BARE     2600 /* bytes of a days=1 product without description and features, on average */

enum {
    CSV_AMAZON = 0,
    CSV_NEW = 1,
    CSV_SALES = 3,
    CSV_LIST = 4,
    CSV_COUNT_NEW = 11,
    CSV_RATING = 16,
    CSV_REVIEWS = 17,
    CSV_BUY_BOX = 18
};

static const char *const brands[] = {"Norvale", "Brightmoor", "Pellwood", "Kestrel & Co",
                                     "Ostara",  "Tidewell",   "Lumenfox", "Graniteer"};
static const char *const kinds[] = {"Daily Serum",   "Relief Rub",  "Shelf Liner", "Resistance Band Set",
                                    "Drill Bit Kit", "Chew Toy",    "Brick Set",   "Gel Pens",
                                    "Face Mask",     "Heating Pad", "Spice Rack",  "Yoga Mat"};
static const char *const extras[] = {
    "2 Pack",      "Unscented",           "For Home & Travel", "Large, 12\"",
    "New Formula", "Caf\xc3\xa9 Edition", "<b>Value</b> Size", "Made in Germany"};
static const char *const words[] = {
    "gentle",   "daily",   "support", "for",     "every",    "home",    "with",     "a",      "formula",
    "designed", "to",      "last",    "and",     "tested",   "quality", "material", "that",   "keeps",
    "its",      "shape",   "easy",    "clean",   "carry",    "the",     "whole",    "family", "enjoys",
    "our",      "most",    "trusted", "choice",  "includes", "simple",  "guide",    "box",    "skin",
    "muscle",   "kitchen", "garden",  "durable", "soft",     "strong"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void sim_gen_title(const struct sim_generator *g, size_t index, char *out, size_t size)
{
    uint64_t h = sim_hash(g->seed, index, 7, 7);
    snprintf(out, size, "%s %s - %s", brands[h % COUNT(brands)], kinds[(h >> 8) % COUNT(kinds)],
             extras[(h >> 16) % COUNT(extras)]);
}

/* Words from a seeded draw: they compress about as well as real descriptions. */
static struct json_object *filler(uint64_t seed, size_t bytes)
{
    char *text = bw_alloc(bytes + 16);
    struct sim_rng rng = {seed};
    size_t n = 0;
    while (n < bytes) {
        const char *w = words[sim_rng_next(&rng) % COUNT(words)];
        size_t len = strlen(w);
        for (size_t i = 0; i < len; i++)
            text[n++] = w[i];
        text[n++] = ' ';
    }
    struct json_object *o = json_object_new_string_len(text, (int)(n > 0 ? n - 1 : 0));
    free(text);
    return o;
}

static void add_int(struct json_object *o, const char *key, int64_t value)
{
    json_object_object_add(o, key, json_object_new_int64(value));
}

static void add_str(struct json_object *o, const char *key, const char *value)
{
    json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

static struct json_object *values_row(const struct sim_generator *g, size_t index, enum sim_gen_value kind,
                                      const struct sim_view *view)
{
    struct sim_series s;
    sim_series_init(&s, 2);
    sim_gen_values(g, index, kind, view->now_minute, &s);
    struct json_object *row = sim_json_cut(&s, view);
    sim_series_fini(&s);
    return row;
}

/* csv[18]: the price series as (minute, price, shipping 0). */
static struct json_object *buy_box_row(const struct sim_generator *g, size_t index,
                                       const struct sim_view *view)
{
    struct sim_series pairs;
    struct sim_series triples;
    sim_series_init(&pairs, 2);
    sim_series_init(&triples, 3);
    sim_gen_values(g, index, SIM_GEN_NEW, view->now_minute, &pairs);
    for (size_t i = 0; i < pairs.n; i += 2) {
        sim_series_add(&triples, pairs.v[i]);
        sim_series_add(&triples, pairs.v[i + 1]);
        sim_series_add(&triples, 0);
    }
    struct json_object *row = sim_json_cut(&triples, view);
    sim_series_fini(&pairs);
    sim_series_fini(&triples);
    return row;
}

struct ranks {
    struct sim_gen_category categories[SIM_GEN_CATEGORIES];
    struct sim_series series[SIM_GEN_CATEGORIES];
    struct sim_series reference;
    size_t n;
};

static void ranks_init(struct ranks *r, const struct sim_generator *g, size_t index, int64_t now)
{
    r->n = sim_gen_categories(g, index, r->categories);
    for (size_t i = 0; i < r->n; i++) {
        sim_series_init(&r->series[i], 2);
        sim_gen_ranks(g, index, &r->categories[i], now, &r->series[i]);
    }
    sim_series_init(&r->reference, 2);
    sim_gen_reference(g, index, r->categories[0].id, now, &r->reference);
}

static void ranks_fini(struct ranks *r)
{
    for (size_t i = 0; i < r->n; i++)
        sim_series_fini(&r->series[i]);
    sim_series_fini(&r->reference);
}

static struct json_object *csv(const struct sim_generator *g, size_t index, const struct ranks *r,
                               const struct sim_view *view)
{
    static const struct {
        int row;
        enum sim_gen_value kind;
    } rows[] = {{CSV_AMAZON, SIM_GEN_AMAZON}, {CSV_NEW, SIM_GEN_NEW},
                {CSV_LIST, SIM_GEN_LIST},     {CSV_COUNT_NEW, SIM_GEN_COUNT_NEW},
                {CSV_RATING, SIM_GEN_RATING}, {CSV_REVIEWS, SIM_GEN_REVIEWS}};
    struct json_object *a = json_object_new_array_ext(CSV_ROWS);
    for (int i = 0; i < CSV_ROWS; i++)
        json_object_array_add(a, NULL);
    for (size_t i = 0; i < COUNT(rows); i++)
        json_object_array_put_idx(a, (size_t)rows[i].row, values_row(g, index, rows[i].kind, view));
    json_object_array_put_idx(a, CSV_BUY_BOX, buy_box_row(g, index, view));
    struct sim_series main_rank;
    sim_series_init(&main_rank, 2);
    sim_gen_main_rank(&r->series[0], &r->reference, &main_rank);
    json_object_array_put_idx(a, CSV_SALES, sim_json_cut(&main_rank, view));
    sim_series_fini(&main_rank);
    return a;
}

static struct json_object *category_tree(const struct ranks *r)
{
    struct json_object *tree = json_object_new_array();
    for (size_t i = 0; i < r->n; i++) {
        if (!r->categories[i].in_tree)
            continue;
        struct json_object *node = json_object_new_object();
        add_int(node, "catId", r->categories[i].id);
        add_str(node, "name", r->categories[i].name);
        json_object_array_add(tree, node);
    }
    return tree;
}

static struct json_object *sales_ranks(const struct ranks *r, const struct sim_view *view)
{
    struct json_object *o = json_object_new_object();
    for (size_t i = 0; i < r->n; i++) {
        struct json_object *series = sim_json_ranks(&r->series[i], r->categories[i].id, view);
        char id[24];
        snprintf(id, sizeof id, "%lld", (long long)r->categories[i].id);
        if (series)
            json_object_object_add(o, id, series);
    }
    return o;
}

static struct json_object *features(uint64_t seed, size_t bytes)
{
    struct json_object *a = json_object_new_array();
    for (uint64_t i = 0; i < 5 && bytes > 0; i++)
        json_object_array_add(a, filler(seed ^ (i + 1), bytes / 5));
    return a;
}

static struct json_object *images(uint64_t seed)
{
    struct json_object *a = json_object_new_array();
    for (uint64_t i = 0; i < 6; i++) {
        struct json_object *o = json_object_new_object();
        char name[32];
        snprintf(name, sizeof name, "%010llxL.jpg", (unsigned long long)(sim_mix(seed ^ i) & 0xffffffffffU));
        add_str(o, "l", name);
        add_int(o, "lH", 1500);
        add_int(o, "lW", 1500);
        add_str(o, "m", name);
        add_int(o, "mH", 500);
        add_int(o, "mW", 500);
        json_object_array_add(a, o);
    }
    return a;
}

static void add_physical(struct json_object *o, uint64_t h)
{
    static const char *const keys[] = {"itemHeight",    "itemLength",    "itemWeight",    "itemWidth",
                                       "packageHeight", "packageLength", "packageWeight", "packageWidth"};
    for (size_t i = 0; i < COUNT(keys); i++)
        add_int(o, keys[i], (int64_t)(20 + (h >> (i * 7)) % 300));
}

static void add_nulls(struct json_object *o)
{
    static const char *const keys[] = {"author",         "binding",         "color",     "coupon",
                                       "edition",        "format",          "languages", "model",
                                       "ebayListingIds", "liveOffersOrder", "upcList",   "offers",
                                       "productGroup",   "promotions",      "variations"};
    for (size_t i = 0; i < COUNT(keys); i++)
        json_object_object_add(o, keys[i], NULL);
}

/* Everything that is a series or its newest value. */
static void add_series(struct json_object *o, const struct sim_generator *g, size_t index,
                       const struct ranks *r, const struct sim_view *view)
{
    struct json_object *sold = values_row(g, index, SIM_GEN_MONTHLY_SOLD, view);
    json_object_object_add(o, "csv", view->history ? csv(g, index, r, view) : NULL);
    json_object_object_add(o, "lastUpdate", json_object_new_int64(view->last_update));
    if (sold) {
        size_t n = json_object_array_length(sold);
        json_object_object_add(o, "monthlySold", json_object_get(json_object_array_get_idx(sold, n - 1)));
    }
    if (view->history)
        json_object_object_add(o, "monthlySoldHistory", json_object_get(sold));
    json_object_put(sold);
    add_int(o, "salesRankReference", r->reference.n ? r->reference.v[r->reference.n - 1] : -1);
    if (view->history)
        json_object_object_add(o, "salesRankReferenceHistory", sim_json_cut(&r->reference, view));
    if (view->history || view->ranks_at_zero)
        json_object_object_add(o, "salesRanks", sales_ranks(r, view));
}

struct json_object *sim_gen_product(const struct sim_generator *g, size_t index, const struct sim_view *view)
{
    uint64_t h = sim_hash(g->seed, index, 8, 8);
    size_t pad = g->pad > BARE ? g->pad - BARE : 0;
    char asin[11];
    char parent[11];
    char title[128];
    struct ranks r;
    ranks_init(&r, g, index, view->now_minute);
    sim_gen_asin(g, index, asin);
    sim_gen_title(g, index, title, sizeof title);
    struct json_object *o = json_object_new_object();
    add_str(o, "asin", asin);
    add_int(o, "availabilityAmazon", h % 3 ? -1 : 0);
    add_str(o, "brand", brands[sim_hash(g->seed, index, 7, 7) % COUNT(brands)]);
    struct json_object *leaves = json_object_new_array();
    json_object_array_add(leaves,
                          json_object_new_int64(r.categories[r.n > 2 && r.categories[2].in_tree ? 2 : 1].id));
    json_object_object_add(o, "categories", leaves);
    json_object_object_add(o, "categoryTree", category_tree(&r));
    json_object_object_add(o, "description", pad ? filler(h, pad / 2) : NULL);
    add_int(o, "domainId", sim_gen_domain(g, index));
    json_object_object_add(o, "features", features(h, pad / 2));
    add_int(o, "g", (int64_t)(h % 10000));
    json_object_object_add(o, "hasReviews", json_object_new_boolean(true));
    json_object_object_add(o, "images", images(h));
    json_object_object_add(o, "launchpad", json_object_new_boolean(false));
    add_int(o, "listedSince", g->first_minute - 100000);
    add_str(o, "manufacturer", brands[h % COUNT(brands)]);
    add_str(o, "parentAsin", sim_gen_parent(g, index, parent) ? parent : NULL);
    add_int(o, "productType", 0);
    add_int(o, "rootCategory", r.categories[0].id);
    add_str(o, "salesRankDisplayGroup", "sim_display_on_website");
    add_str(o, "title", title);
    add_int(o, "trackingSince", g->first_minute);
    add_str(o, "type", "SIMULATED");
    add_nulls(o);
    add_physical(o, h);
    add_series(o, g, index, &r, view);
    ranks_fini(&r);
    return o;
}
