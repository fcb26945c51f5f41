/* When a product is checked next. All times are unix seconds; numbers out of range are brought into it, since a
 * product that is never checked again would be the worst answer. */
#include "badgewatch/core/schedule.h"

#include <limits.h>

#define FREQUENCY_MAX 10080 /* minutes: a week */
#define RETRY_S       300
#define DAY_S         86400
#define MARGIN_S                                                                                             \
    3600 /* Keepa shows a point some minutes after its time, and our idea of its clock is a guess */

static int64_t period_s(int frequency_min)
{
    if (frequency_min < 1)
        frequency_min = 1;
    if (frequency_min > FREQUENCY_MAX)
        frequency_min = FREQUENCY_MAX;
    return frequency_min * (int64_t)60;
}

int64_t bw_schedule_next(int64_t now_s, int frequency_min)
{
    int64_t period = period_s(frequency_min);
    int64_t into = now_s % period;
    if (into < 0)
        into += period;
    return now_s - into + period;
}

int64_t bw_schedule_after(int64_t now_s, int64_t due, bool polled, int frequency_min)
{
    bool ahead = !polled && due > now_s && due - now_s <= BW_AHEAD_MAX_S;
    return bw_schedule_next(ahead ? due : now_s, frequency_min);
}

int64_t bw_schedule_retry(int64_t now_s, int frequency_min, int unknown_checks)
{
    int64_t most = period_s(frequency_min);
    int64_t delay = RETRY_S;
    for (int i = 1; i < unknown_checks && delay < most; i++)
        delay *= 2;
    return now_s + (delay < most ? delay : most);
}

int bw_schedule_days(int64_t now_s, int64_t oldest_ok_at)
{
    int64_t reach;
    if (oldest_ok_at >= now_s)
        return 1;
    if (__builtin_sub_overflow(now_s, oldest_ok_at, &reach) || reach > (INT_MAX - 2) * (int64_t)DAY_S)
        return INT_MAX;
    int64_t days = (reach + MARGIN_S + DAY_S - 1) / DAY_S;
    return days < 1 ? 1 : (int)days;
}
