/* The record of one check. New points are written straight from the decoded product, as flat arrays [at, value, ...]:
 * a first sight brings thousands of them.
 *
 * Happy way: detection and product are written as they are, and read into a record that owns its memory. How it fails:
 * as in entry.c; the text says which member, and which element of a list. */
#include "category.h"
#include "entry.h"
#include "state_read.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/keepa.h"
#include "badgewatch/codec/state_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
        char id[BW_INT_TEXT];
        bw_int_format(p->ranks[n->series].category_id, id);
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

void bw_check_encode(const struct bw_detection *d, const struct bw_product *p, const char *state_json,
                     int64_t checked_at_ms, const char *batch_id, const char *raw_sha256, bool raw_mended,
                     struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_json_int(&j, "domain", d->next.key.domain);
    bw_json_string(&j, "asin", d->next.key.asin);
    bw_json_string(&j, "unknown", bw_unknown_name(d->unknown));
    bw_json_int(&j, "checked_at_ms", checked_at_ms);
    bw_json_string(&j, "batch_id", batch_id);
    bw_json_string(&j, "raw_sha256", raw_sha256);
    bw_json_bool(&j, "raw_mended", raw_mended);
    bw_json_raw(&j, "state", state_json ? state_json : ""); /* the name; the state writes itself behind it */
    if (!state_json)
        bw_state_encode(&d->next, out);
    bw_json_array(&j, "changes");
    for (size_t i = 0; i < d->n_changes; i++)
        bw_entry_write_change(&j, NULL, &d->changes[i]);
    bw_json_array_end(&j);
    write_reigns(&j, d);
    write_series(&j, d, p);
    bw_entry_write_names(&j, p->tree, p->n_tree);
    bw_json_object_end(&j);
}

/* ---- taking ---- */

static struct bw_series part_of(const struct bw_series *s, size_t from, size_t to)
{
    struct bw_series part = {.points = bw_alloc_array(to - from, sizeof(*part.points)), .n = to - from};
    if (part.n > 0)
        memcpy(part.points, s->points + from, part.n * sizeof(*part.points));
    return part;
}

static void take_series(struct bw_check_record *r, const struct bw_detection *d, const struct bw_product *p)
{
    r->ranks = bw_alloc_array(d->n_rank_points, sizeof(*r->ranks));
    for (; r->n_ranks < d->n_rank_points; r->n_ranks++) {
        const struct bw_new_points *n = &d->rank_points[r->n_ranks];
        const struct bw_rank_series *s = &p->ranks[n->series];
        r->ranks[r->n_ranks].category_id = s->category_id;
        r->ranks[r->n_ranks].series = part_of(&s->series, n->from, n->to);
    }
    r->values = bw_alloc_array(BW_VALUE_KINDS, sizeof(*r->values));
    for (int k = 0; k < BW_VALUE_KINDS; k++) {
        if (d->value_from[k] >= d->value_to[k])
            continue;
        r->values[r->n_values].kind = (enum bw_value_kind)k;
        r->values[r->n_values++].series = part_of(&p->values[k], d->value_from[k], d->value_to[k]);
    }
}

