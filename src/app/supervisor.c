/* One timer: its first tick says that the daemon is ready, each further one feeds the watchdog, three times in its time. A
 * loop that hangs does not tick, and systemd kills and restarts the daemon. libsystemd opens a socket for each word, so
 * there is nothing to keep open or to lose. */
#include "supervisor.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

struct bw_supervisor {
    struct bw_timer *timer;
    int64_t every_ms; /* 0: no watchdog */
    bool ready;
    bool failed; /* and logged */
};

static void say(struct bw_supervisor *s, const char *words)
{
    int result = sd_notify(0, words);
    if (result < 0 && !s->failed)
        bw_log_warning("daemon", "systemd cannot be told: %s", strerror(-result));
    s->failed = result < 0;
}

static void on_tick(void *ctx)
{
    struct bw_supervisor *s = ctx;
    say(s, s->ready ? "WATCHDOG=1" : "READY=1");
    s->ready = true;
    if (s->every_ms > 0)
        bw_timer_start(s->timer, s->every_ms);
}

struct bw_supervisor *bw_supervisor_new(struct bw_loop *loop)
{
    struct bw_supervisor *s = bw_alloc(sizeof(*s));
    uint64_t usec = 0;
    if (sd_watchdog_enabled(0, &usec) > 0)
        s->every_ms = (int64_t)(usec / 3000);
    s->timer = bw_timer_new(loop, on_tick, s);
    bw_timer_start(s->timer, 1);
    return s;
}

void bw_supervisor_stopping(struct bw_supervisor *s)
{
    say(s, "STOPPING=1");
}

void bw_supervisor_free(struct bw_supervisor *s)
{
    if (!s)
        return;
    bw_timer_free(s->timer);
    free(s);
}
