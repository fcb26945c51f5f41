/* What the files of this room share; nobody outside includes it. */
#pragma once

#include "badgewatch/loop/loop.h"

#include <uv.h>

struct bw_loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* unreferenced: it never keeps the loop alive by itself */
    void (*on_turn)(void *ctx, double busy_s);
    void *on_turn_ctx;
    uint64_t turn_began; /* uv_hrtime at the last prepare, 0 before the first */
    uint64_t turn_idle;  /* uv_metrics_idle_time at the last prepare */
    int lookups;         /* name lookups that the thread pool has not given back */
    bool running;
};

/* For libuv calls that fail only when the process is out of descriptors or memory at start-up, or by our own
 * mistake: logs and ends the program. */
void bw_loop_must(int status, const char *what);
/* One place that turns libuv codes into ours; logs nothing. */
enum bw_err bw_loop_err(int status);
