/* All products of the simulator. See catalog.h. */
#include "catalog.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"
#include "clock.h"
#include "rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_key(const struct sim_product *a, int domain, const char *asin)
{
    return a->domain != domain ? (a->domain > domain) - (a->domain < domain) : strcmp(a->asin, asin);
}

static int by_key(const void *a, const void *b)
{
    const struct sim_product *x = a;
    const struct sim_product *y = b;
    int order = compare_key(x, y->domain, y->asin);
    if (order == 0) /* captures first, so that they win among twins */
        order = (x->capture == NULL) - (y->capture == NULL);
    if (order == 0 && x->capture)
        order = (x->capture > y->capture) - (x->capture < y->capture);
    return order;
}

void sim_catalog_index(struct sim_catalog *c)
{
    c->products = bw_alloc_array(c->n_captures + c->generator.n + 1, sizeof *c->products);
    c->n = 0;
    for (size_t i = 0; i < c->n_captures; i++) {
        struct sim_product *p = &c->products[c->n++];
        *p = (struct sim_product){.domain = c->captures[i].domain, .capture = &c->captures[i]};
        memcpy(p->asin, c->captures[i].asin, sizeof p->asin);
    }
    for (size_t i = 0; i < c->generator.n; i++) {
        struct sim_product *p = &c->products[c->n++];
        *p = (struct sim_product){.domain = sim_gen_domain(&c->generator, i), .index = i};
        sim_gen_asin(&c->generator, i, p->asin);
    }
    qsort(c->products, c->n, sizeof *c->products, by_key);
    size_t kept = 0;
    for (size_t i = 0; i < c->n; i++)
        if (kept == 0 || compare_key(&c->products[kept - 1], c->products[i].domain, c->products[i].asin) != 0)
            c->products[kept++] = c->products[i];
    c->n = kept;
}

void sim_catalog_fini(struct sim_catalog *c)
{
    sim_replay_free(c->captures, c->n_captures);
    free(c->products);
    *c = (struct sim_catalog){.n = 0};
}

struct sim_product *sim_catalog_find(struct sim_catalog *c, int domain, const char *asin)
{
    size_t lo = 0;
    size_t hi = c->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int order = compare_key(&c->products[mid], domain, asin);
        if (order == 0)
            return &c->products[mid];
        if (order < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

int64_t sim_product_last_update(const struct sim_product *p, int64_t now_minute)
{
    uint64_t phase =
        sim_hash(0, (uint64_t)p->asin[2] << 8 | (uint64_t)p->asin[9], (uint64_t)p->asin[5], 3) % 180;
    int64_t own = (now_minute - (now_minute + (int64_t)phase * 2) % 360) / 2 * 2;
    /* a clock that was set back must not leave an update in the future */
    return p->refreshed > own && p->refreshed <= now_minute ? p->refreshed : own;
}

struct json_object *sim_product_object(const struct sim_catalog *c, const struct sim_product *p,
                                       const struct sim_view *view)
{
    return p->capture ? sim_replay_product(p->capture, view) : sim_gen_product(&c->generator, p->index, view);
}

void sim_product_ranks(const struct sim_catalog *c, const struct sim_product *p, int64_t to, sim_ranks_cb *cb,
                       void *ctx)
{
    if (p->capture) {
        for (size_t i = 0; i < p->capture->n_ranks; i++)
            cb(ctx, p->capture->ranks[i].category_id, &p->capture->ranks[i].points);
        return;
    }
    struct sim_gen_category categories[SIM_GEN_CATEGORIES];
    size_t n = sim_gen_categories(&c->generator, p->index, categories);
    for (size_t i = 0; i < n; i++) {
        struct sim_series s;
        sim_series_init(&s, 2);
        sim_gen_ranks(&c->generator, p->index, &categories[i], to, &s);
        cb(ctx, categories[i].id, &s);
        sim_series_fini(&s);
    }
}

static bool product_category(const struct sim_catalog *c, const struct sim_product *p, int64_t id,
                             char name[128], int64_t *parent)
{
    if (p->capture) {
        const char *found = sim_replay_category(p->capture, id, parent);
        if (found)
            snprintf(name, 128, "%s", found);
        return found != NULL;
    }
    struct sim_gen_category categories[SIM_GEN_CATEGORIES];
    size_t n = sim_gen_categories(&c->generator, p->index, categories);
    for (size_t i = 0; i < n; i++) {
        if (categories[i].id != id)
            continue;
        snprintf(name, 128, "%s", categories[i].name);
        *parent = categories[i].parent;
        return true;
    }
    return false;
}

bool sim_catalog_category(const struct sim_catalog *c, int domain, int64_t id, char name[128],
                          int64_t *parent)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->products[i].domain == domain && product_category(c, &c->products[i], id, name, parent))
            return true;
    return false;
}

