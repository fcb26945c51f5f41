/* Import files: what is taken, what is refused and with which words, in chunks of any size; and what is written is read
 * again as it was. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))
#define EVERY    45 /* minutes, where the file says nothing */

/* Reads a whole text in chunks of that size (0: in one piece). The bytes stand in a block of their own, so that a look
 * past their end is seen. */
static struct bw_csv *read_text(const char *text, size_t len, size_t chunk, enum bw_err *err,
                                const struct bw_import_row **rows, size_t *n)
{
    struct bw_csv *c = bw_csv_new(EVERY);
    enum bw_err fed = BW_OK;
    for (size_t i = 0; i < len;) {
        size_t part = chunk == 0 || chunk > len - i ? len - i : chunk;
        char *copy = bw_alloc(part);
        memcpy(copy, text + i, part);
        fed = bw_csv_feed(c, copy, part);
        free(copy);
        i += part;
    }
    *err = bw_csv_finish(c, rows, n);
    assert_true(*err == BW_OK || *err == BW_ERR_INVALID);
    assert_true(fed == BW_OK || *err == BW_ERR_INVALID); /* what ended the reading is told */
    return c;
}

static const size_t chunks[] = {0, 1, 2, 3, 7};

/* ---- what is taken ---- */

struct expected {
    struct bw_product_key key;
    int priority, frequency;
    const char *label, *tags, *channel;
    bool active;
    size_t line;
};

static const struct good {
    const char *name, *text;
    size_t n;
    struct expected rows[3];
} goods[] = {
    {"header only", "asin\n", 0, {{{0}}}},
    {"defaults", "asin\nB0D8W1YVBX\n", 1, {{{1, "B0D8W1YVBX"}, 5, EVERY, "", "", "", true, 2}}},
    {"no line end at the end", "asin\nB0D8W1YVBX", 1, {{{1, "B0D8W1YVBX"}, 5, EVERY, "", "", "", true, 2}}},
    {"all columns",
     "asin,domain,priority,monitoring_frequency,label,tags,channel,is_active\n"
     "B0D8W1YVBX,3,1,15,Serum,face;new,C123,false\n",
     1,
     {{{3, "B0D8W1YVBX"}, 1, 15, "Serum", "face;new", "C123", false, 2}}},
    {"other order, CRLF, empty fields",
     "is_active,label,asin,domain\r\nno,x,B0D8W1YVBX,\r\n,,B0D8W1YVB2,12\r\n",
     2,
     {{{1, "B0D8W1YVBX"}, 5, EVERY, "x", "", "", false, 2},
      {{12, "B0D8W1YVB2"}, 5, EVERY, "", "", "", true, 3}}},
    {"BOM and blank lines",
     "\xef\xbb\xbf\n\r\n  \nasin,domain\n\nB0D8W1YVBX,2\n\r\n,\nB0D8W1YVB2,2\n\n",
     2,
     {{{2, "B0D8W1YVBX"}, 5, EVERY, "", "", "", true, 6},
      {{2, "B0D8W1YVB2"}, 5, EVERY, "", "", "", true, 9}}},
    {"the domain with the asin",
     "asin,domain\n3:B0D8W1YVBX,\n3:B0D8W1YVB2,3\n1:B0D8W1YVBX,\n",
     3,
     {{{3, "B0D8W1YVBX"}, 5, EVERY, "", "", "", true, 2},
      {{3, "B0D8W1YVB2"}, 5, EVERY, "", "", "", true, 3},
      {{1, "B0D8W1YVBX"}, 5, EVERY, "", "", "", true, 4}}},
    {"quotes; lines inside a field count",
     "asin,label\n\"B0D8W1YVBX\",\"a \"\"b\"\", c\r\nd\n\"\nB0D8W1YVB2,=1+1\n",
     2,
     {{{1, "B0D8W1YVBX"}, 5, EVERY, "a \"b\", c\r\nd\n", "", "", true, 2},
      {{1, "B0D8W1YVB2"}, 5, EVERY, "=1+1", "", "", true, 5}}},
    {"blanks around fields are none, inside quotes they stay",
     "asin , label\n B0D8W1YVBX ,\" x \"\n",
     1,
     {{{1, "B0D8W1YVBX"}, 5, EVERY, " x ", "", "", true, 2}}},
    {"missing fields at the end of a row",
     "asin,label,channel\nB0D8W1YVBX\n",
     1,
     {{{1, "B0D8W1YVBX"}, 5, EVERY, "", "", "", true, 2}}},
    {"CR alone, mixed with the others",
     "\xef\xbb\xbf\r\rasin\rB0D8W1YVBX\r \nB0D8W1YVB2\n\rB0D8W1YVB3\n",
     3,
     {{{1, "B0D8W1YVBX"}, 5, EVERY, "", "", "", true, 4},
      {{1, "B0D8W1YVB2"}, 5, EVERY, "", "", "", true, 6},
      {{1, "B0D8W1YVB3"}, 5, EVERY, "", "", "", true, 8}}},
    {"ends of the ranges",
     "asin,priority,monitoring_frequency\nB0D8W1YVBX,100,10080\nB0D8W1YVB2,1,1\n",
     2,
     {{{1, "B0D8W1YVBX"}, 100, 10080, "", "", "", true, 2}, {{1, "B0D8W1YVB2"}, 1, 1, "", "", "", true, 3}}},
};

