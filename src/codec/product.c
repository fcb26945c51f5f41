/* One product object of Keepa to a struct bw_product.
 *
 * Happy way: the cursor walks the members once; the few that are known have a reader each, all others are passed. Then
 * the prices are drawn from the histories, and `unknown` says whether the ranks can be used.
 *
 * How it fails:
 * - not JSON, or cut off: a product of BW_UNKNOWN_MALFORMED with nothing but its key; BW_ERR_SYNTAX if the ASIN was
 *   not yet read by then.
 * - JSON without a usable asin: BW_ERR_INVALID.
 * - odd ranks, a wrong type where the product's nature is told (asin, domainId, productType, salesRanks), a known
 *   member twice: BW_UNKNOWN_MALFORMED. Half of the ranks is never used: a category left out would look removed.
 * - any other odd member: it is as if it were absent, and `detail` says so; ranks stay good. */
#include "category.h"
#include "series.h"
#include "utf8.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/keepa.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CATEGORIES_MAX 1000 /* a product has a handful */
#define TITLE_MAX      2000 /* bytes kept; Amazon allows 500 characters */
#define BRAND_MAX      200
#define TREE_TEXT_MAX  4096 /* of a name as it stands */
#define TREE_MAX       64

struct decode {
    struct bw_cursor c;
    struct bw_product *p;
    bool have_asin, title_given;
    bool malformed; /* the product cannot be used; detail holds why */
    size_t ranks_room;
    int64_t ratings; /* newest of reviews.ratingCount, -1 none */
    uint32_t seen;   /* bit for each known member */
};

/* The first fault that forbids use wins; before that, the first of the others. */
__attribute__((format(printf, 3, 4))) static void note(struct decode *d, bool malformed, const char *fmt, ...)
{
    va_list args;

    if (d->malformed || (!malformed && d->p->detail[0]))
        return;
    d->malformed = malformed;
    va_start(args, fmt);
    // NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): said when another file was looked at before
    (void)vsnprintf(d->p->detail, sizeof d->p->detail, fmt, args);
    va_end(args);
}

static bool skip(struct decode *d)
{
    return bw_cursor_skip(&d->c, BW_CURSOR_DEPTH - 1);
}

/* ---- plain members ---- */

/* An integer in range, or `otherwise` (also for null). Wrong: a note. */
static bool read_int(struct decode *d, const char *name, bool vital, int64_t min, int64_t max, int64_t *out)
{
    int64_t v;
    char c = bw_cursor_peek(&d->c);

    if (bw_cursor_null(&d->c))
        return true;
    if (c != '-' && (c < '0' || c > '9')) {
        note(d, vital, "%s is not an integer", name);
        return skip(d);
    }
    enum bw_number kind = bw_cursor_number(&d->c, &v);
    if (kind == BW_NUMBER_INT && v >= min && v <= max)
        *out = v;
    else
        note(d, vital, "%s is not an integer in range", name);
    return kind != BW_NUMBER_FAULT;
}

/* A string (given true) or null; at most max bytes of it. */
static bool read_text(struct decode *d, const char *name, size_t max, char **out, bool *given)
{
    struct bw_span span;
    struct bw_buf text;

    if (bw_cursor_null(&d->c))
        return true;
    *given = true;
    if (bw_cursor_peek(&d->c) != '"') {
        note(d, false, "%s is not a string", name);
        return skip(d);
    }
    if (!bw_cursor_string(&d->c, &span))
        return false;
    free(*out);
    if (!span.escapes && bw_utf8_valid(span.at, span.len)) { /* as it nearly always is */
        *out = bw_strndup(span.at, bw_utf8_cut(span.at, span.len, max));
        return true;
    }
    bw_buf_init(&text, span.len * 3 + 3);
    bw_span_text(&span, &text);
    *out = bw_strndup(bw_buf_str(&text), bw_utf8_cut(bw_buf_str(&text), text.len, max));
    bw_buf_fini(&text);
    return true;
}

static bool read_asin(struct decode *d)
{
    struct bw_span span;
    char *const asin = d->p->key.asin;

    if (bw_cursor_peek(&d->c) != '"')
        return skip(d);
    if (!bw_cursor_string(&d->c, &span))
        return false;
    if (!span.escapes && bw_asin_valid(span.at, span.len) && !d->have_asin) {
        memcpy(asin, span.at, BW_ASIN_LEN);
        asin[BW_ASIN_LEN] = '\0';
        d->have_asin = true;
    }
    return true;
}

