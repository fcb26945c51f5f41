/* What survives a restart of the simulator: the simulated time, the bucket, the totals. Messages have a file of
 * their own beside it (channel.h). Written to a new file that then takes the place of the old one. */
#pragma once

#include "sim.h"

struct sim_saved {
    bool found;
    int64_t sim_ms;
    int64_t start_ms;
    int64_t bucket_left;
    int64_t saved_real_ms; /* wall clock */
    int64_t keepa_requests;
    int64_t tokens_charged;
};

/* No file is no error: found stays false. */
enum bw_err sim_state_load(const char *path, struct sim_saved *out, struct bw_error *error) BW_MUSTCHECK;
/* Does nothing without --state. A failure is logged. */
void sim_state_save(const struct sim *sim);
