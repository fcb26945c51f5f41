/* Routes of the status port. A route answers at once from memory, or asks Redis or Postgres and answers in the callback;
 * a struct request ties the exchange to the question. */
#include "api.h"

#include "args.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/json.h"
#include "page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_MAX    ((size_t)32 << 20)
#define PRODUCTS_MOST 1000
#define PRODUCTS_PART 100 /* of a page: one turn of the loop */
#define CHANGES_MOST  "1000"

struct bw_api {
    struct bw_context *cx;
    struct bw_api_parts parts;
};

struct request {
    struct bw_api *api;
    struct bw_exchange *exchange;
    long limit;                     /* products still wanted */
    long asked;                     /* of them by the question under way */
    char from[BW_PRODUCT_TEXT + 1]; /* begin of the next part of the page of products */
    struct bw_buf out;
    struct bw_json json;
};

static void reply_json(struct bw_exchange *e, int status, struct bw_buf *body)
{
    bw_buf_addc(body, '\n');
    if (body->overflow)
        bw_exchange_error(e, 500, "the answer is too large; ask for less with limit=");
    else
        bw_exchange_reply(e, status, "application/json; charset=utf-8", bw_buf_str(body), body->len);
    bw_buf_fini(body);
}

static struct request *new_request(struct bw_api *api, struct bw_exchange *e)
{
    struct request *r = bw_alloc(sizeof(*r));
    r->api = api;
    r->exchange = e;
    bw_buf_init(&r->out, ANSWER_MAX);
    bw_json_init(&r->json, &r->out);
    return r;
}

static void free_request(struct request *r)
{
    bw_buf_fini(&r->out);
    free(r);
}

/* ---- metrics, health ---- */

static void metrics(struct bw_api *api, struct bw_exchange *e)
{
    const char *accept = bw_exchange_header(e, "Accept");
    bool openmetrics = accept && strstr(accept, "application/openmetrics-text");
    struct bw_buf out;
    bw_buf_init(&out, ANSWER_MAX);
    bw_metrics_process(api->cx->counters.registry);
    if (bw_metrics_render(api->cx->counters.registry, openmetrics, &out) == BW_OK)
        bw_exchange_reply(e, 200, openmetrics ? BW_METRICS_TYPE_OPENMETRICS : BW_METRICS_TYPE_TEXT,
                          bw_buf_str(&out), out.len);
    else
        bw_exchange_error(e, 500, "the metrics are too large");
    bw_buf_fini(&out);
}

const char *bw_api_reason(const struct bw_api *api, enum bw_part part)
{
    const struct bw_context *cx = api->cx;
    switch (part) {
    case BW_PART_REDIS:
        return bw_redis_reason(cx->redis);
    case BW_PART_POSTGRES:
        if (!bw_pg_ready(cx->pg))
            return bw_pg_reason(cx->pg);
        return cx->schema_right ? api->parts.writer_reason(api->parts.ctx)
                                : "the schema is not the one of this version: run badgewatch migrate";
    case BW_PART_SLACK:
        return api->parts.slack_reason(api->parts.ctx);
    default:
        return cx->conf->keepa_api_key[0] ? bw_keepa_reason(api->parts.keepa) : "KEEPA_API_KEY is not set";
    }
}

static bool put_parts(struct bw_api *api, struct bw_json *j)
{
    bool all = true;
    bw_json_object(j, "parts");
    for (int p = 0; p < BW_PARTS; p++) {
        const char *reason = bw_api_reason(api, (enum bw_part)p);
        double at = bw_metric_value(api->cx->counters.last_success[p]);
        bw_json_object(j, bw_part_name((enum bw_part)p));
        bw_json_bool(j, "ok", !reason[0]);
        bw_json_string(j, "reason", reason);
        bw_json_time_ms(j, "last_success", (int64_t)(at * 1000));
        bw_json_object_end(j);
        all = all && !reason[0];
    }
    bw_json_object_end(j);
    return all;
}

static void readyz(struct bw_api *api, struct bw_exchange *e)
{
    struct bw_buf out;
    struct bw_json j;
    bw_buf_init(&out, ANSWER_MAX);
    bw_json_init(&j, &out);
    bw_json_object(&j, NULL);
    bool ok = put_parts(api, &j);
    const char *checks = api->parts.checks_reason(api->parts.ctx);
    ok = ok && !checks[0] && api->parts.synced(api->parts.ctx);
    bw_json_bool(&j, "ready", ok);
    bw_json_string(&j, "checks_wait", checks);
    bw_json_object_end(&j);
    reply_json(e, ok ? 200 : 503, &out);
}

