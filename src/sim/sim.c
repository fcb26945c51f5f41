/* The simulator put together. See sim.h. */
#include "sim.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"
#include "control.h"
#include "keepa.h"
#include "page.h"
#include "slack.h"
#include "state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t sim_now(const struct sim *sim)
{
    return sim_clock_now(&sim->clock, bw_mono_now().ms);
}

int64_t sim_bucket_now(const struct sim *sim)
{
    return sim->args->bucket_sim ? sim_now(sim) : bw_mono_now().ms;
}

static enum bw_err load_captures(struct sim *sim, struct bw_error *error)
{
    struct sim_catalog *c = &sim->catalog;
    for (size_t i = 0; i < sim->args->n_replay; i++) {
        enum bw_err err = sim_replay_load(sim->args->replay[i], &c->captures, &c->n_captures, error);
        if (err != BW_OK)
            return err;
    }
    return BW_OK;
}

static int64_t start_of(const struct sim *sim, const struct sim_saved *saved)
{
    int64_t first = sim_replay_first_minute(sim->catalog.captures, sim->catalog.n_captures);
    if (saved->found)
        return saved->start_ms;
    if (sim->args->start)
        return sim->args->start_ms;
    return first != INT64_MAX ? sim_ms_of_minute(first - 2) : bw_wall_now().ms;
}

static void init_generator(struct sim *sim)
{
    const struct sim_args *a = sim->args;
    struct sim_generator *g = &sim->catalog.generator;
    sim_gen_init(g, a->seed, (size_t)a->generate, sim_minute_of_ms(sim->clock.start_sim_ms), a->history_days,
                 a->churn);
    g->pad = (size_t)a->pad;
    g->family = (size_t)a->family;
    if (a->n_domains > 0) {
        memcpy(g->domains, a->domains, sizeof g->domains);
        g->n_domains = a->n_domains;
    }
}

/* The bucket refills on the real clock also while the simulator is away. */
static void init_bucket(struct sim *sim, const struct sim_saved *saved)
{
    int64_t now = sim_bucket_now(sim);
    int64_t away = saved->found && !sim->args->bucket_sim ? bw_wall_now().ms - saved->saved_real_ms : 0;
    sim_bucket_init(&sim->bucket, now - (away > 0 ? away : 0), sim->args->rate,
                    saved->found ? saved->bucket_left : sim->args->tokens);
    sim_bucket_refill(&sim->bucket, now);
}

static enum bw_err add_faults(struct sim *sim, struct bw_error *error)
{
    for (size_t i = 0; i < sim->args->n_faults; i++) {
        enum bw_err err = sim_faults_add_text(&sim->faults, sim->args->faults[i], error);
        if (err != BW_OK)
            return err;
    }
    return BW_OK;
}

static enum bw_err open_channels(struct sim *sim, struct bw_error *error)
{
    char *path = sim->args->state ? bw_asprintf("%s.messages", sim->args->state) : NULL;
    enum bw_err err = sim_channels_open(&sim->channels, path, error);
    free(path);
    return err;
}

enum bw_err sim_new(const struct sim_args *args, struct sim **out, struct bw_error *error)
{
    struct sim *sim = bw_alloc(sizeof *sim);
    struct sim_saved saved = {.found = false};
    sim->args = args;
    sim->channels.fd = -1;
    sim->faults.rng.state = args->seed;
    enum bw_err err = load_captures(sim, error);
    if (err == BW_OK && args->state)
        err = sim_state_load(args->state, &saved, error);
    if (err == BW_OK)
        err = open_channels(sim, error);
    if (err == BW_OK)
        err = add_faults(sim, error);
    if (err != BW_OK) {
        sim_free(sim);
        return err;
    }
    sim_clock_init(&sim->clock, bw_mono_now().ms, start_of(sim, &saved), args->speed, args->stopped);
    if (saved.found)
        sim_clock_set(&sim->clock, bw_mono_now().ms, saved.sim_ms);
    sim_outages_sync(&sim->outages, &sim->faults, sim_even_minute_of_ms(sim_now(sim)));
    init_generator(sim);
    sim_catalog_index(&sim->catalog);
    init_bucket(sim, &saved);
    sim->keepa_requests = saved.keepa_requests;
    sim->tokens_charged = saved.tokens_charged;
    *out = sim;
    return BW_OK;
}

void sim_free(struct sim *sim)
{
    if (!sim)
        return;
    sim_catalog_fini(&sim->catalog);
    sim_channels_fini(&sim->channels);
    sim_log_fini(&sim->log);
    free(sim);
}

void sim_handle(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    response->date_ms = bw_wall_now().ms;
    if (request->body.overflow)
        sim_response_text(response, 413, "application/json", "{\"error\":\"the body is too large\"}");
    else if (sim_keepa_serves(request->path))
        sim_keepa_handle(sim, request, response);
    else if (sim_slack_serves(request->path))
        sim_slack_handle(sim, request, response);
    else if (sim_control_serves(request->path))
        sim_control_handle(sim, request, response);
    else if (sim_page_serves(request->path))
        sim_page_handle(sim, request, response);
    else
        sim_response_text(response, 404, "application/json", "{\"error\":\"no such path\"}");
}

static void send_html(struct sim_response *response, int status)
{
    char page[256];
    snprintf(page, sizeof page,
             "<!DOCTYPE html>\n<html><head><title>%d</title></head><body><h1>Server Error</h1>"
             "<p>Something is broken \"here\" {not: json}.</p></body></html>\n",
             status);
    sim_response_text(response, status, "text/html", page);
}

/* Filler goes in as the first products. An answer without a product list is sent as it is. */
static void send_huge(const struct sim_fault *fault, struct sim_response *response)
{
    static const char opening[] = "\"products\":[";
    const char *at = strstr(bw_buf_str(&response->body), opening);
    if (!at)
        return;
    response->delivery = SIM_SEND_HUGE;
    response->fill_at = (size_t)(at - response->body.data) + sizeof opening - 1;
    response->fill_bytes = fault->bytes;
    response->fill_one = fault->one;
}

void sim_apply_fault(const struct sim_fault *fault, struct sim_response *response)
{
    char seconds[24];
    snprintf(seconds, sizeof seconds, "%lld", (long long)fault->retry_after);
    if (fault->retry_after >= 0)
        sim_response_header(response, "Retry-After", seconds);
    switch (fault->kind) {
    case SIM_F_STATUS:
        response->status = (int)fault->status;
        break;
    case SIM_F_HTML:
        send_html(response, (int)fault->status);
        break;
    case SIM_F_TRUNCATED_GZIP:
        response->delivery = SIM_TRUNCATE;
        break;
    case SIM_F_RST:
        response->delivery = SIM_RESET;
        break;
    case SIM_F_STALL:
        response->delay_ms = fault->ms;
        break;
    case SIM_F_DRIP:
        response->delivery = SIM_DRIP;
        response->drip_ms = fault->ms;
        response->drip_bytes = (size_t)fault->bytes;
        break;
    case SIM_F_REFUSE:
        response->refuse_ms = fault->ms;
        response->refuse_port = (int)fault->port;
        response->delivery = SIM_CLOSE;
        break;
    case SIM_F_CLOSE:
        response->delivery = SIM_CLOSE;
        break;
    case SIM_F_HUGE:
        send_huge(fault, response);
        break;
    default: /* errors and product faults are part of the answer already */
        break;
    }
}
