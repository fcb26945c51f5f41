/* The protocol of a message, as transitions. Each function is called with the answer to the step under way. */
#include "badgewatch/core/delivery.h"

#define LOOKS    2 /* one that finds nothing proves little; the last is behind the fence */
#define REFUSALS 4 /* with BW_WAIT_BACKOFF between them: some seconds */

static void go(struct bw_delivery_progress *p, enum bw_delivery_step step, enum bw_delivery_wait wait)
{
    p->step = step;
    p->wait = wait;
}

static void record(struct bw_delivery_progress *p, enum bw_delivery_outcome outcome)
{
    p->outcome = outcome;
    go(p, BW_DELIVERY_RECORD, BW_WAIT_NONE);
}

/* Nothing that was tried before can come out any more without being marked. */
static void clear(struct bw_delivery_progress *p)
{
    p->cleared = true;
    p->past = BW_PAST_NONE;
    if (p->withheld)
        record(p, BW_OUTCOME_WITHHELD);
    else /* where Postgres does not answer it knows no thread, and could record none */
        go(p, p->confirmed ? BW_DELIVERY_PLACE : BW_DELIVERY_INTEND, BW_WAIT_NONE);
}

static void cannot_look(struct bw_delivery_progress *p)
{
    p->possible_repeat = true;
    clear(p);
}

void bw_delivery_begin(struct bw_delivery_progress *p, bool can_look)
{
    *p = (struct bw_delivery_progress){.step = BW_DELIVERY_GATHER, .can_look = can_look};
}

void bw_delivery_gathered(struct bw_delivery_progress *p)
{
    go(p, BW_DELIVERY_ADDRESS, BW_WAIT_NONE);
}

void bw_delivery_addressed(struct bw_delivery_progress *p, enum bw_delivery_past past, bool withheld,
                           bool quiet)
{
    p->withheld = withheld;
    if (!p->cleared) /* an intention that we wrote ourselves says nothing new */
        p->past = past;
    if (withheld && p->past == BW_PAST_NONE)
        record(p, BW_OUTCOME_WITHHELD);
    else
        go(p, quiet && !withheld ? BW_DELIVERY_PARK : BW_DELIVERY_CONFIRM, BW_WAIT_NONE);
}

bool bw_delivery_settled(const struct bw_delivery_progress *p)
{
    return p->cleared && !p->possible_repeat;
}

void bw_delivery_parked(struct bw_delivery_progress *p, enum bw_delivery_intent parked)
{
    if (parked == BW_INTENT_RECORDED)
        go(p, BW_DELIVERY_DONE, BW_WAIT_NONE);
    else if (parked == BW_INTENT_NOT_OURS)
        go(p, BW_DELIVERY_DROP, BW_WAIT_NONE);
    else
        go(p, BW_DELIVERY_PARK, BW_WAIT_STORE);
}

void bw_delivery_confirmed(struct bw_delivery_progress *p, enum bw_delivery_says says)
{
    if (says == BW_SAYS_TOLD) {
        record(p, BW_OUTCOME_ALREADY);
        return;
    }
    p->confirmed = says != BW_SAYS_NOTHING;
    p->blind = !p->confirmed && p->can_look && p->past == BW_PAST_DOUBTFUL;
    if (p->blind) { /* at LOOK it holds up no other product */
        go(p, BW_DELIVERY_LOOK, BW_WAIT_STORE);
        return;
    }
    if (says == BW_SAYS_INTENDED && !p->cleared && p->past == BW_PAST_NONE)
        p->past = BW_PAST_INTENDED;
    if (p->past == BW_PAST_NONE) {
        clear(p);
    } else if (p->can_look) {
        p->looks = 0;
        go(p, BW_DELIVERY_LOOK, BW_WAIT_FENCE);
    } else {
        cannot_look(p);
    }
}

