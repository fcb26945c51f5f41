/* Stream entries other than checks.
 *
 * Happy way: encode writes each member once; decode parses, reads the same members and gives a record that owns its
 * memory. How it fails: BW_ERR_SYNTAX for what is no JSON, BW_ERR_INVALID with the member's name for all else; nothing
 * is kept then. Bounds are those of the tables that the records go to, so that no entry can make Postgres refuse a whole
 * batch. Members that are not known are ignored: during an upgrade, a newer daemon may write to the same stream. */
#include "entry.h"

#include "badgewatch/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COST_MAX 99999999.0 /* numeric(14, 6) of api_usage_log */

/* ---- change ---- */

void bw_change_entry_fini(struct bw_change_entry *e)
{
    bw_change_fini(&e->change);
    free(e->title);
    *e = (struct bw_change_entry){0};
}

void bw_entry_write_change(struct bw_json *j, const char *key, const struct bw_change *c)
{
    bw_json_object(j, key);
    bw_json_string(j, "id", c->id);
    bw_json_int(j, "domain", c->key.domain);
    bw_json_string(j, "asin", c->key.asin);
    bw_json_string(j, "type", bw_change_type_name(c->type));
    bw_json_string(j, "reason", bw_reason_name(c->reason));
    bw_json_int(j, "category_id", c->category_id);
    bw_json_string(j, "category", c->category);
    bw_json_int(j, "previous_rank", c->previous_rank);
    bw_json_int(j, "new_rank", c->new_rank);
    bw_json_int(j, "occurred_at", c->occurred_at);
    if (c->received_at_ms)
        bw_json_int(j, "received_at_ms", c->received_at_ms);
    bw_json_int(j, "detected_at_ms", c->detected_at_ms);
    bw_json_int(j, "previous_check_at", c->previous_check_at);
    bw_json_int(j, "held_since", c->held_since);
    bw_json_object_end(j);
}

static void read_kind(struct bw_reader *r, struct bw_change *c)
{
    const char *type = bw_reader_string(r, "type"), *reason = bw_reader_string(r, "reason");
    if (r->err == BW_OK && !bw_change_type_parse(type, &c->type))
        bw_reader_fail(r, "'type': gained or lost was expected");
    if (r->err == BW_OK && !bw_reason_parse(reason, &c->reason))
        bw_reader_fail(r, "'reason': the name of a reason was expected");
    if (r->err == BW_OK && (c->type == BW_GAINED) != (c->reason == BW_REACHED_TOP))
        bw_reader_fail(r, "'reason': not one of a badge %s", type);
}

/* Entries of older versions do not have it. */
static int64_t optional_ms(struct bw_reader *r, const struct bw_json_node *o, const char *name)
{
    return r->err == BW_OK && bw_json_get(o, name) ? bw_reader_int(r, name, 0, BW_ENTRY_TIME_MAX_MS) : 0;
}

enum bw_err bw_entry_read_change(const struct bw_json_node *o, struct bw_change *out, struct bw_error *error)
{
    struct bw_change c = {.type = BW_GAINED};
    struct bw_reader r;
    bw_reader_init(&r, o, error);
    bw_reader_uuid(&r, "id", c.id);
    bw_reader_key(&r, &c.key);
    read_kind(&r, &c);
    c.category_id = bw_reader_int(&r, "category_id", 1, INT64_MAX);
    c.previous_rank = bw_reader_int(&r, "previous_rank", BW_UNRANKED, INT32_MAX);
    c.new_rank = bw_reader_int(&r, "new_rank", BW_UNRANKED, INT32_MAX);
    c.occurred_at = bw_reader_int(&r, "occurred_at", 1, BW_ENTRY_TIME_MAX);
    c.received_at_ms = optional_ms(&r, o, "received_at_ms");
    c.detected_at_ms = bw_reader_int(&r, "detected_at_ms", 0, BW_ENTRY_TIME_MAX_MS);
    c.previous_check_at = bw_reader_int(&r, "previous_check_at", 0, BW_ENTRY_TIME_MAX);
    c.held_since = bw_reader_int(&r, "held_since", 0, BW_ENTRY_TIME_MAX);
    c.category = bw_reader_optional(&r, "category");
    if (r.err == BW_OK)
        *out = c;
    else
        bw_change_fini(&c);
    return r.err;
}

static void write_entry(struct bw_json *j, const struct bw_change_entry *e)
{
    bw_json_object(j, NULL);
    bw_entry_write_change(j, "change", &e->change);
    bw_json_string(j, "title", e->title);
    if (e->parent[0])
        bw_json_string(j, "parent", e->parent);
    bw_json_int(j, "data_at", e->data_at);
    if (e->queued_at_ms)
        bw_json_int(j, "queued_at_ms", e->queued_at_ms);
    bw_json_object_end(j);
}