static bool read_domain(struct decode *d)
{
    int64_t v = d->p->key.domain;

    if (!read_int(d, "domainId", true, INT_MIN, INT_MAX, &v))
        return false;
    if (bw_domain_valid((int)v))
        d->p->key.domain = (int)v;
    else
        note(d, true, "domainId %" PRId64 " is not known", v);
    return true;
}

static bool read_type(struct decode *d)
{
    int64_t v = 0;

    if (!read_int(d, "productType", true, INT_MIN, INT_MAX, &v))
        return false;
    d->p->product_type = (int)v;
    return true;
}

static bool read_title(struct decode *d)
{
    return read_text(d, "title", TITLE_MAX, &d->p->title, &d->title_given);
}

static bool read_brand(struct decode *d)
{
    bool given;

    return read_text(d, "brand", BRAND_MAX, &d->p->brand, &given);
}

static bool read_parent(struct decode *d)
{
    struct bw_product *p = d->p;
    bool given;

    if (!read_text(d, "parentAsin", BRAND_MAX, &p->parent_asin, &given))
        return false;
    if (p->parent_asin && !bw_asin_valid(p->parent_asin, strlen(p->parent_asin))) {
        if (p->parent_asin[0])
            note(d, false, "parentAsin is not an ASIN");
        free(p->parent_asin);
        p->parent_asin = NULL;
    }
    return true;
}

static bool read_last_update(struct decode *d)
{
    int64_t v = 0;

    if (!read_int(d, "lastUpdate", false, INT32_MIN, INT32_MAX, &v))
        return false;
    d->p->last_update = v > 0 ? bw_keepa_time(v) : 0; /* 0 and below: Keepa never looked */
    return true;
}

static bool read_availability(struct decode *d)
{
    return read_int(d, "availabilityAmazon", false, INT32_MIN, INT32_MAX, &d->p->availability_amazon);
}

static bool read_monthly_sold(struct decode *d)
{
    int64_t v = -1;

    if (!read_int(d, "monthlySold", false, INT32_MIN, INT32_MAX, &v))
        return false;
    d->p->monthly_sold = v >= 0 ? v : -1;
    return true;
}

/* ---- categoryTree ---- */

struct level {
    int64_t id; /* 0: none that can be used */
    struct bw_span name;
    bool named;
};

static bool read_level_member(struct decode *d, struct level *l)
{
    struct bw_span key;

    if (!bw_cursor_key(&d->c, &key))
        return false;
    char first = bw_cursor_peek(&d->c);
    if (bw_span_is(&key, "catId") && (first == '-' || (first >= '0' && first <= '9'))) {
        enum bw_number kind = bw_cursor_number(&d->c, &l->id);
        if (kind != BW_NUMBER_INT)
            l->id = 0;
        return kind != BW_NUMBER_FAULT;
    }
    if (bw_span_is(&key, "name") && first == '"') {
        l->named = true;
        return bw_cursor_string(&d->c, &l->name);
    }
    return skip(d);
}

static void add_level(struct decode *d, const struct level *l)
{
    struct bw_product *p = d->p;
    struct bw_buf name;

    const char *text = l->name.at;
    size_t len = l->name.len;
    bw_buf_init(&name, len * 3);
    if (l->name.escapes || !bw_utf8_valid(text, len)) {
        bw_span_text(&l->name, &name);
        text = bw_buf_str(&name);
        len = name.len;
    }
    if (p->n_tree % 8 == 0)
        p->tree = bw_realloc_array(p->tree, p->n_tree + 8, sizeof *p->tree);
    p->tree[p->n_tree] = (struct bw_category_name){
        .category_id = l->id,
        .parent = p->n_tree > 0 ? p->tree[p->n_tree - 1].category_id : 0,
        .name = bw_category_name_dup(text, len),
    };
    p->n_tree++;
    bw_buf_fini(&name);
}

