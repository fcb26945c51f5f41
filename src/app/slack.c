/* Slack over HTTP. A post is never idempotent: it uses a connection of its own, so that libcurl cannot send it twice
 * (facts: slack.md 6). */
#include "slack.h"

#include "badgewatch/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POST_TIMEOUT_MS 30000
#define AHEAD_MS        30000
#define PAGES_MAX       10 /* of 200 messages: at one a second more than half an hour */

enum bw_slack_mode bw_slack_mode(const struct bw_conf *conf)
{
    if (conf->slack_webhook_url[0])
        return BW_SLACK_WEBHOOK;
    return conf->slack_bot_token[0] ? BW_SLACK_BOT : BW_SLACK_OFF;
}

/* ---- a call of the API ---- */

/* url: begun with api_url, ended here; method, body, time-outs are the caller's. */
static void api_url(const struct bw_context *cx, const char *method, struct bw_buf *url)
{
    const char *base = cx->conf->slack_base_url;
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    bw_buf_init(url, 4096);
    bw_buf_add(url, base, len);
    bw_buf_addf(url, "/%s", method);
}

static enum bw_err call_api(const struct bw_context *cx, struct bw_buf *url, struct bw_http_request *request,
                            bw_http_cb cb, void *ctx)
{
    struct bw_buf authorization;
    bw_buf_init(&authorization, 1024);
    bw_buf_addf(&authorization, "Bearer %s", cx->conf->slack_bot_token);
    const struct bw_http_header headers[] = {{"Authorization", bw_buf_str(&authorization)},
                                             {"Content-Type", "application/json; charset=utf-8"}};
    request->url = bw_buf_str(url);
    request->headers = headers;
    request->n_headers = request->body ? 2 : 1;
    enum bw_err err = bw_http_start(cx->http, request, cb, ctx, NULL);
    bw_buf_fini(url);
    bw_buf_fini(&authorization);
    return err;
}

/* ---- posting ---- */

struct post {
    bool webhook;
    bw_slack_cb cb;
    void *ctx;
};

static void on_posted(void *ctx, const struct bw_http_response *r)
{
    struct post p = *(struct post *)ctx;
    free(ctx);
    struct bw_slack_answer answer;
    bool complete = r->err == BW_OK;
    bw_slack_classify(p.webhook, complete ? (int)r->status : 0, r->sent, complete ? r->body : "",
                      complete ? r->body_len : 0, r->retry_after_ms, &answer);
    if (!complete)
        snprintf(answer.detail, sizeof(answer.detail), "%s", r->reason);
    p.cb(p.ctx, &answer, r->sent ? r->sent_at : (struct bw_mono){0});
}

enum bw_err bw_slack_post(const struct bw_context *cx, const char *body, size_t len, struct bw_mono begin_by,
                          bw_slack_cb cb, void *ctx)
{
    struct post *p = bw_alloc(sizeof(*p));
    *p = (struct post){.webhook = bw_slack_mode(cx->conf) == BW_SLACK_WEBHOOK, .cb = cb, .ctx = ctx};
    struct bw_http_request request = {.method = BW_HTTP_POST,
                                      .body = body,
                                      .body_len = len,
                                      .timeout_ms = POST_TIMEOUT_MS,
                                      .begin_by = begin_by};
    enum bw_err err;
    if (p->webhook) {
        static const struct bw_http_header type = {"Content-Type", "application/json; charset=utf-8"};
        request.url = cx->conf->slack_webhook_url;
        request.headers = &type;
        request.n_headers = 1;
        err = bw_http_start(cx->http, &request, on_posted, p, NULL);
    } else {
        struct bw_buf url;
        api_url(cx, "chat.postMessage", &url);
        err = call_api(cx, &url, &request, on_posted, p);
    }
    if (err != BW_OK)
        free(p);
    return err;
}

/* ---- asking whether the token is good ---- */

struct auth {
    bw_slack_auth_cb cb;
    void *ctx;
};

