/* The delivery of alerts. A struct bw_delivery moves through the states of delivery.h; the notifier's timer and the
 * answers of Redis and Slack are all that moves it. All of its memory can be lost at any time: bw:changes has the
 * entries, bw:delivery the intentions. */
#include "notifier.h"

#include "args.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/backoff.h"
#include "badgewatch/base/log.h"
#include "badgewatch/codec/json.h"
#include "consumer.h"
#include "delivery.h"
#include "history.h"
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS        200
#define READ_MOST      100
#define DELIVERIES_MAX 1000 /* in memory; the stream holds the rest */
#define GATHER_MS      5000 /* a check whose other changes do not come is told with those that did */
#define PACE_MS        1000 /* Slack: one message a second a channel */
#define OPERATOR_MS    60000
#define LOOK_BACK_MS   60000 /* clocks differ; a message cannot be older than its intention by more */
#define SETTLE_MS      2000  /* before a second look: the history may lag a little behind the post */
#define LOOKS          2
#define KEEP_CHANGES   "1000"
#define ADOPT_TICKS    25
#define CHANNELS_MAX   32

struct channel {
    char name[64];
    struct bw_mono next; /* not before */
    bool busy;           /* a message is under way */
};

struct bw_notifier {
    struct bw_context *cx;
    struct bw_consumer *consumer;
    struct bw_timer *timer;
    struct bw_deliveries list;
    size_t n;
    size_t under_way; /* requests to Slack and Redis that will call back */
    struct channel channels[CHANNELS_MAX];
    size_t n_channels;
    struct bw_backoff backoff;
    unsigned ticks;
    bool stopping;
    bool told_off; /* that Slack is not configured was said */
    char reason[256];
};

static void work(struct bw_notifier *n);

static struct bw_mono in(int64_t ms)
{
    return (struct bw_mono){bw_mono_now().ms + ms};
}

/* The channel's pace. Beyond CHANNELS_MAX different ones the last slot is shared: slower, never faster. */
static struct channel *channel_of(struct bw_notifier *n, const char *name)
{
    for (size_t i = 0; i < n->n_channels; i++) {
        if (strcmp(n->channels[i].name, name) == 0)
            return &n->channels[i];
    }
    if (n->n_channels == CHANNELS_MAX)
        return &n->channels[CHANNELS_MAX - 1];
    struct channel *c = &n->channels[n->n_channels++];
    snprintf(c->name, sizeof(c->name), "%s", name);
    return c;
}

static void slack_state(struct bw_notifier *n, bool up, const char *reason)
{
    if (up && n->reason[0])
        bw_log_info("slack", "accepts messages again");
    else if (!up && strcmp(n->reason, reason) != 0)
        bw_log_error("slack", "%s", reason);
    snprintf(n->reason, sizeof(n->reason), "%s", up ? "" : reason);
    bw_counters_up(&n->cx->counters, BW_PART_SLACK, up);
    if (up)
        bw_counters_success(&n->cx->counters, BW_PART_SLACK);
}

static void log_attempt(struct bw_notifier *n, const struct bw_delivery *d, const char *outcome,
                        const char *error)
{
    bw_counters_notification(&n->cx->counters, "change", outcome);
    struct bw_buf doc;
    bw_buf_init(&doc, 65536);
    bw_delivery_attempt(d, outcome, error, bw_wall_now().ms, &doc);
    if (doc.overflow || bw_history_append(n->cx, "attempt", &doc) != BW_OK)
        bw_log_warning("slack", "an attempt (%s) is not in notification_log: redis is away", outcome);
    bw_buf_fini(&doc);
}

static void drop(struct bw_delivery *d)
{
    TAILQ_REMOVE(&d->notifier->list, d, link);
    d->notifier->n--;
    bw_delivery_free(d);
}

/* ---- recording ---- */

static void on_recorded(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_delivery *d = ctx;
    struct bw_notifier *n = d->notifier;
    n->under_way--;
    if (err == BW_OK && reply->type != BW_REPLY_ERROR) {
        drop(d);
        work(n);
        return;
    }
    if (err == BW_OK)
        bw_log_error("slack", "redis refused to record a message: %s", reply->str);
    d->state = BW_DELIVERY_RECORD; /* told.lua may be repeated: what it records has the same ids */
    d->next = in(1000);
}

