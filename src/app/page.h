/* The web page at /: parts, numbers, badges held now, newest changes; plain HTML without scripts. */
#pragma once

#include "api.h"

void bw_page_answer(struct bw_context *cx, const struct bw_api_parts *parts, struct bw_exchange *exchange);
