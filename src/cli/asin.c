/* `badgewatch asin ...`: the table tracked_asins. The running daemon hears of each change by NOTIFY. */
#include "badgewatch/base/alloc.h"
#include "forecast.h"
#include "options.h"
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_MAX ((size_t)16 << 20)

struct key_arrays {
    struct bw_pg_array domains, asins;
};

static void keys_init(struct key_arrays *a, const struct bw_product_key *keys, int n)
{
    bw_pg_array_init(&a->domains, ARRAY_MAX);
    bw_pg_array_init(&a->asins, ARRAY_MAX);
    for (int i = 0; i < n; i++) {
        bw_pg_array_add_int(&a->domains, keys[i].domain);
        bw_pg_array_add_str(&a->asins, keys[i].asin);
    }
}

static void keys_fini(struct key_arrays *a)
{
    bw_pg_array_fini(&a->domains);
    bw_pg_array_fini(&a->asins);
}

/* ---- add ---- */

/* Columns: 3 priority, 4 frequency, 5 label, 6 tags, 7 channel; NULL keeps what is there, and '' takes
 * label or channel away. 8: default frequency. */
static const char add_sql[] =
    "INSERT INTO tracked_asins AS t (domain, asin, priority, monitoring_frequency, label, tags, channel)"
    " SELECT DISTINCT domain, asin, coalesce($3::int, 5), coalesce($4::int, $8::int), nullif($5::text, ''),"
    " coalesce($6::text[], '{}'), nullif($7::text, '') FROM unnest($1::smallint[], $2::text[]) AS k(domain, "
    "asin)"
    " ORDER BY domain, asin"
    " ON CONFLICT (domain, asin) DO UPDATE SET priority = coalesce($3::int, t.priority),"
    " monitoring_frequency = coalesce($4::int, t.monitoring_frequency), "
    " label = nullif(coalesce($5::text, t.label), ''), tags = coalesce($6::text[], t.tags),"
    " channel = nullif(coalesce($7::text, t.channel), ''), is_active = true"
    " RETURNING (xmax = 0) AS added";

static void print_added(void *ctx, const struct bw_pg_result *rows)
{
    size_t added = 0, n = bw_pg_rows(rows);
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        added += bw_pg_value(rows, i, 0)[0] == 't';
    printf("%zu added, %zu changed\n", added, n - added);
}

static bool add(struct session *s, const struct options *o, const struct bw_product_key *keys)
{
    struct key_arrays a;
    struct bw_pg_array tags;
    char priority[16], every[16], usual[16];
    keys_init(&a, keys, o->n_rest);
    bw_pg_array_init(&tags, ARRAY_MAX);
    for (int i = 0; i < o->n_tags; i++)
        bw_pg_array_add_str(&tags, o->tags[i]);
    snprintf(priority, sizeof(priority), "%d", o->priority);
    snprintf(every, sizeof(every), "%d", o->every_min);
    snprintf(usual, sizeof(usual), "%lld", (long long)s->conf->default_frequency_min);
    const char *const params[] = {bw_pg_array_end(&a.domains),
                                  bw_pg_array_end(&a.asins),
                                  o->has_priority ? priority : NULL,
                                  o->every_min ? every : NULL,
                                  o->label,
                                  o->n_tags ? bw_pg_array_end(&tags) : NULL,
                                  o->channel,
                                  usual};
    bool ok = session_query(s, add_sql, 8, params, print_added, NULL);
    bw_pg_array_fini(&tags);
    keys_fini(&a);
    return ok;
}

int run_asin_add(struct invocation *in)
{
    struct options o;
    struct bw_product_key *keys;
    struct session s;
    if (!parse_options(in, "priority,every,label,tag,channel", &o) || !parse_products(in, &o, 1, &keys))
        return EXIT_USAGE;
    session_open(&s, in->conf);
    bool ok = add(&s, &o, keys);
    if (ok)
        print_forecast(&s);
    session_close(&s);
    free(keys);
    return ok ? EXIT_OK : EXIT_FAILED;
}

/* ---- what changes rows that are there: all of them, or none ---- */

struct edited {
    size_t n;
    char missing[4096]; /* names that are not tracked */
};

static void count_edited(void *ctx, const struct bw_pg_result *rows)
{
    struct edited *e = ctx;
    size_t used = 0;
    e->n = bw_pg_rows(rows);
    for (size_t i = 0; i < e->n; i++) {
        if (bw_pg_value(rows, i, 0)[0] == 't')
            continue;
        int n = snprintf(e->missing + used, sizeof(e->missing) - used, " %s", bw_pg_value(rows, i, 1));
        if (n > 0 && (size_t)n < sizeof(e->missing) - used)
            used += (size_t)n;
    }
}

/* change: a WITH part named `changed` that returns domain and asin of the rows it touched; it must touch nothing unless
 * every product is tracked (`wanted` has a column `found`). */
static bool edit(struct session *s, const struct bw_product_key *keys, int n, const char *change,
                 const char *extra, const char *word)
{
    struct edited e = {0};
    struct key_arrays a;
    struct bw_buf sql;
    keys_init(&a, keys, n);
    bw_buf_init(&sql, 8192);
    bw_buf_addf(&sql,
                "WITH wanted AS (SELECT DISTINCT k.domain, k.asin, t.asin IS NOT NULL AS found"
                " FROM unnest($1::smallint[], $2::text[]) AS k(domain, asin)"
                " LEFT JOIN tracked_asins t ON t.domain = k.domain AND t.asin = k.asin),"
                " changed AS (%s) SELECT found, domain || ':' || asin FROM wanted ORDER BY 2",
                change);
    const char *const params[] = {bw_pg_array_end(&a.domains), bw_pg_array_end(&a.asins), extra};
    bool ok = session_query(s, bw_buf_str(&sql), extra ? 3 : 2, params, count_edited, &e);
    if (ok && e.missing[0]) {
        failure("not tracked:%s; nothing was changed", e.missing);
        ok = false;
    } else if (ok) {
        printf("%zu %s\n", e.n, word);
    }
    bw_buf_fini(&sql);
    keys_fini(&a);
    return ok;
}

