/* Products as CSV, for `badgewatch asin import` and `asin export` (CONTRACT 2).
 *
 * Header: asin,domain,priority,monitoring_frequency,label,tags,channel,is_active in any order; only asin is needed. RFC
 * 4180 quoting, LF or CRLF, an optional BOM, blank lines skipped; fields missing at the end of a row are empty. An asin may
 * be written "3:B0D8W1YVBX"; domain must then be the same or empty. Tags are separated by ';'; limits are in characters.
 * Texts are not altered on export (a label that begins with '=' stays one: the file is for importing again, not for a
 * spreadsheet). */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/core/asin.h"
#include "badgewatch/core/delivery.h"

#define BW_CSV_LABEL_MAX  200
#define BW_CSV_TAG_MAX    50
#define BW_CSV_TAGS_MAX   20
#define BW_CSV_ROWS_MAX   1000000
#define BW_CSV_ERRORS_MAX 20 /* shown; all are counted */

struct bw_import_row {
    struct bw_product_key key;
    int priority;      /* 5 where empty */
    int frequency_min; /* the caller's default where empty */
    char *label;       /* "" = none */
    char *tags;        /* separated by ';'; "" = none */
    char *channel;     /* "" = the default */
    bool is_active;    /* true where empty */
    size_t line;       /* of the file where the row begins, 1 = header */
};

struct bw_csv;

struct bw_csv *bw_csv_new(int default_frequency_min);
void bw_csv_free(struct bw_csv *c);
/* Any chunks. Errors are collected; BW_ERR_TOO_BIG: not CSV, or over a cap: nothing more is read, finish tells why. */
enum bw_err bw_csv_feed(struct bw_csv *c, const char *data, size_t len) BW_MUSTCHECK;
/* At the end of the file, once: all rows (borrowed), or BW_ERR_INVALID and the errors, doubles last. */
enum bw_err bw_csv_finish(struct bw_csv *c, const struct bw_import_row **rows, size_t *n) BW_MUSTCHECK;
size_t bw_csv_error_count(const struct bw_csv *c);
/* "line 3, priority 'x': a number from 1 to 100 was expected"; no control characters; NULL past the last shown. */
const char *bw_csv_error(const struct bw_csv *c, size_t i);

#define BW_CSV_HEADER "asin,domain,priority,monitoring_frequency,label,tags,channel,is_active\n"
/* One field, quoted where needed, and the separator or line end after it. */
void bw_csv_put(struct bw_buf *out, const char *text, char after);
