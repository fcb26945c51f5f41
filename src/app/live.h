/* The readable live state of a product in Redis (HGETALL bw:product:D:ASIN), made from its machine state. Used where a
 * check is staged and where a state is restored from Postgres, so that both leave the same hash. */
#pragma once

#include "args.h"
#include "badgewatch/codec/state_json.h"

/* "n, field, value, ..." of everything the state says, the machine record ("version", "state") included. */
void bw_live_fields(const struct bw_state *state, const struct bw_state_text *text, struct bw_args *args);
/* "n, category, since, ..." of the badges held. */
void bw_live_badges(const struct bw_state *state, struct bw_args *args);
