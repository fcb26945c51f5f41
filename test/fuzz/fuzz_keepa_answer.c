/* A /product answer of any bytes, cut in chunks of any size: always the same outcome as in one piece. The first byte
 * of the input chooses the chunks. The products found go on to their decoder, and the whole to the other reader of
 * answers. */
#include "fuzz.h"

#include "badgewatch/codec/keepa.h"

#include <string.h>

#define MAX_PRODUCT 300 /* small, so that the cap is met often */

struct outcome {
    struct bw_buf products;
    enum bw_err err;
    struct bw_error error;
    struct bw_keepa_envelope envelope;
    bool has_products;
};

static enum bw_err keep(void *ctx, const char *json, size_t len, bool too_big)
{
    struct outcome *o = ctx;
    struct bw_product p;

    FUZZ_REQUIRE(len > 0 && len <= MAX_PRODUCT && (!too_big || len == MAX_PRODUCT));
    (void)bw_buf_add(&o->products, json, len);
    (void)bw_buf_addc(&o->products, too_big ? '!' : '|');
    if (bw_keepa_product_decode(json, len, 1, &p, NULL) == BW_OK)
        bw_product_fini(&p);
    return BW_OK;
}

static void run(const char *body, size_t len, size_t chunk, struct outcome *o)
{
    memset(o, 0, sizeof *o);
    bw_buf_init(&o->products, 4u << 20);
    struct bw_keepa_splitter *s = bw_keepa_splitter_new(MAX_PRODUCT, keep, o);
    for (size_t i = 0; i < len; i += chunk) {
        enum bw_err err = bw_keepa_splitter_feed(s, body + i, len - i < chunk ? len - i : chunk);

        FUZZ_REQUIRE(o->err == BW_OK || err == o->err);
        o->err = err;
    }
    enum bw_err end = bw_keepa_splitter_finish(s, &o->envelope, &o->has_products, &o->error);
    FUZZ_REQUIRE(o->err == BW_OK || end == o->err);
    o->err = end;
    bw_keepa_splitter_free(s);
}

static bool same_envelope(const struct bw_keepa_envelope *a, const struct bw_keepa_envelope *b)
{
    return a->timestamp_ms == b->timestamp_ms && a->has_tokens == b->has_tokens &&
           a->tokens_left == b->tokens_left && a->refill_in_ms == b->refill_in_ms &&
           a->refill_rate == b->refill_rate && a->token_flow_reduction == b->token_flow_reduction &&
           a->tokens_consumed == b->tokens_consumed && a->processing_ms == b->processing_ms &&
           a->has_error == b->has_error && strcmp(a->error_type, b->error_type) == 0 &&
           strcmp(a->error_message, b->error_message) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bw_category_name *names;
    struct outcome whole, cut;
    struct bw_keepa_envelope e;
    size_t n;

    if (size < 2)
        return 0;
    const char *body = (const char *)data + 1;
    run(body, size - 1, size, &whole);
    run(body, size - 1, data[0] % 37u + 1, &cut);
    FUZZ_REQUIRE(whole.err == cut.err && strcmp(whole.error.text, cut.error.text) == 0);
    FUZZ_REQUIRE(whole.products.len == cut.products.len);
    FUZZ_REQUIRE(memcmp(bw_buf_str(&whole.products), bw_buf_str(&cut.products), cut.products.len) == 0);
    FUZZ_REQUIRE(same_envelope(&whole.envelope, &cut.envelope));
    FUZZ_REQUIRE(whole.has_products == cut.has_products);
    bw_buf_fini(&whole.products);
    bw_buf_fini(&cut.products);
    if (bw_keepa_answer_decode(body, size - 1, &e, &names, &n, NULL) == BW_OK) {
        for (size_t i = 0; i < n; i++)
            FUZZ_REQUIRE(bw_utf8_valid(names[i].name, strlen(names[i].name)));
        bw_keepa_names_free(names, n);
    }
    return 0;
}
