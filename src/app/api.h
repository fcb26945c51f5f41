/* The status port's answers: metrics, health, JSON API and the page (CONTRACT 8). Reads counters and Redis (changes:
 * Postgres); never waits, never holds up the rest. */
#pragma once

#include "badgewatch/status/status.h"
#include "context.h"
#include "guard.h"
#include "housekeeping.h"
#include "keepa.h"

struct bw_api;

struct bw_api_parts {
    const struct bw_keepa *keepa;
    const struct bw_housekeeping *housekeeping;
    const char *(*slack_reason)(void *ctx);  /* "" = messages are accepted */
    const char *(*writer_reason)(void *ctx); /* "" = Postgres takes what is written */
    const char *(*checks_reason)(void *ctx); /* "" = checks go on */
    bool (*synced)(void *ctx);
    const struct bw_guard *guard;
    void *ctx;
};

struct bw_api *bw_api_new(struct bw_context *context, const struct bw_api_parts *parts);
/* Why a part does not work; "" = it does. */
const char *bw_api_reason(const struct bw_api *api, enum bw_part part);
void bw_api_handle(void *ctx, struct bw_exchange *exchange, const char *path);
void bw_api_free(struct bw_api *api);
