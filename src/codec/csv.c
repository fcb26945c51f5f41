/* Products as CSV.
 *
 * Happy way: bytes go to libcsv in small slices, each row is checked as it ends and kept, at the end all rows are looked
 * through for doubles. How it fails: errors are collected, the first 20 with their line and column; one is enough for
 * the whole file to be refused, so nothing is applied in part. What is no CSV, or passes a cap, ends the reading.
 *
 * Traps of libcsv 3.0.3: blanks and tabs around an unquoted field are dropped (the writer quotes such texts); without
 * CSV_REPALL_NL an empty line is swallowed in silence, and nobody could count where a row begins; with it CRLF gives an
 * empty row of its own; its buffer grows without limit behind a quote that is not closed. */
#include "badgewatch/codec/csv.h"

#include "utf8.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/keepa.h"

#include <csv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIELD_MAX ((size_t)64 << 10)
#define SLICE     4096
#define SLACK     ((size_t)4 * SLICE) /* the buffer of libcsv is larger than what is in it */
#define BOM       "\xef\xbb\xbf"

enum column { ASIN, DOMAIN, PRIORITY, FREQUENCY, LABEL, TAGS, CHANNEL, ACTIVE, COLUMNS };

static const char *const names[COLUMNS] = {"asin",  "domain", "priority", "monitoring_frequency",
                                           "label", "tags",   "channel",  "is_active"};

struct bw_csv {
    struct csv_parser parser;
    int default_frequency;
    int order[COLUMNS]; /* position of each column in the file, -1 = absent */
    size_t n_columns;   /* of the header */
    bool has_header;
    bool bad_header;       /* rows cannot be understood and are skipped */
    char *fields[COLUMNS]; /* of the row being read; libcsv gives one at a time */
    size_t n_fields;
    bool empty;      /* all fields so far were empty */
    size_t line;     /* being read */
    bool after_cr;   /* a LF here belongs to the CR before it */
    size_t row_line; /* where the row being read begins; 0 = none has begun */
    size_t bom;      /* bytes of it seen; 3 = decided */
    bool stopped;
    struct bw_import_row *rows;
    size_t n_rows, cap;
    char *errors[BW_CSV_ERRORS_MAX];
    size_t n_errors;
};

static void complain(struct bw_csv *c, size_t line, const char *fmt, ...) BW_PRINTF(3, 4);

/* The text goes to a terminal, and holds words of the file: without their control characters. */
static void complain(struct bw_csv *c, size_t line, const char *fmt, ...)
{
    if (c->n_errors++ >= BW_CSV_ERRORS_MAX)
        return;
    char text[600], clean[600];
    struct bw_buf mended;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    bw_buf_init(&mended, 3 * sizeof(text));
    bw_utf8_mend(text, strlen(text), &mended);
    bw_utf8_field(clean, sizeof(clean), bw_buf_str(&mended));
    c->errors[c->n_errors - 1] = bw_asprintf("line %zu%s", line, clean);
    bw_buf_fini(&mended);
}

/* ---- the header ---- */

static void take_header_field(struct bw_csv *c, const char *text)
{
    size_t position = c->n_columns++;
    for (int i = 0; i < COLUMNS; i++) {
        if (strcmp(names[i], text) != 0)
            continue;
        if (c->order[i] >= 0)
            complain(c, c->row_line, ", column '%s': stands twice, once was expected", text);
        c->order[i] = (int)position;
        return;
    }
    complain(
        c, c->row_line,
        ", column '%.60s': unknown; asin, domain, priority, monitoring_frequency, label, tags, channel or "
        "is_active was expected",
        text);
}

static void take_header(struct bw_csv *c)
{
    if (c->order[ASIN] < 0)
        complain(c, c->row_line, ": a header with a column 'asin' was expected");
    c->has_header = true;
    c->bad_header = c->n_errors > 0;
}

/* ---- a row ---- */

static const char *field(const struct bw_csv *c, enum column column)
{
    return c->fields[column] ? c->fields[column] : "";
}

/* Digits only: strtol alone would take "+5", " 5" and "0x5". False where it is none of the numbers. */
static bool read_number(const char *text, int least, int most, int *out)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 9 || text[digits] != '\0')
        return false;
    long value = strtol(text, NULL, 10);
    if (value < least || value > most)
        return false;
    *out = (int)value;
    return true;
}

static int number(struct bw_csv *c, enum column column, int least, int most, int fallback)
{
    const char *text = field(c, column);
    int value = fallback;
    if (text[0] && !read_number(text, least, most, &value))
        complain(c, c->row_line, ", %s '%.40s': a number from %d to %d was expected", names[column], text,
                 least, most);
    return value;
}