static void record(struct bw_delivery *d)
{
    struct bw_notifier *n = d->notifier;
    const struct bw_keys *k = &n->cx->keys;
    const char *const head[] = {k->changes,      k->delivery,    k->history,
                                k->staged_bytes, BW_GROUP_SLACK, d->check};
    struct bw_args args;
    struct bw_buf doc;
    bw_args_init(&args);
    bw_buf_init(&doc, (size_t)4 << 20);
    for (size_t i = 0; i < 6; i++)
        bw_args_add(&args, head[i]);
    if (d->told_at_ms != 0)
        bw_told_encode(d->entries, d->n, d->channel, d->ts, d->told_at_ms, &doc);
    bw_args_add_bytes(&args, bw_buf_str(&doc), doc.len);
    bw_args_add(&args, KEEP_CHANGES);
    for (size_t i = 0; i < d->n; i++)
        bw_args_add(&args, d->ids[i]);
    if (bw_redis_eval(n->cx->redis, &bw_script_told, 4, args.n, args.values, args.lens, on_recorded, d) ==
        BW_OK) {
        d->state = BW_DELIVERY_RECORDING;
        n->under_way++;
    } else {
        d->state = BW_DELIVERY_RECORD;
        d->next = in(1000);
    }
    bw_buf_fini(&doc);
    bw_args_fini(&args);
}

static void told(struct bw_delivery *d, const char *outcome, const char *ts)
{
    struct bw_notifier *n = d->notifier;
    d->told_at_ms = bw_wall_now().ms;
    snprintf(d->ts, sizeof(d->ts), "%s", ts);
    for (size_t i = 0; i < d->n; i++) {
        double seconds = (double)(d->told_at_ms - d->entries[i].change.detected_at_ms) / 1000.0;
        bw_metric_observe(n->cx->counters.alert_delivery, seconds < 0 ? 0 : seconds);
    }
    log_attempt(n, d, outcome, "");
    slack_state(n, true, "");
    bw_backoff_reset(&n->backoff);
    record(d);
}

/* ---- the outcome of a post ---- */

static void set_aside(struct bw_delivery *d, const char *why)
{
    struct bw_notifier *n = d->notifier;
    const struct bw_keys *k = &n->cx->keys;
    bw_log_error("slack", "%s: the message was refused as it is, its changes are set aside: %s", d->check,
                 why);
    for (size_t i = 0; i < d->n; i++) {
        const char *argv[] = {k->changes, k->set_aside, k->staged_bytes, BW_GROUP_SLACK, d->ids[i], why, "0"};
        if (bw_redis_eval(n->cx->redis, &bw_script_set_aside, 3, 7, argv, NULL, NULL, NULL) == BW_OK)
            bw_metric_add(n->cx->counters.set_aside, 1);
    }
    drop(d); /* what Redis did not take is read again after it is back */
}

static void refused_payload(struct bw_delivery *d, const char *why)
{
    log_attempt(d->notifier, d, "payload", why);
    if (d->plain) {
        set_aside(d, why);
        return;
    }
    bw_log_error("slack", "%s: blocks refused (%s), sent once more as plain text", d->check, why);
    d->plain = true;
    d->state = BW_DELIVERY_READY;
    d->next = in(PACE_MS);
}

static void on_posted(void *ctx, const struct bw_slack_answer *a)
{
    struct bw_delivery *d = ctx;
    struct bw_notifier *n = d->notifier;
    struct channel *channel = channel_of(n, d->channel);
    char why[400];
    snprintf(why, sizeof(why), "%s%s%s", a->error, a->detail[0] ? ": " : "", a->detail);
    n->under_way--;
    channel->busy = false;
    channel->next = in(PACE_MS);
    switch (a->class) {
    case BW_SLACK_OK:
        told(d, "sent", a->ts);
        break;
    case BW_SLACK_RETRY: {
        int64_t wait = bw_backoff_next(&n->backoff, bw_random());
        d->next = channel->next = in(a->retry_after_ms > wait ? a->retry_after_ms : wait);
        d->state = BW_DELIVERY_READY;
        log_attempt(n, d, "retry", why);
        if (strcmp(a->error, "ratelimited") != 0 && strcmp(a->error, "rate_limited") != 0)
            slack_state(n, false, why);
        break;
    }
    case BW_SLACK_AMBIGUOUS:
        d->next = in(SETTLE_MS);
        d->state = BW_DELIVERY_UNSURE;
        d->looks = 0;
        log_attempt(n, d, "ambiguous", why);
        slack_state(n, false, why);
        break;
    case BW_SLACK_OPERATOR:
        d->next = channel->next = in(OPERATOR_MS);
        d->state = BW_DELIVERY_READY;
        log_attempt(n, d, "operator", why);
        slack_state(n, false, why);
        break;
    case BW_SLACK_PAYLOAD:
        refused_payload(d, why);
        break;
    }
    work(n);
}

