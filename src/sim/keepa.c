/* Keepa's envelope, keys, bucket, /token and /category. See keepa.h.
 *
 * The order in which a request is judged: fault, key, parameters, bucket. Each answer, also an error, carries the
 * envelope. What happened is logged with the tokens charged, never with the key. */
#include "keepa.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_MIN          8 /* anything shorter has not even the form of a key */
#define MAX_CATEGORY_IDS 10
#define INVALID_MESSAGE  "You used an invalid parameter for this API call. "

bool sim_keepa_serves(const char *path)
{
    return strcmp(path, "/product") == 0 || strcmp(path, "/token") == 0 || strcmp(path, "/category") == 0;
}

void sim_keepa_invalid(struct sim_keepa_call *call, const char *what)
{
    call->response->status = 400;
    call->error_type = "invalidParameter";
    call->error_message = what;
}

/* A JSON string literal of a short text. */
static void add_quoted(struct bw_buf *out, const char *text)
{
    struct json_object *s = json_object_new_string(text);
    (void)bw_buf_adds(out, json_object_to_json_string_ext(s, SIM_JSON_COMPACT));
    json_object_put(s);
}

static void add_error(const struct sim_keepa_call *call, struct bw_buf *out)
{
    bool invalid = strcmp(call->error_type, "invalidParameter") == 0;
    (void)bw_buf_adds(out, "\"error\":{\"details\":");
    add_quoted(out, invalid ? call->error_message : "");
    (void)bw_buf_adds(out, ",\"message\":");
    add_quoted(out, invalid ? INVALID_MESSAGE "Please see the documentation." : call->error_message);
    (void)bw_buf_adds(out, ",\"type\":");
    add_quoted(out, call->error_type);
    (void)bw_buf_adds(out, "}");
}

static void add_payload(const struct sim_keepa_call *call, struct bw_buf *out)
{
    (void)bw_buf_addf(out, "\"%s\":", call->payload_key);
    (void)bw_buf_adds(out, call->payload);
}

struct numbers {
    int64_t left, refill_in, rate;
};

/* The order of 2025: the envelope first. */
static void write_2025(const struct sim_keepa_call *call, const struct numbers *n, struct bw_buf *out)
{
    (void)bw_buf_addf(out,
                      "{\"timestamp\":%" PRId64 ",\"tokensLeft\":%" PRId64 ",\"refillIn\":%" PRId64
                      ",\"refillRate\":%" PRId64 ",\"tokenFlowReduction\":0,\"tokensConsumed\":%" PRId64
                      ",\"processingTimeInMs\":1",
                      call->now_ms, n->left, n->refill_in, n->rate, call->consumed);
    if (call->error_type) {
        (void)bw_buf_addc(out, ',');
        add_error(call, out);
    }
    if (call->payload) {
        (void)bw_buf_addc(out, ',');
        add_payload(call, out);
    }
    (void)bw_buf_addc(out, '}');
}

/* The order of 2026: alphabetical, so that the payload comes before the bucket. */
static void write_2026(const struct sim_keepa_call *call, const struct numbers *n, struct bw_buf *out)
{
    bool payload_first = call->payload && strcmp(call->payload_key, "processingTimeInMs") < 0;
    (void)bw_buf_addc(out, '{');
    if (payload_first) {
        add_payload(call, out);
        (void)bw_buf_addc(out, ',');
    }
    if (call->error_type) {
        add_error(call, out);
        (void)bw_buf_addc(out, ',');
    }
    (void)bw_buf_adds(out, "\"processingTimeInMs\":1,");
    if (call->payload && !payload_first) {
        add_payload(call, out);
        (void)bw_buf_addc(out, ',');
    }
    (void)bw_buf_addf(out,
                      "\"refillIn\":%" PRId64 ",\"refillRate\":%" PRId64 ",\"timestamp\":%" PRId64
                      ",\"tokenFlowReduction\":0.0,\"tokensConsumed\":%" PRId64 ",\"tokensLeft\":%" PRId64
                      "}",
                      n->refill_in, n->rate, call->now_ms, call->consumed, n->left);
}

