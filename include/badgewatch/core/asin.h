/* A product's name: "B0D8W1YVBX" (domain 1) or "3:B0D8W1YVBX". */
#pragma once

#include "badgewatch/base/err.h"

#include <stdbool.h>

#define BW_ASIN_LEN     10
#define BW_PRODUCT_TEXT 16 /* "12:B0D8W1YVBX" and a NUL fit */

struct bw_product_key {
    int domain; /* Keepa domain id: 1 com, 2 co.uk, 3 de, 4 fr, 5 co.jp, 6 ca, 8 it, 9 es, 10 in, 11 com.mx, 12 com.br */
    char asin[BW_ASIN_LEN + 1]; /* ten of A-Z0-9 */
};

bool bw_asin_valid(const char *text, size_t len);
bool bw_domain_valid(int domain);
/* "amazon.co.uk", or NULL for an invalid domain. */
const char *bw_domain_host(int domain);
/* "usd", "gbp", "jpy" ... upper case ISO 4217; NULL for an invalid domain. */
const char *bw_domain_currency(int domain);
/* Accepts both forms, no blanks, upper case only. The error says what was expected. */
enum bw_err bw_product_key_parse(const char *text, struct bw_product_key *out,
                                 struct bw_error *error) BW_MUSTCHECK;
/* Always with the domain: "1:B0D8W1YVBX", as in Redis. */
void bw_product_key_format(const struct bw_product_key *key, char out[BW_PRODUCT_TEXT]);
int bw_product_key_compare(const struct bw_product_key *a, const struct bw_product_key *b);
