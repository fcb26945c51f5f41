/* What systemd is told (sd_notify): READY=1 once the daemon is built and its loop turns, WATCHDOG=1 from the loop while it
 * turns, STOPPING=1 at the end. A store that is away does not keep it from being ready: the daemon waits for it by itself.
 * Where nobody listens (no NOTIFY_SOCKET) nothing is sent; what cannot be sent is logged once. */
#pragma once

#include "badgewatch/loop/loop.h"

struct bw_supervisor;

/* Says READY=1 in the first turn of the loop. */
struct bw_supervisor *bw_supervisor_new(struct bw_loop *loop);
void bw_supervisor_stopping(struct bw_supervisor *s);
void bw_supervisor_free(struct bw_supervisor *s); /* NULL is fine */
