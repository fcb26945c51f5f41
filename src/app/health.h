/* System messages: a part that fails for more than two health checks (BADGEWATCH_HEALTH_EVERY), and its recovery; once each,
 * however many daemons see it, never repeated while nothing changes.
 *
 * Happy way: each check asks every part for its reason (the same that /readyz shows: from real traffic; Slack is asked with
 * auth.test where there was none) -> core/health.h -> a note in bw:outbox. Failing: while Redis is the failing part there is
 * no queue; the message goes to Slack directly, and Postgres, if it is there, sees to it that one daemon sends it. While
 * Slack is the failing part nobody can be told; it is said when it is back. */
#pragma once

#include "context.h"

struct bw_health_watch;

struct bw_health_port {
    const char *(*reason)(void *ctx, enum bw_part part); /* "" = it works */
    void (*probe)(void *ctx);                            /* ask Slack, if it was not asked for long */
    void (*queued)(void *ctx);
    void *ctx;
};

struct bw_health_watch *bw_health_watch_new(struct bw_context *context, const struct bw_health_port *port);
void bw_health_watch_start(struct bw_health_watch *h);
void bw_health_watch_stop(struct bw_health_watch *h);
bool bw_health_watch_quiet(const struct bw_health_watch *h);
void bw_health_watch_free(struct bw_health_watch *h); /* nothing may be under way */
