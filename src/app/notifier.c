/* The queue of messages: reads bw:changes, keeps their order and Slack's pace. The steps are deliver.c's, the decisions
 * core/delivery.h's; this file's timer and the answers to the steps are all that moves a message. All of its memory can
 * be lost at any time: bw:changes has the entries, bw:delivery and Postgres the intentions. */
#include "notifier_p.h"

#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "history.h"
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS        200
#define READ_MOST      100
#define MESSAGES_MAX   1000 /* in memory; the stream holds the rest */
#define GATHER_MS      5000 /* a check whose other changes do not come is told with those that did */
#define PACE_MS        1000 /* Slack: one message a second a channel */
#define OPERATOR_MS    60000
#define STORE_MS       1000
#define WAKE_TICKS     5
#define REMEMBER_TICKS 10
#define NOTES_TICKS    25 /* notes are rare: whoever queues one says so */

static void work(struct bw_notifier *n);

static struct bw_mono in(int64_t ms)
{
    return (struct bw_mono){bw_mono_now().ms + ms};
}

static struct bw_channel *channel_of(struct bw_message *m)
{
    if (!m->pace)
        m->pace = bw_channel_join(&m->notifier->channels, m->channel);
    return m->pace;
}

void bw_notifier_slack_state(struct bw_notifier *n, bool up, const char *reason)
{
    n->traffic = true;
    n->probed = false;
    if (up && n->reason[0])
        bw_log_info("slack", "accepts messages again");
    else if (!up && strcmp(n->reason, reason) != 0)
        bw_log_error("slack", "%s", reason);
    snprintf(n->reason, sizeof(n->reason), "%s", up ? "" : reason);
    bw_counters_up(&n->cx->counters, BW_PART_SLACK, up);
    if (up)
        bw_counters_success(&n->cx->counters, BW_PART_SLACK);
}

void bw_notifier_log_attempt(struct bw_notifier *n, const struct bw_message *m, const char *outcome,
                             const char *error)
{
    bw_counters_notification(&n->cx->counters, bw_message_kind(m), outcome);
    struct bw_buf doc;
    bw_buf_init(&doc, 65536);
    bw_message_attempt(m, outcome, error, bw_wall_now().ms, &doc);
    if (doc.overflow || bw_history_append(n->cx, "attempt", &doc) != BW_OK)
        bw_log_warning("slack", "an attempt (%s) is not in notification_log: too many wait for redis",
                       outcome);
    bw_buf_fini(&doc);
}

/* ---- after a step ---- */

static struct bw_mono end_of_wait(const struct bw_message *m)
{
    switch (m->progress.wait) {
    case BW_WAIT_NONE:
        break;
    case BW_WAIT_FENCE:
        return m->fence;
    case BW_WAIT_SETTLE:
        return in(SETTLE_MS);
    case BW_WAIT_BACKOFF:
        return in(m->backoff_ms);
    case BW_WAIT_OPERATOR:
        return in(OPERATOR_MS);
    case BW_WAIT_PACE:
        return in(PACE_MS);
    case BW_WAIT_STORE:
        return in(STORE_MS);
    }
    return in(0);
}

static void give_channel_back(struct bw_message *m)
{
    struct bw_channel *channel = channel_of(m);
    enum bw_delivery_wait wait = m->progress.wait;
    channel->busy = m->holds_channel = false;
    channel->refused =
        wait == BW_WAIT_OPERATOR || (channel->refused && m->progress.outcome != BW_OUTCOME_SENT);
    if (m->posted_at.ms)
        channel->next.ms = m->posted_at.ms + PACE_MS;
    if (wait == BW_WAIT_BACKOFF ||
        wait == BW_WAIT_OPERATOR) /* what Slack said of this one is true of the next */
        channel->next = m->next;
    m->posted_at.ms = 0;
}

void bw_notifier_progressed(struct bw_message *m)
{
    const struct bw_delivery_progress *p = &m->progress;
    m->addressed = m->addressed || p->step > BW_DELIVERY_ADDRESS;
    m->next = end_of_wait(m);
    if (m->holds_channel && !(bw_delivery_needs_channel(p->step) && p->wait == BW_WAIT_NONE))
        give_channel_back(m);
    work(m->notifier);
}

void bw_notifier_send_apart(struct bw_message *m)
{
    m->notifier->apart += m->n_checks;
    m->progress.step =
        BW_DELIVERY_ADDRESS; /* where it is broken up; what follows of its products waits behind */
    m->progress.wait = BW_WAIT_NONE;
    bw_notifier_progressed(m);
}

