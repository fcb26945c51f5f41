/* /product: which products, from when, what they cost, and the product faults. See keepa.h. */
#include "keepa.h"

#include "badgewatch/base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ASINS    100
#define MAX_ITEMS    ((size_t)2 * MAX_ASINS) /* every product may be doubled by a fault */
#define FRESH_MIN    60                      /* younger data makes update=0 cost one token more */
#define NEVER_UPDATE (-1)

struct item {
    char asin[11];
    struct sim_product *product; /* NULL: unknown to Keepa */
    struct json_object *object;  /* NULL: left out of the answer */
    int64_t stale_s;             /* served as of so long ago */
};

struct batch {
    struct item items[MAX_ITEMS];
    size_t n;
    size_t asked; /* well-formed ASINs, once each */
    int64_t domain, days, update;
    bool history;
};

static bool well_formed(const char *asin)
{
    return strlen(asin) == 10 && strspn(asin, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == 10;
}

static bool known_already(const struct batch *b, const char *asin)
{
    for (size_t i = 0; i < b->n; i++)
        if (strcmp(b->items[i].asin, asin) == 0)
            return true;
    return false;
}

/* Malformed ASINs are passed over, duplicates count once. False: more than 100. */
static bool read_asins(struct batch *b, const char *text)
{
    char *copy = bw_strdup(text);
    char *rest = copy;
    size_t n = 0;
    for (char *asin; (asin = strsep(&rest, ",")) != NULL && n <= MAX_ASINS; n++)
        if (n < MAX_ASINS && well_formed(asin) && !known_already(b, asin))
            snprintf(b->items[b->n++].asin, sizeof b->items[0].asin, "%s", asin);
    free(copy);
    b->asked = b->n;
    return n <= MAX_ASINS;
}

static bool read_batch(struct sim_keepa_call *call, struct batch *b)
{
    int64_t history = 1;
    const char *asins = sim_request_arg(call->request, "asin");
    bool ok = sim_request_int(call->request, "domain", 0, &b->domain) &&
              sim_request_int(call->request, "days", 0, &b->days) &&
              sim_request_int(call->request, "update", 1, &b->update) &&
              sim_request_int(call->request, "history", 1, &history);
    if (!ok || b->domain < 1 || b->domain > 12 || b->domain == 7 || b->days < 0 || b->update < NEVER_UPDATE)
        sim_keepa_invalid(call, "domain, days, update or history is not valid.");
    else if (!asins || !*asins)
        sim_keepa_invalid(call, "asin is required.");
    else if (!read_asins(b, asins))
        sim_keepa_invalid(call, "asin: at most 100.");
    b->history = history != 0;
    return call->error_type == NULL;
}

/* One token a product; one more for a live look at data that is fresh. */
static int64_t charge(const struct batch *b, struct item *item, int64_t now_minute)
{
    if (!item->product)
        return b->update == NEVER_UPDATE ? 0 : 1;
    int64_t age = now_minute - sim_product_last_update(item->product, now_minute);
    bool live = b->update != NEVER_UPDATE && age >= b->update * 60;
    if (live)
        item->product->refreshed = now_minute / 2 * 2;
    return b->update == 0 && age < FRESH_MIN ? 2 : 1;
}

static struct json_object *stub(const struct sim_keepa_call *call, const struct item *item, int64_t domain,
                                int type)
{
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "asin", json_object_new_string(item->asin));
    json_object_object_add(o, "brand", NULL);
    json_object_object_add(o, "categories", NULL);
    json_object_object_add(o, "categoryTree", NULL);
    json_object_object_add(o, "csv", NULL);
    json_object_object_add(o, "domainId", json_object_new_int64(domain));
    json_object_object_add(o, "lastUpdate", json_object_new_int64(sim_even_minute_of_ms(call->now_ms)));
    json_object_object_add(o, "productType", json_object_new_int(type));
    json_object_object_add(o, "title", NULL);
    return o;
}

static void build(struct sim_keepa_call *call, const struct batch *b, struct item *item)
{
    int64_t now = sim_minute_of_ms(call->now_ms);
    if (!item->product) {
        if (b->update != NEVER_UPDATE)
            item->object = stub(call, item, b->domain, 4);
        return;
    }
    struct sim_view view = {.now_minute = now - item->stale_s / 60,
                            .days = b->days,
                            .history = b->history,
                            .ranks_at_zero = call->sim->args->ranks_at_zero,
                            .outages = &call->sim->outages,
                            .asin = item->asin};
    view.last_update = sim_product_last_update(item->product, now);
    if (view.last_update > view.now_minute)
        view.last_update = view.now_minute / 2 * 2;
    item->object = sim_product_object(&call->sim->catalog, item->product, &view);
}

static bool concerns(const struct sim_fault *f, const struct item *item, size_t position)
{
    if (f->asin[0] && strcmp(f->asin, item->asin) != 0)
        return false;
    return f->k <= 0 || (int64_t)position < f->k;
}

static void put(struct item *item, struct json_object *object)
{
    json_object_put(item->object);
    item->object = object;
}

/* Removes one category, or all, from salesRanks. */
static bool remove_category(const struct sim_fault *f, struct item *item)
{
    struct json_object *ranks = sim_json_get(item->object, "salesRanks");
    if (!json_object_is_type(ranks, json_type_object))
        return false;
    struct json_object *out = json_object_new_object();
    json_object_object_foreach(ranks, key, value)
    {
        if (f->category && strtoll(key, NULL, 10) != f->category)
            json_object_object_add(out, key, json_object_get(value));
    }
    bool changed = json_object_object_length(out) < json_object_object_length(ranks);
    json_object_object_add(item->object, "salesRanks", out);
    return changed;
}

