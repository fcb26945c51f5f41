/* Captured Keepa answers, served as they were at an earlier moment: each series is cut at the simulated time.
 *
 * A capture is an answer ({"products": [...]}), one product object, or an array of them; plain or gzip. Members
 * that are not series are given as captured; "stats" and "offers" are left out, since they tell the future. */
#pragma once

#include "badgewatch/base/err.h"
#include "view.h"

struct sim_rank_series {
    int64_t category_id;
    struct sim_series points;
};

struct sim_capture {
    struct json_object *object;
    int domain;
    char asin[11];
    struct sim_rank_series *ranks; /* salesRanks in the captured order */
    size_t n_ranks;
};

#define SIM_CAPTURE_MAX_FILE (512 << 20)

/* Appends the captures of a file, or of each *.json and *.json.gz of a folder in name order. */
enum bw_err sim_replay_load(const char *path, struct sim_capture **captures, size_t *n,
                            struct bw_error *error) BW_MUSTCHECK;
void sim_replay_free(struct sim_capture *captures, size_t n);
/* The product at the view's moment; a new reference. */
struct json_object *sim_replay_product(const struct sim_capture *c, const struct sim_view *view);
/* First rank point of all captures; INT64_MAX if there is none. */
int64_t sim_replay_first_minute(const struct sim_capture *captures, size_t n);
/* Name from the captured categoryTree; NULL if it is not there. *parent is the id above, 0 for a root. */
const char *sim_replay_category(const struct sim_capture *c, int64_t id, int64_t *parent);
