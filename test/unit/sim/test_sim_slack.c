/* Slack's side without HTTP: block limits, errors, reading back, rate; and the page that shows the channel. */
#include "badgewatch/base/alloc.h"
#include "blocks.h"
#include "page.h"
#include "support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {"--slack-rate", "0", NULL};

/* %x in a block becomes a text of so many characters, %é of two-byte ones. */
static char *expand(const char *pattern, size_t n)
{
    struct bw_buf b;
    bw_buf_init(&b, 1 << 20);
    for (const char *p = pattern; *p; p++) {
        if (*p != '%') {
            assert_int_equal(bw_buf_addc(&b, *p), BW_OK);
            continue;
        }
        p++;
        for (size_t i = 0; i < n; i++)
            assert_int_equal(bw_buf_adds(&b, *p == 'x' ? "x" : "\xc3\xa9"), BW_OK);
    }
    return bw_buf_take(&b, NULL);
}

static void block_limits(void **state)
{
    static const struct {
        const char *blocks;
        size_t n;
        const char *error; /* NULL: valid */
    } cases[] = {
        {"[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"%x\"}}]", 3000, NULL},
        {"[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"%e\"}}]", 3000, NULL},
        {"[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"%x\"}}]", 3001, "invalid_blocks"},
        {"[{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"%x\"}}]", 0, "invalid_blocks"},
        {"[{\"type\":\"section\"}]", 0, "invalid_blocks"},
        {"[{\"type\":\"section\",\"fields\":[{\"type\":\"mrkdwn\",\"text\":\"%x\"}]}]", 2000, NULL},
        {"[{\"type\":\"section\",\"fields\":[{\"type\":\"mrkdwn\",\"text\":\"%x\"}]}]", 2001,
         "invalid_blocks"},
        {"[{\"type\":\"section\",\"fields\":[]}]", 0, "invalid_blocks"},
        {"[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"%x\"}}]", 150, NULL},
        {"[{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"%x\"}}]", 151, "invalid_blocks"},
        {"[{\"type\":\"header\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"%x\"}}]", 5, "invalid_blocks"},
        {"[{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":\"%x\"}]}]", 5, NULL},
        {"[{\"type\":\"context\",\"elements\":[{\"type\":\"button\"}]}]", 5, "invalid_blocks"},
        {"[{\"type\":\"divider\"},{\"type\":\"divider\",\"block_id\":\"a\"}]", 0, NULL},
        {"[{\"type\":\"divider\",\"block_id\":\"a\"},{\"type\":\"divider\",\"block_id\":\"a\"}]", 0,
         "invalid_blocks"},
        {"[{\"type\":\"divider\",\"color\":\"red\"}]", 0, "invalid_blocks"},
        {"[{\"type\":\"nonsense\"}]", 0, "invalid_blocks"},
        {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"text\":{\"type\":\"plain_text\","
         "\"text\":\"%x\"}}]}]",
         75, NULL},
        {"[{\"type\":\"actions\",\"elements\":[{\"type\":\"button\",\"text\":{\"type\":\"plain_text\","
         "\"text\":\"%x\"}}]}]",
         76, "invalid_blocks"},
        {"[{\"type\":\"image\",\"image_url\":\"https://x\"}]", 0, "invalid_blocks"},
        {"[{\"type\":\"image\",\"image_url\":\"https://x\",\"alt_text\":\"%x\"}]", 9, NULL},
        {"{\"type\":\"divider\"}", 0, "invalid_blocks_format"},
        {"[{\"type\":\"markdown\",\"text\":\"%x\"},{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\","
         "\"text\":\"abc\"}}]",
         12000, NULL},
        {"[{\"type\":\"markdown\",\"text\":\"%x\"},{\"type\":\"markdown\",\"text\":\"%x\"}]", 6601,
         "msg_blocks_too_long"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = expand(cases[i].blocks, cases[i].n);
        struct json_object *blocks = json_tokener_parse(text);
        struct json_object *messages = json_object_new_array();
        assert_non_null(blocks);
        const char *error = sim_blocks_check(blocks, messages);
        if (cases[i].error)
            assert_string_equal(error ? error : "valid", cases[i].error);
        else
            assert_null(error);
        bool told = json_object_array_length(messages) > 0;
        assert_int_equal(told, cases[i].error && strcmp(cases[i].error, "invalid_blocks") == 0);
        json_object_put(messages);
        json_object_put(blocks);
        free(text);
    }
}

static void fifty_blocks(void **state)
{
    (void)state;
    for (size_t n = 50; n <= 51; n++) {
        struct json_object *blocks = json_object_new_array();
        struct json_object *messages = json_object_new_array();
        for (size_t i = 0; i < n; i++)
            json_object_array_add(blocks, json_tokener_parse("{\"type\":\"divider\"}"));
        const char *error = sim_blocks_check(blocks, messages);
        assert_int_equal(error == NULL, n == 50);
        json_object_put(messages);
        json_object_put(blocks);
    }
}

static void metadata(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } cases[] = {
        {"{\"event_type\":\"a\",\"event_payload\":{\"ids\":[\"x\",1,true,{\"k\":1}],\"n\":2}}", NULL},
        {"{\"event_payload\":{}}", "invalid_metadata_format"},
        {"{\"event_type\":\"a\"}", "invalid_metadata_format"},
        {"{\"event_type\":\"a\",\"event_payload\":{\"k\":[[1]]}}", "invalid_metadata_schema"},
        {"{\"event_type\":\"a\",\"event_payload\":{\"k\":{\"l\":{\"m\":1}}}}", "invalid_metadata_schema"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_object *o = json_tokener_parse(cases[i].text);
        const char *error = sim_metadata_check(o);
        if (cases[i].error)
            assert_string_equal(error ? error : "valid", cases[i].error);
        else
            assert_null(error);
        json_object_put(o);
    }
}

static void errors(void **state)
{
    static const struct {
        const char *method, *body, *authorization;
        int status;
        const char *error;
    } cases[] = {
        {"chat.postMessage", "{\"channel\":\"C0DEMO\",\"text\":\"x\"}", "Bearer xoxb-demo", 200, NULL},
        {"chat.postMessage", "{\"channel\":\"C0DEMO\",\"text\":\"x\"}", NULL, 200, "not_authed"},
        {"chat.postMessage", "{\"channel\":\"C0DEMO\",\"text\":\"x\"}", "Bearer other", 200, "invalid_auth"},
        {"chat.postMessage", "{\"channel\":\"C0OTHER\",\"text\":\"x\"}", "Bearer xoxb-demo", 200,
         "channel_not_found"},
        {"chat.postMessage", "{\"channel\":\"C0DEMO\"}", "Bearer xoxb-demo", 200, "no_text"},
        {"chat.postMessage", "{\"channel\":\"C0DEMO\",", "Bearer xoxb-demo", 200, "invalid_json"},
        {"chat.postMessage", "[1]", "Bearer xoxb-demo", 200, "json_not_object"},
        {"chat.postMessage", "{\"channel\":\"C0DEMO\",\"blocks\":[{\"type\":\"x\"}]}", "Bearer xoxb-demo",
         200, "invalid_blocks"},
        {"auth.test", NULL, "Bearer xoxb-demo", 200, NULL},
        {"chat.nonsense", NULL, "Bearer xoxb-demo", 200, "unknown_method"},
    };
    struct sim_fixture f;
    (void)state;
    fixture_start(&f, words);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim_response r;
        char path[64];
        snprintf(path, sizeof path, "/api/%s", cases[i].method);
        fixture_raw(&f, "POST", path, "", cases[i].body, cases[i].authorization, &r);
        struct json_object *o = json_tokener_parse(r.body.data);
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(sim_json_bool(o, "ok", false), cases[i].error == NULL);
        assert_string_equal(sim_json_str(o, "error", "none"), cases[i].error ? cases[i].error : "none");
        assert_string_equal(r.headers[0].name, "X-OAuth-Scopes");
        if (cases[i].error && strcmp(cases[i].error, "invalid_blocks") == 0)
            assert_non_null(sim_json_get(sim_json_get(o, "response_metadata"), "messages"));
        json_object_put(o);
        sim_response_fini(&r);
    }
    assert_int_equal(f.sim->channels.n, 1);
    fixture_stop(&f);
}