/* ---- sending ---- */

static void post(struct bw_delivery *d)
{
    struct bw_notifier *n = d->notifier;
    struct bw_buf body;
    bw_buf_init(&body, 65536);
    bool webhook = bw_slack_mode(n->cx->conf) == BW_SLACK_WEBHOOK;
    if (!bw_delivery_body(d, webhook, bw_wall_now().ms, &body)) {
        channel_of(n, d->channel)->busy = false;
        set_aside(d, "the message does not fit");
    } else if (bw_slack_post(n->cx, bw_buf_str(&body), body.len, on_posted, d) == BW_OK) {
        d->state = BW_DELIVERY_SENDING;
        n->under_way++;
    } else {
        channel_of(n, d->channel)->busy = false;
        d->state = BW_DELIVERY_READY;
        d->next = in(1000);
    }
    bw_buf_fini(&body);
}

static void on_intended(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_delivery *d = ctx;
    struct bw_notifier *n = d->notifier;
    n->under_way--;
    if (err == BW_OK && reply->type != BW_REPLY_ERROR && !n->stopping) {
        post(d);
        return;
    }
    channel_of(n, d->channel)->busy = false;
    d->state = BW_DELIVERY_READY;
    d->next = in(1000);
}

/* Writes the intention before the request leaves: who finds it after a crash knows that the message may be out. */
static void intend(struct bw_delivery *d, struct channel *channel)
{
    struct bw_notifier *n = d->notifier;
    if (d->intended_at_ms == 0)
        d->intended_at_ms = bw_wall_now().ms;
    d->attempt++;
    struct bw_buf doc;
    struct bw_json json;
    bw_buf_init(&doc, 1024);
    bw_json_init(&json, &doc);
    bw_json_object(&json, NULL);
    bw_json_string(&json, "state", "sending");
    bw_json_string(&json, "channel", d->channel);
    bw_json_int(&json, "attempt", d->attempt);
    bw_json_int(&json, "at_ms", d->intended_at_ms);
    bw_json_object_end(&json);
    const char *argv[] = {"HSET", n->cx->keys.delivery, d->check, bw_buf_str(&doc)};
    if (bw_redis_command(n->cx->redis, 4, argv, NULL, on_intended, d) == BW_OK) {
        d->state = BW_DELIVERY_INTEND;
        channel->busy = true;
        n->under_way++;
    }
    bw_buf_fini(&doc);
}

/* ---- looking whether it is out ---- */

static void on_seen(void *ctx, enum bw_slack_seen seen, const char *ts, const char *why)
{
    struct bw_delivery *d = ctx;
    struct bw_notifier *n = d->notifier;
    n->under_way--;
    if (seen == BW_SLACK_SEEN) {
        told(d, "found", ts);
    } else if (seen == BW_SLACK_TRY_LATER) {
        d->state = BW_DELIVERY_UNSURE;
        d->next = in(bw_backoff_next(&n->backoff, bw_random()));
        slack_state(n, false, why);
    } else if (seen == BW_SLACK_NOT_SEEN && ++d->looks < LOOKS) {
        d->state = BW_DELIVERY_UNSURE;
        d->next = in(SETTLE_MS);
    } else {
        d->possible_repeat = d->possible_repeat || seen == BW_SLACK_CANNOT_SEE;
        d->state = BW_DELIVERY_READY;
        d->next = in(0);
    }
    work(n);
}

static void look(struct bw_delivery *d)
{
    struct bw_notifier *n = d->notifier;
    if (bw_slack_mode(n->cx->conf) != BW_SLACK_BOT) {
        d->possible_repeat = true;
        d->state = BW_DELIVERY_READY;
        return;
    }
    struct bw_wall oldest = {d->intended_at_ms - LOOK_BACK_MS};
    if (bw_slack_find(n->cx, d->channel, d->entries[0].change.id, oldest, on_seen, d) == BW_OK) {
        d->state = BW_DELIVERY_LOOKING;
        n->under_way++;
    } else {
        d->next = in(1000);
    }
}

/* ---- where to ---- */

static void read_intention(struct bw_delivery *d, const struct bw_reply *reply)
{
    struct bw_json_doc *doc = NULL;
    if (reply->type != BW_REPLY_STRING || bw_json_parse(reply->str, reply->len, &doc, NULL) != BW_OK)
        return;
    const struct bw_json_node *root = bw_json_root(doc);
    const char *channel = "";
    int64_t attempt = 0;
    if (bw_json_get_int(root, "at_ms", &d->intended_at_ms) && bw_json_get_string(root, "channel", &channel) &&
        bw_json_get_int(root, "attempt", &attempt)) {
        snprintf(d->channel, sizeof(d->channel), "%s", channel);
        d->attempt = (int)attempt;
        d->state = BW_DELIVERY_UNSURE; /* its sender did not live to see the answer */
    }
    bw_json_free(doc);
}

