/* ADDRESS, the first step of a message: where to and whether at all, by the product as it is tracked now and the routes of
 * the settings; and what is known of earlier attempts.
 *
 * The route is chosen here and not at detection: a person who moves a product, or mends a route, does so for the alerts
 * that wait, too. Only a product that is tracked no more is told of as it was when its change was staged. Whether it was
 * muted is asked as of the detection: the same whenever, and by whomever, it is decided.
 *
 * How it fails: Redis takes no command: the step is tried again. */
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/core/route.h"
#include "notifier_p.h"
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAST,
    INTENDED_CHANNEL,
    INTENDED_THREAD,
    ATTEMPTS,
    FIRST_AGE,
    LAST_AGE,
    NOW,
    QUIET_ENDED,
    BEHIND,
    CHANNEL,
    TAGS,
    PRIORITY,
    MUTED_UNTIL,
    ANSWERS
};

static int64_t number(const struct bw_reply *r)
{
    return r->type == BW_REPLY_INTEGER  ? r->integer
           : r->type == BW_REPLY_STRING ? strtoll(r->str, NULL, 10)
                                        : 0;
}

/* The product as the routes see it. */
struct addressee {
    const char *channel, *tags;
    int priority;
    int64_t muted_until;
};

static struct addressee addressee_of(const struct bw_message *m, const struct bw_reply *answer)
{
    const struct bw_reply *e = answer->elements;
    if (answer->n == ANSWERS)
        return (struct addressee){text(&e[CHANNEL]), text(&e[TAGS]), (int)number(&e[PRIORITY]),
                                  number(&e[MUTED_UNTIL])};
    return (struct addressee){m->staged.channel, m->staged.tags ? m->staged.tags : "", m->staged.priority,
                              m->staged.muted_until};
}

/* ---- whether ---- */

/* Changes of one category in one check are told together or not at all (core/route.h). */
static const char *withholds(const struct bw_message *m, size_t i, const struct bw_route *route, int priority)
{
    bool happened[2] = {false, false};
    const struct bw_change *c = &m->entries[i].change;
    for (size_t k = 0; k < m->n; k++) {
        const struct bw_change *other = &m->entries[k].change;
        if (other->category_id == c->category_id)
            happened[other->type] = true;
    }
    return bw_route_withholds(route, priority, happened[BW_GAINED], happened[BW_LOST]);
}

/* What the route does not want of this message: all (then it is withheld), or some, which part from it. An earlier attempt
 * was of the whole message: while its outcome is not known none is taken away. */
static void decide_which(struct bw_message *m, const struct bw_route *route, int priority, bool attempted)
{
    bool *unwanted = bw_alloc_array(m->n, sizeof(*unwanted));
    const char *why = NULL;
    size_t n = 0;
    for (size_t i = 0; i < m->n; i++) {
        const char *reason = withholds(m, i, route, priority);
        unwanted[i] = reason != NULL;
        n += unwanted[i];
        why = reason ? reason : why;
    }
    if (n > 0 && n == m->n) {
        snprintf(m->withheld, sizeof(m->withheld), "%s", why);
    } else if (n > 0 && !attempted) {
        struct bw_message *part = bw_message_take(m, unwanted);
        snprintf(part->withheld, sizeof(part->withheld), "%s", why);
        bw_notifier_withheld(part);
    }
    free(unwanted);
}

static void decide_whether(struct bw_message *m, const struct addressee *a, const struct bw_route *route,
                           bool attempted)
{
    m->withheld[0] = '\0';
    if (m->n > 0 && a->muted_until * 1000 > m->entries[0].change.detected_at_ms)
        snprintf(m->withheld, sizeof(m->withheld),
                 "muted"); /* first: somebody said so, whatever else would hold */
    else if (bw_slack_mode(m->notifier->cx->conf) == BW_SLACK_OFF)
        snprintf(m->withheld, sizeof(m->withheld), "no_slack");
    else if (m->n > 0)
        decide_which(m, route, a->priority, attempted);
}

/* ---- when ---- */

/* Also behind others of its product that are just being woken: their order stays. */
static bool decide_when(struct bw_message *m, const struct bw_reply *e, const struct bw_route *route)
{
    int64_t now_ms = number(&e[NOW]);
    int64_t until = bw_route_quiet_until(route, now_ms / 1000);
    bool behind = number(&e[BEHIND]) == 1;
    m->quiet = route ? route->quiet : (struct bw_quiet_hours){0, 0};
    m->quiet_ended_ms = number(&e[QUIET_ENDED]);
    m->quiet_until_ms = until != 0 ? until * 1000 : now_ms;
    m->asked = bw_mono_now();
    return !m->note && (until != 0 || behind);
}

