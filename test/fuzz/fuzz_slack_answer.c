/* An answer of Slack of any bytes, with any status: one byte of flags, one that chooses the status, then the body. */
#include "fuzz.h"

#include "badgewatch/codec/keepa.h"
#include "badgewatch/codec/slack.h"

#include <stdbool.h>
#include <string.h>

#define ID "6f0c3a52-0000-5000-8000-000000000001"

static const int statuses[] = {200, 200, 200, 0, 429, 400, 401, 403, 404, 408, 410, 301, 500, 503, 204, -1};

/* Fit for a line of a log. */
static void require_field(const char *text, size_t size)
{
    FUZZ_REQUIRE(memchr(text, '\0', size));
    FUZZ_REQUIRE(bw_utf8_valid(text, strlen(text)));
    for (const char *p = text; *p; p++)
        FUZZ_REQUIRE((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void require_answer(bool webhook, bool sent, int status, int64_t header_ms, const char *body,
                           size_t len)
{
    struct bw_slack_answer a;
    bw_slack_classify(webhook, status, sent, body, len, header_ms, &a);
    require_field(a.error, sizeof(a.error));
    require_field(a.detail, sizeof(a.detail));
    FUZZ_REQUIRE(memchr(a.channel, '\0', sizeof(a.channel)) && memchr(a.ts, '\0', sizeof(a.ts)));
    FUZZ_REQUIRE((a.class == BW_POSTED_OK) == (a.error[0] == '\0'));
    FUZZ_REQUIRE(a.class != BW_POSTED_OK || status == 200);
    FUZZ_REQUIRE(a.class == BW_POSTED_OK || (!a.ts[0] && !a.channel[0]));
    if (status == 429)
        FUZZ_REQUIRE(a.class == BW_POSTED_RETRY && a.retry_after_ms >= 1000 && a.retry_after_ms >= header_ms);
    if (status == 0)
        FUZZ_REQUIRE(a.class == (sent ? BW_POSTED_AMBIGUOUS : BW_POSTED_RETRY));
    if (status >= 500 || status == 408)
        FUZZ_REQUIRE(a.class == BW_POSTED_AMBIGUOUS);
    FUZZ_REQUIRE(a.class == BW_POSTED_RETRY || a.retry_after_ms == 0);
}

static void require_history(const char *body, size_t len)
{
    struct bw_slack_sought sought[] = {{.id = ID}, {.id = ID, .ts = "1"}};
    char cursor[256] = "";
    struct bw_error error = {.code = BW_OK};
    if (bw_slack_history_find(body, len, sought, 2, cursor, &error) != BW_OK) {
        FUZZ_REQUIRE(error.text[0] && !sought[0].ts[0] && !cursor[0]);
        return;
    }
    FUZZ_REQUIRE(memchr(sought[0].ts, '\0', sizeof(sought[0].ts)) && memchr(cursor, '\0', sizeof(cursor)));
    FUZZ_REQUIRE(strcmp(sought[1].ts, "1") == 0); /* found before */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const char *body = (const char *)data + 2;
    require_answer(data[0] & 1, data[0] & 2, statuses[data[1] % 16], (data[0] & 4) ? 5000 : -1, body,
                   size - 2);
    require_history(body, size - 2);
    return 0;
}
