/* CSV by libcsv; what the fields mean is here. Rows are kept as they come, errors too; nothing is decided before the
 * whole file was read. */
#include "badgewatch/codec/csv.h"

#include "badgewatch/base/alloc.h"

#include <csv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELD_MAX ((size_t)64 << 10)

enum column { ASIN, DOMAIN, PRIORITY, FREQUENCY, LABEL, TAGS, CHANNEL, ACTIVE, COLUMNS };

static const char *const names[COLUMNS] = {"asin",  "domain", "priority", "monitoring_frequency",
                                           "label", "tags",   "channel",  "is_active"};

struct bw_csv {
    struct csv_parser parser;
    int default_frequency;
    int order[COLUMNS]; /* position of each column in the file, -1 = absent */
    size_t n_columns;   /* of the header */
    bool has_header;
    char *fields[COLUMNS]; /* of the row being read; libcsv gives one at a time */
    size_t n_fields;
    bool empty;  /* all fields so far were empty */
    size_t line; /* of the row being read */
    bool too_big;
    bool begun; /* the first bytes were looked at for a BOM */
    struct bw_import_row *rows;
    size_t n_rows, cap;
    char *errors[BW_CSV_ERRORS_MAX];
    size_t n_errors;
};

static void complain(struct bw_csv *c, const char *fmt, ...) BW_PRINTF(2, 3);

static void complain(struct bw_csv *c, const char *fmt, ...)
{
    if (c->n_errors++ >= BW_CSV_ERRORS_MAX)
        return;
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    c->errors[c->n_errors - 1] = bw_asprintf("line %zu%s", c->line, text);
}

/* ---- the header ---- */

static void take_header_field(struct bw_csv *c, const char *text)
{
    size_t position = c->n_columns++;
    for (int i = 0; i < COLUMNS; i++) {
        if (strcmp(names[i], text) != 0)
            continue;
        if (c->order[i] >= 0)
            complain(c, ": column '%s' stands twice", text);
        c->order[i] = (int)position;
        return;
    }
    complain(c,
             ": unknown column '%.60s'; known are asin, domain, priority, monitoring_frequency, label, tags, "
             "channel, is_active",
             text);
}

/* ---- a row ---- */

static const char *field(const struct bw_csv *c, enum column column)
{
    return c->fields[column] ? c->fields[column] : "";
}

static int number(struct bw_csv *c, enum column column, int least, int most, int fallback)
{
    const char *text = field(c, column);
    char *end = NULL;
    if (!text[0])
        return fallback;
    long value = strtol(text, &end, 10);
    if (end != text && *end == '\0' && value >= least && value <= most)
        return (int)value;
    complain(c, ", %s '%.40s': a number from %d to %d was expected", names[column], text, least, most);
    return fallback;
}

static bool yes_or_no(struct bw_csv *c)
{
    static const char *const yes[] = {"", "true", "t", "yes", "y", "1"}, *const no[] = {"false", "f", "no",
                                                                                        "n", "0"};
    const char *text = field(c, ACTIVE);
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcmp(text, yes[i]) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (strcmp(text, no[i]) == 0)
            return false;
    }
    complain(c, ", is_active '%.40s': true or false was expected", text);
    return true;
}

static void check_key(struct bw_csv *c, struct bw_import_row *row)
{
    struct bw_error error;
    int domain = number(c, DOMAIN, 1, 12, 0);
    if (bw_product_key_parse(field(c, ASIN), &row->key, &error) != BW_OK) {
        complain(c, ", asin: %s", error.text);
        return;
    }
    bool named = strchr(field(c, ASIN), ':') != NULL;
    if (named && domain != 0 && domain != row->key.domain)
        complain(c, ", domain '%d': the asin says domain %d", domain, row->key.domain);
    if (!named && domain != 0)
        row->key.domain = domain;
    if (!bw_domain_valid(row->key.domain))
        complain(c, ", domain '%d': a Keepa domain was expected (1-6, 8-12)", row->key.domain);
}

static char *text_field(struct bw_csv *c, enum column column, size_t most)
{
    const char *text = field(c, column);
    if (strlen(text) > most)
        complain(c, ", %s: at most %zu bytes were expected", names[column], most);
    return bw_strdup(text);
}

static char *tags_field(struct bw_csv *c)
{
    const char *text = field(c, TAGS);
    size_t count = 0;
    for (const char *p = text; *p; count++) {
        size_t len = strcspn(p, ";");
        if (len == 0 || len > BW_CSV_TAG_MAX) {
            complain(c, ", tags: each of 1 to %d bytes was expected", BW_CSV_TAG_MAX);
            break;
        }
        p += len;
        p += *p == ';';
    }
    if (count > BW_CSV_TAGS_MAX)
        complain(c, ", tags: at most %d were expected", BW_CSV_TAGS_MAX);
    return bw_strdup(text);
}

static void take_row(struct bw_csv *c)
{
    struct bw_import_row row = {.line = c->line};
    if (c->n_fields > c->n_columns)
        complain(c, ": %zu fields, but the header has %zu", c->n_fields, c->n_columns);
    check_key(c, &row);
    row.priority = number(c, PRIORITY, 1, 100, 5);
    row.frequency_min = number(c, FREQUENCY, 1, 10080, c->default_frequency);
    row.label = text_field(c, LABEL, BW_CSV_LABEL_MAX);
    row.tags = tags_field(c);
    row.channel = text_field(c, CHANNEL, BW_CSV_CHANNEL_MAX);
    row.is_active = yes_or_no(c);
    if (c->n_rows == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->rows = bw_realloc_array(c->rows, c->cap, sizeof(*c->rows));
    }
    c->rows[c->n_rows++] = row;
}

