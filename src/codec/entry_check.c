/* The record of one check. New points are written straight from the decoded product, as flat arrays [at, value, ...]:
 * a first sight brings thousands of them. */
#include "entry.h"
#include "state_node.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/state_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIES_MAX 100000

/* ---- encoding ---- */

static void write_points(struct bw_json *j, const char *key, const struct bw_series *s, size_t from,
                         size_t to)
{
    bw_json_array(j, key);
    for (size_t i = from; i < to; i++) {
        bw_json_int(j, NULL, s->points[i].at);
        bw_json_int(j, NULL, s->points[i].value);
    }
    bw_json_array_end(j);
}

static void write_series(struct bw_json *j, const struct bw_detection *d, const struct bw_product *p)
{
    bw_json_object(j, "ranks");
    for (size_t i = 0; i < d->n_rank_points; i++) {
        const struct bw_new_points *n = &d->rank_points[i];
        char id[24];
        snprintf(id, sizeof(id), "%lld", (long long)p->ranks[n->series].category_id);
        write_points(j, id, &p->ranks[n->series].series, n->from, n->to);
    }
    bw_json_object_end(j);
    bw_json_object(j, "values");
    for (int k = 0; k < BW_VALUE_KINDS; k++) {
        if (d->value_from[k] < d->value_to[k])
            write_points(j, bw_value_kind_name((enum bw_value_kind)k), &p->values[k], d->value_from[k],
                         d->value_to[k]);
    }
    bw_json_object_end(j);
}

static void write_reigns(struct bw_json *j, const struct bw_detection *d)
{
    bw_json_array(j, "reigns");
    for (size_t i = 0; i < d->n_reigns; i++) {
        const struct bw_reign *r = &d->reigns[i];
        bw_json_object(j, NULL);
        bw_json_string(j, "id", r->id);
        bw_json_int(j, "category_id", r->category_id);
        bw_json_string(j, "category", r->category);
        bw_json_int(j, "started_at", r->started_at);
        bw_json_int(j, "ended_at", r->ended_at);
        if (r->ended_at != 0)
            bw_json_string(j, "ended_by", bw_reason_name(r->ended_by));
        bw_json_int(j, "start_not_before", r->start_not_before);
        bw_json_int(j, "end_not_before", r->end_not_before);
        bw_json_object_end(j);
    }
    bw_json_array_end(j);
    bw_json_array(j, "unknowns");
    for (size_t i = 0; i < d->n_unknowns; i++) {
        const struct bw_unknown_period *u = &d->unknowns[i];
        bw_json_object(j, NULL);
        bw_json_int(j, "category_id", u->category_id);
        bw_json_int(j, "from_at", u->from_at);
        bw_json_int(j, "to_at", u->to_at);
        bw_json_string(j, "reason", u->reason);
        bw_json_object_end(j);
    }
    bw_json_array_end(j);
}

void bw_check_encode(const struct bw_detection *d, const struct bw_product *p, int64_t checked_at_ms,
                     const char *batch_id, const char *raw_sha256, bool raw_mended, struct bw_buf *out)
{
    struct bw_json j;
    struct bw_buf state;
    bw_buf_init(&state, out->max);
    bw_state_encode(&d->next, &state);
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_json_int(&j, "domain", d->next.key.domain);
    bw_json_string(&j, "asin", d->next.key.asin);
    bw_json_string(&j, "unknown", bw_unknown_name(d->unknown));
    bw_json_int(&j, "checked_at_ms", checked_at_ms);
    bw_json_string(&j, "batch_id", batch_id);
    bw_json_string(&j, "raw_sha256", raw_sha256);
    bw_json_bool(&j, "raw_mended", raw_mended);
    bw_json_raw(&j, "state", bw_buf_str(&state));
    bw_json_array(&j, "changes");
    for (size_t i = 0; i < d->n_changes; i++)
        change_write(&j, NULL, &d->changes[i]);
    bw_json_array_end(&j);
    write_reigns(&j, d);
    write_series(&j, d, p);
    write_names(&j, p->tree, p->n_tree);
    bw_json_object_end(&j);
    bw_buf_fini(&state);
}

/* ---- decoding ---- */

