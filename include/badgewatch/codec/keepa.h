/* Keepa answers to structs. Nothing here trusts its input: every function is a fuzz target.
 *
 * A /product answer is cut while it streams in: the splitter finds the extent of each object of "products" (any
 * member order, 2025 and 2026) and hands it over as the exact bytes that Keepa sent; all the rest, the envelope, is
 * small and kept (at most 64 KB). A product is then decoded by a bounds-checked cursor that walks salesRanks, csv
 * and monthlySoldHistory itself and gives json-c only the small members. */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/core/product.h"

struct bw_keepa_envelope {
    int64_t timestamp_ms; /* 0 = absent */
    bool has_tokens;      /* the bucket fields are there and not all zero */
    int64_t tokens_left;
    int64_t refill_in_ms;
    int64_t refill_rate;
    double token_flow_reduction;
    int64_t tokens_consumed;
    int64_t processing_ms;
    bool has_error;
    char error_type[64];
    char error_message[256];
};

struct bw_keepa_splitter;
/* One product object: bytes borrowed for the call. too_big: it passed max_product, `len` bytes of its beginning are
 * given (for its asin) and the rest is skipped. An element that is no object (null) is handed over too, so that it is
 * counted: decoding it fails. An error returned here ends the feed with it. */
typedef enum bw_err (*bw_keepa_product_cb)(void *ctx, const char *json, size_t len, bool too_big);

struct bw_keepa_splitter *bw_keepa_splitter_new(size_t max_product, bw_keepa_product_cb cb, void *ctx);
void bw_keepa_splitter_free(struct bw_keepa_splitter *s);
/* From within the callback, at most once: the product just handed over as a text of the caller's. Where it lies in the
 * splitter's own memory that is given away, else the bytes are copied. */
char *bw_keepa_splitter_take(struct bw_keepa_splitter *s, const char *json, size_t len) BW_MUSTCHECK;
/* BW_ERR_SYNTAX: not JSON (also an HTML page); BW_ERR_TOO_BIG: envelope over its cap. After an error, all
 * further calls return it. */
enum bw_err bw_keepa_splitter_feed(struct bw_keepa_splitter *s, const char *data, size_t len) BW_MUSTCHECK;
/* At the end of the body. BW_ERR_SYNTAX: truncated or trailing bytes; the text shows how the body begins. Products
 * handed over before an error are whole, yet the answer as such is not to be trusted. has_products: a "products" array
 * was there. */
enum bw_err bw_keepa_splitter_finish(struct bw_keepa_splitter *s, struct bw_keepa_envelope *envelope,
                                     bool *has_products, struct bw_error *error) BW_MUSTCHECK;

/* Decodes one product object. Always gives a product: where it cannot be used, product->unknown says so. BW_ERR_*
 * only when not even domain and asin could be read: then *product is empty and needs no fini. expected_domain is used
 * where domainId is absent. */
enum bw_err bw_keepa_product_decode(const char *json, size_t len, int expected_domain,
                                    struct bw_product *product, struct bw_error *error) BW_MUSTCHECK;

/* An answer of another endpoint (/token, /category), or an error body: whole text. names: categories and
 * categoryParents of a /category answer (array and names to be freed by bw_keepa_names_free); may be NULL. */
enum bw_err bw_keepa_answer_decode(const char *json, size_t len, struct bw_keepa_envelope *envelope,
                                   struct bw_category_name **names, size_t *n_names,
                                   struct bw_error *error) BW_MUSTCHECK;
void bw_keepa_names_free(struct bw_category_name *names, size_t n);

/* The product's bytes as what the database can keep in a json column: as they are if they are JSON in valid UTF-8; else
 * mended (U+FFFD for each bad sequence), and if they are no JSON even then, as one JSON string. True if they had to be
 * changed: *out holds the text then; else *out stays empty and the bytes are the text. */
bool bw_keepa_raw_mend(const char *json, size_t len, struct bw_buf *out);

/* True if the bytes are valid UTF-8 and hold no NUL. Otherwise, bw_utf8_mend appends a copy in which each bad
 * sequence is U+FFFD. */
bool bw_utf8_valid(const char *s, size_t len);
size_t bw_utf8_length(const char *s, size_t len); /* in characters, of valid UTF-8 */
void bw_utf8_mend(const char *s, size_t len, struct bw_buf *out);