static void write_envelope(struct sim_keepa_call *call)
{
    struct sim *sim = call->sim;
    struct numbers n = {0, 0, 0};
    if (!call->no_bucket) {
        n = (struct numbers){sim->bucket.left, sim_bucket_refill_in(&sim->bucket, sim_bucket_now(sim)),
                             sim->bucket.rate};
        if (call->response->status == 429 && n.left > 0)
            n.left = 0; /* a 429 by fault still looks like one */
    }
    enum sim_order order = sim->args->order;
    if (order == SIM_ORDER_ALTERNATE)
        order = sim->keepa_requests % 2 ? SIM_ORDER_2025 : SIM_ORDER_2026;
    bw_buf_clear(&call->response->body);
    if (order == SIM_ORDER_2025)
        write_2025(call, &n, &call->response->body);
    else
        write_2026(call, &n, &call->response->body);
}

static bool key_accepted(struct sim_keepa_call *call)
{
    const char *wanted = call->sim->args->key;
    const char *key = sim_request_arg(call->request, "key");
    if (strcmp(wanted, "any") == 0 || (key && strcmp(key, wanted) == 0))
        return true;
    call->no_bucket = true;
    if (!key || strlen(key) < KEY_MIN) {
        sim_keepa_invalid(call, "The key is malformed.");
    } else {
        call->response->status = 402;
        call->error_type = "unauthorized";
        call->error_message = "The API key is not valid or its subscription has ended.";
    }
    return false;
}

static void add_category(struct sim_keepa_call *call, struct json_object *all, int64_t domain,
                         const char *text)
{
    char name[128];
    int64_t parent = 0;
    int64_t id = strtoll(text, NULL, 10);
    if (!sim_catalog_category(&call->sim->catalog, (int)domain, id, name, &parent))
        return;
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "catId", json_object_new_int64(id));
    json_object_object_add(o, "children", NULL);
    json_object_object_add(o, "domainId", json_object_new_int64(domain));
    json_object_object_add(o, "name", json_object_new_string(name));
    json_object_object_add(o, "parent", json_object_new_int64(parent));
    json_object_object_add(all, text, o);
}

static bool all_digits(const char *s)
{
    size_t n = strlen(s);
    return n > 0 && n < 20 && strspn(s, "0123456789") == n;
}

static void category(struct sim_keepa_call *call)
{
    int64_t domain = 0;
    const char *ids = sim_request_arg(call->request, "category");
    if (!sim_request_int(call->request, "domain", 0, &domain) || domain < 1 || domain > 12 || domain == 7 ||
        !ids) {
        sim_keepa_invalid(call, "domain and category are required.");
        return;
    }
    struct json_object *all = json_object_new_object();
    char *copy = bw_strdup(ids);
    char *rest = copy;
    size_t n = 0;
    for (char *id; (id = strsep(&rest, ",")) != NULL && !call->error_type; n++) {
        if (!all_digits(id) || n == MAX_CATEGORY_IDS)
            sim_keepa_invalid(call, "category: up to 10 ids, separated by commas.");
        else
            add_category(call, all, domain, id);
    }
    free(copy);
    if (!call->error_type) {
        call->consumed = 1;
        call->payload_key = "categories";
        call->payload = bw_strdup(json_object_to_json_string_ext(all, SIM_JSON_COMPACT));
    }
    json_object_put(all);
}

static void carry_out(struct sim_keepa_call *call)
{
    struct sim *sim = call->sim;
    const char *path = call->request->path;
    if (!key_accepted(call))
        return;
    sim_bucket_refill(&sim->bucket, sim_bucket_now(sim));
    if (strcmp(path, "/token") == 0)
        return;
    if (!sim_bucket_may_run(&sim->bucket)) {
        call->response->status = 429;
        return;
    }
    if (strcmp(path, "/category") == 0)
        category(call);
    else
        sim_keepa_product(call);
    sim_bucket_charge(&sim->bucket, call->consumed);
    sim->tokens_charged += call->consumed;
}

