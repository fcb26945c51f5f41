/* What Slack's answer means for a message that was sent. The classes are a table, because they are policy: each code
 * stands where a person can find it. */
#include "badgewatch/codec/slack.h"

#include "badgewatch/codec/json.h"

#include <stdio.h>
#include <string.h>

#define RATE_LIMIT_MS 1000 /* where Retry-After is absent */

static const struct {
    enum bw_slack_class class;
    const char *codes[48];
} classes[] = {
    {BW_SLACK_RETRY,
     {"ratelimited", "rate_limited", "request_timeout", "org_login_required", "team_added_to_org",
      "message_limit_exceeded"}},
    {BW_SLACK_AMBIGUOUS, {"internal_error", "fatal_error", "service_unavailable"}},
    {BW_SLACK_OPERATOR,
     {"not_authed",
      "invalid_auth",
      "account_inactive",
      "token_revoked",
      "token_expired",
      "missing_scope",
      "not_allowed_token_type",
      "no_permission",
      "access_denied",
      "accesslimited",
      "ekm_access_denied",
      "enterprise_is_restricted",
      "two_factor_setup_required",
      "team_access_not_granted",
      "app_access_restricted",
      "is_bot",
      "channel_not_found",
      "not_in_channel",
      "is_archived",
      "restricted_action",
      "restricted_action_read_only_channel",
      "restricted_action_thread_only_channel",
      "restricted_action_non_threadable_channel",
      "restricted_action_thread_locked",
      "messages_tab_disabled",
      "cannot_reply_to_message",
      "team_not_found",
      "slack_connect_canvas_sharing_blocked",
      "slack_connect_file_link_sharing_blocked",
      "send_on_behalf_not_allowed",
      "deprecated_endpoint",
      "method_deprecated",
      "unknown_method"}},
    {BW_SLACK_OPERATOR, /* of incoming webhooks */
     {"action_prohibited", "posting_to_general_channel_denied", "invalid_token", "no_service",
      "no_service_id", "user_not_found", "channel_is_archived", "no_team", "team_disabled",
      "no_active_hooks"}},
    {BW_SLACK_PAYLOAD,
     {"invalid_blocks",
      "invalid_blocks_format",
      "msg_blocks_too_long",
      "msg_too_long",
      "msg_too_large",
      "no_text",
      "invalid_attachments",
      "too_many_attachments",
      "attachment_payload_limit_exceeded",
      "metadata_too_large",
      "invalid_metadata_format",
      "invalid_metadata_schema",
      "metadata_must_be_sent_from_app",
      "markdown_text_conflict",
      "too_many_contact_cards",
      "invalid_arguments",
      "invalid_arg_name",
      "invalid_array_arg",
      "invalid_charset",
      "invalid_form_data",
      "invalid_post_type",
      "missing_post_type",
      "invalid_json",
      "json_not_object",
      "missing_file_data",
      "invalid_payload",
      "duplicate_message_not_found",
      "duplicate_channel_not_found"}},
};

enum bw_slack_class bw_slack_error_class(const char *code)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        for (size_t k = 0; k < sizeof(classes[i].codes) / sizeof(classes[i].codes[0]) && classes[i].codes[k];
             k++) {
            if (strcmp(classes[i].codes[k], code) == 0)
                return classes[i].class;
        }
    }
    return BW_SLACK_AMBIGUOUS;
}

static void set(struct bw_slack_answer *a, enum bw_slack_class class, const char *error)
{
    a->class = class;
    snprintf(a->error, sizeof(a->error), "%s", error);
}

static int64_t wait_ms(int64_t retry_after_ms)
{
    return retry_after_ms > RATE_LIMIT_MS ? retry_after_ms : RATE_LIMIT_MS;
}

/* ---- incoming webhooks: plain text and meaningful statuses ---- */

static void classify_webhook(int status, const char *body, size_t len, struct bw_slack_answer *out)
{
    char word[64];
    size_t n = len < sizeof(word) - 1 ? len : sizeof(word) - 1;
    memcpy(word, body, n);
    word[n] = '\0';
    word[strcspn(word, "\r\n ")] = '\0';
    if (status == 200) {
        /* posted; some proxies change the word */
        set(out, BW_SLACK_OK, "");
    } else if (status == 400 || status == 403 || status == 404 || status == 410) {
        enum bw_slack_class class = bw_slack_error_class(word);
        if (class == BW_SLACK_AMBIGUOUS) /* these statuses mean that nothing was posted */
            class = status == 400 ? BW_SLACK_PAYLOAD : BW_SLACK_OPERATOR;
        set(out, class, word[0] ? word : "refused");
    } else {
        char code[32];
        snprintf(code, sizeof(code), "http_%d", status);
        set(out, BW_SLACK_AMBIGUOUS, code);
    }
}

/* ---- Web API ---- */

