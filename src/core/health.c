/* A part that fails now and then is never told; one that stays failing is told once. */
#include "badgewatch/core/health.h"

enum bw_health_news bw_health_judge(struct bw_health *h, bool ok, int64_t now_ms)
{
    if (ok) {
        bool told = h->told;
        h->failing = 0;
        h->told = false;
        return told ? BW_HEALTH_UP : BW_HEALTH_NONE;
    }
    if (h->failing == 0)
        h->since_ms = now_ms;
    if (h->failing < BW_HEALTH_CHECKS)
        h->failing++;
    if (h->failing < BW_HEALTH_CHECKS || h->told)
        return BW_HEALTH_NONE;
    h->told = true;
    return BW_HEALTH_DOWN;
}
