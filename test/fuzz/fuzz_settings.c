/* A settings file of any bytes: taken whole or refused with words that name the line and fit a terminal; what is taken is
 * within its bounds, and does not depend on the environment of whoever reads it. */
#include "fuzz.h"

#include "badgewatch/conf/conf.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static void require_strings(const struct bw_conf *c)
{
    const char *const all[] = {c->keepa_api_key,  c->keepa_base_url, c->slack_bot_token, c->slack_channel,
                               c->slack_base_url, c->redis_url,      c->redis_prefix,    c->database_url,
                               c->listen,         c->status_token,   c->heartbeat_url,   c->slack_webhook_url,
                               c->path,           c->warnings};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        FUZZ_REQUIRE(all[i]);
        for (const char *p = all[i]; *p; p++)
            FUZZ_REQUIRE((unsigned char)*p >= 0x20 && *p != 0x7f);
    }
    FUZZ_REQUIRE(strlen(c->redis_prefix) >= 1 && strlen(c->redis_prefix) <= 40 && strlen(c->currency) == 3);
}

static void require_bounds(const struct bw_conf *c)
{
    FUZZ_REQUIRE(c->default_frequency_min >= 1 && c->default_frequency_min <= 10080);
    FUZZ_REQUIRE(c->summary_at_min >= -1 && c->summary_at_min < 24 * 60);
    FUZZ_REQUIRE(c->health_every_ms > 0 && c->group_window_ms > 0 && c->raw_retention_ms > 0);
    FUZZ_REQUIRE(c->token_reserve >= 0 && c->token_reserve <= 0.9);
    FUZZ_REQUIRE(c->concurrency >= 1 && c->concurrency <= 64);
    FUZZ_REQUIRE(c->max_body > 0 && c->max_product > 0 && c->stage_limit > 0);
    FUZZ_REQUIRE(c->backfill_days == BW_BACKFILL_FULL || c->backfill_days >= 1);
    FUZZ_REQUIRE((c->slack_bot_token[0] != '\0') == (c->slack_channel[0] != '\0'));
    FUZZ_REQUIRE(!c->slack_bot_token[0] || !c->slack_webhook_url[0]);
}

static void require_refusal(const char *text)
{
    size_t len = strnlen(text, sizeof(((struct bw_error *)0)->text));
    FUZZ_REQUIRE(len > 0 && len < sizeof(((struct bw_error *)0)->text));
    for (size_t i = 0; i < len; i++)
        FUZZ_REQUIRE((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *empty[] = {NULL}, path[64];
    struct bw_conf conf;
    struct bw_error error = {0};
    int fd = memfd_create("settings", MFD_CLOEXEC);
    FUZZ_REQUIRE(fd >= 0 && fchmod(fd, 0600) == 0);
    FUZZ_REQUIRE(write(fd, data, size) == (ssize_t)size);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (bw_conf_load(&conf, empty, path, &error) == BW_OK) {
        require_strings(&conf);
        require_bounds(&conf);
        bw_conf_fini(&conf);
    } else {
        require_refusal(error.text);
    }
    close(fd);
    return 0;
}
