/* Argument lists for Redis. Everything is copied into memory of its own: the client copies again into its output
 * buffer, which costs little next to the round trip and keeps ownership plain. */
#include "args.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bw_args_init(struct bw_args *a)
{
    *a = (struct bw_args){0};
}

static void free_value(const char *value)
{
    free((void *)(uintptr_t)value);
}

void bw_args_fini(struct bw_args *a)
{
    for (size_t i = 0; i < a->n; i++)
        free_value(a->values[i]);
    free((void *)a->values);
    free(a->lens);
    *a = (struct bw_args){0};
}

static void grow(struct bw_args *a)
{
    if (a->n < a->cap)
        return;
    a->cap = a->cap == 0 ? 32 : a->cap * 2;
    a->values = bw_realloc_array((void *)a->values, a->cap, sizeof(*a->values));
    a->lens = bw_realloc_array(a->lens, a->cap, sizeof(*a->lens));
}

void bw_args_add_bytes(struct bw_args *a, const char *data, size_t len)
{
    grow(a);
    a->values[a->n] = bw_strndup(data, len);
    a->lens[a->n] = len;
    a->n++;
}

void bw_args_add(struct bw_args *a, const char *text)
{
    if (!text)
        text = "";
    bw_args_add_bytes(a, text, strlen(text));
}

void bw_args_add_int(struct bw_args *a, int64_t value)
{
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)value);
    bw_args_add_bytes(a, text, (size_t)n);
}

void bw_args_field(struct bw_args *a, const char *name, const char *value)
{
    bw_args_add(a, name);
    bw_args_add(a, value);
}

void bw_args_field_int(struct bw_args *a, const char *name, int64_t value)
{
    bw_args_add(a, name);
    bw_args_add_int(a, value);
}

void bw_args_field_time(struct bw_args *a, const char *name, int64_t unix_s)
{
    char text[BW_TIME_TEXT] = "";
    if (unix_s != 0)
        bw_time_format(unix_s, text);
    bw_args_field(a, name, text);
}

size_t bw_args_begin(struct bw_args *a)
{
    bw_args_add(a, "");
    return a->n - 1;
}

void bw_args_end(struct bw_args *a, size_t begin)
{
    free_value(a->values[begin]);
    char *text = bw_asprintf("%zu", a->n - begin - 1);
    a->values[begin] = text;
    a->lens[begin] = strlen(text);
}
