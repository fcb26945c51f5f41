/* Lines of "key value", read strictly: what is not understood was not written by us.
 *
 * How it fails: a manifest whose own sum differs is told from a dump that differs, so a person knows which file to take
 * from another copy. A manifest of a later version is refused by its first line. */
#include "manifest.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/core/change.h"
#include "command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD     "badgewatch backup "
#define FORMAT   2
#define TEXT_MAX ((size_t)1 << 20) /* of months of partitions there are few hundreds */

/* Leaves only: a partitioned table has no rows of its own. Tables of extensions are not in a dump. Row security would have
 * rows left out in silence. */
const char manifest_script[] =
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
    "SET LOCAL statement_timeout = 0;\n"
    "SET LOCAL idle_in_transaction_session_timeout = 0;\n"
    "SET LOCAL row_security = off;\n"
    "SELECT 'snapshot ' || pg_export_snapshot();\n"
    "SELECT 'schema ' || max(version) FROM schema_migrations;\n"
    "SELECT format('SELECT ''rows '' || count(*) || '' '' || %L FROM ONLY %I.%I',"
    " regexp_replace(nspname || '.' || relname, '[[:cntrl:]]', '?', 'g'), nspname, relname)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
    " WHERE relkind = 'r' AND relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema'"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
    " AND d.deptype = 'e') ORDER BY nspname COLLATE \"C\", relname COLLATE \"C\" \\gexec\n";

void manifest_init(struct manifest *m)
{
    *m = (struct manifest){.format = FORMAT};
    bw_buf_init(&m->rows, TEXT_MAX);
}

void manifest_fini(struct manifest *m)
{
    bw_buf_fini(&m->rows);
}

/* ---- lines ---- */

/* The line at *text, without its end; *text goes behind it. NULL at the end. Freed by the caller. */
static char *next_line(const char **text)
{
    if (!**text)
        return NULL;
    size_t len = strcspn(*text, "\n");
    char *line = bw_strndup(*text, len);
    *text += len + ((*text)[len] == '\n');
    return line;
}

static bool number(const char *text, int64_t *out, const char **end)
{
    char *stop;
    *out = strtoll(text, &stop, 10);
    *end = stop;
    return stop != text && text[0] >= '0' && text[0] <= '9';
}

static bool is_sum(const char *text)
{
    return strlen(text) == COPY_SUM && strspn(text, "0123456789abcdef") == COPY_SUM;
}

/* "rows 12 public.checks" */
static bool is_rows(const char *line, int64_t *n, const char **table)
{
    if (strncmp(line, "rows ", 5) != 0 || !number(line + 5, n, table) || **table != ' ')
        return false;
    (*table)++;
    return **table != '\0';
}

static bool take_line(struct manifest *m, const char *line)
{
    int64_t n;
    const char *end;
    if (m->format >= 2 && is_rows(line, &n, &end))
        return bw_buf_addf(&m->rows, "%s\n", line) == BW_OK;
    if (strncmp(line, "schema ", 7) == 0 && number(line + 7, &n, &end) && !*end && n > 0 && n < 100000) {
        m->schema = (int)n;
        return true;
    }
    if (strncmp(line, "bytes ", 6) == 0 && number(line + 6, &m->bytes, &end) && !*end)
        return true;
    if (strncmp(line, "sha256 ", 7) != 0 || !is_sum(line + 7))
        return false;
    bw_text_copy(m->sum, sizeof(m->sum), line + 7);
    return true;
}

bool manifest_take(struct manifest *m, const char *said)
{
    char *line;
    bool ok = true;
    while (ok && (line = next_line(&said))) {
        if (strncmp(line, "snapshot ", 9) != 0 && !take_line(m, line)) {
            failure("the database has no schema of badgewatch, or psql said what is not understood: '%s'",
                    line);
            ok = false;
        }
        free(line);
    }
    if (ok && m->schema == 0)
        failure("the database has no schema of badgewatch");
    return ok && m->schema > 0;
}

/* ---- the file ---- */

bool manifest_write(struct manifest *m, const char *folder)
{
    char path[COPY_PATH], own[COPY_SUM + 1];
    struct bw_buf text;
    copy_path(path, folder, "dump");
    if (!copy_sum(path, &m->bytes, m->sum) || !copy_sync(path))
        return false;
    bw_buf_init(&text, TEXT_MAX);
    bw_buf_addf(&text, HEAD "%d\nschema %d\n%sbytes %" PRId64 "\nsha256 %s\n", FORMAT, m->schema,
                bw_buf_str(&m->rows), m->bytes, m->sum);
    bw_sha256_hex(bw_buf_str(&text), text.len, own);
    bw_buf_addf(&text, "end %s\n", own);
    copy_path(path, folder, "manifest");
    FILE *f = fopen(path, "we");
    bool ok = f && !text.overflow && fwrite(text.data, 1, text.len, f) == text.len;
    if (f)
        ok = fclose(f) == 0 && ok;
    bw_buf_fini(&text);
    return ok ? copy_sync(path) && copy_sync(folder) : copy_complain(path);
}

