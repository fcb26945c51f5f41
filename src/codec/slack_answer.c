/* What Slack's answer means for a message that was sent.
 *
 * Happy way: status, then the code in the body, then the rule for that code. The rules are a table, because they are
 * policy: each code stands where a person can find it (Slack's list of errors is open: what is not in it is ambiguous).
 * Nothing fails: what cannot be understood after the request left is BW_POSTED_AMBIGUOUS, because Slack, or what stands
 * before it, has answered 408 and 500 to messages that were posted. */
#include "badgewatch/codec/slack.h"

#include "utf8.h"

#include "badgewatch/codec/json.h"

#include <stdio.h>
#include <string.h>

#define RATE_LIMIT_MS 1000  /* where Retry-After is absent */
#define LONG_MS       60000 /* what only time or a person heals */

static const struct rule {
    const char *code; /* one '*' stands for anything */
    enum bw_delivery_posted class;
    int64_t wait_ms;
} rules[] = {
    /* not processed: later */
    {"ratelimited", BW_POSTED_RETRY, RATE_LIMIT_MS},
    {"rate_limited", BW_POSTED_RETRY, RATE_LIMIT_MS},
    {"request_timeout", BW_POSTED_RETRY, RATE_LIMIT_MS}, /* our body arrived late or not whole */
    {"org_login_required", BW_POSTED_RETRY, LONG_MS},
    {"team_added_to_org", BW_POSTED_RETRY, LONG_MS},
    {"message_limit_exceeded", BW_POSTED_RETRY, LONG_MS},
    /* may have been posted */
    {"internal_error", BW_POSTED_AMBIGUOUS, 0},
    {"fatal_error", BW_POSTED_AMBIGUOUS, 0},
    {"service_unavailable", BW_POSTED_AMBIGUOUS, 0},
    /* credentials */
    {"not_authed", BW_POSTED_OPERATOR, 0},
    {"invalid_auth", BW_POSTED_OPERATOR, 0},
    {"account_inactive", BW_POSTED_OPERATOR, 0},
    {"token_revoked", BW_POSTED_OPERATOR, 0},
    {"token_expired", BW_POSTED_OPERATOR, 0},
    {"missing_scope", BW_POSTED_OPERATOR, 0},
    {"not_allowed_token_type", BW_POSTED_OPERATOR, 0},
    {"no_permission", BW_POSTED_OPERATOR, 0},
    {"access_denied", BW_POSTED_OPERATOR, 0},
    {"accesslimited", BW_POSTED_OPERATOR, 0},
    {"ekm_access_denied", BW_POSTED_OPERATOR, 0},
    {"enterprise_is_restricted", BW_POSTED_OPERATOR, 0},
    {"two_factor_setup_required", BW_POSTED_OPERATOR, 0},
    {"team_access_not_granted", BW_POSTED_OPERATOR, 0},
    {"app_access_restricted", BW_POSTED_OPERATOR, 0},
    {"is_bot", BW_POSTED_OPERATOR, 0},
    /* destination */
    {"channel_not_found", BW_POSTED_OPERATOR, 0},
    {"not_in_channel", BW_POSTED_OPERATOR, 0},
    {"is_archived", BW_POSTED_OPERATOR, 0},
    {"restricted_action", BW_POSTED_OPERATOR, 0},
    {"restricted_action_*", BW_POSTED_OPERATOR, 0},
    {"messages_tab_disabled", BW_POSTED_OPERATOR, 0},
    {"cannot_reply_to_message", BW_POSTED_OPERATOR, 0},
    {"thread_not_found", BW_POSTED_OPERATOR, 0},
    {"message_not_found", BW_POSTED_OPERATOR, 0},
    {"invalid_thread_ts", BW_POSTED_OPERATOR, 0},
    {"team_not_found", BW_POSTED_OPERATOR, 0},
    {"slack_connect_*_blocked", BW_POSTED_OPERATOR, 0},
    {"send_on_behalf_not_allowed", BW_POSTED_OPERATOR, 0},
    /* this program is too old */
    {"deprecated_endpoint", BW_POSTED_OPERATOR, 0},
    {"method_deprecated", BW_POSTED_OPERATOR, 0},
    {"unknown_method", BW_POSTED_OPERATOR, 0},
    /* incoming webhooks */
    {"action_prohibited", BW_POSTED_OPERATOR, 0},
    {"posting_to_general_channel_denied", BW_POSTED_OPERATOR, 0},
    {"invalid_token", BW_POSTED_OPERATOR, 0},
    {"no_service", BW_POSTED_OPERATOR, 0},
    {"no_service_id", BW_POSTED_OPERATOR, 0},
    {"user_not_found", BW_POSTED_OPERATOR, 0},
    {"channel_is_archived", BW_POSTED_OPERATOR, 0},
    {"no_team", BW_POSTED_OPERATOR, 0},
    {"team_disabled", BW_POSTED_OPERATOR, 0},
    {"no_active_hooks", BW_POSTED_OPERATOR, 0},
    /* our message */
    {"invalid_blocks", BW_POSTED_PAYLOAD, 0},
    {"invalid_blocks_format", BW_POSTED_PAYLOAD, 0},
    {"msg_blocks_too_long", BW_POSTED_PAYLOAD, 0},
    {"msg_too_long", BW_POSTED_PAYLOAD, 0},
    {"msg_too_large", BW_POSTED_PAYLOAD, 0},
    {"no_text", BW_POSTED_PAYLOAD, 0},
    {"invalid_attachments", BW_POSTED_PAYLOAD, 0},
    {"too_many_attachments", BW_POSTED_PAYLOAD, 0},
    {"attachment_payload_limit_exceeded", BW_POSTED_PAYLOAD, 0},
    {"metadata_too_large", BW_POSTED_PAYLOAD, 0},
    {"invalid_metadata_format", BW_POSTED_PAYLOAD, 0},
    {"invalid_metadata_schema", BW_POSTED_PAYLOAD, 0},
    {"metadata_must_be_sent_from_app", BW_POSTED_PAYLOAD, 0},
    {"markdown_text_conflict", BW_POSTED_PAYLOAD, 0},
    {"too_many_contact_cards", BW_POSTED_PAYLOAD, 0},
    {"invalid_arguments", BW_POSTED_PAYLOAD, 0},
    {"invalid_arg_name", BW_POSTED_PAYLOAD, 0},
    {"invalid_array_arg", BW_POSTED_PAYLOAD, 0},
    {"invalid_charset", BW_POSTED_PAYLOAD, 0},
    {"invalid_form_data", BW_POSTED_PAYLOAD, 0},
    {"invalid_post_type", BW_POSTED_PAYLOAD, 0},
    {"missing_post_type", BW_POSTED_PAYLOAD, 0},
    {"invalid_json", BW_POSTED_PAYLOAD, 0},
    {"json_not_object", BW_POSTED_PAYLOAD, 0},
    {"missing_file_data", BW_POSTED_PAYLOAD, 0},
    {"invalid_payload", BW_POSTED_PAYLOAD, 0},
    {"duplicate_message_not_found", BW_POSTED_PAYLOAD, 0},
    {"duplicate_channel_not_found", BW_POSTED_PAYLOAD, 0},
};

