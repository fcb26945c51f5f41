/* A product of any bytes. Whatever the decoder gives keeps the promises of core/product.h, and if json-c cannot read
 * the text (mended to UTF-8), no rank of it is believed. */
#include "fuzz.h"

#include "badgewatch/codec/json.h"
#include "badgewatch/codec/keepa.h"

#include <string.h>

static void require_series(const struct bw_series *s, bool ranks)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct bw_point *p = &s->points[i];

        FUZZ_REQUIRE(p->at >= bw_keepa_time(0) && p->at <= bw_keepa_time(INT32_MAX));
        FUZZ_REQUIRE(i == 0 || p->at > s->points[i - 1].at);
        FUZZ_REQUIRE(p->value <= INT32_MAX && p->value >= -INT32_MAX);
        FUZZ_REQUIRE(!ranks || p->value >= 1 || p->value == BW_UNRANKED);
    }
}

static void require_text(const char *text)
{
    FUZZ_REQUIRE(!text || bw_utf8_valid(text, strlen(text)));
}

static void require_product(const struct bw_product *p)
{
    FUZZ_REQUIRE(bw_asin_valid(p->key.asin, strlen(p->key.asin)) && bw_domain_valid(p->key.domain));
    FUZZ_REQUIRE((p->unknown == BW_KNOWN) == (p->n_ranks > 0));
    for (size_t i = 0; i < p->n_ranks; i++) {
        FUZZ_REQUIRE(p->ranks[i].category_id > (i ? p->ranks[i - 1].category_id : 0) &&
                     p->ranks[i].series.n > 0);
        require_series(&p->ranks[i].series, true);
    }
    for (size_t i = 0; i < BW_VALUE_KINDS; i++)
        require_series(&p->values[i], false);
    for (size_t i = 0; i < p->n_tree; i++) {
        FUZZ_REQUIRE(p->tree[i].category_id > 0 && p->tree[i].name);
        require_text(p->tree[i].name);
    }
    require_text(p->title);
    require_text(p->brand);
    FUZZ_REQUIRE(!p->parent_asin || bw_asin_valid(p->parent_asin, strlen(p->parent_asin)));
    FUZZ_REQUIRE(memchr(p->detail, 0, sizeof p->detail));
    FUZZ_REQUIRE(p->current_price >= -1 && p->rating >= -1 && p->review_count >= -1 && p->monthly_sold >= -1);
}

/* The strict reader refuses more (doubled names anywhere, deep nesting), but never less: what it takes, the decoder
 * takes as JSON too. */
static void require_agreement(const char *json, size_t len, const struct bw_product *p)
{
    struct bw_json_doc *doc;
    struct bw_buf mended;

    bw_buf_init(&mended, 16u << 20);
    bw_utf8_mend(json, len, &mended);
    if (bw_json_parse(bw_buf_str(&mended), mended.len, &doc, NULL) == BW_OK) {
        FUZZ_REQUIRE(strncmp(p->detail, "not JSON", 8) != 0);
        bw_json_free(doc);
    }
    bw_buf_fini(&mended);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bw_product p;
    struct bw_error error = {0};

    enum bw_err err = bw_keepa_product_decode((const char *)data, size, 1, &p, &error);
    if (err) {
        FUZZ_REQUIRE((err == BW_ERR_SYNTAX || err == BW_ERR_INVALID) && error.text[0]);
        return 0;
    }
    require_product(&p);
    if (!memchr(data, 0, size)) /* mending would make a NUL between tokens something else */
        require_agreement((const char *)data, size, &p);
    bw_product_fini(&p);
    return 0;
}
