/* Members of stream entries, verified while they are read.
 *
 * Happy way: init on a node, one call a member, then look at err. How it fails: the first member that is absent, of
 * another type or out of range sets err and the text; nothing behind it is read. */
#include "entry.h"
#include "utf8.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/keepa.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void bw_reader_init(struct bw_reader *r, const struct bw_json_node *o, struct bw_error *error)
{
    *r = (struct bw_reader){.o = o, .error = error};
    if (!bw_json_is_object(o))
        bw_reader_fail(r, "a JSON object was expected");
}

void bw_reader_fail(struct bw_reader *r, const char *fmt, ...)
{
    char text[300];
    va_list args;
    if (r->err != BW_OK)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    r->err = bw_error_set(r->error, BW_ERR_INVALID, "%s", text);
}

int64_t bw_reader_int(struct bw_reader *r, const char *name, int64_t min, int64_t max)
{
    int64_t v = 0;
    if (r->err == BW_OK && bw_json_get_int(r->o, name, &v) && v >= min && v <= max)
        return v;
    bw_reader_fail(r, "'%s': a whole number from %" PRId64 " to %" PRId64 " was expected", name, min, max);
    return 0;
}

double bw_reader_double(struct bw_reader *r, const char *name, double min, double max)
{
    double v = 0;
    if (r->err == BW_OK && bw_json_get_double(r->o, name, &v) && v >= min && v <= max)
        return v;
    bw_reader_fail(r, "'%s': a number from %g to %g was expected", name, min, max);
    return 0;
}

bool bw_reader_bool(struct bw_reader *r, const char *name)
{
    bool v = false;
    if (r->err != BW_OK || !bw_json_get_bool(r->o, name, &v))
        bw_reader_fail(r, "'%s': true or false was expected", name);
    return v;
}

const char *bw_reader_string(struct bw_reader *r, const char *name)
{
    const char *text = "";
    if (r->err != BW_OK || !bw_json_get_string(r->o, name, &text))
        bw_reader_fail(r, "'%s': a text was expected", name);
    return text;
}

void bw_reader_text(struct bw_reader *r, const char *name, char *out, size_t size)
{
    const char *text = bw_reader_string(r, name);
    size_t len = strlen(text);
    if (len >= size)
        bw_reader_fail(r, "'%s': a text of at most %zu bytes was expected", name, size - 1);
    if (r->err != BW_OK)
        len = 0;
    memcpy(out, text, len);
    out[len] = '\0';
}

char *bw_reader_optional(struct bw_reader *r, const char *name)
{
    const char *text = NULL;
    if (r->err == BW_OK && bw_json_get(r->o, name) && !bw_json_get_string(r->o, name, &text))
        bw_reader_fail(r, "'%s': a text or null was expected", name);
    return bw_strdup(text);
}

bool bw_uuid_valid(const char *text)
{
    if (strlen(text) != BW_UUID_TEXT - 1)
        return false;
    for (size_t i = 0; i < BW_UUID_TEXT - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        bool digit = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
        if (dash ? text[i] != '-' : !digit)
            return false;
    }
    return true;
}

void bw_reader_uuid(struct bw_reader *r, const char *name, char out[BW_UUID_TEXT])
{
    const char *text = bw_reader_string(r, name);
    out[0] = '\0';
    if (r->err == BW_OK && !bw_uuid_valid(text))
        bw_reader_fail(r, "'%s': a UUID in lower case was expected", name);
    if (r->err == BW_OK)
        memcpy(out, text, BW_UUID_TEXT);
}

void bw_reader_key(struct bw_reader *r, struct bw_product_key *out)
{
    struct bw_product_key key = {.domain = (int)bw_reader_int(r, "domain", 1, 12)};
    bw_reader_text(r, "asin", key.asin, sizeof(key.asin));
    if (r->err == BW_OK && !bw_domain_valid(key.domain))
        bw_reader_fail(r, "'domain': a Keepa domain was expected, not %d", key.domain);
    if (r->err == BW_OK && !bw_asin_valid(key.asin, strlen(key.asin)))
        bw_reader_fail(r, "'asin': ten of A-Z and 0-9 were expected");
    *out = key;
}

const struct bw_json_node *bw_reader_list(struct bw_reader *r, const char *name, size_t *n)
{
    const struct bw_json_node *list = r->err == BW_OK ? bw_json_get(r->o, name) : NULL;
    *n = bw_json_count(list);
    if (bw_json_is_array(list) && *n <= BW_ENTRY_LIST_MAX)
        return list;
    bw_reader_fail(r, "'%s': a list of at most %d was expected", name, BW_ENTRY_LIST_MAX);
    *n = 0;
    return NULL;
}

void bw_entry_write_fitting(struct bw_json *j, const char *name, const char *text, size_t size)
{
    struct bw_buf mended;
    bw_buf_init(&mended, 3 * strlen(text));
    bw_utf8_mend(text, strlen(text), &mended);
    bw_json_stringn(j, name, bw_buf_str(&mended), bw_utf8_cut(bw_buf_str(&mended), mended.len, size - 1));
    bw_buf_fini(&mended);
}
