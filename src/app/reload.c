/* A look at Redis each second: a person waits for the answer. */
#include "reload.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS    1000
#define TEXT_MAX   4096 /* of an answer: all names of settings fit */
#define NUMBER_MAX 64

extern char **environ;

struct bw_reload {
    struct bw_context *cx;
    struct bw_conf *conf;
    const char *path;
    void (*applied)(void *ctx);
    void *ctx;
    struct bw_conf first; /* with which the daemon began; empty until something else is in force */
    bool changed;         /* it is not */
    struct bw_timer *timer;
    char asked[NUMBER_MAX]; /* by whom last */
    bool stopping;
};

/* ---- the settings ---- */

static void tell_differences(const struct bw_conf *before, const struct bw_conf *now, struct bw_reload *r,
                             struct bw_buf *out)
{
    struct bw_buf names;
    bw_buf_init(&names, TEXT_MAX);
    bw_conf_differences(before, now, false, &names);
    bw_buf_addf(out, "settings read again; %s%s", names.len ? "changed: " : "nothing is different",
                bw_buf_str(&names));
    bw_buf_clear(&names);
    bw_conf_differences(&r->first, now, true, &names);
    if (names.len)
        bw_buf_addf(out, "; in force at the next start: %s", bw_buf_str(&names));
    snprintf(r->cx->awaits_restart, sizeof(r->cx->awaits_restart), "%s", bw_buf_str(&names));
    bw_buf_fini(&names);
}

static bool reload(struct bw_reload *r, const char *why, struct bw_buf *out)
{
    struct bw_conf fresh, before = *r->conf;
    struct bw_error error;
    if (bw_conf_load(&fresh, environ, r->path, &error) != BW_OK) {
        bw_buf_addf(out, "settings refused, the old ones stay: %s", error.text);
        bw_log_error("daemon", "%s: %s", why, bw_buf_str(out));
        return false;
    }
    if (!r->changed)
        r->first = before;
    *r->conf = fresh;
    tell_differences(&before, r->conf, r, out);
    if (r->changed)
        bw_conf_fini(&before);
    r->changed = true;
    bw_log_configure(r->conf->log_level, r->conf->log_format);
    bw_conf_warn(r->conf);
    bw_log_info("daemon", "%s: %s", why, bw_buf_str(out));
    if (!r->stopping)
        r->applied(r->ctx);
    return true;
}

void bw_reload_now(struct bw_reload *r, const char *why)
{
    struct bw_buf text;
    bw_buf_init(&text, TEXT_MAX);
    (void)reload(r, why, &text); /* the log says it */
    bw_buf_fini(&text);
}

/* ---- asked for in Redis ---- */

static void answer(struct bw_reload *r)
{
    struct bw_buf text, value;
    bw_buf_init(&text, TEXT_MAX);
    bw_buf_init(&value, (size_t)2 * TEXT_MAX);
    bool ok = reload(r, "asked by badgewatch reload", &text);
    bw_buf_addf(&value, "%s %s %s", r->asked, ok ? "ok" : "refused", bw_buf_str(&text));
    const char *argv[] = {"HSET", r->cx->keys.reload, r->cx->id, bw_buf_str(&value)};
    if (bw_redis_command(r->cx->redis, 4, argv, NULL, NULL, NULL) != BW_OK)
        bw_log_warning("daemon", "whoever asked for a reload is not told: Redis is not connected");
    bw_buf_fini(&text);
    bw_buf_fini(&value);
}

static void on_asked(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_reload *r = ctx;
    if (err != BW_OK || reply->type == BW_REPLY_ERROR || r->stopping)
        return;
    const char *asked = reply->type == BW_REPLY_STRING ? reply->str : "";
    bool is_new = asked[0] && strcmp(asked, r->asked) != 0;
    snprintf(r->asked, sizeof(r->asked), "%s", asked);
    if (is_new)
        answer(r);
}

static void on_tick(void *ctx)
{
    struct bw_reload *r = ctx;
    const char *argv[] = {"HGET", r->cx->keys.reload, "asked"};
    if (bw_redis_ready(r->cx->redis) && bw_redis_command(r->cx->redis, 3, argv, NULL, on_asked, r) != BW_OK)
        bw_log_debug("daemon", "nobody can ask for a reload: Redis is not connected");
    bw_timer_start(r->timer, TICK_MS);
}

/* ---- life ---- */

struct bw_reload *bw_reload_new(struct bw_context *context, struct bw_conf *conf, const char *path,
                                void (*applied)(void *ctx), void *ctx)
{
    struct bw_reload *r = bw_alloc(sizeof(*r));
    r->cx = context;
    r->conf = conf;
    r->path = path;
    r->applied = applied;
    r->ctx = ctx;
    r->timer = bw_timer_new(context->loop, on_tick, r);
    return r;
}

void bw_reload_start(struct bw_reload *r)
{
    bw_timer_start(r->timer, 1);
}

void bw_reload_stop(struct bw_reload *r)
{
    r->stopping = true;
    bw_timer_stop(r->timer);
}

void bw_reload_free(struct bw_reload *r)
{
    if (!r)
        return;
    if (r->changed)
        bw_conf_fini(&r->first);
    bw_timer_free(r->timer);
    free(r);
}
