/* Texts of strangers inside our messages. Private to this room. */
#pragma once

#include "badgewatch/base/buf.h"

#include <stdbool.h>
#include <stddef.h>

/* Appends text made harmless, and not more than max characters of it as written, then an ellipsis; false if nothing that
 * can be seen was in it. markup: for mrkdwn and `text`, & < > are escaped; else for plain_text objects. */
bool bw_slack_put_clean(const char *text, size_t max, bool markup, struct bw_buf *out);
/* It has letters that run from right to left. */
bool bw_slack_runs_right_to_left(const char *text);