static bool yes_or_no(struct bw_csv *c)
{
    static const char *const yes[] = {"", "true", "t", "yes", "y", "1"}, *const no[] = {"false", "f", "no",
                                                                                        "n", "0"};
    const char *text = field(c, ACTIVE);
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcasecmp(text, yes[i]) == 0) /* spreadsheets write TRUE */
            return true;
    }
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (strcasecmp(text, no[i]) == 0)
            return false;
    }
    complain(c, c->row_line, ", is_active '%.40s': true or false was expected", text);
    return true;
}

/* The key of a row that has none stays empty: it takes no part in the search for doubles. */
static void check_key(struct bw_csv *c, struct bw_import_row *row)
{
    struct bw_product_key key;
    struct bw_error error;
    const char *text = field(c, DOMAIN);
    int domain = 0;
    bool good = !text[0] || (read_number(text, 1, 12, &domain) && bw_domain_valid(domain));
    if (!good)
        complain(c, c->row_line, ", domain '%.40s': a Keepa domain (1-6, 8-12) was expected", text);
    if (!field(c, ASIN)[0]) {
        complain(c, c->row_line, ", asin: ten of A-Z and 0-9 were expected, the field is empty");
        return;
    }
    if (bw_product_key_parse(field(c, ASIN), &key, &error) != BW_OK) {
        complain(c, c->row_line, ", asin: %s", error.text);
        return;
    }
    bool named = strchr(field(c, ASIN), ':') != NULL;
    if (good && named && domain != 0 && domain != key.domain) {
        complain(c, c->row_line, ", domain '%d': %d was expected, as in the asin, or nothing", domain,
                 key.domain);
        return;
    }
    if (!named && domain != 0)
        key.domain = domain;
    if (good)
        row->key = key;
}

static char *text_field(struct bw_csv *c, enum column column, size_t most)
{
    const char *text = field(c, column);
    if (!bw_utf8_valid(text, strlen(text)))
        complain(c, c->row_line, ", %s: UTF-8 was expected", names[column]);
    else if (bw_utf8_length(text, strlen(text)) > most)
        complain(c, c->row_line, ", %s: at most %zu characters were expected", names[column], most);
    return bw_strdup(text);
}

static char *tags_field(struct bw_csv *c)
{
    const char *text = field(c, TAGS);
    size_t count = text[0] != '\0';
    bool fits = true;
    for (const char *p = text; *p; p++)
        count += *p == ';';
    for (size_t i = 0; i < count && fits; i++) {
        size_t len = strcspn(text, ";"), n = bw_utf8_length(text, len);
        fits = n > 0 && n <= BW_CSV_TAG_MAX;
        text += len + (i + 1 < count);
    }
    if (!fits)
        complain(c, c->row_line, ", tags: each of 1 to %d characters, with ';' between them, was expected",
                 BW_CSV_TAG_MAX);
    if (count > BW_CSV_TAGS_MAX)
        complain(c, c->row_line, ", tags: at most %d were expected", BW_CSV_TAGS_MAX);
    return text_field(c, TAGS, SIZE_MAX);
}

static void take_row(struct bw_csv *c)
{
    struct bw_import_row row = {.line = c->row_line};
    if (c->n_rows == BW_CSV_ROWS_MAX) {
        complain(c, c->row_line, ": at most %d rows were expected", BW_CSV_ROWS_MAX);
        c->stopped = true;
        return;
    }
    if (c->n_fields > c->n_columns)
        complain(c, c->row_line, ": %zu fields, %zu were expected, as in the header", c->n_fields,
                 c->n_columns);
    check_key(c, &row);
    row.priority = number(c, PRIORITY, 1, 100, 5);
    row.frequency_min = number(c, FREQUENCY, 1, 10080, c->default_frequency);
    row.label = text_field(c, LABEL, BW_CSV_LABEL_MAX);
    row.tags = tags_field(c);
    row.channel = text_field(c, CHANNEL, BW_CHANNEL_MAX);
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
    size_t position = c->n_fields++;
    if (c->stopped)
        return;
    c->empty = c->empty && len == 0;
    if (len > FIELD_MAX || memchr(bytes, '\0', len)) {
        complain(c, c->row_line, ", field %zu: text of at most %zu bytes, without NULs, was expected",
                 position + 1, FIELD_MAX);
        c->stopped = true;
        return;
    }
    for (int i = 0; c->has_header && i < COLUMNS; i++) {
        if (c->order[i] == (int)position)
            c->fields[i] = bw_strndup(bytes, len);
    }
    if (!c->has_header && (len > 0 || position > 0)) { /* else perhaps an empty line before the header */
        char *name = bw_strndup(bytes, len);
        if (position > 0 && c->n_columns == 0)
            take_header_field(c, ""); /* it was a column after all */
        take_header_field(c, name);
        free(name);
    }
}

