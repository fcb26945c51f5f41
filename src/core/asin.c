/* Names of products. Happy way: "3:B0D8W1YVBX" to a key and back. How it fails: a text that is neither form gives
 * BW_ERR_INVALID with what was expected; nothing is corrected silently, a typing error must not track a stranger. */
#include "badgewatch/core/asin.h"

#include "badgewatch/base/buf.h"

#include <string.h>

struct domain {
    const char *host;
    const char *currency;
};

/* Index = Keepa's domain id; 7 (cn) is reserved and no longer served. */
static const struct domain domains[] = {
    {NULL, NULL},
    {"amazon.com", "USD"},
    {"amazon.co.uk", "GBP"},
    {"amazon.de", "EUR"},
    {"amazon.fr", "EUR"},
    {"amazon.co.jp", "JPY"},
    {"amazon.ca", "CAD"},
    {NULL, NULL},
    {"amazon.it", "EUR"},
    {"amazon.es", "EUR"},
    {"amazon.in", "INR"},
    {"amazon.com.mx", "MXN"},
    {"amazon.com.br", "BRL"},
};
#define DOMAINS ((int)(sizeof(domains) / sizeof(domains[0])))

bool bw_asin_valid(const char *text, size_t len)
{
    if (len != BW_ASIN_LEN)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
            return false;
    }
    return true;
}

bool bw_domain_valid(int domain)
{
    return bw_domain_host(domain) != NULL;
}

const char *bw_domain_host(int domain)
{
    return domain > 0 && domain < DOMAINS ? domains[domain].host : NULL;
}

const char *bw_domain_currency(int domain)
{
    return domain > 0 && domain < DOMAINS ? domains[domain].currency : NULL;
}

/* "3" of "3:...": one or two digits without a leading zero; 0 if it is none. */
static int domain_of(const char *text, size_t len)
{
    int domain = 0;
    if (len < 1 || len > 2 || text[0] == '0')
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return 0;
        domain = domain * 10 + (text[i] - '0');
    }
    return domain;
}

enum bw_err bw_product_key_parse(const char *text, struct bw_product_key *out, struct bw_error *error)
{
    const char *colon = strchr(text, ':');
    const char *asin = colon ? colon + 1 : text;
    int domain = colon ? domain_of(text, (size_t)(colon - text)) : 1;

    if (!bw_domain_valid(domain))
        return bw_error_set(
            error, BW_ERR_INVALID,
            "'%.40s' has no Keepa domain before the colon: expected 1-6 or 8-12, as in 3:B0D8W1YVBX", text);
    if (!bw_asin_valid(asin, strlen(asin)))
        return bw_error_set(
            error, BW_ERR_INVALID,
            "'%.40s' is not an ASIN: expected ten characters of A-Z and 0-9, as in B0D8W1YVBX", text);
    memset(out, 0, sizeof(*out));
    out->domain = domain;
    memcpy(out->asin, asin, BW_ASIN_LEN);
    return BW_OK;
}

void bw_product_key_format(const struct bw_product_key *key, char out[BW_PRODUCT_TEXT])
{
    char *p = out; /* not by printf: it is done several times a check */
    if (key->domain >= 10)
        *p++ = (char)('0' + key->domain / 10 % 10);
    *p++ = (char)('0' + key->domain % 10);
    *p++ = ':';
    bw_text_copy(p, BW_ASIN_LEN + 1, key->asin);
}

int bw_product_key_compare(const struct bw_product_key *a, const struct bw_product_key *b)
{
    if (a->domain != b->domain)
        return a->domain < b->domain ? -1 : 1;
    return strcmp(a->asin, b->asin);
}
