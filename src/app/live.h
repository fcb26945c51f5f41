/* The readable live state of a product in Redis (HGETALL bw:product:D:ASIN), made from its machine state. Used where a
 * check is staged and where a state is restored from Postgres, so that both leave the same hash. */
#pragma once

#include "args.h"
#include "badgewatch/codec/state_json.h"

/* "n, field, value, ..." of what the state says, the machine record ("version", "state") included: all of it, or, where prev
 * is what the hash was made from, at least what differs. Now and then all of it is given then too, so that a hash that a
 * person changed, or an older version made, heals. */
void bw_live_fields(const struct bw_state *state, const struct bw_state *prev,
                    const struct bw_state_text *text, struct bw_args *args);
/* "n, category, since, ..." of the badges held. */
void bw_live_badges(const struct bw_state *state, struct bw_args *args);