static struct json_object *history(struct sim_fixture *f, const char *query)
{
    return fixture_call(f, "GET", "/api/conversations.history", query, NULL, NULL);
}

static void post(struct sim_fixture *f, int i)
{
    char body[200];
    snprintf(body, sizeof body,
             "{\"channel\":\"C0DEMO\",\"text\":\"m%d\",\"metadata\":{\"event_type\":\"t\",\"event_payload\":{"
             "\"id\":%d}}}",
             i, i);
    struct json_object *o = fixture_call(f, "POST", "/api/chat.postMessage", "", body, NULL);
    assert_true(sim_json_bool(o, "ok", false));
    json_object_put(o);
}

static void history_pages(void **state)
{
    struct sim_fixture f;
    char query[200] = "channel=C0DEMO&limit=3";
    size_t seen = 0;
    int expected = 9;
    (void)state;
    fixture_start(&f, words);
    for (int i = 0; i < 10; i++)
        post(&f, i);
    while (true) {
        struct json_object *o = history(&f, query);
        struct json_object *list = sim_json_get(o, "messages");
        for (size_t i = 0; i < json_object_array_length(list); i++, seen++) {
            char text[8];
            snprintf(text, sizeof text, "m%d", expected--);
            assert_string_equal(sim_json_str(json_object_array_get_idx(list, i), "text", ""), text);
        }
        const char *next = sim_json_str(sim_json_get(o, "response_metadata"), "next_cursor", "");
        bool more = sim_json_bool(o, "has_more", false);
        assert_int_equal(more, *next != '\0');
        snprintf(query, sizeof query, "channel=C0DEMO&limit=3&cursor=%s", next);
        json_object_put(o);
        if (!more)
            break;
    }
    assert_int_equal(seen, 10);
    fixture_stop(&f);
}

