/* What the kinds of stream entries share: a reader of members, and the pieces that stand in several of them. Private to
 * this room.
 *
 * Entries come back from Redis, where people may edit: each member is verified. The reader keeps the first fault and
 * skips everything behind it, so a record is read in one go and looked at once, at its end. */
#pragma once

#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/json.h"

#define BW_ENTRY_TIME_MAX                                                                                    \
    INT64_C(253402300799) /* 9999-12-31T23:59:59Z: what both clocks and Postgres can say */
#define BW_ENTRY_TIME_MAX_MS INT64_C(253402300799999) /* the same moment */
#define BW_ENTRY_LIST_MAX    100000                   /* elements of one list; more were never written */

struct bw_reader {
    const struct bw_json_node *o;
    struct bw_error *error;
    enum bw_err err; /* the first fault; its text names the member and what was expected */
};

void bw_reader_init(struct bw_reader *r, const struct bw_json_node *o, struct bw_error *error);
void bw_reader_fail(struct bw_reader *r, const char *fmt, ...) BW_PRINTF(2, 3);
/* Each gives 0, false, NULL or "" where it fails, or something failed before. */
int64_t bw_reader_int(struct bw_reader *r, const char *name, int64_t min, int64_t max);
double bw_reader_double(struct bw_reader *r, const char *name, double min, double max);
bool bw_reader_bool(struct bw_reader *r, const char *name);
const char *bw_reader_string(struct bw_reader *r,
                             const char *name); /* must be there; borrowed; "" on failure */
void bw_reader_text(struct bw_reader *r, const char *name, char *out,
                    size_t size);                                /* an error where it is longer */
char *bw_reader_optional(struct bw_reader *r, const char *name); /* null or absent: NULL; else a copy */
void bw_reader_uuid(struct bw_reader *r, const char *name, char out[BW_UUID_TEXT]);
void bw_reader_key(struct bw_reader *r, struct bw_product_key *out); /* members domain and asin */
/* An array of at most BW_ENTRY_LIST_MAX; NULL on failure. */
const struct bw_json_node *bw_reader_list(struct bw_reader *r, const char *name, size_t *n);
bool bw_uuid_valid(const char *text); /* lower case, as it was written: Slack's history compares bytes */

/* The text as it will be read again into a field of this size: valid UTF-8 and not longer. A text that was cut in the
 * middle of a character would grow by its mending, and its own reader would refuse it. */
void bw_entry_write_fitting(struct bw_json *j, const char *name, const char *text, size_t size);

void bw_entry_write_change(struct bw_json *j, const char *key, const struct bw_change *c);
/* Takes memory only on success. */
enum bw_err bw_entry_read_change(const struct bw_json_node *o, struct bw_change *out, struct bw_error *error);
void bw_entry_write_names(struct bw_json *j, const struct bw_category_name *names, size_t n);
/* Member "names"; takes memory only on success. */
void bw_entry_read_names(struct bw_reader *r, struct bw_category_name **names, size_t *n);
