/* Pages for people. See page.h. Links may be http and https only; no script runs (Content-Security-Policy). */
#include "page.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 200 /* newest messages on the page */

static const char style[] =
    "<style>body{font:15px/1.45 Lato,'Helvetica "
    "Neue',Arial,sans-serif;color:#1d1c1d;max-width:760px;margin:2em auto;"
    "padding:0 1em}h1{font-size:18px;border-bottom:1px solid "
    "#ddd;padding-bottom:.6em}.m{display:flex;gap:10px;"
    "margin:14px 0}.a{width:36px;height:36px;border-radius:6px;background:#4a154b;color:#fff;flex:none;"
    "text-align:center;line-height:36px;font-weight:700}.w{color:#616061;font-size:12px}.b{background:#eee;"
    "color:#616061;font-size:10px;border-radius:2px;padding:1px 3px;margin:0 "
    "5px}.h{font-size:18px;font-weight:900;"
    "margin:2px 0}.c{color:#616061;font-size:12px}.f{display:grid;grid-template-columns:1fr 1fr;gap:4px 12px}"
    "a{color:#1264a3;text-decoration:none}code{background:#f6f6f6;border:1px solid #ddd;border-radius:3px;"
    "color:#e01e5a;font-size:12px;padding:1px 3px}hr{border:0;border-top:1px solid #ddd}.u{border:1px solid "
    "#bbb;"
    "border-radius:4px;padding:3px 10px;display:inline-block}table{border-collapse:collapse}td{padding:2px "
    "14px 2px 0}"
    "</style>";

bool sim_page_serves(const char *path)
{
    return strcmp(path, "/") == 0 || strcmp(path, "/channel") == 0;
}

static void add(struct bw_buf *out, const char *text)
{
    (void)bw_buf_adds(out, text);
}

static void escape_n(struct bw_buf *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        switch (text[i]) {
        case '&':
            add(out, "&amp;");
            break;
        case '<':
            add(out, "&lt;");
            break;
        case '>':
            add(out, "&gt;");
            break;
        case '"':
            add(out, "&quot;");
            break;
        case '\'':
            add(out, "&#39;");
            break;
        case '\n':
            add(out, "<br>");
            break;
        default:
            (void)bw_buf_addc(out, text[i]);
        }
    }
}

void sim_page_escape(struct bw_buf *out, const char *text)
{
    escape_n(out, text, strlen(text));
}

/* Text in which the sender escaped & < > already: the three entities are kept, all else is escaped. */
static void escaped_n(struct bw_buf *out, const char *text, size_t n)
{
    static const char *const entities[] = {"&amp;", "&lt;", "&gt;"};
    for (size_t i = 0; i < n;) {
        size_t len = 0;
        for (size_t e = 0; e < 3 && len == 0; e++)
            if (strlen(entities[e]) <= n - i && strncmp(text + i, entities[e], strlen(entities[e])) == 0)
                len = strlen(entities[e]);
        if (len > 0)
            (void)bw_buf_add(out, text + i, len);
        else
            escape_n(out, text + i, 1);
        i += len ? len : 1;
    }
}

/* What stands between < and >: a link, a mention, a date. */
static void angle(struct bw_buf *out, const char *text, size_t n)
{
    const char *bar = memchr(text, '|', n);
    size_t head = bar ? (size_t)(bar - text) : n;
    const char *label = bar ? bar + 1 : text;
    size_t label_n = bar ? n - head - 1 : n;
    if (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0) {
        add(out, "<a rel=\"noreferrer\" href=\"");
        escaped_n(out, text, head);
        add(out, "\">");
        escaped_n(out, label, label_n);
        add(out, "</a>");
    } else {
        add(out, "<b class=\"mention\">");
        if (!bar && n > 0 && (text[0] == '!' || text[0] == '@'))
            add(out, "@");
        escaped_n(out, bar || n == 0 ? label : label + 1, bar || n == 0 ? label_n : label_n - 1);
        add(out, "</b>");
    }
}

