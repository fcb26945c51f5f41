/* What each step of a message does: one question to Redis, Postgres or Slack, and what its answer means in the terms of
 * core/delivery.h, which decides what is next.
 *
 * How it fails: a store that takes no command leaves the step as it is, to be tried again. Postgres is given a second:
 * an alert does not wait for it. */
#include "args.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "history.h"
#include "notifier_p.h"
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOMENT_MS    60000   /* what Slack may ask for without being called failing */
#define LATER_MAX_MS 3600000 /* what it may ask for */
#define LOOK_BACK_MS 60000   /* clocks differ; a message cannot be older than its intention by more */
#define KEEP_CHANGES "1000"

/* ---- Slack says "later" ---- */

/* A proxy that counts in other units than seconds must not silence the alerts for years. */
static int64_t believed(int64_t retry_after_ms)
{
    return retry_after_ms < LATER_MAX_MS ? retry_after_ms : LATER_MAX_MS;
}

static void back_off(struct bw_message *m, int64_t retry_after_ms)
{
    int64_t wait = bw_backoff_next(&m->notifier->backoff, bw_random()), asked = believed(retry_after_ms);
    m->backoff_ms = asked > wait ? asked : wait;
}

static void fence_off(struct bw_message *m, int64_t until_ms)
{
    m->fence.ms = until_ms > m->fence.ms ? until_ms : m->fence.ms;
}

/* Nobody knows whether it was posted: it goes out again when Slack must have it, and each time later: it may have them all. */
static void doubt_post(struct bw_message *m)
{
    back_off(m, 0);
    fence_off(m, m->posted_at.ms + ARRIVE_MS);
    fence_off(m, bw_mono_now().ms + m->backoff_ms);
}

/* A rate limit is no fault of anybody, Slack works: unless nobody hears of an alert for long. */
static bool is_moment(const char *error, int64_t retry_after_ms)
{
    return retry_after_ms <= MOMENT_MS &&
           (strcmp(error, "ratelimited") == 0 || strcmp(error, "rate_limited") == 0);
}

/* ---- CONFIRM ---- */

/* Rows: id, told, ms since an earlier intention or NULL, thread or NULL; of those changes that Postgres knew. */
static enum bw_delivery_says read_confirmation(struct bw_message *m, const struct bw_pg_result *rows)
{
    enum bw_delivery_says says = BW_SAYS_NEW;
    for (size_t i = 0; i < bw_pg_rows(rows); i++) {
        const char *intended = bw_pg_value(rows, i, 2);
        if (bw_pg_value(rows, i, 1)[0] == 't') {
            bw_message_leave_out(m, bw_pg_value(rows, i, 0));
            continue;
        }
        bw_message_note_thread(m, bw_pg_value(rows, i, 3));
        if (intended) {
            int64_t age = strtoll(intended, NULL, 10);
            says = BW_SAYS_INTENDED;
            if (m->progress.past == BW_PAST_NONE && age < FENCE_MS)
                m->fence.ms = bw_mono_now().ms + (age < 0 ? FENCE_MS : FENCE_MS - age);
            bw_message_note_first(m, age);
        }
    }
    return m->n == 0 ? BW_SAYS_TOLD : says;
}

static void on_confirmed(struct bw_message *m, const struct bw_pg_answer *answer)
{
    bw_delivery_confirmed(&m->progress, answer ? read_confirmation(m, answer->results[0]) : BW_SAYS_NOTHING);
    bw_notifier_progressed(m);
}

static void confirm(struct bw_message *m)
{
    struct bw_notifier *n = m->notifier;
    struct bw_pg_statement statements[BW_ROWS_STATEMENTS];
    size_t count = 0;
    bw_rows_clear(n->rows);
    for (size_t i = 0; i < m->n; i++)
        bw_rows_intend(n->rows, &m->entries[i]);
    if (m->n > 0 && bw_rows_statements(n->rows, statements, &count) == BW_OK &&
        bw_deliver_ask(m, statements, count, on_confirmed))
        return;
    bw_delivery_confirmed(&m->progress, m->note ? BW_SAYS_NEW : BW_SAYS_NOTHING);
    bw_notifier_progressed(m);
}

