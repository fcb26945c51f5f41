/* `badgewatch check` and `badgewatch notify-test`. */
#include "badgewatch/app/migrate.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/status/status.h"
#include "command.h"
#include "remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool line(const char *part, bool ok, const char *text)
{
    printf("%-14s %s %s\n", part, ok ? "ok    " : "FAILED", text);
    return ok;
}

/* They were read, or no command would run. What only the daemon can refuse is asked here. */
static bool check_settings(const struct bw_conf *conf)
{
    struct bw_error error;
    char text[sizeof(error.text) + 32];
    const struct bw_status_options port = {
        .listen = conf->listen, .token = conf->status_token, .open = conf->status_open};
    if (bw_status_check(&port, &error) == BW_OK)
        return line("settings", true, conf->path[0] ? conf->path : "from the environment and defaults");
    snprintf(text, sizeof(text), "BADGEWATCH_LISTEN: %s", error.text);
    return line("settings", false, text);
}

/* ---- Redis: written to and read from, since a full disk refuses writes only ---- */

struct number {
    long long value;
};

static void on_number(void *ctx, const struct bw_reply *reply)
{
    struct number *n = ctx;
    n->value = reply->type == BW_REPLY_INTEGER  ? reply->integer
               : reply->type == BW_REPLY_STRING ? strtoll(reply->str, NULL, 10)
                                                : 0;
}

static bool check_redis(struct session *s)
{
    char key[BW_KEY_MAX], text[256];
    struct number aside = {0}, behind = {0}, bytes = {0}, ill = {0};
    snprintf(key, sizeof(key), "%scheck", s->keys.prefix);
    const char *write[] = {"SET", key, "1", "PX", "1000"};
    const char *set_aside[] = {"XLEN", s->keys.set_aside};
    const char *backlog[] = {"XLEN", s->keys.history};
    const char *staged[] = {"GET", s->keys.staged_bytes};
    const char *guard[] = {"HGET", s->keys.guard, "since"};
    if (!session_command(s, 3, guard, on_number, &ill) || !session_command(s, 5, write, NULL, NULL) ||
        !session_command(s, 2, set_aside, on_number, &aside) ||
        !session_command(s, 2, backlog, on_number, &behind) ||
        !session_command(s, 2, staged, on_number, &bytes))
        return line("Redis", false, s->why);
    if (ill.value != 0)
        line("Keepa's data", true, "ill: so much vanished at once that losses of badges are held back");
    bool full = bytes.value > s->conf->stage_limit;
    snprintf(text, sizeof(text), "%lld entries wait for Postgres%s, %lld set aside%s%s%s", behind.value,
             full ? ", more than BADGEWATCH_STAGE_LIMIT: checks wait" : "", aside.value,
             aside.value ? " (why: XRANGE " : "", aside.value ? s->keys.set_aside : "",
             aside.value ? " - +)" : "");
    return line("Redis", aside.value == 0 && !full, text);
}

/* ---- Postgres ---- */

struct schema {
    bool done;
    bool ok;
    char text[512];
};

static void on_schema(void *ctx, enum bw_err err, const char *message)
{
    struct schema *c = ctx;
    c->done = true;
    c->ok = err == BW_OK;
    snprintf(c->text, sizeof(c->text), "%s", message);
}

static void on_products(void *ctx, const struct bw_pg_result *rows)
{
    struct schema *c = ctx;
    snprintf(c->text, sizeof(c->text), "%s products are tracked, %s of them active", bw_pg_value(rows, 0, 0),
             bw_pg_value(rows, 0, 1));
}

static bool check_postgres(struct session *s)
{
    struct schema c = {0};
    if (!session_postgres(s))
        return line("Postgres", false, s->why);
    bw_migrate_check(s->pg, on_schema, &c);
    if (!session_wait(s, &c.done, SESSION_WAIT_MS))
        return line("Postgres", false, "no answer in time");
    if (c.ok)
        c.ok = session_query(s, "SELECT count(*), count(*) FILTER (WHERE is_active) FROM tracked_asins", 0,
                             NULL, on_products, &c);
    return line("Postgres", c.ok, s->why[0] ? s->why : c.text);
}

/* A line for each channel that a route names; a channel of several routes is looked at once. */
static bool check_routes(struct session *s)
{
    const struct bw_conf *conf = s->conf;
    bool ok = true;
    for (size_t i = 0; conf->slack_bot_token[0] && i < conf->n_routes; i++) {
        const char *channel = conf->routes[i].channel;
        struct finding f;
        char text[sizeof(f.text) + 400];
        bool seen = channel[0] == '\0';
        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(conf->routes[k].channel, channel) == 0;
        if (seen)
            continue;
        slack_channel_test(s, channel, &f);
        snprintf(text, sizeof(text), "%s (tag=%s): %s", channel, conf->routes[i].tag, f.text);
        ok = line("route", f.ok, text) && ok;
    }
    return ok;
}

int run_check(struct invocation *in)
{
    struct session s;
    struct finding keepa, slack;
    if (in->argc > 0)
        return usage_error(in->command, "no arguments were expected");
    bool settings = check_settings(in->conf);
    session_open(&s, in->conf);
    s.keep = true;
    bool redis = check_redis(&s);
    s.why[0] = '\0';
    bool postgres = check_postgres(&s);
    keepa_token_status(&s, &keepa);
    line("Keepa", keepa.ok, keepa.text);
    slack_auth_test(&s, &slack);
    line("Slack", slack.ok, slack.text);
    bool routes = !slack.ok || check_routes(&s);
    session_close(&s);
    return settings && redis && postgres && keepa.ok && slack.ok && routes ? EXIT_OK : EXIT_FAILED;
}

int run_notify_test(struct invocation *in)
{
    struct session s;
    struct finding posted;
    if (in->argc > 0)
        return usage_error(in->command, "no arguments were expected");
    session_open(&s, in->conf);
    slack_post_test(&s, &posted);
    session_close(&s);
    if (!posted.ok)
        return failure("Slack: %s", posted.text);
    printf("%s\n", posted.text);
    return EXIT_OK;
}
