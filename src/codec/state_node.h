/* A stored state inside another document. Private to this room. */
#pragma once

#include "badgewatch/codec/json.h"
#include "badgewatch/codec/state_json.h"

/* *s is initialised with its key, and is to be freed on failure too. */
enum bw_err state_read(const struct bw_json_node *root, struct bw_state *s, struct bw_error *error);
