/* Days, ISO weeks and months in UTC: what a summary is of, and when it is due. */
#pragma once

#include "badgewatch/base/clock.h"

#define BW_DAY_TEXT    11 /* "2026-05-10" */
#define BW_PERIOD_TEXT 11 /* the longest name is a day's */

enum bw_period_kind { BW_DAILY, BW_WEEKLY, BW_MONTHLY, BW_PERIOD_KINDS };
const char *bw_period_kind_name(enum bw_period_kind kind); /* "daily", "weekly", "monthly" */

struct bw_period {
    enum bw_period_kind kind;
    char name[BW_PERIOD_TEXT]; /* "2026-05-10"; "2026-W19" (ISO 8601, Monday to Sunday); "2026-05" */
    char first[BW_DAY_TEXT];   /* its first day */
    char last[BW_DAY_TEXT];    /* its last day */
};

/* A name as it must be, of a period that there is, from 1970 on. */
bool bw_period_parse(const char *name, struct bw_period *out);
/* That which holds this moment. */
void bw_period_at(struct bw_wall at, enum bw_period_kind kind, struct bw_period *out);

/* True while the summary of the last period that is over is to be sent: from at_min minutes after midnight of the day that
 * follows it, for four hours, in case nobody ran at that minute; -1 = never. *out is that period then. */
bool bw_period_due(struct bw_wall now, int at_min, enum bw_period_kind kind, struct bw_period *out);

/* The UTC day of a time. */
void bw_day_of(struct bw_wall at, char day[BW_DAY_TEXT]);
