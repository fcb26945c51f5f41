/* Detection: (what we knew, what Keepa answered) -> what changed. Pure: no I/O, no clock of its own.
 *
 * Rules 1-7 and 9 of detection, one function a rule in detect.c and detect_category.c. The caller stages the result atomically
 * against prev.version; if that version is no longer the stored one, it detects again on the newer state. */
#pragma once

#include "badgewatch/core/change.h"
#include "badgewatch/core/state.h"

struct bw_detect_input {
    const struct bw_state *prev;      /* never NULL; version 0 at first sight */
    const struct bw_product *product; /* never NULL; unknown != BW_KNOWN for absent and unusable ones */
    int64_t answered_at;              /* Keepa's clock: timestamp of the envelope, unix s; never 0 */
    int64_t received_at_ms;           /* our clock: the last byte of the answer */
    int64_t detected_at_ms;           /* our clock */
    bool others_answer; /* some other product answered usably in the last hour (rule 4, delisted) */
    bool ill;           /* the source was found ill (rule 8) */
};

/* Points of product->ranks[series] with index in [from, to) are new. Points later than a day after the answer, or
 * not after 1970, are garbage of the source: they are never new and move nothing until their time has come. */
struct bw_new_points {
    size_t series;
    size_t from;
    size_t to;
};

struct bw_detection {
    struct bw_state next;      /* version = prev.version + 1 */
    enum bw_unknown unknown;   /* outcome of this check; BW_UNKNOWN_STALE: answer was older than the state */
    bool first_sight;          /* baseline: nothing is alerted */
    struct bw_change *changes; /* by occurred_at, then category, lost before gained at the same moment */
    size_t n_changes;
    struct bw_reign *reigns; /* begun or ended by this check; at first sight all that came */
    size_t n_reigns;
    struct bw_unknown_period *unknowns; /* opened or closed by this check */
    size_t n_unknowns;
    struct bw_new_points *rank_points; /* series = index into product->ranks */
    size_t n_rank_points;
    size_t value_from[BW_VALUE_KINDS]; /* first new index; == n when none */
    size_t value_to[BW_VALUE_KINDS];   /* end of the new ones (see bw_new_points); == n when none */
};

void bw_detect(const struct bw_detect_input *in, struct bw_detection *out);

/* Rule 8. A loss because there is no rank any more is not told at once: others may vanish with it. So long it waits: */
#define BW_HOLD_MS 3000
/* Decides, without an answer, about the badges of a product that wait: lost, or guarded where the source was found ill.
 * False, and *out stays untouched, where none waits. */
bool bw_detect_settle(const struct bw_state *prev, bool ill, int64_t now_ms,
                      struct bw_detection *out) BW_MUSTCHECK;
void bw_detection_fini(struct bw_detection *d);

/* True if the answer's window does not reach back to what was known, so that points between may be missing:
 * asked with `days` (0 = whole history), answered at answered_at. The collector then asks again with more days
 * instead of staging. Never true at first sight or for whole history. */
bool bw_detect_gap(const struct bw_state *prev, const struct bw_product *product, int days,
                   int64_t answered_at);