static bool matches(const char *pattern, const char *code)
{
    size_t head = strcspn(pattern, "*"), len = strlen(code);
    if (pattern[head] == '\0')
        return strcmp(pattern, code) == 0;
    size_t tail = strlen(pattern + head + 1);
    return len > head + tail && strncmp(code, pattern, head) == 0 &&
           strcmp(code + len - tail, pattern + head + 1) == 0;
}

static const struct rule *find_rule(const char *code)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (matches(rules[i].code, code))
            return &rules[i];
    }
    return NULL;
}

enum bw_delivery_posted bw_slack_error_class(const char *code)
{
    const struct rule *rule = find_rule(code);
    return rule ? rule->class : BW_POSTED_AMBIGUOUS;
}

/* ---- pieces of an answer ---- */

static void set(struct bw_slack_answer *a, enum bw_delivery_posted class, const char *error)
{
    a->class = class;
    bw_utf8_field(a->error, sizeof(a->error), error);
}

static void set_status(struct bw_slack_answer *a, enum bw_delivery_posted class, int status)
{
    char code[32];
    snprintf(code, sizeof(code), "http_%d", status);
    set(a, class, code);
}

static int64_t longer(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* An identifier is whole or absent: half a ts names another message. */
static void copy_whole(char *out, size_t size, const char *text)
{
    if (strlen(text) < size)
        memcpy(out, text, strlen(text) + 1);
}

/* 4xx that say how this request was judged; a 408 comes from a proxy that may have passed it on. */
static bool is_refusal(int status)
{
    return status >= 400 && status < 500 && status != 408;
}

/* Statuses that Slack does not use for a message that it took: something else answers at that address. */
static bool is_wrong_address(int status)
{
    return (status >= 300 && status < 400) || status == 401 || status == 403 || status == 404 ||
           status == 405 || status == 407 || status == 410;
}

static void classify_status(bool webhook, int status, struct bw_slack_answer *out)
{
    bool wrong = is_wrong_address(status);
    set_status(out, wrong ? BW_POSTED_OPERATOR : BW_POSTED_AMBIGUOUS, status);
    out->detail[0] = '\0';
    if (wrong)
        snprintf(out->detail, sizeof(out->detail), "this is not Slack: check %s",
                 webhook ? "SLACK_WEBHOOK_URL" : "SLACK_BASE_URL");
}

/* ---- incoming webhooks: plain text and meaningful statuses ---- */

/* The code that is the whole body, or "" where the body is anything else (a page of a proxy). */
static void read_word(const char *body, size_t len, char out[64])
{
    size_t n = 0;
    while (len > 0 && (body[len - 1] == '\n' || body[len - 1] == '\r' || body[len - 1] == ' '))
        len--;
    while (n < len && n < 63 &&
           ((body[n] >= 'a' && body[n] <= 'z') || (body[n] >= '0' && body[n] <= '9') || body[n] == '_')) {
        out[n] = body[n];
        n++;
    }
    out[n == len ? n : 0] = '\0';
}

static void classify_webhook(int status, const char *body, size_t len, struct bw_slack_answer *out)
{
    char word[64];
    read_word(body, len, word);
    const struct rule *rule = find_rule(word);
    if (status == 200 && strcmp(word, "ok") == 0) {
        set(out, BW_POSTED_OK, "");
    } else if (status ==
               200) { /* a page of some proxy: taking it for Slack would lose the alert in silence */
        set(out, BW_POSTED_AMBIGUOUS, word[0] ? word : "no_ok");
        snprintf(out->detail, sizeof(out->detail), "the answer is not \"ok\": check SLACK_WEBHOOK_URL");
    } else if (is_refusal(status) && rule && rule->class != BW_POSTED_AMBIGUOUS) {
        set(out, rule->class, word);
        out->retry_after_ms = rule->wait_ms;
    } else if (status == 400 && word[0]) { /* Slack's own, and new: nothing was posted */
        set(out, BW_POSTED_PAYLOAD, word);
    } else if (is_refusal(status) && is_wrong_address(status) && word[0]) {
        set(out, BW_POSTED_OPERATOR, word);
    } else {
        classify_status(true, status, out);
    }
}

/* ---- Web API ---- */

static void add_detail(struct bw_slack_answer *out, const char *before, const char *text)
{
    struct bw_buf all;
    bw_buf_init(&all, strlen(out->detail) + strlen(before) + strlen(text) + 2);
    bw_buf_adds(&all, out->detail);
    if (out->detail[0])
        bw_buf_adds(&all, "; ");
    bw_buf_adds(&all, before);
    bw_buf_adds(&all, text);
    bw_utf8_field(out->detail, sizeof(out->detail), bw_buf_str(&all));
    bw_buf_fini(&all);
}

/* Slack's words are the only diagnosis of a refused payload. */
static void put_detail(const struct bw_json_node *root, struct bw_slack_answer *out)
{
    const struct bw_json_node *messages = bw_json_get(bw_json_get(root, "response_metadata"), "messages");
    const struct bw_json_node *errors = bw_json_get(root, "errors");
    const char *text;
    if (bw_json_get_string(root, "needed", &text))
        add_detail(out, "needed ", text);
    if (bw_json_get_string(root, "provided", &text))
        add_detail(out, "provided ", text);
    for (size_t i = 0; i < bw_json_count(messages); i++) {
        if (bw_json_is_string(bw_json_at(messages, i), &text))
            add_detail(out, "", text);
    }
    for (size_t i = 0; i < bw_json_count(errors); i++) {
        if (bw_json_is_string(bw_json_at(errors, i), &text) ||
            bw_json_get_string(bw_json_at(errors, i), "message", &text))
            add_detail(out, "", text);
    }
}

static void classify_refusal(const struct bw_json_node *root, int status, int64_t retry_after_ms,
                             struct bw_slack_answer *out)
{
    const char *code = "";
    if (!bw_json_get_string(root, "error", &code) || !code[0])
        code = "no_error";
    const struct rule *rule = find_rule(code);
    if (!rule && status != 200) {
        classify_status(false, status, out);
        return;
    }
    set(out, rule ? rule->class : BW_POSTED_AMBIGUOUS, code);
    put_detail(root, out);
    if (rule && rule->class == BW_POSTED_RETRY)
        out->retry_after_ms = longer(retry_after_ms, rule->wait_ms);
}

static void classify_json(const struct bw_json_node *root, int status, int64_t retry_after_ms,
                          struct bw_slack_answer *out)
{
    bool ok = false, there = bw_json_get_bool(root, "ok", &ok);
    const char *text;
    if (there && !ok && (status == 200 || is_refusal(status))) {
        classify_refusal(root, status, retry_after_ms, out);
    } else if (status != 200) {
        classify_status(false, status, out);
    } else if (!there) {
        set(out, BW_POSTED_AMBIGUOUS, "no_ok");
    } else {
        set(out, BW_POSTED_OK, "");
        if (bw_json_get_string(root, "channel", &text))
            copy_whole(out->channel, sizeof(out->channel), text);
        if (bw_json_get_string(root, "ts", &text))
            copy_whole(out->ts, sizeof(out->ts), text);
    }
}

void bw_slack_classify(bool webhook, int status, bool sent, const char *body, size_t len,
                       int64_t retry_after_ms, struct bw_slack_answer *out)
{
    struct bw_json_doc *doc;
    *out = (struct bw_slack_answer){.class = BW_POSTED_AMBIGUOUS};
    if (status == 0) {
        set(out, sent ? BW_POSTED_AMBIGUOUS : BW_POSTED_RETRY, sent ? "no_answer" : "no_connection");
    } else if (status == 429) { /* definite, whatever the body says */
        set(out, BW_POSTED_RETRY, "ratelimited");
        out->retry_after_ms = longer(retry_after_ms, RATE_LIMIT_MS);
    } else if (webhook) {
        classify_webhook(status, body, len, out);
    } else if (bw_json_parse(body, len, &doc, NULL) == BW_OK) {
        classify_json(bw_json_root(doc), status, retry_after_ms, out);
        bw_json_free(doc);
    } else {
        classify_status(false, status, out);
    }
}

bool bw_slack_has_scope(const char *granted, const char *scope)
{
    size_t len = strlen(scope);
    for (const char *word = granted; *word;) {
        word += strspn(word, ", ");
        size_t n = strcspn(word, ", ");
        if (n == len && strncmp(word, scope, len) == 0)
            return true;
        word += n;
    }
    return false;
}

static bool is_among(const char *code, const char *const *codes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(code, codes[i]) == 0)
            return true;
    }
    return false;
}

