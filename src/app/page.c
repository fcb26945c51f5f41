/* Renders the page. Two questions to Redis (badges held, newest changes), answered in order; then one reply. Everything
 * that comes from outside is escaped; there is no script on the page. */
#include "page.h"

#include "badgewatch/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_MAX      ((size_t)2 << 20)
#define BADGES_SHOWN  "199" /* last index */
#define CHANGES_SHOWN "30"

struct page {
    struct bw_context *cx;
    struct bw_api_parts parts;
    struct bw_exchange *exchange;
    struct bw_buf out;
};

static const char head[] =
    "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>badgewatch</title>"
    "<meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"refresh\" "
    "content=\"10\"><style>"
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 "
    "1rem;color:#1d1c1d;background:#fff}"
    "h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}table{border-collapse:collapse;width:100%}"
    "td,th{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #ddd;vertical-align:top}"
    ".ok{color:#116329}.bad{color:#b30000;font-weight:600}.n{text-align:right;font-variant-numeric:tabular-"
    "nums}"
    "@media(prefers-color-scheme:dark){body{color:#e8e8e8;background:#1a1d21}td,th{border-color:#3a3d41}"
    ".ok{color:#7ee787}.bad{color:#ff9b9b}a{color:#6cb6ff}}</style></head><body>";

static void escape(struct bw_buf *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '&':
            bw_buf_adds(out, "&amp;");
            break;
        case '<':
            bw_buf_adds(out, "&lt;");
            break;
        case '>':
            bw_buf_adds(out, "&gt;");
            break;
        case '"':
            bw_buf_adds(out, "&quot;");
            break;
        default:
            bw_buf_addc(out, *text);
        }
    }
}

static void part(struct page *p, const char *name, const char *reason)
{
    bw_buf_addf(&p->out, "<tr><th>%s<td class=\"%s\">", name, reason[0] ? "bad" : "ok");
    escape(&p->out, reason[0] ? reason : "ok");
}

static void number(struct page *p, const char *name, int64_t value)
{
    if (value < 0)
        bw_buf_addf(&p->out, "<tr><th>%s<td class=\"n\">-", name);
    else
        bw_buf_addf(&p->out, "<tr><th>%s<td class=\"n\">%lld", name, (long long)value);
}

static void put_state(struct page *p)
{
    const struct bw_counts *c = bw_housekeeping_counts(p->parts.housekeeping);
    const struct bw_bucket *bucket = bw_keepa_bucket(p->parts.keepa);
    const char *postgres = bw_pg_reason(p->cx->pg);
    if (!postgres[0] && !p->cx->schema_right)
        postgres = "run badgewatch migrate";
    if (!postgres[0])
        postgres = p->parts.writer_reason(p->parts.ctx);
    bw_buf_adds(&p->out, "<h2>Parts</h2><table>");
    part(p, "Checks", p->parts.checks_reason(p->parts.ctx));
    part(p, "Redis", bw_redis_reason(p->cx->redis));
    part(p, "Postgres", postgres);
    part(p, "Keepa", bw_keepa_reason(p->parts.keepa));
    part(p, "Keepa's data",
         bw_guard_view(p->parts.guard)->since_ms != 0 ? "ill: losses of badges are held back" : "");
    part(p, "Slack", p->parts.slack_reason(p->parts.ctx));
    bw_buf_adds(&p->out, "</table><h2>Numbers</h2><table>");
    number(p, "Products tracked", c->tracked);
    number(p, "Checks more than a minute late", c->overdue);
    number(p, "Badges held", c->badges);
    number(p, "Changes that Slack does not have yet", c->pending);
    number(p, "Of these, waiting for quiet hours to end", c->quiet);
    number(p, "Entries that Postgres does not have yet", c->backlog);
    number(p, "Entries set aside", c->set_aside);
    number(p, "Keepa tokens left", bucket->known ? bw_bucket_left(bucket, bw_mono_now()) : -1);
    bw_buf_adds(&p->out, "</table>");
}

static const char *field(const struct bw_reply *list, const char *name)
{
    for (size_t i = 0; i + 1 < list->n; i += 2) {
        if (strcmp(list->elements[i].str, name) == 0)
            return list->elements[i + 1].str;
    }
    return "";
}

static void put_change(struct page *p, const struct bw_reply *fields)
{
    static const char *const columns[] = {"occurred_at", "type", "product", "title", "category", "reason"};
    bw_buf_adds(&p->out, "<tr>");
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
        bw_buf_adds(&p->out, "<td>");
        escape(&p->out, field(fields, columns[i]));
    }
}

static void on_changes(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct page *p = ctx;
    bw_buf_adds(
        &p->out,
        "<h2>Newest changes</h2><table><tr><th>When (UTC)<th>What<th>Product<th>Title<th>Category<th>Why");
    for (size_t i = 0; err == BW_OK && reply->type == BW_REPLY_ARRAY && i < reply->n; i++) {
        if (reply->elements[i].n == 2)
            put_change(p, &reply->elements[i].elements[1]);
    }
    bw_buf_addf(
        &p->out,
        "</table><p>badgewatch %s, <a href=\"/metrics\">metrics</a>, <a href=\"/readyz\">readiness</a>,"
        " <a href=\"/api/v1/status\">status</a>, <a href=\"/api/v1/products\">products</a>,"
        " <a href=\"/api/v1/changes\">changes of the last day</a></body></html>\n",
        BW_VERSION);
    if (p->out.overflow)
        bw_exchange_error(p->exchange, 500, "the page is too large");
    else
        bw_exchange_reply(p->exchange, 200, "text/html; charset=utf-8", bw_buf_str(&p->out), p->out.len);
    bw_buf_fini(&p->out);
    free(p);
}

static void on_badges(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct page *p = ctx;
    bw_buf_adds(&p->out,
                "<h2>Badges held, newest first</h2><table><tr><th>Since (UTC)<th>Product and category");
    for (size_t i = 0; err == BW_OK && reply->type == BW_REPLY_ARRAY && i + 1 < reply->n; i += 2) {
        char since[BW_TIME_TEXT];
        bw_time_format(strtoll(reply->elements[i + 1].str, NULL, 10), since);
        bw_buf_addf(&p->out, "<tr><td>%s<td>", since);
        escape(&p->out, reply->elements[i].str);
    }
    bw_buf_adds(&p->out, "</table>");
    const char *changes[] = {"XREVRANGE", p->cx->keys.changes, "+", "-", "COUNT", CHANGES_SHOWN};
    if (err != BW_OK || bw_redis_command(p->cx->redis, 6, changes, NULL, on_changes, p) != BW_OK)
        on_changes(p, BW_ERR_UNAVAILABLE, NULL); /* the page is finished without them */
}

void bw_page_answer(struct bw_context *cx, const struct bw_api_parts *parts, struct bw_exchange *exchange)
{
    struct page *p = bw_alloc(sizeof(*p));
    p->cx = cx;
    p->parts = *parts;
    p->exchange = exchange;
    bw_buf_init(&p->out, PAGE_MAX);
    bw_buf_adds(&p->out, head);
    bw_buf_adds(&p->out, "<h1>badgewatch</h1>");
    put_state(p);
    const char *badges[] = {"ZREVRANGE", cx->keys.badges, "0", BADGES_SHOWN, "WITHSCORES"};
    if (bw_redis_command(cx->redis, 5, badges, NULL, on_badges, p) != BW_OK)
        on_changes(p, BW_ERR_UNAVAILABLE, NULL);
}
