/* Recorded answers for the tests of codec: our own in test/data/keepa, and reference captures outside the repository,
 * which may be absent. */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/codec/keepa.h"

/* The bytes of a file below test/data/keepa; fails the test if it cannot be read. To be freed. */
char *data_read(const char *name, size_t *len);
/* The bytes of a reference capture, or NULL. To be freed. */
char *data_reference(const char *name, size_t *len);

#define DATA_SLICES_MAX 16

/* The products of an answer, in order. */
struct data_slices {
    struct {
        char *json;
        size_t len;
        bool too_big;
    } at[DATA_SLICES_MAX];
    size_t n;
};
/* Splits the whole body in chunks of that size (0: in one piece); fails the test on an error. */
void data_split(const char *body, size_t len, size_t chunk, struct data_slices *out);
void data_slices_free(struct data_slices *s);