static void wrong_types(struct item *item)
{
    struct json_object *ranks = json_object_new_object();
    json_object_object_add(ranks, "7700000001", json_object_new_string("first"));
    json_object_object_add(ranks, "not-a-number", json_object_new_double(1.5));
    json_object_object_add(item->object, "salesRanks", ranks);
    json_object_object_add(item->object, "csv", json_object_new_string("none"));
    json_object_object_add(item->object, "lastUpdate", json_object_new_string("yesterday"));
    json_object_object_add(item->object, "title", json_object_new_int(42));
}

static bool apply(const struct sim_keepa_call *call, const struct sim_fault *f, struct batch *b,
                  struct item *item)
{
    switch (f->kind) {
    case SIM_F_OMIT:
        put(item, NULL);
        return true;
    case SIM_F_STUB:
        put(item, stub(call, item, b->domain, 4));
        return true;
    case SIM_F_INACCESSIBLE:
        put(item, stub(call, item, b->domain, 3));
        return true;
    case SIM_F_NO_RANKS:
        json_object_object_del(item->object, "salesRanks");
        return true;
    case SIM_F_NO_CATEGORY:
        return remove_category(f, item);
    case SIM_F_WRONG_TYPES:
        wrong_types(item);
        return true;
    case SIM_F_BAD_UTF8:
        json_object_object_add(item->object, "title", json_object_new_string("broken \xff\xc3( title"));
        return true;
    case SIM_F_DUPLICATE:
        b->items[b->n] = *item;
        b->items[b->n++].object = json_object_get(item->object);
        return true;
    default:
        return false;
    }
}

/* Stale answers are decided before the products are made, all others after. */
static void choose_stale(struct sim_keepa_call *call, struct batch *b)
{
    struct sim_faults *faults = &call->sim->faults;
    for (size_t i = 0; i < faults->n; i++) {
        struct sim_fault *f = &faults->list[i];
        if (f->target != SIM_KEEPA || f->kind != SIM_F_STALE || !sim_fault_draws(faults, f))
            continue;
        bool applied = false;
        for (size_t j = 0; j < b->asked; j++) {
            if (!b->items[j].product || !concerns(f, &b->items[j], j))
                continue;
            b->items[j].stale_s = f->age_s;
            applied = true;
        }
        if (applied)
            sim_fault_count(f);
    }
}

static void apply_product_faults(struct sim_keepa_call *call, struct batch *b)
{
    struct sim_faults *faults = &call->sim->faults;
    for (size_t i = 0; i < faults->n; i++) {
        struct sim_fault *f = &faults->list[i];
        if (f->target != SIM_KEEPA || !sim_fault_is_product(f) || f->kind == SIM_F_STALE ||
            f->kind == SIM_F_UNRANKED || !sim_fault_draws(faults, f))
            continue;
        bool applied = false;
        for (size_t j = 0; j < b->asked; j++) {
            if (!b->items[j].object || !concerns(f, &b->items[j], j))
                continue;
            if (f->kind == SIM_F_DUPLICATE && b->n == MAX_ITEMS)
                continue;
            applied = apply(call, f, b, &b->items[j]) || applied;
        }
        if (applied)
            sim_fault_count(f);
    }
}

static void shuffle(struct sim *sim, struct batch *b)
{
    for (size_t i = b->n; i > 1; i--) {
        size_t j = (size_t)(sim_rng_next(&sim->faults.rng) % i);
        struct item swap = b->items[i - 1];
        b->items[i - 1] = b->items[j];
        b->items[j] = swap;
    }
}

static void write_products(struct sim_keepa_call *call, struct batch *b)
{
    struct bw_buf out;
    bw_buf_init(&out, (size_t)1 << 30);
    (void)bw_buf_addc(&out, '[');
    size_t written = 0;
    for (size_t i = 0; i < b->n; i++) {
        if (b->items[i].object) {
            if (written++ > 0)
                (void)bw_buf_addc(&out, ',');
            (void)bw_buf_adds(&out, json_object_to_json_string_ext(b->items[i].object, SIM_JSON_COMPACT));
        }
        put(&b->items[i], NULL);
    }
    (void)bw_buf_addc(&out, ']');
    call->payload_key = "products";
    call->payload = bw_buf_take(&out, NULL);
}

void sim_keepa_product(struct sim_keepa_call *call)
{
    struct batch *b = bw_alloc(sizeof *b);
    int64_t now = sim_minute_of_ms(call->now_ms);
    if (read_batch(call, b) && b->asked > 0) {
        for (size_t i = 0; i < b->asked; i++) {
            struct item *item = &b->items[i];
            item->product = sim_catalog_find(&call->sim->catalog, (int)b->domain, item->asin);
            call->consumed += charge(b, item, now);
        }
        choose_stale(call, b);
        for (size_t i = 0; i < b->asked; i++)
            build(call, b, &b->items[i]);
        apply_product_faults(call, b);
        if (call->fault && call->fault->kind == SIM_F_SHUFFLE)
            shuffle(call->sim, b);
        write_products(call, b);
    }
    free(b);
}
