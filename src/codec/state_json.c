/* The state of a product as JSON: what Redis and Postgres keep between two checks.
 *
 * Happy way: one table says which number is written under which name and what it may be; encoding and decoding both
 * walk it, so neither can forget a field. How it fails: decoding refuses what is not exactly a state of version 1:
 * no JSON (BW_ERR_SYNTAX), a member absent, of another type, out of range, unknown, or categories out of order
 * (BW_ERR_INVALID). A state half understood would invent or swallow alerts; the caller rebuilds it instead. */
#include "category.h"
#include "state_read.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/keepa.h"
#include "badgewatch/codec/state_json.h"

#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define FORMAT         1
#define CATEGORIES_MAX 100000 /* ids come and go over the years; this many never do */

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

static const struct field state_fields[] = {
    STATE(LONG, version, 0),        STATE(BOOL, baseline, 0),      STATE(LONG, checked_at_ms, 0),
    STATE(LONG, answered_at, 0),    STATE(LONG, ok_at, 0),         STATE(LONG, freshness, 0),
    STATE(LONG, last_update, 0),    STATE(LONG, last_change, 0),   STATE(INT, unknown_checks, 0),
    STATE(LONG, unknown_since, 0),  STATE(INT, stub_checks, 0),    STATE(LONG, stub_since, 0),
    STATE(LONG, current_price, -1), STATE(LONG, monthly_sold, -1), STATE(LONG, rating, -1),
    STATE(LONG, review_count, -1),
};

static const struct field category_fields[] = {
    CATEGORY(LONG, category_id, 1), CATEGORY(LONG, rank, -1),         CATEGORY(LONG, at, 0),
    CATEGORY(LONG, since, 0),       CATEGORY(LONG, not_before, 0),    CATEGORY(LONG, confirmed_at, 0),
    CATEGORY(INT, missing, 0),      CATEGORY(LONG, missing_since, 0), CATEGORY(BOOL, removed, 0),
};

static void write_fields(struct bw_json *j, const struct field *fields, size_t n, const void *from)
{
    for (size_t i = 0; i < n; i++) {
        const char *at = (const char *)from + fields[i].offset;
        int64_t l;
        int small;
        bool yes;

        switch (fields[i].type) {
        case LONG:
            memcpy(&l, at, sizeof l);
            bw_json_int(j, fields[i].name, l);
            break;
        case INT:
            memcpy(&small, at, sizeof small);
            bw_json_int(j, fields[i].name, small);
            break;
        case BOOL:
            memcpy(&yes, at, sizeof yes);
            bw_json_bool(j, fields[i].name, yes);
            break;
        }
    }
}

static void write_category(struct bw_json *j, const struct bw_category_state *c)
{
    bw_json_object(j, NULL);
    write_fields(j, category_fields, COUNT(category_fields), c);
    bw_json_string(j, "name", c->name);
    bw_json_object_end(j);
}

void bw_state_encode(const struct bw_state *s, struct bw_buf *out)
{
    struct bw_json j;

    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_json_int(&j, "v", FORMAT);
    write_fields(&j, state_fields, COUNT(state_fields), s);
    bw_json_string(&j, "unknown", bw_unknown_name(s->unknown));
    bw_json_string(&j, "title", s->title);
    bw_json_string(&j, "brand", s->brand);
    bw_json_string(&j, "parent_asin", s->parent_asin);
    if (s->availability_amazon == INT64_MIN)
        bw_json_null(&j, "availability_amazon");
    else
        bw_json_int(&j, "availability_amazon", s->availability_amazon);
    bw_json_array(&j, "value_at");
    for (size_t i = 0; i < BW_VALUE_KINDS; i++)
        bw_json_int(&j, NULL, s->value_at[i]);
    bw_json_array_end(&j);
    bw_json_array(&j, "categories");
    for (size_t i = 0; i < s->n_categories; i++)
        write_category(&j, &s->categories[i]);
    bw_json_array_end(&j);
    bw_json_object_end(&j);
}

/* ---- decoding ---- */

/* By hand and not with json-c: a state is read at each check, and its tree cost more than all the rest of the answer. */
struct decode {
    struct bw_cursor *c;
    struct bw_error *error;
    enum bw_err err;
};