/* ---- LOOK ---- */

/* Some of the changes are out already, in one message or several: they are recorded with that. What stays goes on. */
static void part_with_told(struct bw_message *m, const struct bw_slack_sought *sought, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool stays = strcmp(sought[i].ts, m->ts) == 0; /* not found, or in the message of those that stay */
        struct bw_message *part = stays ? NULL : bw_message_take_told(m, sought, n, sought[i].ts);
        if (part)
            bw_notifier_found(part);
    }
}

static void on_seen(void *ctx, enum bw_delivery_seen seen, const struct bw_slack_sought *sought, size_t n,
                    int64_t retry_after_ms, const char *why)
{
    struct bw_message *m = ctx;
    answered(m);
    bw_message_stands_in(m, seen == BW_SEEN ? &sought[0] : NULL);
    fence_off(m, bw_mono_now().ms + SETTLE_MS);
    if ((seen == BW_SEEN || seen == BW_SEEN_NOT) && !m->note)
        part_with_told(m, sought, n);
    if (seen == BW_SEEN_LATER || seen == BW_SEEN_REFUSED) {
        back_off(m, retry_after_ms);
        if (!is_moment(why, retry_after_ms))
            bw_notifier_slack_state(m->notifier, false, why);
    }
    bw_delivery_looked(&m->progress, seen);
    bw_notifier_progressed(m);
}

static void look(struct bw_message *m)
{
    if (m->progress.blind) {
        confirm(m);
        return;
    }
    if (bw_slack_mode(m->notifier->cx->conf) != BW_SLACK_BOT) { /* the settings were changed meanwhile */
        bw_delivery_looked(&m->progress, BW_SEEN_CANNOT);
        bw_notifier_progressed(m);
        return;
    }
    int64_t age = m->first.ms != 0 ? bw_mono_now().ms - m->first.ms : bw_wall_now().ms - m->doubt_ms;
    size_t n = 0;
    struct bw_slack_sought *sought = bw_message_sought(m, &n);
    struct bw_slack_where where = {.channel = m->channel,
                                   .threads = m->threads,
                                   .n_threads = m->n_threads,
                                   .age_ms = (age > 0 ? age : 0) + LOOK_BACK_MS,
                                   .paused = &m->look};
    if (bw_slack_find(m->notifier->cx, &where, sought, n, on_seen, m) == BW_OK)
        begun(m);
    else
        not_begun(m);
}

/* ---- INTEND ---- */

void bw_deliver_add_checks(struct bw_args *args, const struct bw_message *m)
{
    size_t begin = bw_args_begin(args);
    for (size_t i = 0; i < m->n_checks; i++)
        bw_args_add(args, m->checks[i].name);
    bw_args_end(args, begin);
}

static void remember(struct bw_message *m, const char *generation, bool unconfirmed)
{
    struct bw_unconfirmed *u = &m->notifier->cx->unconfirmed;
    if (!unconfirmed)
        *u = (struct bw_unconfirmed){0};
    else if (u->since_ms == 0)
        u->since_ms = bw_wall_now().ms;
    if (unconfirmed)
        snprintf(u->generation, sizeof(u->generation), "%s", generation);
}

static void on_intended(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_message *m = ctx;
    const char *word = err == BW_OK && reply->type == BW_REPLY_ARRAY ? text(&reply->elements[0]) : "";
    answered(m);
    if (strcmp(word, "ok") == 0 && reply->n == 3)
        remember(m, text(&reply->elements[1]), strcmp(text(&reply->elements[2]), "1") == 0);
    bw_delivery_intended(&m->progress, strcmp(word, "ok") == 0       ? BW_INTENT_RECORDED
                                       : strcmp(word, "theirs") == 0 ? BW_INTENT_NOT_OURS
                                       : strcmp(word, "epoch") == 0  ? BW_INTENT_UNVERIFIED
                                                                     : BW_INTENT_FAILED);
    bw_notifier_progressed(m);
}