/* Every argument but the key, as it was given. */
static struct json_object *query_json(const struct sim_request *request)
{
    struct json_object *o = json_object_new_object();
    for (size_t i = 0; i < request->n_args; i++)
        if (strcmp(request->args[i].name, "key") != 0)
            json_object_object_add(o, request->args[i].name, json_object_new_string(request->args[i].value));
    return o;
}

static struct json_object *asin_list(const char *text)
{
    struct json_object *list = json_object_new_array();
    char *copy = bw_strdup(text ? text : "");
    char *rest = copy;
    for (char *asin; (asin = strsep(&rest, ",")) != NULL;)
        if (*asin)
            json_object_array_add(list, json_object_new_string(asin));
    free(copy);
    return list;
}

static void log_call(const struct sim_keepa_call *call)
{
    struct json_object *e = json_object_new_object();
    char at[BW_TIME_TEXT];
    int64_t days = 0;
    int64_t update = 1;
    (void)sim_request_int(call->request, "days", 0, &days);
    (void)sim_request_int(call->request, "update", 1, &update);
    bw_time_format_ms(call->now_ms, at);
    json_object_object_add(e, "service", json_object_new_string("keepa"));
    json_object_object_add(e, "time", json_object_new_string(at));
    json_object_object_add(e, "received_ms", json_object_new_int64(bw_wall_now().ms));
    json_object_object_add(e, "path", json_object_new_string(call->request->path));
    json_object_object_add(e, "query", query_json(call->request));
    json_object_object_add(e, "asins", asin_list(sim_request_arg(call->request, "asin")));
    json_object_object_add(e, "days", json_object_new_int64(days));
    json_object_object_add(e, "update", json_object_new_int64(update));
    json_object_object_add(e, "status", json_object_new_int(call->response->status));
    json_object_object_add(e, "tokens", json_object_new_int64(call->consumed));
    json_object_object_add(e, "tokens_left", json_object_new_int64(call->sim->bucket.left));
    json_object_object_add(e, "fault",
                           call->fault ? json_object_new_string(sim_fault_name(call->fault->kind)) : NULL);
    sim_log_add(&call->sim->log, e);
}

/* An error inside a 200, or the status a fault wants, without carrying the request out. */
static void refuse_by_fault(struct sim_keepa_call *call)
{
    sim_bucket_refill(&call->sim->bucket, sim_bucket_now(call->sim));
    call->response->status = (int)call->fault->status;
    if (call->fault->kind == SIM_F_ERROR) {
        call->error_type = call->fault->error;
        call->error_message = "The request was rejected.";
    }
}

void sim_keepa_handle(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    enum sim_target target = strcmp(request->path, "/category") == 0 ? SIM_CATEGORY : SIM_KEEPA;
    struct sim_keepa_call call = {
        .sim = sim, .request = request, .response = response, .now_ms = sim_now(sim)};
    sim->keepa_requests++;
    response->date_ms = call.now_ms;
    response->gzip =
        sim->args->gzip == SIM_GZIP_ALWAYS || (sim->args->gzip == SIM_GZIP_ON && request->accept_gzip);
    call.fault = sim_faults_request(&sim->faults, target, NULL);
    if (!call.fault || call.fault->posted)
        carry_out(&call);
    else
        refuse_by_fault(&call);
    if (call.fault && call.fault->kind == SIM_F_NO_PRODUCTS) {
        free(call.payload);
        call.payload = NULL;
    }
    write_envelope(&call);
    if (call.fault)
        sim_apply_fault(call.fault, response);
    log_call(&call);
    free(call.payload);
}
