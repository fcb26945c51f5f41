/* One HTTP request and what is to be answered, between the HTTP edge (http.c) and the services. */
#pragma once

#include "badgewatch/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_MAX_REQUEST_BODY (1 << 20)
#define SIM_MAX_ARGS         64
#define SIM_MAX_HEADERS      8

struct sim_pair {
    char *name;
    char *value;
};

struct sim_request {
    char *method;
    char *path;                         /* without trailing slash, but "/" itself */
    struct sim_pair args[SIM_MAX_ARGS]; /* of the query, decoded; more than fit are left out */
    size_t n_args;
    char *authorization; /* or NULL */
    char *content_type;  /* or NULL */
    bool accept_gzip;
    struct bw_buf body;
};

void sim_request_init(struct sim_request *r, const char *method, const char *path);
void sim_request_fini(struct sim_request *r);
void sim_request_add_arg(struct sim_request *r, const char *name, const char *value);
const char *sim_request_arg(const struct sim_request *r, const char *name); /* NULL: not there */
/* An integer argument; otherwise when absent. False if it is there and no integer. */
bool sim_request_int(const struct sim_request *r, const char *name, int64_t otherwise, int64_t *out);

enum sim_delivery {
    SIM_SEND,      /* the answer as it is */
    SIM_CLOSE,     /* no answer: the connection is closed */
    SIM_RESET,     /* half of the answer, then RST */
    SIM_DRIP,      /* a few bytes at a time */
    SIM_TRUNCATE,  /* half of the gzip body as if it were whole */
    SIM_SEND_HUGE, /* the body with filler put in while it is sent */
};

struct sim_response {
    int status;
    struct bw_buf body;
    const char *content_type; /* static text */
    struct {
        char name[40];
        char value[160];
    } headers[SIM_MAX_HEADERS];
    size_t n_headers;
    int64_t date_ms; /* of the Date header */
    bool gzip;
    enum sim_delivery delivery;
    int64_t delay_ms; /* before the headers */
    int64_t drip_ms;
    size_t drip_bytes;
    size_t fill_at;     /* SIM_SEND_HUGE: offset in body */
    int64_t fill_bytes; /* at least */
    bool fill_one;      /* one giant member instead of many products */
    int64_t refuse_ms;  /* > 0: close the listeners for so long */
    int refuse_port;    /* 0: all */
};

void sim_response_init(struct sim_response *r);
void sim_response_fini(struct sim_response *r);
void sim_response_header(struct sim_response *r, const char *name, const char *value);
/* Replaces body and type. */
void sim_response_text(struct sim_response *r, int status, const char *content_type, const char *text);