/* Posts a reply; gives its ts, or the error. */
static void reply(struct sim_fixture *f, const char *thread, const char *more, char out[40])
{
    char body[200];
    snprintf(body, sizeof body, "{\"channel\":\"C0DEMO\",\"text\":\"r\",\"thread_ts\":\"%s\"%s}", thread,
             more);
    struct json_object *o = fixture_call(f, "POST", "/api/chat.postMessage", "", body, NULL);
    snprintf(out, 40, "%s", sim_json_str(o, "ts", sim_json_str(o, "error", "")));
    json_object_put(o);
}

static void lists(struct sim_fixture *f, const char *method, const char *query, const char *const *wanted)
{
    struct json_object *o = fixture_call(f, "GET", method, query, NULL, NULL),
                       *list = sim_json_get(o, "messages");
    size_t n = 0;
    for (; wanted[n]; n++)
        assert_string_equal(sim_json_str(json_object_array_get_idx(list, n), "ts", ""), wanted[n]);
    assert_int_equal(json_object_array_length(list), n);
    json_object_put(o);
}

/* A reply is in its thread; in the history too where it was sent to the channel as well. */
static void threads(void **state)
{
    struct sim_fixture f;
    char root[40], hidden[40], shown[40], got[40], query[160];
    (void)state;
    fixture_start(&f, words);
    post(&f, 1);
    snprintf(root, sizeof root, "%s", sim_json_str(f.sim->channels.messages[0], "ts", ""));
    reply(&f, root, "", hidden);
    reply(&f, root, ",\"reply_broadcast\":true", shown);
    lists(&f, "/api/conversations.history", "channel=C0DEMO", (const char *[]){shown, root, NULL});
    snprintf(query, sizeof query, "channel=C0DEMO&ts=%s", root);
    lists(&f, "/api/conversations.replies", query, (const char *[]){root, hidden, shown, NULL});
    snprintf(query, sizeof query, "channel=C0DEMO&ts=%s&limit=1", root);
    lists(&f, "/api/conversations.replies", query, (const char *[]){root, hidden, NULL});
    snprintf(query, sizeof query, "channel=C0DEMO&ts=%s&limit=1&cursor=next_ts:%s", root, hidden);
    lists(&f, "/api/conversations.replies", query, (const char *[]){root, shown, NULL});
    snprintf(query, sizeof query, "channel=C0DEMO&ts=%s&oldest=%s", root, hidden);
    lists(&f, "/api/conversations.replies", query, (const char *[]){root, shown, NULL});
    reply(&f, "1.000001", "", got);
    assert_string_equal(got, "thread_not_found");
    reply(&f, hidden, "", got);
    assert_string_equal(got, "cannot_reply_to_message");
    struct json_object *o =
        fixture_call(&f, "GET", "/api/conversations.replies", "channel=C0DEMO&ts=1.000001", NULL, NULL);
    assert_string_equal(sim_json_str(o, "error", ""), "thread_not_found");
    json_object_put(o);
    fixture_stop(&f);
}

