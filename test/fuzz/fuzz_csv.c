/* An import file of any bytes. In whatever chunks it comes, it means the same; what is taken can be written and is read
 * again as it was; what is refused is refused with words that fit a terminal. */
#include "fuzz.h"

#include "badgewatch/base/buf.h"
#include "badgewatch/codec/csv.h"
#include "badgewatch/codec/keepa.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX (64u << 20)

struct result {
    struct bw_csv *csv;
    enum bw_err err;
    const struct bw_import_row *rows;
    size_t n;
};

static struct result read_text(const char *text, size_t len, size_t chunk)
{
    struct result r = {.csv = bw_csv_new(60)};
    enum bw_err fed = BW_OK;
    for (size_t i = 0; i < len && fed == BW_OK;) {
        size_t part = chunk > len - i ? len - i : chunk;
        fed = bw_csv_feed(r.csv, text + i, part);
        i += part;
    }
    r.err = bw_csv_finish(r.csv, &r.rows, &r.n);
    FUZZ_REQUIRE(fed == BW_OK || (fed == BW_ERR_TOO_BIG && r.err == BW_ERR_INVALID));
    FUZZ_REQUIRE((r.err == BW_OK) == (bw_csv_error_count(r.csv) == 0));
    return r;
}

static void require_row(const struct bw_import_row *row)
{
    FUZZ_REQUIRE(bw_domain_valid(row->key.domain) && bw_asin_valid(row->key.asin, strlen(row->key.asin)));
    FUZZ_REQUIRE(row->priority >= 1 && row->priority <= 100);
    FUZZ_REQUIRE(row->frequency_min >= 1 && row->frequency_min <= 10080 && row->line > 1);
    FUZZ_REQUIRE(bw_utf8_valid(row->label, strlen(row->label)));
    FUZZ_REQUIRE(bw_utf8_valid(row->tags, strlen(row->tags)));
    FUZZ_REQUIRE(bw_utf8_valid(row->channel, strlen(row->channel)));
}

static bool same_row(const struct bw_import_row *a, const struct bw_import_row *b)
{
    return bw_product_key_compare(&a->key, &b->key) == 0 && a->priority == b->priority &&
           a->frequency_min == b->frequency_min && a->is_active == b->is_active &&
           strcmp(a->label, b->label) == 0 && strcmp(a->tags, b->tags) == 0 &&
           strcmp(a->channel, b->channel) == 0;
}

static void require_same(const struct result *a, const struct result *b)
{
    FUZZ_REQUIRE(a->err == b->err && bw_csv_error_count(a->csv) == bw_csv_error_count(b->csv));
    for (size_t i = 0; bw_csv_error(a->csv, i); i++)
        FUZZ_REQUIRE(strcmp(bw_csv_error(a->csv, i), bw_csv_error(b->csv, i)) == 0);
    for (size_t i = 0; a->err == BW_OK && i < a->n; i++)
        FUZZ_REQUIRE(a->n == b->n && same_row(&a->rows[i], &b->rows[i]) &&
                     a->rows[i].line == b->rows[i].line);
}

static void put_number(struct bw_buf *out, int number)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%d", number);
    bw_csv_put(out, text, ',');
}

static void require_export(const struct result *r)
{
    struct bw_buf out;
    bw_buf_init(&out, TEXT_MAX);
    (void)bw_buf_adds(&out, BW_CSV_HEADER);
    for (size_t i = 0; i < r->n; i++) {
        const struct bw_import_row *row = &r->rows[i];
        require_row(row);
        bw_csv_put(&out, row->key.asin, ',');
        put_number(&out, row->key.domain);
        put_number(&out, row->priority);
        put_number(&out, row->frequency_min);
        bw_csv_put(&out, row->label, ',');
        bw_csv_put(&out, row->tags, ',');
        bw_csv_put(&out, row->channel, ',');
        bw_csv_put(&out, row->is_active ? "true" : "false", '\n');
    }
    struct result again = read_text(bw_buf_str(&out), out.len, out.len);
    FUZZ_REQUIRE(!out.overflow && again.err == BW_OK && again.n == r->n);
    for (size_t i = 0; i < r->n; i++)
        FUZZ_REQUIRE(same_row(&r->rows[i], &again.rows[i]));
    bw_csv_free(again.csv);
    bw_buf_fini(&out);
}

static void require_errors(const struct bw_csv *csv)
{
    for (size_t i = 0; bw_csv_error(csv, i); i++) {
        const char *text = bw_csv_error(csv, i);
        FUZZ_REQUIRE(strncmp(text, "line ", 5) == 0 && bw_utf8_valid(text, strlen(text)));
        for (const char *p = text; *p; p++)
            FUZZ_REQUIRE((unsigned char)*p >= 0x20 && *p != 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole = read_text((const char *)data, size, size),
                  bytes = read_text((const char *)data, size, 1);
    require_same(&whole, &bytes);
    require_errors(whole.csv);
    if (whole.err == BW_OK)
        require_export(&whole);
    bw_csv_free(whole.csv);
    bw_csv_free(bytes.csv);
    return 0;
}
