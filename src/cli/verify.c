/* `badgewatch verify`: restores a backup into a scratch database and looks at it.
 *
 * Happy way: a database of its own, pg_restore, the rows of each table are as many as were counted in the backup's snapshot,
 * none of the questions below finds anything; it is dropped.
 *
 * How it fails: all that is found is said, not the first only. The scratch database is dropped also after Ctrl-C; one that a
 * kill has left is dropped by a verify of half a day later. */
#include "badgewatch/base/clock.h"
#include "child.h"
#include "restore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A change may be there before its check, since it is put down before it is told: what comes with the rest of its check is
 * asked only of changes that have it. */
#define HAS_CHECK                                                                                            \
    " AND EXISTS (SELECT FROM checks k WHERE k.domain = c.domain AND k.asin = c.asin"                        \
    " AND k.check_timestamp = c.detected_at)"
#define REIGN_OF_IT                                                                                          \
    "EXISTS (SELECT FROM reigns r WHERE r.domain = c.domain AND r.asin = c.asin AND r.category_id = "        \
    "c.category_id"

/* What the schema, or the daemon's own writing, keeps true, whatever else happens. */
static const struct question {
    const char *finding; /* behind a number */
    const char *rows;    /* that should not be there: what follows SELECT */
} questions[] = {
    {"changes are of products that are neither tracked nor were ever checked",
     "FROM bestseller_changes c WHERE NOT EXISTS (SELECT FROM tracked_asins t WHERE t.domain = c.domain"
     " AND t.asin = c.asin) AND NOT EXISTS (SELECT FROM checks k WHERE k.domain = c.domain"
     " AND k.asin = c.asin)"},
    {"changes are there twice",
     "FROM bestseller_changes GROUP BY domain, asin, category_id, change_type, occurred_at"
     " HAVING count(*) > 1"},
    {"gains have no reign", "FROM bestseller_changes c WHERE c.change_type = 'gained'" HAS_CHECK
                            " AND NOT " REIGN_OF_IT " AND r.started_at = c.occurred_at)"},
    {"losses left their reign open",
     "FROM bestseller_changes c WHERE c.change_type = 'lost'" HAS_CHECK " AND " REIGN_OF_IT
     " AND r.started_at = c.held_since AND r.ended_at IS NULL)"},
    {"reigns end before they begin", "FROM reigns WHERE ended_at < started_at"},
    {"badges have two open reigns", "FROM reigns WHERE ended_at IS NULL"
                                    " GROUP BY domain, asin, category_id HAVING count(*) > 1"},
    {"reigns overlap",
     "FROM (SELECT started_at, lag(ended_at) OVER (PARTITION BY domain, asin, category_id"
     " ORDER BY started_at, ended_at) AS before FROM reigns) AS r WHERE before > started_at"},
    {"current states are of products that are not tracked",
     "FROM asin_current_state s WHERE NOT EXISTS (SELECT FROM tracked_asins t"
     " WHERE t.domain = s.domain AND t.asin = s.asin)"},
    {"current states hold a badge whose loss they have seen",
     "FROM asin_current_state s, jsonb_to_recordset(s.bestseller_badges)"
     " AS b(category_id bigint, since timestamptz) WHERE EXISTS (SELECT FROM bestseller_changes c"
     " WHERE c.domain = s.domain AND c.asin = s.asin AND c.category_id = b.category_id"
     " AND c.change_type = 'lost' AND c.held_since = b.since"
     " AND c.detected_at <= s.last_updated" HAS_CHECK ")"},
    {"current states lack a badge that their product gained last",
     "FROM (SELECT DISTINCT ON (domain, asin, category_id) * FROM bestseller_changes"
     " ORDER BY domain, asin, category_id, detected_at DESC, occurred_at DESC) AS c"
     " JOIN asin_current_state s USING (domain, asin) JOIN tracked_asins t USING (domain, asin)"
     " WHERE c.change_type = 'gained' AND c.detected_at BETWEEN t.created_at AND s.last_updated" HAS_CHECK
     " AND NOT EXISTS (SELECT FROM jsonb_to_recordset(s.bestseller_badges) AS b(category_id bigint)"
     " WHERE b.category_id = c.category_id)"},
    {"partitions of raw_responses are of another month than their name says",
     "FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid"
     " WHERE i.inhparent = 'raw_responses'::regclass AND (p.relname !~ '^raw_responses_\\d{4}_\\d{2}$'"
     " OR pg_get_expr(p.relpartbound, p.oid) <> format('FOR VALUES FROM (''%s-01 00:00:00+00'') TO"
     " (''%s-01 00:00:00+00'')', replace(right(p.relname, 7), '_', '-'),"
     " to_char(to_date(right(p.relname, 7), 'YYYY_MM') + interval '1 month', 'YYYY-MM')))"},
};

static const char sizes[] =
    "SELECT format('%s products, %s changes, %s reigns, %s checks', (SELECT count(*) FROM tracked_asins),"
    " (SELECT count(*) FROM bestseller_changes), (SELECT count(*) FROM reigns),"
    " (SELECT count(*) FROM checks))";

