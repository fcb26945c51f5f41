/* See loop_fixture.h. */
#include "support/loop_fixture.h"

enum { TICK_MS = 5 };

/* Ticks, so that a condition which another thread makes true is seen soon; the loop sleeps between. */
static void tick(void *ctx)
{
    struct loop_deadline *d = ctx;
    int64_t left = d->end.ms - bw_mono_now().ms;

    d->passed = left <= 0;
    if (!d->passed)
        bw_timer_start(d->timer, left < TICK_MS ? left : TICK_MS);
}

void loop_deadline_init(struct loop_deadline *d, struct bw_loop *loop, int64_t ms)
{
    d->passed = false;
    d->end = (struct bw_mono){.ms = bw_mono_now().ms + ms};
    d->timer = bw_timer_new(loop, tick, d);
    bw_timer_start(d->timer, 1);
}

void loop_deadline_fini(struct loop_deadline *d)
{
    bw_timer_free(d->timer);
    d->timer = NULL;
}

int loop_setup(void **state)
{
    *state = bw_loop_new();
    return 0;
}

int loop_teardown(void **state)
{
    int left = bw_loop_free(*state);

    *state = NULL;
    return left;
}
