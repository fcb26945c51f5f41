/* Values of settings. Each kind has one parser; what it expects is the `form` of settings.def. */
#include "values.h"

#include "badgewatch/base/alloc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTING(kind_, member, name_, fallback_, form_, text_)                                               \
    {kind_, name_, fallback_, form_, text_, offsetof(struct bw_conf, member)},
const struct setting bw_settings[] = {
#include "settings.def"
};
#undef SETTING
const size_t bw_settings_n = sizeof(bw_settings) / sizeof(bw_settings[0]);

#define PREFIX_MAX 40

bool setting_is_string(const struct setting *s)
{
    switch (s->kind) {
    case TEXT:
    case SECRET:
    case HTTP_URL:
    case REDIS_URL:
    case LISTEN:
    case CURRENCY:
    case HEARTBEAT:
    case PREFIX:
        return true;
    default:
        return false;
    }
}

void setting_file_name(const char *name, char *out, size_t size)
{
    static const char prefix[] = "BADGEWATCH_";
    if (strncmp(name, prefix, sizeof(prefix) - 1) == 0)
        name += sizeof(prefix) - 1;
    size_t i = 0;
    for (; name[i] && i + 1 < size; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    out[i] = '\0';
}

/* ---- strings ---- */

static bool printable(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    }
    return true;
}

static bool is_url(const char *text, const char *const *schemes)
{
    for (; *schemes; schemes++) {
        size_t len = strlen(*schemes);
        if (strncmp(text, *schemes, len) == 0 && text[len] != '\0' && !strchr(text, ' '))
            return true;
    }
    return false;
}

static bool is_listen(const char *text)
{
    const char *colon = strrchr(text, ':');
    char *end = NULL;
    if (!colon || !isdigit((unsigned char)colon[1]))
        return false;
    long port = strtol(colon + 1, &end, 10);
    return *end == '\0' && port >= 0 && port <= 65535;
}

static bool is_currency(const char *text)
{
    return strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static bool string_fits(enum kind kind, const char *text)
{
    static const char *const http[] = {"http://", "https://", NULL};
    static const char *const redis[] = {"redis://", "rediss://", "unix://", NULL};
    switch (kind) {
    case HTTP_URL:
        return is_url(text, http);
    case HEARTBEAT:
        return !text[0] || is_url(text, http);
    case REDIS_URL:
        return is_url(text, redis);
    case LISTEN:
        return is_listen(text);
    case CURRENCY:
        return is_currency(text);
    case PREFIX:
        return text[0] && strlen(text) <= PREFIX_MAX && !strpbrk(text, " |*?[]");
    default:
        return true;
    }
}

/* ---- numbers ---- */

static bool integer(const char *text, long long least, long long most, long long *out)
{
    char *end = NULL;
    if (!isdigit((unsigned char)text[0]) && text[0] != '-')
        return false;
    long long value = strtoll(text, &end, 10);
    if (*end != '\0' || value < least || value > most)
        return false;
    *out = value;
    return true;
}

static bool set_int(const char *text, long long least, long long most, int *out)
{
    long long value;
    if (!integer(text, least, most, &value))
        return false;
    *out = (int)value;
    return true;
}

static bool set_int64(const char *text, long long least, long long most, int64_t *out)
{
    long long value;
    if (!integer(text, least, most, &value))
        return false;
    *out = value;
    return true;
}

static bool day_time(const char *text, int *out)
{
    if (strcmp(text, "off") == 0) {
        *out = -1;
        return true;
    }
    bool digits = strlen(text) == 5 && isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]) &&
                  text[2] == ':' && isdigit((unsigned char)text[3]) && isdigit((unsigned char)text[4]);
    if (!digits)
        return false;
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    *out = hour * 60 + minute;
    return hour < 24 && minute < 60;
}

static bool percent(const char *text, double *out)
{
    size_t len = strlen(text);
    char *end = NULL;
    if (len < 2 || text[len - 1] != '%' || !isdigit((unsigned char)text[0]))
        return false;
    double value = strtod(text, &end);
    if (end != text + len - 1 || value < 0 || value > 90)
        return false;
    *out = value / 100;
    return true;
}

static bool yes_no(const char *text, bool *out)
{
    *out = strcmp(text, "yes") == 0;
    return *out || strcmp(text, "no") == 0;
}

static bool backfill(const char *text, int *out)
{
    if (strcmp(text, "full") == 0)
        *out = BW_BACKFILL_FULL;
    else if (strcmp(text, "off") == 0)
        *out = 1;
    else
        return set_int(text, 1, 36500, out);
    return true;
}

enum bw_err bw_size_parse(const char *text, int64_t *bytes)
{
    static const struct {
        const char *name;
        int64_t size;
    } units[] = {{"B", 1}, {"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}};
    char *end = NULL;
    if (!isdigit((unsigned char)text[0]))
        return BW_ERR_SYNTAX;
    long long value = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].name) != 0)
            continue;
        if (value < 1 || value > (1LL << 40) / units[i].size)
            return BW_ERR_TOO_BIG;
        *bytes = value * units[i].size;
        return BW_OK;
    }
    return BW_ERR_SYNTAX;
}

/* ---- all kinds ---- */

static bool parse_number(const struct setting *s, const char *text, void *member)
{
    switch (s->kind) {
    case YES_NO:
        return yes_no(text, member);
    case LOG_LEVEL:
        return bw_log_level_parse(text, member) == BW_OK;
    case LOG_FORMAT:
        return bw_log_format_parse(text, member) == BW_OK;
    case FREQUENCY:
        return set_int64(text, 1, 10080, member);
    case DAY_TIME:
        return day_time(text, member);
    case DURATION:
        return bw_duration_parse(text, member) == BW_OK;
    case CENTS:
        return set_int64(text, 0, 100000000, member);
    case PERCENT:
        return percent(text, member);
    case UPDATE:
        if (strcmp(text, "auto") == 0) {
            *(int *)member = BW_UPDATE_AUTO;
            return true;
        }
        return set_int(text, -1, 8760, member);
    case CONCURRENCY:
        return set_int(text, 1, 64, member);
    case BACKFILL:
        return backfill(text, member);
    case SIZE:
        return bw_size_parse(text, member) == BW_OK;
    default:
        return false;
    }
}

bool setting_parse(const struct setting *s, const char *text, struct bw_conf *conf)
{
    void *member = (char *)conf + s->offset;
    if (!setting_is_string(s))
        return parse_number(s, text, member);
    if (!printable(text) || !string_fits(s->kind, text))
        return false;
    char **string = member;
    free(*string);
    *string = bw_strdup(text);
    return true;
}
