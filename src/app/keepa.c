/* Requests to Keepa. One struct call for each request in flight; it ends in finish(), once. The gate (struct bw_keepa)
 * holds the bucket and the reason for which nothing may be asked at the moment. */
#include "keepa.h"

#include "args.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/backoff.h"
#include "badgewatch/base/log.h"
#include "badgewatch/codec/entry.h"
#include "history.h"
#include "ids.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define REQUEST_TIMEOUT_MS 120000 /* a batch of 100 with live updates takes its time (facts: keepa.md 2.3) */
#define STALL_MS           60000
#define DENIED_RETRY_MS    60000
#define AFTER_REFILL_MS    200 /* ask a little after the tick, not at it */
#define UNKNOWN_SEQ        (-1)
#define ERROR_BODY_MAX     ((size_t)64 << 10)

struct call {
    LIST_ENTRY(call) link;
    struct bw_keepa *keepa;
    struct bw_http_call *http;
    struct bw_keepa_question question; /* of /product */
    void (*done)(void *ctx, const struct bw_keepa_result *result);
    void *ctx;
    struct bw_keepa_splitter *splitter; /* /product */
    struct bw_buf body;                 /* other endpoints */
    struct bw_request_record record;
    bool has_head; /* status and dated_at are known */
    long status;
    int64_t dated_at;
    struct bw_mono asked;
    size_t junk;      /* bytes since the body stopped being JSON */
    int64_t expected; /* tokens reserved */
};

struct bw_keepa {
    struct bw_context *cx;
    struct bw_bucket bucket;
    struct bw_costs costs;
    int64_t seq; /* of the bucket's state in Redis that this one agrees with */
    struct bw_backoff backoff;
    struct bw_mono closed_until;
    char reason[256];
    double checks_per_hour;
    size_t in_flight;
    LIST_HEAD(, call) calls;
};

/* ---- the gate ---- */

static void close_gate(struct bw_keepa *k, int64_t ms, const char *why)
{
    k->closed_until.ms = bw_mono_now().ms + ms;
    if (strcmp(k->reason, why) != 0)
        bw_log_warning("keepa", "%s; next try in %lld s", why, (long long)((ms + 999) / 1000));
    snprintf(k->reason, sizeof(k->reason), "%s", why);
    bw_counters_up(&k->cx->counters, BW_PART_KEEPA, false);
}

static void open_gate(struct bw_keepa *k)
{
    if (k->reason[0])
        bw_log_info("keepa", "answers again");
    k->reason[0] = '\0';
    k->closed_until.ms = 0;
    bw_backoff_reset(&k->backoff);
    bw_counters_up(&k->cx->counters, BW_PART_KEEPA, true);
    bw_counters_success(&k->cx->counters, BW_PART_KEEPA);
}

static bool closed(const struct bw_keepa *k, struct bw_mono now)
{
    /* after a failure one request at a time finds out whether it is over */
    return now.ms < k->closed_until.ms || (k->reason[0] && k->in_flight > 0);
}

int64_t bw_keepa_allowance(const struct bw_keepa *k)
{
    struct bw_mono now = bw_mono_now();
    return closed(k, now) ? 0 : bw_bucket_spendable(&k->bucket, now, k->cx->conf->token_reserve);
}

void bw_keepa_plan(const struct bw_keepa *k, struct bw_plan *out)
{
    const struct bw_conf *conf = k->cx->conf;
    struct bw_plan_input in = {.bucket = &k->bucket,
                               .costs = &k->costs,
                               .now = bw_mono_now(),
                               .reserve = conf->token_reserve,
                               .automatic = conf->keepa_update_h == BW_UPDATE_AUTO,
                               .update = conf->keepa_update_h,
                               .checks_per_hour = k->checks_per_hour};
    bw_plan(&in, out);
    if (closed(k, in.now))
        out->routine = out->polled = 0;
}