static bool wrong(struct decode *d, const char *name)
{
    if (d->err == BW_OK)
        d->err = bw_error_set(d->error, BW_ERR_INVALID, "the stored state has no valid '%s'", name);
    return false;
}

static bool read_int(struct decode *d, const char *name, int64_t min, int64_t max, int64_t *out)
{
    int64_t v;
    char first = bw_cursor_peek(d->c);

    if ((first != '-' && (first < '0' || first > '9')) || bw_cursor_number(d->c, &v) != BW_NUMBER_INT ||
        v < min || v > max)
        return wrong(d, name);
    *out = v;
    return true;
}

static bool read_bool(struct decode *d, const char *name, bool *out)
{
    char first = bw_cursor_peek(d->c);

    if ((first != 't' && first != 'f') || !bw_cursor_skip(d->c, 0))
        return wrong(d, name);
    *out = first == 't';
    return true;
}

static bool read_field(struct decode *d, const struct field *f, void *to)
{
    char *at = (char *)to + f->offset;
    int64_t l;
    int small;
    bool yes;

    if (f->type == BOOL) {
        if (!read_bool(d, f->name, &yes))
            return false;
        memcpy(at, &yes, sizeof yes);
        return true;
    }
    if (!read_int(d, f->name, f->min, f->type == INT ? INT_MAX : INT64_MAX, &l))
        return false;
    small = (int)l;
    if (f->type == INT)
        memcpy(at, &small, sizeof small);
    else
        memcpy(at, &l, sizeof l);
    return true;
}

/* A string, or null. */
static bool read_text(struct decode *d, const char *name, char **out)
{
    struct bw_span span;
    struct bw_buf text;

    if (bw_cursor_null(d->c))
        return true;
    if (bw_cursor_peek(d->c) != '"' || !bw_cursor_string(d->c, &span) || bw_span_has_nul(&span))
        return wrong(d, name);
    if (!span.escapes) {
        *out = bw_strndup(span.at, span.len);
        return true;
    }
    bw_buf_init(&text, span.len * 3);
    bw_span_text(&span, &text);
    *out = bw_buf_take(&text, NULL);
    return true;
}

static bool read_unknown(struct decode *d, enum bw_unknown *out)
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
    return wrong(d, "unknown");
}

static bool read_values(struct decode *d, struct bw_state *s)
{
    size_t n = 0;

    if (bw_cursor_peek(d->c) != '[')
        return wrong(d, "value_at");
    for (bool more = bw_cursor_first(d->c, '[', ']'); more; more = bw_cursor_next(d->c, ']'), n++)
        if (n == BW_VALUE_KINDS || !read_int(d, "value_at", 0, INT64_MAX, &s->value_at[n]))
            return wrong(d, "value_at");
    return n == BW_VALUE_KINDS || wrong(d, "value_at");
}

/* Which member this is: the one behind the last, as they were written, else any. n if it is none of them. */
static size_t find_member(const struct bw_span *key, const struct field *fields, size_t n_fields,
                          const char *const *others, size_t n, size_t guess)
{
    for (size_t k = 0; k < n; k++) {
        size_t i = (guess + k) % n;

        if (bw_span_is(key, i < n_fields ? fields[i].name : others[i - n_fields]))
            return i;
    }
    return n;
}

/* The key of the next member of an object whose members are all known, and each there once. */
static bool next_member(struct decode *d, const struct field *fields, size_t n_fields,
                        const char *const *others, size_t n, uint32_t *seen, size_t *at)
{
    struct bw_span key;

    if (!bw_cursor_key(d->c, &key))
        return wrong(d, "members");
    *at = find_member(&key, fields, n_fields, others, n, *at);
    if (*at == n || (*seen & 1u << *at)) {
        d->err = bw_error_set(d->error, BW_ERR_INVALID, "the stored state has a member '%.*s' too many",
                              (int)(key.len < 40 ? key.len : 40), key.at);
        return false;
    }
    *seen |= 1u << *at;
    return true;
}

static bool complete(struct decode *d, uint32_t seen, const struct field *fields, size_t n_fields,
                     const char *const *others, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(seen & 1u << i))
            return wrong(d, i < n_fields ? fields[i].name : others[i - n_fields]);
    return true;
}

