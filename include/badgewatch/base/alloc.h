/* Allocation that cannot fail: out of memory prints one line and aborts (see doc: HOUSE manners). */
#pragma once

#include <stddef.h>

void *bw_alloc(size_t size);                 /* zeroed; size 0 gives a valid pointer */
void *bw_alloc_array(size_t n, size_t size); /* zeroed; aborts on overflow */
void *bw_realloc_array(void *p, size_t n, size_t size);
char *bw_strdup(const char *s);            /* NULL gives NULL */
char *bw_strndup(const char *s, size_t n); /* always NUL-terminated; copies embedded NULs as they are */
char *bw_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
