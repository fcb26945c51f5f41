/* Hashes for values that must be a function of (seed, who, when), and a generator for the order of faults.
 *
 * splitmix64 is used for both: a hash is one step of it over the folded arguments, so a value never depends on
 * how many questions were asked before. */
#pragma once

#include <stdint.h>

static inline uint64_t sim_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

static inline uint64_t sim_hash(uint64_t seed, uint64_t a, uint64_t b, uint64_t c)
{
    return sim_mix(sim_mix(sim_mix(sim_mix(seed) ^ a) ^ b) ^ c);
}

struct sim_rng {
    uint64_t state;
};

static inline uint64_t sim_rng_next(struct sim_rng *r)
{
    r->state += 0x9e3779b97f4a7c15U;
    return sim_mix(r->state);
}

/* In [0, 1). */
static inline double sim_rng_unit(struct sim_rng *r)
{
    return (double)(sim_rng_next(r) >> 11) * (1.0 / 9007199254740992.0);
}
