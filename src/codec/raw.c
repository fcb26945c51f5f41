/* What of a raw answer the database can keep. Postgres refuses a whole statement for one text that is no JSON: without
 * this one broken product would hold up the history of all others. */
#include "cursor.h"

#include "badgewatch/codec/json.h"
#include "badgewatch/codec/keepa.h"

static bool is_json(const char *text, size_t len)
{
    struct bw_cursor c;
    bw_cursor_init(&c, text, len);
    return bw_cursor_skip(&c, BW_CURSOR_DEPTH) && bw_cursor_done(&c);
}

bool bw_keepa_raw_mend(const char *json, size_t len, struct bw_buf *out)
{
    bool utf8 = bw_utf8_valid(json, len);
    if (utf8 && is_json(json, len))
        return false;
    bw_utf8_mend(json, len, out);
    if (is_json(bw_buf_str(out), out->len))
        return true;
    struct bw_json j;
    bw_buf_clear(out);
    bw_json_init(&j, out);
    bw_json_stringn(&j, NULL, json, len);
    return true;
}