static void check_row(const char *name, const struct bw_import_row *row, const struct expected *e)
{
    if (bw_product_key_compare(&row->key, &e->key) != 0 || row->priority != e->priority ||
        row->frequency_min != e->frequency || row->is_active != e->active || row->line != e->line)
        fail_msg("%s: %d:%s %d %d %d line %zu", name, row->key.domain, row->key.asin, row->priority,
                 row->frequency_min, row->is_active, row->line);
    assert_string_equal(row->label, e->label);
    assert_string_equal(row->tags, e->tags);
    assert_string_equal(row->channel, e->channel);
}

static void files_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(goods); i++) {
        for (size_t k = 0; k < COUNT(chunks); k++) {
            const struct bw_import_row *rows = NULL;
            size_t n = 99;
            enum bw_err err;
            struct bw_csv *c = read_text(goods[i].text, strlen(goods[i].text), chunks[k], &err, &rows, &n);
            if (err != BW_OK || n != goods[i].n)
                fail_msg("%s in chunks of %zu: %zu rows, %s", goods[i].name, chunks[k], n,
                         err != BW_OK ? bw_csv_error(c, 0) : "no error");
            for (size_t r = 0; r < n; r++)
                check_row(goods[i].name, &rows[r], &goods[i].rows[r]);
            bw_csv_free(c);
        }
    }
}

static void active_or_not(void **state)
{
    static const struct {
        const char *text;
        bool active;
    } words[] = {{"true", true},   {"TRUE", true},   {"t", true},  {"yes", true}, {"Y", true},  {"1", true},
                 {"false", false}, {"False", false}, {"F", false}, {"no", false}, {"n", false}, {"0", false}};
    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        const struct bw_import_row *rows = NULL;
        char text[64];
        size_t n = 0;
        enum bw_err err;
        (void)snprintf(text, sizeof text, "asin,is_active\nB0D8W1YVBX,%s\n", words[i].text);
        struct bw_csv *c = read_text(text, strlen(text), 0, &err, &rows, &n);
        assert_int_equal(err, BW_OK);
        assert_int_equal(rows[0].is_active, words[i].active);
        bw_csv_free(c);
    }
}

/* ---- what is refused ---- */

#define ASINS "expected ten characters of A-Z and 0-9, as in B0D8W1YVBX"
#define KNOWN                                                                                                \
    "unknown; asin, domain, priority, monitoring_frequency, label, tags, channel or is_active was expected"

