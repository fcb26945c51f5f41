/* Pages for people: / an index, /channel the channel as Slack would show it. */
#pragma once

#include "sim.h"

bool sim_page_serves(const char *path);
void sim_page_handle(struct sim *sim, const struct sim_request *request, struct sim_response *response);
/* Slack's mrkdwn as HTML; everything that is not markup is escaped. */
void sim_page_mrkdwn(struct bw_buf *out, const char *text);
void sim_page_escape(struct bw_buf *out, const char *text);
