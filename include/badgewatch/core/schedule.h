/* When a product is checked next, and how far back a request must reach. Pure. */
#pragma once

#include "badgewatch/core/state.h"

#include <stdbool.h>

/* So early a check may be made to fill a batch: a part (1/n) of the interval, seconds at most. */
#define BW_AHEAD_PART  20
#define BW_AHEAD_MAX_S 300

/* Next slot of the grid of `frequency_min` minutes (aligned to 1970-01-01T00:00Z, so 60 = on the hour), strictly
 * after now. frequency_min 1..10080. Missed slots are not made up one by one. */
int64_t bw_schedule_next(int64_t now_s, int frequency_min);
/* When a product is checked again that was planned for `due` and answered at now_s. One that was taken ahead of its time,
 * to fill a batch, is not checked once more at that time; one that a person polled is. */
int64_t bw_schedule_after(int64_t now_s, int64_t due, bool polled, int frequency_min);
/* After an unknown check: 5 minutes, doubling with each consecutive one, never more than the frequency. */
int64_t bw_schedule_retry(int64_t now_s, int frequency_min, int unknown_checks);
/* The `days` of a request made at now_s (Keepa's clock, estimated) that must reach back to the oldest of the given
 * last usable checks: smallest N >= 1 with now - N days <= oldest - 1 h of margin. */
int bw_schedule_days(int64_t now_s, int64_t oldest_ok_at);