/* A key that is not there yet holds nothing, as the metrics have it. */
static void put_count(struct bw_json *j, const char *key, int64_t count)
{
    bw_json_int(j, key, count > 0 ? count : 0);
}

static void status(struct bw_api *api, struct bw_exchange *e)
{
    const struct bw_counts *c = bw_housekeeping_counts(api->parts.housekeeping);
    const struct bw_bucket *bucket = bw_keepa_bucket(api->parts.keepa);
    struct bw_buf out;
    struct bw_json j;
    bw_buf_init(&out, ANSWER_MAX);
    bw_json_init(&j, &out);
    bw_json_object(&j, NULL);
    bw_json_string(&j, "version", BW_VERSION);
    bw_json_string(&j, "daemon", api->cx->id);
    bw_json_time_ms(&j, "now", bw_wall_now().ms);
    put_parts(api, &j);
    bw_json_string(&j, "awaits_restart", api->cx->awaits_restart);
    bw_json_string(&j, "checks_wait", api->parts.checks_reason(api->parts.ctx));
    put_count(&j, "products_tracked", c->tracked);
    put_count(&j, "products_overdue", c->overdue);
    put_count(&j, "badges_held", c->badges);
    put_count(&j, "history_backlog", c->backlog);
    put_count(&j, "history_backlog_bytes", c->backlog_bytes);
    put_count(&j, "notifications_pending", c->pending);
    put_count(&j, "notifications_quiet", c->quiet);
    put_count(&j, "entries_set_aside", c->set_aside);
    bw_json_time(&j, "next_check_at", c->next_due);
    const struct bw_guard_view *guard = bw_guard_view(api->parts.guard);
    bw_json_time_ms(&j, "source_ill_since", guard->since_ms);
    bw_json_int(&j, "badges_guarded", guard->guarded);
    bw_json_object(&j, "tokens");
    bw_json_bool(&j, "known", bucket->known);
    bw_json_int(&j, "left", bw_bucket_left(bucket, bw_mono_now()));
    bw_json_int(&j, "rate", bucket->rate);
    bw_json_int(&j, "capacity", bw_bucket_capacity(bucket));
    bw_json_object_end(&j);
    bw_json_object_end(&j);
    reply_json(e, 200, &out);
}

/* ---- products ---- */

/* Fields of the live hash as JSON: numbers, embedded JSON and texts each in their own form. */
static const struct {
    const char *name;
    enum { TEXT, NUMBER, JSON, UNIX } form;
} product_fields[] = {
    {"title", TEXT},
    {"brand", TEXT},
    {"parent_asin", TEXT},
    {"data_state", TEXT},
    {"data_reason", TEXT},
    {"badges_held", NUMBER},
    {"badges", JSON},
    {"ranks", JSON},
    {"checked_at", TEXT},
    {"next_check_at", TEXT},
    {"data_at", TEXT},
    {"keepa_last_update", TEXT},
    {"version", NUMBER},
    {"current_price", NUMBER},
    {"availability_amazon", NUMBER},
    {"monthly_sold", NUMBER},
    {"rating", NUMBER},
    {"review_count", NUMBER},
    {"last_change_at", TEXT},
    {"priority", NUMBER},
    {"frequency", NUMBER},
    {"label", TEXT},
    {"tags", TEXT},
    {"channel", TEXT},
    {"muted_until", UNIX},
    {"paused_until", UNIX},
    {"active", NUMBER},
};
#define PRODUCT_FIELDS (sizeof(product_fields) / sizeof(product_fields[0]))

static void put_field(struct bw_json *j, size_t i, const struct bw_reply *value)
{
    const char *name = product_fields[i].name;
    if (value->type != BW_REPLY_STRING || value->len == 0)
        bw_json_null(j, name);
    else if (product_fields[i].form == NUMBER)
        bw_json_int(j, name, strtoll(value->str, NULL, 10));
    else if (product_fields[i].form == UNIX)
        bw_json_time(j, name, strtoll(value->str, NULL, 10));
    else if (product_fields[i].form == JSON)
        bw_json_raw(j, name, value->str);
    else
        bw_json_stringn(j, name, value->str, value->len);
}