static void history_window_and_metadata(void **state)
{
    struct sim_fixture f;
    char query[200];
    (void)state;
    fixture_start(&f, words);
    for (int i = 0; i < 4; i++)
        post(&f, i);
    const char *second = sim_json_str(f.sim->channels.messages[1], "ts", "");
    snprintf(query, sizeof query, "channel=C0DEMO&oldest=%s", second);
    struct json_object *o = history(&f, query);
    assert_int_equal(json_object_array_length(sim_json_get(o, "messages")), 2);
    struct json_object *m = json_object_array_get_idx(sim_json_get(o, "messages"), 0);
    assert_null(sim_json_get(sim_json_get(m, "metadata"), "event_payload"));
    assert_string_equal(sim_json_str(sim_json_get(m, "metadata"), "event_type", ""), "t");
    json_object_put(o);
    snprintf(query, sizeof query, "channel=C0DEMO&inclusive=true&oldest=%s&include_all_metadata=true",
             second);
    o = history(&f, query);
    assert_int_equal(json_object_array_length(sim_json_get(o, "messages")), 3);
    m = json_object_array_get_idx(sim_json_get(o, "messages"), 2);
    assert_int_equal(sim_json_int(sim_json_get(sim_json_get(m, "metadata"), "event_payload"), "id", -1), 1);
    json_object_put(o);
    fixture_stop(&f);
}

static void scopes(void **state)
{
    static const char *const narrow[] = {"--scopes", "chat:write", NULL};
    struct sim_fixture f;
    (void)state;
    fixture_start(&f, narrow);
    post(&f, 1);
    struct json_object *o = history(&f, "channel=C0DEMO");
    assert_string_equal(sim_json_str(o, "error", ""), "missing_scope");
    assert_string_equal(sim_json_str(o, "needed", ""), "channels:history");
    assert_string_equal(sim_json_str(o, "provided", ""), "chat:write");
    json_object_put(o);
    fixture_stop(&f);
}

static void timestamps_increase(void **state)
{
    struct sim_fixture f;
    (void)state;
    fixture_start(&f, words);
    for (int i = 0; i < 200; i++)
        post(&f, i);
    for (size_t i = 1; i < f.sim->channels.n; i++)
        assert_true(strcmp(sim_json_str(f.sim->channels.messages[i - 1], "ts", ""),
                           sim_json_str(f.sim->channels.messages[i], "ts", "")) < 0);
    fixture_stop(&f);
}

static void rate_is_limited_per_channel(void **state)
{
    struct sim_channels c = {.fd = -1};
    int64_t wait = 0;
    (void)state;
    for (int i = 0; i < 5; i++)
        assert_true(sim_channels_admit(&c, "A", 1000, 1, 5, &wait));
    assert_false(sim_channels_admit(&c, "A", 1000, 1, 5, &wait));
    assert_in_range(wait, 900, 1001);
    assert_true(sim_channels_admit(&c, "B", 1000, 1, 5, &wait));
    assert_true(sim_channels_admit(&c, "A", 2001, 1, 5, &wait));
    assert_false(sim_channels_admit(&c, "A", 2001, 1, 5, &wait));
}

