/* One message on its way: the changes of one check of one product, or those of many that go out together. Private to the notifier; which step comes next is
 * core/delivery.h, what a step does is deliver.c. */
#pragma once

#include "badgewatch/base/clock.h"
#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/slack.h"
#include "badgewatch/core/delivery.h"
#include "badgewatch/core/flap.h"
#include "badgewatch/core/route.h"

#include "ids.h"

#include <sys/queue.h>

struct bw_notifier;

struct bw_message_check {
    char name[64]; /* "1:B0D8W1YVBX:17"; of a note its key, "settled:" and an id at most */
};

/* An entry of bw:changes that the message answers for. */
struct bw_message_ref {
    char id[48]; /* in the stream */
    char change_id[BW_UUID_TEXT];
    struct bw_message_check check; /* it is of */
    bool told;                     /* Postgres says so */
};

/* A message that is about no change (bw:outbox). */
struct bw_note {
    char kind[16];
    char id[BW_UUID_TEXT];
    char *headline, *lines;
    bool is_about; /* links to this product */
    struct bw_product_key about;
};

/* What a product is to the routes (core/route.h). */
struct bw_message_product {
    char channel[BW_CHANNEL_SIZE]; /* its own; "" = none */
    char *tags;                    /* separated by ';' */
    int priority;                  /* 0 = not known */
    int64_t muted_until;           /* unix s; 0 = not */
};

struct bw_message {
    TAILQ_ENTRY(bw_message) link;
    struct bw_notifier *notifier;
    struct bw_delivery_progress progress;
    bool under_way;           /* a step was begun; its answer will come */
    bool holds_channel;       /* no other message of its channel may be confirmed, intended or posted */
    struct bw_mono posted_at; /* while it held the channel; ms 0 = nothing left */
    bool left_behind;         /* an entry of its check came when it was on its way */
    bool addressed;           /* channel is known: messages behind it wait for it */
    struct bw_message_check *checks;  /* whose intention this is: one; more in a group */
    TAILQ_HEAD(, bw_message) company; /* messages that it absorbed; what they tell is here */
    size_t n_checks;
    struct bw_stream_id at; /* its place in the order */
    size_t of;              /* changes that its (first) check has */
    struct bw_product_key key;
    struct bw_message_product staged; /* when its (first) entry was staged */
    const char *stream;               /* its entries are in */
    struct bw_note *note;             /* NULL where it is about changes */
    struct bw_change_entry *entries;  /* what is to be told */
    size_t n;
    struct bw_message_ref *refs; /* what leaves the stream then */
    size_t n_refs;
    int64_t doubt_ms;              /* wall clock: an attempt that nobody remembers cannot be older */
    bool doubtful;                 /* an entry says so (stage.lua) */
    char withheld[16];             /* why nobody is told: "muted", "no_slack", "priority", "trigger" */
    char channel[BW_CHANNEL_SIZE]; /* bw_message_set_channel */
    struct bw_channel *pace;       /* of the channel; NULL = not looked for yet */
    char ts[32];
    char thread[32]; /* the message that it answers; "" = none */
    bool broadcast;  /* and stands in the channel too */
    enum bw_flap flap;
    char (*threads)[32]; /* an attempt may stand in them */
    size_t n_threads;
    struct bw_slack_look *look; /* interrupted by a rate limit; NULL = none */
    int attempt;
    struct bw_mono first; /* of the first attempt, also of another daemon's, for the look-up; 0 = none yet */
    int64_t told_at_ms;
    struct bw_quiet_hours quiet; /* of its route */
    int64_t quiet_until_ms;      /* PARK: until then */
    int64_t quiet_ended_ms;      /* it waited for the end of quiet hours, which was then; 0 = it did not */
    struct bw_mono asked;        /* when it was addressed */
    int64_t backoff_ms;          /* BW_WAIT_BACKOFF */
    struct bw_mono fence;        /* BW_WAIT_FENCE */
    struct bw_mono begin_by;     /* the request must begin until then */
    struct bw_mono gathered;     /* when the first entry was read */
    struct bw_mono next;         /* the step does not begin before */
};

TAILQ_HEAD(bw_messages, bw_message);

struct bw_message *bw_message_new(struct bw_notifier *notifier, const char *stream, const char *check,
                                  size_t of, const struct bw_product_key *key);
/* Takes ownership of *entry. doubt_ms: as the entry of the stream says, 0 = no doubt. False (and frees it) if the id is
 * there already. */
bool bw_message_add(struct bw_message *m, const char *id, struct bw_change_entry *entry, int64_t doubt_ms);
/* Tells what the other has to tell, too. Takes ownership of the other, which is in no list. */
void bw_message_absorb(struct bw_message *m, struct bw_message *other);
/* Gives one that was absorbed back, with what is left to tell of it; NULL: there is none any more. What was told of it
 * meanwhile stays here, to be recorded. */
struct bw_message *bw_message_release(struct bw_message *m);
void bw_message_set_channel(struct bw_message *m, const char *name);
/* Makes it a message about no change; takes ownership. */
void bw_message_set_note(struct bw_message *m, const char *id, struct bw_note *note, int64_t doubt_ms);
void bw_note_free(struct bw_note *note);
/* What to look for in a channel: all that its metadata names. The caller frees it; *n >= 1. */
struct bw_slack_sought *bw_message_sought(const struct bw_message *m, size_t *n);
/* Takes those changes out that the message with this ts tells, as a message of their own that has to be recorded, with the
 * checks of which nothing is left here; NULL if these are none. */
struct bw_message *bw_message_take_told(struct bw_message *m, const struct bw_slack_sought *sought, size_t n,
                                        const char *ts);
/* Takes those changes out whose flag is set, one for each entry, as a message of their own. */
struct bw_message *bw_message_take(struct bw_message *m, const bool *wanted);
/* "change", "summary". */
const char *bw_message_kind(const struct bw_message *m);
/* One of the products of both is the same. */
bool bw_message_shares_product(const struct bw_message *a, const struct bw_message *b);
/* Of this product, alone or among others. */
bool bw_message_is_about(const struct bw_message *m, const struct bw_product_key *key);
bool bw_message_has_check(const struct bw_message *m, const char *check);
bool bw_message_has(const struct bw_message *m, const char *id);
/* Somebody has told this change: the message goes without it. */
void bw_message_leave_out(struct bw_message *m, const char *change_id);
/* An attempt may stand in this thread; NULL and "": in none. */
void bw_message_note_thread(struct bw_message *m, const char *thread);
/* It was found there; NULL: nowhere. */
void bw_message_stands_in(struct bw_message *m, const struct bw_slack_sought *where);
void bw_message_free(struct bw_message *m);
/* The JSON body for Slack; false if it does not fit (never for real input: texts are cut). */
bool bw_message_body(const struct bw_message *m, const struct bw_flap_rule *rule, bool webhook,
                     int64_t now_ms, struct bw_buf *out);
/* Row of notification_log. */
void bw_message_attempt(const struct bw_message *m, const char *outcome, const char *error, int64_t now_ms,
                        struct bw_buf *out);
