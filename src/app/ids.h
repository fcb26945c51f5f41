/* Random identifiers: batch ids (UUID version 4) and the name of a daemon. */
#pragma once

#include "badgewatch/core/change.h"

void bw_uuid_random(char out[BW_UUID_TEXT]);
/* "host-pid-xxxxxxxx": unique for each start, so that nobody mistakes a new daemon for a dead one. */
void bw_daemon_id(char out[64]);