/* ---- libcsv ---- */

static void on_field(void *data, size_t len, void *ctx)
{
    struct bw_csv *c = ctx;
    const char *bytes = data ? data : "";
    if (len > FIELD_MAX || memchr(bytes, '\0', len)) {
        complain(c, ": a field holds a NUL, or more than %zu bytes", FIELD_MAX);
        c->too_big = true;
        return;
    }
    char *text = bw_strndup(bytes, len);
    if (!c->has_header) {
        take_header_field(c, text);
    } else {
        for (int i = 0; i < COLUMNS; i++) {
            if (c->order[i] == (int)c->n_fields) {
                free(c->fields[i]);
                c->fields[i] = bw_strdup(text);
            }
        }
        c->empty = c->empty && len == 0;
        c->n_fields++;
    }
    free(text);
}

static void on_row(int terminator, void *ctx)
{
    struct bw_csv *c = ctx;
    (void)terminator;
    if (!c->has_header) {
        if (c->order[ASIN] < 0)
            complain(c, ": a header with a column 'asin' was expected");
        c->has_header = true;
    } else if (!(c->empty && c->n_fields <= 1)) {
        take_row(c);
    }
    for (int i = 0; i < COLUMNS; i++) {
        free(c->fields[i]);
        c->fields[i] = NULL;
    }
    c->n_fields = 0;
    c->empty = true;
}

struct bw_csv *bw_csv_new(int default_frequency_min)
{
    struct bw_csv *c = bw_alloc(sizeof(*c));
    c->default_frequency = default_frequency_min;
    c->line = 1;
    c->empty = true;
    for (int i = 0; i < COLUMNS; i++)
        c->order[i] = -1;
    if (csv_init(&c->parser, CSV_STRICT | CSV_STRICT_FINI | CSV_REPALL_NL) != 0)
        abort(); /* fails only for a NULL parser */
    return c;
}

void bw_csv_free(struct bw_csv *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_rows; i++) {
        free(c->rows[i].label);
        free(c->rows[i].tags);
        free(c->rows[i].channel);
    }
    for (size_t i = 0; i < c->n_errors && i < BW_CSV_ERRORS_MAX; i++)
        free(c->errors[i]);
    for (int i = 0; i < COLUMNS; i++)
        free(c->fields[i]);
    free(c->rows);
    csv_free(&c->parser);
    free(c);
}

/* Line by line, so that a row knows the line that it ends on. */
enum bw_err bw_csv_feed(struct bw_csv *c, const char *data, size_t len)
{
    if (!c->begun && len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data += 3;
        len -= 3;
    }
    c->begun = c->begun || len > 0;
    while (len > 0 && !c->too_big) {
        const char *end = memchr(data, '\n', len);
        size_t n = end ? (size_t)(end - data) + 1 : len;
        if (csv_parse(&c->parser, data, n, on_field, on_row, c) != n) {
            complain(c, ": not CSV: %s", csv_strerror(csv_error(&c->parser)));
            c->too_big = true;
        }
        c->line += end != NULL;
        data += n;
        len -= n;
    }
    return c->too_big ? BW_ERR_TOO_BIG : BW_OK;
}

static int by_key(const void *a, const void *b)
{
    const struct bw_import_row *const *x = a, *const *y = b;
    int order = bw_product_key_compare(&(*x)->key, &(*y)->key);
    return order ? order : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

static void find_doubles(struct bw_csv *c)
{
    const struct bw_import_row **sorted = bw_alloc_array(c->n_rows, sizeof(*sorted));
    for (size_t i = 0; i < c->n_rows; i++)
        sorted[i] = &c->rows[i];
    qsort(sorted, c->n_rows, sizeof(*sorted), by_key);
    for (size_t i = 1; i < c->n_rows; i++) {
        if (bw_product_key_compare(&sorted[i - 1]->key, &sorted[i]->key) != 0)
            continue;
        c->line = sorted[i]->line;
        complain(c, ": %d:%s stands on line %zu already", sorted[i]->key.domain, sorted[i]->key.asin,
                 sorted[i - 1]->line);
    }
    free((void *)sorted);
}

enum bw_err bw_csv_finish(struct bw_csv *c, const struct bw_import_row **rows, size_t *n)
{
    if (!c->too_big && csv_fini(&c->parser, on_field, on_row, c) != 0)
        complain(c, ": a quote is not closed");
    if (!c->has_header && c->n_errors == 0)
        complain(c, ": a header with a column 'asin' was expected");
    if (c->n_errors == 0)
        find_doubles(c);
    *rows = c->rows;
    *n = c->n_rows;
    return c->n_errors ? BW_ERR_INVALID : BW_OK;
}

size_t bw_csv_error_count(const struct bw_csv *c)
{
    return c->n_errors;
}

const char *bw_csv_error(const struct bw_csv *c, size_t i)
{
    return i < c->n_errors && i < BW_CSV_ERRORS_MAX ? c->errors[i] : NULL;
}

void bw_csv_put(struct bw_buf *out, const char *text, char after)
{
    bool quote =
        strpbrk(text, ",\"\r\n") != NULL || text[0] == ' ' || (text[0] && text[strlen(text) - 1] == ' ');
    if (quote)
        bw_buf_addc(out, '"');
    for (; *text; text++) {
        if (*text == '"')
            bw_buf_addc(out, '"');
        bw_buf_addc(out, *text);
    }
    if (quote)
        bw_buf_addc(out, '"');
    bw_buf_addc(out, after);
}
