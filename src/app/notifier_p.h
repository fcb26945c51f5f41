/* What the parts of the notifier share: notifier.c (streams, order, pace), company.c (what goes out together), crowd.c
 * (what is left in Redis) and deliver.c (the steps of a message). */
#pragma once

#include "args.h"
#include "badgewatch/base/backoff.h"
#include "channels.h"
#include "consumer.h"
#include "message.h"
#include "notifier.h"
#include "rows.h"

#define WAITING_MAX 16 /* beyond so many of them all that follows waits */

struct bw_notifier {
    struct bw_context *cx;
    struct bw_consumer *consumer; /* of changes */
    struct bw_consumer *notes;
    struct bw_timer *timer;
    struct bw_timer *pace; /* until a channel may be posted to again */
    struct bw_turn_end *turn_end;
    struct bw_rows *rows; /* of the intention being written */
    struct bw_messages list;
    size_t n;
    size_t under_way; /* steps whose answer will come */
    struct bw_channels channels;
    bool forgot;   /* some channel did (crowd.c) */
    bool rerouted; /* what was forgotten may go elsewhere now */
    unsigned walk; /* number of the walk through the list */
    struct bw_backoff backoff;
    bool rules_changed; /* what waits for the end of quiet hours is addressed anew */
    bool waking;
    size_t apart; /* so many messages go alone: Slack refused a group, and one of it is to blame */
    unsigned ticks;
    bool drained;   /* the last read found nothing more */
    bool gathering; /* of some message it is not known yet where it goes */
    bool stopping;
    struct bw_mono now; /* when the list was last looked through: a thousand messages ask for it each time */
    bool working;       /* look_through() is on the stack */
    bool again;         /* and must look at the list once more */
    char reason[256];
    bool probed;  /* the reason was found by a probe: a good probe ends it */
    bool traffic; /* Slack answered a message since the last probe */
};

/* What stands before a message in the list and holds it up; besides the channels that are taken. */
struct bw_ahead {
    const struct bw_message *waiting[WAITING_MAX];
    size_t n_waiting;
};

static inline bool bw_message_is_over(const struct bw_message *m)
{
    return m->progress.step == BW_DELIVERY_DONE || m->progress.step == BW_DELIVERY_DROP;
}

/* company.c: it waits, but not for its channel: others of its check are still to come, it has no channel yet, or it is
 * looked for. */
bool bw_message_is_unplaced(const struct bw_message *m);
void bw_ahead_note(struct bw_ahead *ahead, const struct bw_message *m);
/* Of one product the order is kept always; what waits holds up no other product. */
bool bw_ahead_holds_up(const struct bw_ahead *ahead, const struct bw_message *m);
/* Others may still go with it. */
bool bw_message_is_open(const struct bw_message *m);
/* Takes those behind the message that may go out with it from the list, into it. */
void bw_company_gather(struct bw_message *m, const struct bw_ahead *ahead);

/* crowd.c: makes room in memory, or keeps it. */
void bw_crowd_forget(struct bw_notifier *n, bool full);
/* What was forgotten is read again, if it may go on. */
void bw_crowd_remember(struct bw_notifier *n);

/* notifier.c */
/* Takes it from the list, and frees it. */
void bw_notifier_drop(struct bw_message *m);
void bw_notifier_slack_state(struct bw_notifier *n, bool up, const char *reason);
/* The step's answer has moved m->progress: waits are set, an ended message is freed, others may go on. */
void bw_notifier_progressed(struct bw_message *m);
/* Takes the message, whose changes were found in the channel: it only has to be recorded. */
void bw_notifier_found(struct bw_message *m);
/* The same for a message that nobody is to be told of. */
void bw_notifier_withheld(struct bw_message *m);
/* Takes the message, which was part of a group, to be addressed by itself. */
void bw_notifier_again(struct bw_message *m);
/* The attempt to tell m may have begun so long ago: it is looked for from there. */
void bw_message_note_first(struct bw_message *m, int64_t age_ms);
/* Slack refuses it for good, and it has company: each goes alone. */
void bw_notifier_send_apart(struct bw_message *m);
void bw_notifier_log_attempt(struct bw_notifier *n, const struct bw_message *m, const char *outcome,
                             const char *error);

/* deliver.c: begins the step that m->progress is at. It ends in bw_notifier_progressed, later; or at once where a store
 * takes no command, then the step waits. */
void bw_deliver(struct bw_message *m);

/* question.c: answer is NULL where Postgres did not give one in time, or refused. False: it cannot be asked now. */
typedef void (*bw_question_cb)(struct bw_message *m, const struct bw_pg_answer *answer);
bool bw_deliver_ask(struct bw_message *m, const struct bw_pg_statement *statements, size_t n,
                    bw_question_cb cb) BW_MUSTCHECK;

/* place.c: the channel, or a thread. */
void bw_deliver_place(struct bw_message *m);

/* address.c: the first step. */
void bw_deliver_address(struct bw_message *m);
/* quiet.c: PARK; and what brings parked messages back. */
void bw_deliver_park(struct bw_message *m);
void bw_quiet_wake(struct bw_notifier *n);
/* Whether quiet hours began for a message that was addressed before them. */
bool bw_quiet_began(const struct bw_message *m);
/* deliver.c: no attempt of it can be out. */
void bw_deliver_forget_intentions(struct bw_message *m);
void bw_deliver_add_checks(struct bw_args *args, const struct bw_message *m);

static inline struct bw_flap_rule bw_notifier_flap_rule(const struct bw_notifier *n)
{
    const struct bw_conf *c = n->cx->conf;
    return (struct bw_flap_rule){c->alert_flap_changes, c->alert_flap_window_ms, c->alert_flap_settle_ms};
}

static inline const char *text(const struct bw_reply *r)
{
    return r->type == BW_REPLY_STRING ? r->str : "";
}

/* A step's begin and end. */
static inline void begun(struct bw_message *m)
{
    m->under_way = true;
    m->notifier->under_way++;
}

static inline void answered(struct bw_message *m)
{
    m->under_way = false;
    m->notifier->under_way--;
}

static inline void not_begun(struct bw_message *m)
{
    bw_delivery_failed(&m->progress);
    bw_notifier_progressed(m);
}

#define BEGIN_MS  5000  /* a request that has not begun so long after its intention is not begun any more */
#define ARRIVE_MS 10000 /* so long after it was begun Slack has it, or never will */
#define FENCE_MS  (BEGIN_MS + ARRIVE_MS) /* so long after an intention nobody's request for it is on its way */
#define SETTLE_MS 2000                   /* so long after Slack has a message its history shows it */