void bw_check_record_take(struct bw_check_record *out, struct bw_detection *d, struct bw_product *p,
                          int64_t checked_at_ms, const char *batch_id, const char *raw_sha256,
                          bool raw_mended)
{
    *out = (struct bw_check_record){.state = d->next,
                                    .unknown = d->unknown,
                                    .checked_at_ms = checked_at_ms,
                                    .raw_mended = raw_mended,
                                    .changes = d->changes,
                                    .n_changes = d->n_changes,
                                    .reigns = d->reigns,
                                    .n_reigns = d->n_reigns,
                                    .unknowns = d->unknowns,
                                    .n_unknowns = d->n_unknowns,
                                    .names = p->tree,
                                    .n_names = p->n_tree};
    bw_text_copy(out->batch_id, sizeof(out->batch_id), batch_id);
    bw_text_copy(out->raw_sha256, sizeof(out->raw_sha256), raw_sha256);
    take_series(out, d, p);
    bw_state_init(&d->next, &out->state.key);
    d->changes = NULL;
    d->reigns = NULL;
    d->unknowns = NULL;
    p->tree = NULL;
    d->n_changes = d->n_reigns = d->n_unknowns = p->n_tree = 0;
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

static enum bw_unknown read_outcome(struct bw_reader *r)
{
    const char *name = bw_reader_string(r, "unknown");
    for (int u = BW_KNOWN; u <= BW_UNKNOWN_STALE; u++) {
        if (strcmp(bw_unknown_name((enum bw_unknown)u), name) == 0)
            return (enum bw_unknown)u;
    }
    bw_reader_fail(r, "'unknown': \"\" or the name of a reason was expected");
    return BW_KNOWN;
}

static void read_hash(struct bw_reader *r, char out[65])
{
    bw_reader_text(r, "raw_sha256", out, 65);
    size_t len = strspn(out, "0123456789abcdef");
    if (out[len] != '\0' || (len != 0 && len != 64))
        bw_reader_fail(r, "'raw_sha256': \"\" or 64 hex digits in lower case were expected");
}

static void read_changes(struct bw_reader *r, struct bw_check_record *c)
{
    size_t n;
    const struct bw_json_node *list = bw_reader_list(r, "changes", &n);
    c->changes = bw_alloc_array(n, sizeof(*c->changes));
    while (c->n_changes < n && r->err == BW_OK) {
        struct bw_change *change = &c->changes[c->n_changes];
        r->err = bw_entry_read_change(bw_json_at(list, c->n_changes), change, r->error);
        if (r->err != BW_OK) {
            (void)bw_error_prefix(r->error, "'changes' %zu", c->n_changes);
            return;
        }
        if (bw_product_key_compare(&change->key, &c->state.key) != 0)
            bw_reader_fail(r, "'changes' %zu: of another product than the check", c->n_changes);
        c->n_changes++;
    }
}

static enum bw_err read_reign(const struct bw_json_node *o, struct bw_reign *g, struct bw_error *error)
{
    struct bw_reader r;
    bw_reader_init(&r, o, error);
    bw_reader_uuid(&r, "id", g->id);
    g->category_id = bw_reader_int(&r, "category_id", 1, INT64_MAX);
    g->started_at = bw_reader_int(&r, "started_at", 1, BW_ENTRY_TIME_MAX);
    g->ended_at = bw_reader_int(&r, "ended_at", 0, BW_ENTRY_TIME_MAX);
    g->start_not_before = bw_reader_int(&r, "start_not_before", 0, BW_ENTRY_TIME_MAX);
    g->end_not_before = bw_reader_int(&r, "end_not_before", 0, BW_ENTRY_TIME_MAX);
    if (g->ended_at != 0) {
        const char *reason = bw_reader_string(&r, "ended_by");
        if (r.err == BW_OK && (!bw_reason_parse(reason, &g->ended_by) || g->ended_by == BW_REACHED_TOP))
            bw_reader_fail(&r, "'ended_by': the name of a loss was expected");
    }
    g->category = bw_reader_optional(&r, "category");
    return r.err;
}

static void read_reigns(struct bw_reader *r, struct bw_check_record *c)
{
    size_t n;
    const struct bw_json_node *list = bw_reader_list(r, "reigns", &n);
    c->reigns = bw_alloc_array(n, sizeof(*c->reigns));
    while (c->n_reigns < n && r->err == BW_OK) {
        r->err = read_reign(bw_json_at(list, c->n_reigns), &c->reigns[c->n_reigns], r->error);
        if (r->err != BW_OK)
            (void)bw_error_prefix(r->error, "'reigns' %zu", c->n_reigns);
        c->n_reigns++; /* a broken one may hold a name: it is freed with the others */
    }
}

static void read_unknowns(struct bw_reader *r, struct bw_check_record *c)
{
    size_t n;
    const struct bw_json_node *list = bw_reader_list(r, "unknowns", &n);
    c->unknowns = bw_alloc_array(n, sizeof(*c->unknowns));
    for (; c->n_unknowns < n && r->err == BW_OK; c->n_unknowns++) {
        struct bw_unknown_period *u = &c->unknowns[c->n_unknowns];
        struct bw_reader one;
        bw_reader_init(&one, bw_json_at(list, c->n_unknowns), r->error);
        u->category_id = bw_reader_int(&one, "category_id", 0, INT64_MAX);
        u->from_at = bw_reader_int(&one, "from_at", 0, BW_ENTRY_TIME_MAX);
        u->to_at = bw_reader_int(&one, "to_at", 0, BW_ENTRY_TIME_MAX);
        bw_reader_text(&one, "reason", u->reason, sizeof(u->reason));
        r->err = one.err;
        if (r->err != BW_OK)
            (void)bw_error_prefix(r->error, "'unknowns' %zu", c->n_unknowns);
    }
}

/* ---- points ---- */

struct reading {
    struct bw_reader *r;
    const char *member;
    struct bw_check_points *list;
    size_t n;
    bool ranks; /* keys are category ids, else kinds of values */
};

/* Times ascend, and both are what the tables take. NULL, or what is wrong. */
static const char *read_points(const struct bw_json_node *list, bool ranks, struct bw_series *out)
{
    size_t n = bw_json_count(list) / 2;
    int64_t before = 0;
    if (!bw_json_is_array(list) || bw_json_count(list) % 2 != 0)
        return "a flat list of times and values was expected";
    out->points = bw_alloc_array(n, sizeof(*out->points));
    for (out->n = 0; out->n < n; out->n++) {
        struct bw_point *p = &out->points[out->n];
        if (!bw_json_is_int(bw_json_at(list, 2 * out->n), &p->at) || p->at <= before ||
            p->at > BW_ENTRY_TIME_MAX)
            return "its times do not ascend, or are none";
        if (!bw_json_is_int(bw_json_at(list, 2 * out->n + 1), &p->value))
            return "a value is no number";
        if (ranks && p->value != BW_UNRANKED && (p->value < 1 || p->value > INT32_MAX))
            return "a rank is out of range";
        before = p->at;
    }
    return NULL;
}

static bool read_series_key(const char *key, bool ranks, struct bw_check_points *p)
{
    if (ranks)
        return bw_category_id_parse(key, strlen(key), &p->category_id);
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
    struct reading *g = ctx;
    struct bw_check_points p = {.category_id = 0};
    const char *wrong = NULL;
    if (g->r->err != BW_OK)
        return;
    if (g->n == BW_ENTRY_LIST_MAX)
        wrong = "too many series";
    else if (!read_series_key(key, g->ranks, &p))
        wrong = g->ranks ? "no category id" : "no kind of value";
    else
        wrong = read_points(value, g->ranks, &p.series);
    if (wrong) {
        free(p.series.points);
        bw_reader_fail(g->r, "'%s' '%.40s': %s", g->member, key, wrong);
        return;
    }
    g->list = bw_realloc_array(g->list, g->n + 1, sizeof(*g->list));
    g->list[g->n++] = p;
}

static void read_series(struct bw_reader *r, const char *member, bool ranks, struct bw_check_points **list,
                        size_t *n)
{
    struct reading g = {.r = r, .member = member, .ranks = ranks};
    const struct bw_json_node *o = r->err == BW_OK ? bw_json_get(r->o, member) : NULL;
    if (!bw_json_is_object(o))
        bw_reader_fail(r, "'%s': an object was expected", member);
    else
        bw_json_each(o, on_series, &g);
    *list = g.list;
    *n = g.n;
}

/* ---- the whole ---- */

/* The text of member "state"; the document is known to be an object. */
static bool find_state(struct bw_cursor *c)
{
    struct bw_span name;
    for (bool more = bw_cursor_first(c, '{', '}'); more; more = bw_cursor_next(c, '}')) {
        if (!bw_cursor_key(c, &name))
            return false;
        if (bw_span_is(&name, "state"))
            return true;
        if (!bw_cursor_skip(c, BW_CURSOR_DEPTH))
            return false;
    }
    return false;
}

static void read_state(struct bw_reader *r, const char *json, size_t len, struct bw_check_record *c)
{
    struct bw_product_key key;
    struct bw_cursor text;
    bw_reader_key(r, &key);
    bw_state_init(&c->state, &key);
    bw_cursor_init(&text, json, len);
    if (r->err == BW_OK && !find_state(&text))
        bw_reader_fail(r, "'state': an object was expected");
    if (r->err != BW_OK)
        return;
    r->err = state_read(&text, &c->state, r->error);
    if (r->err != BW_OK)
        (void)bw_error_prefix(r->error, "'state'");
    if (c->state.last_update > BW_ENTRY_TIME_MAX || c->state.freshness > BW_ENTRY_TIME_MAX)
        bw_reader_fail(r, "'state': a time is out of range"); /* those that go to the tables */
}

static enum bw_err read_check(const struct bw_json_node *o, const char *json, size_t len,
                              struct bw_check_record *c, struct bw_error *error)
{
    struct bw_reader r;
    bw_reader_init(&r, o, error);
    read_state(&r, json, len, c);
    c->unknown = read_outcome(&r);
    c->checked_at_ms = bw_reader_int(&r, "checked_at_ms", 0, BW_ENTRY_TIME_MAX_MS);
    bw_reader_text(&r, "batch_id", c->batch_id, sizeof(c->batch_id));
    if (r.err == BW_OK && c->batch_id[0] && !bw_uuid_valid(c->batch_id))
        bw_reader_fail(&r, "'batch_id': a UUID in lower case was expected, or nothing");
    read_hash(&r, c->raw_sha256);
    c->raw_mended = bw_reader_bool(&r, "raw_mended");
    read_changes(&r, c);
    read_reigns(&r, c);
    read_unknowns(&r, c);
    read_series(&r, "ranks", true, &c->ranks, &c->n_ranks);
    read_series(&r, "values", false, &c->values, &c->n_values);
    bw_entry_read_names(&r, &c->names, &c->n_names);
    return r.err;
}

/* The document with a zero and blanks instead of its state, which the cursor reads: most of the values of a document are
 * the state's numbers, and json-c makes an object of each. NULL: there is none, or it is none that the cursor passes; then
 * the parser says what is wrong, at the same byte. */
static char *without_state(const char *json, size_t len)
{
    struct bw_cursor c;
    bw_cursor_init(&c, json, len);
    if (!find_state(&c) || bw_cursor_peek(&c) == '\0')
        return NULL;
    const char *state = c.at;
    if (!bw_cursor_skip(&c, BW_CURSOR_DEPTH) || !bw_utf8_valid(state, (size_t)(c.at - state)))
        return NULL;
    char *copy = bw_strndup(json, len);
    memset(copy + (state - json), ' ', (size_t)(c.at - state));
    copy[state - json] = '0';
    return copy;
}

enum bw_err bw_check_decode(const char *json, size_t len, struct bw_check_record *out, struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_check_record c = {.n_changes = 0};
    char *rest = without_state(json, len);
    enum bw_err err = bw_json_parse(rest ? rest : json, len, &doc, error);
    free(rest);
    if (err != BW_OK)
        return err;
    err = read_check(bw_json_root(doc), json, len, &c, error);
    bw_json_free(doc);
    if (err == BW_OK)
        *out = c;
    else
        bw_check_record_fini(&c);
    return err;
}
