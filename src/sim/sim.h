/* The simulator: everything the services share. One thread touches it. */
#pragma once

#include "args.h"
#include "bucket.h"
#include "catalog.h"
#include "channel.h"
#include "clock.h"
#include "faults.h"
#include "outage.h"
#include "request.h"
#include "requests_log.h"

struct sim {
    const struct sim_args *args;
    struct sim_clock clock;
    struct sim_bucket bucket;
    struct sim_catalog catalog;
    struct sim_faults faults;
    struct sim_outages outages;
    struct sim_channels channels;
    struct sim_log log;
    int64_t keepa_requests; /* all that ever came, also before a restart */
    int64_t tokens_charged; /* same */
};

enum bw_err sim_new(const struct sim_args *args, struct sim **out, struct bw_error *error) BW_MUSTCHECK;
void sim_free(struct sim *sim);
int64_t sim_now(const struct sim *sim);        /* simulated, unix milliseconds */
int64_t sim_bucket_now(const struct sim *sim); /* the clock the bucket runs on */
/* Answers one request of any service. */
void sim_handle(struct sim *sim, struct sim_request *request, struct sim_response *response);
/* Damages an answer as a request fault says; the request was carried out before, if it is to be. */
void sim_apply_fault(const struct sim_fault *fault, struct sim_response *response);
