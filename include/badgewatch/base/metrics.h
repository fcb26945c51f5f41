/* Counters, gauges and histograms in the Prometheus data model, rendered as text 0.0.4 or OpenMetrics 1.0.
 *
 * A family is declared once; its series are declared with it, or appear at first use, and start at 0.
 * Not thread safe: all of it lives on the loop. */
#pragma once

#include "badgewatch/base/buf.h"

#include <stdint.h>

struct bw_metrics;
struct bw_metric; /* one series: borrowed, lives as long as the registry */

enum bw_metric_type { BW_METRIC_COUNTER, BW_METRIC_GAUGE, BW_METRIC_HISTOGRAM };

struct bw_metrics *bw_metrics_new(void);
void bw_metrics_free(struct bw_metrics *m);

/* name without prefix "badgewatch_" where the family is ours; names that start with "process_" are kept as
 * they are. For counters the name includes its _total. labels is "" or `outcome="ok"` (already escaped).
 * bounds (ascending upper limits, +Inf implied) only for histograms. Asking again for the same name and
 * labels gives the same series; asking with another type is our own mistake (assert). */
struct bw_metric *bw_metrics_counter(struct bw_metrics *m, const char *name, const char *labels,
                                     const char *help);
struct bw_metric *bw_metrics_gauge(struct bw_metrics *m, const char *name, const char *labels,
                                   const char *help);
struct bw_metric *bw_metrics_histogram(struct bw_metrics *m, const char *name, const char *labels,
                                       const char *help, const double *bounds, size_t n_bounds);

void bw_metric_add(struct bw_metric *s, double by); /* counters: by >= 0 */
void bw_metric_set(struct bw_metric *s, double value);
void bw_metric_observe(struct bw_metric *s, double value);
double bw_metric_value(const struct bw_metric *s); /* counter, gauge: value; histogram: count */

/* Updates process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
 * process_open_fds, process_max_fds, process_start_time_seconds from /proc/self. */
void bw_metrics_process(struct bw_metrics *m);

#define BW_METRICS_TYPE_TEXT        "text/plain; version=0.0.4; charset=utf-8"
#define BW_METRICS_TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"
enum bw_err bw_metrics_render(const struct bw_metrics *m, bool openmetrics, struct bw_buf *out) BW_MUSTCHECK;
