/* The state of a product as JSON: what Redis and Postgres keep between two checks.
 *
 * Happy way: one table says which number stands where and what it may be; encoding and decoding both walk it, so neither
 * can forget a field. Numbers have no names: a state is written and read at each check, and its names were most of it.
 *
 *   [2, [numbers of the state], unknown, title, brand, parent_asin, availability_amazon, [value_at],
 *    [[name, numbers of the category], ...]]
 *
 * Zeros at the end of a list of numbers are left out, and what is left out is zero. So a new field goes behind the last
 * one of its table, and states without it stay good.
 *
 * How it fails: decoding refuses what is not exactly a state of version 2 or 1: no JSON (BW_ERR_SYNTAX), an element absent,
 * of another type, out of range, too many, or categories out of order (BW_ERR_INVALID). A state half understood would
 * invent or swallow alerts; the caller rebuilds it instead. */
#include "category.h"
#include "state_read.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/keepa.h"
#include "badgewatch/codec/state_json.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CATEGORIES_MAX 100000 /* ids come and go over the years; this many never do */
#define FORMAT         2

enum type { LONG, INT, BOOL };

struct field {
    const char *name;
    enum type type;
    size_t offset;
    int64_t min;
};

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define STATE(type, member, min)                                                                             \
    {                                                                                                        \
#member, type, offsetof(struct bw_state, member), min                                                \
    }
#define CATEGORY(type, member, min)                                                                          \
    {                                                                                                        \
#member, type, offsetof(struct bw_category_state, member), min                                       \
    }

/* The order is that of the text. */
static const struct field state_fields[] = {
    STATE(LONG, version, 0),       STATE(BOOL, baseline, 0),      STATE(LONG, checked_at_ms, 0),
    STATE(LONG, answered_at, 0),   STATE(LONG, ok_at, 0),         STATE(LONG, freshness, 0),
    STATE(LONG, last_update, 0),   STATE(LONG, last_change, 0),   STATE(LONG, current_price, -1),
    STATE(LONG, monthly_sold, -1), STATE(LONG, rating, -1),       STATE(LONG, review_count, -1),
    STATE(INT, unknown_checks, 0), STATE(LONG, unknown_since, 0), STATE(INT, stub_checks, 0),
    STATE(LONG, stub_since, 0),
};

static const struct field category_fields[] = {
    CATEGORY(LONG, category_id, 1),
    CATEGORY(LONG, rank, -1),
    CATEGORY(LONG, at, 0),
    CATEGORY(LONG, confirmed_at, 0),
    CATEGORY(LONG, since, 0),
    CATEGORY(LONG, not_before, 0),
    CATEGORY(INT, missing, 0),
    CATEGORY(LONG, missing_since, 0),
    CATEGORY(BOOL, removed, 0),
    CATEGORY(LONG, hold.at, 0),
    CATEGORY(LONG, hold.seen_ms, 0),
    CATEGORY(LONG, hold.not_before, 0),
    CATEGORY(LONG, hold.previous_check_at, 0),
    CATEGORY(BOOL, hold.guarded, 0),
};

enum { FIELDS_MAX = 32 };
_Static_assert(COUNT(state_fields) <= FIELDS_MAX && COUNT(category_fields) <= FIELDS_MAX,
               "room for all numbers");

static int64_t get(const struct field *f, const void *from)
{
    const char *at = (const char *)from + f->offset;
    int64_t l;
    int small;
    bool yes;

    switch (f->type) {
    case LONG:
        memcpy(&l, at, sizeof l);
        return l;
    case INT:
        memcpy(&small, at, sizeof small);
        return small;
    default:
        memcpy(&yes, at, sizeof yes);
        return yes;
    }
}

static void set(const struct field *f, int64_t value, void *to)
{
    char *at = (char *)to + f->offset;
    int small = (int)value;
    bool yes = value != 0;

    switch (f->type) {
    case LONG:
        memcpy(at, &value, sizeof value);
        break;
    case INT:
        memcpy(at, &small, sizeof small);
        break;
    default:
        memcpy(at, &yes, sizeof yes);
    }
}

/* ---- encoding ---- */