static void intend(struct bw_message *m)
{
    struct bw_notifier *n = m->notifier;
    const struct bw_keys *k = &n->cx->keys;
    struct bw_args args;
    bw_args_init(&args);
    const char *const head[] = {m->stream,     k->delivery,    k->epoch,  k->unconfirmed,
                                k->generation, BW_GROUP_SLACK, n->cx->id, m->channel};
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        bw_args_add(&args, head[i]);
    bw_args_add_int(&args, m->first.ms != 0 ? bw_mono_now().ms - m->first.ms : 0);
    bw_args_add_int(&args, m->attempt + 1);
    bw_args_add(&args, m->progress.confirmed || m->note ? "1" : "0");
    bw_args_add(&args, m->thread);
    bw_deliver_add_checks(&args, m);
    for (size_t i = 0; i < m->n_refs; i++)
        bw_args_add(&args, m->refs[i].id);
    m->begin_by.ms = bw_mono_now().ms + BEGIN_MS;
    if (bw_redis_eval(n->cx->redis, &bw_script_intend, 5, args.n, args.values, args.lens, on_intended, m) ==
        BW_OK) {
        m->attempt++;
        bw_message_note_first(m, 0);
        begun(m);
    } else {
        not_begun(m);
    }
    bw_args_fini(&args);
}

/* ---- POST ---- */

/* Its first message was deleted, or may not be answered: the channel is told. */
static enum bw_delivery_posted without_thread(struct bw_message *m, const char *why)
{
    bw_log_info("slack", "%s: the thread %s takes no more (%s)", m->checks[0].name, m->thread, why);
    m->thread[0] = '\0';
    return BW_POSTED_RETRY;
}

static void on_posted(void *ctx, const struct bw_slack_answer *a, struct bw_mono sent_at)
{
    static const char *const outcomes[] = {[BW_POSTED_OK] = "sent",
                                           [BW_POSTED_RETRY] = "retry",
                                           [BW_POSTED_AMBIGUOUS] = "ambiguous",
                                           [BW_POSTED_OPERATOR] = "operator",
                                           [BW_POSTED_PAYLOAD] = "payload"};
    struct bw_message *m = ctx;
    struct bw_notifier *n = m->notifier;
    enum bw_delivery_posted class = a->class;
    char why[400];
    snprintf(why, sizeof(why), "%s%s%s", a->error, a->detail[0] ? ": " : "", a->detail);
    if (a->class == BW_POSTED_RETRY && a->retry_after_ms > MOMENT_MS)
        snprintf(why, sizeof(why), "%s: not before %lld s", a->error,
                 (long long)believed(a->retry_after_ms) / 1000);
    answered(m);
    m->posted_at = sent_at;
    bw_notifier_log_attempt(n, m, outcomes[a->class], a->class == BW_POSTED_OK ? "" : why);
    /* as plain text its metadata would not name all of them: no look could find the others */
    if (a->class == BW_POSTED_PAYLOAD && m->n_checks > 1 && m->n > BW_SLACK_PLAIN_IDS_MAX)
        m->progress.plain = true;
    if (a->class == BW_POSTED_PAYLOAD)
        bw_log_error("slack", "%s: the message was refused (%s)%s", m->checks[0].name, why,
                     m->progress.plain ? "" : ", it is sent once more as plain text");
    else if (m->thread[0] && bw_slack_is_thread_error(a->error))
        class = without_thread(m, why);
    else if (a->class != BW_POSTED_OK && !is_moment(a->error, a->retry_after_ms))
        bw_notifier_slack_state(n, false, why);
    if (a->class == BW_POSTED_PAYLOAD)
        m->thread[0] = '\0';
    if (a->class == BW_POSTED_OK)
        snprintf(m->ts, sizeof(m->ts), "%s", a->ts);
    if (class == BW_POSTED_RETRY)
        back_off(m, a->retry_after_ms);
    else if (class == BW_POSTED_AMBIGUOUS)
        doubt_post(m);
    bw_delivery_posted(&m->progress, class);
    bw_notifier_progressed(m);
}

