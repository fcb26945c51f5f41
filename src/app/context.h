/* What each part of the daemon is given: the clients, the settings and the counters. Borrowed by all parts; the
 * daemon (daemon.c) owns it and outlives them. */
#pragma once

#include "badgewatch/app/keys.h"
#include "badgewatch/base/metrics.h"
#include "badgewatch/conf/conf.h"
#include "badgewatch/http/http.h"
#include "badgewatch/loop/loop.h"
#include "badgewatch/pg/pg.h"
#include "badgewatch/redis/redis.h"
#include "counters.h"

/* That messages were sent of which Postgres may know nothing: an older Redis must not make this daemon forget it. */
struct bw_unconfirmed {
    int64_t since_ms;    /* wall clock, the first of them; 0 = none */
    char generation[80]; /* of Redis, when it last knew of them too (keys.h) */
};

struct bw_context {
    struct bw_loop *loop;
    const struct bw_conf *conf;
    struct bw_redis *redis;
    struct bw_pg *pg;
    struct bw_http *http;
    struct bw_keys keys;
    struct bw_counters counters;
    char id[64];                /* of this daemon: host-pid-random; consumer name and owner of leases */
    struct bw_history *history; /* entries on their way to the stream (history.h) */
    size_t staging;             /* checks between answer and Redis; history waits for them (writer.c) */
    struct bw_wall due_told;    /* what the server's clock said (due_clock.h) */
    struct bw_mono due_told_at; /* and when; 0 = not yet */
    size_t
        asking; /* requests to Keepa whose answers are not staged yet: more changes may come (notifier.c) */
    bool source_ill; /* Keepa's data, as Redis said last (guard.h) */
    struct bw_unconfirmed unconfirmed;
    char awaits_restart[512]; /* names of settings that a reload could not put into force; "" = none */
    bool schema_right;        /* Postgres has the schema of this version (schema.h) */
};

/* Postgres may be used: connected, and with the right schema. */
static inline bool bw_postgres_usable(const struct bw_context *cx)
{
    return cx->schema_right && bw_pg_ready(cx->pg);
}