static enum bw_err read_entry(const struct bw_json_node *o, struct bw_change_entry *out,
                              struct bw_error *error)
{
    struct bw_change_entry e = {0};
    struct bw_reader r;
    bw_reader_init(&r, o, error);
    if (r.err == BW_OK && (r.err = bw_entry_read_change(bw_json_get(o, "change"), &e.change, error)) != BW_OK)
        (void)bw_error_prefix(error, "'change'"); /* its result is not the code when error is NULL */
    e.title = bw_reader_optional(&r, "title");
    if (r.err == BW_OK && bw_json_get(o, "parent")) {
        bw_reader_text(&r, "parent", e.parent, sizeof(e.parent));
        if (r.err == BW_OK && !bw_asin_valid(e.parent, strlen(e.parent)))
            bw_reader_fail(&r, "'parent': an ASIN was expected");
    }
    e.data_at = bw_reader_int(&r, "data_at", 0, BW_ENTRY_TIME_MAX);
    e.queued_at_ms = optional_ms(&r, o, "queued_at_ms");
    if (r.err == BW_OK)
        *out = e;
    else
        bw_change_entry_fini(&e);
    return r.err;
}

void bw_change_entry_encode(const struct bw_change_entry *e, struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    write_entry(&j, e);
}

enum bw_err bw_change_entry_decode(const char *json, size_t len, struct bw_change_entry *out,
                                   struct bw_error *error)
{
    struct bw_json_doc *doc;
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    err = read_entry(bw_json_root(doc), out, error);
    bw_json_free(doc);
    return err;
}

/* ---- request ---- */

/* The shortest text that is read as the same number; readable, and nothing lost. */
static void write_double(struct bw_json *j, const char *name, double value)
{
    char text[40];
    int digits = 15;
    do {
        snprintf(text, sizeof(text), "%.*g", digits, value);
    } while (strtod(text, NULL) != value && ++digits <= 17);
    bw_json_raw(j, name, text);
}

void bw_request_encode(const struct bw_request_record *r, struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_json_string(&j, "batch_id", r->batch_id);
    bw_json_int(&j, "started_at_ms", r->started_at_ms);
    bw_json_int(&j, "completed_at_ms", r->completed_at_ms);
    bw_entry_write_fitting(&j, "endpoint", r->endpoint, sizeof(r->endpoint));
    bw_json_int(&j, "http_status", r->http_status);
    bw_json_int(&j, "asins", r->asins);
    bw_json_int(&j, "tokens_consumed", r->tokens_consumed);
    if (r->has_tokens_left)
        bw_json_int(&j, "tokens_left", r->tokens_left);
    write_double(&j, "cost_cents", r->cost_cents);
    bw_entry_write_fitting(&j, "error", r->error, sizeof(r->error));
    bw_json_object_end(&j);
}

enum bw_err bw_request_decode(const char *json, size_t len, struct bw_request_record *out,
                              struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_request_record q = {.asins = 0};
    struct bw_reader r;
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    bw_reader_init(&r, bw_json_root(doc), error);
    bw_reader_uuid(&r, "batch_id", q.batch_id);
    q.started_at_ms = bw_reader_int(&r, "started_at_ms", 0, BW_ENTRY_TIME_MAX_MS);
    q.completed_at_ms = bw_reader_int(&r, "completed_at_ms", 0, BW_ENTRY_TIME_MAX_MS);
    bw_reader_text(&r, "endpoint", q.endpoint, sizeof(q.endpoint));
    q.http_status = (int)bw_reader_int(&r, "http_status", 0, 999);
    q.asins = (int)bw_reader_int(&r, "asins", 0, INT32_MAX);
    q.tokens_consumed = bw_reader_int(&r, "tokens_consumed", 0, INT32_MAX);
    q.has_tokens_left = bw_json_get(r.o, "tokens_left") != NULL;
    if (q.has_tokens_left)
        q.tokens_left = bw_reader_int(&r, "tokens_left", INT32_MIN, INT32_MAX);
    q.cost_cents = bw_reader_double(&r, "cost_cents", 0, COST_MAX);
    bw_reader_text(&r, "error", q.error, sizeof(q.error));
    bw_json_free(doc);
    if (r.err == BW_OK)
        *out = q;
    return r.err;
}

/* ---- told ---- */