static void rate_answers_429(void **state)
{
    static const char *const slow[] = {"--slack-rate", "0.001", "--slack-burst", "1", NULL};
    struct sim_fixture f;
    struct sim_response r;
    (void)state;
    fixture_start(&f, slow);
    post(&f, 0);
    fixture_raw(&f, "POST", "/api/chat.postMessage", "", "{\"channel\":\"C0DEMO\",\"text\":\"x\"}",
                "Bearer xoxb-demo", &r);
    assert_int_equal(r.status, 429);
    assert_string_equal(r.headers[0].name, "Retry-After");
    assert_in_range(strtol(r.headers[0].value, NULL, 10), 900, 1001);
    assert_non_null(strstr(r.body.data, "\"ratelimited\""));
    assert_int_equal(f.sim->channels.n, 1);
    sim_response_fini(&r);
    fixture_stop(&f);
}

static void webhook(void **state)
{
    static const struct {
        const char *path, *body;
        int status;
        const char *text;
    } cases[] = {
        {"/services/T000/B000/XXXX", "{\"text\":\"hello\"}", 200, "ok"},
        {"/services/T000/B000/XXXX", "{\"text\":", 400, "invalid_payload"},
        {"/services/T000/B000/XXXX", "{}", 400, "no_text"},
        {"/services/T000/B000/OTHER", "{\"text\":\"hello\"}", 404, "no_service"},
    };
    struct sim_fixture f;
    (void)state;
    fixture_start(&f, words);
    for (size_t i = 0; i < 4; i++) {
        struct sim_response r;
        fixture_raw(&f, "POST", cases[i].path, "", cases[i].body, NULL, &r);
        assert_int_equal(r.status, cases[i].status);
        assert_string_equal(r.body.data, cases[i].text);
        sim_response_fini(&r);
    }
    assert_int_equal(f.sim->channels.n, 1);
    fixture_stop(&f);
}

