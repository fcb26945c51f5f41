/* Settings are read again: on SIGHUP, and when `badgewatch reload` asks for it in Redis.
 *
 * Happy way: the file and the environment are loaded -> what changed is in force, since every part reads its settings when it
 * needs them -> `applied` is called, so that what waited for a person is tried at once -> the log, and whoever asked, are told what
 * changed and what is in force at the next start only. Failing: an invalid file is refused whole, the old settings stay.
 *
 * bw:reload is a hash: "asked" a number of whoever asks last (reload.lua), and for each daemon that number and its answer. */
#pragma once

#include "context.h"

struct bw_reload;

/* conf: in force; replaced here and freed by the caller. path: as for bw_conf_load, borrowed. */
struct bw_reload *bw_reload_new(struct bw_context *context, struct bw_conf *conf, const char *path,
                                void (*applied)(void *ctx), void *ctx);
void bw_reload_start(struct bw_reload *r);
/* why: "SIGHUP". */
void bw_reload_now(struct bw_reload *r, const char *why);
void bw_reload_stop(struct bw_reload *r);
void bw_reload_free(struct bw_reload *r);