#define ALL_FOUND "(SELECT bool_and(found) FROM wanted)"
#define THEIRS    " FROM wanted w WHERE t.domain = w.domain AND t.asin = w.asin AND " ALL_FOUND " RETURNING 1"

static int run_edit(struct invocation *in, const char *change, const char *extra, const struct options *o,
                    const char *word)
{
    struct bw_product_key *keys;
    struct session s;
    if (!parse_products(in, o, 1, &keys))
        return EXIT_USAGE;
    session_open(&s, in->conf);
    bool ok = edit(&s, keys, o->n_rest, change, extra, word);
    session_close(&s);
    free(keys);
    return ok ? EXIT_OK : EXIT_FAILED;
}

int run_asin_remove(struct invocation *in)
{
    struct options o;
    if (!parse_options(in, "", &o))
        return EXIT_USAGE;
    return run_edit(in,
                    "DELETE FROM tracked_asins t USING wanted w WHERE t.domain = w.domain AND t.asin = "
                    "w.asin AND " ALL_FOUND " RETURNING 1",
                    NULL, &o, "removed");
}

int run_asin_pause(struct invocation *in)
{
    struct options o;
    char ms[24];
    if (!parse_options(in, "for", &o))
        return EXIT_USAGE;
    snprintf(ms, sizeof(ms), "%lld", (long long)o.for_ms);
    return run_edit(in,
                    "UPDATE tracked_asins t SET is_active = false, paused_until = now() +"
                    " nullif($3::bigint, 0) * interval '1 millisecond'" THEIRS,
                    ms, &o, "paused");
}

int run_asin_resume(struct invocation *in)
{
    struct options o;
    if (!parse_options(in, "", &o))
        return EXIT_USAGE;
    return run_edit(in, "UPDATE tracked_asins t SET is_active = true, muted_until = NULL" THEIRS, NULL, &o,
                    "resumed");
}

int run_asin_mute(struct invocation *in)
{
    struct options o;
    char until[BW_TIME_TEXT] = "9999-12-31T00:00:00Z";
    if (!parse_options(in, "for", &o))
        return EXIT_USAGE;
    if (o.for_ms)
        bw_time_format_ms(bw_wall_now().ms + o.for_ms, until);
    return run_edit(in, "UPDATE tracked_asins t SET muted_until = $3::timestamptz" THEIRS, until, &o,
                    "muted");
}

/* ---- list ---- */

static void print_json(void *ctx, const struct bw_pg_result *rows)
{
    (void)ctx;
    puts(bw_pg_value(rows, 0, 0));
}

static void print_list(void *ctx, const struct bw_pg_result *rows)
{
    (void)ctx;
    size_t n = bw_pg_rows(rows);
    if (n == 0) {
        fprintf(stderr, "no product is tracked yet: badgewatch asin add B0D8W1YVBX\n");
        return;
    }
    printf("%-14s %-8s %-9s %-8s %-17s %-6s %-16s %s\n", "PRODUCT", "PRIORITY", "EVERY MIN", "STATE", "UNTIL",
           "BADGES", "LABEL", "TITLE");
    for (size_t i = 0; i < n; i++) {
        char label[PLAIN_MAX], title[PLAIN_MAX];
        printf("%-14s %-8s %-9s %-8s %-17s %-6s %-16s %s\n", bw_pg_value(rows, i, 0), bw_pg_value(rows, i, 1),
               bw_pg_value(rows, i, 2), bw_pg_value(rows, i, 3), bw_pg_value(rows, i, 7),
               bw_pg_value(rows, i, 4), bw_plain_copy(label, sizeof(label), bw_pg_value(rows, i, 5)),
               bw_plain_copy(title, sizeof(title), bw_pg_value(rows, i, 6)));
    }
}

int run_asin_list(struct invocation *in)
{
    struct options o;
    struct session s;
    if (!parse_options(in, "json", &o))
        return EXIT_USAGE;
    if (o.n_rest > 0)
        return usage_error(in->command, "'%s' was not expected", o.rest[0]);
    session_open(&s, in->conf);
    bool ok =
        o.json ? session_query(&s,
                               "SELECT coalesce(json_agg(row_to_json(t) ORDER BY domain, asin), '[]') FROM "
                               "tracked_asins t",
                               0, NULL, print_json, NULL)
               : session_query(
                     &s,
                     "SELECT t.domain || ':' || t.asin, t.priority, t.monitoring_frequency,"
                     " CASE WHEN NOT t.is_active THEN 'paused' WHEN t.muted_until > now() THEN 'muted'"
                     " WHEN s.asin IS NULL THEN 'new' ELSE 'active' END,"
                     " coalesce(jsonb_array_length(s.bestseller_badges), 0), coalesce(t.label, ''),"
                     " coalesce(left(s.product_title, 60), ''),"
                     " coalesce(to_char(CASE WHEN NOT t.is_active THEN t.paused_until"
                     " WHEN t.muted_until > now() AND t.muted_until < '9999-12-31' THEN t.muted_until END"
                     " AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI\"Z\"'), '')"
                     " FROM tracked_asins t LEFT JOIN asin_current_state s USING (domain, asin)"
                     " ORDER BY t.domain, t.asin",
                     0, NULL, print_list, NULL);
    session_close(&s);
    return ok ? EXIT_OK : EXIT_FAILED;
}
