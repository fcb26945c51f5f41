/* The metrics registry. Families and series are short lists searched in order: a daemon has some forty series, and
 * hot paths keep the pointer that the declaration gave them. */
#include "badgewatch/base/metrics.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"

#include <assert.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

struct bw_metric {
    STAILQ_ENTRY(bw_metric) link;
    struct family *family;
    char *labels;
    double value;      /* counter, gauge; histogram: sum */
    uint64_t count;    /* histogram */
    uint64_t *buckets; /* histogram: one for each bound, not cumulative */
};

struct family {
    STAILQ_ENTRY(family) link;
    enum bw_metric_type type;
    char *name; /* with prefix; counters with _total */
    char *help;
    double *bounds;
    size_t n_bounds;
    STAILQ_HEAD(, bw_metric) series;
};

struct bw_metrics {
    STAILQ_HEAD(, family) families;
};

struct bw_metrics *bw_metrics_new(void)
{
    struct bw_metrics *m = bw_alloc(sizeof(*m));
    STAILQ_INIT(&m->families);
    return m;
}

static void free_family(struct family *f)
{
    struct bw_metric *s;
    while ((s = STAILQ_FIRST(&f->series))) {
        STAILQ_REMOVE_HEAD(&f->series, link);
        free(s->labels);
        free(s->buckets);
        free(s);
    }
    free(f->name);
    free(f->help);
    free(f->bounds);
    free(f);
}

void bw_metrics_free(struct bw_metrics *m)
{
    struct family *f;
    if (!m)
        return;
    while ((f = STAILQ_FIRST(&m->families))) {
        STAILQ_REMOVE_HEAD(&m->families, link);
        free_family(f);
    }
    free(m);
}

static struct family *family(struct bw_metrics *m, enum bw_metric_type type, const char *name,
                             const char *help)
{
    char *full = strncmp(name, "process_", 8) == 0 ? bw_strdup(name) : bw_asprintf("badgewatch_%s", name);
    struct family *f;
    STAILQ_FOREACH (f, &m->families, link) {
        if (strcmp(f->name, full) == 0) {
            assert(f->type == type);
            free(full);
            return f;
        }
    }
    f = bw_alloc(sizeof(*f));
    f->type = type;
    f->name = full;
    f->help = bw_strdup(help);
    STAILQ_INIT(&f->series);
    STAILQ_INSERT_TAIL(&m->families, f, link);
    return f;
}

static struct bw_metric *series(struct family *f, const char *labels)
{
    struct bw_metric *s;
    STAILQ_FOREACH (s, &f->series, link) {
        if (strcmp(s->labels, labels) == 0)
            return s;
    }
    s = bw_alloc(sizeof(*s));
    s->family = f;
    s->labels = bw_strdup(labels);
    if (f->n_bounds > 0)
        s->buckets = bw_alloc_array(f->n_bounds, sizeof(*s->buckets));
    STAILQ_INSERT_TAIL(&f->series, s, link);
    return s;
}

struct bw_metric *bw_metrics_counter(struct bw_metrics *m, const char *name, const char *labels,
                                     const char *help)
{
    /* OpenMetrics knows no other counters. */
    assert(strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0);
    return series(family(m, BW_METRIC_COUNTER, name, help), labels);
}

struct bw_metric *bw_metrics_gauge(struct bw_metrics *m, const char *name, const char *labels,
                                   const char *help)
{
    return series(family(m, BW_METRIC_GAUGE, name, help), labels);
}

struct bw_metric *bw_metrics_histogram(struct bw_metrics *m, const char *name, const char *labels,
                                       const char *help, const double *bounds, size_t n_bounds)
{
    for (size_t i = 0; i < n_bounds; i++)
        assert(isfinite(bounds[i]) && (i == 0 || bounds[i - 1] < bounds[i]));
    struct family *f = family(m, BW_METRIC_HISTOGRAM, name, help);
    if (!f->bounds) {
        f->bounds = bw_alloc_array(n_bounds, sizeof(*bounds));
        memcpy(f->bounds, bounds, n_bounds * sizeof(*bounds));
        f->n_bounds = n_bounds;
    }
    return series(f, labels);
}

void bw_metric_add(struct bw_metric *s, double by)
{
    assert(s->family->type != BW_METRIC_HISTOGRAM);
    assert(s->family->type != BW_METRIC_COUNTER || by >= 0);
    s->value += by;
}

void bw_metric_set(struct bw_metric *s, double value)
{
    assert(s->family->type == BW_METRIC_GAUGE);
    s->value = value;
}

void bw_metric_observe(struct bw_metric *s, double value)
{
    assert(s->family->type == BW_METRIC_HISTOGRAM);
    if (isnan(value)) /* it would stay in the sum for ever */
        return;
    s->count++;
    s->value += value;
    for (size_t i = 0; i < s->family->n_bounds; i++) {
        if (value <= s->family->bounds[i]) {
            s->buckets[i]++;
            return;
        }
    }
}

double bw_metric_value(const struct bw_metric *s)
{
    return s->family->type == BW_METRIC_HISTOGRAM ? (double)s->count : s->value;
}

/* ---- the process ---- */

static void set_process(struct bw_metrics *m, const char *name, const char *help, double value)
{
    bw_metric_set(bw_metrics_gauge(m, name, "", help), value);
}

/* The start is computed once: clocks are adjusted while we run, and a start time that moves looks like a restart. */
static void set_start_time(struct bw_metrics *m, double started)
{
    struct bw_metric *s =
        bw_metrics_gauge(m, "process_start_time_seconds", "", "Start of the process, unix time");
    struct timespec up;
    if (s->value > 0)
        return;
    clock_gettime(CLOCK_BOOTTIME, &up);
    double boot = (double)bw_wall_now().ms / 1000.0 - ((double)up.tv_sec + (double)up.tv_nsec / 1e9);
    bw_metric_set(s, floor((boot + started) * 100) / 100);
}

