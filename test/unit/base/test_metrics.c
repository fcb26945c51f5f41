/* Both texts of the metrics, letter by letter, and what promtool says of them. */
#include "badgewatch/base/metrics.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static const double bounds[] = {0.05, 1, 2.5};

/* A registry with one of each kind. */
static struct bw_metrics *example(void)
{
    struct bw_metrics *m = bw_metrics_new();
    bw_metric_add(bw_metrics_counter(m, "checks_total", "outcome=\"ok\"", "Products looked at"), 3);
    bw_metrics_counter(m, "checks_total", "outcome=\"error\"", "not used: the family has its help");
    bw_metric_set(bw_metrics_gauge(m, "redis_up", "", "1 while \"it\" answers\nor \\ so"), 1);
    struct bw_metric *h = bw_metrics_histogram(m, "lag_seconds", "", "Turns of the loop", bounds, 3);
    static const double seen[] = {0.01, 0.05, 0.06, 2, 99};
    for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++)
        bw_metric_observe(h, seen[i]);
    bw_metrics_histogram(m, "lag_seconds", "part=\"x\"", "Turns of the loop", bounds, 3);
    return m;
}

static char *render(const struct bw_metrics *m, bool openmetrics)
{
    struct bw_buf out;
    bw_buf_init(&out, 1 << 20);
    assert_int_equal(bw_metrics_render(m, openmetrics, &out), BW_OK);
    return bw_buf_take(&out, NULL);
}

#define HISTOGRAM                                                                                            \
    "# TYPE badgewatch_lag_seconds histogram\n"                                                              \
    "badgewatch_lag_seconds_bucket{le=\"0.05\"} 2\n"                                                         \
    "badgewatch_lag_seconds_bucket{le=\"1.0\"} 3\n"                                                          \
    "badgewatch_lag_seconds_bucket{le=\"2.5\"} 4\n"                                                          \
    "badgewatch_lag_seconds_bucket{le=\"+Inf\"} 5\n"                                                         \
    "badgewatch_lag_seconds_sum 101.12\n"                                                                    \
    "badgewatch_lag_seconds_count 5\n"                                                                       \
    "badgewatch_lag_seconds_bucket{part=\"x\",le=\"0.05\"} 0\n"                                              \
    "badgewatch_lag_seconds_bucket{part=\"x\",le=\"1.0\"} 0\n"                                               \
    "badgewatch_lag_seconds_bucket{part=\"x\",le=\"2.5\"} 0\n"                                               \
    "badgewatch_lag_seconds_bucket{part=\"x\",le=\"+Inf\"} 0\n"                                              \
    "badgewatch_lag_seconds_sum{part=\"x\"} 0\n"                                                             \
    "badgewatch_lag_seconds_count{part=\"x\"} 0\n"

static void test_text(void **state)
{
    struct bw_metrics *m = example();
    (void)state;
    char *text = render(m, false);
    assert_string_equal(text, "# HELP badgewatch_checks_total Products looked at\n"
                              "# TYPE badgewatch_checks_total counter\n"
                              "badgewatch_checks_total{outcome=\"ok\"} 3\n"
                              "badgewatch_checks_total{outcome=\"error\"} 0\n"
                              "# HELP badgewatch_redis_up 1 while \"it\" answers\\nor \\\\ so\n"
                              "# TYPE badgewatch_redis_up gauge\n"
                              "badgewatch_redis_up 1\n"
                              "# HELP badgewatch_lag_seconds Turns of the loop\n" HISTOGRAM);
    free(text);
    bw_metrics_free(m);
}

static void test_openmetrics(void **state)
{
    struct bw_metrics *m = example();
    (void)state;
    char *text = render(m, true);
    assert_string_equal(text, "# HELP badgewatch_checks Products looked at\n"
                              "# TYPE badgewatch_checks counter\n"
                              "badgewatch_checks_total{outcome=\"ok\"} 3\n"
                              "badgewatch_checks_total{outcome=\"error\"} 0\n"
                              "# HELP badgewatch_redis_up 1 while \\\"it\\\" answers\\nor \\\\ so\n"
                              "# TYPE badgewatch_redis_up gauge\n"
                              "badgewatch_redis_up 1\n"
                              "# HELP badgewatch_lag_seconds Turns of the loop\n" HISTOGRAM "# EOF\n");
    free(text);
    bw_metrics_free(m);
}