static void write_numbers(struct bw_json *j, const int64_t *numbers, size_t n)
{
    while (n > 0 && numbers[n - 1] == 0)
        n--;
    for (size_t i = 0; i < n; i++)
        bw_json_int(j, NULL, numbers[i]);
}

static void write_fields(struct bw_json *j, const struct field *fields, size_t n, const void *from)
{
    int64_t numbers[FIELDS_MAX];

    for (size_t i = 0; i < n; i++)
        numbers[i] = get(&fields[i], from);
    write_numbers(j, numbers, n);
}

static void write_category(struct bw_json *j, const struct bw_category_state *c)
{
    bw_json_array(j, NULL);
    bw_json_string(j, NULL, c->name);
    write_fields(j, category_fields, COUNT(category_fields), c);
    bw_json_array_end(j);
}

void bw_state_encode(const struct bw_state *s, struct bw_buf *out)
{
    struct bw_json j;

    bw_json_init(&j, out);
    bw_json_array(&j, NULL);
    bw_json_int(&j, NULL, FORMAT);
    bw_json_array(&j, NULL);
    write_fields(&j, state_fields, COUNT(state_fields), s);
    bw_json_array_end(&j);
    bw_json_string(&j, NULL, bw_unknown_name(s->unknown));
    bw_json_string(&j, NULL, s->title);
    bw_json_string(&j, NULL, s->brand);
    bw_json_string(&j, NULL, s->parent_asin);
    if (s->availability_amazon == INT64_MIN)
        bw_json_null(&j, NULL);
    else
        bw_json_int(&j, NULL, s->availability_amazon);
    bw_json_array(&j, NULL);
    write_numbers(&j, s->value_at, BW_VALUE_KINDS);
    bw_json_array_end(&j);
    bw_json_array(&j, NULL);
    for (size_t i = 0; i < s->n_categories; i++)
        write_category(&j, &s->categories[i]);
    bw_json_array_end(&j);
    bw_json_array_end(&j);
}

/* ---- decoding ---- */

/* By hand and not with json-c: a state is read at each check, and its tree cost more than all the rest of the answer. */

bool state_wrong(struct state_decode *d, const char *name)
{
    if (d->err == BW_OK)
        d->err = bw_error_set(d->error, BW_ERR_INVALID, "the stored state has no valid '%s'", name);
    return false;
}

bool state_read_int(struct state_decode *d, const char *name, int64_t min, int64_t max, int64_t *out)
{
    int64_t v;
    char first = bw_cursor_peek(d->c);

    if ((first != '-' && (first < '0' || first > '9')) || bw_cursor_number(d->c, &v) != BW_NUMBER_INT ||
        v < min || v > max)
        return state_wrong(d, name);
    *out = v;
    return true;
}

bool state_read_text(struct state_decode *d, const char *name, char **out)
{
    struct bw_span span;
    struct bw_buf text;

    if (bw_cursor_null(d->c))
        return true;
    if (bw_cursor_peek(d->c) != '"' || !bw_cursor_string(d->c, &span) || bw_span_has_nul(&span))
        return state_wrong(d, name);
    if (!span.escapes) {
        *out = bw_strndup(span.at, span.len);
        return true;
    }
    bw_buf_init(&text, span.len * 3);
    bw_span_text(&span, &text);
    *out = bw_buf_take(&text, NULL);
    return true;
}

bool state_read_unknown(struct state_decode *d, enum bw_unknown *out)
{
    struct bw_span name;

    if (bw_cursor_peek(d->c) == '"' && bw_cursor_string(d->c, &name)) {
        for (int u = BW_KNOWN; u <= BW_UNKNOWN_STALE; u++) {
            if (bw_span_is(&name, bw_unknown_name((enum bw_unknown)u))) {
                *out = (enum bw_unknown)u;
                return true;
            }
        }
    }
    return state_wrong(d, "unknown");
}

/* The comma before an element that must be there. */
static bool element(struct state_decode *d, const char *name)
{
    return bw_cursor_take(d->c, ',') || state_wrong(d, name);
}