/* item: {member, value ...} */
static void put_product(struct bw_json *j, const struct bw_reply *item)
{
    struct bw_product_key key;
    if (item->n < PRODUCT_FIELDS + 1 || bw_product_key_parse(item->elements[0].str, &key, NULL) != BW_OK)
        return;
    bw_json_object(j, NULL);
    bw_json_int(j, "domain", key.domain);
    bw_json_string(j, "asin", key.asin);
    for (size_t i = 0; i < PRODUCT_FIELDS; i++)
        put_field(j, i, &item->elements[i + 1]);
    bw_json_object_end(j);
}

static bool usable(struct request *r, enum bw_err err, const struct bw_reply *reply)
{
    if (err == BW_OK && reply->type == BW_REPLY_ARRAY)
        return true;
    bw_exchange_error(r->exchange, 503, "Redis: %s", err == BW_OK ? "unexpected answer" : bw_err_text(err));
    free_request(r);
    return false;
}

static void ask_products(struct request *r, bw_redis_cb cb)
{
    const struct bw_context *cx = r->api->cx;
    struct bw_args args;
    r->asked = r->limit < PRODUCTS_PART ? r->limit : PRODUCTS_PART;
    bw_args_init(&args);
    bw_args_add(&args, cx->keys.tracked);
    bw_args_add(&args, cx->keys.prefix);
    bw_args_add(&args, r->from);
    bw_args_add_int(&args, r->asked);
    for (size_t i = 0; i < PRODUCT_FIELDS; i++)
        bw_args_add(&args, product_fields[i].name);
    enum bw_err err = bw_redis_eval(cx->redis, &bw_script_products, 1, args.n, args.values, args.lens, cb, r);
    bw_args_fini(&args);
    if (err != BW_OK) {
        bw_exchange_error(r->exchange, 503, "Redis: %s", bw_redis_reason(cx->redis));
        free_request(r);
    }
}

/* A page comes in parts, so that a thousand products do not hold up the loop. */
static void on_products(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct request *r = ctx;
    if (!usable(r, err, reply))
        return;
    for (size_t i = 0; i < reply->n; i++)
        put_product(&r->json, &reply->elements[i]);
    const char *last = reply->n > 0 ? reply->elements[reply->n - 1].elements[0].str : "";
    bool more = (long)reply->n == r->asked;
    r->limit -= (long)reply->n;
    snprintf(r->from, sizeof(r->from), "(%s", last);
    if (more && r->limit > 0 && !r->out.overflow) {
        ask_products(r, on_products);
        return;
    }
    bw_json_array_end(&r->json);
    /* the name to give as after= for the next page */
    bw_json_string(&r->json, "next", more ? last : NULL);
    bw_json_object_end(&r->json);
    reply_json(r->exchange, 200, &r->out);
    free_request(r);
}

static void on_product(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct request *r = ctx;
    if (!usable(r, err, reply))
        return;
    /* the page of one begins at the product, or where it is not tracked at the one after it */
    if (reply->n == 0 || strcmp(reply->elements[0].elements[0].str, r->from + 1) != 0) {
        bw_exchange_error(r->exchange, 404, "this product is not tracked");
    } else {
        put_product(&r->json, &reply->elements[0]);
        reply_json(r->exchange, 200, &r->out);
    }
    free_request(r);
}

static void products(struct bw_api *api, struct bw_exchange *e)
{
    const char *after = bw_exchange_query(e, "after"), *text = bw_exchange_query(e, "limit");
    long limit = 100;
    struct bw_product_key key;
    char member[BW_PRODUCT_TEXT] = "";
    struct bw_error error;
    if (text) {
        char *end = NULL;
        limit = strtol(text, &end, 10);
        if (end == text || *end || limit < 1 || limit > PRODUCTS_MOST) {
            bw_exchange_error(e, 400, "limit: a number from 1 to %d was expected", PRODUCTS_MOST);
            return;
        }
    }
    if (after) {
        if (bw_product_key_parse(after, &key, &error) != BW_OK) {
            bw_exchange_error(e, 400, "after: %s", error.text);
            return;
        }
        bw_product_key_format(&key, member);
    }
    struct request *r = new_request(api, e);
    r->limit = limit;
    snprintf(r->from, sizeof(r->from), "%s%s", after ? "(" : "-", member);
    bw_json_object(&r->json, NULL);
    bw_json_array(&r->json, "products");
    ask_products(r, on_products);
}