bool bw_slack_is_thread_error(const char *code)
{
    static const char *const codes[] = {"cannot_reply_to_message",
                                        "thread_not_found",
                                        "message_not_found",
                                        "invalid_thread_ts",
                                        "restricted_action_thread_locked",
                                        "restricted_action_non_threadable_channel"};
    return is_among(code, codes, sizeof(codes) / sizeof(codes[0]));
}

bool bw_slack_is_look_error(const char *code)
{
    /* http_: what stands in for Slack and has no such method */
    static const char *const codes[] = {"missing_scope",
                                        "not_in_channel",
                                        "channel_not_found",
                                        "is_archived",
                                        "no_permission",
                                        "not_allowed_token_type",
                                        "unknown_method",
                                        "method_deprecated",
                                        "deprecated_endpoint",
                                        "method_not_supported_for_channel_type",
                                        "http_404",
                                        "http_405",
                                        "http_410"};
    return is_among(code, codes, sizeof(codes) / sizeof(codes[0]));
}

bool bw_slack_refuses_look(const struct bw_slack_answer *answer)
{
    static const char *const of_token[] = {"not_authed",    "invalid_auth",  "account_inactive",
                                           "token_revoked", "token_expired", "two_factor_setup_required"};
    static const char *const ours[] = {"", "no_ok", "no_error", "no_answer"};
    const char *code = answer->error;
    if (is_among(code, of_token, sizeof(of_token) / sizeof(of_token[0])))
        return false;
    if (answer->class != BW_POSTED_AMBIGUOUS)
        return answer->class != BW_POSTED_RETRY;
    return !find_rule(code) && strncmp(code, "http_", 5) != 0 &&
           !is_among(code, ours, sizeof(ours) / sizeof(ours[0]));
}

