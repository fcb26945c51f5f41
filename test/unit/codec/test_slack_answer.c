/* What Slack's answers mean: every code of its list, every kind of answer, and the search in a channel's history. */
#include "badgewatch/codec/slack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

static const char *const class_names[] = {"ok", "retry", "ambiguous", "operator", "payload"};

static const struct {
    enum bw_delivery_posted class;
    const char *codes; /* separated by blanks */
} classes[] = {
    {BW_POSTED_RETRY, "ratelimited rate_limited request_timeout org_login_required team_added_to_org "
                      "message_limit_exceeded"},
    {BW_POSTED_AMBIGUOUS, "internal_error fatal_error service_unavailable"},
    {BW_POSTED_OPERATOR,
     "not_authed invalid_auth account_inactive token_revoked token_expired missing_scope "
     "not_allowed_token_type "
     "no_permission access_denied accesslimited ekm_access_denied enterprise_is_restricted "
     "two_factor_setup_required team_access_not_granted app_access_restricted is_bot"},
    {BW_POSTED_OPERATOR,
     "channel_not_found not_in_channel is_archived restricted_action restricted_action_read_only_channel "
     "restricted_action_thread_only_channel restricted_action_non_threadable_channel "
     "restricted_action_thread_locked messages_tab_disabled cannot_reply_to_message team_not_found "
     "slack_connect_file_link_sharing_blocked slack_connect_canvas_sharing_blocked "
     "send_on_behalf_not_allowed"},
    {BW_POSTED_OPERATOR, "deprecated_endpoint method_deprecated unknown_method"},
    {BW_POSTED_OPERATOR,
     "action_prohibited posting_to_general_channel_denied invalid_token no_service no_service_id "
     "user_not_found channel_is_archived no_team team_disabled no_active_hooks"},
    {BW_POSTED_PAYLOAD,
     "invalid_blocks invalid_blocks_format msg_blocks_too_long msg_too_long msg_too_large no_text "
     "invalid_attachments too_many_attachments attachment_payload_limit_exceeded metadata_too_large "
     "invalid_metadata_format invalid_metadata_schema metadata_must_be_sent_from_app markdown_text_conflict "
     "too_many_contact_cards invalid_arguments invalid_arg_name invalid_array_arg invalid_charset "
     "invalid_form_data invalid_post_type missing_post_type invalid_json json_not_object missing_file_data "
     "invalid_payload duplicate_message_not_found duplicate_channel_not_found"},
    /* not in the list, or nearly */
    {BW_POSTED_AMBIGUOUS, "brand_new_error invalid_block invalid_blocks_ Invalid_auth restricted_action_ "
                          "slack_connect_blocked slack_connect__blockedx xrestricted_action"},
};

/* Calls cb with each code of the table. */
static void each_code(void (*cb)(const char *code, enum bw_delivery_posted class))
{
    for (size_t i = 0; i < COUNT(classes); i++) {
        for (const char *p = classes[i].codes; *p;) {
            char code[64];
            size_t n = strcspn(p, " ");
            (void)snprintf(code, sizeof code, "%.*s", (int)n, p);
            cb(code, classes[i].class);
            p += n + (p[n] == ' ');
        }
    }
}

static void check_code(const char *code, enum bw_delivery_posted class)
{
    struct bw_slack_answer a;
    char body[128];
    int n = snprintf(body, sizeof body, "{\"ok\":false,\"error\":\"%s\"}", code);

    if (bw_slack_error_class(code) != class)
        fail_msg("%s is %s", code, class_names[bw_slack_error_class(code)]);
    bw_slack_classify(false, 200, true, body, (size_t)n, -1, &a);
    assert_int_equal(a.class, class);
    assert_string_equal(a.error, code);
    assert_int_equal(a.retry_after_ms >= 1000, class == BW_POSTED_RETRY);
}

static void codes(void **state)
{
    (void)state;
    each_code(check_code);
    assert_int_equal(bw_slack_error_class(""), BW_POSTED_AMBIGUOUS);
}