void bw_check_record_fini(struct bw_check_record *r)
{
    for (size_t i = 0; i < r->n_changes; i++)
        bw_change_fini(&r->changes[i]);
    for (size_t i = 0; i < r->n_reigns; i++)
        bw_reign_fini(&r->reigns[i]);
    for (size_t i = 0; i < r->n_ranks; i++)
        free(r->ranks[i].series.points);
    for (size_t i = 0; i < r->n_values; i++)
        free(r->values[i].series.points);
    for (size_t i = 0; i < r->n_names; i++)
        free(r->names[i].name);
    free(r->changes);
    free(r->reigns);
    free(r->unknowns);
    free(r->ranks);
    free(r->values);
    free(r->names);
    bw_state_fini(&r->state);
    *r = (struct bw_check_record){.n_changes = 0};
}

static bool read_unknown(const struct bw_json_node *o, enum bw_unknown *out)
{
    const char *name;
    if (!bw_json_get_string(o, "unknown", &name))
        return false;
    for (int u = BW_KNOWN; u <= BW_UNKNOWN_STALE; u++) {
        if (strcmp(bw_unknown_name((enum bw_unknown)u), name) == 0) {
            *out = (enum bw_unknown)u;
            return true;
        }
    }
    return false;
}

static enum bw_err read_changes(const struct bw_json_node *list, struct bw_check_record *r,
                                struct bw_error *error)
{
    size_t n = bw_json_count(list);
    if (!bw_json_is_array(list) || n > SERIES_MAX)
        return bad_member(error, "changes");
    r->changes = bw_alloc_array(n, sizeof(*r->changes));
    for (; r->n_changes < n; r->n_changes++) {
        enum bw_err err = change_read(bw_json_at(list, r->n_changes), &r->changes[r->n_changes], error);
        if (err != BW_OK)
            return err;
    }
    return BW_OK;
}

static bool read_reign(const struct bw_json_node *o, struct bw_reign *g)
{
    const char *reason;
    if (!read_uuid(o, "id", g->id) || !bw_json_get_int(o, "category_id", &g->category_id) ||
        g->category_id <= 0 || !bw_json_get_int(o, "started_at", &g->started_at) ||
        !bw_json_get_int(o, "ended_at", &g->ended_at) ||
        !bw_json_get_int(o, "start_not_before", &g->start_not_before) ||
        !bw_json_get_int(o, "end_not_before", &g->end_not_before))
        return false;
    if (g->ended_at != 0 &&
        (!bw_json_get_string(o, "ended_by", &reason) || !bw_reason_parse(reason, &g->ended_by)))
        return false;
    return read_optional(o, "category", &g->category);
}

static enum bw_err read_reigns(const struct bw_json_node *list, struct bw_check_record *r,
                               struct bw_error *error)
{
    size_t n = bw_json_count(list);
    if (!bw_json_is_array(list) || n > SERIES_MAX)
        return bad_member(error, "reigns");
    r->reigns = bw_alloc_array(n, sizeof(*r->reigns));
    for (; r->n_reigns < n; r->n_reigns++) {
        if (!read_reign(bw_json_at(list, r->n_reigns), &r->reigns[r->n_reigns]))
            return bad_member(error, "reigns");
    }
    return BW_OK;
}

static enum bw_err read_unknowns(const struct bw_json_node *list, struct bw_check_record *r,
                                 struct bw_error *error)
{
    size_t n = bw_json_count(list);
    if (!bw_json_is_array(list) || n > SERIES_MAX)
        return bad_member(error, "unknowns");
    r->unknowns = bw_alloc_array(n, sizeof(*r->unknowns));
    for (; r->n_unknowns < n; r->n_unknowns++) {
        const struct bw_json_node *o = bw_json_at(list, r->n_unknowns);
        struct bw_unknown_period *u = &r->unknowns[r->n_unknowns];
        if (!bw_json_get_int(o, "category_id", &u->category_id) || u->category_id < 0 ||
            !bw_json_get_int(o, "from_at", &u->from_at) || !bw_json_get_int(o, "to_at", &u->to_at) ||
            !read_text(o, "reason", u->reason, sizeof(u->reason)))
            return bad_member(error, "unknowns");
    }
    return BW_OK;
}

/* ---- points ---- */

