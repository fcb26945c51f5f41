/* A stored state inside another document. Private to this room. */
#pragma once

#include "cursor.h"

#include "badgewatch/codec/state_json.h"

/* *s is initialised with its key, and is to be freed on failure too. What is no JSON is BW_ERR_INVALID as well. */
enum bw_err state_read(struct bw_cursor *c, struct bw_state *s, struct bw_error *error);