static bool read_category(struct decode *d, struct bw_category_state *category)
{
    static const char *const others[] = {"name"};
    const size_t n_fields = COUNT(category_fields), n = n_fields + COUNT(others);
    uint32_t seen = 0;

    if (bw_cursor_peek(d->c) != '{')
        return wrong(d, "categories");
    size_t at = 0;
    for (bool more = bw_cursor_first(d->c, '{', '}'); more; more = bw_cursor_next(d->c, '}'), at++) {
        if (!next_member(d, category_fields, n_fields, others, n, &seen, &at))
            return false;
        if (!(at < n_fields ? read_field(d, &category_fields[at], category)
                            : read_text(d, "name", &category->name)))
            return false;
    }
    return complete(d, seen, category_fields, n_fields, others, n);
}

static bool read_categories(struct decode *d, struct bw_state *s)
{
    size_t room = 0;

    if (bw_cursor_peek(d->c) != '[')
        return wrong(d, "categories");
    for (bool more = bw_cursor_first(d->c, '[', ']'); more; more = bw_cursor_next(d->c, ']')) {
        if (s->n_categories == CATEGORIES_MAX)
            return wrong(d, "categories");
        if (s->n_categories == room) {
            room = room > 0 ? room * 2 : 8;
            s->categories = bw_realloc_array(s->categories, room, sizeof *s->categories);
        }
        struct bw_category_state *c = &s->categories[s->n_categories];
        *c = (struct bw_category_state){0};
        s->n_categories++; /* its name is ours to free */
        if (!read_category(d, c))
            return false;
        if (s->n_categories > 1 && c[-1].category_id >= c->category_id) {
            d->err =
                bw_error_set(d->error, BW_ERR_INVALID, "the categories of the stored state do not ascend");
            return false;
        }
    }
    return true;
}

enum other { V, UNKNOWN, TITLE, BRAND, PARENT_ASIN, AVAILABILITY, VALUE_AT, CATEGORIES, OTHERS };
static const char *const other_members[OTHERS] = {
    "v", "unknown", "title", "brand", "parent_asin", "availability_amazon", "value_at", "categories"};

static bool read_other(struct decode *d, enum other member, struct bw_state *s)
{
    int64_t format;

    switch (member) {
    case V:
        return read_int(d, "v", FORMAT, FORMAT, &format);
    case UNKNOWN:
        return read_unknown(d, &s->unknown);
    case TITLE:
        return read_text(d, "title", &s->title);
    case BRAND:
        return read_text(d, "brand", &s->brand);
    case PARENT_ASIN:
        return read_text(d, "parent_asin", &s->parent_asin);
    case AVAILABILITY:
        s->availability_amazon = INT64_MIN;
        return bw_cursor_null(d->c) ||
               read_int(d, "availability_amazon", INT64_MIN, INT64_MAX, &s->availability_amazon);
    case VALUE_AT:
        return read_values(d, s);
    default:
        return read_categories(d, s);
    }
}

enum bw_err state_read(struct bw_cursor *c, struct bw_state *s, struct bw_error *error)
{
    const size_t n_fields = COUNT(state_fields), n = n_fields + OTHERS;
    struct decode d = {.c = c, .error = error};
    uint32_t seen = 0;
    size_t at = n_fields; /* "v" comes first */

    if (bw_cursor_peek(c) != '{')
        return bw_error_set(error, BW_ERR_INVALID, "the stored state is not an object");
    for (bool more = bw_cursor_first(c, '{', '}'); more; more = bw_cursor_next(c, '}'), at++) {
        if (!next_member(&d, state_fields, n_fields, other_members, n, &seen, &at))
            return d.err;
        if (!(at < n_fields ? read_field(&d, &state_fields[at], s)
                            : read_other(&d, (enum other)(at - n_fields), s)))
            return d.err;
    }
    if (!d.err)
        (void)complete(&d, seen, state_fields, n_fields, other_members, n);
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
    char id[24];

    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    for (size_t i = 0; i < s->n_categories; i++) {
        const struct bw_category_state *c = &s->categories[i];

        if (c->removed)
            continue;
        (void)snprintf(id, sizeof id, "%" PRId64, c->category_id);
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
