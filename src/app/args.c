/* Argument lists for Redis. Texts are copied into blocks that never move, so that a list costs a few allocations and not
 * two for each argument. */
#include "args.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/buf.h"
#include "badgewatch/base/clock.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK ((size_t)8 << 10)
#define BLOCK_MAX                                                                                            \
    ((size_t)64 << 10) /* each is twice as large as the one before; a longer text gets one of its own */

struct bw_args_block {
    struct bw_args_block *before;
    size_t size, left;
    char bytes[];
};

void bw_args_init(struct bw_args *a)
{
    *a = (struct bw_args){0};
}

void bw_args_fini(struct bw_args *a)
{
    while (a->block) {
        struct bw_args_block *block = a->block;
        a->block = block->before;
        free(block);
    }
    free((void *)a->values);
    free(a->lens);
    *a = (struct bw_args){0};
}

void bw_args_clear(struct bw_args *a)
{
    while (a->block && a->block->before) { /* the newest is the largest, or held a text of its own */
        struct bw_args_block *before = a->block->before;
        a->block->before = before->before;
        free(before);
    }
    if (a->block && a->block->size > BLOCK_MAX) {
        free(a->block);
        a->block = NULL;
    } else if (a->block) {
        a->block->left = a->block->size;
    }
    a->n = 0;
}

static void grow(struct bw_args *a)
{
    if (a->n < a->cap)
        return;
    a->cap = a->cap == 0 ? 128 : a->cap * 2;
    a->values = bw_realloc_array((void *)a->values, a->cap, sizeof(*a->values));
    a->lens = bw_realloc_array(a->lens, a->cap, sizeof(*a->lens));
}

static char *room(struct bw_args *a, size_t len)
{
    if (!a->block || a->block->left < len) {
        size_t size = !a->block ? BLOCK : a->block->size < BLOCK_MAX ? a->block->size * 2 : BLOCK_MAX;
        size = len > size ? len : size;
        struct bw_args_block *block = bw_realloc_array(NULL, sizeof(*block) + size, 1);
        block->before = a->block;
        block->size = block->left = size;
        a->block = block;
    }
    a->block->left -= len;
    return a->block->bytes + a->block->left; /* from its end: the size of the block need not be known */
}

void bw_args_lend(struct bw_args *a, const char *data, size_t len)
{
    grow(a);
    a->values[a->n] = data;
    a->lens[a->n] = len;
    a->n++;
}

void bw_args_add_bytes(struct bw_args *a, const char *data, size_t len)
{
    char *copy = room(a, len + 1);
    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    bw_args_lend(a, copy, len);
}

void bw_args_add(struct bw_args *a, const char *text)
{
    if (!text)
        text = "";
    bw_args_add_bytes(a, text, strlen(text));
}

void bw_args_add_int(struct bw_args *a, int64_t value)
{
    char text[BW_INT_TEXT];
    bw_args_add_bytes(a, text, bw_int_format(value, text));
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
    char text[BW_INT_TEXT];
    size_t len = bw_int_format((int64_t)(a->n - begin - 1), text);
    a->values[begin] = memcpy(room(a, len + 1), text, len + 1);
    a->lens[begin] = len;
}
