/* Keepa's /token, Slack's auth.test and chat.postMessage, each once. */
#include "remote.h"

#include "badgewatch/codec/json.h"
#include "badgewatch/codec/keepa.h"
#include "badgewatch/codec/slack.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX ((size_t)1 << 20)

static void say(struct finding *f, bool ok, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void say(struct finding *f, bool ok, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(f->text, sizeof(f->text), fmt, args); // NOLINT(clang-analyzer-valist.Uninitialized)
    va_end(args);
    f->ok = ok;
}

static void base_url(struct bw_buf *url, const char *base, const char *path)
{
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    bw_buf_init(url, 8192);
    bw_buf_add(url, base, len);
    bw_buf_addf(url, "/%s", path);
}

/* ---- Keepa ---- */

static void on_token(void *ctx, const struct bw_http_response *r)
{
    struct finding *f = ctx;
    struct bw_keepa_envelope e = {0};
    struct bw_error error;
    if (r->err != BW_OK)
        say(f, false, "%s", r->reason);
    else if (bw_keepa_answer_decode(r->body, r->body_len, &e, NULL, NULL, &error) != BW_OK)
        say(f, false, "HTTP %ld, not an answer of Keepa: %s", r->status, error.text);
    else if (r->status == 400 || r->status == 402)
        say(f, false, "the key was refused (HTTP %ld%s%s): check KEEPA_API_KEY", r->status,
            e.error_type[0] ? ", " : "", e.error_type);
    else if (r->status != 200)
        say(f, false, "HTTP %ld %s", r->status, e.error_message);
    else
        say(f, true, "%lld tokens left, %lld a minute", (long long)e.tokens_left, (long long)e.refill_rate);
}

void keepa_token_status(struct session *s, struct finding *out)
{
    if (!s->conf->keepa_api_key[0]) {
        say(out, false, "KEEPA_API_KEY is not set");
        return;
    }
    struct bw_buf url;
    base_url(&url, s->conf->keepa_base_url, "token?key=");
    bw_http_escape(&url, s->conf->keepa_api_key);
    struct bw_http_request request = {
        .method = BW_HTTP_GET, .url = bw_buf_str(&url), .max_body = BODY_MAX, .idempotent = true};
    say(out, false, "could not be asked");
    session_http(s, &request, on_token, out);
    bw_buf_fini(&url);
}

/* ---- Slack ---- */

static void on_auth(void *ctx, const struct bw_http_response *r)
{
    struct finding *f = ctx;
    struct bw_slack_answer answer;
    struct bw_json_doc *doc;
    const char *team = "", *user = "";
    if (r->err != BW_OK) {
        say(f, false, "%s", r->reason);
        return;
    }
    if (bw_json_parse(r->body, r->body_len, &doc, NULL) != BW_OK) {
        say(f, false, "HTTP %ld, not an answer of Slack: check SLACK_BASE_URL", r->status);
        return;
    }
    bool ok = false;
    bw_json_get_bool(bw_json_root(doc), "ok", &ok);
    bw_json_get_string(bw_json_root(doc), "team", &team);
    bw_json_get_string(bw_json_root(doc), "user", &user);
    if (!ok) {
        bw_slack_classify(false, (int)r->status, false, r->body, r->body_len, -1, &answer);
        say(f, false, "%s: check SLACK_BOT_TOKEN", answer.error);
    } else if (r->oauth_scopes[0] && !bw_slack_has_scope(r->oauth_scopes, "chat:write")) {
        say(f, false, "the scope chat:write is missing (granted: %s)", r->oauth_scopes);
    } else if (r->oauth_scopes[0] && !bw_slack_has_scope(r->oauth_scopes, "channels:history") &&
               !bw_slack_has_scope(r->oauth_scopes, "groups:history")) {
        say(f, true, "%s in %s; without channels:history a message of unknown outcome is repeated, marked",
            user, team);
    } else {
        say(f, true, "%s in %s", user, team);
    }
    bw_json_free(doc);
}

void slack_auth_test(struct session *s, struct finding *out)
{
    if (s->conf->slack_webhook_url[0]) {
        say(out, true, "a webhook is set; whether it works only a message can tell: badgewatch notify-test");
        return;
    }
    if (!s->conf->slack_bot_token[0]) {
        say(out, false, "neither SLACK_BOT_TOKEN and SLACK_CHANNEL nor SLACK_WEBHOOK_URL is set");
        return;
    }
    struct bw_buf url, authorization;
    base_url(&url, s->conf->slack_base_url, "auth.test");
    bw_buf_init(&authorization, 1024);
    bw_buf_addf(&authorization, "Bearer %s", s->conf->slack_bot_token);
    struct bw_http_header header = {"Authorization", bw_buf_str(&authorization)};
    struct bw_http_request request = {.method = BW_HTTP_POST,
                                      .url = bw_buf_str(&url),
                                      .headers = &header,
                                      .n_headers = 1,
                                      .body = "",
                                      .max_body = BODY_MAX};
    say(out, false, "could not be asked");
    session_http(s, &request, on_auth, out);
    bw_buf_fini(&url);
    bw_buf_fini(&authorization);
}

static void on_channel(void *ctx, const struct bw_http_response *r)
{
    struct finding *f = ctx;
    struct bw_slack_answer a;
    if (r->err != BW_OK) {
        say(f, false, "%s", r->reason);
        return;
    }
    bw_slack_classify(false, (int)r->status, false, r->body, r->body_len, -1, &a);
    if (a.class == BW_POSTED_OK)
        say(f, true, "the bot is in it");
    else if (strcmp(a.error, "missing_scope") == 0)
        say(f, true, "cannot be looked at without the scope channels:history");
    else if (strcmp(a.error, "not_in_channel") == 0 &&
             bw_slack_has_scope(r->oauth_scopes, "chat:write.public"))
        say(f, true, "public, the bot is not in it: a message of unknown outcome is repeated, marked");
    else if (strcmp(a.error, "not_in_channel") == 0)
        say(f, false, "not_in_channel: invite the bot, /invite @yourapp");
    else if (strcmp(a.error, "channel_not_found") == 0)
        say(f, false, "channel_not_found: its id was expected, C..., and the bot in it");
    else
        say(f, false, "%s", a.error);
}

/* Its history is asked for, one message of it: that is free, and says what posting would. */
void slack_channel_test(struct session *s, const char *channel, struct finding *out)
{
    struct bw_buf url, authorization;
    base_url(&url, s->conf->slack_base_url, "conversations.history?limit=1&channel=");
    bw_http_escape(&url, channel);
    bw_buf_init(&authorization, 1024);
    bw_buf_addf(&authorization, "Bearer %s", s->conf->slack_bot_token);
    struct bw_http_header header = {"Authorization", bw_buf_str(&authorization)};
    struct bw_http_request request = {.method = BW_HTTP_GET,
                                      .url = bw_buf_str(&url),
                                      .headers = &header,
                                      .n_headers = 1,
                                      .max_body = BODY_MAX,
                                      .idempotent = true};
    say(out, false, "could not be asked");
    session_http(s, &request, on_channel, out);
    bw_buf_fini(&url);
    bw_buf_fini(&authorization);
}

struct posted {
    struct finding *finding;
    bool webhook;
};

static void on_posted(void *ctx, const struct bw_http_response *r)
{
    struct posted *p = ctx;
    struct bw_slack_answer a;
    bool complete = r->err == BW_OK;
    bw_slack_classify(p->webhook, complete ? (int)r->status : 0, r->sent, complete ? r->body : "",
                      complete ? r->body_len : 0, r->retry_after_ms, &a);
    if (a.class == BW_POSTED_OK)
        say(p->finding, true, "sent%s%s", a.ts[0] ? ", ts " : "", a.ts);
    else
        say(p->finding, false, "%s%s%s%s%s", a.error, a.detail[0] ? ": " : "", a.detail, complete ? "" : ": ",
            complete ? "" : r->reason);
}

/* As the settings say; false if nobody is to be told. */
static bool begin_post(struct session *s, struct bw_message_options *options, struct finding *out)
{
    const struct bw_conf *c = s->conf;
    bool webhook = c->slack_webhook_url[0] != '\0';
    if (!webhook && !c->slack_bot_token[0]) {
        say(out, false, "neither SLACK_BOT_TOKEN and SLACK_CHANNEL nor SLACK_WEBHOOK_URL is set");
        return false;
    }
    *options = (struct bw_message_options){
        .channel = webhook ? "" : c->slack_channel, .now_ms = bw_wall_now().ms, .metadata = !webhook};
    return true;
}

static void post(struct session *s, const struct bw_buf *body, struct finding *out)
{
    const struct bw_conf *c = s->conf;
    bool webhook = c->slack_webhook_url[0] != '\0';
    struct bw_buf url, authorization;
    base_url(&url, c->slack_base_url, "chat.postMessage");
    bw_buf_init(&authorization, 1024);
    bw_buf_addf(&authorization, "Bearer %s", c->slack_bot_token);
    const struct bw_http_header headers[] = {{"Content-Type", "application/json; charset=utf-8"},
                                             {"Authorization", bw_buf_str(&authorization)}};
    struct bw_http_request request = {.method = BW_HTTP_POST,
                                      .url = webhook ? c->slack_webhook_url : bw_buf_str(&url),
                                      .headers = headers,
                                      .n_headers = webhook ? 1 : 2,
                                      .body = bw_buf_str(body),
                                      .body_len = body->len};
    struct posted posted = {out, webhook};
    say(out, false, "could not be sent");
    session_http(s, &request, on_posted, &posted);
    bw_buf_fini(&url);
    bw_buf_fini(&authorization);
}

void slack_post_test(struct session *s, struct finding *out)
{
    struct bw_message_options options;
    struct bw_buf body;
    char host[256] = "";
    if (!begin_post(s, &options, out))
        return;
    if (gethostname(host, sizeof(host) - 1) != 0)
        host[0] = '\0';
    bw_buf_init(&body, 65536);
    bw_slack_test(&options, host, &body);
    post(s, &body, out);
    bw_buf_fini(&body);
}

void slack_post_note(struct session *s, const char *headline, const char *lines, const char *id,
                     struct finding *out)
{
    struct bw_message_options options;
    struct bw_buf body;
    if (!begin_post(s, &options, out))
        return;
    bw_buf_init(&body, 65536);
    bw_slack_note(headline, lines, id, NULL, &options, &body);
    post(s, &body, out);
    bw_buf_fini(&body);
}
