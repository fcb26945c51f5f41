/* Slack's methods: arguments, token, scopes, rate, answers. See slack.h. */
#include "slack.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sim_slack_serves(const char *path)
{
    return strncmp(path, "/api/", 5) == 0 || strncmp(path, "/services/", 10) == 0;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void decode_form(char *s)
{
    char *out = s;
    for (; *s; s++) {
        if (*s == '+') {
            *out++ = ' ';
        } else if (*s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
            *out++ = (char)(hex(s[1]) * 16 + hex(s[2]));
            s += 2;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
}

static struct json_object *form_args(const char *body)
{
    struct json_object *o = json_object_new_object();
    char *copy = bw_strdup(body);
    char *rest = copy;
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        char *value = pair;
        char *name = strsep(&value, "=");
        if (!*name)
            continue;
        decode_form(name);
        if (value)
            decode_form(value);
        json_object_object_add(o, name, json_object_new_string(value ? value : ""));
    }
    free(copy);
    return o;
}

static struct json_object *parse_whole(const char *text, size_t len)
{
    struct json_tokener *t = json_tokener_new_ex(32);
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *o = json_tokener_parse_ex(t, text, (int)len);
    if (json_tokener_get_error(t) != json_tokener_success) {
        json_object_put(o);
        o = NULL;
    }
    json_tokener_free(t);
    return o;
}

/* In forms, the structured arguments are JSON in a field. */
static bool parse_field(struct json_object *args, const char *name)
{
    const char *text = sim_json_str(args, name, NULL);
    if (!text)
        return true;
    struct json_object *o = parse_whole(text, strlen(text));
    if (!o)
        return false;
    json_object_object_add(args, name, o);
    return true;
}

static struct json_object *query_args(const struct sim_request *request)
{
    struct json_object *o = json_object_new_object();
    for (size_t i = 0; i < request->n_args; i++)
        json_object_object_add(o, request->args[i].name, json_object_new_string(request->args[i].value));
    return o;
}

bool sim_slack_flag(struct json_object *args, const char *name)
{
    const char *text = sim_json_str(args, name, NULL);
    return text ? strcmp(text, "true") == 0 || strcmp(text, "1") == 0 : sim_json_bool(args, name, false);
}

bool sim_slack_read_args(struct sim_slack_call *call)
{
    const char *type = call->request->content_type ? call->request->content_type : "";
    const char *body = bw_buf_str(&call->request->body);
    if (call->request->body.len == 0) {
        call->args = query_args(call->request);
    } else if (strncasecmp(type, "application/json", 16) == 0) {
        call->args = parse_whole(body, call->request->body.len);
        if (!call->args)
            call->error = "invalid_json";
        else if (!json_object_is_type(call->args, json_type_object))
            call->error = "json_not_object";
    } else if (strncasecmp(type, "application/x-www-form-urlencoded", 33) == 0) {
        call->args = form_args(body);
        if (!parse_field(call->args, "blocks"))
            call->error = "invalid_blocks_format";
        else if (!parse_field(call->args, "metadata"))
            call->error = "invalid_metadata_format";
        else if (!parse_field(call->args, "attachments"))
            call->error = "invalid_attachments";
    } else {
        call->error = *type ? "invalid_post_type" : "missing_post_type";
    }
    return call->error == NULL;
}

static bool has_scope(const struct sim *sim, const char *scope)
{
    size_t n = strlen(scope);
    for (const char *s = sim->args->scopes; s && *s; s = strchr(s, ',') ? strchr(s, ',') + 1 : NULL)
        if (strncmp(s, scope, n) == 0 && (s[n] == ',' || s[n] == '\0'))
            return true;
    return false;
}

static bool authorised(struct sim_slack_call *call)
{
    const char *wanted = call->sim->args->slack_token;
    const char *header = call->request->authorization;
    if (!header || strncasecmp(header, "Bearer ", 7) != 0 || !header[7]) {
        call->error = "not_authed";
        return false;
    }
    if (strcmp(wanted, "any") != 0 && strcmp(header + 7, wanted) != 0) {
        call->error = "invalid_auth";
        return false;
    }
    return true;
}

static bool allowed(struct sim_slack_call *call, const char *scope)
{
    if (has_scope(call->sim, scope))
        return true;
    call->error = "missing_scope";
    json_object_object_add(call->out, "needed", json_object_new_string(scope));
    json_object_object_add(call->out, "provided", json_object_new_string(call->sim->args->scopes));
    return false;
}

static void auth_test(struct sim_slack_call *call)
{
    static const char *const pairs[][2] = {{"url", "https://simulated.slack.com/"},
                                           {"team", "Simulated"},
                                           {"user", "badgewatch"},
                                           {"team_id", "T000"},
                                           {"user_id", "U000BOT"},
                                           {"bot_id", "B000BOT"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        json_object_object_add(call->out, pairs[i][0], json_object_new_string(pairs[i][1]));
}

static void add_warning(struct sim_slack_call *call, const char *warning)
{
    struct json_object *meta = sim_json_get(call->out, "response_metadata");
    if (!meta) {
        meta = json_object_new_object();
        json_object_object_add(call->out, "response_metadata", meta);
    }
    struct json_object *list = sim_json_get(meta, "warnings");
    if (!list) {
        list = json_object_new_array();
        json_object_object_add(meta, "warnings", list);
        json_object_object_add(call->out, "warning", json_object_new_string(warning));
    }
    json_object_array_add(list, json_object_new_string(warning));
}

static void post_message(struct sim_slack_call *call)
{
    struct json_object *message = NULL;
    const char *channel = sim_json_str(call->args, "channel", "");
    if (!allowed(call, "chat:write"))
        return;
    call->error = sim_slack_post(call, channel, &message);
    if (call->error)
        return;
    json_object_object_add(call->out, "channel", json_object_new_string(channel));
    json_object_object_add(call->out, "ts", json_object_new_string(sim_json_str(message, "ts", "")));
    json_object_object_add(call->out, "message", sim_slack_echo(message, true));
    if (sim_json_bool(message, "truncated", false))
        add_warning(call, "message_truncated");
}

static void run_method(struct sim_slack_call *call)
{
    if (strcmp(call->method, "api.test") == 0)
        return;
    if (!authorised(call))
        return;
    if (strcmp(call->method, "auth.test") == 0)
        auth_test(call);
    else if (strcmp(call->method, "chat.postMessage") == 0)
        post_message(call);
    else if (strcmp(call->method, "conversations.history") != 0 &&
             strcmp(call->method, "conversations.replies") != 0)
        call->error = "unknown_method";
    else if (allowed(call, "channels:history"))
        (strcmp(call->method, "conversations.replies") == 0 ? sim_slack_replies : sim_slack_history)(call);
}

static void answer_method(struct sim_slack_call *call)
{
    const char *type = call->request->content_type;
    bool ok = call->error == NULL;
    if (type && strncasecmp(type, "application/json", 16) == 0 && !strcasestr(type, "charset") && ok)
        add_warning(call, "missing_charset");
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "ok", json_object_new_boolean(ok));
    if (!ok)
        json_object_object_add(o, "error", json_object_new_string(call->error));
    json_object_object_foreach(call->out, key, value) json_object_object_add(o, key, json_object_get(value));
    if (strcmp(call->error ? call->error : "", "ratelimited") == 0)
        call->response->status = 429;
    /* Slack writes "\/", which json-c does as well unless told not to */
    sim_response_text(call->response, call->response->status, "application/json; charset=utf-8",
                      json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    json_object_put(o);
}

/* Plain text answers with statuses that mean something. */
static void answer_webhook(struct sim_slack_call *call)
{
    static const struct {
        const char *error;
        int status;
    } statuses[] = {{"no_service", 404},        {"channel_not_found", 404}, {"channel_is_archived", 410},
                    {"action_prohibited", 403}, {"invalid_token", 403},     {"ratelimited", 429},
                    {"internal_error", 500}};
    int status = call->error ? 400 : 200;
    for (size_t i = 0; call->error && i < sizeof statuses / sizeof statuses[0]; i++)
        if (strcmp(call->error, statuses[i].error) == 0)
            status = statuses[i].status;
    sim_response_text(call->response, status, "text/html", call->error ? call->error : "ok");
}

static void run_webhook(struct sim_slack_call *call)
{
    struct json_object *message = NULL;
    if (strcmp(call->request->path, call->sim->args->webhook) != 0) {
        call->error = "no_service";
        return;
    }
    if (strcmp(call->request->method, "POST") != 0 || !sim_slack_read_args(call)) {
        call->error = "invalid_payload";
        return;
    }
    const char *payload = sim_json_str(call->args, "payload", NULL);
    if (payload) {
        struct json_object *o = parse_whole(payload, strlen(payload));
        json_object_put(call->args);
        call->args = o;
        if (!json_object_is_type(o, json_type_object)) {
            call->error = "invalid_payload";
            return;
        }
    }
    call->error = sim_slack_post(call, call->sim->args->channels[0], &message);
}

static void log_call(const struct sim_slack_call *call)
{
    struct json_object *e = json_object_new_object();
    char at[BW_TIME_TEXT];
    int64_t now = bw_wall_now().ms;
    bw_time_format_ms(now, at);
    json_object_object_add(e, "service", json_object_new_string("slack"));
    json_object_object_add(e, "time", json_object_new_string(at));
    json_object_object_add(e, "received_ms", json_object_new_int64(now));
    json_object_object_add(e, "method", json_object_new_string(call->method));
    json_object_object_add(e, "status", json_object_new_int(call->response->status));
    json_object_object_add(e, "error", call->error ? json_object_new_string(call->error) : NULL);
    json_object_object_add(e, "fault",
                           call->fault ? json_object_new_string(sim_fault_name(call->fault->kind)) : NULL);
    sim_log_add(&call->sim->log, e);
}

static void carry_out(struct sim_slack_call *call, bool webhook)
{
    if (call->fault && !call->fault->posted) {
        if (call->fault->kind == SIM_F_ERROR)
            call->error = call->fault->error;
        else if (call->fault->kind == SIM_F_STATUS && call->fault->status == 429)
            call->error = "ratelimited";
        return;
    }
    if (webhook)
        run_webhook(call);
    else if (sim_slack_read_args(call))
        run_method(call);
    if (call->fault && call->fault->kind == SIM_F_ERROR) /* posted, and an error all the same */
        call->error = call->fault->error;
}

void sim_slack_handle(struct sim *sim, struct sim_request *request, struct sim_response *response)
{
    bool webhook = strncmp(request->path, "/services/", 10) == 0;
    struct sim_slack_call call = {.sim = sim,
                                  .request = request,
                                  .response = response,
                                  .method = webhook ? "webhook" : request->path + 5,
                                  .out = json_object_new_object()};
    response->date_ms = bw_wall_now().ms;
    response->gzip = request->accept_gzip;
    /* the webhook is another way to post, so that one fault list serves both */
    call.fault = sim_faults_request(&sim->faults, SIM_SLACK, webhook ? "chat.postMessage" : call.method);
    carry_out(&call, webhook);
    if (webhook)
        answer_webhook(&call);
    else
        answer_method(&call);
    sim_response_header(response, "X-OAuth-Scopes", sim->args->scopes);
    sim_response_header(response, "Cache-Control", "private, no-cache, no-store, must-revalidate");
    if (call.fault)
        sim_apply_fault(call.fault, response);
    log_call(&call);
    json_object_put(call.args);
    json_object_put(call.out);
}
