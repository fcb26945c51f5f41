/* Two clocks that cannot be mixed: struct bw_mono for intervals and time-outs, struct bw_wall for what a
 * person or another machine calls a time. Logic takes them as arguments; only edges read them. */
#pragma once

#include "badgewatch/base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* CLOCK_BOOTTIME: like CLOCK_MONOTONIC, but time asleep counts too. A laptop that was suspended must not begin what it was
 * about to send before: others have done it meanwhile. */
struct bw_mono {
    int64_t ms;
};

struct bw_wall {
    int64_t ms; /* CLOCK_REALTIME, milliseconds since 1970-01-01T00:00:00Z */
};

struct bw_mono bw_mono_now(void);
struct bw_wall bw_wall_now(void);

#define BW_TIME_TEXT 32 /* room for each of the texts below */

/* "2026-05-10T04:19:28Z" from unix seconds, UTC; years 1..9999, else "". */
void bw_time_format(int64_t unix_s, char out[BW_TIME_TEXT]);
/* "2026-05-10T04:19:28.123Z" from unix milliseconds, UTC. */
void bw_time_format_ms(int64_t unix_ms, char out[BW_TIME_TEXT]);
/* For people, as all messages write it: "2026-05-10 04:19 UTC"; "an unknown time" where the above are "". */
void bw_time_words(int64_t unix_s, char out[BW_TIME_TEXT]);
/* RFC 3339 subset: "2026-05-10", "2026-05-10T04:19Z", with seconds, with fraction (kept to ms), with 'Z' or
 * +hh:mm or none (= UTC), ' ' instead of 'T' allowed. Gives unix milliseconds. */
enum bw_err bw_time_parse(const char *text, int64_t *unix_ms) BW_MUSTCHECK;

/* Durations of the settings and options: "500ms", "30s", "15m", "8h", "7d"; a positive decimal integer and
 * a unit, at most 10 years. Gives milliseconds. */
enum bw_err bw_duration_parse(const char *text, int64_t *ms) BW_MUSTCHECK;
/* The shortest exact form of the above, e.g. 90000 -> "90s", 3600000 -> "1h". */
void bw_duration_format(int64_t ms, char out[BW_TIME_TEXT]);
/* For people, two units at most: "12 d 4 h", "4 h 10 min", "3 min", "42 s". */
void bw_duration_words(int64_t s, char out[BW_TIME_TEXT]);
