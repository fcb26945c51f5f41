/* What badgewatch knows of one product between checks. Stored as JSON in Redis (field "state" of
 * bw:product:D:ASIN) and Postgres (asin_current_state.state) by codec/state_json.h. */
#pragma once

#include "badgewatch/core/product.h"

/* A badge whose loss is held back, since the source may be ill: its category says "no rank", and nothing since then says
 * that it has one again. */
struct bw_hold {
    int64_t at;                /* of that point; 0 = nothing is held back */
    int64_t seen_ms;           /* our clock, when that was seen */
    int64_t not_before;        /* the latest moment before at which the badge was confirmed */
    int64_t previous_check_at; /* Keepa's clock, of the check before that one */
    bool guarded;              /* the source was found ill: an unknown period is open from `at` on */
};

struct bw_category_state {
    int64_t category_id;
    char *name;    /* NULL until one is known */
    int64_t rank;  /* of the newest point; BW_UNRANKED; BW_NO_RANK after category_removed */
    int64_t at;    /* time of that point; once removed with a badge: of the loss, if that is later */
    int64_t since; /* badge held, or held back: start of the reign; else 0 */
    int64_t
        not_before; /* badge held: start_not_before of the reign, 0 = unknown; else no gain is dated before it */
    int64_t confirmed_at;  /* newest check (Keepa's clock) that showed this category as it is here */
    int missing;           /* consecutive usable checks without it (rule 4) */
    int64_t missing_since; /* Keepa's clock at the first of them */
    bool removed;          /* told as category_removed, or dropped silently when no badge was held */
    struct bw_hold hold;   /* rule 8 */
};

struct bw_state {
    struct bw_product_key key;
    int64_t version;         /* 0 = never staged; +1 with each staged check */
    bool baseline;           /* a usable answer has been seen: it is no longer first sight */
    int64_t checked_at_ms;   /* newest check, our clock */
    int64_t answered_at;     /* newest check, Keepa's clock (envelope timestamp), unix s */
    int64_t ok_at;           /* newest usable check, Keepa's clock, unix s; 0 = none */
    int64_t freshness;       /* greatest bw_product_freshness of the usable answers */
    int64_t last_update;     /* keepa_last_update, unix s */
    int64_t last_change;     /* occurred_at of the newest change told; 0 = none */
    enum bw_unknown unknown; /* of the newest check; a stale one among unknown ones leaves theirs */
    int unknown_checks;      /* consecutive */
    int64_t unknown_since;   /* ok_at at the time the product became unknown; opens an unknown period */
    int stub_checks;         /* stub or inaccessible while others answered (rule 4) */
    int64_t stub_since;      /* Keepa's clock at the first of them */
    char *title;
    char *brand;
    char *parent_asin;
    int64_t current_price;
    int64_t availability_amazon;
    int64_t monthly_sold;
    int64_t rating;
    int64_t review_count;
    int64_t value_at[BW_VALUE_KINDS];     /* newest known point of each other series; 0 = none */
    struct bw_category_state *categories; /* ascending category_id */
    size_t n_categories;
};

void bw_state_init(struct bw_state *s, const struct bw_product_key *key); /* version 0, nothing known */
void bw_state_fini(struct bw_state *s);
void bw_state_copy(struct bw_state *dst, const struct bw_state *src); /* dst uninitialised */
const struct bw_category_state *bw_state_category(const struct bw_state *s, int64_t category_id);
size_t bw_state_badges(const struct bw_state *s); /* categories held (since != 0), held back ones too */
/* Badges held back: those that still wait to be decided, and those that are guarded. */
void bw_state_holds(const struct bw_state *s, size_t *waiting, size_t *guarded);
