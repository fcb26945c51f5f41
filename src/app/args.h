/* Growing list of arguments of one Redis command or script. Texts are copied, but for those lent;
 * lengths are kept, so that raw bytes travel as they are. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct bw_args {
    const char **values;
    size_t *lens;
    size_t n;
    size_t cap;
    struct bw_args_block *block; /* the newest */
};

void bw_args_init(struct bw_args *a);
void bw_args_fini(struct bw_args *a);
void bw_args_clear(struct bw_args *a);                 /* empty, and most of its memory kept */
void bw_args_add(struct bw_args *a, const char *text); /* NULL adds "" */
void bw_args_add_bytes(struct bw_args *a, const char *data, size_t len);
void bw_args_lend(struct bw_args *a, const char *data, size_t len); /* must outlive the list */
void bw_args_add_int(struct bw_args *a, int64_t value);
/* A field and its value, for HSET and XADD lists. */
void bw_args_field(struct bw_args *a, const char *name, const char *value);
void bw_args_field_int(struct bw_args *a, const char *name, int64_t value);
void bw_args_field_time(struct bw_args *a, const char *name, int64_t unix_s); /* RFC 3339; "" for 0 */
/* The scripts take lists as "n, value...": begin reserves the place of n, end fills it. */
size_t bw_args_begin(struct bw_args *a);
void bw_args_end(struct bw_args *a, size_t begin);
