/* A look at Redis each second: the script says what is to be decided and told. */
#include "guard.h"

#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "badgewatch/codec/state_json.h"
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000
#define AT_ONCE "50" /* products whose losses are decided in one look */

struct bw_guard {
    struct bw_context *cx;
    struct bw_stage *stage;
    struct bw_guard_port port;
    struct bw_timer *timer;
    struct bw_guard_view view;
    bool asked;
    size_t telling;
    bool stopping;
};

/* ---- the two messages ---- */

static void on_said(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_guard *g = ctx;
    g->telling--;
    if (err == BW_OK && reply->type == BW_REPLY_INTEGER && reply->integer == 1)
        g->port.queued(g->port.ctx);
}

static void write_begin(const struct bw_guard_view *v, const char *since, struct bw_buf *lines)
{
    bw_buf_addf(lines, "Since: %s\n", since);
    bw_buf_addf(
        lines,
        "What: within ten minutes %lld of about %lld badges lost their rank, and %lld of %lld products "
        "gave no usable answer\n",
        (long long)v->lost, (long long)v->held, (long long)v->unknown, (long long)v->seen);
    bw_buf_adds(lines,
                "Meaning: so many at once is a fault of the source, not of the products. Losses for want of "
                "a rank are held back; losses to another product and gains are told as ever\n"
                "To do: nothing. These products are asked about every ten minutes; what has no rank after "
                "24 hours is told as lost\n");
}

static void write_end(const struct bw_guard_view *v, const char *since, struct bw_buf *lines)
{
    char words[BW_TIME_TEXT];
    bw_duration_words((bw_wall_now().ms - v->since_ms) / 1000, words);
    bw_buf_addf(lines, "It was ill since %s (%s). ", since, words);
    if (v->guarded != 0)
        bw_buf_addf(lines,
                    "Without a rank still, and held back: %lld badge%s. Asked about every ten minutes; what "
                    "has no rank after 24 hours is told as lost. Of the others it is known what became of "
                    "them: ",
                    (long long)v->guarded, v->guarded == 1 ? "" : "s");
    else
        bw_buf_adds(lines, "Of every badge that was held back it is known what became of it: ");
    bw_buf_adds(lines, "back at #1 it was never lost, else its loss was told.\n");
}

static void tell(struct bw_guard *g, bool begins, const char *since_ms)
{
    const struct bw_guard_view *v = &g->view;
    const struct bw_keys *k = &g->cx->keys;
    char key[64], id[BW_UUID_TEXT], since[BW_TIME_TEXT];
    struct bw_buf lines;
    bool somebody = bw_slack_mode(g->cx->conf) != BW_SLACK_OFF;
    snprintf(key, sizeof(key), "system:source:%s:%s", begins ? "down" : "up", since_ms);
    bw_note_id(key, id);
    bw_time_words(v->since_ms / 1000, since);
    bw_buf_init(&lines, 4096);
    if (begins)
        write_begin(v, since, &lines);
    else
        write_end(v, since, &lines);
    const char *headline = begins ? "🟠 badgewatch: Keepa's data is ill, losses are held back"
                                  : "🟢 badgewatch: Keepa's data is well again";
    const char *argv[] = {k->guard,           k->outbox, k->untold, begins ? "begin" : "end", since_ms,
                          somebody ? id : "", key,       headline,  bw_buf_str(&lines)};
    if (bw_redis_eval(g->cx->redis, &bw_script_guard_say, 3, 9, argv, NULL, on_said, g) == BW_OK)
        g->telling++;
    bw_buf_fini(&lines);
}

/* ---- what the script said ---- */

static int64_t number(const struct bw_reply *r)
{
    return r->type == BW_REPLY_INTEGER  ? r->integer
           : r->type == BW_REPLY_STRING ? strtoll(r->str, NULL, 10)
                                        : 0;
}