void bw_notifier_drop(struct bw_message *m)
{
    struct bw_notifier *n = m->notifier;
    TAILQ_REMOVE(&n->list, m, link);
    n->n--;
    bw_message_free(m);
}

/* ---- gathering ---- */

static struct bw_message *find(struct bw_notifier *n, const char *check)
{
    struct bw_message *m;
    TAILQ_FOREACH (m, &n->list, link) {
        if (bw_message_has_check(m, check))
            return m;
    }
    return NULL;
}

static void set_entry_aside(struct bw_notifier *n, const char *stream, const struct bw_entry *e,
                            const char *why)
{
    const struct bw_keys *k = &n->cx->keys;
    bw_log_error("slack", "entry %s of %s cannot be read and is set aside: %s", e->id, stream, why);
    const char *argv[] = {stream, k->set_aside, k->staged_bytes, BW_GROUP_SLACK, e->id, why, "0"};
    if (bw_redis_eval(n->cx->redis, &bw_script_set_aside, 3, 7, argv, NULL, NULL, NULL) == BW_OK)
        bw_metric_add(n->cx->counters.set_aside, 1);
}

/* The list is in the order of the streams' ids, which are times, also where what was read before is read again. first_id: of
 * its entries. */
static void enqueue(struct bw_notifier *n, struct bw_message *m, const char *first_id)
{
    struct bw_message *before = TAILQ_LAST(&n->list, bw_messages);
    bw_delivery_begin(&m->progress, bw_slack_mode(n->cx->conf) == BW_SLACK_BOT);
    m->at = bw_stream_id_parse(first_id);
    while (before && bw_stream_id_compare(before->at, m->at) > 0)
        before = TAILQ_PREV(before, bw_messages, link);
    if (before)
        TAILQ_INSERT_AFTER(&n->list, before, m, link);
    else
        TAILQ_INSERT_HEAD(&n->list, m, link);
    n->n++;
}

void bw_notifier_found(struct bw_message *m)
{
    enqueue(m->notifier, m, m->refs[0].id);
    m->progress.step = BW_DELIVERY_RECORD;
    m->progress.outcome = BW_OUTCOME_FOUND;
}

void bw_notifier_withheld(struct bw_message *m)
{
    enqueue(m->notifier, m, m->refs[0].id);
    m->progress.step = BW_DELIVERY_RECORD;
    m->progress.outcome = BW_OUTCOME_WITHHELD;
}

static void gather_note(struct bw_notifier *n, const struct bw_entry *e)
{
    const char *key = bw_entry_field(e, "check", NULL), *id = bw_entry_field(e, "id", NULL);
    const char *kind = bw_entry_field(e, "kind", NULL), *headline = bw_entry_field(e, "headline", NULL);
    const char *lines = bw_entry_field(e, "lines", NULL), *doubt = bw_entry_field(e, "doubt", NULL);
    const char *channel = bw_entry_field(e, "channel", NULL), *about = bw_entry_field(e, "about", NULL);
    if (!key || !id || !kind || !headline || !lines || strlen(id) != BW_UUID_TEXT - 1) {
        set_entry_aside(n, n->cx->keys.outbox, e, "no check, id, kind, headline or lines");
        return;
    }
    if (find(n, key))
        return;
    struct bw_message *m = bw_message_new(n, n->cx->keys.outbox, key, 1, NULL);
    struct bw_note *note = bw_alloc(sizeof(*note));
    snprintf(note->kind, sizeof(note->kind), "%s", kind);
    snprintf(note->id, sizeof(note->id), "%s", id);
    snprintf(m->staged.channel, sizeof(m->staged.channel), "%s", channel ? channel : "");
    note->headline = bw_strdup(headline);
    note->lines = bw_strdup(lines);
    note->is_about = about && bw_product_key_parse(about, &note->about, NULL) == BW_OK;
    bw_message_set_note(m, e->id, note, doubt ? strtoll(doubt, NULL, 10) : 0);
    enqueue(n, m, e->id);
}

static void on_notes(void *ctx, enum bw_err err, const struct bw_entry *entries, size_t count)
{
    struct bw_notifier *n = ctx;
    if (err != BW_OK || n->stopping)
        return;
    for (size_t i = 0; i < count; i++)
        gather_note(n, &entries[i]);
    if (count > 0)
        bw_consumer_read(n->notes, READ_MOST);
    work(n);
}

