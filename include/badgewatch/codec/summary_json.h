/* Figures as they lie in daily_summaries.summary and period_summaries.summary, written by Postgres (app/summary.h). */
#pragma once

#include "badgewatch/core/summary.h"

/* Members: gained, lost, withheld, checked, tracked, calls, tokens, cost_cents, badges, top [{name, changes}],
 * oldest_s (may be null). */
enum bw_err bw_summary_decode(const char *json, size_t len, struct bw_summary *out,
                              struct bw_error *error) BW_MUSTCHECK;