static bool read_level(struct decode *d, size_t i)
{
    struct level l = {0};

    if (bw_cursor_peek(&d->c) != '{') {
        note(d, false, "categoryTree level %zu has no id and name", i);
        return skip(d);
    }
    for (bool more = bw_cursor_first(&d->c, '{', '}'); more; more = bw_cursor_next(&d->c, '}'))
        if (!read_level_member(d, &l))
            return false;
    if (d->c.fault)
        return false;
    if (l.id <= 0 || !l.named || l.name.len > TREE_TEXT_MAX)
        note(d, false, "categoryTree level %zu has no id and name", i);
    else if (d->p->n_tree < TREE_MAX)
        add_level(d, &l);
    else
        note(d, false, "categoryTree has more than %d levels", TREE_MAX);
    return true;
}

static bool read_tree(struct decode *d)
{
    size_t i = 0;

    if (bw_cursor_null(&d->c))
        return true;
    if (bw_cursor_peek(&d->c) != '[') {
        note(d, false, "categoryTree is not an array");
        return skip(d);
    }
    for (bool more = bw_cursor_first(&d->c, '[', ']'); more; more = bw_cursor_next(&d->c, ']'))
        if (!read_level(d, i++))
            return false;
    return !d->c.fault;
}

/* ---- histories ---- */

static void add_ranks(struct decode *d, int64_t category, struct bw_series series)
{
    struct bw_product *p = d->p;

    if (p->n_ranks == d->ranks_room) {
        d->ranks_room = d->ranks_room ? d->ranks_room * 2 : 8;
        p->ranks = bw_realloc_array(p->ranks, d->ranks_room, sizeof *p->ranks);
    }
    p->ranks[p->n_ranks++] = (struct bw_rank_series){.category_id = category, .series = series};
}

static bool read_category(struct decode *d)
{
    struct bw_series_fault fault;
    struct bw_series series;
    struct bw_span key;
    int64_t category = 0;

    if (!bw_cursor_key(&d->c, &key))
        return false;
    if (key.escapes || !bw_category_id_parse(key.at, key.len, &category)) {
        note(d, true, "salesRanks has a key that is no category id");
        return skip(d);
    }
    if (!bw_series_read(&d->c, BW_SERIES_RANKS, &series, &fault))
        return false;
    if (fault.what)
        note(d, true, "salesRanks %" PRId64 " item %zu: %s", category, fault.item, fault.what);
    if (series.n == 0)
        return true;
    if (d->p->n_ranks == CATEGORIES_MAX) {
        note(d, true, "salesRanks has more than %d categories", CATEGORIES_MAX);
        free(series.points);
        return true;
    }
    add_ranks(d, category, series);
    return true;
}

static bool read_ranks(struct decode *d)
{
    if (bw_cursor_null(&d->c))
        return true;
    if (bw_cursor_peek(&d->c) != '{') {
        note(d, true, "salesRanks is not an object");
        return skip(d);
    }
    for (bool more = bw_cursor_first(&d->c, '{', '}'); more; more = bw_cursor_next(&d->c, '}'))
        if (!read_category(d))
            return false;
    return !d->c.fault;
}

static bool read_values(struct decode *d, enum bw_value_kind kind, enum bw_series_form form, const char *name)
{
    struct bw_series_fault fault;

    if (!bw_series_read(&d->c, form, &d->p->values[kind], &fault))
        return false;
    if (fault.what)
        note(d, false, "%s item %zu: %s", name, fault.item, fault.what);
    return true;
}

/* The rows of csv that are kept. Those with shipping come in triples. */
static const struct row {
    size_t index;
    enum bw_value_kind kind;
    enum bw_series_form form;
    const char *name;
} rows[] = {
    {0, BW_VALUE_AMAZON, BW_SERIES_VALUES, "csv[0]"},    {1, BW_VALUE_NEW, BW_SERIES_VALUES, "csv[1]"},
    {4, BW_VALUE_LIST, BW_SERIES_VALUES, "csv[4]"},      {16, BW_VALUE_RATING, BW_SERIES_VALUES, "csv[16]"},
    {17, BW_VALUE_REVIEWS, BW_SERIES_VALUES, "csv[17]"}, {18, BW_VALUE_BUY_BOX, BW_SERIES_PRICES, "csv[18]"},
};