static void put_detail(const struct bw_json_node *root, struct bw_slack_answer *out)
{
    const struct bw_json_node *messages = bw_json_get(bw_json_get(root, "response_metadata"), "messages");
    const char *text, *needed, *provided;
    size_t used = 0;
    for (size_t i = 0; i < bw_json_count(messages) && used < sizeof(out->detail) - 1; i++) {
        if (!bw_json_is_string(bw_json_at(messages, i), &text))
            continue;
        int n = snprintf(out->detail + used, sizeof(out->detail) - used, "%s%s", used ? "; " : "", text);
        used += n > 0 ? (size_t)n : 0;
    }
    if (bw_json_get_string(root, "needed", &needed) && bw_json_get_string(root, "provided", &provided))
        snprintf(out->detail, sizeof(out->detail), "needed %s, provided %s", needed, provided);
}

static void classify_json(const struct bw_json_node *root, int64_t retry_after_ms,
                          struct bw_slack_answer *out)
{
    bool ok = false;
    const char *text;
    if (!bw_json_get_bool(root, "ok", &ok)) {
        set(out, BW_SLACK_AMBIGUOUS, "no_ok");
        return;
    }
    if (ok) {
        set(out, BW_SLACK_OK, "");
        if (bw_json_get_string(root, "channel", &text))
            snprintf(out->channel, sizeof(out->channel), "%s", text);
        if (bw_json_get_string(root, "ts", &text))
            snprintf(out->ts, sizeof(out->ts), "%s", text);
        return;
    }
    bool named = bw_json_get_string(root, "error", &text);
    set(out, named ? bw_slack_error_class(text) : BW_SLACK_AMBIGUOUS, named ? text : "no_error");
    put_detail(root, out);
    if (out->class == BW_SLACK_RETRY)
        out->retry_after_ms = wait_ms(retry_after_ms);
}

static void classify_status(int status, struct bw_slack_answer *out)
{
    char code[32];
    snprintf(code, sizeof(code), "http_%d", status);
    /* Slack answers these with 200 and a code; a bare one comes from something else at that address. */
    bool wrong_address = status == 301 || status == 302 || status == 307 || status == 308 || status == 401 ||
                         status == 403 || status == 404 || status == 405;
    set(out, wrong_address ? BW_SLACK_OPERATOR : BW_SLACK_AMBIGUOUS, code);
    if (wrong_address)
        snprintf(out->detail, sizeof(out->detail), "this is not Slack: check SLACK_BASE_URL");
}

void bw_slack_classify(bool webhook, int status, bool sent, const char *body, size_t len,
                       int64_t retry_after_ms, struct bw_slack_answer *out)
{
    *out = (struct bw_slack_answer){.class = BW_SLACK_AMBIGUOUS};
    if (status == 0) {
        set(out, sent ? BW_SLACK_AMBIGUOUS : BW_SLACK_RETRY, sent ? "no_answer" : "no_connection");
        return;
    }
    if (status == 429) { /* definite: it was not posted, whatever the body says */
        set(out, BW_SLACK_RETRY, "ratelimited");
        out->retry_after_ms = wait_ms(retry_after_ms);
        return;
    }
    if (webhook) {
        classify_webhook(status, body, len, out);
        return;
    }
    struct bw_json_doc *doc;
    if (bw_json_parse(body, len, &doc, NULL) != BW_OK) {
        classify_status(status, out);
        return;
    }
    if (status == 200)
        classify_json(bw_json_root(doc), retry_after_ms, out);
    else
        classify_status(status, out);
    bw_json_free(doc);
}

/* ---- conversations.history ---- */

static bool holds(const struct bw_json_node *message, const char *change_id)
{
    const struct bw_json_node *metadata = bw_json_get(message, "metadata");
    const char *type, *id;
    if (!bw_json_get_string(metadata, "event_type", &type) || strcmp(type, "badgewatch_changes") != 0)
        return false;
    const struct bw_json_node *ids = bw_json_get(bw_json_get(metadata, "event_payload"), "change_ids");
    for (size_t i = 0; i < bw_json_count(ids); i++) {
        if (bw_json_is_string(bw_json_at(ids, i), &id) && strcmp(id, change_id) == 0)
            return true;
    }
    return false;
}

enum bw_err bw_slack_history_find(const char *json, size_t len, const char *change_id, bool *found,
                                  char ts[32], char cursor[256], struct bw_error *error)
{
    struct bw_json_doc *doc;
    bool ok = false;
    const char *text;
    enum bw_err err = bw_json_parse(json, len, &doc, error);
    if (err != BW_OK)
        return err;
    const struct bw_json_node *root = bw_json_root(doc), *messages = bw_json_get(root, "messages");
    if (!bw_json_get_bool(root, "ok", &ok) || !ok || !bw_json_is_array(messages)) {
        bw_json_free(doc);
        return bw_error_set(error, BW_ERR_PROTOCOL, "the channel's history was not given");
    }
    *found = false;
    cursor[0] = '\0';
    for (size_t i = 0; i < bw_json_count(messages) && !*found; i++) {
        const struct bw_json_node *m = bw_json_at(messages, i);
        *found = holds(m, change_id) && bw_json_get_string(m, "ts", &text);
        if (*found)
            snprintf(ts, 32, "%s", text);
    }
    if (bw_json_get_string(bw_json_get(root, "response_metadata"), "next_cursor", &text))
        snprintf(cursor, 256, "%s", text);
    bw_json_free(doc);
    return BW_OK;
}
