/* `badgewatch asin import` and `asin export`. An import is one transaction: all rows or none, whatever ends it. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/csv.h"
#include "forecast.h"
#include "options.h"
#include "progress.h"
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN_MAX ((size_t)64 << 20)
#define CHUNK      65536

/* ---- import ---- */

static const char import_sql[] =
    "INSERT INTO tracked_asins (domain, asin, priority, monitoring_frequency, label, tags, channel, "
    "is_active)"
    " SELECT domain, asin, priority, frequency, nullif(label, ''), coalesce(string_to_array(nullif(tags, "
    "''), ';'), '{}'),"
    " nullif(channel, ''), active"
    " FROM unnest($1::smallint[], $2::text[], $3::int[], $4::int[], $5::text[], $6::text[], $7::text[], "
    "$8::boolean[])"
    " AS r(domain, asin, priority, frequency, label, tags, channel, active) ORDER BY domain, asin"
    " ON CONFLICT (domain, asin) DO UPDATE SET priority = excluded.priority,"
    " monitoring_frequency = excluded.monitoring_frequency, label = excluded.label, tags = excluded.tags,"
    " channel = excluded.channel, is_active = excluded.is_active";

#define PART    1000 /* rows of a statement; the bar moves on with each */
#define COLUMNS 8

struct part {
    struct bw_pg_array columns[COLUMNS];
    const char *params[COLUMNS];
};

/* False: it passes the cap. */
static bool part_init(struct part *part, const struct bw_import_row *rows, size_t n)
{
    struct bw_pg_array *c = part->columns;
    bool fits = true;
    for (int i = 0; i < COLUMNS; i++)
        bw_pg_array_init(&c[i], COLUMN_MAX);
    for (size_t i = 0; i < n; i++) {
        bw_pg_array_add_int(&c[0], rows[i].key.domain);
        bw_pg_array_add_str(&c[1], rows[i].key.asin);
        bw_pg_array_add_int(&c[2], rows[i].priority);
        bw_pg_array_add_int(&c[3], rows[i].frequency_min);
        bw_pg_array_add_str(&c[4], rows[i].label);
        bw_pg_array_add_str(&c[5], rows[i].tags);
        bw_pg_array_add_str(&c[6], rows[i].channel);
        bw_pg_array_add_str(&c[7], rows[i].is_active ? "t" : "f");
    }
    for (int i = 0; i < COLUMNS; i++) {
        part->params[i] = bw_pg_array_end(&c[i]);
        fits = fits && part->params[i];
    }
    return fits;
}

static void part_fini(struct part *part)
{
    for (int i = 0; i < COLUMNS; i++)
        bw_pg_array_fini(&part->columns[i]);
}

static bool store_parts(struct session *s, const struct part *parts, size_t n)
{
    struct bw_pg_statement *statements = bw_alloc_array(n, sizeof(*statements));
    struct progress progress;
    for (size_t i = 0; i < n; i++)
        statements[i] =
            (struct bw_pg_statement){.sql = import_sql, .n_params = COLUMNS, .params = parts[i].params};
    progress_begin(&progress, "importing", n);
    bool ok = session_transaction(s, statements, n, &progress);
    progress_end(&progress);
    free(statements);
    return ok;
}

/* Rows are locked in the order of their keys: two imports at once wait for each other, and never for ever. */
static int by_key(const void *a, const void *b)
{
    const struct bw_import_row *x = a, *y = b;
    return bw_product_key_compare(&x->key, &y->key);
}

static bool store(struct session *s, const struct bw_import_row *rows, size_t n)
{
    size_t n_parts = (n + PART - 1) / PART, done = 0;
    struct bw_import_row *sorted = bw_alloc_array(n, sizeof(*sorted)); /* their texts stay the parser's */
    struct part *parts = bw_alloc_array(n_parts, sizeof(*parts));
    bool ok = true;
    memcpy(sorted, rows, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_key);
    for (; done < n_parts && ok; done++)
        ok = part_init(&parts[done], sorted + done * PART, done + 1 < n_parts ? PART : n - done * PART);
    if (!ok)
        failure("the file is too large for one import");
    ok = ok && store_parts(s, parts, n_parts);
    while (done > 0)
        part_fini(&parts[--done]);
    free(parts);
    free(sorted);
    return ok;
}

