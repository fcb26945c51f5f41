/* The daily summary (CONTRACT 7): its figures, when it is due, and its lines. From one model come the message to Slack and
 * what `badgewatch summary` prints. */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/base/clock.h"

#define BW_SUMMARY_TOP 5
#define BW_DAY_TEXT    11 /* "2026-05-10" */

struct bw_summary {
    char day[BW_DAY_TEXT]; /* UTC, 00:00 to 24:00 */
    int64_t gained, lost;  /* detected on that day */
    int64_t withheld;      /* of these, muted or told to nobody */
    int64_t checked;       /* different products that were checked */
    int64_t tracked;       /* active products now */
    int64_t calls, tokens; /* requests to Keepa */
    double cost_cents;
    int64_t badges; /* held at the end of the day, or now */
    struct {
        char *name;
        int64_t changes;
    } top[BW_SUMMARY_TOP]; /* categories with the most changes */
    size_t n_top;
    int64_t oldest_s; /* age of the oldest data of an active product now; -1 = none is known */
};
void bw_summary_fini(struct bw_summary *s);

/* True while the summary of the day before `now` is to be sent: from at_min minutes after midnight (UTC) for four hours, in
 * case nobody ran at that minute; -1 = never. *day is that day then. */
bool bw_summary_due(struct bw_wall now, int at_min, char day[BW_DAY_TEXT]);
/* "2026-05-10" as it must be: a date there is, of this form. */
bool bw_day_valid(const char *text);
/* The UTC day of a time. */
void bw_day_of(struct bw_wall at, char day[BW_DAY_TEXT]);

/* "Label: value" lines, each with its line break. currency: of the cost. */
void bw_summary_lines(const struct bw_summary *s, const char *currency, struct bw_buf *out);