/* path: "{domain}/{asin}" */
static void product(struct bw_api *api, struct bw_exchange *e, const char *path)
{
    char text[64];
    struct bw_error error;
    struct bw_product_key key;
    snprintf(text, sizeof(text), "%s", path);
    char *slash = strchr(text, '/');
    if (!slash) {
        bw_exchange_error(e, 404, "products/{domain}/{asin} was expected");
        return;
    }
    *slash = ':';
    if (bw_product_key_parse(text, &key, &error) != BW_OK) {
        bw_exchange_error(e, 400, "%s", error.text);
        return;
    }
    struct request *r = new_request(api, e);
    char member[BW_PRODUCT_TEXT];
    bw_product_key_format(&key, member);
    r->limit = 1;
    snprintf(r->from, sizeof(r->from), "[%s", member);
    ask_products(r, on_product);
}

/* ---- changes ---- */

static void on_changes(void *ctx, const struct bw_pg_answer *answer)
{
    struct request *r = ctx;
    if (answer->err != BW_OK) {
        bw_exchange_error(r->exchange, 503, "Postgres: %s", answer->message);
    } else {
        const char *rows = bw_pg_value(answer->results[0], 0, 0);
        bw_json_object(&r->json, NULL);
        bw_json_raw(&r->json, "changes", rows ? rows : "[]");
        bw_json_object_end(&r->json);
        reply_json(r->exchange, 200, &r->out);
    }
    free_request(r);
}

static void changes(struct bw_api *api, struct bw_exchange *e)
{
    const char *since = bw_exchange_query(e, "since");
    int64_t since_ms = bw_wall_now().ms - 86400000;
    if (since && bw_time_parse(since, &since_ms) != BW_OK) {
        bw_exchange_error(e, 400, "since: a time like 2026-05-10T04:19:28Z was expected");
        return;
    }
    char at[BW_TIME_TEXT];
    bw_time_format_ms(since_ms, at);
    const char *const params[] = {at};
    static const char sql[] =
        "SELECT coalesce(json_agg(row_to_json(c)), '[]') FROM (SELECT * FROM bestseller_changes"
        " WHERE detected_at >= $1::timestamptz ORDER BY detected_at, id LIMIT " CHANGES_MOST ") AS c";
    struct bw_pg_statement s = {sql, 1, params};
    struct request *r = new_request(api, e);
    enum bw_err err =
        api->cx->schema_right ? bw_pg_submit(api->cx->pg, &s, 1, on_changes, r) : BW_ERR_UNAVAILABLE;
    if (err != BW_OK) {
        bw_exchange_error(e, 503, "Postgres: %s", bw_api_reason(api, BW_PART_POSTGRES));
        free_request(r);
    }
}

/* ---- routes ---- */

void bw_api_handle(void *ctx, struct bw_exchange *e, const char *path)
{
    struct bw_api *api = ctx;
    static const char one[] = "/api/v1/products/";
    if (strcmp(path, "/healthz") == 0)
        bw_exchange_reply(e, 200, "text/plain; charset=utf-8", "ok\n", 3);
    else if (strcmp(path, "/metrics") == 0)
        metrics(api, e);
    else if (strcmp(path, "/readyz") == 0)
        readyz(api, e);
    else if (strcmp(path, "/api/v1/status") == 0)
        status(api, e);
    else if (strcmp(path, "/api/v1/products") == 0)
        products(api, e);
    else if (strncmp(path, one, sizeof(one) - 1) == 0)
        product(api, e, path + sizeof(one) - 1);
    else if (strcmp(path, "/api/v1/changes") == 0)
        changes(api, e);
    else if (strcmp(path, "/") == 0)
        bw_page_answer(api->cx, &api->parts, e);
    else
        bw_exchange_error(e, 404, "there is nothing at this path");
}

struct bw_api *bw_api_new(struct bw_context *context, const struct bw_api_parts *parts)
{
    struct bw_api *api = bw_alloc(sizeof(*api));
    api->cx = context;
    api->parts = *parts;
    return api;
}

void bw_api_free(struct bw_api *api)
{
    free(api);
}
