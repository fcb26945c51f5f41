/* Leases that this daemon holds and must give back. What cannot be given back at once (Redis is away) is kept and
 * given back when it returns; after kill -9 the lease runs out, or another daemon sees that its owner is dead. */
#pragma once

#include "batch.h"
#include "context.h"

struct bw_leases;

#define BW_LEASE_MS     240000 /* longer than a request and its staging may take */
#define BW_ALIVE_MS     10000  /* a daemon that has not said so for this long is dead */
#define BW_HEARTBEAT_MS 3000

struct bw_leases *bw_leases_new(const struct bw_context *context);
void bw_leases_release(struct bw_leases *l, const struct bw_member *members, size_t n);
void bw_leases_flush(struct bw_leases *l);    /* Redis is ready: send what was kept */
void bw_leases_alive(struct bw_leases *l);    /* says that this daemon lives */
void bw_leases_farewell(struct bw_leases *l); /* it ends: others need not wait */
void bw_leases_free(struct bw_leases *l);