struct reading {
    struct bw_check_points *list;
    size_t n;
    bool ranks; /* keys are category ids, else kinds of values */
    bool bad;
};

static bool read_points(const struct bw_json_node *list, struct bw_series *out)
{
    size_t n = bw_json_count(list);
    if (!bw_json_is_array(list) || n % 2 != 0)
        return false;
    out->points = bw_alloc_array(n / 2, sizeof(*out->points));
    for (out->n = 0; out->n < n / 2; out->n++) {
        struct bw_point *p = &out->points[out->n];
        if (!bw_json_is_int(bw_json_at(list, 2 * out->n), &p->at) ||
            !bw_json_is_int(bw_json_at(list, 2 * out->n + 1), &p->value)) {
            free(out->points);
            return false;
        }
    }
    return true;
}

static bool read_series_key(const char *key, bool ranks, struct bw_check_points *p)
{
    char *end = NULL;
    if (ranks) {
        p->category_id = strtoll(key, &end, 10);
        return end != key && *end == '\0' && p->category_id > 0;
    }
    for (int k = 0; k < BW_VALUE_KINDS; k++) {
        if (strcmp(bw_value_kind_name((enum bw_value_kind)k), key) == 0) {
            p->kind = (enum bw_value_kind)k;
            return true;
        }
    }
    return false;
}

static void on_series(void *ctx, const char *key, const struct bw_json_node *value)
{
    struct reading *r = ctx;
    struct bw_check_points p = {.category_id = 0};
    if (r->bad || r->n == SERIES_MAX || !read_series_key(key, r->ranks, &p) ||
        !read_points(value, &p.series)) {
        r->bad = true;
        return;
    }
    r->list = bw_realloc_array(r->list, r->n + 1, sizeof(*r->list));
    r->list[r->n++] = p;
}

static bool read_series(const struct bw_json_node *o, bool ranks, struct bw_check_points **list, size_t *n)
{
    struct reading r = {.ranks = ranks};
    if (!bw_json_is_object(o))
        return false;
    bw_json_each(o, on_series, &r);
    *list = r.list;
    *n = r.n;
    return !r.bad;
}

/* ---- the whole ---- */

static enum bw_err read_check(const struct bw_json_node *o, struct bw_check_record *r, struct bw_error *error)
{
    enum bw_err err;
    if (!read_unknown(o, &r->unknown) || !bw_json_get_int(o, "checked_at_ms", &r->checked_at_ms))
        return bad_member(error, "unknown or checked_at_ms");
    if (!read_uuid(o, "batch_id", r->batch_id))
        return bad_member(error, "batch_id");
    if (!read_text(o, "raw_sha256", r->raw_sha256, sizeof(r->raw_sha256)) ||
        !bw_json_get_bool(o, "raw_mended", &r->raw_mended))
        return bad_member(error, "raw_sha256 or raw_mended");
    if ((err = read_changes(bw_json_get(o, "changes"), r, error)) != BW_OK ||
        (err = read_reigns(bw_json_get(o, "reigns"), r, error)) != BW_OK ||
        (err = read_unknowns(bw_json_get(o, "unknowns"), r, error)) != BW_OK)
        return err;
    if (!read_series(bw_json_get(o, "ranks"), true, &r->ranks, &r->n_ranks))
        return bad_member(error, "ranks");
    if (!read_series(bw_json_get(o, "values"), false, &r->values, &r->n_values))
        return bad_member(error, "values");
    return read_names(bw_json_get(o, "names"), &r->names, &r->n_names, error);
}

enum bw_err bw_check_decode(const char *json, size_t len, struct bw_check_record *out, struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_check_record r = {.n_changes = 0};
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    const struct bw_json_node *root = bw_json_root(doc);
    struct bw_product_key key;
    err = read_key(root, &key) ? BW_OK : bad_member(error, "asin");
    if (err == BW_OK) {
        bw_state_init(&r.state, &key);
        err = state_read(bw_json_get(root, "state"), &r.state, error);
    }
    if (err == BW_OK)
        err = read_check(root, &r, error);
    bw_json_free(doc);
    if (err == BW_OK)
        *out = r;
    else
        bw_check_record_fini(&r);
    return err;
}
