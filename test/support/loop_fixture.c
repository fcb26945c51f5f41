/* See loop_fixture.h. */
#include "support/loop_fixture.h"

static void pass(void *ctx)
{
    struct loop_deadline *d = ctx;

    d->passed = true;
}

void loop_deadline_init(struct loop_deadline *d, struct bw_loop *loop, int64_t ms)
{
    d->passed = false;
    d->timer = bw_timer_new(loop, pass, d);
    bw_timer_start(d->timer, ms);
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