static void on_intention(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_delivery *d = ctx;
    struct bw_notifier *n = d->notifier;
    n->under_way--;
    if (err != BW_OK || reply->type == BW_REPLY_ERROR) {
        d->state = BW_DELIVERY_GATHER; /* asked again */
        return;
    }
    d->addressed = true;
    d->state = BW_DELIVERY_READY;
    read_intention(d, reply);
    if (d->muted && d->state == BW_DELIVERY_READY)
        record(d); /* nothing to tell: it leaves the stream */
    work(n);
}

static void on_address(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_delivery *d = ctx;
    struct bw_notifier *n = d->notifier;
    if (err != BW_OK || reply->type != BW_REPLY_ARRAY || reply->n != 2)
        return; /* on_intention, which follows, begins again */
    const struct bw_reply *channel = &reply->elements[0], *muted = &reply->elements[1];
    bool own =
        channel->type == BW_REPLY_STRING && channel->len > 0 && bw_slack_mode(n->cx->conf) == BW_SLACK_BOT;
    snprintf(d->channel, sizeof(d->channel), "%s", own ? channel->str : n->cx->conf->slack_channel);
    int64_t until = muted->type == BW_REPLY_STRING ? strtoll(muted->str, NULL, 10) : 0;
    d->muted = until > bw_wall_now().ms / 1000 || bw_slack_mode(n->cx->conf) == BW_SLACK_OFF;
}

static void address(struct bw_delivery *d)
{
    struct bw_notifier *n = d->notifier;
    char product[BW_KEY_MAX];
    bw_keys_product(&n->cx->keys, &d->entries[0].change.key, product);
    const char *where[] = {"HMGET", product, "channel", "muted_until"};
    const char *intention[] = {"HGET", n->cx->keys.delivery, d->check};
    if (bw_redis_command(n->cx->redis, 4, where, NULL, on_address, d) != BW_OK)
        return;
    d->state = BW_DELIVERY_ADDRESS;
    n->under_way++;
    if (bw_redis_command(n->cx->redis, 3, intention, NULL, on_intention, d) != BW_OK) {
        /* refused at once although the first was taken: its callback still comes and must find the delivery */
        n->under_way--;
        d->state = BW_DELIVERY_GATHER;
    }
}

/* ---- gathering ---- */

static struct bw_delivery *find(struct bw_notifier *n, const char *check)
{
    struct bw_delivery *d;
    TAILQ_FOREACH (d, &n->list, link) {
        if (strcmp(d->check, check) == 0)
            return d;
    }
    return NULL;
}

static void set_entry_aside(struct bw_notifier *n, const struct bw_entry *e, const char *why)
{
    const struct bw_keys *k = &n->cx->keys;
    bw_log_error("slack", "entry %s of %s cannot be read and is set aside: %s", e->id, k->changes, why);
    const char *argv[] = {k->changes, k->set_aside, k->staged_bytes, BW_GROUP_SLACK, e->id, why, "0"};
    if (bw_redis_eval(n->cx->redis, &bw_script_set_aside, 3, 7, argv, NULL, NULL, NULL) == BW_OK)
        bw_metric_add(n->cx->counters.set_aside, 1);
}

static void gather(struct bw_notifier *n, const struct bw_entry *e)
{
    size_t len = 0;
    const char *doc = bw_entry_field(e, "doc", &len);
    const char *check = bw_entry_field(e, "check", NULL);
    const char *of = bw_entry_field(e, "of", NULL);
    struct bw_change_entry entry;
    struct bw_error error = {.text = "no doc, check or of"};
    if (!doc || !check || !of || bw_change_entry_decode(doc, len, &entry, &error) != BW_OK) {
        set_entry_aside(n, e, error.text);
        return;
    }
    struct bw_delivery *d = find(n, check);
    if (!d) {
        d = bw_delivery_new(n, check, strtoul(of, NULL, 10));
        TAILQ_INSERT_TAIL(&n->list, d, link);
        n->n++;
    }
    bw_delivery_add(d, e->id, &entry);
}

