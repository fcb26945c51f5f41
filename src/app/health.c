/* One timer; news are rare, so each carries its own texts. */
#include "health.h"

#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "badgewatch/core/change.h"
#include "badgewatch/core/health.h"
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_MS     10000
#define RECONNECT_MS 10000

struct bw_health_watch {
    struct bw_context *cx;
    struct bw_health_port port;
    struct bw_timer *timer;
    struct bw_health parts[BW_PARTS];
    char why[BW_PARTS][256]; /* of the last failing check */
    bool seen[BW_PARTS];     /* was found working since the start */
    size_t under_way;
    bool stopping;
};

/* What a person reads. */
static const struct {
    const char *name, *means, *todo;
} texts[BW_PARTS] = {
    [BW_PART_REDIS] = {"Redis",
                       "nothing is checked and no alert is sent; what moves meanwhile is found afterwards",
                       "look at the Redis server and at REDIS_URL"},
    [BW_PART_POSTGRES] = {"Postgres", "checks and alerts go on; history waits in Redis and is written later",
                          "look at the Postgres server, its disk, and at DATABASE_URL"},
    [BW_PART_SLACK] = {"Slack", "alerts wait, in order, and are sent when it is back",
                       "look at the app's token, its scopes, and whether it is in the channel"},
    [BW_PART_KEEPA] =
        {"Keepa", "products are not checked; they stay due, and what moves meanwhile is found afterwards",
         "look at KEEPA_API_KEY, the plan, and whether Keepa works"},
};

/* ---- the note ---- */

struct note {
    char key[64], id[BW_UUID_TEXT], headline[96];
    struct bw_buf lines;
};

static void make_note(const struct bw_health_watch *h, enum bw_part part, bool down, struct note *n)
{
    const struct bw_health *state = &h->parts[part];
    char since[BW_TIME_TEXT], words[BW_TIME_TEXT];
    snprintf(n->key, sizeof(n->key), "system:%s:%s:%lld", bw_part_name(part), down ? "down" : "up",
             (long long)state->since_ms);
    bw_note_id(n->key, n->id);
    snprintf(n->headline, sizeof(n->headline),
             down ? "🔴 badgewatch: %s is failing" : "🟢 badgewatch: %s works again", texts[part].name);
    bw_time_words(state->since_ms / 1000, since);
    bw_buf_init(&n->lines, 4096);
    if (down) {
        bw_buf_addf(&n->lines, "Since: %s\nWhat: %s\nMeaning: %s\nTo do: %s\n", since, h->why[part],
                    texts[part].means, texts[part].todo);
        return;
    }
    bw_duration_words((bw_wall_now().ms - state->since_ms) / 1000, words);
    if (state->since_ms != 0)
        bw_buf_addf(&n->lines, "It failed since %s (%s). The last reason: %s\n", since, words, h->why[part]);
    else
        bw_buf_adds(&n->lines, "It failed before this daemon was started.\n");
}

static void on_queued(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_health_watch *h = ctx;
    h->under_way--;
    if (err == BW_OK && reply->type == BW_REPLY_INTEGER && reply->integer == 1)
        h->port.queued(h->port.ctx);
}

static void queue(struct bw_health_watch *h, enum bw_part part, const char *what, bool down)
{
    const struct bw_keys *k = &h->cx->keys;
    struct note n;
    char ms[24], mark[BW_KEY_MAX];
    make_note(h, part, down, &n);
    /* they find Redis again up to a back-off apart, and look at it once in a while */
    snprintf(ms, sizeof(ms), "%lld", RECONNECT_MS + 2LL * (long long)h->cx->conf->health_every_ms);
    snprintf(mark, sizeof(mark), "%s:mark", k->health);
    const char *argv[] = {k->health, k->outbox, k->untold, mark,  what,       bw_part_name(part),  h->cx->id,
                          k->prefix, ms,        n.id,      n.key, n.headline, bw_buf_str(&n.lines)};
    if (bw_redis_eval(h->cx->redis, &bw_script_health, 4, 13, argv, NULL, on_queued, h) == BW_OK)
        h->under_way++;
    bw_buf_fini(&n.lines);
}

/* ---- Redis is away: without the queue ---- */

static void on_posted(void *ctx, const struct bw_slack_answer *a, struct bw_mono sent_at)
{
    struct bw_health_watch *h = ctx;
    (void)sent_at;
    h->under_way--;
    bw_counters_notification(&h->cx->counters, "system", a->class == BW_POSTED_OK ? "sent" : "retry");
    if (a->class != BW_POSTED_OK)
        bw_log_warning("health", "Slack was not told that Redis is failing: %s", a->error);
}

