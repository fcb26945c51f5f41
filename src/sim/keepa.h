/* Keepa's side: /product, /token, /category. */
#pragma once

#include "sim.h"

bool sim_keepa_serves(const char *path);
void sim_keepa_handle(struct sim *sim, const struct sim_request *request, struct sim_response *response);

/* One answer while it is made. */
struct sim_keepa_call {
    struct sim *sim;
    const struct sim_request *request;
    struct sim_response *response;
    const struct sim_fault *fault; /* of the request, or NULL */
    int64_t now_ms;                /* simulated */
    int64_t consumed;              /* tokens */
    bool no_bucket;                /* the key is not accepted: all token fields are 0 */
    const char *error_type;        /* NULL: none */
    const char *error_message;
    const char *payload_key; /* NULL: none */
    char *payload;           /* JSON text, owned */
};

/* The error of a request that is not understood: 400, nothing charged. */
void sim_keepa_invalid(struct sim_keepa_call *call, const char *what);
/* Fills payload, consumed and, for bad parameters, the error (keepa_product.c). */
void sim_keepa_product(struct sim_keepa_call *call);