static bool read_text(const char *path, struct bw_buf *text)
{
    char part[4096];
    size_t n;
    FILE *f = fopen(path, "re");
    if (!f)
        return copy_complain(path);
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        bw_buf_add(text, part, n);
    bool ok = !ferror(f);
    fclose(f);
    if (!ok || text->overflow)
        failure("%s cannot be read", path);
    return ok && !text->overflow;
}

static bool damaged(const char *path, const char *what)
{
    failure("%s is damaged: %s; nothing was touched", path, what);
    return false;
}

/* The last line is the sum of those before; it is cut off. */
static bool fits_itself(struct bw_buf *text)
{
    char own[COPY_SUM + 1];
    size_t end = sizeof("end \n") - 1 + COPY_SUM;
    if (text->len <= end)
        return false;
    char *last = text->data + text->len - end;
    bw_sha256_hex(text->data, text->len - end, own);
    bool ok = last[-1] == '\n' && strncmp(last, "end ", 4) == 0 && strncmp(last + 4, own, COPY_SUM) == 0 &&
              last[end - 1] == '\n';
    *last = '\0';
    return ok;
}

static bool parse(struct manifest *m, const char *path, struct bw_buf *text)
{
    int64_t format;
    const char *at = bw_buf_str(text);
    if (strlen(at) != text->len || strncmp(at, HEAD, sizeof(HEAD) - 1) != 0 ||
        !number(at + sizeof(HEAD) - 1, &format, &at) || *at++ != '\n')
        return damaged(path, "it is no manifest of a backup");
    if (format > FORMAT) {
        failure("%s is of a later badgewatch (format %" PRId64 ", this one knows %d)", path, format, FORMAT);
        return false;
    }
    m->format = (int)format;
    if (format >= 2 && !fits_itself(text))
        return damaged(path, "its lines are not those that were written");
    char *line;
    bool ok = true;
    for (int n = 2; ok && (line = next_line(&at)); n++) {
        if (!take_line(m, line)) {
            failure("%s is damaged: line %d, '%s', is not understood; nothing was touched", path, n, line);
            ok = false;
        }
        free(line);
    }
    return ok && (m->schema > 0 && m->bytes > 0 && m->sum[0] ? true : damaged(path, "lines are missing"));
}

bool manifest_read(struct manifest *m, const char *folder)
{
    char path[COPY_PATH], sum[COPY_SUM + 1];
    int64_t size = 0;
    struct bw_buf text;
    bw_buf_init(&text, TEXT_MAX);
    copy_path(path, folder, "manifest");
    bool ok = read_text(path, &text) && parse(m, path, &text);
    bw_buf_fini(&text);
    copy_path(path, folder, "dump");
    if (!ok || !copy_sum(path, &size, sum))
        return false;
    if (size == m->bytes && strcmp(sum, m->sum) == 0)
        return true;
    failure("%s is damaged: it has %" PRId64 " bytes of %" PRId64 "%s; nothing was touched", path, size,
            m->bytes, size == m->bytes ? ", others than were written" : "");
    return false;
}

/* ---- comparing ---- */

/* Of a table in a list of "rows" lines; -1 = it is not there. */
static int64_t rows_of(const struct manifest *m, const char *wanted)
{
    const char *at = bw_buf_str(&m->rows), *table;
    char *line;
    int64_t n, found = -1;
    while (found < 0 && (line = next_line(&at))) {
        if (is_rows(line, &n, &table) && strcmp(table, wanted) == 0)
            found = n;
        free(line);
    }
    return found;
}

/* Says of each of a's tables how b differs; with `absent` only of those that b has not. */
static bool compare(const struct manifest *a, const struct manifest *b, bool absent)
{
    const char *at = bw_buf_str(&a->rows), *table = "";
    char *line;
    int64_t n = 0;
    bool same = true;
    for (; (line = next_line(&at)); free(line)) {
        int64_t other = is_rows(line, &n, &table) ? rows_of(b, table) : -1;
        if (other == n || (absent && other >= 0))
            continue;
        same = false;
        if (absent)
            failure("table %s is in the dump, and the manifest does not know it", table);
        else if (other < 0)
            failure("table %s with its %" PRId64 " rows is not in the dump", table, n);
        else
            failure("table %s has %" PRId64 " rows, and had %" PRId64, table, other, n);
    }
    return same;
}

bool manifest_same_rows(const struct manifest *m, const struct manifest *restored)
{
    bool same = compare(m, restored, false);
    same = compare(restored, m, true) && same;
    if (restored->schema != m->schema)
        failure("the dump has schema %d, the manifest says %d", restored->schema, m->schema);
    return same && restored->schema == m->schema;
}
