/* Keepa's token bucket: capacity rate*60, one lump of `rate` tokens at each tick of about a minute, requests run
 * while the balance is positive and may drive it below zero. Pure: the time is an argument (real or simulated). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Ticks measured on the live service lie 60.2 s apart. */
#define SIM_BUCKET_TICK_MS 60200

struct sim_bucket {
    int64_t rate; /* tokens per tick, shown as refillRate */
    int64_t left;
    int64_t next_tick_ms;
};

/* left < 0 at init is allowed; INT64_MIN stands for full. */
void sim_bucket_init(struct sim_bucket *b, int64_t now_ms, int64_t rate, int64_t left);
int64_t sim_bucket_capacity(const struct sim_bucket *b);
/* Pays out the ticks that have passed. A clock that went back restarts the tick. */
void sim_bucket_refill(struct sim_bucket *b, int64_t now_ms);
bool sim_bucket_may_run(const struct sim_bucket *b); /* balance above zero */
void sim_bucket_charge(struct sim_bucket *b, int64_t tokens);
int64_t sim_bucket_refill_in(const struct sim_bucket *b, int64_t now_ms); /* 0..SIM_BUCKET_TICK_MS */