static bool read_all(FILE *f, const char *name, struct bw_csv *csv)
{
    char chunk[CHUNK];
    while (!feof(f)) {
        size_t n = fread(chunk, 1, sizeof(chunk), f);
        if (ferror(f)) {
            failure("%s: %s", name, strerror(errno));
            return false;
        }
        if (bw_csv_feed(csv, chunk, n) != BW_OK)
            break; /* finish tells why */
    }
    return true;
}

static int report(const struct bw_csv *csv, const char *name)
{
    size_t n = bw_csv_error_count(csv);
    for (size_t i = 0; bw_csv_error(csv, i); i++)
        fprintf(stderr, "%s: %s\n", name, bw_csv_error(csv, i));
    if (n > BW_CSV_ERRORS_MAX)
        fprintf(stderr, "%s: and %zu more\n", name, n - BW_CSV_ERRORS_MAX);
    return failure("nothing was imported: %zu error%s", n, n == 1 ? "" : "s");
}

static int import_rows(struct invocation *in, const struct bw_import_row *rows, size_t n)
{
    struct session s;
    if (n == 0) {
        printf("0 products in the file\n");
        return EXIT_OK;
    }
    session_open(&s, in->conf);
    bool ok = session_postgres(&s) && store(&s, rows, n);
    if (ok) {
        printf("%zu products imported\n", n);
        print_forecast(&s);
    }
    session_close(&s);
    return ok ? EXIT_OK : EXIT_FAILED;
}

int run_asin_import(struct invocation *in)
{
    struct options o;
    if (!parse_options(in, "", &o))
        return EXIT_USAGE;
    if (o.n_rest != 1)
        return usage_error(in->command, "one FILE, or - for standard input, was expected");
    const char *name = o.rest[0];
    bool standard = strcmp(name, "-") == 0;
    FILE *f = standard ? stdin : fopen(name, "re");
    if (!f)
        return failure("%s: %s", name, strerror(errno));
    struct bw_csv *csv = bw_csv_new((int)in->conf->default_frequency_min);
    const struct bw_import_row *rows;
    size_t n;
    int code = EXIT_FAILED;
    if (read_all(f, standard ? "standard input" : name, csv))
        code = bw_csv_finish(csv, &rows, &n) == BW_OK ? import_rows(in, rows, n)
                                                      : report(csv, standard ? "standard input" : name);
    if (!standard)
        fclose(f);
    bw_csv_free(csv);
    return code;
}

/* ---- export ---- */

static void print_rows(void *ctx, const struct bw_pg_result *rows)
{
    (void)ctx;
    struct bw_buf line;
    bw_buf_init(&line, COLUMN_MAX);
    fputs(BW_CSV_HEADER, stdout);
    for (size_t i = 0; i < bw_pg_rows(rows); i++) {
        bw_buf_clear(&line);
        for (int c = 0; c < 8; c++)
            bw_csv_put(&line, bw_pg_value(rows, i, c), c == 7 ? '\n' : ',');
        fputs(bw_buf_str(&line), stdout);
    }
    bw_buf_fini(&line);
}

int run_asin_export(struct invocation *in)
{
    struct options o;
    struct session s;
    if (!parse_options(in, "", &o))
        return EXIT_USAGE;
    if (o.n_rest > 0)
        return usage_error(in->command, "'%s' was not expected", o.rest[0]);
    session_open(&s, in->conf);
    bool ok = session_query(&s,
                            "SELECT asin, domain, priority, monitoring_frequency, coalesce(label, ''),"
                            " array_to_string(tags, ';'), coalesce(channel, ''), is_active::text"
                            " FROM tracked_asins ORDER BY domain, asin",
                            0, NULL, print_rows, NULL);
    session_close(&s);
    return ok ? EXIT_OK : EXIT_FAILED;
}
