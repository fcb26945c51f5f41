/* What the writers of messages share: slack_message.c (one product) and slack_group.c (many). Private to this room. */
#pragma once

#include "badgewatch/codec/json.h"
#include "badgewatch/codec/slack.h"

#define BW_SLACK_TEXT_MAX 16384 /* bytes; never reached */

struct bw_slack_words {
    bool markup; /* escape for mrkdwn; false for plain_text objects */
    struct bw_buf *out;
};

/* U+2068 and U+2069, byte by byte: as a text they would turn a file around. They stand around what runs from right to left. */
extern const char bw_slack_isolate[], bw_slack_isolate_end[];
/* What strangers wrote. False, and nothing put, where the text is absent or shows nothing. */
bool bw_slack_put_foreign(const char *text, size_t max, struct bw_slack_words w);
/* " (late: seen 20 min ago) (possible repeat)", as far as it is so. */
void bw_slack_put_marks(const struct bw_change_entry *e, const struct bw_message_options *o,
                        struct bw_buf *out);
void bw_slack_put_headline(const struct bw_change_entry *entries, size_t n,
                           const struct bw_message_options *o, struct bw_slack_words w);
/* "Penetrex Joint & Muscle Therapy (B00DI7U88G)" */
void bw_slack_put_title(const struct bw_change_entry *e, struct bw_slack_words w);
/* What happened: one line where it is one change or stay, else a list of at most so many. Of one product. */
void bw_slack_put_changes(const struct bw_change_entry *entries, size_t n, size_t most,
                          struct bw_slack_words w);
void bw_slack_put_remark(const struct bw_message_options *o, struct bw_buf *out);
/* "• 3:B00DI7U88G Penetrex Joint" */
void bw_slack_put_item(const struct bw_change_entry *e, size_t max, struct bw_slack_words w);
void bw_slack_put_asin(const struct bw_product_key *key, struct bw_buf *out);
/* Amazon's page and Keepa's; the other: and how old the data is. */
void bw_slack_put_pages(const struct bw_product_key *key, struct bw_buf *out);
void bw_slack_put_links(const struct bw_change_entry *e, struct bw_buf *out);
/* The same in short, for one of many. */
void bw_slack_put_product_links(const struct bw_product_key *key, const char *before, struct bw_buf *out);
/* Entries of the product that begins at `begin`. */
size_t bw_slack_run(const struct bw_change_entry *entries, size_t n, size_t begin);
void bw_slack_put_urls(const struct bw_product_key *key, char amazon[128], char keepa[128]);

void bw_slack_begin_message(struct bw_json *j, const struct bw_message_options *o, const struct bw_buf *text,
                            struct bw_buf *out);
void bw_slack_write_header(struct bw_json *j, const struct bw_buf *headline);
void bw_slack_write_section(struct bw_json *j, const char *type, const struct bw_buf *text);
void bw_slack_write_context(struct bw_json *j, const struct bw_buf *text);
void bw_slack_write_metadata(struct bw_json *j, const struct bw_change_entry *entries, size_t n, bool plain);