/* ---- conversations.history, conversations.replies ---- */

/* The ids of changes that a message tells, and its ts; NULL if it is none of ours. */
static const struct bw_json_node *ids_of(const struct bw_json_node *message, const char **ts)
{
    const struct bw_json_node *metadata = bw_json_get(message, "metadata");
    const char *type;
    if (!bw_json_get_string(metadata, "event_type", &type) || strcmp(type, "badgewatch_changes") != 0 ||
        !bw_json_get_string(message, "ts", ts))
        return NULL;
    return bw_json_get(bw_json_get(metadata, "event_payload"), "change_ids");
}

static void found(const struct bw_json_node *message, const char *ts, struct bw_slack_sought *s)
{
    const char *thread = "", *subtype = "";
    copy_whole(s->ts, sizeof(s->ts), ts);
    (void)bw_json_get_string(message, "thread_ts", &thread);
    (void)bw_json_get_string(message, "subtype", &subtype);
    if (strcmp(thread, ts) != 0) /* of a thread's first message it is its own */
        copy_whole(s->thread, sizeof(s->thread), thread);
    s->broadcast = strcmp(subtype, "thread_broadcast") == 0;
}

static void find_in(const struct bw_json_node *message, struct bw_slack_sought *sought, size_t n)
{
    const char *ts = "", *id;
    const struct bw_json_node *ids = ids_of(message, &ts);
    for (size_t i = 0; i < bw_json_count(ids); i++) {
        for (size_t k = 0; bw_json_is_string(bw_json_at(ids, i), &id) && k < n; k++) {
            if (!sought[k].ts[0] && strcmp(sought[k].id, id) == 0)
                found(message, ts, &sought[k]);
        }
    }
}

