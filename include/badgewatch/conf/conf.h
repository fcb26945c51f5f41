/* Settings: environment, then file, then default (CONTRACT 3). One table (settings.def) names them all; the
 * sample file, `badgewatch help config` and the parser are made from it or compared with it by a test. */
#pragma once

#include "badgewatch/base/buf.h"
#include "badgewatch/base/clock.h"
#include "badgewatch/base/err.h"
#include "badgewatch/base/log.h"
#include "badgewatch/core/period.h"
#include "badgewatch/core/route.h"

#include <stdbool.h>
#include <stdint.h>

#define BW_UPDATE_AUTO   (-1000) /* keepa_update = auto */
#define BW_BACKFILL_FULL (-1)    /* backfill = full: the whole history */

/* Strings are owned by the struct and never NULL: "" means not set. Secrets are plain strings here and
 * are never printed. */
#define BW_CONCURRENCY_MAX 64

struct bw_conf {
    char *keepa_api_key; /* secret */
    char *keepa_base_url;
    char *slack_bot_token; /* secret */
    char *slack_channel;
    char *slack_base_url;
    char *slack_webhook_url; /* secret */
    char *redis_url;         /* may hold a password */
    char *redis_prefix;      /* "bw:" */
    char *database_url;      /* may hold a password */
    char *listen;            /* "127.0.0.1:9787" */
    char *status_token;      /* secret */
    bool status_open;
    enum bw_log_level log_level;
    enum bw_log_format log_format;
    int64_t default_frequency_min;
    int summary_at_min; /* minutes after 00:00 UTC; -1 = off */
    bool summaries[BW_PERIOD_KINDS];
    int64_t health_every_ms;
    int64_t monthly_cost_cents;
    char *currency;
    double token_reserve; /* 0..1, part of the bucket */
    int64_t group_window_ms;
    int64_t alert_flap_changes; /* 0 = off */
    int64_t alert_flap_window_ms;
    int64_t alert_flap_settle_ms;
    int keepa_update_h;  /* BW_UPDATE_AUTO, or -1.. hours */
    char *heartbeat_url; /* treated as a secret: such URLs hold an id */
    int concurrency;     /* 1 to BW_CONCURRENCY_MAX */
    int backfill_days;   /* BW_BACKFILL_FULL, or days >= 1 ("off" = 1) */
    int64_t max_body;
    int64_t max_product;
    int64_t stage_limit;
    int64_t raw_retention_ms;
    struct bw_route *routes; /* [route "..."] of the file, in its order */
    size_t n_routes;
    char *path; /* of the file that was read, "" if none */
    char *
        warnings; /* a line for each BADGEWATCH_ name of the environment that is no setting; see bw_conf_warn */
};

/* Reads environment (an envp-style array) and file. path: --config, or NULL: BADGEWATCH_CONFIG, else
 * conf/badgewatch.conf if it exists. Any invalid or doubled setting, and in the file any unknown one, fails the whole load with a
 * text that names the setting, where it stands (environment, or file:line) and what was expected. The
 * caller frees *conf with bw_conf_fini after success; on failure nothing is left to free. */
enum bw_err bw_conf_load(struct bw_conf *conf, char *const *envp, const char *path,
                         struct bw_error *error) BW_MUSTCHECK;
void bw_conf_fini(struct bw_conf *conf); /* wipes secrets before freeing */
/* The names of settings in which two differ, separated by ", ". at_restart: of those that are in force at the next start only;
 * else of the others, and "routes". */
void bw_conf_differences(const struct bw_conf *a, const struct bw_conf *b, bool at_restart,
                         struct bw_buf *out);
/* Logs what was strange about the environment: a misspelt setting, with the one that was probably meant. */
void bw_conf_warn(const struct bw_conf *conf);

/* The text of `badgewatch help config`: each setting, its default and what it is for. */
void bw_conf_help(struct bw_buf *out);
/* The sample file conf/badgewatch.conf.sample as it must be on disk (a test compares). */
void bw_conf_sample(struct bw_buf *out);

/* Replaces the password in a URL ("redis://u:p@h" -> "redis://u:***@h") and the values of the query keys
 * key, token, password, sslpassword; also in libpq's "host=h password=p" form; for messages and logs. */
void bw_conf_redact_url(const char *url, struct bw_buf *out);

/* "1MB", "256MB", "8KB", "512B", "1GB" (powers of 1024); at least 1 byte, at most 1024GB. */
enum bw_err bw_size_parse(const char *text, int64_t *bytes) BW_MUSTCHECK;
