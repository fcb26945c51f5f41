/* What was asked of the simulator: the newest SIM_LOG_MAX requests, older ones are dropped and counted. */
#pragma once

#include "json.h"

#include <stddef.h>

#define SIM_LOG_MAX 20000

struct sim_log {
    struct json_object *entries[SIM_LOG_MAX]; /* a ring */
    int64_t n;                                /* ever logged */
};

void sim_log_fini(struct sim_log *log);
void sim_log_add(struct sim_log *log, struct json_object *entry); /* takes the reference */
/* Entries with a number >= since, of a service ("all": any), oldest first. */
struct json_object *sim_log_json(const struct sim_log *log, int64_t since, const char *service);
