/* Entries of the streams bw:history and bw:changes (CONTRACT 5).
 *
 * bw:history holds what Postgres must get, in order; field "kind" says what an entry is:
 *   check    fields doc (JSON below), raw (the product object, bytes of Keepa; absent when there is none)
 *   request  doc: one row of api_usage_log
 *   told     doc: the changes that a message carried, where and when it was accepted
 *   note     doc: a message about no change that was accepted (the daily summary), where and when
 *   attempt  doc: one row of notification_log
 *   category doc: names learned from /category
 * bw:changes holds one entry a change with readable fields, plus "doc": the change as JSON, "check": which check of
 * which product it came from ("1:B0D8W1YVBX:17"), "of": how many changes that check had. */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/core/delivery.h"
#include "badgewatch/core/detect.h"

/* ---- check ---- */
struct bw_check_points {
    int64_t category_id; /* rank points; 0 for value points */
    enum bw_value_kind kind;
    struct bw_series series;
};

struct bw_check_record {
    struct bw_state state; /* after the check */
    enum bw_unknown unknown;
    int64_t checked_at_ms;
    char batch_id
        [BW_UUID_TEXT];  /* "" = no check: losses that were held back were decided (bw_detect_settle) */
    char raw_sha256[65]; /* "" when there is no raw */
    bool raw_mended;     /* raw was not valid UTF-8; the stored text is mended, the hash is of the original */
    struct bw_change *changes;
    size_t n_changes;
    struct bw_reign *reigns;
    size_t n_reigns;
    struct bw_unknown_period *unknowns;
    size_t n_unknowns;
    struct bw_check_points *ranks;
    size_t n_ranks;
    struct bw_check_points *values;
    size_t n_values;
    struct bw_category_name *names; /* categoryTree, for table categories */
    size_t n_names;
};
/* Encodes from a detection (no copies made). state_json: of d->next, where it is known already; else NULL. */
void bw_check_encode(const struct bw_detection *d, const struct bw_product *p, const char *state_json,
                     int64_t checked_at_ms, const char *batch_id, const char *raw_sha256, bool raw_mended,
                     struct bw_buf *out);
/* The record that encoding and decoding would give; takes states, names and texts out of d and p, which are still to be
 * freed. */
void bw_check_record_take(struct bw_check_record *out, struct bw_detection *d, struct bw_product *p,
                          int64_t checked_at_ms, const char *batch_id, const char *raw_sha256,
                          bool raw_mended);
enum bw_err bw_check_decode(const char *json, size_t len, struct bw_check_record *out,
                            struct bw_error *error) BW_MUSTCHECK;
void bw_check_record_fini(struct bw_check_record *r);

/* ---- change ---- */
/* What a message needs to know of a change and its product. */
struct bw_change_entry {
    struct bw_change change;
    char *title;                  /* may be NULL */
    char parent[BW_ASIN_LEN + 1]; /* of the family that the product is a variation of; "" = none known */
    int64_t data_at;              /* freshness of the data behind it (rule 9), unix s; 0 unknown */
    int64_t queued_at_ms;         /* clock of Redis: the id of its entry in bw:changes; 0 = it has none yet */
};
void bw_change_entry_encode(const struct bw_change_entry *e, struct bw_buf *out);
enum bw_err bw_change_entry_decode(const char *json, size_t len, struct bw_change_entry *out,
                                   struct bw_error *error) BW_MUSTCHECK;
void bw_change_entry_fini(struct bw_change_entry *e);

/* ---- request: one row of api_usage_log ---- */
struct bw_request_record {
    char batch_id[BW_UUID_TEXT];
    int64_t started_at_ms, completed_at_ms;
    char endpoint[16]; /* product, category, token */
    int http_status;   /* 0 = none */
    int asins;
    int64_t tokens_consumed;
    bool has_tokens_left;
    int64_t tokens_left;
    double cost_cents;
    char error[256]; /* "" = none */
};
void bw_request_encode(const struct bw_request_record *r, struct bw_buf *out);
enum bw_err bw_request_decode(const char *json, size_t len, struct bw_request_record *out,
                              struct bw_error *error) BW_MUSTCHECK;

/* ---- told: what Slack accepted, or why nobody is told ---- */
struct bw_told_record {
    struct bw_change_entry *entries;
    size_t n;
    char withheld[16];                     /* "muted", "no_slack"; "" = Slack accepted it */
    char channel[BW_CHANNEL_SIZE], ts[32]; /* ts "" with a webhook */
    char thread[32];                       /* the message in whose thread it stands; "" = in the channel */
    bool quietly;                          /* in the thread alone */
    int64_t told_at_ms;
};
/* The texts and times are those of *where, the changes those of the list. */
void bw_told_encode(const struct bw_change_entry *entries, size_t n, const struct bw_told_record *where,
                    struct bw_buf *out);
enum bw_err bw_told_decode(const char *json, size_t len, struct bw_told_record *out,
                           struct bw_error *error) BW_MUSTCHECK;
void bw_told_record_fini(struct bw_told_record *r);

/* ---- note: a message about no change that Slack accepted ---- */
struct bw_note_record {
    char kind[16]; /* summary */
    char key[64];  /* "summary:2026-05-10" */
    char channel[BW_CHANNEL_SIZE], ts[32];
    int64_t told_at_ms;
};
void bw_note_encode(const struct bw_note_record *r, struct bw_buf *out);
enum bw_err bw_note_decode(const char *json, size_t len, struct bw_note_record *out,
                           struct bw_error *error) BW_MUSTCHECK;

/* ---- attempt: one row of notification_log ---- */
struct bw_attempt_record {
    char kind[16]; /* change, test, system, summary */
    char channel[BW_CHANNEL_SIZE];
    char thread[32]; /* "" = none */
    char **change_ids;
    size_t n_change_ids;
    int attempt;
    char outcome[16]; /* sent, retry, ambiguous, operator, payload, found */
    char error[256];
    int64_t at_ms;
};
void bw_attempt_encode(const struct bw_attempt_record *r, struct bw_buf *out);
enum bw_err bw_attempt_decode(const char *json, size_t len, struct bw_attempt_record *out,
                              struct bw_error *error) BW_MUSTCHECK;
void bw_attempt_record_fini(struct bw_attempt_record *r);

/* ---- category: names learned ---- */
void bw_names_encode(int domain, const struct bw_category_name *names, size_t n, struct bw_buf *out);
enum bw_err bw_names_decode(const char *json, size_t len, int *domain, struct bw_category_name **names,
                            size_t *n, struct bw_error *error) BW_MUSTCHECK;
