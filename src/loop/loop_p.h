/* What the files of this room share; nobody outside includes it. */
#pragma once

#include "badgewatch/loop/loop.h"

#include <uv.h>

struct bw_loop {
    uv_loop_t uv;
    uv_prepare_t prepare; /* unreferenced: they never keep the loop alive by themselves */
    uv_check_t check;
    void (*on_turn)(void *ctx, double busy_s);
    void *on_turn_ctx;
    bool turning;  /* a prepare was seen: the turn since then can be measured */
    uint64_t woke; /* uv_hrtime of the turn's first callback behind the wait; 0 = it waits */
    int lookups;   /* name lookups that the thread pool has not given back */
    bool running;
};

/* For libuv calls that fail only when the process is out of descriptors or memory at start-up, or by our own
 * mistake: logs and ends the program. */
void bw_loop_must(int status, const char *what);
/* The wait is over: callbacks of descriptors call it first, since they run within libuv's poll. */
static inline void bw_loop_woke(struct bw_loop *loop)
{
    if (loop->turning && loop->woke == 0)
        loop->woke = uv_hrtime();
}
/* One place that turns libuv codes into ours; logs nothing. */
enum bw_err bw_loop_err(int status);
