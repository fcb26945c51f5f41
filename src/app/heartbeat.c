/* A look every few seconds at counters that are there anyway. The URL is a secret: it is in no text. */
#include "heartbeat.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <stdlib.h>
#include <string.h>

#define TICK_MS    2000
#define TIMEOUT_MS 10000

struct bw_heartbeat {
    const struct bw_context *cx;
    const struct bw_housekeeping *housekeeping;
    struct bw_heartbeat_port port;
    struct bw_timer *timer;
    double checks; /* at the last call */
    struct bw_mono fail_next;
    bool under_way;
    bool stopping;
};

static void on_called(void *ctx, const struct bw_http_response *r)
{
    struct bw_heartbeat *h = ctx;
    h->under_way = false;
    if (r->err != BW_OK)
        bw_log_warning("heartbeat", "BADGEWATCH_HEARTBEAT_URL was not reached: %s", r->reason);
    else if (r->status >= 300)
        bw_log_warning("heartbeat", "BADGEWATCH_HEARTBEAT_URL answered HTTP %ld", r->status);
}

static void call(struct bw_heartbeat *h, const char *suffix)
{
    const char *base = h->cx->conf->heartbeat_url;
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    struct bw_buf url;
    bw_buf_init(&url, 8192);
    bw_buf_add(&url, base, len);
    bw_buf_adds(&url, suffix);
    struct bw_http_request request = {
        .method = BW_HTTP_GET, .url = bw_buf_str(&url), .timeout_ms = TIMEOUT_MS, .idempotent = true};
    h->under_way = bw_http_start(h->cx->http, &request, on_called, h, NULL) == BW_OK;
    bw_buf_fini(&url);
}

static double checks_of(const struct bw_counters *c)
{
    double sum = 0;
    for (int i = 0; i < BW_CHECK_OUTCOMES; i++)
        sum += bw_metric_value(c->checks[i]);
    return sum;
}

static bool is_swept(const struct bw_heartbeat *h)
{
    const struct bw_counts *counts = bw_housekeeping_counts(h->housekeeping);
    return h->cx->asking == 0 && h->cx->staging == 0 && counts->next_due > bw_wall_now().ms / 1000;
}

static void look(struct bw_heartbeat *h)
{
    double checks = checks_of(&h->cx->counters);
    struct bw_mono now = bw_mono_now();
    if (h->under_way || h->stopping || !h->cx->conf->heartbeat_url[0])
        return;
    if (h->port.red(h->port.ctx)) {
        if (now.ms >= h->fail_next.ms) {
            h->fail_next.ms = now.ms + h->cx->conf->health_every_ms;
            call(h, "/fail");
        }
    } else if (checks > h->checks && is_swept(h)) {
        h->checks = checks;
        call(h, "");
    }
}

static void on_tick(void *ctx)
{
    struct bw_heartbeat *h = ctx;
    look(h);
    bw_timer_start(h->timer, TICK_MS);
}

struct bw_heartbeat *bw_heartbeat_new(const struct bw_context *context,
                                      const struct bw_housekeeping *housekeeping,
                                      const struct bw_heartbeat_port *port)
{
    struct bw_heartbeat *h = bw_alloc(sizeof(*h));
    h->cx = context;
    h->housekeeping = housekeeping;
    h->port = *port;
    h->timer = bw_timer_new(context->loop, on_tick, h);
    return h;
}

void bw_heartbeat_start(struct bw_heartbeat *h)
{
    /* a start is not a failure: parts have a health check's time to come up */
    h->fail_next.ms = bw_mono_now().ms + h->cx->conf->health_every_ms;
    bw_timer_start(h->timer, TICK_MS);
}

void bw_heartbeat_stop(struct bw_heartbeat *h)
{
    h->stopping = true;
    bw_timer_stop(h->timer);
}

bool bw_heartbeat_quiet(const struct bw_heartbeat *h)
{
    return !h->under_way;
}

void bw_heartbeat_free(struct bw_heartbeat *h)
{
    if (!h)
        return;
    bw_timer_free(h->timer);
    free(h);
}