static void post(struct bw_health_watch *h)
{
    const struct bw_conf *conf = h->cx->conf;
    bool webhook = bw_slack_mode(conf) == BW_SLACK_WEBHOOK;
    struct bw_message_options options = {
        .channel = webhook ? "" : conf->slack_channel, .now_ms = bw_wall_now().ms, .metadata = !webhook};
    struct note n;
    struct bw_buf body;
    make_note(h, BW_PART_REDIS, true, &n);
    bw_buf_init(&body, 65536);
    bw_slack_note(n.headline, bw_buf_str(&n.lines), n.id, NULL, &options, &body);
    if (bw_slack_post(h->cx, bw_buf_str(&body), body.len, (struct bw_mono){bw_mono_now().ms + BEGIN_MS},
                      on_posted, h) == BW_OK)
        h->under_way++;
    bw_buf_fini(&body);
    bw_buf_fini(&n.lines);
}

static void on_claimed(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_health_watch *h = ctx;
    h->under_way--;
    if (!h->stopping && (answer->err != BW_OK || bw_pg_affected(answer->results[0]) == 1))
        post(h);
}

/* Whoever logs the attempt sends it. */
static void tell_without_redis(struct bw_health_watch *h)
{
    static const char claim[] =
        "INSERT INTO notification_log (dedupe, kind, channel, attempt, outcome, at)"
        " SELECT $1, 'system', nullif($2, ''), 1, 'direct', now() WHERE NOT EXISTS (SELECT FROM "
        "notification_log"
        " WHERE kind = 'system' AND dedupe LIKE 'system:redis:down:%' AND at > now() - $3::interval)"
        " ON CONFLICT DO NOTHING";
    char key[64], window[40];
    snprintf(key, sizeof(key), "system:redis:down:%lld", (long long)h->parts[BW_PART_REDIS].since_ms);
    snprintf(window, sizeof(window), "%lld milliseconds", 2LL * (long long)h->cx->conf->health_every_ms);
    const char *const params[] = {key, h->cx->conf->slack_channel, window};
    const struct bw_pg_statement statement = {claim, 3, params};
    if (bw_postgres_usable(h->cx) && bw_pg_submit(h->cx->pg, &statement, 1, on_claimed, h) == BW_OK)
        h->under_way++;
    else
        post(h);
}

/* ---- the checks ---- */

static void tell_down(struct bw_health_watch *h, enum bw_part part)
{
    bw_log_error("health", "%s is failing: %s", texts[part].name, h->why[part]);
    if (part == BW_PART_REDIS)
        tell_without_redis(h);
    else
        queue(h, part, part == BW_PART_SLACK ? "failing" : "down", true);
}

static void check(struct bw_health_watch *h, enum bw_part part)
{
    const char *reason = h->port.reason(h->port.ctx, part);
    if (reason[0])
        snprintf(h->why[part], sizeof(h->why[part]), "%s", reason);
    enum bw_health_news news = bw_health_judge(&h->parts[part], !reason[0], bw_wall_now().ms);
    bool first = !reason[0] && !h->seen[part]; /* a daemon that is gone may have said that it fails */
    h->seen[part] = h->seen[part] || !reason[0];
    if (bw_slack_mode(h->cx->conf) == BW_SLACK_OFF)
        return;
    if (news == BW_HEALTH_DOWN)
        tell_down(h, part);
    else if (news == BW_HEALTH_UP && part == BW_PART_REDIS)
        queue(h, part, "back", false);
    else if (news == BW_HEALTH_UP || (first && part != BW_PART_REDIS))
        queue(h, part, "up", false);
    if (news == BW_HEALTH_UP)
        bw_log_info("health", "%s works again", texts[part].name);
}

static void on_tick(void *ctx)
{
    struct bw_health_watch *h = ctx;
    for (int part = 0; part < BW_PARTS; part++)
        check(h, (enum bw_part)part);
    h->port.probe(h->port.ctx);
    bw_timer_start(h->timer, h->cx->conf->health_every_ms);
}

/* ---- life ---- */

struct bw_health_watch *bw_health_watch_new(struct bw_context *context, const struct bw_health_port *port)
{
    struct bw_health_watch *h = bw_alloc(sizeof(*h));
    h->cx = context;
    h->port = *port;
    h->timer = bw_timer_new(context->loop, on_tick, h);
    return h;
}

void bw_health_watch_start(struct bw_health_watch *h)
{
    bw_timer_start(h->timer, h->cx->conf->health_every_ms);
}

void bw_health_watch_stop(struct bw_health_watch *h)
{
    h->stopping = true;
    bw_timer_stop(h->timer);
}

bool bw_health_watch_quiet(const struct bw_health_watch *h)
{
    return h->under_way == 0;
}

void bw_health_watch_free(struct bw_health_watch *h)
{
    if (!h)
        return;
    bw_timer_free(h->timer);
    free(h);
}
