/* Simulated time: an anchor (real, simulated) and a speed. Pure: the real time is an argument, in milliseconds of
 * a monotonic clock, so that a step of the machine's clock does not reach the simulation.
 *
 * Keepa time is minutes since 2011-01-01T00:00Z; Keepa writes its points at even minutes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define SIM_KEEPA_EPOCH_MIN 21564000

struct sim_clock {
    int64_t anchor_real_ms;
    int64_t anchor_sim_ms; /* unix milliseconds */
    double speed;          /* simulated seconds per real second, >= 0 */
    bool stopped;
    int64_t start_sim_ms; /* where this simulation began; survives restarts */
};

void sim_clock_init(struct sim_clock *c, int64_t real_ms, int64_t start_sim_ms, double speed, bool stopped);
int64_t sim_clock_now(const struct sim_clock *c, int64_t real_ms); /* unix milliseconds */
void sim_clock_set(struct sim_clock *c, int64_t real_ms, int64_t sim_ms);
void sim_clock_advance(struct sim_clock *c, int64_t real_ms, int64_t by_ms);
void sim_clock_speed(struct sim_clock *c, int64_t real_ms, double speed);
void sim_clock_stop(struct sim_clock *c, int64_t real_ms, bool stopped);

int64_t sim_minute_of_ms(int64_t unix_ms);      /* Keepa minute that contains it */
int64_t sim_even_minute_of_ms(int64_t unix_ms); /* newest even minute not after it */
int64_t sim_ms_of_minute(int64_t minute);
/* IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT". */
void sim_http_date(int64_t unix_ms, char out[32]);