static const struct row {
    const char *name;
    bool webhook;
    bool sent;
    int status;
    int64_t retry_after_ms;
    const char *body;
    enum bw_delivery_posted class;
    const char *error;
    int64_t wait;
} rows[] = {
    {"not sent", false, false, 0, -1, "", BW_POSTED_RETRY, "no_connection", 0},
    {"sent, no answer", false, true, 0, -1, "", BW_POSTED_AMBIGUOUS, "no_answer", 0},
    {"webhook, not sent", true, false, 0, -1, "", BW_POSTED_RETRY, "no_connection", 0},
    {"webhook, no answer", true, true, 0, -1, "", BW_POSTED_AMBIGUOUS, "no_answer", 0},
    {"429", false, true, 429, 3000, "{\"ok\":false,\"error\":\"ratelimited\"}", BW_POSTED_RETRY,
     "ratelimited", 3000},
    {"429, a page", false, true, 429, 30000, "<html>slow down</html>", BW_POSTED_RETRY, "ratelimited", 30000},
    {"429 without header", false, true, 429, -1, "", BW_POSTED_RETRY, "ratelimited", 1000},
    {"429 with 0", false, true, 429, 0, "", BW_POSTED_RETRY, "ratelimited", 1000},
    {"429 says ok", false, true, 429, -1, "{\"ok\":true,\"ts\":\"1.2\"}", BW_POSTED_RETRY, "ratelimited",
     1000},
    {"webhook 429", true, true, 429, -1, "{\"retry_after\":1,\"ok\":false,\"error\":\"rate_limited\"}",
     BW_POSTED_RETRY, "ratelimited", 1000},
    {"ratelimited in a 200", false, true, 200, 7000, "{\"ok\":false,\"error\":\"ratelimited\"}",
     BW_POSTED_RETRY, "ratelimited", 7000},
    {"quota of the workspace", false, true, 200, -1, "{\"ok\":false,\"error\":\"message_limit_exceeded\"}",
     BW_POSTED_RETRY, "message_limit_exceeded", 60000},
    {"200, a page", false, true, 200, -1, "<html></html>", BW_POSTED_AMBIGUOUS, "http_200", 0},
    {"200, cut", false, true, 200, -1, "{\"ok\":true,\"ts\":\"1", BW_POSTED_AMBIGUOUS, "http_200", 0},
    {"200, empty", false, true, 200, -1, "", BW_POSTED_AMBIGUOUS, "http_200", 0},
    {"200, other JSON", false, true, 200, -1, "[1]", BW_POSTED_AMBIGUOUS, "no_ok", 0},
    {"200, ok is a text", false, true, 200, -1, "{\"ok\":\"true\"}", BW_POSTED_AMBIGUOUS, "no_ok", 0},
    {"ok:false without code", false, true, 200, -1, "{\"ok\":false}", BW_POSTED_AMBIGUOUS, "no_error", 0},
    {"ok:false, empty code", false, true, 200, -1, "{\"ok\":false,\"error\":\"\"}", BW_POSTED_AMBIGUOUS,
     "no_error", 0},
    {"408", false, true, 408, -1, "stream timeout", BW_POSTED_AMBIGUOUS, "http_408", 0},
    {"408 with a code", false, true, 408, -1, "{\"ok\":false,\"error\":\"invalid_auth\"}",
     BW_POSTED_AMBIGUOUS, "http_408", 0},
    {"500", false, true, 500, -1, "<html>Server Error</html>", BW_POSTED_AMBIGUOUS, "http_500", 0},
    {"503 says ok", false, true, 503, -1, "{\"ok\":true}", BW_POSTED_AMBIGUOUS, "http_503", 0},
    {"503 with a code", false, true, 503, -1, "{\"ok\":false,\"error\":\"invalid_blocks\"}",
     BW_POSTED_AMBIGUOUS, "http_503", 0},
    {"400, a page", false, true, 400, -1, "Bad Request", BW_POSTED_AMBIGUOUS, "http_400", 0},
    {"302", false, true, 302, -1, "", BW_POSTED_OPERATOR, "http_302", 0},
    {"401", false, true, 401, -1, "", BW_POSTED_OPERATOR, "http_401", 0},
    {"403", false, true, 403, -1, "<html>", BW_POSTED_OPERATOR, "http_403", 0},
    {"404", false, true, 404, -1, "not found", BW_POSTED_OPERATOR, "http_404", 0},
    {"404, other JSON", false, true, 404, -1, "{\"message\":\"no route\"}", BW_POSTED_OPERATOR, "http_404",
     0},
    {"404, unknown code", false, true, 404, -1, "{\"ok\":false,\"error\":\"odd\"}", BW_POSTED_OPERATOR,
     "http_404", 0},
    {"403 with a code", false, true, 403, -1, "{\"ok\":false,\"error\":\"token_revoked\"}",
     BW_POSTED_OPERATOR, "token_revoked", 0},
    {"400 with a code", false, true, 400, -1, "{\"ok\":false,\"error\":\"invalid_blocks\"}",
     BW_POSTED_PAYLOAD, "invalid_blocks", 0},
    {"webhook ok", true, true, 200, -1, "ok", BW_POSTED_OK, "", 0},
    {"webhook ok and a line end", true, true, 200, -1, "ok\r\n", BW_POSTED_OK, "", 0},
    {"webhook 200, a page", true, true, 200, -1, "<html>ok</html>", BW_POSTED_AMBIGUOUS, "no_ok", 0},
    {"webhook 200, empty", true, true, 200, -1, "", BW_POSTED_AMBIGUOUS, "no_ok", 0},
    {"webhook 200, okay", true, true, 200, -1, "okay", BW_POSTED_AMBIGUOUS, "okay", 0},
    {"webhook 400", true, true, 400, -1, "invalid_payload", BW_POSTED_PAYLOAD, "invalid_payload", 0},
    {"webhook 400, new word", true, true, 400, -1, "invalid_emoji", BW_POSTED_PAYLOAD, "invalid_emoji", 0},
    {"webhook 400, a page", true, true, 400, -1, "<html>", BW_POSTED_AMBIGUOUS, "http_400", 0},
    {"webhook 403", true, true, 403, -1, "action_prohibited", BW_POSTED_OPERATOR, "action_prohibited", 0},
    {"webhook 403, new word", true, true, 403, -1, "sealed_workspace", BW_POSTED_OPERATOR, "sealed_workspace",
     0},
    {"webhook 404", true, true, 404, -1, "channel_not_found", BW_POSTED_OPERATOR, "channel_not_found", 0},
    {"webhook 404, a page", true, true, 404, -1, "<html>no such page</html>", BW_POSTED_OPERATOR, "http_404",
     0},
    {"webhook 410", true, true, 410, -1, "channel_is_archived", BW_POSTED_OPERATOR, "channel_is_archived", 0},
    {"webhook 408", true, true, 408, -1, "stream timeout", BW_POSTED_AMBIGUOUS, "http_408", 0},
    {"webhook 500", true, true, 500, -1, "rollup_error", BW_POSTED_AMBIGUOUS, "http_500", 0},
    {"webhook 301", true, true, 301, -1, "", BW_POSTED_OPERATOR, "http_301", 0},
};

