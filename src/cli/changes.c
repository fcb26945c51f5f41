/* `badgewatch changes`: badges gained and lost, from Postgres. */
#include "options.h"
#include "session.h"

#include <stdio.h>

#define DAY_MS 86400000LL

#define FIGURES 3 /* rows of them */

#define CHOSEN                                                                                               \
    " WHERE detected_at >= $1::timestamptz"                                                                  \
    " AND ($2::smallint IS NULL OR (domain = $2::smallint AND asin = $3))"
#define OF_CHANGE                                                                                            \
    " to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') AS occurred, change_type,"               \
    " domain || ':' || asin AS product"
#define JSON(table)                                                                                          \
    "SELECT coalesce(json_agg(row_to_json(c)), '[]') FROM (SELECT * FROM " table CHOSEN                      \
    " ORDER BY occurred_at, id) AS c"

static const char changes_json[] = JSON("bestseller_changes");
static const char timings_json[] = JSON("change_timings");
static const char changes[] =
    "SELECT" OF_CHANGE ", coalesce('#' || previous_rank, '-'), coalesce('#' || new_rank, '-'), reason,"
    " left(category, 32), CASE WHEN notification_sent THEN 'yes' ELSE 'no' END"
    " FROM bestseller_changes" CHOSEN " ORDER BY occurred_at, id";

static const char timings[] =
    "WITH chosen AS (SELECT * FROM change_timings" CHOSEN "), lines AS ("
    "SELECT 0 AS part, occurred_at, id," OF_CHANGE ", left(category, 24) AS category, keepa_seconds AS keepa,"
    " detect_seconds AS detect, queue_seconds AS queue, slack_seconds AS slack, total_seconds AS total"
    " FROM chosen UNION ALL SELECT part, NULL, NULL, name, '', '', '',"
    " (SELECT percentile_cont(part) WITHIN GROUP (ORDER BY keepa_seconds) FROM chosen),"
    " (SELECT percentile_cont(part) WITHIN GROUP (ORDER BY detect_seconds) FROM chosen),"
    " (SELECT percentile_cont(part) WITHIN GROUP (ORDER BY queue_seconds) FROM chosen),"
    " (SELECT percentile_cont(part) WITHIN GROUP (ORDER BY slack_seconds) FROM chosen),"
    " (SELECT percentile_cont(part) WITHIN GROUP (ORDER BY total_seconds) FROM chosen)"
    " FROM (VALUES (0.5, 'median'), (0.95, '95 %'), (1.0, 'most')) AS f(part, name))"
    " SELECT occurred, change_type, product, category, coalesce(round(keepa::numeric, 3)::text, '-'),"
    " coalesce(round(detect::numeric, 3)::text, '-'), coalesce(round(queue::numeric, 3)::text, '-'),"
    " coalesce(round(slack::numeric, 3)::text, '-'), coalesce(round(total::numeric, 3)::text, '-')"
    " FROM lines ORDER BY part, occurred_at, id";

static void print_json(void *ctx, const struct bw_pg_result *rows)
{
    (void)ctx;
    puts(bw_pg_value(rows, 0, 0));
}

static void print_rows(void *ctx, const struct bw_pg_result *rows)
{
    (void)ctx;
    if (bw_pg_rows(rows) == 0) {
        fprintf(stderr, "no change in that time\n");
        return;
    }
    printf("%-20s %-6s %-14s %-7s %-7s %-16s %-32s %s\n", "OCCURRED (UTC)", "TYPE", "PRODUCT", "BEFORE",
           "AFTER", "WHY", "CATEGORY", "TOLD");
    for (size_t i = 0; i < bw_pg_rows(rows); i++) {
        char category[PLAIN_MAX];
        printf("%-20s %-6s %-14s %-7s %-7s %-16s %-32s %s\n", bw_pg_value(rows, i, 0),
               bw_pg_value(rows, i, 1), bw_pg_value(rows, i, 2), bw_pg_value(rows, i, 3),
               bw_pg_value(rows, i, 4), bw_pg_value(rows, i, 5),
               bw_plain_copy(category, sizeof(category), bw_pg_value(rows, i, 6)), bw_pg_value(rows, i, 7));
    }
}

static void print_timings(void *ctx, const struct bw_pg_result *rows)
{
    (void)ctx;
    size_t n = bw_pg_rows(rows);
    if (n <= FIGURES) { /* those of nothing */
        fprintf(stderr, "no change in that time\n");
        return;
    }
    printf("%-20s %-6s %-14s %-24s %10s %8s %8s %9s %10s\n", "OCCURRED (UTC)", "TYPE", "PRODUCT", "CATEGORY",
           "KEEPA", "DETECT", "QUEUE", "SLACK", "TOTAL");
    for (size_t i = 0; i < n; i++) {
        if (i == n - FIGURES)
            putchar('\n');
        char category[PLAIN_MAX];
        printf("%-20s %-6s %-14s %-24s %10s %8s %8s %9s %10s\n", bw_pg_value(rows, i, 0),
               bw_pg_value(rows, i, 1), bw_pg_value(rows, i, 2),
               bw_plain_copy(category, sizeof(category), bw_pg_value(rows, i, 3)), bw_pg_value(rows, i, 4),
               bw_pg_value(rows, i, 5), bw_pg_value(rows, i, 6), bw_pg_value(rows, i, 7),
               bw_pg_value(rows, i, 8));
    }
}

static const char *statement(const struct options *o)
{
    if (o->json)
        return o->timing ? timings_json : changes_json;
    return o->timing ? timings : changes;
}

static bool query(struct session *s, const struct options *o)
{
    char since[BW_TIME_TEXT], domain[8];
    bw_time_format_ms(o->has_since ? o->since_ms : bw_wall_now().ms - DAY_MS, since);
    snprintf(domain, sizeof(domain), "%d", o->asin.domain);
    const char *const params[] = {since, o->has_asin ? domain : NULL, o->asin.asin};
    void (*print)(void *, const struct bw_pg_result *) = o->timing ? print_timings : print_rows;
    return session_query(s, statement(o), 3, params, o->json ? print_json : print, NULL);
}

int run_changes(struct invocation *in)
{
    struct options o;
    struct session s;
    if (!parse_options(in, "since,asin,timing,json", &o))
        return EXIT_USAGE;
    if (o.n_rest > 0)
        return usage_error(in->command, "'%s' was not expected; --asin %s?", o.rest[0], o.rest[0]);
    session_open(&s, in->conf);
    bool ok = query(&s, &o);
    session_close(&s);
    return ok ? EXIT_OK : EXIT_FAILED;
}