void bw_delivery_looked(struct bw_delivery_progress *p, enum bw_delivery_seen seen)
{
    switch (seen) {
    case BW_SEEN:
        record(p, BW_OUTCOME_FOUND);
        break;
    case BW_SEEN_REFUSED: /* what Slack alone can lift may never be: it would wait for ever */
        if (++p->refusals < REFUSALS)
            go(p, BW_DELIVERY_LOOK, BW_WAIT_BACKOFF);
        else
            bw_delivery_looked(p, BW_SEEN_CANNOT);
        break;
    case BW_SEEN_LATER:
        go(p, BW_DELIVERY_LOOK, BW_WAIT_BACKOFF);
        break;
    case BW_SEEN_NOT:
        if (++p->looks < LOOKS)
            go(p, BW_DELIVERY_LOOK, BW_WAIT_FENCE);
        else
            clear(p);
        break;
    case BW_SEEN_CANNOT:
        cannot_look(p);
        p->wait = BW_WAIT_BACKOFF; /* where posts are of unknown outcome again and again, each may be there */
        break;
    }
}

/* Postgres is asked once: again only if it was away the last time. */
static enum bw_delivery_step before_post(const struct bw_delivery_progress *p)
{
    return p->confirmed ? BW_DELIVERY_INTEND : BW_DELIVERY_CONFIRM;
}

void bw_delivery_placed(struct bw_delivery_progress *p)
{
    go(p, BW_DELIVERY_INTEND, BW_WAIT_NONE);
}

void bw_delivery_intended(struct bw_delivery_progress *p, enum bw_delivery_intent intent)
{
    if (intent == BW_INTENT_RECORDED)
        go(p, BW_DELIVERY_POST, BW_WAIT_NONE);
    else if (intent == BW_INTENT_NOT_OURS)
        go(p, BW_DELIVERY_DROP, BW_WAIT_NONE);
    else
        go(p, before_post(p), BW_WAIT_STORE);
}

void bw_delivery_posted(struct bw_delivery_progress *p, enum bw_delivery_posted posted)
{
    switch (posted) {
    case BW_POSTED_OK:
        record(p, BW_OUTCOME_SENT);
        break;
    case BW_POSTED_RETRY:
        go(p, before_post(p), BW_WAIT_BACKOFF);
        break;
    case BW_POSTED_AMBIGUOUS:
        p->looks = 0;
        p->possible_repeat = p->possible_repeat || !p->can_look;
        if (p->can_look) /* soon: most often it is there */
            go(p, BW_DELIVERY_LOOK, BW_WAIT_SETTLE);
        else
            go(p, before_post(p), BW_WAIT_BACKOFF);
        break;
    case BW_POSTED_OPERATOR: /* to ADDRESS: the person may have changed the channel */
        go(p, BW_DELIVERY_ADDRESS, BW_WAIT_OPERATOR);
        break;
    case BW_POSTED_PAYLOAD:
        go(p, p->plain ? BW_DELIVERY_SET_ASIDE : before_post(p), BW_WAIT_PACE);
        p->plain = true;
        break;
    }
}

void bw_delivery_recorded(struct bw_delivery_progress *p, bool recorded)
{
    if (recorded)
        go(p, BW_DELIVERY_DONE, BW_WAIT_NONE);
    else
        go(p, BW_DELIVERY_RECORD, BW_WAIT_STORE);
}

void bw_delivery_readdress(struct bw_delivery_progress *p)
{
    if (p->step == BW_DELIVERY_CONFIRM || p->step == BW_DELIVERY_PLACE || p->step == BW_DELIVERY_INTEND)
        go(p, BW_DELIVERY_ADDRESS, BW_WAIT_NONE);
}

void bw_delivery_failed(struct bw_delivery_progress *p)
{
    p->wait = BW_WAIT_STORE;
}

bool bw_delivery_needs_channel(enum bw_delivery_step step)
{
    return step == BW_DELIVERY_CONFIRM || step == BW_DELIVERY_PLACE || step == BW_DELIVERY_INTEND ||
           step == BW_DELIVERY_POST;
}