static const char *tag_of(char mark)
{
    return mark == '*' ? "b" : mark == '_' ? "i" : mark == '~' ? "s" : mark == '`' ? "code" : NULL;
}

static bool word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80);
}

/* The closing mark of *bold* and the like on the same line; 0 if it is none. */
static size_t closing(const char *text, size_t i, size_t n)
{
    if ((i > 0 && word(text[i - 1])) || i + 1 >= n || text[i + 1] == ' ' || text[i + 1] == text[i])
        return 0;
    for (size_t j = i + 1; j < n && text[j] != '\n'; j++)
        if (text[j] == text[i] && text[j - 1] != ' ' && (j + 1 == n || !word(text[j + 1])))
            return j;
    return 0;
}

static void mrkdwn_n(struct bw_buf *out, const char *text, size_t n, int depth)
{
    for (size_t i = 0; i < n; i++) {
        const char *close = text[i] == '<' ? memchr(text + i, '>', n - i) : NULL;
        const char *tag = depth < 4 ? tag_of(text[i]) : NULL;
        size_t end = tag ? closing(text, i, n) : 0;
        if (close) {
            angle(out, text + i + 1, (size_t)(close - (text + i)) - 1);
            i = (size_t)(close - text);
        } else if (end > 0) {
            (void)bw_buf_addf(out, "<%s>", tag);
            if (text[i] == '`')
                escaped_n(out, text + i + 1, end - i - 1);
            else
                mrkdwn_n(out, text + i + 1, end - i - 1, depth + 1);
            (void)bw_buf_addf(out, "</%s>", tag);
            i = end;
        } else {
            size_t run = 1; /* plain text up to the next mark, so that entities stay whole */
            while (i + run < n && text[i + run] != '<' && !tag_of(text[i + run]))
                run++;
            escaped_n(out, text + i, run);
            i += run - 1;
        }
    }
}

void sim_page_mrkdwn(struct bw_buf *out, const char *text)
{
    mrkdwn_n(out, text, strlen(text), 0);
}

static void text_object(struct bw_buf *out, struct json_object *o)
{
    const char *text = sim_json_str(o, "text", "");
    if (strcmp(sim_json_str(o, "type", ""), "mrkdwn") == 0)
        sim_page_mrkdwn(out, text);
    else
        sim_page_escape(out, text);
}

static void list(struct bw_buf *out, struct json_object *array, const char *class_name,
                 const char *item_class)
{
    (void)bw_buf_addf(out, "<div class=\"%s\">", class_name);
    for (size_t i = 0; json_object_is_type(array, json_type_array) && i < json_object_array_length(array);
         i++) {
        struct json_object *o = json_object_array_get_idx(array, i);
        bool button = strcmp(sim_json_str(o, "type", ""), "button") == 0;
        (void)bw_buf_addf(out, "<div class=\"%s\">", item_class);
        if (strcmp(sim_json_str(o, "type", ""), "image") == 0)
            sim_page_escape(out, sim_json_str(o, "alt_text", ""));
        else
            text_object(out, button ? sim_json_get(o, "text") : o);
        add(out, "</div>");
    }
    add(out, "</div>");
}

static void block(struct bw_buf *out, struct json_object *o)
{
    const char *type = sim_json_str(o, "type", "");
    if (strcmp(type, "header") == 0) {
        add(out, "<div class=\"h\">");
        text_object(out, sim_json_get(o, "text"));
        add(out, "</div>");
    } else if (strcmp(type, "section") == 0) {
        add(out, "<div class=\"s\">");
        text_object(out, sim_json_get(o, "text"));
        if (sim_json_get(o, "fields"))
            list(out, sim_json_get(o, "fields"), "f", "s");
        add(out, "</div>");
    } else if (strcmp(type, "context") == 0) {
        list(out, sim_json_get(o, "elements"), "c", "c");
    } else if (strcmp(type, "actions") == 0) {
        list(out, sim_json_get(o, "elements"), "s", "u");
    } else if (strcmp(type, "divider") == 0) {
        add(out, "<hr>");
    } else if (strcmp(type, "markdown") == 0) {
        sim_page_escape(out, sim_json_str(o, "text", ""));
    } else {
        add(out, "<div class=\"c\">[");
        sim_page_escape(out, sim_json_str(o, "alt_text", type));
        add(out, "]</div>");
    }
}

