/* The messages that were posted, in order. With a file, each message is one line appended to it in one write, so
 * that a killed simulator loses at most a line that was being written; that torn line is dropped at the next start.
 *
 * A message: {channel, ts, text, blocks, attachments, metadata, received_ms, via: "api" or "webhook"}; of a
 * reply also thread_ts and, where the channel shows it too, reply_broadcast. */
#pragma once

#include "badgewatch/base/err.h"
#include "json.h"

#include <stddef.h>

#define SIM_MAX_MESSAGES 50000 /* kept in memory; older ones are dropped from it, not from the file */

#define SIM_MAX_RATES 64

struct sim_rate { /* of one channel */
    char channel[64];
    double credit; /* messages that may still come at once */
    int64_t at_ms;
};

struct sim_channels {
    struct json_object **messages; /* oldest first */
    size_t n;
    int64_t last_us;                      /* newest ts */
    int fd;                               /* -1: no file */
    struct sim_rate rates[SIM_MAX_RATES]; /* channels past that many share the last one */
    size_t n_rates;
};

/* path NULL: nothing is kept. */
enum bw_err sim_channels_open(struct sim_channels *c, const char *path, struct bw_error *error) BW_MUSTCHECK;
void sim_channels_fini(struct sim_channels *c);
/* Gives the message its ts (unique, increasing, near now_ms) and keeps it; takes the reference. A file that cannot
 * be written is logged; the message is kept in memory. */
void sim_channels_post(struct sim_channels *c, struct json_object *message, int64_t now_ms);
/* The message with this ts, borrowed; or NULL. */
struct json_object *sim_channels_find(const struct sim_channels *c, const char *channel, const char *ts);
/* Whether one more message may be posted to the channel now; *wait_ms otherwise says when. */
bool sim_channels_admit(struct sim_channels *c, const char *channel, int64_t now_ms, double rate,
                        int64_t burst, int64_t *wait_ms);