static void on_auth(void *ctx, const struct bw_http_response *r)
{
    struct auth a = *(struct auth *)ctx;
    struct bw_slack_answer answer;
    char error[320];
    free(ctx);
    if (r->err != BW_OK) {
        a.cb(a.ctx, false, r->reason);
        return;
    }
    bw_slack_classify(false, (int)r->status, false, r->body, r->body_len, r->retry_after_ms, &answer);
    snprintf(error, sizeof(error), "%s", answer.class == BW_POSTED_OK ? "" : answer.error);
    if (!error[0] && r->oauth_scopes[0] && !bw_slack_has_scope(r->oauth_scopes, "chat:write"))
        snprintf(error, sizeof(error), "missing_scope: chat:write is not among '%.200s'", r->oauth_scopes);
    a.cb(a.ctx, answer.class == BW_POSTED_OK || answer.class == BW_POSTED_OPERATOR, error);
}

enum bw_err bw_slack_auth(const struct bw_context *cx, bw_slack_auth_cb cb, void *ctx)
{
    struct auth *a = bw_alloc(sizeof(*a));
    struct bw_buf url;
    struct bw_http_request request = {.method = BW_HTTP_POST};
    *a = (struct auth){cb, ctx};
    api_url(cx, "auth.test", &url);
    enum bw_err err = call_api(cx, &url, &request, on_auth, a);
    if (err != BW_OK)
        free(a);
    return err;
}

/* ---- looking ---- */

struct bw_slack_look {
    const struct bw_context *cx;
    char channel[BW_CHANNEL_SIZE];
    char (*threads)[32];
    size_t n_threads;
    size_t next_thread; /* 0: the channel is being read; else the thread before this one */
    struct bw_slack_sought *sought;
    size_t n;
    char cursor[256];
    struct bw_wall oldest;
    int64_t age_ms;
    bool moved; /* oldest, by Slack's clock */
    int pages;
    int64_t retry_after_ms; /* as Slack said; 0 where it did not */
    struct bw_slack_look **paused;
    bw_slack_find_cb cb;
    void *ctx;
};

static enum bw_err ask_page(struct bw_slack_look *l);

void bw_slack_look_free(struct bw_slack_look *l)
{
    if (!l)
        return;
    free(l->threads);
    free(l->sought);
    free(l);
}

static void end_look(struct bw_slack_look *l, enum bw_delivery_seen seen, const char *why)
{
    l->cb(l->ctx, seen, l->sought, l->n, l->retry_after_ms, why);
    bw_slack_look_free(l);
}

static bool all_found(const struct bw_slack_look *l)
{
    size_t i = 0;
    while (i < l->n && l->sought[i].ts[0])
        i++;
    return i == l->n;
}

/* Goes on at the page that was refused. */
static void pause_look(struct bw_slack_look *l, const struct bw_slack_answer *a)
{
    l->retry_after_ms = a->retry_after_ms;
    *l->paused = l; /* first: the callback may free it */
    l->cb(l->ctx, BW_SEEN_LATER, l->sought, l->n, l->retry_after_ms, a->error);
}

/* By Slack's own clock we should have asked further back: ours is ahead. */
static bool is_ahead(const struct bw_slack_look *l, const struct bw_http_response *r)
{
    return l->next_thread == 0 && !l->moved && r->has_date &&
           l->oldest.ms - (r->date.ms - l->age_ms) > AHEAD_MS;
}

static void look_further(struct bw_slack_look *l, struct bw_wall slack)
{
    l->moved = true;
    l->oldest.ms = slack.ms - l->age_ms;
    l->pages = 0;
    if (ask_page(l) != BW_OK)
        end_look(l, BW_SEEN_LATER, "the channel's history cannot be asked for now");
}

static void look_into_next(struct bw_slack_look *l)
{
    l->cursor[0] = '\0';
    l->pages = 0;
    if (l->next_thread++ == l->n_threads)
        end_look(l, BW_SEEN_NOT, "");
    else if (ask_page(l) != BW_OK)
        end_look(l, BW_SEEN_LATER, "a thread cannot be asked for now");
}

/* Nobody can have answered in a thread that is not there. */
static bool is_no_thread(const struct bw_slack_look *l, const char *error)
{
    return l->next_thread > 0 && (bw_slack_is_thread_error(error) || strcmp(error, "unknown_method") == 0);
}

