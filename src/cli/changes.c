/* `badgewatch changes`: badges gained and lost, from Postgres. */
#include "options.h"
#include "session.h"

#include <stdio.h>

#define DAY_MS 86400000LL

static const char where[] = " FROM bestseller_changes WHERE detected_at >= $1::timestamptz"
                            " AND ($2::smallint IS NULL OR (domain = $2::smallint AND asin = $3))";

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
        printf("%-20s %-6s %-14s %-7s %-7s %-16s %-32s %s\n", bw_pg_value(rows, i, 0),
               bw_pg_value(rows, i, 1), bw_pg_value(rows, i, 2), bw_pg_value(rows, i, 3),
               bw_pg_value(rows, i, 4), bw_pg_value(rows, i, 5), bw_pg_value(rows, i, 6),
               bw_pg_value(rows, i, 7));
    }
}

static bool query(struct session *s, const struct options *o)
{
    char since[BW_TIME_TEXT], domain[8];
    struct bw_buf sql;
    bw_time_format_ms(o->since_ms ? o->since_ms : bw_wall_now().ms - DAY_MS, since);
    snprintf(domain, sizeof(domain), "%d", o->asin.domain);
    const char *const params[] = {since, o->has_asin ? domain : NULL, o->asin.asin};
    bw_buf_init(&sql, 4096);
    if (o->json)
        bw_buf_addf(
            &sql,
            "SELECT coalesce(json_agg(row_to_json(c)), '[]') FROM (SELECT *%s ORDER BY occurred_at, id) AS c",
            where);
    else
        bw_buf_addf(&sql,
                    "SELECT to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), change_type,"
                    " domain || ':' || asin, coalesce('#' || previous_rank, '-'), coalesce('#' || new_rank, "
                    "'-'), reason,"
                    " left(category, 32), CASE WHEN notification_sent THEN 'yes' ELSE 'no' END%s ORDER BY "
                    "occurred_at, id",
                    where);
    bool ok = session_query(s, bw_buf_str(&sql), 3, params, o->json ? print_json : print_rows, NULL);
    bw_buf_fini(&sql);
    return ok;
}

int run_changes(struct invocation *in)
{
    struct options o;
    struct session s;
    if (!parse_options(in, "since,asin,json", &o))
        return EXIT_USAGE;
    if (o.n_rest > 0)
        return usage_error(in->command, "'%s' was not expected; --asin %s?", o.rest[0], o.rest[0]);
    session_open(&s, in->conf);
    bool ok = query(&s, &o);
    session_close(&s);
    return ok ? EXIT_OK : EXIT_FAILED;
}
