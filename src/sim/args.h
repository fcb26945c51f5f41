/* The command line of badgewatch-sim. */
#pragma once

#include "badgewatch/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_MAX_LISTEN 8
#define SIM_MAX_LIST   64

enum sim_order { SIM_ORDER_2025, SIM_ORDER_2026, SIM_ORDER_ALTERNATE };
enum sim_gzip { SIM_GZIP_ON, SIM_GZIP_OFF, SIM_GZIP_ALWAYS };

struct sim_args {
    const char *listen[SIM_MAX_LISTEN];
    size_t n_listen;
    bool open;         /* beyond loopback */
    const char *state; /* NULL: nothing survives */
    /* time */
    const char *start; /* NULL: as the source wants it */
    int64_t start_ms;
    double speed;
    bool stopped;
    /* Keepa */
    const char *key;
    enum sim_order order;
    enum sim_gzip gzip;
    bool ranks_at_zero;
    int64_t rate;
    int64_t tokens; /* INT64_MIN: full */
    bool bucket_sim;
    /* products */
    const char *replay[SIM_MAX_LIST];
    size_t n_replay;
    int64_t generate;
    uint64_t seed;
    int64_t history_days;
    double churn;
    int64_t family;
    int64_t pad;
    int domains[12];
    size_t n_domains;
    /* Slack */
    const char *slack_token;
    const char *channels[SIM_MAX_LIST];
    size_t n_channels;
    const char *scopes;
    const char *webhook;
    double slack_rate;
    int64_t slack_burst;
    const char *faults[SIM_MAX_LIST];
    size_t n_faults;
};

enum sim_args_outcome { SIM_RUN, SIM_EXIT_OK, SIM_EXIT_USAGE };
/* Prints help or version on stdout, what is wrong on stderr. The texts are borrowed from argv. */
enum sim_args_outcome sim_args_parse(int argc, char **argv, struct sim_args *args);