void bw_told_encode(const struct bw_change_entry *entries, size_t n, const struct bw_told_record *where,
                    struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_entry_write_fitting(&j, "withheld", where->withheld, sizeof(where->withheld));
    bw_entry_write_fitting(&j, "channel", where->channel, sizeof(where->channel));
    bw_entry_write_fitting(&j, "ts", where->ts, sizeof(where->ts));
    bw_entry_write_fitting(&j, "thread", where->thread, sizeof(where->thread));
    bw_json_bool(&j, "quietly", where->quietly);
    bw_json_int(&j, "told_at_ms", where->told_at_ms);
    bw_json_array(&j, "entries");
    for (size_t i = 0; i < n; i++)
        write_entry(&j, &entries[i]);
    bw_json_array_end(&j);
    bw_json_object_end(&j);
}

void bw_told_record_fini(struct bw_told_record *r)
{
    for (size_t i = 0; i < r->n; i++)
        bw_change_entry_fini(&r->entries[i]);
    free(r->entries);
    *r = (struct bw_told_record){0};
}

static enum bw_err read_told(const struct bw_json_node *o, struct bw_told_record *t, struct bw_error *error)
{
    struct bw_reader r;
    size_t n;
    bw_reader_init(&r, o, error);
    if (bw_json_get(o, "withheld")) /* entries that an earlier version left in the stream have none */
        bw_reader_text(&r, "withheld", t->withheld, sizeof(t->withheld));
    bw_reader_text(&r, "channel", t->channel, sizeof(t->channel));
    bw_reader_text(&r, "ts", t->ts, sizeof(t->ts));
    if (bw_json_get(o, "thread")) { /* the same */
        bw_reader_text(&r, "thread", t->thread, sizeof(t->thread));
        t->quietly = bw_reader_bool(&r, "quietly");
    }
    t->told_at_ms = bw_reader_int(&r, "told_at_ms", 0, BW_ENTRY_TIME_MAX_MS);
    const struct bw_json_node *list = bw_reader_list(&r, "entries", &n);
    if (n == 0)
        bw_reader_fail(&r, "'entries': at least one was expected");
    if (r.err != BW_OK)
        return r.err;
    t->entries = bw_alloc_array(n, sizeof(*t->entries));
    for (; t->n < n; t->n++) {
        enum bw_err err = read_entry(bw_json_at(list, t->n), &t->entries[t->n], error);
        if (err != BW_OK) {
            (void)bw_error_prefix(error, "'entries' %zu", t->n);
            return err;
        }
    }
    return BW_OK;
}

enum bw_err bw_told_decode(const char *json, size_t len, struct bw_told_record *out, struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_told_record r = {0};
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    err = read_told(bw_json_root(doc), &r, error);
    bw_json_free(doc);
    if (err == BW_OK)
        *out = r;
    else
        bw_told_record_fini(&r);
    return err;
}

/* ---- note ---- */

void bw_note_encode(const struct bw_note_record *r, struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_entry_write_fitting(&j, "kind", r->kind, sizeof(r->kind));
    bw_entry_write_fitting(&j, "key", r->key, sizeof(r->key));
    bw_entry_write_fitting(&j, "channel", r->channel, sizeof(r->channel));
    bw_entry_write_fitting(&j, "ts", r->ts, sizeof(r->ts));
    bw_json_int(&j, "told_at_ms", r->told_at_ms);
    bw_json_object_end(&j);
}

enum bw_err bw_note_decode(const char *json, size_t len, struct bw_note_record *out, struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_note_record n = {.told_at_ms = 0};
    struct bw_reader r;
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    bw_reader_init(&r, bw_json_root(doc), error);
    bw_reader_text(&r, "kind", n.kind, sizeof(n.kind));
    bw_reader_text(&r, "key", n.key, sizeof(n.key));
    bw_reader_text(&r, "channel", n.channel, sizeof(n.channel));
    bw_reader_text(&r, "ts", n.ts, sizeof(n.ts));
    n.told_at_ms = bw_reader_int(&r, "told_at_ms", 0, BW_ENTRY_TIME_MAX_MS);
    bw_json_free(doc);
    if (r.err == BW_OK)
        *out = n;
    return r.err;
}

/* ---- attempt ---- */

void bw_attempt_encode(const struct bw_attempt_record *r, struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_entry_write_fitting(&j, "kind", r->kind, sizeof(r->kind));
    bw_entry_write_fitting(&j, "channel", r->channel, sizeof(r->channel));
    bw_entry_write_fitting(&j, "thread", r->thread, sizeof(r->thread));
    bw_json_array(&j, "change_ids");
    for (size_t i = 0; i < r->n_change_ids; i++)
        bw_json_string(&j, NULL, r->change_ids[i]);
    bw_json_array_end(&j);
    bw_json_int(&j, "attempt", r->attempt);
    bw_entry_write_fitting(&j, "outcome", r->outcome, sizeof(r->outcome));
    bw_entry_write_fitting(&j, "error", r->error, sizeof(r->error));
    bw_json_int(&j, "at_ms", r->at_ms);
    bw_json_object_end(&j);
}