struct entry {
    const struct sim_product *product;
    int64_t category_id;
    struct sim_crossing crossing;
};

struct recorder {
    const struct sim_product *product;
    int64_t category_id;
    int64_t from, to;
    struct entry *entries;
    size_t n, cap;
};

static void record_crossing(void *ctx, const struct sim_crossing *crossing)
{
    struct recorder *r = ctx;
    if (r->n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->entries = bw_realloc_array(r->entries, r->cap, sizeof *r->entries);
    }
    r->entries[r->n++] = (struct entry){r->product, r->category_id, *crossing};
}

static void record_category(void *ctx, int64_t category_id, const struct sim_series *points)
{
    struct recorder *r = ctx;
    r->category_id = category_id;
    sim_series_crossings(points, r->from, r->to, record_crossing, r);
}

static int by_time(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    if (x->crossing.minute != y->crossing.minute)
        return x->crossing.minute < y->crossing.minute ? -1 : 1;
    int order = compare_key(x->product, y->product->domain, y->product->asin);
    return order ? order : (x->category_id > y->category_id) - (x->category_id < y->category_id);
}

static struct json_object *rank_or_null(int64_t rank)
{
    return rank > 0 ? json_object_new_int64(rank) : NULL;
}

static struct json_object *entry_json(const struct sim_catalog *c, const struct entry *e)
{
    struct json_object *o = json_object_new_object();
    char at[BW_TIME_TEXT];
    char name[128];
    int64_t parent;
    bw_time_format(sim_ms_of_minute(e->crossing.minute) / 1000, at);
    json_object_object_add(o, "domain", json_object_new_int(e->product->domain));
    json_object_object_add(o, "asin", json_object_new_string(e->product->asin));
    json_object_object_add(o, "category_id", json_object_new_int64(e->category_id));
    bool named = product_category(c, e->product, e->category_id, name, &parent);
    json_object_object_add(o, "category", named ? json_object_new_string(name) : NULL);
    json_object_object_add(o, "type", json_object_new_string(e->crossing.gained ? "gained" : "lost"));
    json_object_object_add(o, "reason", json_object_new_string(sim_reason_name(e->crossing.reason)));
    json_object_object_add(o, "previous_rank", rank_or_null(e->crossing.previous));
    json_object_object_add(o, "new_rank", rank_or_null(e->crossing.next));
    json_object_object_add(o, "occurred_at", json_object_new_string(at));
    return o;
}

struct json_object *sim_catalog_record(const struct sim_catalog *c, int64_t from, int64_t to)
{
    struct recorder r = {.from = from, .to = to};
    for (size_t i = 0; i < c->n; i++) {
        r.product = &c->products[i];
        sim_product_ranks(c, r.product, to, record_category, &r);
    }
    if (r.n > 0)
        qsort(r.entries, r.n, sizeof *r.entries, by_time);
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < r.n; i++)
        json_object_array_add(list, entry_json(c, &r.entries[i]));
    free(r.entries);
    return list;
}
