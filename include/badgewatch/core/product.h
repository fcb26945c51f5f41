/* What one Keepa answer says about one product, decoded. Times are unix seconds in Keepa's clock. */
#pragma once

#include "badgewatch/core/asin.h"

#include <stddef.h>
#include <stdint.h>

/* Keepa minutes (since 2011-01-01T00:00Z) to unix seconds: (m + 21564000) * 60 [Keepa KeepaTime]. */
#define BW_KEEPA_EPOCH_MINUTES 21564000
int64_t bw_keepa_time(int64_t keepa_minutes);
int64_t bw_keepa_minutes(int64_t unix_s); /* floor */

#define BW_UNRANKED (-1) /* Keepa's value for "no rank at that time" */
#define BW_NO_RANK  0    /* no rank is known */

struct bw_point {
    int64_t at;    /* unix s */
    int64_t value; /* rank: >= 1 or BW_UNRANKED. Others: as Keepa sent it, -1 = none */
};

struct bw_series {
    struct bw_point *points; /* strictly ascending times */
    size_t n;
};

struct bw_rank_series {
    int64_t category_id; /* key of salesRanks; root and sub-categories alike */
    struct bw_series series;
};

/* The other series that came with the answer (table value_points). */
enum bw_value_kind {
    BW_VALUE_AMAZON,       /* csv[0] */
    BW_VALUE_NEW,          /* csv[1] */
    BW_VALUE_BUY_BOX,      /* csv[18], triples: price + shipping, -1 none */
    BW_VALUE_LIST,         /* csv[4] */
    BW_VALUE_RATING,       /* csv[16], stars * 10 */
    BW_VALUE_REVIEWS,      /* csv[17] */
    BW_VALUE_MONTHLY_SOLD, /* monthlySoldHistory */
    BW_VALUE_KINDS
};
const char *bw_value_kind_name(enum bw_value_kind kind); /* "amazon", "new", "buy_box", ... */

struct bw_category_name {
    int64_t category_id;
    int64_t parent; /* 0 = root */
    char *name;
};

/* Why a check gave no usable rank data (rule 2). */
enum bw_unknown {
    BW_KNOWN = 0,
    BW_UNKNOWN_NO_RANKS,     /* salesRanks absent, null or empty */
    BW_UNKNOWN_ABSENT,       /* product not in the answer */
    BW_UNKNOWN_STUB,         /* productType 4 (invalid), or title null and no ranks */
    BW_UNKNOWN_INACCESSIBLE, /* productType 3 */
    BW_UNKNOWN_ERROR,        /* the answer was an error inside a 200 */
    BW_UNKNOWN_MALFORMED,    /* wrong types, odd series, not JSON, over the size cap */
    BW_UNKNOWN_STALE         /* older than the state: dropped */
};
const char *bw_unknown_name(enum bw_unknown u); /* "no_ranks", "absent", "stub", ...; "" for BW_KNOWN */

struct bw_product {
    struct bw_product_key key;
    enum bw_unknown unknown; /* BW_KNOWN: ranks holds at least one non-empty series */
    char detail[128];        /* for people: what was wrong; "" if nothing */
    int product_type;
    char *title; /* NULL if null */
    char *brand;
    char *parent_asin;
    int64_t last_update;          /* unix s; 0 = absent */
    int64_t current_price;        /* smallest unit of the currency; buy box, else new, else Amazon; -1 none */
    int64_t availability_amazon;  /* Keepa's availabilityAmazon; INT64_MIN = absent */
    int64_t monthly_sold;         /* -1 none */
    int64_t rating;               /* stars * 10; -1 none */
    int64_t review_count;         /* -1 none */
    struct bw_rank_series *ranks; /* ascending category_id, no empty series */
    size_t n_ranks;
    struct bw_series values[BW_VALUE_KINDS];
    struct bw_category_name *tree; /* categoryTree, root first */
    size_t n_tree;
};

void bw_product_fini(struct bw_product *p); /* frees what it points to */
const struct bw_rank_series *bw_product_rank(const struct bw_product *p, int64_t category_id); /* or NULL */
/* max(last_update, newest rank point), ignoring times more than a day after now_s (garbage); 0 if neither. */
int64_t bw_product_freshness(const struct bw_product *p, int64_t now_s);