static void on_row(int terminator, void *ctx)
{
    struct bw_csv *c = ctx;
    (void)terminator;
    bool blank = c->empty && (c->n_fields <= 1 || c->has_header); /* spreadsheets end in ",,," */
    if (!c->stopped && !blank && !c->has_header)
        take_header(c);
    else if (!c->stopped && !blank && !c->bad_header)
        take_row(c);
    for (int i = 0; i < COLUMNS; i++) {
        free(c->fields[i]);
        c->fields[i] = NULL;
    }
    c->n_fields = 0;
    c->empty = true;
    c->row_line = 0;
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

/* LF, CRLF, and CR alone: all three end a row for libcsv. */
static void count_line(struct bw_csv *c, const char *slice, size_t len)
{
    bool cr = slice[len - 1] == '\r', second = len == 1 && c->after_cr;
    c->line += cr || (slice[len - 1] == '\n' && !second);
    c->after_cr = cr;
}

/* Never over a line's end, so that a row knows its line. */
static void feed_slice(struct bw_csv *c, const char *data, size_t len)
{
    if (c->row_line == 0)
        c->row_line = c->line;
    if (csv_parse(&c->parser, data, len, on_field, on_row, c) != len && !c->stopped) {
        int code = csv_error(&c->parser);
        if (code == CSV_ENOMEM)
            abort();
        complain(c, c->line, ": CSV was expected; a quote stands inside a field, or text behind its end");
        c->stopped = true;
    }
    if (csv_get_buffer_size(&c->parser) > FIELD_MAX + SLACK && !c->stopped) {
        complain(c, c->row_line ? c->row_line : c->line,
                 ": a field of at most %zu bytes was expected; is a quote not closed?", FIELD_MAX);
        c->stopped = true;
    }
    if (len > 0)
        count_line(c, data, len);
}

static void feed(struct bw_csv *c, const char *data, size_t len)
{
    while (len > 0 && !c->stopped) {
        size_t most = len < SLICE ? len : SLICE, n = 0;
        while (n < most && data[n] != '\n' && data[n] != '\r')
            n++;
        n += n < most; /* with the line's end */
        feed_slice(c, data, n);
        data += n;
        len -= n;
    }
}

enum bw_err bw_csv_feed(struct bw_csv *c, const char *data, size_t len)
{
    if (c->bom == 0 && len > 0 && ((unsigned char)data[0] >= 0xfe || data[0] == '\0') && !c->stopped) {
        complain(c, 1, ": UTF-8 was expected, this looks like UTF-16");
        c->stopped = true;
    }
    while (c->bom < 3 && len > 0) {
        if (*data == BOM[c->bom]) {
            c->bom++;
            data++;
            len--;
        } else {
            feed(c, BOM, c->bom); /* it only began like one */
            c->bom = 3;
        }
    }
    feed(c, data, len);
    return c->stopped ? BW_ERR_TOO_BIG : BW_OK;
}

struct place {
    struct bw_product_key key;
    size_t line;
};

static int by_key(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = bw_product_key_compare(&x->key, &y->key);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

static void find_doubles(struct bw_csv *c)
{
    struct place *sorted = bw_alloc_array(c->n_rows, sizeof(*sorted));
    for (size_t i = 0; i < c->n_rows; i++)
        sorted[i] = (struct place){c->rows[i].key, c->rows[i].line};
    qsort(sorted, c->n_rows, sizeof(*sorted), by_key);
    for (size_t i = 1; i < c->n_rows; i++) {
        const struct bw_product_key *key = &sorted[i].key;
        if (key->asin[0] && bw_product_key_compare(&sorted[i - 1].key, key) == 0)
            complain(c, sorted[i].line, ", asin '%d:%s': stands on line %zu already, once was expected",
                     key->domain, key->asin, sorted[i - 1].line);
    }
    free(sorted);
}

enum bw_err bw_csv_finish(struct bw_csv *c, const struct bw_import_row **rows, size_t *n)
{
    size_t began = c->row_line;
    if (!c->stopped && csv_fini(&c->parser, on_field, on_row, c) != 0)
        complain(c, began, ": a quote begins in this row and is not closed");
    else if (!c->stopped && !c->has_header)
        complain(c, 1, ": a header with a column 'asin' was expected");
    find_doubles(c);
    if (c->n_errors > 0)
        return BW_ERR_INVALID;
    *rows = c->rows;
    *n = c->n_rows;
    return BW_OK;
}

size_t bw_csv_error_count(const struct bw_csv *c)
{
    return c->n_errors;
}

const char *bw_csv_error(const struct bw_csv *c, size_t i)
{
    return i < c->n_errors && i < BW_CSV_ERRORS_MAX ? c->errors[i] : NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

void bw_csv_put(struct bw_buf *out, const char *text, char after)
{
    size_t len = strlen(text);
    bool quote = strpbrk(text, ",\"\r\n") || (len > 0 && (is_blank(text[0]) || is_blank(text[len - 1])));
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