static void on_page(void *ctx, const struct bw_http_response *r)
{
    struct bw_slack_look *l = ctx;
    struct bw_slack_answer answer;
    if (r->err != BW_OK) {
        end_look(l, BW_SEEN_LATER, r->reason);
        return;
    }
    bw_slack_classify(false, (int)r->status, false, r->body, r->body_len, r->retry_after_ms, &answer);
    if (is_no_thread(l, answer.error)) {
        look_into_next(l);
        return;
    }
    if (bw_slack_is_look_error(answer.error)) {
        end_look(l, BW_SEEN_CANNOT, answer.error);
        return;
    }
    if (answer.class == BW_POSTED_RETRY) {
        pause_look(l, &answer);
        return;
    }
    struct bw_error error;
    if (bw_slack_history_find(r->body, r->body_len, l->sought, l->n, l->cursor, &error) != BW_OK) {
        l->retry_after_ms = answer.retry_after_ms;
        end_look(l, bw_slack_refuses_look(&answer) ? BW_SEEN_REFUSED : BW_SEEN_LATER,
                 answer.error[0] ? answer.error : error.text);
        return;
    }
    if (all_found(l))
        end_look(l, BW_SEEN, "");
    else if (!l->cursor[0] && is_ahead(l, r))
        look_further(l, r->date);
    else if (!l->cursor[0])
        look_into_next(l);
    else if (++l->pages >= PAGES_MAX) /* looking for ever would hold up the channel for ever */
        end_look(l, BW_SEEN_CANNOT, "the channel's history is too long to read");
    else if (ask_page(l) != BW_OK)
        end_look(l, BW_SEEN_LATER, "the channel's history cannot be asked for now");
}

static enum bw_err ask_page(struct bw_slack_look *l)
{
    struct bw_buf url;
    struct bw_http_request request = {.method = BW_HTTP_GET, .max_body = (size_t)8 << 20, .idempotent = true};
    api_url(l->cx, l->next_thread > 0 ? "conversations.replies" : "conversations.history", &url);
    bw_buf_adds(&url, "?channel=");
    bw_http_escape(&url, l->channel);
    if (l->next_thread > 0) {
        bw_buf_adds(&url, "&ts=");
        bw_http_escape(&url, l->threads[l->next_thread - 1]);
    }
    bw_buf_addf(&url, "&oldest=%lld.000000&limit=200&include_all_metadata=true",
                (long long)(l->oldest.ms / 1000));
    if (l->cursor[0]) {
        bw_buf_adds(&url, "&cursor=");
        bw_http_escape(&url, l->cursor);
    }
    return call_api(l->cx, &url, &request, on_page, l);
}

static bool is_same_question(const struct bw_slack_look *l, const struct bw_slack_where *where,
                             const struct bw_slack_sought *sought, size_t n)
{
    if (l->n != n || l->n_threads != where->n_threads || strcmp(l->channel, where->channel) != 0)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(l->sought[i].id, sought[i].id) != 0)
            return false;
    }
    return true;
}

static struct bw_slack_look *new_look(const struct bw_context *cx, const struct bw_slack_where *where,
                                      struct bw_slack_sought *sought, size_t n)
{
    struct bw_slack_look *l = bw_alloc(sizeof(*l));
    *l = (struct bw_slack_look){.cx = cx,
                                .n_threads = where->n_threads,
                                .sought = sought,
                                .n = n,
                                .oldest = {bw_wall_now().ms - where->age_ms},
                                .paused = where->paused};
    snprintf(l->channel, sizeof(l->channel), "%s", where->channel);
    l->threads = bw_alloc_array(where->n_threads + 1, sizeof(*l->threads));
    if (where->n_threads > 0)
        memcpy(l->threads, where->threads, where->n_threads * sizeof(*l->threads));
    return l;
}

enum bw_err bw_slack_find(const struct bw_context *cx, const struct bw_slack_where *where,
                          struct bw_slack_sought *sought, size_t n, bw_slack_find_cb cb, void *ctx)
{
    struct bw_slack_look *l = *where->paused;
    *where->paused = NULL;
    if (l && is_same_question(l, where, sought, n)) {
        free(sought);
    } else {
        bw_slack_look_free(l);
        l = new_look(cx, where, sought, n);
    }
    l->age_ms = where->age_ms; /* it has grown, as Slack's date has */
    l->retry_after_ms = 0;
    l->cb = cb;
    l->ctx = ctx;
    enum bw_err err = ask_page(l);
    if (err != BW_OK)
        bw_slack_look_free(l);
    return err;
}
