/* The protocol of one message to Slack: which step comes next, whatever happened to the last one (CONTRACT 7, delivery).
 *
 * Slack has no way to post exactly once. What it has is the channel's history with metadata. So: the intention is
 * recorded before the request leaves (in Redis always, in Postgres where it answers); whoever finds an intention, or a
 * message that may have been told before a store lost what it knew, looks into the history before it sends; where
 * nobody can look, the message is sent again with a mark.
 *
 * Messages may stand in a thread (core/flap.h), which the channel's history does not list. So a thread is chosen only where
 * Postgres answers, and recorded there before the intention is; a look asks for all threads that an attempt may have gone to,
 * and does not begin before they are known.
 *
 * Happy way: ADDRESS -> CONFIRM -> PLACE -> INTEND -> POST -> RECORD -> DONE. Every step may fail or lose its answer, and every
 * step may be the last one of its daemon: another takes the message over and begins at ADDRESS. The decisions are here,
 * without I/O; test_delivery_explore.c walks all orders of steps, crashes and losses. */
#pragma once

#include <stdbool.h>

/* A channel's id or name, in characters; and the room for it in UTF-8. */
#define BW_CHANNEL_MAX  80
#define BW_CHANNEL_SIZE (BW_CHANNEL_MAX * 4 + 1)

enum bw_delivery_step {
    BW_DELIVERY_GATHER,  /* not all changes of its check were read yet */
    BW_DELIVERY_ADDRESS, /* read from Redis: where to, whether at all, and what is known of earlier attempts */
    BW_DELIVERY_PARK,    /* Redis: it waits there until quiet hours end; whoever wakes it begins at ADDRESS */
    BW_DELIVERY_CONFIRM,   /* Postgres: was it told? And the intention */
    BW_DELIVERY_LOOK,      /* the channel's history: is it there? */
    BW_DELIVERY_PLACE,     /* Postgres: the thread that it is about to go to */
    BW_DELIVERY_INTEND,    /* the intention to Redis; only the owner of the entries may */
    BW_DELIVERY_POST,      /* the request */
    BW_DELIVERY_RECORD,    /* Redis: it is told (or withheld), in one step */
    BW_DELIVERY_SET_ASIDE, /* refused for good: a person must look at it */
    BW_DELIVERY_DONE,
    BW_DELIVERY_DROP /* it is not ours any more: forgotten here, another daemon or a later read has it */
};

/* How long the next step waits; the caller knows the figures. */
enum bw_delivery_wait {
    BW_WAIT_NONE,
    BW_WAIT_FENCE,   /* until no request of an earlier attempt can still be on its way, and BW_WAIT_SETTLE */
    BW_WAIT_SETTLE,  /* a moment: what was posted is in the history by then, but for the worst of days */
    BW_WAIT_BACKOFF, /* longer each time, or what Slack asked for */
    BW_WAIT_OPERATOR,
    BW_WAIT_PACE,
    BW_WAIT_STORE /* a store is away */
};

/* What became of an earlier attempt. */
enum bw_delivery_past {
    BW_PAST_NONE,     /* there was none */
    BW_PAST_INTENDED, /* there was one, its outcome is not known */
    BW_PAST_DOUBTFUL  /* Redis lost data since the change was first seen: there may have been one */
};

enum bw_delivery_says {
    BW_SAYS_NOTHING, /* Postgres did not say */
    BW_SAYS_NEW,
    BW_SAYS_INTENDED,
    BW_SAYS_TOLD
};

enum bw_delivery_intent {
    BW_INTENT_RECORDED,
    BW_INTENT_NOT_OURS,   /* another daemon has the entries, or they are gone */
    BW_INTENT_UNVERIFIED, /* Redis came back and was not compared with Postgres yet */
    BW_INTENT_FAILED
};

enum bw_delivery_posted {
    BW_POSTED_OK,
    BW_POSTED_RETRY,     /* certainly not posted */
    BW_POSTED_AMBIGUOUS, /* may have been posted */
    BW_POSTED_OPERATOR,  /* certainly not posted; a person must act */
    BW_POSTED_PAYLOAD    /* certainly not posted; the message itself is refused */
};

enum bw_delivery_seen {
    BW_SEEN,
    BW_SEEN_NOT,     /* the history was read as far back as it could be: it is not there */
    BW_SEEN_CANNOT,  /* no scope, not a member, or a webhook: nobody can know */
    BW_SEEN_REFUSED, /* Slack answers, and says no: nobody can know, if it says so again and again */
    BW_SEEN_LATER
};

enum bw_delivery_outcome {
    BW_OUTCOME_NONE,
    BW_OUTCOME_SENT,
    BW_OUTCOME_FOUND,   /* an earlier attempt had been posted */
    BW_OUTCOME_ALREADY, /* Postgres says that it was told */
    BW_OUTCOME_WITHHELD /* muted, or no Slack configured: recorded, told to nobody */
};

struct bw_delivery_progress {
    enum bw_delivery_step step;
    enum bw_delivery_wait wait; /* before that step */
    enum bw_delivery_outcome outcome;
    enum bw_delivery_past past;
    bool can_look;        /* the channel's history may be asked (a bot token); set by the caller */
    bool withheld;        /* told to nobody */
    bool confirmed;       /* Postgres has said */
    bool cleared;         /* each attempt so far is known not to be out, or the mark accounts for it */
    bool plain;           /* without blocks: they were refused */
    bool possible_repeat; /* with the mark */
    bool blind; /* at LOOK: whether an attempt went to a thread is not known; CONFIRM is asked again */
    int looks, refusals;
};

void bw_delivery_begin(struct bw_delivery_progress *p, bool can_look); /* at GATHER */
void bw_delivery_gathered(struct bw_delivery_progress *p);
void bw_delivery_addressed(struct bw_delivery_progress *p, enum bw_delivery_past past, bool withheld,
                           bool quiet);
/* No attempt so far can be out, or would be marked: the intentions may be forgotten. */
bool bw_delivery_settled(const struct bw_delivery_progress *p);
void bw_delivery_parked(struct bw_delivery_progress *p, enum bw_delivery_intent parked);
/* Also at LOOK, while blind. */
void bw_delivery_confirmed(struct bw_delivery_progress *p, enum bw_delivery_says says);
/* It goes to the channel, or to a thread that Postgres has recorded. */
void bw_delivery_placed(struct bw_delivery_progress *p);
void bw_delivery_intended(struct bw_delivery_progress *p, enum bw_delivery_intent intent);
void bw_delivery_posted(struct bw_delivery_progress *p, enum bw_delivery_posted posted);
void bw_delivery_looked(struct bw_delivery_progress *p, enum bw_delivery_seen seen);
void bw_delivery_recorded(struct bw_delivery_progress *p, bool recorded);
/* Where it goes, or whether, may have changed: what has not begun to be sent begins anew. No step is under way. */
void bw_delivery_readdress(struct bw_delivery_progress *p);
/* A step could not begin, or its answer did not come: it is tried again. Not for POST. */
void bw_delivery_failed(struct bw_delivery_progress *p);

/* The steps that a channel does for one message at a time. */
bool bw_delivery_needs_channel(enum bw_delivery_step step);