static bool read_row(struct decode *d, size_t index)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].index == index)
            return read_values(d, rows[i].kind, rows[i].form, rows[i].name);
    return skip(d);
}

static bool read_csv(struct decode *d)
{
    size_t index = 0;

    if (bw_cursor_null(&d->c))
        return true;
    if (bw_cursor_peek(&d->c) != '[') {
        note(d, false, "csv is not an array");
        return skip(d);
    }
    for (bool more = bw_cursor_first(&d->c, '[', ']'); more; more = bw_cursor_next(&d->c, ']'))
        if (!read_row(d, index++))
            return false;
    return !d->c.fault;
}

static bool read_sold_history(struct decode *d)
{
    return read_values(d, BW_VALUE_MONTHLY_SOLD, BW_SERIES_VALUES, "monthlySoldHistory");
}

static int64_t newest(const struct bw_series *s)
{
    return s->n > 0 ? s->points[s->n - 1].value : -1;
}

/* Answers without csv rows 16 and 17 may still hold the number of ratings here. */
static bool read_reviews(struct decode *d)
{
    struct bw_series_fault fault;
    struct bw_series series;
    struct bw_span key;

    if (bw_cursor_peek(&d->c) != '{')
        return skip(d);
    for (bool more = bw_cursor_first(&d->c, '{', '}'); more; more = bw_cursor_next(&d->c, '}')) {
        if (!bw_cursor_key(&d->c, &key))
            return false;
        if (!bw_span_is(&key, "ratingCount")) {
            if (!skip(d))
                return false;
            continue;
        }
        if (!bw_series_read(&d->c, BW_SERIES_VALUES, &series, &fault))
            return false;
        d->ratings = newest(&series);
        free(series.points);
    }
    return !d->c.fault;
}

/* ---- the whole ---- */

#define MEMBER(name, read)                                                                                   \
    {                                                                                                        \
        name, sizeof(name) - 1, read                                                                         \
    }
static const struct member {
    const char *name;
    size_t len;
    bool (*read)(struct decode *d);
} members[] = {
    MEMBER("asin", read_asin),
    MEMBER("domainId", read_domain),
    MEMBER("productType", read_type),
    MEMBER("title", read_title),
    MEMBER("brand", read_brand),
    MEMBER("parentAsin", read_parent),
    MEMBER("lastUpdate", read_last_update),
    MEMBER("availabilityAmazon", read_availability),
    MEMBER("monthlySold", read_monthly_sold),
    MEMBER("categoryTree", read_tree),
    MEMBER("salesRanks", read_ranks),
    MEMBER("csv", read_csv),
    MEMBER("monthlySoldHistory", read_sold_history),
    MEMBER("reviews", read_reviews),
};

/* The index in members[], or their number. */
static size_t find_plain(const char *key, size_t len)
{
    const size_t n = sizeof members / sizeof *members;
    size_t i;

    for (i = 0; i < n; i++) {
        const struct member *m = &members[i];
        if (len == m->len && key[0] == m->name[0] && memcmp(key, m->name, len) == 0)
            break;
    }
    return i;
}

/* An escaped key is unescaped once, not for each name it is held against. */
static size_t find_member(const struct bw_span *key)
{
    struct bw_buf text;

    if (!key->escapes)
        return find_plain(key->at, key->len);
    bw_buf_init(&text, key->len * 3 + 1);
    bw_span_text(key, &text);
    size_t i = find_plain(bw_buf_str(&text), text.len);
    bw_buf_fini(&text);
    return i;
}

static bool read_member(struct decode *d)
{
    struct bw_span key;

    if (!bw_cursor_key(&d->c, &key))
        return false;
    size_t i = find_member(&key);
    if (i == sizeof members / sizeof *members)
        return skip(d);
    if (d->seen & 1u << i) {
        note(d, true, "member '%s' twice", members[i].name);
        return skip(d);
    }
    d->seen |= 1u << i;
    return members[i].read(d);
}

/* False: not JSON, or more than one object. */
static bool walk(struct decode *d)
{
    for (bool more = bw_cursor_first(&d->c, '{', '}'); more; more = bw_cursor_next(&d->c, '}'))
        if (!read_member(d))
            break;
    if (!d->c.fault && !bw_cursor_done(&d->c))
        (void)bw_cursor_fail(&d->c, "more bytes after the end");
    return !d->c.fault;
}