void bw_notifier_again(struct bw_message *m)
{
    enqueue(m->notifier, m, m->refs[0].id);
    m->next = in(0);
}

static void note_product(struct bw_message *m, const struct bw_entry *e)
{
    const char *channel = bw_entry_field(e, "channel", NULL), *tags = bw_entry_field(e, "tags", NULL);
    const char *priority = bw_entry_field(e, "priority", NULL),
               *muted = bw_entry_field(e, "muted_until", NULL);
    snprintf(m->staged.channel, sizeof(m->staged.channel), "%s", channel ? channel : "");
    m->staged.tags = bw_strdup(tags ? tags : "");
    m->staged.priority = priority ? (int)strtol(priority, NULL, 10) : 0;
    m->staged.muted_until = muted ? strtoll(muted, NULL, 10) : 0;
}

static void gather(struct bw_notifier *n, const struct bw_entry *e)
{
    size_t len = 0;
    const char *doc = bw_entry_field(e, "doc", &len);
    const char *check = bw_entry_field(e, "check", NULL);
    const char *of = bw_entry_field(e, "of", NULL);
    const char *doubt = bw_entry_field(e, "doubt", NULL);
    struct bw_change_entry entry;
    struct bw_error error = {.text = "no doc, check or of"};
    if (!doc || !check || !of || bw_change_entry_decode(doc, len, &entry, &error) != BW_OK) {
        set_entry_aside(n, n->cx->keys.changes, e, error.text);
        return;
    }
    struct bw_message *m = find(n, check);
    if (!m) {
        m = bw_message_new(n, n->cx->keys.changes, check, strtoul(of, NULL, 10), &entry.change.key);
        note_product(m, e);
        enqueue(n, m, e->id);
    }
    if (m->progress.step == BW_DELIVERY_GATHER) {
        bw_message_add(m, e->id, &entry, doubt ? strtoll(doubt, NULL, 10) : 0);
        return;
    }
    m->left_behind = m->left_behind || !bw_message_has(m, e->id); /* it is on its way without this one */
    bw_change_entry_fini(&entry);
}

/* Another daemon tells now, and has what this one had read: only what is under way here ends here. */
static void give_up(struct bw_notifier *n)
{
    struct bw_message *m;
    TAILQ_FOREACH (m, &n->list, link) {
        if (m->under_way || m->progress.step == BW_DELIVERY_RECORD)
            continue;
        if (m->holds_channel)
            give_channel_back(m);
        m->progress.step = BW_DELIVERY_DROP;
    }
    work(n);
}

static void on_entries(void *ctx, enum bw_err err, const struct bw_entry *entries, size_t count)
{
    struct bw_notifier *n = ctx;
    if (err == BW_ERR_BUSY)
        give_up(n);
    if (err != BW_OK || n->stopping)
        return;
    n->drained = count == 0 && n->n < MESSAGES_MAX;
    for (size_t i = 0; i < count; i++)
        gather(n, &entries[i]);
    if (count > 0 && n->n < MESSAGES_MAX)
        bw_consumer_read(n->consumer, READ_MOST);
    work(n);
}

/* ---- what can go on now ---- */

static bool take_channel(struct bw_message *m, const struct bw_ahead *ahead)
{
    struct bw_notifier *n = m->notifier;
    if (m->holds_channel)
        return true;
    if (bw_consumer_catching_up(n->consumer) && n->n < MESSAGES_MAX)
        return false; /* what comes may be older, and of the same product */
    struct bw_channel *channel = channel_of(m);
    if (channel->busy || n->now.ms < channel->next.ms || channel->taken == n->walk ||
        bw_ahead_holds_up(ahead, m))
        return false;
    channel->busy = m->holds_channel = true;
    return true;
}

/* A lone change goes out at once. While more may come, it waits for them: BADGEWATCH_GROUP_WINDOW at most. */
static bool waits_for_more(const struct bw_message *m)
{
    const struct bw_notifier *n = m->notifier;
    bool quiet = n->cx->staging == 0 && n->cx->asking == 0 && n->drained && !n->gathering &&
                 !bw_consumer_busy(n->consumer);
    return !quiet && n->now.ms - m->gathered.ms < n->cx->conf->group_window_ms;
}