static void post(struct bw_message *m)
{
    struct bw_notifier *n = m->notifier;
    struct bw_buf body;
    bw_buf_init(&body, 65536);
    bool webhook = bw_slack_mode(n->cx->conf) == BW_SLACK_WEBHOOK;
    struct bw_flap_rule rule = bw_notifier_flap_rule(n);
    enum bw_err err = BW_ERR_TOO_BIG;
    if (bw_message_body(m, &rule, webhook, bw_wall_now().ms, &body))
        err = bw_slack_post(n->cx, bw_buf_str(&body), body.len, m->begin_by, on_posted, m);
    bw_buf_fini(&body);
    if (err == BW_OK) {
        begun(m);
        return;
    }
    if (err == BW_ERR_TOO_BIG)
        m->progress.plain = true; /* it would be refused for ever: set aside */
    m->backoff_ms = 1000;
    bw_delivery_posted(&m->progress, err == BW_ERR_TOO_BIG ? BW_POSTED_PAYLOAD : BW_POSTED_RETRY);
    bw_notifier_progressed(m);
}

/* ---- RECORD ---- */

static void on_recorded(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_message *m = ctx;
    answered(m);
    if (err == BW_OK && reply->type == BW_REPLY_ERROR && bw_redis_writable(m->notifier->cx->redis))
        bw_log_error("slack", "redis refused to record a message: %s", reply->str);
    bw_delivery_recorded(&m->progress, err == BW_OK && reply->type != BW_REPLY_ERROR);
    bw_notifier_progressed(m);
}

/* An end before its begin is a difference of clocks. */
static void observe(struct bw_metric *metric, int64_t from_ms, int64_t to_ms)
{
    if (from_ms && to_ms)
        bw_metric_observe(metric, to_ms > from_ms ? (double)(to_ms - from_ms) / 1000.0 : 0);
}

static void measure_stages(const struct bw_message *m, const struct bw_change_entry *e)
{
    struct bw_metric **stages = m->notifier->cx->counters.stages;
    const struct bw_change *c = &e->change;
    observe(stages[BW_STAGE_KEEPA], c->occurred_at * 1000, c->received_at_ms);
    observe(stages[BW_STAGE_DETECT], c->received_at_ms, c->detected_at_ms);
    observe(stages[BW_STAGE_QUEUE], c->detected_at_ms, e->queued_at_ms);
    observe(stages[BW_STAGE_SLACK], e->queued_at_ms, m->told_at_ms);
}

static void measure(struct bw_message *m)
{
    struct bw_notifier *n = m->notifier;
    m->told_at_ms = bw_wall_now().ms;
    if (m->progress.outcome != BW_OUTCOME_SENT && m->progress.outcome != BW_OUTCOME_FOUND)
        return;
    for (size_t i = 0; i < m->n; i++) {
        int64_t since = m->entries[i].change.detected_at_ms;
        since = m->quiet_ended_ms > since ? m->quiet_ended_ms : since;
        observe(n->cx->counters.alert_delivery, since, m->told_at_ms);
        measure_stages(m, &m->entries[i]);
    }
    if (m->progress.outcome == BW_OUTCOME_FOUND)
        bw_notifier_log_attempt(n, m, "found", "");
    bw_notifier_slack_state(n, true, "");
    bw_backoff_reset(&n->backoff);
}

static void encode_note(const struct bw_message *m, struct bw_buf *doc)
{
    struct bw_note_record record = {.told_at_ms = m->told_at_ms};
    snprintf(record.kind, sizeof(record.kind), "%s", m->note->kind);
    snprintf(record.key, sizeof(record.key), "%s", m->checks[0].name);
    snprintf(record.channel, sizeof(record.channel), "%s", m->channel);
    snprintf(record.ts, sizeof(record.ts), "%s", m->ts);
    bw_note_encode(&record, doc);
}

static void encode_told(const struct bw_message *m, bool withheld, struct bw_buf *doc)
{
    struct bw_told_record where = {.told_at_ms = m->told_at_ms};
    if (withheld) {
        snprintf(where.withheld, sizeof(where.withheld), "%s", m->withheld);
    } else {
        snprintf(where.channel, sizeof(where.channel), "%s", m->channel);
        snprintf(where.ts, sizeof(where.ts), "%s", m->ts);
        snprintf(where.thread, sizeof(where.thread), "%s", m->thread);
        where.quietly = m->thread[0] && !m->broadcast;
    }
    bw_told_encode(m->entries, m->n, &where, doc);
}

