/* Block Kit as chat.postMessage judges it: types, members, lengths and counts.
 *
 * Characters are counted as code points. What Slack does not document is taken at its strictest known value: an
 * unknown member fails the whole call, and the text of all blocks together may hold 13,200 characters. */
#pragma once

#include "json.h"

/* NULL: valid. Else the error code ("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"), and the
 * diagnoses are added to `messages` (an array) as Slack words them, with a JSON pointer. */
const char *sim_blocks_check(struct json_object *blocks, struct json_object *messages);
/* metadata of a message: NULL if valid, else the error code. */
const char *sim_metadata_check(struct json_object *metadata);
