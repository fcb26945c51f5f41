/* Whether Postgres has the schema of this version. The daemon has no right to change it: it says what to do and looks
 * again until somebody ran `badgewatch migrate`. */
#pragma once

#include "context.h"

struct bw_schema;

struct bw_schema *bw_schema_new(struct bw_context *context, void (*right)(void *ctx), void *ctx);
void bw_schema_verify(
    struct bw_schema *s); /* Postgres is connected; right(ctx) follows once the schema is right,
                                                and context->schema_right says so */
void bw_schema_lost(struct bw_schema *s); /* Postgres is gone */
void bw_schema_stop(struct bw_schema *s);
void bw_schema_free(struct bw_schema *s);
