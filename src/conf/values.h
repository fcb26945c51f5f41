/* The table of settings, and how a text becomes a member of struct bw_conf. Private to this room. */
#pragma once

#include "badgewatch/conf/conf.h"

#include <stddef.h>

enum kind {
    ENV_ONLY, /* BADGEWATCH_CONFIG */
    TEXT,
    SECRET,
    SECRET_URL,
    HTTP_URL,
    REDIS_URL,
    PG_URI,
    LISTEN,
    YES_NO,
    LOG_LEVEL,
    LOG_FORMAT,
    FREQUENCY,
    DAY_TIME,
    SUMMARIES,
    DURATION, /* of people: from a second */
    HEALTH,
    RETENTION,
    WINDOW,
    CENTS,
    CURRENCY,
    CHANGES,
    PERCENT,
    UPDATE,
    HEARTBEAT,
    CONCURRENCY,
    BACKFILL,
    SIZE,
    PREFIX,
    CHANNEL,
    HOURS,
    PRIORITY
};

struct setting {
    enum kind kind;
    bool at_restart;  /* in force at the next start only */
    const char *name; /* of the environment */
    const char *fallback;
    const char *form; /* what is expected */
    const char *text;
    size_t offset; /* of the member of struct bw_conf, or of struct bw_route */
    size_t size;   /* of that member */
};

/* AT_slack_channel and so on: places in the table. */
#define SETTING(kind, member, ...) AT_##member,
enum {
#include "settings.def"
    SETTINGS_N
};

#define ROUTE_SETTING(kind, member, ...) ROUTE_AT_##member,
enum {
#include "settings.def"
    ROUTE_SETTINGS_N
};

#define SETTING_NAME_MAX 48 /* room for each name, with _FILE */

extern const struct setting bw_settings[SETTINGS_N];
extern const struct setting bw_route_settings[ROUTE_SETTINGS_N];

/* True where the member is an owned string. */
bool setting_is_string(const struct setting *s);
/* True where the whole value is a secret. */
bool setting_is_secret(const struct setting *s);
/* True where the value may come from a file of its own (X_FILE): a secret, or a URL that may hold one. */
bool setting_has_file(const struct setting *s);
/* True where a message may show the value: it holds no secret, not even inside a URL that is written wrongly. */
bool setting_is_shown(const struct setting *s);
/* Sets the member of a struct bw_conf or bw_route from a text; false if the text is not of the form. */
bool setting_parse(const struct setting *s, const char *text, void *object);
/* "REDIS_URL", or as the file has it "redis_url" (and "listen" for "BADGEWATCH_LISTEN"); its _FILE form if asked. */
void setting_name(const struct setting *s, bool in_file, bool file_form, char out[SETTING_NAME_MAX]);
/* True where two objects (struct bw_conf or bw_route) have the same value. */
bool setting_equal(const struct setting *s, const void *a, const void *b);
