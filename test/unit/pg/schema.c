/* See schema.h. */
#include "schema.h"

#include "badgewatch/app/migrate.h"

#include <stdio.h>

void on_migrated(void *ctx, enum bw_err err, int applied, const char *message)
{
    struct migrated *m = ctx;
    m->calls++;
    m->err = err;
    m->applied = applied;
    snprintf(m->message, sizeof(m->message), "%s", message);
}

void on_schema(void *ctx, enum bw_err err, const char *message)
{
    on_migrated(ctx, err, 0, message);
}

void migrate(struct client *c, struct migrated *m)
{
    *m = (struct migrated){0};
    bw_migrate_start(c->pg, on_migrated, m);
    assert_int_equal(m->calls, 0);
    LOOP_RUN_UNTIL(c->loop, m->calls > 0, 30000);
}

void check_schema(struct client *c, struct migrated *m)
{
    *m = (struct migrated){0};
    bw_migrate_check(c->pg, on_schema, m);
    assert_int_equal(m->calls, 0);
    LOOP_RUN_UNTIL(c->loop, m->calls > 0, WAIT_MS);
}