static void test_same_series(void **state)
{
    struct bw_metrics *m = bw_metrics_new();
    (void)state;
    struct bw_metric *a = bw_metrics_gauge(m, "x", "", "help");
    assert_ptr_equal(bw_metrics_gauge(m, "x", "", "help"), a);
    assert_ptr_not_equal(bw_metrics_gauge(m, "x", "k=\"v\"", "help"), a);
    bw_metric_set(a, 5);
    bw_metric_add(a, -7);
    assert_true(bw_metric_value(a) == -2);
    struct bw_metric *h = bw_metrics_histogram(m, "h", "", "help", bounds, 3);
    bw_metric_observe(h, 0.3);
    bw_metric_observe(h, NAN); /* would stay in the sum for ever */
    assert_true(bw_metric_value(h) == 1);
    bw_metrics_free(m);
    bw_metrics_free(NULL);
}

static void test_numbers(void **state)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0"},
        {-1, "-1"},
        {0.1, "0.1"},
        {1e15, "1e+15"},
        {123456789012, "123456789012"},
        {123456789.125, "123456789.125"},
        {1.0 / 3, "0.3333333333333333"},
        {0.1 + 0.2, "0.30000000000000004"},
        {INFINITY, "+Inf"},
        {-INFINITY, "-Inf"},
        {NAN, "NaN"},
        {1e-9, "1e-09"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bw_metrics *m = bw_metrics_new();
        char want[128];
        bw_metric_set(bw_metrics_gauge(m, "x", "", "h"), rows[i].value);
        char *text = render(m, false);
        snprintf(want, sizeof(want), "# HELP badgewatch_x h\n# TYPE badgewatch_x gauge\nbadgewatch_x %s\n",
                 rows[i].text);
        assert_string_equal(text, want);
        free(text);
        bw_metrics_free(m);
    }
}

static void test_too_big(void **state)
{
    struct bw_metrics *m = example();
    struct bw_buf out;
    (void)state;
    bw_buf_init(&out, 200);
    assert_int_equal(bw_metrics_render(m, false, &out), BW_ERR_TOO_BIG);
    bw_buf_fini(&out);
    bw_metrics_free(m);
}

static double sample(const char *text, const char *name)
{
    char want[80];
    snprintf(want, sizeof(want), "\n%s ", name);
    const char *at = strstr(text, want);
    if (!at)
        fail_msg("no %s", name); /* does not return, which the analyzer cannot know */
    return at ? strtod(at + strlen(want), NULL) : NAN;
}

static void test_process(void **state)
{
    struct bw_metrics *m = bw_metrics_new();
    (void)state;
    bw_metrics_process(m);
    char *text = render(m, false);
    double fds = sample(text, "process_open_fds"), started = sample(text, "process_start_time_seconds");
    double cpu = sample(text, "process_cpu_seconds_total"),
           resident = sample(text, "process_resident_memory_bytes");
    assert_true(cpu >= 0 && cpu < 1000);
    assert_true(resident > 100000 && resident < sample(text, "process_virtual_memory_bytes"));
    assert_true(fds >= 3 && fds < sample(text, "process_max_fds"));
    assert_true(fabs(started - (double)time(NULL)) < 120);
    free(text);
    int fd = dup(STDOUT_FILENO);
    bw_metrics_process(m);
    text = render(m, false);
    assert_true(sample(text, "process_open_fds") == fds + 1);
    assert_true(sample(text, "process_start_time_seconds") == started); /* it does not move with the clocks */
    free(text);
    close(fd);
    bw_metrics_free(m);
}

/* Runs promtool on the text; its exit code, 127 if it is not installed. */
static int promtool(const char *text)
{
    int fd = memfd_create("metrics", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(fd, STDIN_FILENO);
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execlp("promtool", "promtool", "check", "metrics", (char *)NULL);
        _exit(127);
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    close(fd);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_promtool(void **state)
{
    struct bw_metrics *m = example();
    (void)state;
    bw_metrics_process(m);
    bw_metric_set(bw_metrics_gauge(m, "build_info", "version=\"0.1.0\"", "The version that runs"), 1);
    char *text = render(m, false);
    int code = promtool(text);
    free(text);
    bw_metrics_free(m);
    if (code == 127)
        skip();
    assert_int_equal(code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),        cmocka_unit_test(test_openmetrics),
        cmocka_unit_test(test_same_series), cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_too_big),     cmocka_unit_test(test_process),
        cmocka_unit_test(test_promtool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
