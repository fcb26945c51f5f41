/* Figures as lines. All of them are there when they are 0, too: a summary that comes says that somebody watched. */
#include "badgewatch/core/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bw_summary_fini(struct bw_summary *s)
{
    for (size_t i = 0; i < s->n_top; i++)
        free(s->top[i].name);
    *s = (struct bw_summary){.oldest_s = -1};
}

static void put_top(const struct bw_summary *s, struct bw_buf *out)
{
    bw_buf_adds(out, "Top categories: ");
    for (size_t i = 0; i < s->n_top; i++)
        bw_buf_addf(out, "%s%s (%" PRId64 ")", i ? ", " : "", s->top[i].name, s->top[i].changes);
    bw_buf_adds(out, s->n_top ? "\n" : "none\n");
}

static void put_period(const struct bw_period *p, struct bw_buf *out)
{
    if (p->kind == BW_DAILY)
        bw_buf_addf(out, "Day: %s (UTC)\n", p->name);
    else
        bw_buf_addf(out, "%s: %s, %s to %s (UTC)\n", p->kind == BW_WEEKLY ? "Week" : "Month", p->name,
                    p->first, p->last);
}

void bw_summary_lines(const struct bw_period *period, const struct bw_summary *s, const char *currency,
                      struct bw_buf *out)
{
    char age[BW_TIME_TEXT];
    put_period(period, out);
    bw_buf_addf(out, "Changes: %" PRId64 "\n", s->gained + s->lost);
    bw_buf_addf(out, "Gained: %" PRId64 "\n", s->gained);
    bw_buf_addf(out, "Lost: %" PRId64 "\n", s->lost);
    if (s->muted > 0)
        bw_buf_addf(out, "Muted: %" PRId64 " of them\n", s->muted);
    if (s->withheld > 0)
        bw_buf_addf(out, "Left out: %" PRId64 " of them, by a route or for want of Slack\n", s->withheld);
    bw_buf_addf(out, "Products checked: %" PRId64 " of %" PRId64 "\n", s->checked, s->tracked);
    bw_buf_addf(out, "API calls: %" PRId64 "\n", s->calls);
    bw_buf_addf(out, "Tokens: %" PRId64 "\n", s->tokens);
    bw_buf_addf(out, "Estimated cost: %.2f %s\n", s->cost_cents / 100, currency);
    bw_buf_addf(out, "Badges held: %" PRId64 "\n", s->badges);
    put_top(s, out);
    if (s->oldest_s >= 0)
        bw_duration_words(s->oldest_s, age);
    bw_buf_addf(out, "Oldest data: %s\n", s->oldest_s >= 0 ? age : "none");
}