static void record(struct bw_message *m)
{
    struct bw_notifier *n = m->notifier;
    const struct bw_keys *k = &n->cx->keys;
    const char *const head[] = {m->stream, k->delivery, k->history,     k->staged_bytes,
                                k->untold, k->digest,   BW_GROUP_SLACK, m->note ? "note" : "told"};
    struct bw_args args;
    struct bw_buf doc;
    bool withheld = m->progress.outcome == BW_OUTCOME_WITHHELD;
    if (m->told_at_ms == 0)
        measure(m);
    bw_args_init(&args);
    bw_buf_init(&doc, (size_t)4 << 20);
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        bw_args_add(&args, head[i]);
    if (m->note && !withheld)
        encode_note(m, &doc);
    else if (m->n > 0)
        encode_told(m, withheld, &doc);
    bw_args_add_bytes(&args, bw_buf_str(&doc), doc.len);
    bw_args_add(&args, KEEP_CHANGES);
    bw_deliver_add_checks(&args, m);
    for (size_t i = 0; i < m->n_refs; i++)
        bw_args_field(&args, m->refs[i].id, doc.len == 0 || m->refs[i].told ? m->refs[i].change_id : "");
    if (bw_redis_eval(n->cx->redis, &bw_script_told, 6, args.n, args.values, args.lens, on_recorded, m) ==
        BW_OK)
        begun(m);
    else
        not_begun(m);
    bw_buf_fini(&doc);
    bw_args_fini(&args);
}

/* ---- SET_ASIDE ---- */

static void take_aside(struct bw_message *m)
{
    struct bw_notifier *n = m->notifier;
    const struct bw_keys *k = &n->cx->keys;
    bw_log_error("slack", "%s: its changes are set aside in %s", m->checks[0].name, k->set_aside);
    for (size_t i = 0; i < m->n_refs; i++) {
        const char *argv[] = {
            m->stream, k->set_aside, k->staged_bytes, BW_GROUP_SLACK, m->refs[i].id, "refused by Slack", "0"};
        if (bw_redis_eval(n->cx->redis, &bw_script_set_aside, 3, 7, argv, NULL, NULL, NULL) == BW_OK)
            bw_metric_add(n->cx->counters.set_aside, 1);
        const char *digest[] = {"HDEL", k->digest, m->refs[i].id};
        if (bw_redis_command(n->cx->redis, 3, digest, NULL, NULL, NULL) != BW_OK)
            bw_log_debug("slack", "%s stays in %s", m->refs[i].id, k->digest);
    }
}

void bw_deliver_forget_intentions(struct bw_message *m)
{
    struct bw_notifier *n = m->notifier;
    for (size_t i = 0; i < m->n_checks; i++) {
        const char *argv[] = {"HDEL", n->cx->keys.delivery, m->checks[i].name};
        if (bw_redis_command(n->cx->redis, 3, argv, NULL, NULL, NULL) != BW_OK)
            bw_log_debug("slack", "%s: its intention stays for now", m->checks[i].name);
    }
}

/* Of a group only what is refused alone too. */
static void set_aside(struct bw_message *m)
{
    bool alone = TAILQ_EMPTY(&m->company);
    if (alone)
        take_aside(m);
    bw_deliver_forget_intentions(m); /* certainly not posted: put back, it is sent without a look */
    if (!alone) {
        bw_notifier_send_apart(m);
        return;
    }
    m->progress.step = BW_DELIVERY_DONE; /* what Redis did not take is read again after it is back */
    bw_notifier_progressed(m);
}

void bw_deliver(struct bw_message *m)
{
    static void (*const steps[])(struct bw_message *) = {[BW_DELIVERY_ADDRESS] = bw_deliver_address,
                                                         [BW_DELIVERY_PARK] = bw_deliver_park,
                                                         [BW_DELIVERY_CONFIRM] = confirm,
                                                         [BW_DELIVERY_LOOK] = look,
                                                         [BW_DELIVERY_PLACE] = bw_deliver_place,
                                                         [BW_DELIVERY_INTEND] = intend,
                                                         [BW_DELIVERY_POST] = post,
                                                         [BW_DELIVERY_RECORD] = record,
                                                         [BW_DELIVERY_SET_ASIDE] = set_aside};
    steps[m->progress.step](m);
}
