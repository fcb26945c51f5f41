/* The Lua scripts of src/app/lua, embedded. Each changes Redis in one step; their heads say keys, arguments, answers. */
#pragma once

#include "badgewatch/redis/redis.h"

/* bw_script_claim and so on: lua/claim.lua. */
/* clang-format off */
#define BW_SCRIPTS(X) \
    X(claim) X(release) X(stage) X(track) X(untrack) X(poll) X(adopt) X(written) X(set_aside) \
    X(told) X(products) X(verified) X(read) X(address) X(intend) X(requeue) X(note) X(history) \
    X(health) X(tokens) X(park) X(wake) X(guard_look) X(guard_say) X(reload)
/* clang-format on */
#define BW_SCRIPT_DECLARE(name) extern struct bw_script bw_script_##name;
BW_SCRIPTS(BW_SCRIPT_DECLARE)

/* Before the first use: in main's thread, once (cli). */
void bw_scripts_init(void);
