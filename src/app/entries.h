/* Entries of bw:changes as arguments of the scripts that add them (stage.lua, requeue.lua). */
#pragma once

#include "args.h"
#include "badgewatch/codec/entry.h"

/* Adds: change id, n, field value ... check: which check it came from, of: how many changes that check has. */
void bw_entries_change(struct bw_args *args, const struct bw_change_entry *entry, const char *check,
                       size_t of);