static bool may_begin(struct bw_message *m, const struct bw_ahead *ahead)
{
    const struct bw_delivery_progress *p = &m->progress;
    if (m->under_way || bw_message_is_over(m) || m->notifier->now.ms < m->next.ms)
        return false;
    if (m->notifier->stopping)
        return p->step == BW_DELIVERY_RECORD;
    if (p->step == BW_DELIVERY_GATHER) {
        if (m->n_refs < m->of && m->notifier->now.ms - m->gathered.ms < GATHER_MS)
            return false;
        bw_delivery_gathered(&m->progress);
    }
    if (bw_quiet_began(m)) {
        bw_delivery_readdress(&m->progress);
        return true;
    }
    if (bw_message_is_open(m) && waits_for_more(m))
        return false;
    if (!bw_delivery_needs_channel(p->step))
        return true;
    if (!take_channel(m, ahead))
        return false;
    if (bw_message_is_open(m))
        bw_company_gather(m, ahead);
    return true;
}

static void look_at(struct bw_message *m, struct bw_ahead *ahead)
{
    if (may_begin(m, ahead))
        bw_deliver(m);
    if (bw_message_is_unplaced(m))
        bw_ahead_note(ahead, m);
    if (m->addressed &&
        (m->progress.step == BW_DELIVERY_ADDRESS || bw_delivery_needs_channel(m->progress.step)))
        channel_of(m)->taken = m->notifier->walk;
}

static void sweep(struct bw_notifier *n)
{
    struct bw_message *m, *after;
    for (m = TAILQ_FIRST(&n->list); m; m = after) {
        after = TAILQ_NEXT(m, link);
        if (m->under_way || !bw_message_is_over(m))
            continue;
        if (n->apart > 0 && m->progress.step == BW_DELIVERY_DONE && !m->note)
            n->apart--;
        if (m->progress.step == BW_DELIVERY_DROP || m->left_behind) /* what is still ours is read again */
            bw_consumer_rewind(m->note ? n->notes : n->consumer);
        bw_notifier_drop(m);
    }
}

static bool is_being_addressed(const struct bw_message *m)
{
    return m->progress.step == BW_DELIVERY_ADDRESS && (m->under_way || m->notifier->now.ms >= m->next.ms);
}

/* A channel that is free again is used at once, not at the next tick: Slack's second is all that a long queue waits for. */
static void wake_for_channels(struct bw_notifier *n)
{
    int64_t wait = bw_channels_wait_ms(&n->channels);
    if (wait < TICK_MS && !n->stopping)
        bw_timer_start(n->pace, wait);
}

/* In order. A step that ends at once asks for it through bw_notifier_progressed: the list is then walked again, never two
 * times at once. */
static void look_through(void *ctx)
{
    struct bw_notifier *n = ctx;
    n->again = n->working = true;
    while (n->again) {
        struct bw_ahead ahead = {.n_waiting = 0};
        struct bw_message *m;
        n->again = n->gathering = false;
        n->walk++;
        bw_crowd_forget(n, n->n >= MESSAGES_MAX);
        n->now = bw_mono_now();
        TAILQ_FOREACH (m, &n->list, link)
            n->gathering = n->gathering || !m->addressed || is_being_addressed(m);
        TAILQ_FOREACH (m, &n->list, link)
            look_at(m, &ahead);
        sweep(n);
    }
    n->working = false;
    wake_for_channels(n);
}

/* Something can go on. Once for all the answers of a turn: with a thousand messages in the list and an answer each, a walk an
 * answer was a fifth of the daemon's CPU. A daemon that stops waits for nothing but its steps, so the next begins at once. */
static void work(struct bw_notifier *n)
{
    if (n->working)
        n->again = true;
    else if (n->stopping)
        look_through(n);
    else
        bw_turn_end_ask(n->turn_end);
}

static void on_pace(void *ctx)
{
    work(ctx);
}

static void on_tick(void *ctx)
{
    struct bw_notifier *n = ctx;
    if (n->ticks % NOTES_TICKS == 0)
        bw_notifier_notes(n);
    if (n->ticks++ % WAKE_TICKS == 0)
        bw_quiet_wake(n);
    if (n->ticks % REMEMBER_TICKS == 0)
        bw_crowd_remember(n);
    bw_notifier_kick(n);
    work(n); /* some waited for a time, or for others to be quiet */
    bw_timer_start(n->timer, TICK_MS);
}

/* ---- life ---- */