static void on_entries(void *ctx, enum bw_err err, const struct bw_entry *entries, size_t count)
{
    struct bw_notifier *n = ctx;
    if (err != BW_OK || n->stopping)
        return;
    for (size_t i = 0; i < count; i++)
        gather(n, &entries[i]);
    if (count > 0 && n->n < DELIVERIES_MAX)
        bw_consumer_read(n->consumer, READ_MOST);
    work(n);
}

/* ---- what can go on now ---- */

static void advance(struct bw_delivery *d)
{
    struct bw_notifier *n = d->notifier;
    struct bw_mono now = bw_mono_now();
    if (now.ms < d->next.ms)
        return;
    struct channel *channel = NULL;
    switch (d->state) {
    case BW_DELIVERY_GATHER:
        if (d->n >= d->of || now.ms - d->gathered.ms >= GATHER_MS)
            address(d);
        break;
    case BW_DELIVERY_READY:
        channel = channel_of(n, d->channel);
        if (!channel->busy && now.ms >= channel->next.ms)
            intend(d, channel);
        break;
    case BW_DELIVERY_UNSURE:
        look(d);
        break;
    case BW_DELIVERY_RECORD:
        record(d);
        break;
    default: /* an answer moves it */
        break;
    }
}

/* In order. Within a channel a message that waits holds back those after it: `blocked` marks its channel. */
static void work(struct bw_notifier *n)
{
    struct bw_delivery *d, *after;
    bool blocked[CHANNELS_MAX] = {false};
    if (n->stopping)
        return;
    for (d = TAILQ_FIRST(&n->list); d; d = after) {
        after = TAILQ_NEXT(d, link);
        bool waits = d->addressed && d->state != BW_DELIVERY_RECORD && d->state != BW_DELIVERY_RECORDING;
        if (!waits) {
            advance(d);
            continue;
        }
        size_t slot = (size_t)(channel_of(n, d->channel) - n->channels);
        if (!blocked[slot])
            advance(d);
        blocked[slot] = true;
    }
}

static void on_tick(void *ctx)
{
    struct bw_notifier *n = ctx;
    if (n->ticks++ % ADOPT_TICKS == 0)
        bw_consumer_adopt(n->consumer, (void (*)(void *))bw_notifier_kick);
    bw_notifier_kick(n);
    bw_timer_start(n->timer, TICK_MS);
}

/* ---- life ---- */

struct bw_notifier *bw_notifier_new(struct bw_context *context)
{
    struct bw_notifier *n = bw_alloc(sizeof(*n));
    n->cx = context;
    n->timer = bw_timer_new(context->loop, on_tick, n);
    n->consumer = bw_consumer_new(context, context->keys.changes, BW_GROUP_SLACK, on_entries, n);
    TAILQ_INIT(&n->list);
    bw_backoff_init(&n->backoff, 1000, 60000);
    return n;
}

void bw_notifier_start(struct bw_notifier *n)
{
    if (bw_slack_mode(n->cx->conf) == BW_SLACK_OFF)
        bw_log_warning(
            "slack", "not configured (SLACK_BOT_TOKEN and SLACK_CHANNEL, or SLACK_WEBHOOK_URL): changes are "
                     "recorded, nobody is told");
    bw_timer_start(n->timer, 1);
}

void bw_notifier_kick(struct bw_notifier *n)
{
    if (n->stopping)
        return;
    if (n->n < DELIVERIES_MAX)
        bw_consumer_read(n->consumer, READ_MOST);
    work(n);
}

void bw_notifier_rewind(struct bw_notifier *n)
{
    bw_consumer_rewind(n->consumer);
    bw_notifier_kick(n);
}

void bw_notifier_retry(struct bw_notifier *n)
{
    struct bw_delivery *d;
    TAILQ_FOREACH (d, &n->list, link) {
        if (d->state == BW_DELIVERY_READY || d->state == BW_DELIVERY_UNSURE)
            d->next = in(0);
    }
    for (size_t i = 0; i < n->n_channels; i++)
        n->channels[i].next = in(0);
    work(n);
}

void bw_notifier_stop(struct bw_notifier *n)
{
    n->stopping = true;
    bw_timer_stop(n->timer);
}

bool bw_notifier_quiet(const struct bw_notifier *n)
{
    return n->under_way == 0 && !bw_consumer_busy(n->consumer);
}

const char *bw_notifier_reason(const struct bw_notifier *n)
{
    return n->reason;
}

void bw_notifier_free(struct bw_notifier *n)
{
    if (!n)
        return;
    struct bw_delivery *d;
    while ((d = TAILQ_FIRST(&n->list)))
        drop(d);
    bw_timer_free(n->timer);
    bw_consumer_free(n->consumer);
    free(n);
}
