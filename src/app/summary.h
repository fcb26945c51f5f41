/* Sends the summaries of days, weeks and months: each once, whoever restarts, and however many daemons run.
 *
 * Happy way: at BADGEWATCH_SUMMARY_AT the figures of the day before are computed and stored (one row of daily_summaries a
 * day, of period_summaries a week or month; the first daemon wins) -> a note is queued in bw:outbox (once: its id is in bw:untold) -> the notifier sends it like
 * an alert -> the writer marks the row. Failing: a store that is away delays it, for four hours; a row that is not sent and
 * whose note is gone (Redis was emptied) is queued again, with a doubt, so that the channel is looked at first. */
#pragma once

#include "badgewatch/app/summary.h"
#include "context.h"

struct bw_summarizer;

struct bw_summarizer *bw_summarizer_new(const struct bw_context *context, void (*queued)(void *ctx),
                                        void *ctx);
void bw_summarizer_start(struct bw_summarizer *s);
void bw_summarizer_forget(struct bw_summarizer *s); /* Redis was emptied: what was queued may be gone */
void bw_summarizer_stop(struct bw_summarizer *s);
void bw_summarizer_free(struct bw_summarizer *s);
