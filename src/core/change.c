/* Names and identities of changes and reigns. An id is a function of what happened and of nothing else (not of who
 * saw it, nor when), so that the same change seen twice is one row, and one message. */
#include "badgewatch/core/change.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 128

/* The name space of badgewatch: chosen at random once. Another one would make every old change a new one. */
static const uint8_t name_space[16] = {0xfb, 0xe8, 0x08, 0xb1, 0x31, 0xaf, 0x46, 0x68,
                                       0xbb, 0x47, 0xaa, 0xd2, 0x90, 0xe3, 0x65, 0xa6};

static const char *const type_names[] = {"gained", "lost"};
static const char *const reason_names[BW_REASONS] = {"reached_top", "outranked", "unranked",
                                                     "category_removed", "delisted"};

const char *bw_change_type_name(enum bw_change_type t)
{
    assert((unsigned)t <= BW_LOST);
    return type_names[t];
}

const char *bw_reason_name(enum bw_reason r)
{
    assert((unsigned)r < BW_REASONS);
    return reason_names[r];
}

bool bw_change_type_parse(const char *name, enum bw_change_type *out)
{
    for (unsigned i = 0; i <= BW_LOST; i++) {
        if (strcmp(name, type_names[i]) == 0) {
            *out = (enum bw_change_type)i;
            return true;
        }
    }
    return false;
}

bool bw_reason_parse(const char *name, enum bw_reason *out)
{
    for (unsigned i = 0; i < BW_REASONS; i++) {
        if (strcmp(name, reason_names[i]) == 0) {
            *out = (enum bw_reason)i;
            return true;
        }
    }
    return false;
}

void bw_change_fini(struct bw_change *c)
{
    free(c->category);
    *c = (struct bw_change){0};
}

void bw_reign_fini(struct bw_reign *r)
{
    free(r->category);
    *r = (struct bw_reign){0};
}

static void hex(const uint8_t *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

/* libcrypto uses the processor's own instructions: a fifth of what plain C needs, and raw answers are long. Without memory
 * it fails, as everything here does. */
static void digest(const EVP_MD *kind, const void *data, size_t len, uint8_t out[EVP_MAX_MD_SIZE])
{
    if (EVP_Digest(data, len, out, NULL, kind, NULL) != 1)
        abort();
}

/* Looked up once: by EVP_sha256() libcrypto 3 would search its providers at each digest, which costs as much as the digest
 * of a short answer. */
static const EVP_MD *sha256(void)
{
    static EVP_MD *kind;
    if (!kind)
        kind = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!kind)
        abort();
    return kind;
}

/* RFC 9562, 5.5: SHA-1 of name space and name, with version and variant put over it. */
static void uuid5(const char *name, char out[BW_UUID_TEXT])
{
    uint8_t named[sizeof(name_space) + NAME_MAX_LEN], sum[EVP_MAX_MD_SIZE];
    char text[2 * 16 + 1];
    size_t len = strlen(name);

    memcpy(named, name_space, sizeof(name_space));
    memcpy(named + sizeof(name_space), name, len); // NOLINT(bugprone-not-null-terminated-result): bytes
    digest(EVP_sha1(), named, sizeof(name_space) + len, sum);
    sum[6] = (uint8_t)((sum[6] & 0x0f) | 0x50);
    sum[8] = (uint8_t)((sum[8] & 0x3f) | 0x80);
    hex(sum, 16, text);
    snprintf(out, BW_UUID_TEXT, "%.8s-%.4s-%.4s-%.4s-%.12s", text, text + 8, text + 12, text + 16, text + 20);
}

void bw_change_id(const struct bw_product_key *key, int64_t category_id, enum bw_change_type type,
                  int64_t occurred_at, char out[BW_UUID_TEXT])
{
    char name[NAME_MAX_LEN];
    snprintf(name, sizeof(name), "%d:%s:%" PRId64 ":%s:%" PRId64, key->domain, key->asin, category_id,
             bw_change_type_name(type), occurred_at);
    uuid5(name, out);
}

void bw_reign_id(const struct bw_product_key *key, int64_t category_id, int64_t started_at,
                 char out[BW_UUID_TEXT])
{
    char name[NAME_MAX_LEN];
    snprintf(name, sizeof(name), "reign:%d:%s:%" PRId64 ":%" PRId64, key->domain, key->asin, category_id,
             started_at);
    uuid5(name, out);
}

void bw_note_id(const char *key, char out[BW_UUID_TEXT])
{
    char name[NAME_MAX_LEN];
    snprintf(name, sizeof(name), "note:%s", key);
    uuid5(name, out);
}

void bw_sha256_hex(const void *data, size_t len, char out[65])
{
    uint8_t sum[EVP_MAX_MD_SIZE];

    digest(sha256(), data, len, sum);
    hex(sum, 32, out);
}