static void message(struct bw_buf *out, struct json_object *m)
{
    char at[BW_TIME_TEXT];
    struct json_object *blocks = sim_json_get(m, "blocks");
    bw_time_format(sim_json_int(m, "received_ms", 0) / 1000, at);
    (void)bw_buf_addf(
        out,
        "<div class=\"m\"><div class=\"a\">b</div><div><b>badgewatch</b><span class=\"b\">APP</span>"
        "<span class=\"w\">%s</span>",
        at);
    if (blocks) {
        for (size_t i = 0; i < json_object_array_length(blocks); i++)
            block(out, json_object_array_get_idx(blocks, i));
    } else {
        add(out, "<div class=\"s\">");
        sim_page_mrkdwn(out, sim_json_str(m, "text", ""));
        add(out, "</div>");
    }
    add(out, "</div></div>\n");
}

static void channel_page(struct sim *sim, const struct sim_request *request, struct bw_buf *out)
{
    const char *name = sim_request_arg(request, "channel");
    int64_t refresh = 3;
    if (!sim_request_int(request, "refresh", 3, &refresh) || refresh < 0)
        refresh = 3;
    add(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Channel</title>");
    if (refresh > 0)
        (void)bw_buf_addf(out, "<meta http-equiv=\"refresh\" content=\"%" PRId64 "\">", refresh);
    add(out, style);
    add(out, "</head><body><h1># ");
    sim_page_escape(out, name ? name : "all channels");
    add(out, "</h1>\n");
    const struct sim_channels *c = &sim->channels;
    size_t shown = 0;
    for (size_t i = c->n > SHOWN ? c->n - SHOWN : 0; i < c->n; i++) {
        if (name && strcmp(name, sim_json_str(c->messages[i], "channel", "")) != 0)
            continue;
        message(out, c->messages[i]);
        shown++;
    }
    if (shown == 0)
        add(out, "<p class=\"c\">No message yet.</p>");
    add(out, "</body></html>\n");
}

static void index_page(struct sim *sim, struct bw_buf *out)
{
    static const char *const links[][2] = {{"/channel", "the channel, as Slack would show it"},
                                           {"/control/state", "clock, tokens, faults"},
                                           {"/control/products", "products"},
                                           {"/control/products.csv", "products for badgewatch asin import"},
                                           {"/control/record", "true badge changes since the start"},
                                           {"/control/requests", "requests to Keepa"},
                                           {"/control/messages", "messages"}};
    char now[BW_TIME_TEXT];
    bw_time_format(sim_now(sim) / 1000, now);
    add(out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>badgewatch-sim</title>");
    add(out, style);
    (void)bw_buf_addf(
        out,
        "</head><body><h1>badgewatch-sim</h1><p>Keepa and Slack, simulated. It is now %s, there are %zu "
        "products, %" PRId64 " tokens were charged in %" PRId64 " requests, %zu messages came.</p><table>",
        now, sim->catalog.n, sim->tokens_charged, sim->keepa_requests, sim->channels.n);
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        (void)bw_buf_addf(out, "<tr><td><a href=\"%s\">%s</a></td><td>%s</td></tr>\n", links[i][0],
                          links[i][0], links[i][1]);
    add(out, "</table></body></html>\n");
}

void sim_page_handle(struct sim *sim, const struct sim_request *request, struct sim_response *response)
{
    sim_response_text(response, 200, "text/html; charset=utf-8", "");
    sim_response_header(response, "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    sim_response_header(response, "X-Content-Type-Options", "nosniff");
    if (strcmp(request->path, "/") == 0)
        index_page(sim, &response->body);
    else
        channel_page(sim, request, &response->body);
}
