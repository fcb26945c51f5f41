/* Category ids, names and labels. Nothing here fails but by false: an id that is no number names no category. */
#include "category.h"

#include "utf8.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/state_json.h"

#include <inttypes.h>

#define NAME_MAX_BYTES 200

bool bw_category_id_parse(const char *text, size_t len, int64_t *out)
{
    int64_t v = 0;

    if (len == 0 || text[0] == '0')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, (int64_t)10, &v) ||
            __builtin_add_overflow(v, (int64_t)(text[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

char *bw_category_name_dup(const char *text, size_t len)
{
    return bw_strndup(text, bw_utf8_cut(text, len, NAME_MAX_BYTES));
}

void bw_category_label(int64_t category_id, const char *name, struct bw_buf *out)
{
    if (name && name[0])
        (void)bw_buf_adds(out, name);
    else
        (void)bw_buf_addf(out, "Category %" PRId64, category_id);
}