static const struct bad {
    const char *text;
    const char *errors[4];
} bads[] = {
    {"", {"line 1: a header with a column 'asin' was expected"}},
    {"\n\n", {"line 1: a header with a column 'asin' was expected"}},
    {"label\nx\n", {"line 1: a header with a column 'asin' was expected"}}, /* its rows say no more */
    {"B0D8W1YVBX\n",
     {"line 1, column 'B0D8W1YVBX': " KNOWN, "line 1: a header with a column 'asin' was expected"}},
    {"asin,Label\n", {"line 1, column 'Label': " KNOWN}},
    {"asin,\nx,\n", {"line 1, column '': " KNOWN}},
    {",asin\n", {"line 1, column '': " KNOWN}},
    {"\nasin,domain,asin\n", {"line 2, column 'asin': stands twice, once was expected"}},
    {"asin\nb0d8w1yvbx\n", {"line 2, asin: 'b0d8w1yvbx' is not an ASIN: " ASINS}},
    {"asin,label\n,x\n", {"line 2, asin: ten of A-Z and 0-9 were expected, the field is empty"}},
    {"asin\n7:B0D8W1YVBX\n",
     {"line 2, asin: '7:B0D8W1YVBX' has no Keepa domain before the colon: expected 1-6 or 8-12, as in "
      "3:B0D8W1YVBX"}},
    {"asin,domain\nB0D8W1YVBX,7\nB0D8W1YVB2,de\nB0D8W1YVB3,13\nB0D8W1YVB4,+1\n",
     {"line 2, domain '7': a Keepa domain (1-6, 8-12) was expected",
      "line 3, domain 'de': a Keepa domain (1-6, 8-12) was expected",
      "line 4, domain '13': a Keepa domain (1-6, 8-12) was expected",
      "line 5, domain '+1': a Keepa domain (1-6, 8-12) was expected"}},
    {"asin,domain\n3:B0D8W1YVBX,1\n", {"line 2, domain '1': 3 was expected, as in the asin, or nothing"}},
    {"asin,priority\nB0D8W1YVBX,0\nB0D8W1YVB2,101\nB0D8W1YVB3,high\nB0D8W1YVB4,99999999999999999999\n",
     {"line 2, priority '0': a number from 1 to 100 was expected",
      "line 3, priority '101': a number from 1 to 100 was expected",
      "line 4, priority 'high': a number from 1 to 100 was expected",
      "line 5, priority '99999999999999999999': a number from 1 to 100 was expected"}},
    {"asin,monitoring_frequency\nB0D8W1YVBX,10081\nB0D8W1YVB2,1.5\nB0D8W1YVB3,-5\n",
     {"line 2, monitoring_frequency '10081': a number from 1 to 10080 was expected",
      "line 3, monitoring_frequency '1.5': a number from 1 to 10080 was expected",
      "line 4, monitoring_frequency '-5': a number from 1 to 10080 was expected"}},
    {"asin,is_active\nB0D8W1YVBX,maybe\n", {"line 2, is_active 'maybe': true or false was expected"}},
    {"asin,tags\nB0D8W1YVBX,a;;b\nB0D8W1YVB2,a;\nB0D8W1YVB3,;\n",
     {"line 2, tags: each of 1 to 50 characters, with ';' between them, was expected",
      "line 3, tags: each of 1 to 50 characters, with ';' between them, was expected",
      "line 4, tags: each of 1 to 50 characters, with ';' between them, was expected"}},
    {"asin,tags\nB0D8W1YVBX,1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17;18;19;20;21\n",
     {"line 2, tags: at most 20 were expected"}},
    {"asin,label\nB0D8W1YVBX,x,y\n", {"line 2: 3 fields, 2 were expected, as in the header"}},
    {"asin,label\nB0D8W1YVBX,\xff\n", {"line 2, label: UTF-8 was expected"}},
    {"asin,domain\nB0D8W1YVBX,1\n\n3:B0D8W1YVBX,\n1:B0D8W1YVBX,\nB0D8W1YVBX,3\n",
     {"line 5, asin '1:B0D8W1YVBX': stands on line 2 already, once was expected",
      "line 6, asin '3:B0D8W1YVBX': stands on line 4 already, once was expected"}},
    {"asin,priority\nB0D8W1YVBX,0\nB0D8W1YVBX,1\nx,1\nx,1\n", /* all that can be said of a file is said at once */
     {"line 2, priority '0': a number from 1 to 100 was expected", "line 4, asin: 'x' is not an ASIN: " ASINS,
      "line 5, asin: 'x' is not an ASIN: " ASINS,
      "line 3, asin '1:B0D8W1YVBX': stands on line 2 already, once was expected"}},
    {"asin,label\nB0D8W1YVBX,a\"b\n",
     {"line 2: CSV was expected; a quote stands inside a field, or text behind its end"}},
    {"asin,label\nB0D8W1YVBX,\"a\"b\n",
     {"line 2: CSV was expected; a quote stands inside a field, or text behind its end"}},
    {"asin,label\nB0D8W1YVBX,\"a\n\nb", {"line 2: a quote begins in this row and is not closed"}},
    {"asin,label\nB0D8W1YVBX,\"a\nb\"\nx,\n", {"line 4, asin: 'x' is not an ASIN: " ASINS}},
    {"asin,is_active\nB0D8W1YVBX,\x1b[31m\xff\n",
     {"line 2, is_active ' [31m\xef\xbf\xbd': true or false was expected"}},
    {"\xff\xfe"
     "a",
     {"line 1: UTF-8 was expected, this looks like UTF-16"}},
    {"\xef\xbb"
     "asin\n",
     {"line 1, column '\xef\xbf\xbd"
      "asin': " KNOWN,
      "line 1: a header with a column 'asin' was expected"}},
};

