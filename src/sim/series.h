/* A flat Keepa series [minute, value(, value), ...], oldest first, and what is done to it: appending on change,
 * cutting at "now" and at `days`, and telling the crossings of rank 1 in it. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_series {
    int64_t *v;
    size_t n; /* numbers, not points */
    size_t cap;
    size_t stride; /* 2, or 3 for (minute, price, shipping) */
};

struct sim_span { /* [begin, end) of numbers */
    size_t begin;
    size_t end;
};

void sim_series_init(struct sim_series *s, size_t stride);
void sim_series_fini(struct sim_series *s);
void sim_series_add(struct sim_series *s, int64_t number);
/* One pair, unless the newest value is the same already (Keepa appends on change only). */
void sim_series_append(struct sim_series *s, int64_t minute, int64_t value);
/* The points visible at `now` (minutes). days > 0 keeps those newer than now - days*1440 and the one older point
 * that is still in force at that moment; days = 0 keeps all. */
struct sim_span sim_series_cut(const struct sim_series *s, int64_t now, int64_t days);

enum sim_reason { SIM_REACHED_TOP, SIM_OUTRANKED, SIM_UNRANKED };
struct sim_crossing {
    bool gained;
    enum sim_reason reason;
    int64_t minute;
    int64_t previous; /* -1: none */
    int64_t next;     /* -1: none */
};
typedef void sim_crossing_cb(void *ctx, const struct sim_crossing *c);
/* Entries into and exits from rank 1 at minutes in [from, to]; a series that begins with 1 is an entry. */
void sim_series_crossings(const struct sim_series *s, int64_t from, int64_t to, sim_crossing_cb *cb,
                          void *ctx);
const char *sim_reason_name(enum sim_reason r);
