/* badgewatch-sim: Keepa and Slack on loopback. Ends with 0 on SIGTERM and SIGINT, 1 if it cannot start, 2 for wrong
 * usage. */
#include "args.h"
#include "http.h"
#include "sim.h"
#include "state.h"

#include <stdio.h>

static void announce(const struct sim_http *http)
{
    char url[80];
    for (size_t i = 0; sim_http_url(http, i, url); i++)
        printf("badgewatch-sim: listening on %s\n", url);
    fflush(stdout);
}

static int run(const struct sim_args *args)
{
    struct bw_error error;
    struct sim *sim = NULL;
    struct sim_http *http = NULL;
    enum bw_err err = sim_new(args, &sim, &error);
    if (err == BW_OK)
        err = sim_http_new(sim, &http, &error);
    if (err == BW_OK) {
        announce(http);
        sim_http_run(http);
        sim_state_save(sim);
    } else {
        fprintf(stderr, "badgewatch-sim: %s\n", error.text);
    }
    sim_http_free(http);
    sim_free(sim);
    return err == BW_OK ? 0 : err == BW_ERR_DENIED || err == BW_ERR_INVALID ? 2 : 1;
}

int main(int argc, char **argv)
{
    struct sim_args args;
    switch (sim_args_parse(argc, argv, &args)) {
    case SIM_RUN:
        return run(&args);
    case SIM_EXIT_OK:
        return 0;
    default:
        return 2;
    }
}
