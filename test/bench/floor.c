/* The floor of the benchmark: what fetching costs, whoever does it.
 *
 *   bench_floor ROUNDS AT_ONCE <urls
 *
 * Asks for each URL of stdin ROUNDS times, AT_ONCE at a time, through the same HTTP room as the daemon, inflates the
 * answers and throws them away. One JSON object on stdout: requests, bytes, cpu_s, wall_s. How it fails: exit 1 as soon
 * as one answer is not a 200; what was measured until then says nothing. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/http/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct floor_run {
    struct bw_loop *loop;
    struct bw_http *http;
    char **urls;
    size_t n_urls, next, wanted, done;
    size_t bytes;
    bool failed;
};

static enum bw_err drop(void *ctx, const char *data, size_t len)
{
    struct floor_run *run = ctx;
    (void)data;
    run->bytes += len;
    return BW_OK;
}

static void start(struct floor_run *run);

static void on_response(void *ctx, const struct bw_http_response *r)
{
    struct floor_run *run = ctx;
    run->done++;
    if (r->err != BW_OK || r->status != 200) {
        fprintf(stderr, "bench_floor: status %ld: %s\n", r->status, r->reason);
        run->failed = true;
    }
    if (run->failed || run->done == run->wanted)
        bw_loop_stop(run->loop);
    else if (run->next < run->wanted)
        start(run);
}

static void start(struct floor_run *run)
{
    struct bw_http_request request = {.method = BW_HTTP_GET,
                                      .url = run->urls[run->next++ % run->n_urls],
                                      .max_body = (size_t)256 << 20,
                                      .idempotent = true,
                                      .on_body = drop};
    if (bw_http_start(run->http, &request, on_response, run, NULL) == BW_OK)
        return;
    fprintf(stderr, "bench_floor: a request cannot be started\n");
    run->failed = true;
    bw_loop_stop(run->loop);
}

static void read_urls(struct floor_run *run)
{
    char *line = NULL;
    size_t size = 0;
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\n")] = '\0';
        run->urls = bw_realloc_array(run->urls, run->n_urls + 1, sizeof(*run->urls));
        run->urls[run->n_urls++] = bw_strdup(line);
    }
    free(line);
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void measure(struct floor_run *run, size_t at_once)
{
    struct bw_mono began = bw_mono_now();
    double cpu = cpu_s();
    for (size_t i = 0; i < at_once && run->next < run->wanted && !run->failed; i++)
        start(run);
    bw_loop_run(run->loop);
    if (!run->failed)
        printf("{\"requests\": %zu, \"bytes\": %zu, \"cpu_s\": %.6f, \"wall_s\": %.3f}\n", run->done,
               run->bytes, cpu_s() - cpu, (double)(bw_mono_now().ms - began.ms) / 1000.0);
}

int main(int argc, char **argv)
{
    struct floor_run run = {.loop = NULL};
    size_t rounds = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
    size_t at_once = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (rounds == 0 || at_once == 0) {
        fprintf(stderr, "usage: bench_floor ROUNDS AT_ONCE <urls\n");
        return 2;
    }
    read_urls(&run);
    run.wanted = run.n_urls * rounds;
    run.failed = run.n_urls == 0;
    run.loop = bw_loop_new();
    run.http = bw_http_new(run.loop, "badgewatch-bench", (int)at_once);
    if (!run.failed)
        measure(&run, at_once);
    bw_http_close(run.http, NULL, NULL);
    bool left = bw_loop_free(run.loop) != 0;
    for (size_t i = 0; i < run.n_urls; i++)
        free(run.urls[i]);
    free(run.urls);
    return run.failed || left ? 1 : 0;
}
