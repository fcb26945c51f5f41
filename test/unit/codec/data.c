/* Files and answers for the tests of codec. Whatever fails here fails the test. */
#include "data.h"

#include "badgewatch/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *slurp(const char *path, size_t *len)
{
    char block[65536];
    struct bw_buf b;
    size_t n;

    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    bw_buf_init(&b, 64u << 20);
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        assert_int_equal(bw_buf_add(&b, block, n), BW_OK);
    fclose(f);
    return bw_buf_take(&b, len);
}

char *data_read(const char *name, size_t *len)
{
    char *path = bw_asprintf("%s/test/data/keepa/%s", BW_SOURCE_DIR, name);
    char *text = slurp(path, len);

    free(path);
    assert_non_null(text);
    return text;
}

char *data_reference(const char *name, size_t *len)
{
    const char *root = getenv("BW_FIXTURES");
    char *path = root && root[0] ? bw_asprintf("%s/keepa/%s", root, name)
                                 : bw_asprintf("%s/../shared/fixtures/keepa/%s", BW_SOURCE_DIR, name);
    char *text = slurp(path, len);

    free(path);
    return text;
}

static enum bw_err keep(void *ctx, const char *json, size_t len, bool too_big)
{
    struct data_slices *s = ctx;

    assert_true(s->n < DATA_SLICES_MAX);
    s->at[s->n].json = bw_strndup(json, len);
    s->at[s->n].len = len;
    s->at[s->n++].too_big = too_big;
    return BW_OK;
}

void data_split(const char *body, size_t len, size_t chunk, struct data_slices *out)
{
    struct bw_keepa_envelope envelope;
    bool has_products;

    *out = (struct data_slices){0};
    struct bw_keepa_splitter *s = bw_keepa_splitter_new(8u << 20, keep, out);
    for (size_t i = 0; i < len;) {
        size_t n = chunk == 0 || chunk > len - i ? len - i : chunk;

        assert_int_equal(bw_keepa_splitter_feed(s, body + i, n), BW_OK);
        i += n;
    }
    assert_int_equal(bw_keepa_splitter_finish(s, &envelope, &has_products, NULL), BW_OK);
    assert_true(has_products);
    bw_keepa_splitter_free(s);
}

void data_slices_free(struct data_slices *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->at[i].json);
}
