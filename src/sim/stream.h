/* Bodies that are sent piece by piece: reset half-way, dripped, or far larger than memory. Pure but for memory:
 * http.c asks for the next bytes and does what `then` says. */
#pragma once

#include "request.h"

#include <sys/types.h>

struct sim_stream;

enum sim_then {
    SIM_MORE,  /* ask again when there is room */
    SIM_PAUSE, /* nothing now: suspend for the response's drip_ms, then ask again */
    SIM_END,
    SIM_CUT /* break the connection with a reset */
};

/* Takes over the body (already compressed where it is to be, except for SIM_SEND_HUGE, which compresses as it goes
 * when response->gzip is set). */
struct sim_stream *sim_stream_new(struct sim_response *response);
void sim_stream_free(struct sim_stream *s);
/* Length of the whole body; -1: unknown until the end. */
int64_t sim_stream_length(const struct sim_stream *s);
/* Writes up to max bytes; the count is only set with SIM_MORE. */
enum sim_then sim_stream_read(struct sim_stream *s, char *out, size_t max, size_t *n);

/* Compresses a whole body in place. */
void sim_gzip(struct bw_buf *body);
