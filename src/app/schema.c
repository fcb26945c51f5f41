/* Asks again every two seconds while the schema is not right: `badgewatch migrate` may run at any time. */
#include "schema.h"

#include "badgewatch/app/migrate.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 2000

struct bw_schema {
    struct bw_context *cx;
    void (*right)(void *ctx);
    void *ctx;
    struct bw_timer *timer;
    bool asking;
    bool stopping;
    char told[512];
};

static void on_checked(void *ctx, enum bw_err err, const char *message)
{
    struct bw_schema *s = ctx;
    s->asking = false;
    if (s->stopping)
        return;
    if (err == BW_OK) {
        s->told[0] = '\0';
        s->cx->schema_right = true;
        s->right(s->ctx);
        return;
    }
    if (strcmp(s->told, message) != 0)
        bw_log_error("postgres", "%s", message);
    snprintf(s->told, sizeof(s->told), "%s", message);
    bw_timer_start(s->timer, AGAIN_MS);
}

void bw_schema_verify(struct bw_schema *s)
{
    if (s->asking || s->stopping || !bw_pg_ready(s->cx->pg))
        return;
    s->asking = true;
    bw_migrate_check(s->cx->pg, on_checked, s);
}

static void on_timer(void *ctx)
{
    bw_schema_verify(ctx);
}

void bw_schema_lost(struct bw_schema *s)
{
    s->cx->schema_right = false;
}

struct bw_schema *bw_schema_new(struct bw_context *context, void (*right)(void *ctx), void *ctx)
{
    struct bw_schema *s = bw_alloc(sizeof(*s));
    s->cx = context;
    s->right = right;
    s->ctx = ctx;
    s->timer = bw_timer_new(context->loop, on_timer, s);
    return s;
}

void bw_schema_stop(struct bw_schema *s)
{
    s->stopping = true;
    bw_timer_stop(s->timer);
}

void bw_schema_free(struct bw_schema *s)
{
    if (!s)
        return;
    bw_timer_free(s->timer);
    free(s);
}