/* Fields of /proc/self/stat by their numbers in proc(5). The command name, field 2, may hold blanks and brackets. */
static void read_stat(struct bw_metrics *m)
{
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (!f)
        return;
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    char *p = strrchr(text, ')');
    if (!p)
        return;
    p++;
    for (int field = 3; *p; field++) {
        p += strspn(p, " ");
        double value = strtod(p, NULL);
        p += strcspn(p, " ");
        if (field == 22)
            set_start_time(m, value / (double)sysconf(_SC_CLK_TCK));
        else if (field == 23)
            set_process(m, "process_virtual_memory_bytes", "Virtual memory", value);
        else if (field == 24)
            set_process(m, "process_resident_memory_bytes", "Resident memory",
                        value * (double)sysconf(_SC_PAGESIZE));
    }
}

static double count_fds(void)
{
    double n = 0;
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n - 3; /* ".", ".." and the folder itself */
}

void bw_metrics_process(struct bw_metrics *m)
{
    struct rusage usage;
    struct rlimit limit;
    getrusage(RUSAGE_SELF, &usage);
    struct bw_metric *cpu = bw_metrics_counter(m, "process_cpu_seconds_total", "", "User and system time");
    cpu->value = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    read_stat(m);
    set_process(m, "process_open_fds", "Open file descriptors", count_fds());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        set_process(m, "process_max_fds", "Limit of open file descriptors", (double)limit.rlim_cur);
}

/* ---- rendering ---- */

/* The shortest decimal that reads back as the same number: no digit is lost, and none is made up. */
static void put_double(struct bw_buf *out, double value)
{
    char text[32];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    bw_buf_adds(out, text);
}

static void put_value(struct bw_buf *out, double value)
{
    if (isnan(value))
        bw_buf_adds(out, "NaN");
    else if (isinf(value))
        bw_buf_adds(out, value > 0 ? "+Inf" : "-Inf");
    else if (floor(value) == value && fabs(value) < 1e15)
        bw_buf_addf(out, "%.0f", value);
    else
        put_double(out, value);
    bw_buf_addc(out, '\n');
}

/* OpenMetrics wants "1.0" for a whole number; the older format takes it too, and a bucket's name does not depend on
 * what the scraper asked for. */
static void put_bound(struct bw_buf *out, double bound)
{
    if (floor(bound) == bound && fabs(bound) < 1e6)
        bw_buf_addf(out, "%.1f", bound);
    else
        put_double(out, bound);
}

/* A quote is escaped in OpenMetrics only. */
static void put_help(struct bw_buf *out, const char *help, bool openmetrics)
{
    for (; *help; help++) {
        if (*help == '\\')
            bw_buf_adds(out, "\\\\");
        else if (*help == '\n')
            bw_buf_adds(out, "\\n");
        else if (*help == '"' && openmetrics)
            bw_buf_adds(out, "\\\"");
        else
            bw_buf_addc(out, *help);
    }
    bw_buf_addc(out, '\n');
}

static void put_histogram(const struct family *f, const struct bw_metric *s, struct bw_buf *out)
{
    uint64_t total = 0;
    const char *comma = s->labels[0] ? "," : "";
    for (size_t i = 0; i <= f->n_bounds; i++) {
        bool last = i == f->n_bounds;
        total = last ? s->count : total + s->buckets[i];
        bw_buf_addf(out, "%s_bucket{%s%sle=\"", f->name, s->labels, comma);
        if (last)
            bw_buf_adds(out, "+Inf");
        else
            put_bound(out, f->bounds[i]);
        bw_buf_addf(out, "\"} %llu\n", (unsigned long long)total);
    }
    const char *open = s->labels[0] ? "{" : "", *close = s->labels[0] ? "}" : "";
    bw_buf_addf(out, "%s_sum%s%s%s ", f->name, open, s->labels, close);
    put_value(out, s->value);
    bw_buf_addf(out, "%s_count%s%s%s %llu\n", f->name, open, s->labels, close, (unsigned long long)s->count);
}

static void put_family(const struct family *f, bool openmetrics, struct bw_buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    /* OpenMetrics names a counter's family without _total; the 0.0.4 text format with it. */
    size_t len = strlen(f->name);
    bool counter = f->type == BW_METRIC_COUNTER;
    int shown = (int)(openmetrics && counter ? len - 6 : len);
    bw_buf_addf(out, "# HELP %.*s ", shown, f->name);
    put_help(out, f->help, openmetrics);
    bw_buf_addf(out, "# TYPE %.*s %s\n", shown, f->name, types[f->type]);
    const struct bw_metric *s;
    STAILQ_FOREACH (s, &f->series, link) {
        if (f->type == BW_METRIC_HISTOGRAM) {
            put_histogram(f, s, out);
            continue;
        }
        if (s->labels[0])
            bw_buf_addf(out, "%s{%s} ", f->name, s->labels);
        else
            bw_buf_addf(out, "%s ", f->name);
        put_value(out, s->value);
    }
}

enum bw_err bw_metrics_render(const struct bw_metrics *m, bool openmetrics, struct bw_buf *out)
{
    const struct family *f;
    STAILQ_FOREACH (f, &m->families, link)
        put_family(f, openmetrics, out);
    if (openmetrics)
        bw_buf_adds(out, "# EOF\n");
    return out->overflow ? BW_ERR_TOO_BIG : BW_OK;
}
