/* The numbers of made-up products. See generate.h. */
#include "generate.h"

#include "rng.h"

#include <stdio.h>
#include <stdlib.h>

#define SLOT        360 /* minutes between two moves of a base rank; real products show 200 to 500 */
#define DAY         1440
#define ASIN_SPACE  2821109907456U /* 36^8 */
#define ROOTS       8
#define LEAF_NAMES  24
#define EXTRA_NAMES 10

enum {
    H_CLASS = 1,
    H_CATEGORIES,
    H_HOLDER,
    H_BASE,
    H_FIRST,
    H_EPISODE,
    H_KNOT,
    H_SLOT,
    H_JITTER,
    H_FLIP,
    H_VALUE
};

static const char *const root_names[ROOTS] = {
    "Beauty & Personal Care", "Health & Household", "Home & Kitchen", "Sports & Outdoors",
    "Tools & Improvement",    "Pet Supplies",       "Toys & Games",   "Office Products"};
static const char *const mid_names[ROOTS] = {"Skin Care",     "Pain Relief",  "Storage & Organization",
                                             "Fitness",       "Hardware",     "Dogs",
                                             "Building Toys", "Desk Supplies"};
static const char *const leaf_names[LEAF_NAMES] = {
    "Serums",         "Pain Relief Rubs", "Shelf Liners", "Resistance Bands", "Drill Bits",  "Chew Toys",
    "Brick Sets",     "Gel Pens",         "Face Masks",   "Heating Pads",     "Spice Racks", "Yoga Mats",
    "Cable Ties",     "Dog Beds",         "Puzzles",      "Desk Mats",        "Lip Balms",   "Sets & Kits",
    "Garlic Presses", "Jump Ropes",       "Wood Screws",  "Leashes",          "Card Games",  "Sticky Notes"};
static const char *const extra_names[EXTRA_NAMES] = {"Sets & Kits",  "Gift Ideas",  "Climate Pledge Friendly",
                                                     "Travel Sizes", "New & Used",  "Men's",
                                                     "Women's",      "Prime Picks", "Refills",
                                                     "Large Volumes"};

static uint64_t draw(const struct sim_generator *g, uint64_t who, uint64_t when, uint64_t what)
{
    return sim_hash(g->seed, who, when, what);
}

static double unit(uint64_t h)
{
    return (double)(h >> 11) * (1.0 / 9007199254740992.0);
}

void sim_gen_init(struct sim_generator *g, uint64_t seed, size_t n, int64_t start_minute,
                  int64_t history_days, double churn)
{
    /* whole days: two starts on one day give the same history even without a state file */
    int64_t first = (start_minute / DAY - history_days) * DAY;
    *g = (struct sim_generator){.seed = seed,
                                .n = n,
                                .start_minute = start_minute,
                                .first_minute = first,
                                .churn = churn,
                                .window = SLOT,
                                .family = 1,
                                .pad = 6000,
                                .domains = {1},
                                .n_domains = 1};
    /* busy products have three times the mean; a window must have room for their episodes */
    while (g->window > 8 && churn * 1.5 * (double)g->window / DAY > 0.75) {
        int64_t half = g->window / 4 * 2;
        g->window = half < 8 ? 8 : half;
    }
}

void sim_gen_asin(const struct sim_generator *g, size_t index, char out[11])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    /* a step coprime to 36^8 visits each value once: ASINs are unique without a table */
    uint64_t x = (sim_mix(g->seed) % ASIN_SPACE + (uint64_t)index * 1234567890121U) % ASIN_SPACE;
    out[0] = 'B';
    out[1] = '0';
    for (int i = 9; i >= 2; i--) {
        out[i] = digits[x % 36];
        x /= 36;
    }
    out[10] = '\0';
}

/* The product whose ranks a variation shares. */
static size_t head_of(const struct sim_generator *g, size_t index)
{
    return index / g->family * g->family;
}

bool sim_gen_parent(const struct sim_generator *g, size_t index, char out[11])
{
    out[0] = '\0';
    if (g->family < 2)
        return false;
    sim_gen_asin(g, head_of(g, index), out);
    out[1] = 'P'; /* no ASIN of ours: these begin with B0 */
    return true;
}

int sim_gen_domain(const struct sim_generator *g, size_t index)
{
    return g->domains[index / g->family % g->n_domains];
}

