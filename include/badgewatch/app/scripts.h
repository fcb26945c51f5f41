/* The Lua scripts of src/app/lua, embedded. Each changes Redis in one step; their heads say keys, arguments, answers. */
#pragma once

#include "badgewatch/redis/redis.h"

extern struct bw_script bw_script_claim, bw_script_release, bw_script_stage, bw_script_track,
    bw_script_untrack, bw_script_poll, bw_script_adopt, bw_script_written, bw_script_set_aside,
    bw_script_told, bw_script_products, bw_script_verified, bw_script_read, bw_script_address,
    bw_script_intend, bw_script_requeue, bw_script_note, bw_script_history, bw_script_health,
    bw_script_tokens, bw_script_park, bw_script_wake, bw_script_guard_look, bw_script_guard_say,
    bw_script_reload;

/* Before the first use: in main's thread, once (cli). */
void bw_scripts_init(void);