static void files_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bads); i++) {
        for (size_t k = 0; k < COUNT(chunks); k++) {
            const struct bw_import_row *rows = NULL;
            size_t n = 99, expected = 0;
            enum bw_err err;
            struct bw_csv *c = read_text(bads[i].text, strlen(bads[i].text), chunks[k], &err, &rows, &n);
            while (expected < COUNT(bads[i].errors) && bads[i].errors[expected])
                expected++;
            if (err != BW_ERR_INVALID || bw_csv_error_count(c) != expected)
                fail_msg("'%s' in chunks of %zu: %zu errors, first '%s'", bads[i].text, chunks[k],
                         bw_csv_error_count(c), bw_csv_error_count(c) ? bw_csv_error(c, 0) : "");
            for (size_t e = 0; e < expected; e++)
                assert_string_equal(bw_csv_error(c, e), bads[i].errors[e]);
            assert_null(bw_csv_error(c, expected));
            assert_true(rows == NULL && n == 99); /* nothing to apply */
            bw_csv_free(c);
        }
    }
}

/* ---- caps ---- */

static void lengths_in_characters(void **state)
{
    static const struct {
        const char *column;
        size_t most;
        const char *error;
    } columns[] = {
        {"label", BW_CSV_LABEL_MAX, "line 2, label: at most 200 characters were expected"},
        {"channel", BW_CHANNEL_MAX, "line 2, channel: at most 80 characters were expected"},
        {"tags", BW_CSV_TAG_MAX,
         "line 2, tags: each of 1 to 50 characters, with ';' between them, was expected"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(columns); i++) {
        for (size_t more = 0; more < 2; more++) {
            const struct bw_import_row *rows;
            struct bw_buf text;
            enum bw_err err;
            size_t n;
            bw_buf_init(&text, 1u << 16);
            (void)bw_buf_addf(&text, "asin,%s\nB0D8W1YVBX,", columns[i].column);
            for (size_t k = 0; k < columns[i].most + more; k++)
                (void)bw_buf_adds(&text, "ü");
            struct bw_csv *c = read_text(text.data, text.len, 0, &err, &rows, &n);
            assert_int_equal(bw_csv_error_count(c), more);
            if (more)
                assert_string_equal(bw_csv_error(c, 0), columns[i].error);
            bw_csv_free(c);
            bw_buf_fini(&text);
        }
    }
}

static void twenty_errors_are_kept(void **state)
{
    const struct bw_import_row *rows;
    struct bw_buf text;
    enum bw_err err;
    size_t n;
    (void)state;
    bw_buf_init(&text, 1u << 16);
    (void)bw_buf_adds(&text, "asin\n");
    for (int i = 0; i < 500; i++)
        (void)bw_buf_adds(&text, "x\n");
    struct bw_csv *c = read_text(text.data, text.len, 0, &err, &rows, &n);
    assert_int_equal(err, BW_ERR_INVALID);
    assert_int_equal(bw_csv_error_count(c), 500);
    assert_string_equal(bw_csv_error(c, BW_CSV_ERRORS_MAX - 1), "line 21, asin: 'x' is not an ASIN: " ASINS);
    assert_null(bw_csv_error(c, BW_CSV_ERRORS_MAX));
    bw_csv_free(c);
    bw_buf_fini(&text);
}

/* A quote that is not closed must not take the rest of a huge file into memory. */
static void endless_field(void **state)
{
    struct bw_csv *c = bw_csv_new(EVERY);
    const struct bw_import_row *rows;
    char block[4096];
    size_t n, fed = 0;
    enum bw_err err = bw_csv_feed(c, "asin,label\nB0D8W1YVBX,\"", 23);
    (void)state;
    memset(block, 'x', sizeof block);
    for (; err == BW_OK && fed < (size_t)1 << 20; fed += sizeof block)
        err = bw_csv_feed(c, block, sizeof block);
    assert_int_equal(err, BW_ERR_TOO_BIG);
    assert_in_range(fed, 65536, 131072);
    assert_int_equal(bw_csv_feed(c, block, sizeof block), BW_ERR_TOO_BIG); /* and stays so */
    assert_int_equal(bw_csv_finish(c, &rows, &n), BW_ERR_INVALID);
    assert_int_equal(bw_csv_error_count(c), 1);
    assert_string_equal(bw_csv_error(c, 0),
                        "line 2: a field of at most 65536 bytes was expected; is a quote not closed?");
    bw_csv_free(c);
}

static void a_nul(void **state)
{
    static const char text[] = "asin,label\nB0D8W1YVBX,a\0b\nB0D8W1YVB2,\n";
    const struct bw_import_row *rows;
    size_t n;
    enum bw_err err;
    (void)state;
    struct bw_csv *c = read_text(text, sizeof text - 1, 0, &err, &rows, &n);
    assert_int_equal(err, BW_ERR_INVALID);
    assert_int_equal(bw_csv_error_count(c), 1);
    assert_string_equal(bw_csv_error(c, 0),
                        "line 2, field 2: text of at most 65536 bytes, without NULs, was expected");
    bw_csv_free(c);
}

static void a_hundred_thousand_rows(void **state)
{
    const struct bw_import_row *rows;
    struct bw_buf text;
    enum bw_err err;
    size_t n;
    (void)state;
    bw_buf_init(&text, 16u << 20);
    (void)bw_buf_adds(&text, "asin,domain,tags\n");
    for (int i = 0; i < 100000; i++)
        (void)bw_buf_addf(&text, "B%09d,%d,t%d\n", i / 2, 1 + i % 2, i);
    struct bw_csv *c = read_text(text.data, text.len, 65536, &err, &rows, &n);
    assert_int_equal(err, BW_OK);
    assert_int_equal(n, 100000);
    assert_string_equal(rows[99999].key.asin, "B000049999");
    assert_string_equal(rows[99999].tags, "t99999");
    assert_int_equal(rows[99999].line, 100001);
    bw_csv_free(c);
    bw_buf_fini(&text);
}

/* ---- writing ---- */

static void fields_written(void **state)
{
    static const struct {
        const char *text, *expected;
    } fields[] = {
        {"", ","},           {"plain", "plain,"},   {"a b", "a b,"},         {"a,b", "\"a,b\","},
        {" a", "\" a\","},   {"a\t", "\"a\t\","},   {"a\"b", "\"a\"\"b\","}, {"a\nb", "\"a\nb\","},
        {"a\r", "\"a\r\","}, {"=cmd|x", "=cmd|x,"}, {"ü;🎉", "ü;🎉,"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++) {
        struct bw_buf out;
        bw_buf_init(&out, 256);
        bw_csv_put(&out, fields[i].text, ',');
        assert_string_equal(bw_buf_str(&out), fields[i].expected);
        bw_buf_fini(&out);
    }
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Pieces that CSV, libcsv or Excel treat in a special way. */
static char *random_text(uint32_t *seed, bool tags)
{
    static const char *const pieces[] = {"a", " ", "\t", "\"", "\"\"",         ",", "\n", "\r\n", "\r",
                                         "ü", "🎉", "=",  "'",  "\xef\xbb\xbf", "x", "0"};
    struct bw_buf b;
    size_t n = next_random(seed) % 8;
    bw_buf_init(&b, 1024);
    for (size_t i = 0; i < n; i++) {
        if (tags && i > 0 && i + 1 < n && next_random(seed) % 3 == 0 && b.data[b.len - 1] != ';')
            (void)bw_buf_addc(&b, ';');
        else
            (void)bw_buf_adds(&b, pieces[next_random(seed) % COUNT(pieces)]);
    }
    return bw_buf_take(&b, NULL);
}

static struct bw_import_row random_row(uint32_t *seed, int i)
{
    static const int domains[] = {1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12};
    struct bw_import_row row = {.key = {.domain = domains[next_random(seed) % COUNT(domains)]},
                                .priority = 1 + (int)(next_random(seed) % 100),
                                .frequency_min = 1 + (int)(next_random(seed) % 10080),
                                .label = random_text(seed, false),
                                .tags = random_text(seed, true),
                                .channel = random_text(seed, false),
                                .is_active = next_random(seed) % 2};
    (void)snprintf(row.key.asin, sizeof row.key.asin, "B%09d", i);
    return row;
}

static void write_row(struct bw_buf *out, const struct bw_import_row *row)
{
    char number[3][16];
    const int numbers[] = {row->key.domain, row->priority, row->frequency_min};
    bw_csv_put(out, row->key.asin, ',');
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(number[i], sizeof number[i], "%d", numbers[i]);
        bw_csv_put(out, number[i], ',');
    }
    bw_csv_put(out, row->label, ',');
    bw_csv_put(out, row->tags, ',');
    bw_csv_put(out, row->channel, ',');
    bw_csv_put(out, row->is_active ? "true" : "false", '\n');
}

static void written_is_read_again(void **state)
{
    enum { ROWS = 500 };
    struct bw_import_row *given = bw_alloc_array(ROWS, sizeof *given);
    const struct bw_import_row *rows = NULL;
    struct bw_buf text;
    uint32_t seed = 4711;
    enum bw_err err;
    size_t n = 0;
    (void)state;
    bw_buf_init(&text, 1u << 20);
    (void)bw_buf_adds(&text, BW_CSV_HEADER);
    for (int i = 0; i < ROWS; i++) {
        given[i] = random_row(&seed, i);
        write_row(&text, &given[i]);
    }
    for (size_t k = 0; k < COUNT(chunks); k++) {
        struct bw_csv *c = read_text(text.data, text.len, chunks[k], &err, &rows, &n);
        if (err != BW_OK)
            fail_msg("%s", bw_csv_error(c, 0));
        assert_int_equal(n, ROWS);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(bw_product_key_compare(&rows[i].key, &given[i].key), 0);
            assert_int_equal(rows[i].priority, given[i].priority);
            assert_int_equal(rows[i].frequency_min, given[i].frequency_min);
            assert_int_equal(rows[i].is_active, given[i].is_active);
            assert_string_equal(rows[i].label, given[i].label);
            assert_string_equal(rows[i].tags, given[i].tags);
            assert_string_equal(rows[i].channel, given[i].channel);
        }
        bw_csv_free(c);
    }
    for (int i = 0; i < ROWS; i++) {
        free(given[i].label);
        free(given[i].tags);
        free(given[i].channel);
    }
    free(given);
    bw_buf_fini(&text);
}

/* Whatever the bytes: no crash, and an error is always said. */
static void bytes_of_all_kinds(void **state)
{
    static const char *const pieces[] = {"asin", "B0D8W1YVBX", ",",      "\n",    "\"",
                                         "\r",   " ",          "\xff",   "label", "tags",
                                         ";",    "1",          "domain", "3:",    "\xef\xbb\xbf"};
    uint32_t seed = 99;
    (void)state;
    for (int round = 0; round < 3000; round++) {
        const struct bw_import_row *rows;
        struct bw_buf text;
        enum bw_err err;
        size_t n;
        bw_buf_init(&text, 4096);
        (void)bw_buf_adds(&text, round % 2 ? "asin,label,tags\n" : "");
        for (uint32_t i = next_random(&seed) % 40; i > 0; i--)
            (void)bw_buf_adds(&text, pieces[next_random(&seed) % COUNT(pieces)]);
        struct bw_csv *c = read_text(bw_buf_str(&text), text.len, next_random(&seed) % 5, &err, &rows, &n);
        assert_int_equal(err != BW_OK, bw_csv_error_count(c) > 0);
        bw_csv_free(c);
        bw_buf_fini(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_taken),
        cmocka_unit_test(active_or_not),
        cmocka_unit_test(files_refused),
        cmocka_unit_test(lengths_in_characters),
        cmocka_unit_test(twenty_errors_are_kept),
        cmocka_unit_test(endless_field),
        cmocka_unit_test(a_nul),
        cmocka_unit_test(a_hundred_thousand_rows),
        cmocka_unit_test(fields_written),
        cmocka_unit_test(written_is_read_again),
        cmocka_unit_test(bytes_of_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
