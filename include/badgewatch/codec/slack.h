/* Slack messages out, Slack answers in (facts: slack.md 1 and 2; texts of CONTRACT 7). */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/codec/entry.h"
#include "badgewatch/core/delivery.h"

struct bw_message_options {
    const char *channel;  /* "" for a webhook */
    bool plain;           /* text only: after a payload error */
    bool possible_repeat; /* mark "(possible repeat)" */
    bool after_quiet;     /* it waited for the end of quiet hours: marked so, and not as late */
    const char *thread;   /* answers this message; "" or NULL = none */
    bool broadcast;       /* and stands in the channel too */
    const char *remark;   /* one line of ours under what happened; "" or NULL = none */
    int64_t now_ms;       /* for the mark of late alerts */
    bool metadata;        /* false for a webhook */
};

/* All changes of one product in one check, in order: one message. A lost that follows a gained of the same category in
 * the list is told as a stay that came and went. entries: same product; n >= 1. Far below 4,000 characters whatever
 * the titles and the number of changes (more than 10 are counted, not listed). The metadata names the first
 * BW_SLACK_IDS_MAX changes, of a plain message fewer: Slack refuses large metadata. */
#define BW_SLACK_IDS_MAX       300
#define BW_SLACK_PLAIN_IDS_MAX 20
void bw_slack_changes(const struct bw_change_entry *entries, size_t n,
                      const struct bw_message_options *options, struct bw_buf *out);
/* The same message's plain text only (also for logs and tests). */
void bw_slack_changes_text(const struct bw_change_entry *entries, size_t n,
                           const struct bw_message_options *options, struct bw_buf *out);
/* Changes of many products in one message, a line for each product with its ASIN, in `text` too. Entries of a product
 * follow each other; at most BW_SLACK_GROUP_MAX products. */
#define BW_SLACK_GROUP_MAX 40
void bw_slack_group(const struct bw_change_entry *entries, size_t n, const struct bw_message_options *options,
                    struct bw_buf *out);
void bw_slack_group_text(const struct bw_change_entry *entries, size_t n,
                         const struct bw_message_options *options, struct bw_buf *out);
size_t bw_slack_group_products(const struct bw_change_entry *entries, size_t n);
/* Children of one parent ASIN with the same changes (category, type, time): what happened is said once, the children are
 * listed. Two products with the entries a and b are of one such family; all products of the entries are. */
bool bw_slack_same_family(const struct bw_change_entry *a, size_t n_a, const struct bw_change_entry *b,
                          size_t n_b);
bool bw_slack_is_family(const struct bw_change_entry *entries, size_t n);
void bw_slack_family(const struct bw_change_entry *entries, size_t n,
                     const struct bw_message_options *options, struct bw_buf *out);
void bw_slack_family_text(const struct bw_change_entry *entries, size_t n,
                          const struct bw_message_options *options, struct bw_buf *out);
/* A message about no change: a headline of ours and lines of text. The metadata names id, so that it can be found. about: the
 * product whose pages it links to, as an alert does; NULL = none. */
void bw_slack_note(const char *headline, const char *lines, const char *id,
                   const struct bw_product_key *about, const struct bw_message_options *options,
                   struct bw_buf *out);
/* Characters of a product's title and of a category's name that are shown; with the words around it, and what an alert of
 * years ago adds, a category fits a header's 150. */
#define BW_SLACK_TITLE_MAX    150
#define BW_SLACK_CATEGORY_MAX 56
/* A stranger's text for a line of such a note, of at most max characters: in one line, whole characters. False, and nothing
 * put, where nothing of it can be seen. */
bool bw_slack_put_name(const char *text, size_t max, struct bw_buf *out);
/* `badgewatch notify-test`: marked TEST. */
void bw_slack_test(const struct bw_message_options *options, const char *host, struct bw_buf *out);

/* & < > escaped, control characters replaced by a blank, bidi controls taken away, invalid UTF-8 as U+FFFD; cut to max
 * characters as written (an escaped & counts 5, one past U+FFFF 2), then an ellipsis. */
void bw_slack_escape(const char *text, size_t max, struct bw_buf *out);

struct bw_slack_answer {
    enum bw_delivery_posted class;
    char error[64];   /* Slack's code, or "http_503", "timeout", ... */
    char detail[256]; /* response_metadata.messages, needed/provided scopes */
    char channel[BW_CHANNEL_SIZE];
    char ts[32];
    int64_t retry_after_ms; /* BW_POSTED_RETRY: at least 1000 for rate limits */
};

/* status 0: no complete response; then `sent` false = BW_POSTED_RETRY, true = BW_POSTED_AMBIGUOUS. webhook: the
 * plain-text rules of incoming webhooks. retry_after_ms -1 if the header was absent. ok:true is BW_POSTED_OK also without
 * channel and ts: it was posted, only nobody can link to it. Answers of other methods may be judged too. */
void bw_slack_classify(bool webhook, int status, bool sent, const char *body, size_t len,
                       int64_t retry_after_ms, struct bw_slack_answer *out);
/* granted: what the header X-OAuth-Scopes lists, "chat:write,channels:history". */
bool bw_slack_has_scope(const char *granted, const char *scope);
/* One class for an error code of Slack (table of slack.md 1.3). Unknown codes are BW_POSTED_AMBIGUOUS: they may be new. */
enum bw_delivery_posted bw_slack_error_class(const char *code);

/* A change that is looked for in a channel. */
struct bw_slack_sought {
    char id[BW_UUID_TEXT];
    char ts[32];     /* of the message that tells it; "" = not found */
    char thread[32]; /* in whose thread that stands; "" = in the channel */
    bool broadcast;  /* and in the channel too */
};

/* The thread cannot be answered in: nothing was posted, and without the thread it may be. */
bool bw_slack_is_thread_error(const char *code);

/* Whoever may post there may not read it: a look is refused for good. Not so where credentials are bad: with them nothing can
 * be posted either, and once they are mended the look answers. */
bool bw_slack_is_look_error(const char *code);
/* The answer to a look is a no, of which it is not known whether posting is refused too: no bad token, and no trouble of
 * Slack's own. */
bool bw_slack_refuses_look(const struct bw_slack_answer *answer);

/* An answer of conversations.history or conversations.replies: fills in the ts of those changes, not found before, that the metadata of one of its
 * messages (event_type badgewatch_changes) names. Which of them go out together is no property of the changes: after a
 * loss they may be found again in other company, so each is looked for. */
enum bw_err bw_slack_history_find(const char *json, size_t len, struct bw_slack_sought *sought, size_t n,
                                  char cursor[256], struct bw_error *error) BW_MUSTCHECK;
