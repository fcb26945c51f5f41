/* The control endpoints. See control.h. Bad requests get 400 and {"error": "..."} and change nothing. */
#include "control.h"

#include "badgewatch/base/clock.h"
#include "state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sim_control_serves(const char *path)
{
    return strncmp(path, "/control/", 9) == 0;
}

/* Takes the reference. */
static void answer(struct sim_response *r, int status, struct json_object *o)
{
    sim_response_text(r, status, "application/json", json_object_to_json_string_ext(o, SIM_JSON_COMPACT));
    json_object_put(o);
}

static void answer_error(struct sim_response *r, int status, const char *what)
{
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "error", json_object_new_string(what));
    answer(r, status, o);
}

static struct json_object *parse_body(const struct sim_request *request, struct sim_response *response)
{
    struct json_object *o = request->body.len ? json_tokener_parse(bw_buf_str(&request->body)) : NULL;
    if (!o)
        answer_error(response, 400, "the body is not JSON");
    return o;
}

static struct json_object *iso(int64_t ms)
{
    char text[BW_TIME_TEXT];
    bw_time_format_ms(ms, text);
    return json_object_new_string(text);
}

static struct json_object *state_json(struct sim *sim)
{
    struct json_object *o = json_object_new_object();
    int64_t now = sim_now(sim);
    sim_bucket_refill(&sim->bucket, sim_bucket_now(sim));
    json_object_object_add(o, "now", iso(now));
    json_object_object_add(o, "now_ms", json_object_new_int64(now));
    json_object_object_add(o, "start", iso(sim->clock.start_sim_ms));
    json_object_object_add(o, "speed", json_object_new_double(sim->clock.speed));
    json_object_object_add(o, "stopped", json_object_new_boolean(sim->clock.stopped));
    json_object_object_add(o, "products", json_object_new_int64((int64_t)sim->catalog.n));
    json_object_object_add(o, "tokens_left", json_object_new_int64(sim->bucket.left));
    json_object_object_add(o, "refill_rate", json_object_new_int64(sim->bucket.rate));
    json_object_object_add(o, "refill_in_ms",
                           json_object_new_int64(sim_bucket_refill_in(&sim->bucket, sim_bucket_now(sim))));
    json_object_object_add(o, "keepa_requests", json_object_new_int64(sim->keepa_requests));
    json_object_object_add(o, "tokens_charged", json_object_new_int64(sim->tokens_charged));
    json_object_object_add(o, "messages", json_object_new_int64((int64_t)sim->channels.n));
    json_object_object_add(o, "faults", sim_faults_json(&sim->faults));
    return o;
}

/* Times of the query: absent gives `otherwise`. */
static bool time_arg(const struct sim_request *request, const char *name, int64_t otherwise, int64_t *out)
{
    const char *text = sim_request_arg(request, name);
    *out = otherwise;
    return !text || !*text || bw_time_parse(text, out) == BW_OK;
}

static void get_record(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    int64_t now = sim_now(sim);
    int64_t from = 0;
    int64_t to = 0;
    if (!time_arg(request, "from", sim->clock.start_sim_ms, &from) || !time_arg(request, "to", now, &to)) {
        answer_error(response, 400, "from and to: expected times like 2026-05-10T04:19:28Z");
        return;
    }
    if (to > now) /* the future is not told */
        to = now;
    answer(response, 200,
           sim_catalog_record(&sim->catalog, sim_minute_of_ms(from + 59999), sim_minute_of_ms(to)));
}

static void get_products(struct sim *sim, struct sim_response *response)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < sim->catalog.n; i++) {
        const struct sim_product *p = &sim->catalog.products[i];
        struct json_object *o = json_object_new_object();
        char key[16];
        snprintf(key, sizeof key, "%d:%s", p->domain, p->asin);
        json_object_object_add(o, "key", json_object_new_string(key));
        json_object_object_add(o, "domain", json_object_new_int(p->domain));
        json_object_object_add(o, "asin", json_object_new_string(p->asin));
        json_object_object_add(o, "replay", json_object_new_boolean(p->capture != NULL));
        json_object_array_add(list, o);
    }
    answer(response, 200, list);
}

static void get_products_csv(struct sim *sim, struct sim_response *response)
{
    sim_response_text(response, 200, "text/csv; charset=utf-8", "asin,domain\n");
    for (size_t i = 0; i < sim->catalog.n; i++)
        (void)bw_buf_addf(&response->body, "%s,%d\n", sim->catalog.products[i].asin,
                          sim->catalog.products[i].domain);
}

static void get_requests(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    int64_t since = 0;
    const char *service = sim_request_arg(request, "service");
    if (!sim_request_int(request, "since", 0, &since))
        answer_error(response, 400, "since: expected a number");
    else
        answer(response, 200, sim_log_json(&sim->log, since, service ? service : "keepa"));
}

static void get_messages(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    const char *channel = sim_request_arg(request, "channel");
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < sim->channels.n; i++) {
        struct json_object *m = sim->channels.messages[i];
        if (!channel || strcmp(channel, sim_json_str(m, "channel", "")) == 0)
            json_object_array_add(list, json_object_get(m));
    }
    answer(response, 200, list);
}

static bool number(struct json_object *v)
{
    return json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double);
}

