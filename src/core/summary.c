/* Figures as lines. All of them are there when they are 0, too: a summary that comes says that somebody watched. */
#include "badgewatch/core/summary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS      INT64_C(86400000)
#define CATCH_UP_MS (4 * INT64_C(3600000))

void bw_summary_fini(struct bw_summary *s)
{
    for (size_t i = 0; i < s->n_top; i++)
        free(s->top[i].name);
    *s = (struct bw_summary){.oldest_s = -1};
}

void bw_day_of(struct bw_wall at, char day[BW_DAY_TEXT])
{
    char text[BW_TIME_TEXT];
    bw_time_format(at.ms / 1000, text);
    snprintf(day, BW_DAY_TEXT, "%.10s", text);
}

bool bw_day_valid(const char *text)
{
    char time[32], back[BW_DAY_TEXT];
    int64_t ms;
    if (strlen(text) != BW_DAY_TEXT - 1)
        return false;
    snprintf(time, sizeof(time), "%.10sT00:00:00Z", text);
    if (bw_time_parse(time, &ms) != BW_OK)
        return false;
    bw_day_of((struct bw_wall){ms}, back);
    return strcmp(back, text) == 0;
}

bool bw_summary_due(struct bw_wall now, int at_min, char day[BW_DAY_TEXT])
{
    int64_t since = (now.ms - at_min * INT64_C(60000)) % DAY_MS; /* the last time that it was that minute */
    if (at_min < 0 || now.ms < 2 * DAY_MS || since >= CATCH_UP_MS)
        return false;
    bw_day_of((struct bw_wall){now.ms - since - DAY_MS}, day);
    return true;
}

static void put_top(const struct bw_summary *s, struct bw_buf *out)
{
    bw_buf_adds(out, "Top categories: ");
    for (size_t i = 0; i < s->n_top; i++)
        bw_buf_addf(out, "%s%s (%" PRId64 ")", i ? ", " : "", s->top[i].name, s->top[i].changes);
    bw_buf_adds(out, s->n_top ? "\n" : "none\n");
}

void bw_summary_lines(const struct bw_summary *s, const char *currency, struct bw_buf *out)
{
    char age[BW_TIME_TEXT];
    bw_buf_addf(out, "Day: %s (UTC)\n", s->day);
    bw_buf_addf(out, "Changes: %" PRId64 "\n", s->gained + s->lost);
    bw_buf_addf(out, "Gained: %" PRId64 "\n", s->gained);
    bw_buf_addf(out, "Lost: %" PRId64 "\n", s->lost);
    if (s->withheld > 0)
        bw_buf_addf(out, "Muted: %" PRId64 " of them\n", s->withheld);
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
