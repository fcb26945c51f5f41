/* The envelope of Keepa's answers, and answers that are nothing but an envelope or names.
 *
 * Happy way: small text, strict reader, members of the right type and a sane size. How it fails: text that is no JSON
 * object gives BW_ERR_SYNTAX; a member that is absent, odd or out of range reads as absent, since the bucket steers
 * how long we wait: a refillIn of a thousand years must not. */
#include "envelope.h"

#include "utf8.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define TOKENS_MAX       1000000000 /* either way: the balance may be negative */
#define RATE_MAX         1000000    /* the largest plan is 4000 a minute */
#define REFILL_MAX_MS    3600000    /* a tick is about a minute */
#define PROCESSING_MAX   86400000
#define TIMESTAMP_MAX_MS INT64_C(100000000000000) /* the year 5138 */

static int64_t int_or(const struct bw_json_node *o, const char *key, int64_t min, int64_t max,
                      int64_t otherwise)
{
    int64_t v;

    return bw_json_get_int(o, key, &v) && v >= min && v <= max ? v : otherwise;
}

static bool int_within(const struct bw_json_node *o, const char *key, int64_t min, int64_t max, int64_t *out)
{
    int64_t v;

    if (!bw_json_get_int(o, key, &v) || v < min || v > max)
        return false;
    *out = v;
    return true;
}

/* A refused key gets a bucket of zeros: that says nothing about a bucket. */
static void read_tokens(const struct bw_json_node *root, struct bw_keepa_envelope *out)
{
    int64_t left, in, rate;

    if (!int_within(root, "tokensLeft", -TOKENS_MAX, TOKENS_MAX, &left) ||
        !int_within(root, "refillIn", 0, REFILL_MAX_MS, &in) ||
        !int_within(root, "refillRate", 0, RATE_MAX, &rate))
        return;
    if (left == 0 && in == 0 && rate == 0)
        return;
    out->has_tokens = true;
    out->tokens_left = left;
    out->refill_in_ms = in;
    out->refill_rate = rate;
}

static void read_error(const struct bw_json_node *error, struct bw_keepa_envelope *out)
{
    const char *text;

    out->has_error = true;
    if (bw_json_get_string(error, "type", &text))
        bw_utf8_field(out->error_type, sizeof out->error_type, text);
    if (bw_json_get_string(error, "message", &text) || bw_json_get_string(error, "details", &text) ||
        bw_json_is_string(error, &text))
        bw_utf8_field(out->error_message, sizeof out->error_message, text);
}

void bw_envelope_read(const struct bw_json_node *root, struct bw_keepa_envelope *out)
{
    const struct bw_json_node *error = bw_json_get(root, "error");
    double reduction;

    *out = (struct bw_keepa_envelope){0};
    out->timestamp_ms = int_or(root, "timestamp", 0, TIMESTAMP_MAX_MS, 0);
    out->tokens_consumed = int_or(root, "tokensConsumed", 0, TOKENS_MAX, 0);
    out->processing_ms = int_or(root, "processingTimeInMs", 0, PROCESSING_MAX, 0);
    if (bw_json_get_double(root, "tokenFlowReduction", &reduction) && reduction >= 0 && reduction <= RATE_MAX)
        out->token_flow_reduction = reduction;
    read_tokens(root, out);
    if (error)
        read_error(error, out);
}

enum bw_err bw_envelope_parse(const char *text, size_t len, struct bw_json_doc **out, struct bw_error *error)
{
    struct bw_json_doc *doc;
    struct bw_buf mended;
    enum bw_err err;

    bw_buf_init(&mended, len > SIZE_MAX / 4 ? SIZE_MAX : len * 3 + 1);
    if (len > 0 && !bw_utf8_valid(text, len)) {
        bw_utf8_mend(text, len, &mended);
        err = bw_json_parse(bw_buf_str(&mended), mended.len, &doc, error);
    } else {
        err = bw_json_parse(text, len, &doc, error);
    }
    bw_buf_fini(&mended);
    if (err)
        return err;
    if (!bw_json_is_object(bw_json_root(doc))) {
        bw_json_free(doc);
        return bw_error_set(error, BW_ERR_SYNTAX, "JSON, but not an object");
    }
    *out = doc;
    return BW_OK;
}