static void settle(struct bw_guard *g, const char *member, const struct bw_reply *text)
{
    struct bw_product_key key;
    struct bw_state state;
    struct bw_error error;
    if (bw_product_key_parse(member, &key, NULL) != BW_OK)
        return;
    if (bw_state_decode(text->str, text->len, &key, &state, &error) != BW_OK) {
        bw_log_error("guard", "the stored state of %s cannot be read: %s", member, error.text);
        return;
    }
    bw_stage_settle(g->stage, &key, &state, g->view.since_ms != 0);
}

static void show(struct bw_guard *g, const struct bw_reply *e)
{
    struct bw_guard_view *v = &g->view;
    bool was_ill = v->since_ms != 0;
    *v = (struct bw_guard_view){.since_ms = number(&e[0]),
                                .lost = number(&e[2]),
                                .held = number(&e[3]),
                                .unknown = number(&e[4]),
                                .seen = number(&e[5]),
                                .guarded = number(&e[7])};
    g->cx->source_ill = v->since_ms != 0;
    bw_metric_set(g->cx->counters.source_ill, v->since_ms != 0);
    bw_metric_set(g->cx->counters.badges_guarded, (double)v->guarded);
    if (!was_ill && v->since_ms != 0)
        bw_log_warning(
            "guard",
            "the source is ill: %lld of about %lld badges without a rank, %lld of %lld products without "
            "a usable answer; such losses are held back",
            (long long)v->lost, (long long)v->held, (long long)v->unknown, (long long)v->seen);
    else if (was_ill && v->since_ms == 0)
        bw_log_info("guard", "the source is well again");
}

static void on_look(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_guard *g = ctx;
    g->asked = false;
    if (err != BW_OK || g->stopping)
        return;
    if (reply->type != BW_REPLY_ARRAY || reply->n != 9 || reply->elements[8].type != BW_REPLY_ARRAY) {
        if (reply->type == BW_REPLY_ERROR && bw_redis_writable(g->cx->redis))
            bw_log_error("guard", "redis refused: %s", reply->str);
        return;
    }
    const struct bw_reply *e = reply->elements, *states = &e[8];
    show(g, e);
    for (size_t i = 0; i + 1 < states->n; i += 2)
        settle(g, states->elements[i].str, &states->elements[i + 1]);
    if (states->n > 0)
        bw_stage_send(g->stage);
    if (e[1].str && e[1].str[0] && e[0].str)
        tell(g, strcmp(e[1].str, "begin") == 0, e[0].str);
}

static void on_tick(void *ctx)
{
    struct bw_guard *g = ctx;
    const struct bw_keys *k = &g->cx->keys;
    const char *argv[] = {k->guard,  k->badges, k->due,
                          k->leased, k->prefix, g->port.answers_come(g->port.ctx) ? "1" : "0",
                          AT_ONCE};
    if (!g->asked && bw_redis_writable(g->cx->redis))
        g->asked = bw_redis_eval(g->cx->redis, &bw_script_guard_look, 4, 7, argv, NULL, on_look, g) == BW_OK;
    bw_timer_start(g->timer, TICK_MS);
}

/* ---- life ---- */

struct bw_guard *bw_guard_new(struct bw_context *context, struct bw_stage *stage,
                              const struct bw_guard_port *port)
{
    struct bw_guard *g = bw_alloc(sizeof(*g));
    g->cx = context;
    g->stage = stage;
    g->port = *port;
    g->timer = bw_timer_new(context->loop, on_tick, g);
    return g;
}

void bw_guard_start(struct bw_guard *g)
{
    bw_timer_start(g->timer, TICK_MS);
}

void bw_guard_stop(struct bw_guard *g)
{
    g->stopping = true;
    bw_timer_stop(g->timer);
}

const struct bw_guard_view *bw_guard_view(const struct bw_guard *g)
{
    return &g->view;
}

bool bw_guard_quiet(const struct bw_guard *g)
{
    return !g->asked && g->telling == 0;
}

void bw_guard_free(struct bw_guard *g)
{
    if (!g)
        return;
    bw_timer_free(g->timer);
    free(g);
}
