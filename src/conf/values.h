/* Kinds of values: how a text becomes a member of struct bw_conf. Private to this room. */
#pragma once

#include "badgewatch/conf/conf.h"

#include <stddef.h>

enum kind {
    TEXT,
    SECRET,
    HTTP_URL,
    REDIS_URL,
    LISTEN,
    YES_NO,
    LOG_LEVEL,
    LOG_FORMAT,
    FREQUENCY,
    DAY_TIME,
    DURATION,
    CENTS,
    CURRENCY,
    PERCENT,
    UPDATE,
    HEARTBEAT,
    CONCURRENCY,
    BACKFILL,
    SIZE,
    PREFIX
};

struct setting {
    enum kind kind;
    const char *name; /* of the environment */
    const char *fallback;
    const char *form; /* what is expected */
    const char *text;
    size_t offset; /* of the member */
};

extern const struct setting bw_settings[];
extern const size_t bw_settings_n;

/* True where the member is an owned string. */
bool setting_is_string(const struct setting *s);
/* Sets the member from a text; false if the text is not of the form. */
bool setting_parse(const struct setting *s, const char *text, struct bw_conf *conf);
/* "redis_url" from "REDIS_URL", "listen" from "BADGEWATCH_LISTEN". */
void setting_file_name(const char *name, char *out, size_t size);
