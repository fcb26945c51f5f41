/* The summary of a day (CONTRACT 7), a week or a month: its figures and its lines. From one model come the message to Slack and
 * what `badgewatch summary` prints. */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/core/period.h"

#define BW_SUMMARY_TOP 5

struct bw_summary {
    int64_t gained, lost; /* detected in that time */
    int64_t muted;        /* of these, of muted products: nobody was told */
    int64_t
        withheld;    /* nobody was told for another reason: a route did not want them, or there is no Slack */
    int64_t checked; /* different products that were checked */
    int64_t tracked; /* active products now */
    int64_t calls, tokens; /* requests to Keepa */
    double cost_cents;
    int64_t badges; /* held at its end, or now */
    struct {
        char *name;
        int64_t changes;
    } top[BW_SUMMARY_TOP]; /* categories with the most changes; names fit to be shown */
    size_t n_top;
    int64_t oldest_s; /* age of the oldest data of an active product now; -1 = none is known */
};
void bw_summary_fini(struct bw_summary *s);

/* "Label: value" lines, each with its line break. currency: of the cost. */
void bw_summary_lines(const struct bw_period *period, const struct bw_summary *s, const char *currency,
                      struct bw_buf *out);
