/* The state of a product as JSON: what Redis and Postgres keep between two checks.
 *
 * Happy way: one table says which number is written under which name and what it may be; encoding and decoding both
 * walk it, so neither can forget a field. How it fails: decoding refuses what is not exactly a state of version 1:
 * no JSON (BW_ERR_SYNTAX), a member absent, of another type, out of range, unknown, or categories out of order
 * (BW_ERR_INVALID). A state half understood would invent or swallow alerts; the caller rebuilds it instead. */
#include "category.h"
#include "state_node.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/json.h"
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

/* Members that the tables do not name: v, unknown, title, brand, parent_asin, availability_amazon, value_at,
 * categories; and name. */
#define STATE_MEMBERS    (COUNT(state_fields) + 8)
#define CATEGORY_MEMBERS (COUNT(category_fields) + 1)

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

static enum bw_err wrong(struct bw_error *error, const char *name)
{
    return bw_error_set(error, BW_ERR_INVALID, "the stored state has no valid '%s'", name);
}

static bool read_field(const struct bw_json_node *o, const struct field *f, void *to)
{
    char *at = (char *)to + f->offset;
    int64_t l;
    bool yes;

    if (f->type == BOOL) {
        if (!bw_json_get_bool(o, f->name, &yes))
            return false;
        memcpy(at, &yes, sizeof yes);
        return true;
    }
    if (!bw_json_get_int(o, f->name, &l) || l < f->min || (f->type == INT && l > INT_MAX))
        return false;
    if (f->type == INT) {
        int small = (int)l;

        memcpy(at, &small, sizeof small);
    } else {
        memcpy(at, &l, sizeof l);
    }
    return true;
}

static enum bw_err read_fields(const struct bw_json_node *o, const struct field *fields, size_t n, void *to,
                               struct bw_error *error)
{
    for (size_t i = 0; i < n; i++)
        if (!read_field(o, &fields[i], to))
            return wrong(error, fields[i].name);
    return BW_OK;
}

struct presence {
    const char *name; /* looked for; may be NULL */
    size_t n;         /* members in all */
    bool found;
};

static void see_member(void *ctx, const char *key, const struct bw_json_node *value)
{
    struct presence *p = ctx;

    (void)value;
    p->n++;
    if (p->name && strcmp(p->name, key) == 0)
        p->found = true;
}

static size_t count_members(const struct bw_json_node *o)
{
    struct presence p = {0};

    bw_json_each(o, see_member, &p);
    return p.n;
}

/* A string, or null, which must be there. */
static enum bw_err read_text(const struct bw_json_node *o, const char *name, char **out,
                             struct bw_error *error)
{
    struct presence p = {.name = name};
    const char *text = NULL;

    bw_json_each(o, see_member, &p);
    if (!p.found || (bw_json_get(o, name) && !bw_json_get_string(o, name, &text)))
        return wrong(error, name);
    *out = bw_strdup(text);
    return BW_OK;
}

static enum bw_err read_unknown(const struct bw_json_node *o, enum bw_unknown *out, struct bw_error *error)
{
    const char *name;

    if (bw_json_get_string(o, "unknown", &name)) {
        for (int u = BW_KNOWN; u <= BW_UNKNOWN_STALE; u++) {
            if (strcmp(name, bw_unknown_name((enum bw_unknown)u)) == 0) {
                *out = (enum bw_unknown)u;
                return BW_OK;
            }
        }
    }
    return wrong(error, "unknown");
}

static enum bw_err read_values(const struct bw_json_node *o, struct bw_state *s, struct bw_error *error)
{
    const struct bw_json_node *values = bw_json_get(o, "value_at");
    struct presence p = {.name = "availability_amazon"};

    if (bw_json_count(values) != BW_VALUE_KINDS)
        return wrong(error, "value_at");
    for (size_t i = 0; i < BW_VALUE_KINDS; i++)
        if (!bw_json_is_int(bw_json_at(values, i), &s->value_at[i]) || s->value_at[i] < 0)
            return wrong(error, "value_at");
    bw_json_each(o, see_member, &p);
    s->availability_amazon = INT64_MIN;
    if (!p.found || (bw_json_get(o, p.name) && !bw_json_get_int(o, p.name, &s->availability_amazon)))
        return wrong(error, p.name);
    return BW_OK;
}

static enum bw_err read_category(const struct bw_json_node *o, struct bw_category_state *c,
                                 struct bw_error *error)
{
    if (count_members(o) != CATEGORY_MEMBERS)
        return bw_error_set(error, BW_ERR_INVALID,
                            "a category of the stored state has other members than expected");
    enum bw_err err = read_fields(o, category_fields, COUNT(category_fields), c, error);
    return err ? err : read_text(o, "name", &c->name, error);
}

static enum bw_err read_categories(const struct bw_json_node *o, struct bw_state *s, struct bw_error *error)
{
    const struct bw_json_node *list = bw_json_get(o, "categories");
    size_t n = bw_json_count(list);

    if (!bw_json_is_array(list) || n > CATEGORIES_MAX)
        return wrong(error, "categories");
    s->categories = n > 0 ? bw_alloc_array(n, sizeof *s->categories) : NULL;
    for (; s->n_categories < n; s->n_categories++) {
        struct bw_category_state *c = &s->categories[s->n_categories];
        enum bw_err err = read_category(bw_json_at(list, s->n_categories), c, error);

        if (err)
            return err;
        if (s->n_categories > 0 && c[-1].category_id >= c->category_id) {
            s->n_categories++; /* its name is ours to free */
            return bw_error_set(error, BW_ERR_INVALID, "the categories of the stored state do not ascend");
        }
    }
    return BW_OK;
}

enum bw_err state_read(const struct bw_json_node *root, struct bw_state *s, struct bw_error *error)
{
    int64_t format;

    if (!bw_json_get_int(root, "v", &format) || format != FORMAT)
        return bw_error_set(error, BW_ERR_INVALID, "the stored state is not of format %d", FORMAT);
    if (count_members(root) != STATE_MEMBERS)
        return bw_error_set(error, BW_ERR_INVALID, "the stored state has other members than expected");
    enum bw_err err = read_fields(root, state_fields, COUNT(state_fields), s, error);
    if (!err)
        err = read_unknown(root, &s->unknown, error);
    if (!err)
        err = read_text(root, "title", &s->title, error);
    if (!err)
        err = read_text(root, "brand", &s->brand, error);
    if (!err)
        err = read_text(root, "parent_asin", &s->parent_asin, error);
    if (!err)
        err = read_values(root, s, error);
    return err ? err : read_categories(root, s, error);
}

enum bw_err bw_state_decode(const char *json, size_t len, const struct bw_product_key *key,
                            struct bw_state *out, struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_state s;

    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err) {
        (void)bw_error_prefix(error, "the stored state"); /* its result is not the code when error is NULL */
        return err;
    }
    bw_state_init(&s, key);
    err = state_read(bw_json_root(doc), &s, error);
    bw_json_free(doc);
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