#define SCRATCH     "badgewatch_verify_" /* and when it was made, in seconds of 1970, and the process */
#define FORGOTTEN_S 43200

struct scratch {
    const char *url;
    char name[64]; /* of the database */
};

/* In the scratch database, if out is given; else beside it. */
static bool sql(const struct scratch *s, const char *text, struct bw_buf *out, bool uninterrupted)
{
    const char *const argv[] = {"psql", "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1",
                                "-c",   text, NULL};
    return child_run(&(struct child_plan){.argv = argv,
                                          .url = s->url,
                                          .database = out ? s->name : NULL,
                                          .out = out,
                                          .uninterrupted = uninterrupted});
}

/* ---- what is looked at ---- */

static bool rows_agree(const struct scratch *s, const struct manifest *m)
{
    static const char *const argv[] = {"psql", "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", NULL};
    struct manifest restored;
    struct bw_buf said;
    if (m->format < 2)
        return true;
    manifest_init(&restored);
    bw_buf_init(&said, restored.rows.max);
    bool ok =
        child_run(&(struct child_plan){
            .argv = argv, .url = s->url, .database = s->name, .script = manifest_script, .out = &said}) &&
        manifest_take(&restored, bw_buf_str(&said)) && manifest_same_rows(m, &restored);
    bw_buf_fini(&said);
    manifest_fini(&restored);
    return ok;
}

/* Each finding is a line of psql's. New tables have no statistics, and without any the joins could take hours. */
static bool fits(const struct scratch *s)
{
    struct bw_buf text, said;
    bw_buf_init(&text, (size_t)64 << 10);
    bw_buf_init(&said, (size_t)64 << 10);
    bw_buf_adds(&text, "SET statement_timeout = 0; SET timezone = 'UTC'; ANALYZE;");
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
        bw_buf_addf(&text, " SELECT count(*) || ' %s' FROM (SELECT %s) AS q HAVING count(*) > 0;",
                    questions[i].finding, questions[i].rows);
    bool ok = sql(s, bw_buf_str(&text), &said, false);
    for (const char *at = bw_buf_str(&said); *at;) {
        size_t len = strcspn(at, "\n");
        failure("%.*s", (int)len, at);
        at += len + (at[len] == '\n');
        ok = false;
    }
    bw_buf_fini(&text);
    bw_buf_fini(&said);
    return ok;
}

static bool look(const struct scratch *s, const char *folder, const struct manifest *m)
{
    struct bw_buf said;
    if (!restore_load(folder, s->url, s->name))
        return false;
    bw_buf_init(&said, 1024);
    bool ok = rows_agree(s, m);
    ok = !child_interrupted() && fits(s) && ok;
    ok = ok && sql(s, sizes, &said, false);
    if (ok)
        fputs(bw_buf_str(&said), stdout);
    if (ok && m->format < 2)
        printf("its manifest is of an older badgewatch and knows no counts: only whether rows fit together "
               "was seen\n");
    bw_buf_fini(&said);
    return ok;
}

/* Those that a kill has left would fill the server's disk. One that is being worked with has no connection for a moment
 * between two programs, so its age decides; a number that is no time is not of ours. */
static bool drop_forgotten(const char *url, int64_t now_s)
{
    static const char *const argv[] = {"psql", "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", NULL};
    char script[640];
    snprintf(script, sizeof(script),
             "SELECT format('DROP DATABASE IF EXISTS %%I', datname) FROM pg_database d"
             " WHERE datname ~ '^" SCRATCH "[0-9]{10}_[0-9]+$' AND pg_has_role(datdba, 'USAGE')"
             " AND substr(datname, %zu, 10)::bigint < %" PRId64
             " AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datid = d.oid) \\gexec\n",
             sizeof(SCRATCH), now_s - FORGOTTEN_S);
    return child_run(&(struct child_plan){.argv = argv, .url = url, .script = script});
}

static bool verify(const char *folder, const char *url, const struct manifest *m)
{
    struct scratch s = {.url = url};
    int64_t now_s = bw_wall_now().ms / 1000;
    char text[128];
    snprintf(s.name, sizeof(s.name), SCRATCH "%010" PRId64 "_%d", now_s, (int)getpid());
    snprintf(text, sizeof(text), "CREATE DATABASE %s TEMPLATE template0", s.name);
    if (!drop_forgotten(url, now_s) || !sql(&s, text, NULL, false))
        return false;
    bool ok = look(&s, folder, m);
    snprintf(text, sizeof(text), "DROP DATABASE IF EXISTS %s WITH (FORCE)", s.name);
    return sql(&s, text, NULL, true) && ok;
}

int run_verify(struct invocation *in)
{
    struct options o;
    struct manifest m;
    char folder[COPY_PATH];
    int code;
    manifest_init(&m);
    if (restore_choose(in, "", &o, folder, &m, &code) && verify(folder, in->conf->database_url, &m)) {
        printf("%s is good\n", folder);
        code = EXIT_OK;
    }
    manifest_fini(&m);
    return code;
}
