/* What goes wrong on purpose. A fault has a target, a kind, and either a count or a probability.
 *
 * Request faults replace or damage one answer; the oldest one that fires wins. Product faults change products
 * inside an answer; all that fire apply, oldest first. A fault is used up when it has changed something. */
#pragma once

#include "badgewatch/base/err.h"
#include "json.h"
#include "rng.h"

enum sim_target { SIM_KEEPA, SIM_CATEGORY, SIM_SLACK };

enum sim_fault_kind {
    /* request faults */
    SIM_F_STATUS,
    SIM_F_HTML,
    SIM_F_TRUNCATED_GZIP,
    SIM_F_RST,
    SIM_F_STALL,
    SIM_F_DRIP,
    SIM_F_CLOSE,
    SIM_F_ERROR,
    SIM_F_NO_PRODUCTS,
    SIM_F_HUGE,
    SIM_F_REFUSE,
    SIM_F_SHUFFLE,
    /* product faults */
    SIM_F_OMIT,
    SIM_F_STUB,
    SIM_F_INACCESSIBLE,
    SIM_F_NO_RANKS,
    SIM_F_NO_CATEGORY,
    SIM_F_UNRANKED,
    SIM_F_WRONG_TYPES,
    SIM_F_DUPLICATE,
    SIM_F_BAD_UTF8,
    SIM_F_STALE,
    SIM_F_KINDS
};

struct sim_fault {
    int64_t id;
    enum sim_target target;
    enum sim_fault_kind kind;
    int64_t count; /* firings left; -1 without end */
    double probability;
    int64_t fired;
    char asin[11];    /* product faults: only this one; "" all */
    int64_t k;        /* product faults: only the first k of an answer; 0 all */
    int64_t category; /* no-category, unranked: only this one; 0 all */
    int64_t status;
    int64_t retry_after; /* seconds; -1 no header */
    int64_t ms;          /* stall, drip, refuse */
    int64_t bytes;       /* drip: a piece; huge: filler */
    int64_t age_s;       /* stale */
    int64_t port;        /* refuse; 0 all */
    bool one;            /* huge: in one product */
    bool posted;         /* the request is carried out (charged, posted) all the same */
    char error[64];      /* error: the code or type */
    char method[48];     /* slack: which one; "any" */
};

#define SIM_MAX_FAULTS 256

struct sim_faults {
    struct sim_fault list[SIM_MAX_FAULTS];
    size_t n;
    int64_t last_id;
    struct sim_rng rng;
};

const char *sim_fault_name(enum sim_fault_kind kind);
/* One object; see the help text for its members. BW_ERR_INVALID names what was expected. */
enum bw_err sim_faults_add(struct sim_faults *f, struct json_object *spec,
                           struct bw_error *error) BW_MUSTCHECK;
/* "target:kind[,member=value]..." of the command line. */
enum bw_err sim_faults_add_text(struct sim_faults *f, const char *spec, struct bw_error *error) BW_MUSTCHECK;
/* id 0: all. False if there is none with that id. */
bool sim_faults_remove(struct sim_faults *f, int64_t id);
struct json_object *sim_faults_json(const struct sim_faults *f);

/* The request fault that fires now, already counted; NULL for none. method: Slack's, else NULL. */
const struct sim_fault *sim_faults_request(struct sim_faults *f, enum sim_target target, const char *method);
bool sim_fault_is_product(const struct sim_fault *fault);
/* Whether a product fault fires in this answer: count and probability. It is not counted yet. */
bool sim_fault_draws(struct sim_faults *f, const struct sim_fault *fault);
void sim_fault_count(struct sim_fault *fault);
