/* `badgewatch summary`: the figures of a day, a week or a month, printed or sent. */
#include "badgewatch/app/summary.h"

#include "badgewatch/codec/summary_json.h"
#include "badgewatch/core/change.h"
#include "options.h"
#include "remote.h"
#include "session.h"

#include <stdio.h>
#include <string.h>

struct figures {
    struct bw_summary summary;
    bool read;
};

static void read_figures(void *ctx, const struct bw_pg_result *rows)
{
    struct figures *f = ctx;
    struct bw_error error;
    f->read =
        bw_summary_decode(bw_pg_value(rows, 0, 0), bw_pg_length(rows, 0, 0), &f->summary, &error) == BW_OK;
    if (!f->read)
        failure("the figures of Postgres: %s", error.text);
}

/* Its figures will still change: nobody is to take them for those of the whole. */
static bool is_over(const struct bw_period *period)
{
    char today[BW_DAY_TEXT];
    bw_day_of(bw_wall_now(), today);
    return strcmp(period->last, today) < 0;
}

/* A person asked for it: it goes out now, also when its own summary was sent already. */
static bool send(struct session *s, const struct bw_period *period, const char *lines)
{
    const char *name = period->name;
    struct finding found;
    char headline[64], id[BW_UUID_TEXT], key[64];
    snprintf(headline, sizeof(headline), "📊 badgewatch: summary of %s%s", name,
             is_over(period) ? "" : " (so far)");
    snprintf(key, sizeof(key), "summary:%s:sent:%lld", name, (long long)bw_wall_now().ms);
    bw_note_id(key, id);
    slack_post_note(s, headline, lines, id, &found);
    if (found.ok)
        fprintf(stderr, "%s\n", found.text);
    else
        failure("Slack: %s", found.text);
    return found.ok;
}

static bool run(struct session *s, const struct bw_period *period, bool to_slack)
{
    struct figures f = {.read = false};
    struct bw_buf lines;
    const char *const params[] = {period->first, period->last};
    if (!session_query(s, bw_summary_select, 2, params, read_figures, &f) || !f.read)
        return false;
    bw_buf_init(&lines, 16384);
    bw_summary_lines(period, &f.summary, s->conf->currency, &lines);
    bool ok = true;
    if (!is_over(period))
        fprintf(stderr, "%s is not over: these are its figures so far\n", period->name);
    if (to_slack)
        ok = send(s, period, bw_buf_str(&lines));
    else
        fputs(bw_buf_str(&lines), stdout);
    bw_buf_fini(&lines);
    bw_summary_fini(&f.summary);
    return ok;
}

int run_summary(struct invocation *in)
{
    struct options o;
    struct session s;
    struct bw_period yesterday;
    if (!parse_options(in, "date,send", &o))
        return EXIT_USAGE;
    if (o.n_rest > 0)
        return usage_error(in->command, "'%s' was not expected; --date %s?", o.rest[0], o.rest[0]);
    bw_period_at((struct bw_wall){bw_wall_now().ms - 86400000}, BW_DAILY, &yesterday);
    session_open(&s, in->conf);
    bool ok = run(&s, o.has_period ? &o.period : &yesterday, o.send);
    session_close(&s);
    return ok ? EXIT_OK : EXIT_FAILED;
}