/* 20 % of the products see three times the mean, 40 % nearly the mean, 40 % a fifth: together the mean. */
static double weight(const struct sim_generator *g, size_t index)
{
    uint64_t x = draw(g, index, 0, H_CLASS) % 10;
    return x < 2 ? 3.0 : x < 6 ? 0.8 : 0.2;
}

static struct sim_gen_category *add_category(const struct sim_generator *g, size_t index,
                                             struct sim_gen_category *out, size_t *n, int64_t id,
                                             const char *name)
{
    struct sim_gen_category *c = &out[(*n)++];
    *c = (struct sim_gen_category){.id = id, .first_minute = g->first_minute};
    c->key = sim_mix((uint64_t)index * 8 + *n);
    snprintf(c->name, sizeof c->name, "%s", name);
    return c;
}

static int64_t base_rank(const struct sim_generator *g, uint64_t key, int64_t low, int64_t high)
{
    return low + (int64_t)(draw(g, key, 0, H_BASE) % (uint64_t)(high - low + 1));
}

static struct sim_gen_category *add_contended(const struct sim_generator *g, size_t index,
                                              struct sim_gen_category *out, size_t *n, int64_t id,
                                              const char *name, unsigned holders_in_ten)
{
    struct sim_gen_category *c = add_category(g, index, out, n, id, name);
    c->holder = draw(g, c->key, 0, H_HOLDER) % 10 < holders_in_ten;
    c->base = base_rank(g, c->key, 3, 12);
    return c;
}

size_t sim_gen_categories(const struct sim_generator *g, size_t index, struct sim_gen_category *out)
{
    index = head_of(g, index);
    uint64_t h = draw(g, index, 0, H_CATEGORIES);
    size_t r = index % ROOTS;
    size_t n = 0;
    bool only_two = h % 10 == 0;
    struct sim_gen_category *root =
        add_category(g, index, out, &n, 3000011 + (int64_t)r * 111, root_names[r]);
    root->in_tree = true;
    root->base = base_rank(g, root->key, 60, 80000);
    int64_t above = root->id;
    if (!only_two) {
        struct sim_gen_category *mid =
            add_category(g, index, out, &n, 11000021 + (int64_t)r * 1013, mid_names[r]);
        mid->in_tree = true;
        mid->parent = above;
        mid->base = base_rank(g, mid->key, 20, 2000);
        above = mid->id;
    }
    /* contended categories are one product's own, with shared names: two products are never #1 in one category */
    struct sim_gen_category *leaf = add_contended(
        g, index, out, &n, INT64_C(7700000001) + (int64_t)index * 10, leaf_names[index % LEAF_NAMES], 3);
    leaf->in_tree = true;
    leaf->parent = above;
    leaf->share = 1.0;
    if (!only_two && (h >> 8) % 2 == 0) {
        struct sim_gen_category *extra =
            add_contended(g, index, out, &n, INT64_C(9200000002) + (int64_t)index * 10,
                          extra_names[(h >> 16) % EXTRA_NAMES], 1);
        extra->parent = above;
        extra->share = 0.3;
        leaf->share = 0.7;
    }
    if (!only_two && (h >> 24) % 10 == 0) { /* appears during the first day of the simulation */
        struct sim_gen_category *late =
            add_contended(g, index, out, &n, INT64_C(9200000003) + (int64_t)index * 10,
                          extra_names[(h >> 32) % EXTRA_NAMES], 5);
        late->parent = above;
        late->first_minute =
            g->start_minute / 2 * 2 + 2 + (int64_t)(draw(g, late->key, 0, H_FIRST) % (DAY / 2)) * 2;
    }
    if (index < ROOTS) { /* one product a root contends for the root itself */
        root->base = 3;
        root->share = 0.1;
        leaf->share -= 0.1;
    }
    return n;
}

struct episode {
    int64_t begin, middle, end; /* [begin, middle) has `first`, [middle, end) has `second` */
    int64_t first, second;
    bool is;
};

/* The window's shape: a stay of 2 to 40 minutes in a third of the cases, else anything that fits. */
static void place(const struct sim_generator *g, uint64_t h, int64_t window, struct episode *e)
{
    uint64_t room = (uint64_t)(g->window - 4) / 2; /* in steps of two minutes */
    uint64_t steps = 1 + ((h & 0xff) < 90 ? (h >> 8) % 20 : (h >> 8) % room);
    if (steps > room)
        steps = room;
    uint64_t offset = 1 + (h >> 32) % (room - steps + 1);
    e->begin = window * g->window + (int64_t)offset * 2;
    e->end = e->begin + (int64_t)steps * 2;
    e->middle = e->end;
    e->is = true;
}

