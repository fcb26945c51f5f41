/* Changes, reigns and unknown periods: what detection says (CONTRACT 4 and 6). */
#pragma once

#include "badgewatch/core/asin.h"

#include <stdint.h>

#define BW_UUID_TEXT 37

enum bw_change_type { BW_GAINED, BW_LOST };
enum bw_reason {
    BW_REACHED_TOP,
    BW_OUTRANKED,
    BW_UNRANKED_LOSS,
    BW_CATEGORY_REMOVED,
    BW_DELISTED,
    BW_REASONS
};
const char *bw_change_type_name(enum bw_change_type t); /* "gained", "lost" */
const char *
bw_reason_name(enum bw_reason r); /* "reached_top", "outranked", "unranked", "category_removed", "delisted" */
bool bw_change_type_parse(const char *name, enum bw_change_type *out);
bool bw_reason_parse(const char *name, enum bw_reason *out);

struct bw_change {
    char id[BW_UUID_TEXT]; /* bw_change_id */
    struct bw_product_key key;
    enum bw_change_type type;
    enum bw_reason reason;
    int64_t category_id;
    char *category;        /* name; NULL if none is known yet */
    int64_t previous_rank; /* BW_UNRANKED and BW_NO_RANK are NULL in the table */
    int64_t new_rank;      /* same */
    int64_t occurred_at;   /* unix s, Keepa's clock */
    int64_t
        received_at_ms; /* our clock: the last byte of the answer; 0 = none: the guard decided it, or an older version */
    int64_t detected_at_ms;    /* our clock */
    int64_t previous_check_at; /* unix s, Keepa's clock; 0 = none */
    int64_t held_since;        /* lost: start of the reign that ended */
};
void bw_change_fini(struct bw_change *c);

/* UUID version 5 (RFC 9562) of "domain:asin:category:type:occurred_at" in badgewatch's own name space: the
 * same change seen twice, by anyone, has the same id. */
void bw_change_id(const struct bw_product_key *key, int64_t category_id, enum bw_change_type type,
                  int64_t occurred_at, char out[BW_UUID_TEXT]);

/* UUID version 5 of "note:key": a message that is about no change, such as "summary:2026-05-10". */
void bw_note_id(const char *key, char out[BW_UUID_TEXT]);

struct bw_reign {
    char id[BW_UUID_TEXT]; /* bw_reign_id */
    int64_t category_id;
    char *category;
    int64_t started_at;
    int64_t ended_at;         /* 0 = still held */
    enum bw_reason ended_by;  /* valid when ended_at != 0 */
    int64_t start_not_before; /* 0 = unknown */
    int64_t end_not_before;   /* 0 = unknown or still held */
};
void bw_reign_fini(struct bw_reign *r);
/* UUID version 5 of "reign:domain:asin:category:started_at". */
void bw_reign_id(const struct bw_product_key *key, int64_t category_id, int64_t started_at,
                 char out[BW_UUID_TEXT]);

/* A period is known by product, category and from_at: the check that closes it says the same from_at (the reason may
 * have changed meanwhile). */
struct bw_unknown_period {
    int64_t category_id; /* 0 = the whole product */
    int64_t from_at;     /* last moment that was known */
    int64_t to_at;       /* 0 = still open */
    char reason[24];     /* bw_unknown_name, or "category_missing" */
};

/* SHA-256 as 64 hex digits (table asin_history.raw_sha256). */
void bw_sha256_hex(const void *data, size_t len, char out[65]);