struct bw_notifier *bw_notifier_new(struct bw_context *context)
{
    struct bw_notifier *n = bw_alloc(sizeof(*n));
    const struct bw_keys *k = &context->keys;
    n->cx = context;
    n->rows = bw_rows_new();
    n->timer = bw_timer_new(context->loop, on_tick, n);
    n->pace = bw_timer_new(context->loop, on_pace, n);
    n->turn_end = bw_turn_end_new(context->loop, BW_TURN_WORK, look_through, n);
    n->consumer =
        bw_consumer_new(context, k->changes, k->teller, BW_GROUP_SLACK, &bw_script_read, on_entries, n);
    n->notes = bw_consumer_new(context, k->outbox, k->teller, BW_GROUP_SLACK, &bw_script_read, on_notes, n);
    TAILQ_INIT(&n->list);
    TAILQ_INIT(&n->channels);
    bw_backoff_init(&n->backoff, 1000, 60000);
    n->rules_changed = true; /* they may have, since they were last in force */
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
    if (!n->stopping)
        bw_consumer_read(n->consumer, n->n < MESSAGES_MAX ? READ_MOST : 0);
}

void bw_notifier_notes(struct bw_notifier *n)
{
    if (!n->stopping && n->n < MESSAGES_MAX)
        bw_consumer_read(n->notes, READ_MOST);
}

void bw_notifier_rewind(struct bw_notifier *n)
{
    bw_consumer_rewind(n->consumer);
    bw_consumer_rewind(n->notes);
    bw_notifier_kick(n);
}

static void readdress(struct bw_message *m)
{
    if (m->under_way || m->holds_channel)
        return;
    bw_delivery_readdress(&m->progress);
    if (m->progress.step == BW_DELIVERY_ADDRESS)
        m->next = in(0);
}

void bw_notifier_reroute(struct bw_notifier *n)
{
    struct bw_message *m;
    if (n->stopping)
        return;
    TAILQ_FOREACH (m, &n->list, link) {
        if (!m->note)
            readdress(m);
    }
    n->rerouted = true;
    work(n);
}

void bw_notifier_retry(struct bw_notifier *n)
{
    struct bw_message *m;
    TAILQ_FOREACH (m, &n->list, link) {
        enum bw_delivery_wait wait = m->progress.wait;
        readdress(m);
        if (wait == BW_WAIT_OPERATOR || wait == BW_WAIT_BACKOFF || wait == BW_WAIT_STORE)
            m->next = in(0);
    }
    bw_channels_open(&n->channels);
    n->rerouted = n->rules_changed = true;
    work(n);
}

static void on_probed(void *ctx, bool answered, const char *error)
{
    struct bw_notifier *n = ctx;
    n->under_way--;
    if (n->traffic || (n->reason[0] && !n->probed))
        return; /* what messages say counts more */
    if (error[0] || n->reason[0])
        bw_notifier_slack_state(n, !error[0], error);
    else if (answered)
        bw_counters_up(&n->cx->counters, BW_PART_SLACK, true);
    n->probed = error[0] != '\0';
    n->traffic = false;
}

void bw_notifier_probe(struct bw_notifier *n)
{
    bool idle = !n->traffic;
    n->traffic = false;
    if (n->stopping || !idle || (n->reason[0] && !n->probed) || bw_slack_mode(n->cx->conf) != BW_SLACK_BOT)
        return;
    if (bw_slack_auth(n->cx, on_probed, n) == BW_OK)
        n->under_way++;
}

void bw_notifier_stop(struct bw_notifier *n)
{
    n->stopping = true;
    bw_timer_stop(n->timer);
    bw_timer_stop(n->pace);
    work(n); /* what was told a moment ago is recorded */
}

bool bw_notifier_quiet(const struct bw_notifier *n)
{
    return n->under_way == 0 && !bw_consumer_busy(n->consumer) && !bw_consumer_busy(n->notes);
}

const char *bw_notifier_reason(const struct bw_notifier *n)
{
    return n->reason;
}

void bw_notifier_free(struct bw_notifier *n)
{
    if (!n)
        return;
    struct bw_message *m;
    while ((m = TAILQ_FIRST(&n->list)))
        bw_notifier_drop(m);
    bw_timer_free(n->timer);
    bw_timer_free(n->pace);
    bw_turn_end_free(n->turn_end);
    bw_consumer_free(n->consumer);
    bw_consumer_free(n->notes);
    bw_rows_free(n->rows);
    bw_channels_free(&n->channels);
    free(n);
}
