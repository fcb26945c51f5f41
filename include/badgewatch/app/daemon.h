/* `badgewatch run`: the daemon, from start to a clean end. */
#pragma once

#include "badgewatch/conf/conf.h"

/* Takes ownership of *conf. conf_path: --config or NULL, for SIGHUP. Returns the exit code: 0 after SIGTERM or SIGINT, 1
 * where it could not begin (status port, bad URL). Parts that are away at the start are waited for. */
int bw_daemon_run(struct bw_conf *conf, const char *conf_path);