static struct episode episode_of(const struct sim_generator *g, size_t index,
                                 const struct sim_gen_category *c, int64_t window)
{
    index = head_of(g, index);
    struct episode e = {.is = false};
    uint64_t h = draw(g, c->key, (uint64_t)window, H_EPISODE);
    double p = g->churn / 2 * weight(g, index) * c->share * (double)g->window / DAY;
    bool crossing = unit(h) < p;
    bool lapse = !crossing && !c->holder && unit(sim_mix(h)) < 0.01;
    if (!crossing && !lapse)
        return e;
    uint64_t more = sim_mix(h ^ 0x5eed);
    place(g, more, window, &e);
    bool unranked = sim_mix(more) % 16 == 0;
    if (lapse) {
        e.first = -1;
    } else if (c->holder) {
        e.first = unranked ? -1 : 2 + (int64_t)(sim_mix(more ^ 1) % 5);
    } else {
        e.first = 1;
        if (unranked && e.end - e.begin >= 4) { /* the stay ends in having no rank at all */
            e.middle = e.begin + (e.end - e.begin) / 4 * 2;
            e.second = -1;
        }
    }
    return e;
}

static int64_t slot_minute(const struct sim_generator *g, uint64_t key, int64_t slot, int64_t length)
{
    return slot * length + (int64_t)(draw(g, key, (uint64_t)slot, H_JITTER) % (uint64_t)(length / 2)) * 2;
}

static int64_t slot_in_force(const struct sim_generator *g, uint64_t key, int64_t minute, int64_t length)
{
    int64_t slot = minute / length;
    return minute < slot_minute(g, key, slot, length) ? slot - 1 : slot;
}

/* A slow wave between knots eight slots apart, times a small jump at each slot. Integers only: the same on every
 * machine. */
static int64_t base_at_slot(const struct sim_generator *g, const struct sim_gen_category *c, int64_t slot)
{
    int64_t knot = slot / 8;
    int64_t part = slot % 8;
    int64_t a = 512 + (int64_t)(draw(g, c->key, (uint64_t)knot, H_KNOT) % 1024);
    int64_t b = 512 + (int64_t)(draw(g, c->key, (uint64_t)knot + 1, H_KNOT) % 1024);
    int64_t wave = (a * (8 - part) + b * part) / 8;
    int64_t jump = 960 + (int64_t)(draw(g, c->key, (uint64_t)slot, H_SLOT) % 128);
    int64_t rank = (c->base * wave * jump) >> 20;
    return rank < 2 ? 2 : rank;
}

int64_t sim_gen_rank(const struct sim_generator *g, size_t index, const struct sim_gen_category *c,
                     int64_t minute)
{
    struct episode e = episode_of(g, index, c, minute / g->window);
    if (e.is && minute >= e.begin && minute < e.end)
        return minute < e.middle ? e.first : e.second;
    if (c->holder)
        return 1;
    return base_at_slot(g, c, slot_in_force(g, c->key, minute, SLOT));
}

static int by_value(const void *a, const void *b)
{
    const int64_t *x = a;
    const int64_t *y = b;
    return (*x > *y) - (*x < *y);
}

/* The minutes of one window at which the rank may move: its episode's edges and the base slots in it. */
static size_t moments(const struct sim_generator *g, size_t index, const struct sim_gen_category *c,
                      int64_t window, int64_t out[8])
{
    size_t n = 0;
    int64_t begin = window * g->window;
    int64_t end = begin + g->window;
    struct episode e = episode_of(g, index, c, window);
    if (e.is) {
        out[n++] = e.begin;
        out[n++] = e.middle;
        out[n++] = e.end;
    }
    for (int64_t slot = begin / SLOT; slot * SLOT < end && !c->holder; slot++) {
        int64_t at = slot_minute(g, c->key, slot, SLOT);
        if (at >= begin && at < end)
            out[n++] = at;
    }
    qsort(out, n, sizeof *out, by_value);
    return n;
}

