/* TIME, and the reckoning from its last answer; see due_clock.h. */
#include "due_clock.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <stdlib.h>

#define STEP_MS 5000 /* less is the answer's own delay, or a clock that is slewed */

struct bw_due_clock {
    struct bw_context *cx;
    void (*went_back)(void *ctx);
    void *ctx;
};

static int64_t reckon_ms(const struct bw_context *cx)
{
    if (cx->due_told_at.ms == 0)
        return bw_wall_now().ms;
    return cx->due_told.ms + bw_mono_now().ms - cx->due_told_at.ms;
}

int64_t bw_due_now(const struct bw_context *cx)
{
    return reckon_ms(cx) / 1000;
}

void bw_due_clock_told(struct bw_due_clock *c, int64_t now_ms)
{
    struct bw_context *cx = c->cx;
    int64_t ahead_ms = now_ms - reckon_ms(cx);
    cx->due_told.ms = now_ms;
    cx->due_told_at = bw_mono_now();
    if (ahead_ms > -STEP_MS)
        return;
    bw_log_warning("redis", "the clock of the server went back by %lld s: next checks are planned anew",
                   (long long)-ahead_ms / 1000);
    c->went_back(c->ctx);
}

static void on_time(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    if (err == BW_OK && reply->type == BW_REPLY_ARRAY && reply->n == 2) /* else with the next sign of life */
        bw_due_clock_told(ctx, strtoll(reply->elements[0].str, NULL, 10) * 1000 +
                                   strtoll(reply->elements[1].str, NULL, 10) / 1000);
}

void bw_due_clock_ask(struct bw_due_clock *c)
{
    const char *argv[] = {"TIME"};
    if (bw_redis_command(c->cx->redis, 1, argv, NULL, on_time, c) != BW_OK)
        bw_log_debug("redis", "its clock was not asked: not connected");
}

struct bw_due_clock *bw_due_clock_new(struct bw_context *context, void (*went_back)(void *ctx), void *ctx)
{
    struct bw_due_clock *c = bw_alloc(sizeof(*c));
    *c = (struct bw_due_clock){context, went_back, ctx};
    return c;
}

void bw_due_clock_free(struct bw_due_clock *c)
{
    free(c);
}
