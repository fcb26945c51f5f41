/* Thin typed wrappers over libuv, so that libuv types stay in this room and net/.
 *
 * Rules they keep (facts/c-and-libraries 2.1): a watch is closed, never just stopped, before its fd may be
 * closed; a timer never runs with delay 0 from a callback (at least 1 ms) and its base time is refreshed
 * before arming; a close callback comes exactly once, from the loop, never from inside the call. */
#pragma once

#include "badgewatch/base/clock.h"
#include "badgewatch/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
struct bw_loop;

struct bw_loop *bw_loop_new(void);
void bw_loop_run(struct bw_loop *loop);             /* until nothing is active or bw_loop_stop */
bool bw_loop_turn(struct bw_loop *loop, bool wait); /* one turn; true while handles are active (tests) */
void bw_loop_stop(struct bw_loop *loop);
struct uv_loop_s *bw_loop_uv(struct bw_loop *loop); /* for net/ rooms only */
/* All handles must be closed or closing. Runs what is left (bounded, 2 s), logs the kind of each handle still
 * alive, frees. Returns 0, or the number of handles and name lookups left (a handle is a bug of ours; tests and
 * debug builds assert 0); the memory is then kept, since they still use it. */
int bw_loop_free(struct bw_loop *loop) BW_MUSTCHECK;
/* Called with the seconds that one turn of the loop held up the rest (time between poll return and the next
 * poll); one callback, NULL to stop. Feeds loop_lag_seconds. */
void bw_loop_on_turn(struct bw_loop *loop, void (*cb)(void *ctx, double busy_s), void *ctx);

/* ---- one-shot timer; heap object so that close may outlive the owner ---- */
struct bw_timer;
typedef void (*bw_timer_cb)(void *ctx);
struct bw_timer *bw_timer_new(struct bw_loop *loop, bw_timer_cb cb, void *ctx);
void bw_timer_start(struct bw_timer *t, int64_t ms); /* re-arms if running; ms < 1 counts as 1 */
void bw_timer_stop(struct bw_timer *t);
bool bw_timer_active(const struct bw_timer *t);
void bw_timer_free(struct bw_timer *t); /* stops at once, closes and frees by itself later; NULL is fine */

/* ---- before the loop next looks at its descriptors, once each time it is asked for ---- */
struct bw_turn_end;
enum bw_turn_order {
    BW_TURN_WORK, /* goes on with what the turn's callbacks brought */
    BW_TURN_SEND  /* after all of those: sends what they made */
};
struct bw_turn_end *bw_turn_end_new(struct bw_loop *loop, enum bw_turn_order order, void (*cb)(void *ctx),
                                    void *ctx);
void bw_turn_end_ask(struct bw_turn_end *t);  /* again before the callback: nothing more */
void bw_turn_end_free(struct bw_turn_end *t); /* no callback after this; NULL is fine */

/* ---- alarm at a time of the wall clock: timerfd(CLOCK_REALTIME, ABSTIME|CANCEL_ON_SET) ---- */
struct bw_alarm;
/* fired at or after `at`, or early with stepped = true when the clock was set: recompute and set again. */
typedef void (*bw_alarm_cb)(void *ctx, bool stepped);
enum bw_err bw_alarm_new(struct bw_loop *loop, bw_alarm_cb cb, void *ctx, struct bw_alarm **out) BW_MUSTCHECK;
enum bw_err bw_alarm_set(struct bw_alarm *a, struct bw_wall at) BW_MUSTCHECK;
void bw_alarm_free(struct bw_alarm *a);

/* ---- fd watch ---- */
struct bw_watch;
#define BW_READABLE 1
#define BW_WRITABLE 2
/* events 0 with broken = true: the fd reported an error and the watch has stopped by itself; the owner must
 * let its library see the fd once (as readable and writable) so that it notices. */
typedef void (*bw_watch_cb)(void *ctx, int events, bool broken);
enum bw_err bw_watch_new(struct bw_loop *loop, int fd, bw_watch_cb cb, void *ctx,
                         struct bw_watch **out) BW_MUSTCHECK;
enum bw_err bw_watch_set(struct bw_watch *w, int events) BW_MUSTCHECK; /* 0 = pause */
void bw_watch_free(struct bw_watch *w); /* gone from epoll at return; NULL is fine */

/* ---- signals ---- */
struct bw_signal;
typedef void (*bw_signal_cb)(void *ctx, int signum);
struct bw_signal *bw_signal_new(struct bw_loop *loop, int signum, bw_signal_cb cb, void *ctx);
void bw_signal_free(struct bw_signal *s);

/* ---- name resolution in the thread pool, with a deadline of its own ---- */
struct bw_resolve;
/* address: numeric text of the first address (NULL unless BW_OK), valid during the call. err BW_OK, BW_ERR_NOT_FOUND,
 * BW_ERR_TIMEOUT or BW_ERR_CLOSED never (cancel means no call). A numeric host is answered too (next turn). */
typedef void (*bw_resolve_cb)(void *ctx, enum bw_err err, const char *address);
struct bw_resolve *bw_resolve_start(struct bw_loop *loop, const char *host, int64_t timeout_ms,
                                    bw_resolve_cb cb, void *ctx);
void bw_resolve_cancel(struct bw_resolve *r); /* no callback after this; NULL is fine */
/* During the callback only: the i-th address in the system's order (0 is the one the callback got), at most 8;
 * NULL past the last. For owners that try the next one when a connection is refused ("localhost": ::1, then
 * 127.0.0.1). */
const char *bw_resolve_address(const struct bw_resolve *r, size_t i);