/* Numbers up to the closing bracket. more: one follows. Those that are left out are zero. */
static bool read_fields(struct state_decode *d, const struct field *fields, size_t n, bool more, void *to)
{
    for (size_t i = 0; i < n; i++) {
        const struct field *f = &fields[i];
        int64_t max = f->type == LONG ? INT64_MAX : f->type == INT ? INT_MAX : 1;
        int64_t v = 0;

        if (more ? !state_read_int(d, f->name, f->min, max, &v) : f->min > 0)
            return state_wrong(d, f->name);
        set(f, v, to);
        more = more && bw_cursor_next(d->c, ']');
    }
    return (!more && !d->c->fault) || state_wrong(d, "end of a list");
}

static bool read_values(struct state_decode *d, struct bw_state *s)
{
    size_t n = 0;

    if (bw_cursor_peek(d->c) != '[')
        return state_wrong(d, "value_at");
    for (bool more = bw_cursor_first(d->c, '[', ']'); more; more = bw_cursor_next(d->c, ']'), n++)
        if (n == BW_VALUE_KINDS || !state_read_int(d, "value_at", 0, INT64_MAX, &s->value_at[n]))
            return state_wrong(d, "value_at");
    return !d->c->fault;
}

static bool read_category(struct state_decode *d, struct bw_category_state *category)
{
    if (bw_cursor_peek(d->c) != '[' || !bw_cursor_first(d->c, '[', ']'))
        return state_wrong(d, "categories");
    return state_read_text(d, "name", &category->name) &&
           read_fields(d, category_fields, COUNT(category_fields), bw_cursor_next(d->c, ']'), category);
}

bool state_next_category(struct state_decode *d, struct bw_state *s,
                         bool (*read)(struct state_decode *d, struct bw_category_state *category))
{
    if (s->n_categories == CATEGORIES_MAX)
        return state_wrong(d, "categories");
    if ((s->n_categories & (s->n_categories - 1)) == 0 && (s->n_categories == 0 || s->n_categories >= 8)) {
        size_t room = s->n_categories > 0 ? s->n_categories * 2 : 8;
        s->categories = bw_realloc_array(s->categories, room, sizeof *s->categories);
    }
    struct bw_category_state *c = &s->categories[s->n_categories];
    *c = (struct bw_category_state){0};
    s->n_categories++; /* its name is ours to free */
    if (!read(d, c))
        return false;
    if (s->n_categories > 1 && c[-1].category_id >= c->category_id) {
        d->err = bw_error_set(d->error, BW_ERR_INVALID, "the categories of the stored state do not ascend");
        return false;
    }
    return true;
}

static bool read_categories(struct state_decode *d, struct bw_state *s)
{
    if (bw_cursor_peek(d->c) != '[')
        return state_wrong(d, "categories");
    for (bool more = bw_cursor_first(d->c, '[', ']'); more; more = bw_cursor_next(d->c, ']'))
        if (!state_next_category(d, s, read_category))
            return false;
    return !d->c->fault;
}

static bool read_availability(struct state_decode *d, struct bw_state *s)
{
    s->availability_amazon = INT64_MIN;
    return bw_cursor_null(d->c) ||
           state_read_int(d, "availability_amazon", INT64_MIN, INT64_MAX, &s->availability_amazon);
}

static bool read_elements(struct state_decode *d, struct bw_state *s)
{
    int64_t format;

    if (!bw_cursor_first(d->c, '[', ']') ||
        !state_read_int(d, "version of its format", FORMAT, FORMAT, &format) || !element(d, "numbers") ||
        bw_cursor_peek(d->c) != '[')
        return state_wrong(d, "numbers");
    return read_fields(d, state_fields, COUNT(state_fields), bw_cursor_first(d->c, '[', ']'), s) &&
           element(d, "unknown") && state_read_unknown(d, &s->unknown) && element(d, "title") &&
           state_read_text(d, "title", &s->title) && element(d, "brand") &&
           state_read_text(d, "brand", &s->brand) && element(d, "parent_asin") &&
           state_read_text(d, "parent_asin", &s->parent_asin) && element(d, "availability_amazon") &&
           read_availability(d, s) && element(d, "value_at") && read_values(d, s) &&
           element(d, "categories") && read_categories(d, s) &&
           (bw_cursor_take(d->c, ']') || state_wrong(d, "end"));
}

