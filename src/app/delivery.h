/* One message on its way: the changes of one check of one product. Private to the notifier. */
#pragma once

#include "badgewatch/base/clock.h"
#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/slack.h"

#include <sys/queue.h>

enum bw_delivery_state {
    BW_DELIVERY_GATHER,  /* not all changes of its check were read yet */
    BW_DELIVERY_ADDRESS, /* where to: channel and mute of the product are being read */
    BW_DELIVERY_READY,   /* may be sent when its channel is free */
    BW_DELIVERY_INTEND,  /* the intention is being written */
    BW_DELIVERY_SENDING, /* the request is under way */
    BW_DELIVERY_UNSURE,  /* it may have been posted: look first, at `next` */
    BW_DELIVERY_LOOKING, /* the channel's history is being read */
    BW_DELIVERY_RECORD,  /* told; the record is to be written to Redis, at `next` */
    BW_DELIVERY_RECORDING
};

struct bw_delivery {
    TAILQ_ENTRY(bw_delivery) link;
    struct bw_notifier *notifier;
    enum bw_delivery_state state;
    char check[BW_PRODUCT_TEXT + 24]; /* "1:B0D8W1YVBX:17" */
    size_t of;                        /* changes that its check has */
    struct bw_change_entry *entries;
    char (*ids)[48];
    size_t n;
    bool addressed;
    bool muted;
    bool plain; /* the payload was refused once */
    bool possible_repeat;
    char channel[64];
    char ts[32];
    int attempt;
    int looks;
    int64_t intended_at_ms; /* wall clock of the first intention, for the look-up */
    int64_t told_at_ms;
    struct bw_mono gathered; /* when the first entry was read */
    struct bw_mono next;     /* not before */
};

TAILQ_HEAD(bw_deliveries, bw_delivery);

struct bw_delivery *bw_delivery_new(struct bw_notifier *notifier, const char *check, size_t of);
/* Takes ownership of *entry. False (and frees it) if the id is there already. */
bool bw_delivery_add(struct bw_delivery *d, const char *id, struct bw_change_entry *entry);
void bw_delivery_free(struct bw_delivery *d);
/* The JSON body for Slack; false if it does not fit (never for real input: texts are cut). */
bool bw_delivery_body(const struct bw_delivery *d, bool webhook, int64_t now_ms, struct bw_buf *out);
/* Row of notification_log. */
void bw_delivery_attempt(const struct bw_delivery *d, const char *outcome, const char *error, int64_t now_ms,
                         struct bw_buf *out);