static int by_category(const void *a, const void *b)
{
    const struct bw_rank_series *x = a, *y = b;

    return (x->category_id > y->category_id) - (x->category_id < y->category_id);
}

static void sort_ranks(struct decode *d)
{
    struct bw_product *p = d->p;

    if (p->n_ranks > 1)
        qsort(p->ranks, p->n_ranks, sizeof *p->ranks, by_category);
    for (size_t i = 1; i < p->n_ranks; i++)
        if (p->ranks[i].category_id == p->ranks[i - 1].category_id)
            note(d, true, "salesRanks has category %" PRId64 " twice", p->ranks[i].category_id);
}

static void drop_ranks(struct bw_product *p)
{
    for (size_t i = 0; i < p->n_ranks; i++)
        free(p->ranks[i].series.points);
    free(p->ranks);
    p->ranks = NULL;
    p->n_ranks = 0;
}

/* productType comes first: what Keepa calls inaccessible or invalid has no ranks that mean anything. */
static enum bw_unknown classify(const struct decode *d)
{
    const struct bw_product *p = d->p;

    if (p->product_type == 4)
        return BW_UNKNOWN_STUB;
    if (p->product_type == 3)
        return BW_UNKNOWN_INACCESSIBLE;
    if (d->malformed)
        return BW_UNKNOWN_MALFORMED;
    if (p->n_ranks == 0)
        return d->title_given ? BW_UNKNOWN_NO_RANKS : BW_UNKNOWN_STUB;
    return BW_KNOWN;
}

static void draw_current(struct decode *d)
{
    static const enum bw_value_kind prices[] = {BW_VALUE_BUY_BOX, BW_VALUE_NEW, BW_VALUE_AMAZON};
    struct bw_product *p = d->p;

    for (size_t i = 0; i < sizeof prices / sizeof *prices && p->current_price <= 0; i++)
        p->current_price = newest(&p->values[prices[i]]);
    if (p->current_price <= 0)
        p->current_price = -1;
    p->rating = newest(&p->values[BW_VALUE_RATING]);
    p->review_count = newest(&p->values[BW_VALUE_REVIEWS]);
    if (p->values[BW_VALUE_REVIEWS].n == 0)
        p->review_count = d->ratings;
    p->rating = p->rating >= 0 ? p->rating : -1;
    p->review_count = p->review_count >= 0 ? p->review_count : -1;
}

static void init_product(struct bw_product *p, int domain)
{
    *p = (struct bw_product){0};
    p->key.domain = domain;
    p->current_price = -1;
    p->availability_amazon = INT64_MIN;
    p->monthly_sold = -1;
    p->rating = -1;
    p->review_count = -1;
}

/* What was read before the text broke off is not shown: nobody knows what is missing. */
static void keep_key_only(struct decode *d)
{
    struct bw_product_key key = d->p->key;

    bw_product_fini(d->p);
    init_product(d->p, key.domain);
    d->p->key = key;
    d->p->unknown = BW_UNKNOWN_MALFORMED;
    d->malformed = false;
    note(d, true, "not JSON at byte %zu: %s", (size_t)(d->c.at - d->c.begin), d->c.fault);
}

enum bw_err bw_keepa_product_decode(const char *json, size_t len, int expected_domain,
                                    struct bw_product *product, struct bw_error *error)
{
    struct bw_product p;
    struct decode d = {.p = &p, .ratings = -1};

    init_product(&p, expected_domain);
    bw_cursor_init(&d.c, json, len);
    bool is_json = walk(&d);
    if (!d.have_asin) {
        bw_product_fini(&p);
        *product = (struct bw_product){0};
        if (is_json)
            return bw_error_set(error, BW_ERR_INVALID, "a product without a valid asin");
        return bw_error_set(error, BW_ERR_SYNTAX, "a product that is no JSON at byte %zu: %s",
                            (size_t)(d.c.at - d.c.begin), d.c.fault);
    }
    if (is_json) {
        sort_ranks(&d);
        p.unknown = classify(&d);
        if (p.unknown != BW_KNOWN)
            drop_ranks(&p);
        draw_current(&d);
    } else {
        keep_key_only(&d);
    }
    *product = p;
    return BW_OK;
}
