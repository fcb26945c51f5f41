/* Stream entries other than checks, and what they share. All of it comes back from Redis, where people may edit: each
 * member is verified, and an error names it. */
#include "entry.h"

#include "badgewatch/base/alloc.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 100000

enum bw_err bad_member(struct bw_error *error, const char *name)
{
    return bw_error_set(error, BW_ERR_INVALID, "the entry has no valid '%s'", name);
}

bool read_text(const struct bw_json_node *o, const char *name, char *out, size_t size)
{
    const char *text;
    if (!bw_json_get_string(o, name, &text) || strlen(text) >= size)
        return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}

bool read_optional(const struct bw_json_node *o, const char *name, char **out)
{
    const char *text;
    *out = NULL;
    if (!bw_json_get(o, name))
        return true;
    if (!bw_json_get_string(o, name, &text))
        return false;
    *out = bw_strdup(text);
    return true;
}

static bool is_uuid(const char *text)
{
    for (size_t i = 0; i < BW_UUID_TEXT - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return text[BW_UUID_TEXT - 1] == '\0';
}

bool read_uuid(const struct bw_json_node *o, const char *name, char out[BW_UUID_TEXT])
{
    return read_text(o, name, out, BW_UUID_TEXT) && strlen(out) == BW_UUID_TEXT - 1 && is_uuid(out);
}

bool read_key(const struct bw_json_node *o, struct bw_product_key *out)
{
    int64_t domain;
    return bw_json_get_int(o, "domain", &domain) && domain > 0 && domain < 100 &&
           bw_domain_valid((int)domain) && read_text(o, "asin", out->asin, sizeof(out->asin)) &&
           bw_asin_valid(out->asin, strlen(out->asin)) && (out->domain = (int)domain) > 0;
}

/* ---- change ---- */

void bw_change_entry_fini(struct bw_change_entry *e)
{
    bw_change_fini(&e->change);
    free(e->title);
    *e = (struct bw_change_entry){0};
}

void change_write(struct bw_json *j, const char *key, const struct bw_change *c)
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
    bw_json_int(j, "detected_at_ms", c->detected_at_ms);
    bw_json_int(j, "previous_check_at", c->previous_check_at);
    bw_json_int(j, "held_since", c->held_since);
    bw_json_object_end(j);
}

enum bw_err change_read(const struct bw_json_node *o, struct bw_change *out, struct bw_error *error)
{
    struct bw_change c = {.type = BW_GAINED};
    const char *type, *reason;
    const struct {
        const char *name;
        int64_t *to;
    } numbers[] = {{"category_id", &c.category_id},
                   {"previous_rank", &c.previous_rank},
                   {"new_rank", &c.new_rank},
                   {"occurred_at", &c.occurred_at},
                   {"detected_at_ms", &c.detected_at_ms},
                   {"previous_check_at", &c.previous_check_at},
                   {"held_since", &c.held_since}};
    if (!bw_json_is_object(o))
        return bad_member(error, "change");
    if (!read_uuid(o, "id", c.id))
        return bad_member(error, "id");
    if (!read_key(o, &c.key))
        return bad_member(error, "asin");
    if (!bw_json_get_string(o, "type", &type) || !bw_change_type_parse(type, &c.type))
        return bad_member(error, "type");
    if (!bw_json_get_string(o, "reason", &reason) || !bw_reason_parse(reason, &c.reason))
        return bad_member(error, "reason");
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (!bw_json_get_int(o, numbers[i].name, numbers[i].to))
            return bad_member(error, numbers[i].name);
    }
    if (c.category_id <= 0 || c.previous_rank < BW_UNRANKED || c.previous_rank > INT_MAX ||
        c.new_rank < BW_UNRANKED || c.new_rank > INT_MAX)
        return bad_member(error, "category_id or ranks");
    if (!read_optional(o, "category", &c.category))
        return bad_member(error, "category");
    *out = c;
    return BW_OK;
}

static void write_entry(struct bw_json *j, const struct bw_change *c, const char *title, int64_t data_at)
{
    bw_json_object(j, NULL);
    change_write(j, "change", c);
    bw_json_string(j, "title", title);
    bw_json_int(j, "data_at", data_at);
    bw_json_object_end(j);
}