void bw_keepa_forecast(struct bw_keepa *k, double checks_per_hour)
{
    k->checks_per_hour = checks_per_hour;
}

const char *bw_keepa_reason(const struct bw_keepa *k)
{
    return k->reason;
}

const struct bw_bucket *bw_keepa_bucket(const struct bw_keepa *k)
{
    return &k->bucket;
}

size_t bw_keepa_in_flight(const struct bw_keepa *k)
{
    return k->in_flight;
}

void bw_keepa_retry(struct bw_keepa *k)
{
    k->closed_until.ms = 0;
}

/* ---- the bucket, shared through Redis ---- */

static void on_shared(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_keepa *k = ctx;
    if (err == BW_OK && reply->type == BW_REPLY_INTEGER && reply->integer > 0)
        k->seq = reply->integer;
}

static void add_figures(const struct bw_keepa *k, struct bw_args *args)
{
    const struct bw_bucket *b = &k->bucket;
    char text[BW_TIME_TEXT];
    bw_args_field_int(args, "left", b->left);
    bw_args_field_int(args, "rate", b->rate);
    bw_args_field_int(args, "refill_rate", b->plan_rate);
    bw_args_field_int(args, "refill_in_ms", b->refill_in_ms);
    bw_args_field_int(args, "capacity", bw_bucket_capacity(b));
    bw_time_format_ms(bw_wall_now().ms - (bw_mono_now().ms - b->told.ms), text);
    bw_args_field(args, "at", text);
}

/* If Redis is away, others reckon with what was reserved until the next answer, or until it is back. */
static void share(struct bw_keepa *k, const char *spending, bool figures)
{
    struct bw_args args;
    bw_args_init(&args);
    bw_args_add(&args, k->cx->keys.tokens);
    bw_args_add(&args, k->cx->keys.spending);
    bw_args_add(&args, k->cx->id);
    bw_args_add(&args, spending);
    bw_args_add_int(&args, k->seq);
    bw_args_add_int(&args, bw_mono_now().ms - k->bucket.told.ms);
    bw_args_add_int(&args, bw_mono_now().ms - k->bucket.asked.ms);
    bw_args_add_int(&args, k->bucket.stamp_ms);
    if (figures)
        add_figures(k, &args);
    enum bw_err err =
        bw_redis_eval(k->cx->redis, &bw_script_tokens, 2, args.n, args.values, args.lens, on_shared, k);
    if (err != BW_OK)
        bw_log_debug("keepa", "the bucket was not shared: %s", bw_err_text(err));
    bw_args_fini(&args);
}

static void share_change(struct bw_keepa *k, int64_t tokens, bool figures)
{
    char text[24];
    snprintf(text, sizeof(text), "%lld", (long long)tokens);
    share(k, text, figures);
}

static void share_all(struct bw_keepa *k)
{
    char text[24];
    snprintf(text, sizeof(text), "=%lld", (long long)k->bucket.in_flight);
    share(k, text, k->bucket.known);
}

void bw_keepa_share(struct bw_keepa *k)
{
    k->seq = UNKNOWN_SEQ;
    share_all(k);
}

static int64_t figure(const struct bw_reply *reply, size_t i)
{
    return strtoll(reply->elements[i].str, NULL, 10);
}

void bw_keepa_learn(struct bw_keepa *k, const struct bw_reply *reply)
{
    if (reply->n != 10)
        return;
    k->seq = reply->elements[2].integer;
    k->bucket.elsewhere = reply->elements[3].integer;
    if (reply->elements[4].len == 0) {
        bw_log_debug("keepa", "redis has no bucket");
        if (k->bucket.known)
            share_all(k);
        return;
    }
    int64_t age = reply->elements[1].integer - figure(reply, 8);
    struct bw_mono at = {bw_mono_now().ms - (age > 0 ? age : 0)};
    struct bw_tokens tokens = {.left = figure(reply, 4),
                               .rate = figure(reply, 5),
                               .flow_reduction = (double)(figure(reply, 5) - figure(reply, 6)),
                               .refill_in_ms = figure(reply, 7),
                               .stamp_ms = figure(reply, 9),
                               .asked = at};
    bw_bucket_told(&k->bucket, &tokens, at);
}