enum bw_err state_read(struct bw_cursor *c, struct bw_state *s, struct bw_error *error)
{
    struct state_decode d = {.c = c, .error = error};

    if (bw_cursor_peek(c) == '{')
        return state_read_old(c, s, error);
    if (bw_cursor_peek(c) != '[')
        return bw_error_set(error, BW_ERR_INVALID, "the stored state is no list");
    if (!read_elements(&d, s))
        (void)state_wrong(&d, "form");
    return d.err;
}

/* Why a text is no state: first whether it is JSON at all. */
static enum bw_err explain(const char *json, size_t len, enum bw_err otherwise, struct bw_error *error)
{
    struct bw_cursor c;

    bw_cursor_init(&c, json, len);
    if (bw_cursor_skip(&c, BW_CURSOR_DEPTH) && !bw_cursor_done(&c))
        (void)bw_cursor_fail(&c, "more bytes after the end");
    if (!c.fault)
        return otherwise;
    return bw_error_set(error, BW_ERR_SYNTAX, "the stored state is not JSON at byte %zu: %s",
                        (size_t)(c.at - c.begin), c.fault);
}

enum bw_err bw_state_decode(const char *json, size_t len, const struct bw_product_key *key,
                            struct bw_state *out, struct bw_error *error)
{
    struct bw_cursor c;
    struct bw_state s;

    if (!bw_utf8_valid(json, len))
        return bw_error_set(error, BW_ERR_SYNTAX, "the stored state is not valid UTF-8");
    bw_state_init(&s, key);
    bw_cursor_init(&c, json, len);
    enum bw_err err = state_read(&c, &s, error);
    if (err || !bw_cursor_done(&c))
        err = explain(json, len, err, error);
    if (err)
        bw_state_fini(&s);
    else
        *out = s;
    return err;
}

/* ---- readable pieces ---- */

void bw_state_ranks_json(const struct bw_state *s, struct bw_buf *out)
{
    struct bw_json j;
    char id[BW_INT_TEXT];

    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    for (size_t i = 0; i < s->n_categories; i++) {
        const struct bw_category_state *c = &s->categories[i];

        if (c->removed)
            continue;
        (void)bw_int_format(c->category_id, id);
        bw_json_object(&j, id);
        if (c->rank > 0)
            bw_json_int(&j, "rank", c->rank);
        else
            bw_json_null(&j, "rank");
        bw_json_time(&j, "at", c->at);
        bw_json_object_end(&j);
    }
    bw_json_object_end(&j);
}

void bw_state_badges_json(const struct bw_state *s, struct bw_buf *out)
{
    struct bw_json j;
    struct bw_buf label;

    bw_json_init(&j, out);
    bw_json_array(&j, NULL);
    bw_buf_init(&label, 1u << 20);
    for (size_t i = 0; i < s->n_categories; i++) {
        const struct bw_category_state *c = &s->categories[i];

        if (c->since == 0)
            continue;
        bw_buf_clear(&label);
        bw_category_label(c->category_id, c->name, &label);
        bw_json_object(&j, NULL);
        bw_json_int(&j, "category_id", c->category_id);
        bw_json_string(&j, "category", bw_buf_str(&label));
        bw_json_time(&j, "since", c->since);
        bw_json_object_end(&j);
    }
    bw_json_array_end(&j);
    bw_buf_fini(&label);
}

#define TEXT_MAX ((size_t)64 << 20) /* of a product in a hundred thousand categories */

void bw_state_text_make(struct bw_state_text *t, const struct bw_state *s)
{
    bw_buf_init(&t->state, TEXT_MAX);
    bw_buf_init(&t->ranks, TEXT_MAX);
    bw_buf_init(&t->badges, TEXT_MAX);
    bw_buf_room(&t->state, 1000); /* most need no more: each is one allocation */
    bw_buf_room(&t->ranks, 500);
    bw_buf_room(&t->badges, 500);
    bw_state_encode(s, &t->state);
    bw_state_ranks_json(s, &t->ranks);
    bw_state_badges_json(s, &t->badges);
}

void bw_state_text_fini(struct bw_state_text *t)
{
    bw_buf_fini(&t->state);
    bw_buf_fini(&t->ranks);
    bw_buf_fini(&t->badges);
}
