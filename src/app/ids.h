/* Random identifiers: batch ids (UUID version 4) and the name of a daemon; and those that Redis gives to entries of streams. */
#pragma once

#include "badgewatch/core/change.h"

void bw_uuid_random(char out[BW_UUID_TEXT]);
/* "host-pid-xxxxxxxx": unique for each start, so that nobody mistakes a new daemon for a dead one. */
void bw_daemon_id(char out[64]);

/* "1778371200000-3": its time, and a number. */
struct bw_stream_id {
    uint64_t ms, seq;
};
struct bw_stream_id bw_stream_id_parse(const char *text);
int bw_stream_id_compare(struct bw_stream_id a, struct bw_stream_id b); /* < 0: a is the older */
