/* Postgres' JSON to figures. People may edit the row: each member is verified. */
#include "badgewatch/codec/summary_json.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/buf.h"
#include "badgewatch/codec/slack.h"
#include "entry.h"

#include <string.h>

/* A stranger's text, as a message shows it: in one line, short, and kept apart where it runs from right to left. The caller
 * frees it. */
static char *name_dup(const char *name)
{
    struct bw_buf out;
    bw_buf_init(&out, strlen(name) + (size_t)BW_SLACK_CATEGORY_MAX * 4);
    char *shown =
        bw_strdup(bw_slack_put_name(name, BW_SLACK_CATEGORY_MAX, &out) ? bw_buf_str(&out) : "(no name)");
    bw_buf_fini(&out);
    return shown;
}

static void read_top(struct bw_reader *r, struct bw_summary *s)
{
    size_t n;
    const struct bw_json_node *list = bw_reader_list(r, "top", &n);
    for (size_t i = 0; i < n && s->n_top < BW_SUMMARY_TOP && r->err == BW_OK; i++) {
        struct bw_reader item;
        bw_reader_init(&item, bw_json_at(list, i), r->error);
        const char *name = bw_reader_string(&item, "name");
        int64_t changes = bw_reader_int(&item, "changes", 0, INT64_MAX);
        r->err = item.err;
        if (item.err != BW_OK)
            return;
        s->top[s->n_top].name = name_dup(name);
        s->top[s->n_top++].changes = changes;
    }
}

enum bw_err bw_summary_decode(const char *json, size_t len, struct bw_summary *out, struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_summary s = {.oldest_s = -1};
    struct bw_reader r;
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    const struct bw_json_node *root = bw_json_root(doc);
    bw_reader_init(&r, root, error);
    s.gained = bw_reader_int(&r, "gained", 0, INT64_MAX);
    s.lost = bw_reader_int(&r, "lost", 0, INT64_MAX);
    s.withheld = bw_reader_int(&r, "withheld", 0, INT64_MAX);
    if (bw_json_get(root, "muted")) /* earlier versions counted them as withheld */
        s.muted = bw_reader_int(&r, "muted", 0, INT64_MAX);
    s.checked = bw_reader_int(&r, "checked", 0, INT64_MAX);
    s.tracked = bw_reader_int(&r, "tracked", 0, INT64_MAX);
    s.calls = bw_reader_int(&r, "calls", 0, INT64_MAX);
    s.tokens = bw_reader_int(&r, "tokens", INT64_MIN, INT64_MAX);
    s.cost_cents = bw_reader_double(&r, "cost_cents", -1e15, 1e15);
    s.badges = bw_reader_int(&r, "badges", 0, INT64_MAX);
    read_top(&r, &s);
    (void)bw_json_get_int(root, "oldest_s", &s.oldest_s); /* null: no product has data yet */
    bw_json_free(doc);
    if (r.err == BW_OK)
        *out = s;
    else
        bw_summary_fini(&s);
    return r.err;
}