void sim_gen_ranks(const struct sim_generator *g, size_t index, const struct sim_gen_category *c, int64_t to,
                   struct sim_series *out)
{
    if (c->first_minute > to)
        return;
    sim_series_append(out, c->first_minute, sim_gen_rank(g, index, c, c->first_minute));
    for (int64_t w = c->first_minute / g->window; w * g->window <= to; w++) {
        int64_t at[8];
        size_t n = moments(g, index, c, w, at);
        for (size_t i = 0; i < n && at[i] <= to; i++)
            if (at[i] > c->first_minute)
                sim_series_append(out, at[i], sim_gen_rank(g, index, c, at[i]));
    }
}

void sim_gen_reference(const struct sim_generator *g, size_t index, int64_t root, int64_t to,
                       struct sim_series *out)
{
    index = head_of(g, index);
    sim_series_append(out, g->first_minute, root);
    for (int64_t day = g->first_minute / DAY; day * DAY <= to; day++) {
        uint64_t h = draw(g, index, (uint64_t)day, H_FLIP);
        if (unit(h) >= 0.04)
            continue;
        int64_t begin = day * DAY + 2 + (int64_t)(sim_mix(h) % 140) * 2;
        int64_t end = begin + 2 + (int64_t)(sim_mix(h ^ 1) % 570) * 2;
        if (begin <= to)
            sim_series_append(out, begin, -1);
        if (end <= to)
            sim_series_append(out, end, root);
    }
}

void sim_gen_main_rank(const struct sim_series *root, const struct sim_series *reference,
                       struct sim_series *out)
{
    int64_t rank = -1;
    int64_t ref = -1;
    for (size_t i = 0, j = 0; i < root->n || j < reference->n;) {
        int64_t a = i < root->n ? root->v[i] : INT64_MAX;
        int64_t b = j < reference->n ? reference->v[j] : INT64_MAX;
        if (a <= b) {
            rank = root->v[i + 1];
            i += 2;
        }
        if (b <= a) {
            ref = reference->v[j + 1];
            j += 2;
        }
        sim_series_append(out, a < b ? a : b, ref == -1 ? -1 : rank);
    }
}

static int64_t value_at(const struct sim_generator *g, uint64_t key, enum sim_gen_value kind, int64_t slot)
{
    static const int64_t sold[] = {50, 100, 200, 300, 500, 1000, 2000, 4000};
    uint64_t h = draw(g, key, (uint64_t)slot, H_VALUE);
    int64_t price = 899 + (int64_t)(draw(g, key / 16, 0, H_VALUE) % 5000);
    switch (kind) {
    case SIM_GEN_AMAZON:
        return draw(g, key / 16, 1, H_VALUE) % 3 ? -1 : price - (int64_t)(h % 5) * price / 50;
    case SIM_GEN_NEW:
        return price - (int64_t)(h % 5) * price / 50;
    case SIM_GEN_LIST:
        return price * 5 / 4;
    case SIM_GEN_COUNT_NEW:
        return 1 + (int64_t)(h % 6);
    case SIM_GEN_RATING:
        return 40 + (int64_t)(draw(g, key / 16, 2, H_VALUE) % 8) + (int64_t)(h % 2);
    case SIM_GEN_REVIEWS: /* grows by 0..6 a slot, so that it never falls */
        return 30 + (slot - g->first_minute / 720) * 6 + (int64_t)(h % 6);
    case SIM_GEN_MONTHLY_SOLD:
        return sold[(draw(g, key / 16, 3, H_VALUE) % 6) + h % 3];
    default:
        return -1;
    }
}

void sim_gen_values(const struct sim_generator *g, size_t index, enum sim_gen_value kind, int64_t to,
                    struct sim_series *out)
{
    static const int64_t lengths[SIM_GEN_VALUES] = {2880, 2880, 14400, 4320, 10080, 720, 7200};
    int64_t length = lengths[kind];
    uint64_t key = (uint64_t)index * 16 + (uint64_t)kind; /* key / 16 is the product */
    int64_t first = slot_in_force(g, key, g->first_minute, length);
    sim_series_append(out, g->first_minute, value_at(g, key, kind, first));
    for (int64_t slot = first + 1; slot_minute(g, key, slot, length) <= to; slot++)
        sim_series_append(out, slot_minute(g, key, slot, length), value_at(g, key, kind, slot));
}