int64_t bw_keepa_seq(const struct bw_keepa *k)
{
    return k->seq;
}

void bw_keepa_claimed(struct bw_keepa *k, int64_t seq)
{
    k->seq = seq;
}

/* ---- the end of a request ---- */

#define TOKENS_MAX 1000000 /* of one answer; Keepa's largest bucket is a quarter of it */

static int64_t within(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

/* Figures that no plan has would stop the checks for years, or not fit the table: the bucket is never believed to be
 * more than an hour's refill below zero; after that hour the next answer tells. */
static void limit_figures(struct bw_keepa_envelope *e)
{
    e->refill_rate = within(e->refill_rate, 0, TOKENS_MAX);
    e->tokens_left =
        within(e->tokens_left, -60 * (e->refill_rate > 0 ? e->refill_rate : 1), 60LL * TOKENS_MAX);
    e->tokens_consumed = within(e->tokens_consumed, 0, TOKENS_MAX);
    e->refill_in_ms = within(e->refill_in_ms, 0, 3600000);
}

/* A proxy's page or an error's message may repeat the URL that was asked for, and the key is in it. */
static void hide_secret(char *text, const char *secret)
{
    size_t len = strlen(secret);
    for (char *p = text; len >= 4 && (p = strstr(p, secret)); p++) {
        memset(p, '*', 3);
        memmove(p + 3, p + len, strlen(p + len) + 1);
    }
}

static void hide_key(const struct bw_keepa *k, char *text)
{
    struct bw_buf escaped;
    bw_buf_init(&escaped, 4096);
    bw_http_escape(&escaped, k->cx->conf->keepa_api_key);
    hide_secret(text, k->cx->conf->keepa_api_key);
    hide_secret(text, bw_buf_str(&escaped));
    bw_buf_fini(&escaped);
}

static void told(struct bw_keepa *k, struct call *c, struct bw_keepa_envelope *e, struct bw_mono at)
{
    if (!e->has_tokens)
        return;
    limit_figures(e);
    struct bw_tokens tokens = {e->tokens_left,  e->refill_rate,  e->token_flow_reduction,
                               e->refill_in_ms, e->timestamp_ms, c->asked};
    bw_bucket_told(&k->bucket, &tokens, at);
    c->record.tokens_consumed = e->tokens_consumed;
    c->record.has_tokens_left = true;
    c->record.tokens_left = e->tokens_left;
    c->record.cost_cents =
        bw_token_cost_cents(e->tokens_consumed, e->refill_rate, k->cx->conf->monthly_cost_cents);
    bw_metric_set(k->cx->counters.keepa_tokens_left, (double)e->tokens_left);
    bw_metric_add(k->cx->counters.keepa_tokens_consumed, (double)e->tokens_consumed);
    bw_metric_add(k->cx->counters.cost_cents, c->record.cost_cents);
}

static void record_request(struct bw_keepa *k, struct call *c, const struct bw_http_response *r,
                           const char *error)
{
    c->record.completed_at_ms = bw_wall_now().ms;
    c->record.http_status = (int)r->status;
    snprintf(c->record.error, sizeof(c->record.error), "%s", error);
    bw_counters_keepa_request(&k->cx->counters, c->record.endpoint, (int)r->status, r->total_s);
    struct bw_buf doc;
    bw_buf_init(&doc, 8192);
    bw_request_encode(&c->record, &doc);
    if (bw_history_append(k->cx, "request", &doc) != BW_OK)
        bw_log_warning("keepa", "request %s is not in api_usage_log: too many wait for redis",
                       c->record.batch_id);
    bw_buf_fini(&doc);
}

static void describe(const struct bw_http_response *r, const struct bw_keepa_envelope *e, char *out,
                     size_t size)
{
    if (r->err != BW_OK)
        snprintf(out, size, "%s", r->reason[0] ? r->reason : bw_err_text(r->err));
    else if (e->has_error)
        snprintf(out, size, "HTTP %ld, %s: %s", r->status, e->error_type, e->error_message);
    else
        snprintf(out, size, "HTTP %ld", r->status);
}

/* What a status other than 200, or no answer, does to the gate. */
static void judge_failure(struct bw_keepa *k, const struct bw_http_response *r, const char *text)
{
    char why[300];
    struct bw_mono now = bw_mono_now();
    if (r->err == BW_OK && r->status == 429) {
        int64_t wait = bw_bucket_wait(&k->bucket, now, 0, 1);
        if (wait < 1000 - AFTER_REFILL_MS)
            wait = 1000 - AFTER_REFILL_MS;
        snprintf(why, sizeof(why), "out of tokens (HTTP 429)");
        close_gate(k, wait + AFTER_REFILL_MS, why);
    } else if (r->err == BW_OK &&
               (r->status == 400 || r->status == 401 || r->status == 402 || r->status == 403)) {
        snprintf(why, sizeof(why), "the key or the request was refused: %s", text);
        close_gate(k, DENIED_RETRY_MS, why);
    } else if (r->err != BW_ERR_CLOSED) {
        snprintf(why, sizeof(why), "no usable answer: %s", text);
        close_gate(k, bw_backoff_next(&k->backoff, bw_random()), why);
    }
}

static void free_call(struct call *c)
{
    bw_keepa_splitter_free(c->splitter);
    bw_buf_fini(&c->body);
    free(c);
}

static void finish(struct call *c, struct bw_keepa_result *result, const struct bw_http_response *r,
                   char *text)
{
    struct bw_keepa *k = c->keepa;
    hide_key(k, text);
    if (result->outcome == BW_KEEPA_FAILED)
        judge_failure(k, r, text);
    else
        open_gate(k);
    share_change(k, -c->expected, c->record.has_tokens_left);
    record_request(k, c, r, text);
    result->text = text;
    result->last_byte = r->last_byte;
    result->answered_at =
        result->envelope.timestamp_ms > 0 ? result->envelope.timestamp_ms / 1000 : bw_wall_now().ms / 1000;
    c->done(c->ctx, result);
    free_call(c);
}

/* Takes the call off the list; from here on the bucket counts what was really spent. */
static void landed(struct call *c)
{
    LIST_REMOVE(c, link);
    c->http = NULL;
    c->keepa->in_flight--;
    bw_bucket_finish(&c->keepa->bucket, c->expected);
}

static void on_products(void *ctx, const struct bw_http_response *r)
{
    struct call *c = ctx;
    struct bw_keepa_result result = {.outcome = BW_KEEPA_FAILED};
    struct bw_error error = {.text = ""};
    bool has_products = false;
    landed(c);
    /* error answers carry the envelope too: it is read whatever the status */
    enum bw_err parsed = r->err == BW_OK
                             ? bw_keepa_splitter_finish(c->splitter, &result.envelope, &has_products, &error)
                             : r->err;
    if (parsed == BW_OK)
        told(c->keepa, c, &result.envelope, r->last_byte);
    if (parsed == BW_OK && result.envelope.has_tokens)
        bw_costs_learn(&c->keepa->costs, c->question.update, c->question.n, c->record.tokens_consumed);
    char text[400];
    describe(r, &result.envelope, text, sizeof(text));
    if (r->err == BW_OK && r->status == 200 && parsed == BW_OK) {
        bool rejected = result.envelope.has_error && !has_products;
        result.outcome = rejected ? BW_KEEPA_REJECTED : BW_KEEPA_OK;
        if (!result.envelope.has_error)
            text[0] = '\0';
    } else if (r->err == BW_OK && r->status == 200) {
        snprintf(text, sizeof(text), "unreadable answer: %s", error.text);
    }
    finish(c, &result, r, text);
}

static void on_answer(void *ctx, const struct bw_http_response *r)
{
    struct call *c = ctx;
    struct bw_keepa_result result = {.outcome = BW_KEEPA_FAILED};
    struct bw_error error = {.text = ""};
    struct bw_category_name *names = NULL;
    size_t n = 0;
    landed(c);
    enum bw_err parsed = r->err == BW_OK
                             ? bw_keepa_answer_decode(c->body.data ? c->body.data : "", c->body.len,
                                                      &result.envelope, &names, &n, &error)
                             : r->err;
    if (parsed == BW_OK)
        told(c->keepa, c, &result.envelope, r->last_byte);
    char text[400];
    describe(r, &result.envelope, text, sizeof(text));
    if (r->err == BW_OK && r->status == 200 && parsed == BW_OK) {
        result.outcome = result.envelope.has_error ? BW_KEEPA_REJECTED : BW_KEEPA_OK;
        if (!result.envelope.has_error)
            text[0] = '\0';
    } else if (r->err == BW_OK && r->status == 200) {
        snprintf(text, sizeof(text), "unreadable answer: %s", error.text);
    }
    result.names = names;
    result.n_names = n;
    finish(c, &result, r, text);
    bw_keepa_names_free(names, n);
}

/* ---- the begin of a request ---- */

static enum bw_err on_cut(void *ctx, const char *json, size_t len, bool too_big)
{
    struct call *c = ctx;
    struct bw_keepa_piece piece = {
        .json = json, .len = len, .too_big = too_big, .from = c->splitter, .dated_at = c->dated_at};
    return c->status == 200 ? c->question.on_product(c->ctx, &piece) : BW_OK;
}

/* A body that is no JSON (a proxy's HTML page) is read a little further: its status, say 429 or 503, tells more than
 * the syntax error would. */
static enum bw_err on_product_bytes(void *ctx, const char *data, size_t len)
{
    struct call *c = ctx;
    if (!c->has_head)
        bw_http_head(c->http, &c->status, &c->dated_at);
    c->has_head = true;
    if (c->question.is_full(c->ctx))
        return BW_ERR_BUSY;
    enum bw_err err = bw_keepa_splitter_feed(c->splitter, data, len);
    c->question.on_pause(c->ctx);
    if (err == BW_OK)
        return BW_OK;
    c->junk += len;
    return c->junk > ERROR_BODY_MAX ? err : BW_OK;
}

static enum bw_err on_body_bytes(void *ctx, const char *data, size_t len)
{
    struct call *c = ctx;
    return bw_buf_add(&c->body, data, len);
}

static void begin_url(const struct bw_keepa *k, const char *path, int domain, struct bw_buf *url)
{
    const char *base = k->cx->conf->keepa_base_url;
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    bw_buf_init(url, 8192);
    bw_buf_add(url, base, len);
    bw_buf_addf(url, "/%s?key=", path);
    bw_http_escape(url, k->cx->conf->keepa_api_key);
    bw_buf_addf(url, "&domain=%d", domain);
}

static struct call *new_call(struct bw_keepa *k, const char *endpoint, size_t asins, int64_t expected)
{
    struct call *c = bw_alloc(sizeof(*c));
    c->keepa = k;
    c->expected = expected;
    c->asked = bw_mono_now();
    c->record.started_at_ms = bw_wall_now().ms;
    c->record.asins = (int)asins;
    snprintf(c->record.endpoint, sizeof(c->record.endpoint), "%s", endpoint);
    bw_buf_init(&c->body, ERROR_BODY_MAX);
    return c;
}

static enum bw_err start(struct call *c, struct bw_buf *url, bw_http_cb cb,
                         enum bw_err (*on_body)(void *, const char *, size_t))
{
    struct bw_keepa *k = c->keepa;
    struct bw_http_request request = {.method = BW_HTTP_GET,
                                      .url = bw_buf_str(url),
                                      .timeout_ms = REQUEST_TIMEOUT_MS,
                                      .stall_ms = STALL_MS,
                                      .max_body = (size_t)k->cx->conf->max_body,
                                      .idempotent = true,
                                      .on_body = on_body};
    enum bw_err err = url->overflow ? BW_ERR_TOO_BIG : bw_http_start(k->cx->http, &request, cb, c, &c->http);
    bw_buf_fini(url);
    if (err != BW_OK) {
        free_call(c);
        return err;
    }
    LIST_INSERT_HEAD(&k->calls, c, link);
    k->in_flight++;
    bw_bucket_start(&k->bucket, c->expected);
    if (!c->question.reserved)
        share_change(k, c->expected, false);
    return BW_OK;
}

enum bw_err bw_keepa_products(struct bw_keepa *k, const struct bw_keepa_question *q)
{
    struct bw_buf url;
    begin_url(k, "product", q->domain, &url);
    bw_buf_adds(&url, "&asin=");
    for (size_t i = 0; i < q->n; i++)
        bw_buf_addf(&url, "%s%s", i == 0 ? "" : ",", q->keys[i].asin);
    bw_buf_adds(&url, "&history=1");
    if (q->days > 0)
        bw_buf_addf(&url, "&days=%d", q->days);
    if (q->update != BW_UPDATE_DEFAULT)
        bw_buf_addf(&url, "&update=%d", q->update);

    struct call *c = new_call(k, "product", q->n, q->expected);
    c->question = *q;
    c->done = q->done;
    c->ctx = q->ctx;
    snprintf(c->record.batch_id, sizeof(c->record.batch_id), "%s", q->batch_id);
    c->splitter = bw_keepa_splitter_new((size_t)k->cx->conf->max_product, on_cut, c);
    return start(c, &url, on_products, on_product_bytes);
}

void bw_keepa_resume(struct bw_keepa *k)
{
    struct call *c;
    LIST_FOREACH (c, &k->calls, link)
        bw_http_resume(c->http);
}

enum bw_err bw_keepa_categories(struct bw_keepa *k, int domain, const int64_t *ids, size_t n,
                                void (*done)(void *ctx, const struct bw_keepa_result *result), void *ctx)
{
    struct bw_buf url;
    begin_url(k, "category", domain, &url);
    bw_buf_adds(&url, "&category=");
    for (size_t i = 0; i < n; i++)
        bw_buf_addf(&url, "%s%lld", i == 0 ? "" : ",", (long long)ids[i]);
    bw_buf_adds(&url, "&parents=0");
    struct call *c = new_call(k, "category", 0, 1);
    c->done = done;
    c->ctx = ctx;
    bw_uuid_random(c->record.batch_id);
    bw_buf_fini(&c->body);
    bw_buf_init(&c->body, (size_t)4 << 20); /* ten categories with long lists of children */
    return start(c, &url, on_answer, on_body_bytes);
}

/* ---- life ---- */

struct bw_keepa *bw_keepa_new(struct bw_context *context)
{
    struct bw_keepa *k = bw_alloc(sizeof(*k));
    k->cx = context;
    bw_bucket_init(&k->bucket);
    k->seq = UNKNOWN_SEQ;
    bw_backoff_init(&k->backoff, 2000, 300000);
    LIST_INIT(&k->calls);
    return k;
}

void bw_keepa_cancel(struct bw_keepa *k)
{
    struct call *c;
    LIST_FOREACH (c, &k->calls, link)
        bw_http_cancel(c->http); /* its callback comes later: the list does not change here */
}

void bw_keepa_free(struct bw_keepa *k)
{
    free(k);
}
