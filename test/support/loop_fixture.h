/* Tests own the loop: it is turned until a condition holds or a deadline passes, never slept on.
 *
 *     struct bw_loop *loop = bw_loop_new();
 *     LOOP_RUN_UNTIL(loop, got.done, 2000);   // fails the test when it does not come
 *     LOOP_FREE(loop);                        // fails the test when a handle was left open
 *
 * loop_setup and loop_teardown do the first and the last as cmocka fixtures (*state is the loop). */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "badgewatch/loop/loop.h"

/* Turns the loop until the condition is true, at most `deadline_ms`. */
#define LOOP_RUN_UNTIL(loop, cond, deadline_ms)                                                              \
    do {                                                                                                     \
        struct loop_deadline deadline_;                                                                      \
        loop_deadline_init(&deadline_, (loop), (deadline_ms));                                               \
        while (!(cond) && !deadline_.passed)                                                                 \
            bw_loop_turn((loop), true);                                                                      \
        loop_deadline_fini(&deadline_);                                                                      \
        if (!(cond))                                                                                         \
            fail_msg("not within %d ms: %s", (int)(deadline_ms), #cond);                                     \
    } while (0)

/* Turns the loop for `ms`, to show that something does NOT happen meanwhile. */
#define LOOP_RUN_FOR(loop, ms)                                                                               \
    do {                                                                                                     \
        struct loop_deadline deadline_;                                                                      \
        loop_deadline_init(&deadline_, (loop), (ms));                                                        \
        while (!deadline_.passed)                                                                            \
            bw_loop_turn((loop), true);                                                                      \
        loop_deadline_fini(&deadline_);                                                                      \
    } while (0)

#define LOOP_FREE(loop) assert_int_equal(bw_loop_free(loop), 0)

/* A timer of its own, so that a turn that waits for I/O ends, at the latest at the deadline. */
struct loop_deadline {
    struct bw_timer *timer;
    struct bw_mono end;
    bool passed;
};

void loop_deadline_init(struct loop_deadline *d, struct bw_loop *loop, int64_t ms);
void loop_deadline_fini(struct loop_deadline *d);

int loop_setup(void **state);
int loop_teardown(void **state);
