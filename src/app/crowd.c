/* A channel that is gone must not fill the memory that all channels share. Where the memory is full, the newest messages for
 * a channel that refuses are forgotten here: they stay in Redis, pending for this daemon, and are read again with all that
 * has not begun, in order, when the channel takes messages again, or when they may go elsewhere. Until then what comes for
 * it is forgotten at once: it is newer. */
#include "notifier_p.h"

#define KEPT 100 /* of such a channel: more than go out as one message */

/* No attempt of it is under way, or was. */
static bool has_not_begun(const struct bw_message *m)
{
    enum bw_delivery_step step = m->progress.step;
    return !m->under_way && !m->holds_channel && !m->note && m->attempt == 0 &&
           (step == BW_DELIVERY_GATHER || step == BW_DELIVERY_ADDRESS || step == BW_DELIVERY_CONFIRM ||
            step == BW_DELIVERY_PLACE || step == BW_DELIVERY_INTEND);
}

void bw_crowd_forget(struct bw_notifier *n, bool full)
{
    struct bw_message *m, *before;
    if (!full && !n->forgot)
        return;
    for (m = TAILQ_LAST(&n->list, bw_messages); m; m = before) {
        struct bw_channel *c = m->pace;
        before = TAILQ_PREV(m, bw_messages, link);
        if (!c || !m->addressed || !has_not_begun(m))
            continue;
        bool newer = c->forgot && bw_stream_id_compare(m->at, c->forgot_from) >= 0;
        if (!newer && (!full || !c->refused || c->messages <= KEPT))
            continue;
        if (!newer)
            c->forgot_from = m->at;
        c->forgot = n->forgot = true;
        bw_notifier_drop(m);
    }
}

static bool may_go_on(const struct bw_notifier *n)
{
    const struct bw_channel *c;
    const struct bw_message *m;
    bool some = n->rerouted;
    TAILQ_FOREACH (c, &n->channels, link)
        some = some || (c->forgot && (!c->refused || c->messages == 0));
    TAILQ_FOREACH (m, &n->list, link) { /* it may be for such a channel, and newer: in a moment it is known */
        if (!m->addressed && m->under_way)
            return false;
    }
    return some;
}

void bw_crowd_remember(struct bw_notifier *n)
{
    struct bw_message *m, *after;
    struct bw_channel *c;
    if (!n->forgot || !may_go_on(n))
        return;
    for (m = TAILQ_FIRST(&n->list); m; m = after) {
        after = TAILQ_NEXT(m, link);
        if (has_not_begun(m))
            bw_notifier_drop(m);
    }
    TAILQ_FOREACH (c, &n->channels, link)
        c->forgot = false;
    n->forgot = n->rerouted = false;
    bw_consumer_rewind(n->consumer);
}