/* ---- the answer ---- */

/* The clock of whoever tried may be wrong, and ours may be stepped: what counts is how long it is ago. */
void bw_message_note_first(struct bw_message *m, int64_t age_ms)
{
    int64_t at = bw_mono_now().ms - (age_ms > 0 ? age_ms : 0);
    if (m->first.ms == 0 || at < m->first.ms)
        m->first.ms = at;
}

static enum bw_delivery_past past_of(const struct bw_message *m, const struct bw_reply *e)
{
    if (strcmp(text(&e[PAST]), "intended") == 0)
        return BW_PAST_INTENDED;
    return m->doubtful || strcmp(text(&e[PAST]), "doubtful") == 0 ? BW_PAST_DOUBTFUL : BW_PAST_NONE;
}

static void on_address(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_message *m = ctx;
    const struct bw_conf *conf = m->notifier->cx->conf;
    answered(m);
    if (err != BW_OK || reply->type != BW_REPLY_ARRAY || (reply->n != ANSWERS && reply->n != CHANNEL)) {
        not_begun(m);
        return;
    }
    const struct bw_reply *e = reply->elements;
    bool bot = bw_slack_mode(conf) == BW_SLACK_BOT;
    enum bw_delivery_past past = past_of(m, e);
    struct addressee a = addressee_of(m, reply);
    const struct bw_route *route = m->note ? NULL : bw_route_of(conf->routes, conf->n_routes, a.tags);
    bw_message_set_channel(m, bot ? bw_route_channel(route, a.channel, conf->slack_channel)
                                  : conf->slack_channel);
    m->thread[0] = '\0'; /* PLACE chooses it, for this channel */
    decide_whether(m, &a, route, past != BW_PAST_NONE && !m->progress.cleared);
    bool quiet = decide_when(m, e, route);
    if (past == BW_PAST_INTENDED) {
        if (!m->progress.cleared && text(&e[INTENDED_CHANNEL])[0]) /* it may be there, and only there */
            bw_message_set_channel(m, text(&e[INTENDED_CHANNEL]));
        bw_message_note_thread(m, text(&e[INTENDED_THREAD]));
        m->attempt = (int)number(&e[ATTEMPTS]);
        bw_message_note_first(m, number(&e[FIRST_AGE]));
    }
    int64_t age = number(&e[LAST_AGE]);
    m->progress.can_look = bot;
    bw_delivery_addressed(&m->progress, past, m->withheld[0] != '\0', quiet);
    m->fence.ms = bw_mono_now().ms + (age < FENCE_MS ? FENCE_MS - age : 0);
    bw_notifier_progressed(m);
}

static void begin_anew(struct bw_message *m, bool settled)
{
    bw_delivery_begin(&m->progress, m->progress.can_look);
    bw_delivery_gathered(&m->progress);
    m->progress.cleared = settled; /* what Postgres remembers of an attempt is of one that is not out */
    m->gathered = bw_mono_now();
}

/* Products that went together may be routed apart now: each is addressed by itself. False where all that the first had to
 * tell was told meanwhile. */
static bool break_up(struct bw_message *m)
{
    struct bw_message *other;
    bool settled = bw_delivery_settled(&m->progress);
    if (settled)
        bw_deliver_forget_intentions(m);
    while ((other = bw_message_release(m))) {
        bw_notifier_again(other);
        begin_anew(other, settled);
    }
    if (m->n > 0) {
        begin_anew(m, settled);
        return true;
    }
    m->progress.outcome = BW_OUTCOME_ALREADY;
    m->progress.step = m->n_refs > 0 ? BW_DELIVERY_RECORD : BW_DELIVERY_DONE;
    bw_notifier_progressed(m);
    return false;
}

void bw_deliver_address(struct bw_message *m)
{
    struct bw_notifier *n = m->notifier;
    if (!TAILQ_EMPTY(&m->company) && !break_up(m))
        return;
    const struct bw_keys *k = &n->cx->keys;
    char product[BW_KEY_MAX], member[BW_PRODUCT_TEXT];
    bw_keys_product(k, &m->key, product); /* of a note there is none */
    bw_product_key_format(&m->key, member);
    bool can_look = bw_slack_mode(n->cx->conf) == BW_SLACK_BOT; /* else there would be a mark for nothing */
    const char *argv[] = {
        product,       k->delivery,       k->doubt,      k->quiet, k->digest,
        k->generation, m->checks[0].name, m->refs[0].id, member,   m->note && can_look ? "1" : "0"};
    if (bw_redis_eval(n->cx->redis, &bw_script_address, 6, 10, argv, NULL, on_address, m) == BW_OK)
        begun(m);
    else
        not_begun(m);
}