/* Ambiguous outcomes: the answer is bad, the message is there or not, as the fault says. */
static void faults_with_and_without_posting(void **state)
{
    static const struct {
        const char *fault;
        int status;
        enum sim_delivery delivery;
        size_t posted;
    } cases[] = {
        {"slack:status,status=503", 503, SIM_SEND, 0},
        {"slack:status,status=429,retry_after=7", 429, SIM_SEND, 0},
        {"slack:status,status=503,posted=true", 503, SIM_SEND, 1},
        {"slack:close", 200, SIM_CLOSE, 0},
        {"slack:close-posted", 200, SIM_CLOSE, 1},
        {"slack:error", 200, SIM_SEND, 0},
        {"slack:error,posted=true", 200, SIM_SEND, 1},
        {"slack:rst", 200, SIM_RESET, 1},
        {"slack:stall,ms=5000", 200, SIM_SEND, 1},
        {"slack:html,status=502", 502, SIM_SEND, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *arguments[] = {"--fault", cases[i].fault, NULL};
        struct sim_fixture f;
        struct sim_response r;
        fixture_start(&f, arguments);
        fixture_raw(&f, "POST", "/api/auth.test", "", NULL, "Bearer xoxb-demo", &r); /* is not concerned */
        assert_non_null(strstr(r.body.data, "\"ok\":true"));
        sim_response_fini(&r);
        fixture_raw(&f, "POST", "/api/chat.postMessage", "", "{\"channel\":\"C0DEMO\",\"text\":\"x\"}",
                    "Bearer xoxb-demo", &r);
        assert_int_equal(r.status, cases[i].status);
        assert_int_equal(r.delivery, cases[i].delivery);
        assert_int_equal(f.sim->channels.n, cases[i].posted);
        if (strstr(cases[i].fault, ":error"))
            assert_non_null(strstr(r.body.data, "\"internal_error\""));
        sim_response_fini(&r);
        fixture_stop(&f);
    }
}

static void page_escapes_everything(void **state)
{
    static const struct {
        const char *mrkdwn, *html;
    } cases[] = {
        {"a *b* _c_ ~d~ `e`", "a <b>b</b> <i>c</i> <s>d</s> <code>e</code>"},
        {"2*3*4 snake_case_name", "2*3*4 snake_case_name"},
        {"<https://x.example/?a=1&amp;b=2|La *bel*>",
         "<a rel=\"noreferrer\" href=\"https://x.example/?a=1&amp;b=2\">La *bel*</a>"},
        {"<javascript:alert(1)|x>", "<b class=\"mention\">x</b>"},
        {"<https://x\" onclick=\"a>", "<a rel=\"noreferrer\" href=\"https://x&quot; "
                                      "onclick=&quot;a\">https://x&quot; onclick=&quot;a</a>"},
        {"<!channel> <@U1>", "<b class=\"mention\">@channel</b> <b class=\"mention\">@U1</b>"},
        {"&lt;script&gt; & \"q\" 'r'", "&lt;script&gt; &amp; &quot;q&quot; &#39;r&#39;"},
        {"<script", "&lt;script"},
        {"<>", "<b class=\"mention\"></b>"},
        {"one\ntwo", "one<br>two"},
        {"*not\nbold*", "*not<br>bold*"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bw_buf b;
        bw_buf_init(&b, 4096);
        sim_page_mrkdwn(&b, cases[i].mrkdwn);
        assert_string_equal(bw_buf_str(&b), cases[i].html);
        bw_buf_fini(&b);
    }
}

static void channel_page_shows_blocks(void **state)
{
    struct sim_fixture f;
    struct sim_response r;
    (void)state;
    fixture_start(&f, words);
    fixture_raw(&f, "POST", "/api/chat.postMessage", "",
                "{\"channel\":\"C0DEMO\",\"text\":\"plain\",\"blocks\":["
                "{\"type\":\"header\",\"text\":{\"type\":\"plain_text\",\"text\":\"<Head>\"}},"
                "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":\"*bold*\"}},"
                "{\"type\":\"context\",\"elements\":[{\"type\":\"mrkdwn\",\"text\":\"small\"}]}]}",
                "Bearer xoxb-demo", &r);
    assert_non_null(strstr(r.body.data, "\"ok\":true"));
    sim_response_fini(&r);
    fixture_raw(&f, "GET", "/channel", "channel=C0DEMO", NULL, NULL, &r);
    assert_non_null(strstr(r.body.data, "<div class=\"h\">&lt;Head&gt;</div>"));
    assert_non_null(strstr(r.body.data, "<b>bold</b>"));
    assert_non_null(strstr(r.body.data, "small"));
    assert_non_null(strstr(r.body.data, "http-equiv=\"refresh\""));
    sim_response_fini(&r);
    fixture_raw(&f, "GET", "/channel", "channel=<x>&refresh=0", NULL, NULL, &r);
    assert_null(strstr(r.body.data, "<x>"));
    assert_null(strstr(r.body.data, "http-equiv"));
    assert_null(strstr(r.body.data, "Head"));
    sim_response_fini(&r);
    fixture_stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_limits),
        cmocka_unit_test(fifty_blocks),
        cmocka_unit_test(metadata),
        cmocka_unit_test(errors),
        cmocka_unit_test(history_pages),
        cmocka_unit_test(threads),
        cmocka_unit_test(history_window_and_metadata),
        cmocka_unit_test(scopes),
        cmocka_unit_test(timestamps_increase),
        cmocka_unit_test(rate_is_limited_per_channel),
        cmocka_unit_test(rate_answers_429),
        cmocka_unit_test(webhook),
        cmocka_unit_test(faults_with_and_without_posting),
        cmocka_unit_test(page_escapes_everything),
        cmocka_unit_test(channel_page_shows_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
