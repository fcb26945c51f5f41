/* The HTTP edge: listeners on loopback, libmicrohttpd in our own loop, and the ways of answering badly.
 *
 * One thread, one poll(): listeners (accepted by us, so that they can be closed and opened again), libmicrohttpd's
 * epoll descriptor, a signalfd. Stalled and dripping answers are suspended connections with a due time. */
#pragma once

#include "sim.h"

struct sim_http;

/* Opens all addresses of the arguments. BW_ERR_DENIED: an address is not loopback. */
enum bw_err sim_http_new(struct sim *sim, struct sim_http **out, struct bw_error *error) BW_MUSTCHECK;
/* Base URL of listener i, for people; false past the last. */
bool sim_http_url(const struct sim_http *http, size_t i, char out[80]);
/* Runs until SIGTERM or SIGINT. */
void sim_http_run(struct sim_http *http);
void sim_http_free(struct sim_http *http);
