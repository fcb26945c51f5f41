/* A database with the schema of db/, made by the code that `badgewatch migrate` runs. */
#pragma once

#include "fixture.h"

struct migrated {
    int calls;
    enum bw_err err;
    int applied;
    char message[1024];
};

void on_migrated(void *ctx, enum bw_err err, int applied, const char *message);
void on_schema(void *ctx, enum bw_err err, const char *message);
/* Waits for each; the result is in *m. */
void migrate(struct client *c, struct migrated *m);
void check_schema(struct client *c, struct migrated *m);