static void answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *r = &rows[i];
        struct bw_slack_answer a;
        size_t len = strlen(r->body);
        char *body = malloc(len + 1); /* the body of a client ends where it ends */
        assert_non_null(body);
        memcpy(body, r->body, len);
        body[len] = 'x';
        bw_slack_classify(r->webhook, r->status, r->sent, body, len, r->retry_after_ms, &a);
        free(body);
        if (a.class != r->class || strcmp(a.error, r->error) != 0 || a.retry_after_ms != r->wait)
            fail_msg("%s: %s, '%s', %lld ms", r->name, class_names[a.class], a.error,
                     (long long)a.retry_after_ms);
        assert_string_equal(a.ts, "");
        bool address = a.class == BW_POSTED_OPERATOR && strncmp(a.error, "http_", 5) == 0;
        assert_int_equal(strstr(a.detail, r->webhook ? "check SLACK_WEBHOOK_URL" : "check SLACK_BASE_URL") !=
                             NULL,
                         address || (r->webhook && r->status == 200 && a.class == BW_POSTED_AMBIGUOUS));
    }
}

#define C20  "CCCCCCCCCCCCCCCCCCCC"
#define C100 C20 C20 C20 C20 C20

static void accepted(void **state)
{
    static const struct {
        const char *body, *channel, *ts;
    } given[] = {
        {"{\"ok\":true,\"channel\":\"C123\",\"ts\":\"1503435956.000247\",\"message\":{}}", "C123",
         "1503435956.000247"},
        {"{\"ok\":true,\"warning\":\"missing_charset\",\"channel\":\"C1\",\"ts\":\"1.2\","
         "\"response_metadata\":{\"warnings\":[\"missing_charset\"]}}",
         "C1", "1.2"},
        {"{\"ok\":true}", "", ""},
        {"{\"ok\":true,\"channel\":5,\"ts\":1503435956.000247}", "", ""},
        /* half a name is no name */
        {"{\"ok\":true,\"channel\":\"" C100 C100 C100 C100 "\","
         "\"ts\":\"1503435956.00000000000000000000000247\"}",
         "", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(given); i++) {
        struct bw_slack_answer a;
        bw_slack_classify(false, 200, true, given[i].body, strlen(given[i].body), -1, &a);
        assert_int_equal(a.class, BW_POSTED_OK);
        assert_string_equal(a.error, "");
        assert_string_equal(a.channel, given[i].channel);
        assert_string_equal(a.ts, given[i].ts);
    }
}

static void details(void **state)
{
    static const struct {
        const char *body, *detail;
    } given[] = {
        {"{\"ok\":false,\"error\":\"invalid_blocks\",\"response_metadata\":{\"messages\":[\"[ERROR] must be "
         "less "
         "than 151 characters [json-pointer:/blocks/0/text/text]\",\"[ERROR] second\"]}}",
         "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]; [ERROR] second"},
        {"{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"chat:write\",\"provided\":\"incoming-"
         "webhook\"}",
         "needed chat:write; provided incoming-webhook"},
        {"{\"ok\":false,\"error\":\"invalid_blocks\",\"errors\":[\"one\\u0007\\n\",{\"message\":\"two\"},3]}",
         "one  ; two"},
        {"{\"ok\":false,\"error\":\"invalid_blocks\",\"response_metadata\":{\"messages\":\"x\"}}", ""},
    };
    struct bw_slack_answer a;
    struct bw_buf body;
    (void)state;
    for (size_t i = 0; i < COUNT(given); i++) {
        bw_slack_classify(false, 200, true, given[i].body, strlen(given[i].body), -1, &a);
        assert_string_equal(a.detail, given[i].detail);
    }
    /* longer than the fields: cut between characters */
    bw_buf_init(&body, 1u << 16);
    (void)bw_buf_adds(&body, "{\"ok\":false,\"error\":\"");
    for (int i = 0; i < 100; i++)
        (void)bw_buf_adds(&body, "é");
    (void)bw_buf_adds(&body, "\",\"response_metadata\":{\"messages\":[\"x");
    for (int i = 0; i < 1000; i++)
        (void)bw_buf_adds(&body, "é");
    (void)bw_buf_adds(&body, "\"]}}");
    bw_slack_classify(false, 200, true, bw_buf_str(&body), body.len, -1, &a);
    assert_int_equal(strlen(a.error), 62);
    assert_int_equal(strlen(a.detail), 255);
    assert_int_equal((unsigned char)a.detail[253], 0xc3);
    bw_buf_fini(&body);
}

/* ---- history ---- */

#define ID    "6f0c3a52-0000-5000-8000-000000000001"
#define OTHER "6f0c3a52-0000-5000-8000-000000000002"
#define MESSAGE(type, ids, ts)                                                                               \
    "{\"type\":\"message\",\"ts\":\"" ts "\",\"metadata\":{\"event_type\":\"" type                           \
    "\",\"event_payload\":{\"change_ids\":[" ids "]}}}"
#define HISTORY(messages, cursor)                                                                            \
    "{\"ok\":true,\"messages\":[" messages                                                                   \
    "],\"has_more\":true,\"response_metadata\":{\"next_cursor\":\"" cursor "\"}}"

static void history(void **state)
{
    static const struct {
        const char *name, *json;
        enum bw_err err;
        const char *ts, *cursor;
    } given[] = {
        {"empty", HISTORY("", ""), BW_OK, "", ""},
        {"found", HISTORY(MESSAGE("badgewatch_changes", "\"" OTHER "\",\"" ID "\"", "2.5"), ""), BW_OK, "2.5",
         ""},
        {"behind messages of people",
         HISTORY(
             "{\"text\":\"hi\",\"ts\":\"3.1\"},{\"metadata\":null,\"ts\":\"3.0\"},{\"metadata\":7},"
             "{\"metadata\":{\"event_type\":\"badgewatch_changes\"}},"
             "{\"metadata\":{\"event_type\":\"badgewatch_changes\",\"event_payload\":{\"change_ids\":\"" ID
             "\"}}}," MESSAGE("badgewatch_changes", "7,null,\"" ID "\"", "2.5"),
             "dXNlcjo="),
         BW_OK, "2.5", "dXNlcjo="},
        {"other change", HISTORY(MESSAGE("badgewatch_changes", "\"" OTHER "\"", "2.5"), "next"), BW_OK, "",
         "next"},
        {"other program", HISTORY(MESSAGE("somebody_changes", "\"" ID "\"", "2.5"), ""), BW_OK, "", ""},
        {"a ts that is none",
         HISTORY(MESSAGE("badgewatch_changes", "\"" ID "\"", "12345678901234567890123456789012345"), ""),
         BW_OK, "", ""},
        {"no metadata at all", "{\"ok\":true,\"messages\":[]}", BW_OK, "", ""},
        {"refused", "{\"ok\":false,\"error\":\"not_in_channel\"}", BW_ERR_PROTOCOL, NULL, NULL},
        {"no list", "{\"ok\":true,\"messages\":{}}", BW_ERR_PROTOCOL, NULL, NULL},
        {"no JSON", "<html>", BW_ERR_SYNTAX, NULL, NULL},
        {"cut", "{\"ok\":true,\"messages\":[", BW_ERR_SYNTAX, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(given); i++) {
        struct bw_slack_sought sought = {.id = ID};
        char cursor[256] = "before";
        struct bw_error error = {.code = BW_OK};
        enum bw_err err =
            bw_slack_history_find(given[i].json, strlen(given[i].json), &sought, 1, cursor, &error);
        if (err != given[i].err)
            fail_msg("%s: %s", given[i].name, error.text);
        if (err != BW_OK) {
            assert_true(error.text[0] && !sought.ts[0] && strcmp(cursor, "before") == 0); /* untouched */
            continue;
        }
        if (strcmp(sought.ts, given[i].ts) != 0 || strcmp(cursor, given[i].cursor) != 0)
            fail_msg("%s: '%s' '%s'", given[i].name, sought.ts, cursor);
    }
}

/* Changes of one check may have been told in several messages, or some of them not at all. */
static void history_of_several(void **state)
{
    static const char json[] = HISTORY(MESSAGE("badgewatch_changes", "\"" OTHER "\"", "3.5") "," MESSAGE(
                                           "badgewatch_changes", "\"" ID "\",\"" OTHER "\"", "2.5"),
                                       "");
    struct bw_slack_sought sought[] = {{.id = ID}, {.id = OTHER}, {.id = "none"}, {.id = ID, .ts = "1.5"}};
    char cursor[256];
    (void)state;
    assert_int_equal(bw_slack_history_find(json, strlen(json), sought, 4, cursor, NULL), BW_OK);
    assert_string_equal(sought[0].ts, "2.5");
    assert_string_equal(sought[1].ts, "3.5");
    assert_string_equal(sought[2].ts, "");
    assert_string_equal(sought[3].ts, "1.5"); /* on an earlier page */
}

static void history_says_why(void **state)
{
    static const char json[] = "{\"ok\":false,\"error\":\"not_in_channel\"}";
    struct bw_slack_sought sought = {.id = ID};
    struct bw_error error;
    char cursor[256];
    (void)state;
    assert_int_equal(bw_slack_history_find(json, strlen(json), &sought, 1, cursor, &error), BW_ERR_PROTOCOL);
    assert_string_equal(error.text, "the channel's history was not given: not_in_channel");
}

/* Half a cursor would ask for a page that is none, or for ever for the first. */
static void history_with_a_long_cursor(void **state)
{
    struct bw_buf json;
    struct bw_slack_sought sought = {.id = ID};
    char cursor[256] = "before";
    (void)state;
    bw_buf_init(&json, 4096);
    (void)bw_buf_adds(&json, "{\"ok\":true,\"messages\":[],\"response_metadata\":{\"next_cursor\":\"");
    for (int i = 0; i < 300; i++)
        (void)bw_buf_addc(&json, 'c');
    (void)bw_buf_adds(&json, "\"}}");
    assert_int_equal(bw_slack_history_find(bw_buf_str(&json), json.len, &sought, 1, cursor, NULL),
                     BW_ERR_TOO_BIG);
    assert_string_equal(cursor, "before");
    bw_buf_fini(&json);
}

static void scopes(void **state)
{
    (void)state;
    assert_true(bw_slack_has_scope("chat:write", "chat:write"));
    assert_true(bw_slack_has_scope("channels:history, chat:write", "chat:write"));
    assert_true(bw_slack_has_scope("chat:write.public,chat:write", "chat:write"));
    assert_false(bw_slack_has_scope("chat:write.public,channels:history", "chat:write"));
    assert_false(bw_slack_has_scope("xchat:write", "chat:write"));
    assert_false(bw_slack_has_scope("", "chat:write"));
}

/* Where a message stands: in the channel, in a thread, in both; the first of a thread answers itself. */
static void places(void **state)
{
    static const struct {
        const char *more, *thread;
        bool broadcast;
    } stands[] = {{"", "", false},
                  {",\"thread_ts\":\"2.5\",\"reply_count\":1", "", false},
                  {",\"thread_ts\":\"1.5\"", "1.5", false},
                  {",\"thread_ts\":\"1.5\",\"subtype\":\"thread_broadcast\"", "1.5", true}};
    (void)state;
    for (size_t i = 0; i < sizeof stands / sizeof stands[0]; i++) {
        struct bw_slack_sought sought = {.id = ID};
        char json[600], cursor[256];
        (void)snprintf(json, sizeof json,
                       "{\"ok\":true,\"messages\":[{\"ts\":\"2.5\"%s,\"metadata\":{\"event_type\":"
                       "\"badgewatch_changes\",\"event_payload\":{\"change_ids\":[\"%s\"]}}}]}",
                       stands[i].more, ID);
        assert_int_equal(bw_slack_history_find(json, strlen(json), &sought, 1, cursor, NULL), BW_OK);
        assert_string_equal(sought.ts, "2.5");
        assert_string_equal(sought.thread, stands[i].thread);
        assert_int_equal(sought.broadcast, stands[i].broadcast);
    }
    assert_true(bw_slack_is_thread_error("thread_not_found"));
    assert_false(bw_slack_is_thread_error("is_archived"));
}

/* After these nobody can know; with bad credentials somebody will, once they are mended. */
static void looks(void **state)
{
    static const char *const never[] = {"missing_scope", "not_in_channel", "channel_not_found",
                                        "unknown_method", "http_404"};
    static const char *const later[] = {"invalid_auth",  "not_authed",       "token_revoked", "token_expired",
                                        "accesslimited", "account_inactive", "http_302",      "http_403",
                                        "http_500",      "internal_error",   "ratelimited",   ""};
    (void)state;
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++)
        assert_true(bw_slack_is_look_error(never[i]));
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        assert_false(bw_slack_is_look_error(later[i]));
}

static void refusals_of_a_look(void **state)
{
    static const struct {
        int status;
        const char *body;
        bool refuses;
    } looks[] = {{200, "{\"ok\":false,\"error\":\"not_today\"}", true},
                 {200, "{\"ok\":false,\"error\":\"access_denied\"}", true},
                 {200, "{\"ok\":false,\"error\":\"invalid_arguments\"}", true},
                 {403, "<html>", true},
                 {200, "{\"ok\":false,\"error\":\"token_revoked\"}", false},
                 {200, "{\"ok\":false,\"error\":\"internal_error\"}", false},
                 {200, "{\"ok\":false,\"error\":\"ratelimited\"}", false},
                 {200, "{\"ok\":false}", false},
                 {200, "{}", false},
                 {200, "<html>", false},
                 {503, "<html>", false},
                 {0, "", false}};
    (void)state;
    for (size_t i = 0; i < sizeof looks / sizeof looks[0]; i++) {
        struct bw_slack_answer a;
        bw_slack_classify(false, looks[i].status, false, looks[i].body, strlen(looks[i].body), -1, &a);
        if (bw_slack_refuses_look(&a) != looks[i].refuses)
            fail_msg("%d %s: %s", looks[i].status, looks[i].body, a.error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scopes),
        cmocka_unit_test(refusals_of_a_look),
        cmocka_unit_test(codes),
        cmocka_unit_test(answers),
        cmocka_unit_test(accepted),
        cmocka_unit_test(details),
        cmocka_unit_test(history),
        cmocka_unit_test(history_of_several),
        cmocka_unit_test(history_says_why),
        cmocka_unit_test(history_with_a_long_cursor),
        cmocka_unit_test(places),
        cmocka_unit_test(looks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
