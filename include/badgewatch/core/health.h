/* When a part's failing is worth a message: after more than two checks in a row, once; and its recovery, once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BW_HEALTH_CHECKS 3 /* failing ones in a row, before anybody is told */

enum bw_health_news { BW_HEALTH_NONE, BW_HEALTH_DOWN, BW_HEALTH_UP };

struct bw_health {
    int failing;      /* checks in a row */
    int64_t since_ms; /* wall clock of the first of them */
    bool told;        /* that it fails */
};

/* One check. BW_HEALTH_DOWN and BW_HEALTH_UP come once each; since_ms stays until the next failure. */
enum bw_health_news bw_health_judge(struct bw_health *h, bool ok, int64_t now_ms);