/* All members are judged before the first is applied. */
static const char *set_clock(struct sim *sim, struct json_object *o)
{
    struct json_object *now = sim_json_get(o, "now");
    struct json_object *advance = sim_json_get(o, "advance_s");
    struct json_object *speed = sim_json_get(o, "speed");
    struct json_object *stopped = sim_json_get(o, "stopped");
    int64_t now_ms = 0;
    int64_t real = bw_mono_now().ms;
    if (!now && !advance && !speed && !stopped)
        return "expected now, advance_s, speed or stopped";
    if (now && bw_time_parse(sim_json_str(o, "now", ""), &now_ms) != BW_OK)
        return "now: expected a time like 2026-05-10T04:19:28Z";
    if (advance && !number(advance))
        return "advance_s: expected a number";
    if (speed &&
        !(number(speed) && json_object_get_double(speed) >= 0 && json_object_get_double(speed) <= 100000))
        return "speed: expected 0 to 100000";
    if (stopped && !json_object_is_type(stopped, json_type_boolean))
        return "stopped: expected true or false";
    if (now)
        sim_clock_set(&sim->clock, real, now_ms);
    if (advance)
        sim_clock_advance(&sim->clock, real, (int64_t)(json_object_get_double(advance) * 1000));
    if (speed)
        sim_clock_speed(&sim->clock, real, json_object_get_double(speed));
    if (stopped)
        sim_clock_stop(&sim->clock, real, json_object_get_boolean(stopped));
    return NULL;
}

static void post_clock(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    struct json_object *o = parse_body(request, response);
    if (!o)
        return;
    const char *error = set_clock(sim, o);
    json_object_put(o);
    if (error) {
        answer_error(response, 400, error);
        return;
    }
    sim_state_save(sim);
    answer(response, 200, state_json(sim));
}

static void post_faults(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    struct json_object *o = parse_body(request, response);
    struct bw_error error;
    enum bw_err err = BW_OK;
    if (!o)
        return;
    int64_t before = sim->faults.last_id;
    if (json_object_is_type(o, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(o) && err == BW_OK; i++)
            err = sim_faults_add(&sim->faults, json_object_array_get_idx(o, i), &error);
    } else {
        err = sim_faults_add(&sim->faults, o, &error);
    }
    json_object_put(o);
    if (err != BW_OK) {
        for (int64_t id = before + 1; id <= sim->faults.last_id; id++)
            (void)sim_faults_remove(&sim->faults, id);
        answer_error(response, 400, error.text);
        return;
    }
    sim_outages_sync(&sim->outages, &sim->faults, sim_even_minute_of_ms(sim_now(sim)));
    answer(response, 200, sim_faults_json(&sim->faults));
}

static void delete_faults(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    int64_t id = 0;
    if (!sim_request_int(request, "id", 0, &id)) {
        answer_error(response, 400, "id: expected a number");
    } else if (!sim_faults_remove(&sim->faults, id)) {
        answer_error(response, 404, "no such fault");
    } else {
        sim_outages_sync(&sim->outages, &sim->faults, sim_even_minute_of_ms(sim_now(sim)));
        answer(response, 200, sim_faults_json(&sim->faults));
    }
}

/* Closes the listeners at once, after this answer. */
static void post_refuse(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    struct json_object *o = parse_body(request, response);
    if (!o)
        return;
    int64_t ms = sim_json_int(o, "ms", 0);
    response->refuse_port = (int)sim_json_int(o, "port", 0);
    json_object_put(o);
    if (ms < 1 || ms > 3600000) {
        answer_error(response, 400, "ms: expected 1 to 3600000");
        return;
    }
    response->refuse_ms = ms;
    answer(response, 200, state_json(sim));
}

static void post_tokens(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    struct json_object *o = parse_body(request, response);
    if (!o)
        return;
    bool ok = json_object_is_type(sim_json_get(o, "left"), json_type_int);
    if (ok)
        sim->bucket.left = sim_json_int(o, "left", 0);
    json_object_put(o);
    if (ok)
        answer(response, 200, state_json(sim));
    else
        answer_error(response, 400, "left: expected a number");
}

static void handle_get(struct sim *sim, const struct sim_request *request, const char *what,
                       struct sim_response *response)
{
    if (strcmp(what, "state") == 0 || strcmp(what, "clock") == 0)
        answer(response, 200, state_json(sim));
    else if (strcmp(what, "record") == 0)
        get_record(sim, request, response);
    else if (strcmp(what, "products") == 0)
        get_products(sim, response);
    else if (strcmp(what, "products.csv") == 0)
        get_products_csv(sim, response);
    else if (strcmp(what, "requests") == 0)
        get_requests(sim, request, response);
    else if (strcmp(what, "messages") == 0)
        get_messages(sim, request, response);
    else if (strcmp(what, "faults") == 0)
        answer(response, 200, sim_faults_json(&sim->faults));
    else
        answer_error(response, 404, "no such control");
}

static void handle_post(struct sim *sim, const struct sim_request *request, const char *what,
                        struct sim_response *response)
{
    if (strcmp(what, "clock") == 0)
        post_clock(sim, request, response);
    else if (strcmp(what, "faults") == 0)
        post_faults(sim, request, response);
    else if (strcmp(what, "refuse") == 0)
        post_refuse(sim, request, response);
    else if (strcmp(what, "tokens") == 0)
        post_tokens(sim, request, response);
    else
        answer_error(response, 404, "no such control");
}

void sim_control_handle(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    const char *what = request->path + strlen("/control/");
    response->gzip = request->accept_gzip;
    if (strcmp(request->method, "GET") == 0)
        handle_get(sim, request, what, response);
    else if (strcmp(request->method, "POST") == 0)
        handle_post(sim, request, what, response);
    else if (strcmp(request->method, "DELETE") == 0 && strcmp(what, "faults") == 0)
        delete_faults(sim, request, response);
    else
        answer_error(response, 405, "expected GET, POST or DELETE");
}
