/* A product as detection sees it over time, written and read as text.
 *
 * Times are minutes after SIGHT_EPOCH. An answer is "u=90; 7: 5@10 1@20 -@30; 9: 3@15": optional last update (else
 * that of the check itself; "u=-" none), then categories with their points, "-" = no rank. What was said reads
 * "gained 7@20 5>1 reached_top", "lost 7@30 1>- unranked held 20"; unknown previous or new ranks are "?". */
#pragma once

#include "badgewatch/core/detect.h"

#define SIGHT_EPOCH 1800000000

int64_t sight_time(int64_t minutes); /* minutes after the epoch to unix seconds */

/* Builds a product from the text; the caller ends it with bw_product_fini. */
void sight_product(struct bw_product *p, const char *text, int64_t at_min);

struct sight {
    struct bw_state state;
    struct bw_detection d; /* of the newest check; its `next` has moved to `state` */
    bool others;           /* others answer; true at first */
    bool ill;              /* the source was found ill */
    bool waits;            /* losses that are held back wait for sight_settle; else each is decided at once */
    int64_t now_ms;        /* of the newest check */
};

void sight_init(struct sight *s);
void sight_fini(struct sight *s);
/* One check with this product; the state moves on. */
void sight_check(struct sight *s, const struct bw_product *p, int64_t answered_at);
void sight_see(struct sight *s, int64_t at_min, const char *text);
/* Decides about what waits, so much later; false if nothing does. */
bool sight_settle(struct sight *s, int64_t later_ms);
void sight_see_unknown(struct sight *s, int64_t at_min, enum bw_unknown unknown);

/* What the newest check said, "; " between items, in a buffer that lives until the next call of the same function. */
const char *sight_changes(const struct sight *s);
const char *sight_reigns(const struct sight *s);   /* "7: 20..30 outranked [10,25]", ".." open, 0 = unknown */
const char *sight_unknowns(const struct sight *s); /* "7: 10..- category_missing" */
const char *sight_points(const struct sight *s);   /* "7: 1..3" index ranges by series index */
const char *sight_state(const struct sight *s);    /* "7: 1@20 since 20", "9: removed" */