static enum bw_err read_entry(const struct bw_json_node *o, struct bw_change_entry *out,
                              struct bw_error *error)
{
    struct bw_change_entry e = {0};
    enum bw_err err = change_read(bw_json_get(o, "change"), &e.change, error);
    if (err != BW_OK)
        return err;
    if (!read_optional(o, "title", &e.title) || !bw_json_get_int(o, "data_at", &e.data_at)) {
        bw_change_entry_fini(&e);
        return bad_member(error, "title or data_at");
    }
    *out = e;
    return BW_OK;
}

void bw_change_entry_encode(const struct bw_change *c, const char *title, int64_t data_at, struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    write_entry(&j, c, title, data_at);
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

void bw_request_encode(const struct bw_request_record *r, struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_json_string(&j, "batch_id", r->batch_id);
    bw_json_int(&j, "started_at_ms", r->started_at_ms);
    bw_json_int(&j, "completed_at_ms", r->completed_at_ms);
    bw_json_string(&j, "endpoint", r->endpoint);
    bw_json_int(&j, "http_status", r->http_status);
    bw_json_int(&j, "asins", r->asins);
    bw_json_int(&j, "tokens_consumed", r->tokens_consumed);
    if (r->has_tokens_left)
        bw_json_int(&j, "tokens_left", r->tokens_left);
    bw_json_double(&j, "cost_cents", r->cost_cents);
    bw_json_string(&j, "error", r->error);
    bw_json_object_end(&j);
}

static enum bw_err read_request(const struct bw_json_node *o, struct bw_request_record *r,
                                struct bw_error *error)
{
    int64_t status, asins;
    if (!read_uuid(o, "batch_id", r->batch_id))
        return bad_member(error, "batch_id");
    if (!bw_json_get_int(o, "started_at_ms", &r->started_at_ms) ||
        !bw_json_get_int(o, "completed_at_ms", &r->completed_at_ms))
        return bad_member(error, "started_at_ms or completed_at_ms");
    if (!read_text(o, "endpoint", r->endpoint, sizeof(r->endpoint)))
        return bad_member(error, "endpoint");
    if (!bw_json_get_int(o, "http_status", &status) || status < 0 || status > 999)
        return bad_member(error, "http_status");
    if (!bw_json_get_int(o, "asins", &asins) || asins < 0 || asins > INT_MAX)
        return bad_member(error, "asins");
    if (!bw_json_get_int(o, "tokens_consumed", &r->tokens_consumed) ||
        !bw_json_get_double(o, "cost_cents", &r->cost_cents))
        return bad_member(error, "tokens_consumed or cost_cents");
    if (!read_text(o, "error", r->error, sizeof(r->error)))
        return bad_member(error, "error");
    r->has_tokens_left = bw_json_get_int(o, "tokens_left", &r->tokens_left);
    r->http_status = (int)status;
    r->asins = (int)asins;
    return BW_OK;
}

enum bw_err bw_request_decode(const char *json, size_t len, struct bw_request_record *out,
                              struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_request_record r = {.asins = 0};
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    err = read_request(bw_json_root(doc), &r, error);
    bw_json_free(doc);
    if (err == BW_OK)
        *out = r;
    return err;
}

/* ---- told ---- */

void bw_told_encode(const struct bw_change_entry *entries, size_t n, const char *channel, const char *ts,
                    int64_t told_at_ms, struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_json_string(&j, "channel", channel);
    bw_json_string(&j, "ts", ts);
    bw_json_int(&j, "told_at_ms", told_at_ms);
    bw_json_array(&j, "entries");
    for (size_t i = 0; i < n; i++)
        write_entry(&j, &entries[i].change, entries[i].title, entries[i].data_at);
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

static enum bw_err read_told(const struct bw_json_node *o, struct bw_told_record *r, struct bw_error *error)
{
    const struct bw_json_node *list = bw_json_get(o, "entries");
    size_t n = bw_json_count(list);
    if (!read_text(o, "channel", r->channel, sizeof(r->channel)) || !read_text(o, "ts", r->ts, sizeof(r->ts)))
        return bad_member(error, "channel or ts");
    if (!bw_json_get_int(o, "told_at_ms", &r->told_at_ms))
        return bad_member(error, "told_at_ms");
    if (n == 0 || n > LIST_MAX)
        return bad_member(error, "entries");
    r->entries = bw_alloc_array(n, sizeof(*r->entries));
    for (; r->n < n; r->n++) {
        enum bw_err err = read_entry(bw_json_at(list, r->n), &r->entries[r->n], error);
        if (err != BW_OK)
            return err;
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

/* ---- attempt ---- */

void bw_attempt_encode(const struct bw_attempt_record *r, struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_json_string(&j, "kind", r->kind);
    bw_json_string(&j, "channel", r->channel);
    bw_json_array(&j, "change_ids");
    for (size_t i = 0; i < r->n_change_ids; i++)
        bw_json_string(&j, NULL, r->change_ids[i]);
    bw_json_array_end(&j);
    bw_json_int(&j, "attempt", r->attempt);
    bw_json_string(&j, "outcome", r->outcome);
    bw_json_string(&j, "error", r->error);
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

static enum bw_err read_attempt(const struct bw_json_node *o, struct bw_attempt_record *r,
                                struct bw_error *error)
{
    const struct bw_json_node *ids = bw_json_get(o, "change_ids");
    int64_t attempt;
    size_t n = bw_json_count(ids);
    if (!read_text(o, "kind", r->kind, sizeof(r->kind)) ||
        !read_text(o, "outcome", r->outcome, sizeof(r->outcome)))
        return bad_member(error, "kind or outcome");
    if (!read_text(o, "channel", r->channel, sizeof(r->channel)) ||
        !read_text(o, "error", r->error, sizeof(r->error)))
        return bad_member(error, "channel or error");
    if (!bw_json_get_int(o, "attempt", &attempt) || attempt < 0 || attempt > INT_MAX ||
        !bw_json_get_int(o, "at_ms", &r->at_ms))
        return bad_member(error, "attempt or at_ms");
    if (!bw_json_is_array(ids) || n > LIST_MAX)
        return bad_member(error, "change_ids");
    r->attempt = (int)attempt;
    r->change_ids = bw_alloc_array(n, sizeof(*r->change_ids));
    for (; r->n_change_ids < n; r->n_change_ids++) {
        const char *id;
        if (!bw_json_is_string(bw_json_at(ids, r->n_change_ids), &id) || strlen(id) != BW_UUID_TEXT - 1 ||
            !is_uuid(id))
            return bad_member(error, "change_ids");
        r->change_ids[r->n_change_ids] = bw_strdup(id);
    }
    return BW_OK;
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

void write_names(struct bw_json *j, const struct bw_category_name *names, size_t n)
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

enum bw_err read_names(const struct bw_json_node *list, struct bw_category_name **names, size_t *n,
                       struct bw_error *error)
{
    size_t count = bw_json_count(list), got = 0;
    if (!bw_json_is_array(list) || count > LIST_MAX)
        return bad_member(error, "names");
    struct bw_category_name *out = bw_alloc_array(count, sizeof(*out));
    for (; got < count; got++) {
        const struct bw_json_node *o = bw_json_at(list, got);
        const char *name;
        if (!bw_json_get_int(o, "category_id", &out[got].category_id) || out[got].category_id <= 0 ||
            !bw_json_get_int(o, "parent", &out[got].parent) || !bw_json_get_string(o, "name", &name))
            break;
        out[got].name = bw_strdup(name);
    }
    if (got < count) {
        while (got-- > 0)
            free(out[got].name);
        free(out);
        return bad_member(error, "names");
    }
    *names = out;
    *n = count;
    return BW_OK;
}

void bw_names_encode(int domain, const struct bw_category_name *names, size_t n, struct bw_buf *out)
{
    struct bw_json j;
    bw_json_init(&j, out);
    bw_json_object(&j, NULL);
    bw_json_int(&j, "domain", domain);
    write_names(&j, names, n);
    bw_json_object_end(&j);
}

enum bw_err bw_names_decode(const char *json, size_t len, int *domain, struct bw_category_name **names,
                            size_t *n, struct bw_error *error)
{
    struct bw_json_doc *doc;
    int64_t value;
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    if (!bw_json_get_int(bw_json_root(doc), "domain", &value) || value < 1 || value > 99 ||
        !bw_domain_valid((int)value))
        err = bad_member(error, "domain");
    else
        err = read_names(bw_json_get(bw_json_root(doc), "names"), names, n, error);
    bw_json_free(doc);
    if (err == BW_OK)
        *domain = (int)value;
    return err;
}
