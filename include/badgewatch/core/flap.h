/* Where a change is told: as a message of its own, or in the thread of the one before (issue: one story a reign).
 *
 * A story is what happens to one product in one category. The loss of a badge answers, visibly in the channel, the message
 * that told its gain. Where a story flaps (more than `changes` of them in `window`), the channel is told that it does; what
 * follows goes into the thread alone, until nothing has changed for `settle`: then one line in the channel says how it
 * stands. So whoever reads only the channel always knows of the last settled state, and that there is none just now.
 *
 * Pure: times are those of the changes, no clock is read. */
#pragma once

#include "badgewatch/core/change.h"

#include <stdbool.h>
#include <stddef.h>

struct bw_flap_rule {
    int64_t changes;   /* 0: nothing flaps */
    int64_t window_ms; /* by Keepa's times: a long stop that is caught up with is no flapping */
    int64_t settle_ms; /* by our times: that is what the timer of the settled line sees */
};

/* A change of a story. */
struct bw_flap_change {
    enum bw_change_type type;
    int64_t occurred_at; /* unix s */
    int64_t detected_at_ms;
    bool settled; /* a line that says so was about to be sent after it */
    bool told;    /* in the channel that the new ones go to */
    const char *ts,
        *root; /* told: its message; and the message whose thread that stands in, "" = in the channel */
};

enum bw_flap { BW_FLAP_NO, BW_FLAP_BEGINS, BW_FLAP_GOES_ON };

/* list: in the order of detection; the last n_new of them (>= 1, one check's) are to be told now. */
enum bw_flap bw_flap_judge(const struct bw_flap_rule *rule, const struct bw_flap_change *list, size_t n,
                           size_t n_new);

enum bw_place {
    BW_PLACE_CHANNEL,   /* a message of its own */
    BW_PLACE_BROADCAST, /* in the thread, and in the channel too */
    BW_PLACE_THREAD     /* in the thread alone */
};

/* Gives the place and, unless it is the channel, *root: borrowed from the list. A thread that nobody knows is none: then
 * the channel is told. */
enum bw_place bw_flap_place(enum bw_flap flap, const struct bw_flap_change *list, size_t n, size_t n_new,
                            const char **root);