enum bw_err bw_slack_history_find(const char *json, size_t len, struct bw_slack_sought *sought, size_t n,
                                  char cursor[256], struct bw_error *error)
{
    struct bw_json_doc *doc;
    bool ok = false;
    const char *text;
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    const struct bw_json_node *root = bw_json_root(doc), *messages = bw_json_get(root, "messages");
    if (!bw_json_get_bool(root, "ok", &ok) || !ok || !bw_json_is_array(messages)) {
        text = "no messages";
        (void)bw_json_get_string(root, "error", &text);
        err = bw_error_set(error, BW_ERR_PROTOCOL, "the channel's history was not given: %.60s", text);
        bw_json_free(doc);
        return err;
    }
    char next[256] = "";
    text = "";
    (void)bw_json_get_string(bw_json_get(root, "response_metadata"), "next_cursor", &text);
    copy_whole(next, sizeof(next), text);
    if (text[0] && !next[0]) { /* the pages behind could not be asked for */
        bw_json_free(doc);
        return bw_error_set(error, BW_ERR_TOO_BIG, "the cursor of the channel's history is too long");
    }
    for (size_t i = 0; i < bw_json_count(messages); i++)
        find_in(bw_json_at(messages, i), sought, n);
    bw_json_free(doc);
    memcpy(cursor, next, sizeof(next));
    return BW_OK;
}