void bw_attempt_record_fini(struct bw_attempt_record *r)
{
    for (size_t i = 0; i < r->n_change_ids; i++)
        free(r->change_ids[i]);
    free(r->change_ids);
    *r = (struct bw_attempt_record){.n_change_ids = 0};
}

static enum bw_err read_attempt(const struct bw_json_node *o, struct bw_attempt_record *a,
                                struct bw_error *error)
{
    struct bw_reader r;
    size_t n;
    bw_reader_init(&r, o, error);
    bw_reader_text(&r, "kind", a->kind, sizeof(a->kind));
    bw_reader_text(&r, "channel", a->channel, sizeof(a->channel));
    if (bw_json_get(o, "thread")) /* entries of an earlier version have none */
        bw_reader_text(&r, "thread", a->thread, sizeof(a->thread));
    a->attempt = (int)bw_reader_int(&r, "attempt", 0, INT32_MAX);
    bw_reader_text(&r, "outcome", a->outcome, sizeof(a->outcome));
    bw_reader_text(&r, "error", a->error, sizeof(a->error));
    a->at_ms = bw_reader_int(&r, "at_ms", 0, BW_ENTRY_TIME_MAX_MS);
    const struct bw_json_node *ids = bw_reader_list(&r, "change_ids", &n);
    a->change_ids = bw_alloc_array(n, sizeof(*a->change_ids));
    for (; a->n_change_ids < n; a->n_change_ids++) {
        const char *id;
        if (!bw_json_is_string(bw_json_at(ids, a->n_change_ids), &id) || !bw_uuid_valid(id)) {
            bw_reader_fail(&r, "'change_ids' %zu: a UUID in lower case was expected", a->n_change_ids);
            break;
        }
        a->change_ids[a->n_change_ids] = bw_strdup(id);
    }
    return r.err;
}

enum bw_err bw_attempt_decode(const char *json, size_t len, struct bw_attempt_record *out,
                              struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_attempt_record r = {.n_change_ids = 0};
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    err = read_attempt(bw_json_root(doc), &r, error);
    bw_json_free(doc);
    if (err == BW_OK)
        *out = r;
    else
        bw_attempt_record_fini(&r);
    return err;
}

/* ---- names of categories ---- */

void bw_entry_write_names(struct bw_json *j, const struct bw_category_name *names, size_t n)
{
    bw_json_array(j, "names");
    for (size_t i = 0; i < n; i++) {
        bw_json_object(j, NULL);
        bw_json_int(j, "category_id", names[i].category_id);
        bw_json_string(j, "name", names[i].name);
        bw_json_int(j, "parent", names[i].parent);
        bw_json_object_end(j);
    }
    bw_json_array_end(j);
}

void bw_entry_read_names(struct bw_reader *r, struct bw_category_name **names, size_t *n)
{
    size_t count, got = 0;
    const struct bw_json_node *list = bw_reader_list(r, "names", &count);
    struct bw_category_name *out = bw_alloc_array(count, sizeof(*out));
    for (; got < count && r->err == BW_OK; got++) {
        struct bw_reader one;
        bw_reader_init(&one, bw_json_at(list, got), r->error);
        out[got].category_id = bw_reader_int(&one, "category_id", 1, INT64_MAX);
        out[got].parent = bw_reader_int(&one, "parent", 0, INT64_MAX);
        out[got].name = bw_strdup(bw_reader_string(&one, "name"));
        r->err = one.err;
        if (r->err != BW_OK)
            (void)bw_error_prefix(r->error, "'names' %zu", got);
    }
    if (r->err == BW_OK) {
        *names = out;
        *n = count;
        return;
    }
    while (got-- > 0)
        free(out[got].name);
    free(out);
}

void bw_names_encode(int domain, const struct bw_category_name *names, size_t n, struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_json_int(&j, "domain", domain);
    bw_entry_write_names(&j, names, n);
    bw_json_object_end(&j);
}

enum bw_err bw_names_decode(const char *json, size_t len, int *domain, struct bw_category_name **names,
                            size_t *n, struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_reader r;
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    bw_reader_init(&r, bw_json_root(doc), error);
    int read = (int)bw_reader_int(&r, "domain", 1, 12);
    if (r.err == BW_OK && !bw_domain_valid(read))
        bw_reader_fail(&r, "'domain': a Keepa domain was expected, not %d", read);
    bw_entry_read_names(&r, names, n);
    bw_json_free(doc);
    if (r.err == BW_OK)
        *domain = read;
    return r.err;
}
