/* `badgewatch asin import` and `asin export`. An import is one statement: all rows or none. */
#include "badgewatch/codec/csv.h"
#include "forecast.h"
#include "options.h"
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static bool store(struct session *s, const struct bw_import_row *rows, size_t n)
{
    struct bw_pg_array a[8];
    const char *params[8];
    for (int i = 0; i < 8; i++)
        bw_pg_array_init(&a[i], COLUMN_MAX);
    for (size_t i = 0; i < n; i++) {
        bw_pg_array_add_int(&a[0], rows[i].key.domain);
        bw_pg_array_add_str(&a[1], rows[i].key.asin);
        bw_pg_array_add_int(&a[2], rows[i].priority);
        bw_pg_array_add_int(&a[3], rows[i].frequency_min);
        bw_pg_array_add_str(&a[4], rows[i].label);
        bw_pg_array_add_str(&a[5], rows[i].tags);
        bw_pg_array_add_str(&a[6], rows[i].channel);
        bw_pg_array_add_str(&a[7], rows[i].is_active ? "t" : "f");
    }
    bool ok = true;
    for (int i = 0; i < 8; i++) {
        params[i] = bw_pg_array_end(&a[i]);
        ok = ok && params[i];
    }
    if (!ok)
        failure("the file is too large for one import");
    ok = ok && session_query(s, import_sql, 8, params, NULL, NULL);
    for (int i = 0; i < 8; i++)
        bw_pg_array_fini(&a[i]);
    return ok;
}

static bool read_all(FILE *f, const char *name, struct bw_csv *csv)
{
    char chunk[CHUNK];
    size_t total = 0;
    bool progress = isatty(STDERR_FILENO) == 1;
    while (!feof(f)) {
        size_t n = fread(chunk, 1, sizeof(chunk), f);
        if (ferror(f)) {
            failure("%s: %s", name, strerror(errno));
            return false;
        }
        total += n;
        if (progress && total >= (size_t)1 << 20)
            fprintf(stderr, "\rreading %s: %zu MB", name, total >> 20);
        if (bw_csv_feed(csv, chunk, n) != BW_OK)
            break; /* finish tells why */
    }
    if (progress && total >= (size_t)1 << 20)
        fputc('\n', stderr);
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
