/* Values of settings. Each kind has one parser; what it expects is the `form` of settings.def. */
#include "values.h"

#include "badgewatch/base/alloc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ROW(type, kind_, restart, member, name_, fallback_, form_, text_)                                    \
    {kind_, restart, name_, fallback_, form_, text_, offsetof(type, member), sizeof(((type *)0)->member)},
#define SETTING(kind_, ...)         ROW(struct bw_conf, kind_, false, __VA_ARGS__)
#define RESTART_SETTING(kind_, ...) ROW(struct bw_conf, kind_, true, __VA_ARGS__)
const struct setting bw_settings[SETTINGS_N] = {
#include "settings.def"
};

#define ROUTE_SETTING(kind_, ...) ROW(struct bw_route, kind_, false, __VA_ARGS__)
const struct setting bw_route_settings[ROUTE_SETTINGS_N] = {
#include "settings.def"
};

#define HEALTH_LEAST_MS    500      /* each part may be asked */
#define RETENTION_LEAST_MS 86400000 /* what is dropped does not come back, and the slip of a pen is quick */
#define WINDOW_MOST_MS     600000   /* alerts wait in it: more is a slip of the pen */
#define PREFIX_MAX         40
#define CHANNEL_MAX        80 /* bytes; an id has 9 to 11 */

bool setting_is_secret(const struct setting *s)
{
    return s->kind == SECRET || s->kind == SECRET_URL;
}

bool setting_has_file(const struct setting *s)
{
    return setting_is_secret(s) || s->kind == REDIS_URL || s->kind == PG_URI || s->kind == HEARTBEAT;
}

bool setting_is_string(const struct setting *s)
{
    switch (s->kind) {
    case ENV_ONLY:
    case TEXT:
    case SECRET:
    case SECRET_URL:
    case HTTP_URL:
    case REDIS_URL:
    case PG_URI:
    case LISTEN:
    case CURRENCY:
    case HEARTBEAT:
    case PREFIX:
    case CHANNEL:
        return true;
    default:
        return false;
    }
}

bool setting_is_shown(const struct setting *s)
{
    switch (s->kind) {
    case SECRET:
    case SECRET_URL:
    case HTTP_URL: /* may hold user:password */
    case REDIS_URL:
    case PG_URI:
    case HEARTBEAT:
        return false;
    default:
        return true;
    }
}

void setting_name(const struct setting *s, bool in_file, bool file_form, char out[SETTING_NAME_MAX])
{
    static const char prefix[] = "BADGEWATCH_";
    bool cut = in_file && strncmp(s->name, prefix, sizeof(prefix) - 1) == 0;
    snprintf(out, SETTING_NAME_MAX, "%s%s", s->name + (cut ? sizeof(prefix) - 1 : 0),
             file_form ? "_FILE" : "");
    for (char *p = out; in_file && *p; p++)
        *p = (char)tolower((unsigned char)*p);
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

/* One of the schemes, then something that can be a host. What the rest means is for the client to say. */
static bool is_url(const char *text, const char *const *schemes)
{
    for (; *schemes; schemes++) {
        size_t len = strlen(*schemes);
        if (strncasecmp(text, *schemes, len) == 0)
            return text[len] != '\0' && !strchr("/:?#@", text[len]) && !strchr(text, ' ');
    }
    return false;
}

static bool is_redis_url(const char *text)
{
    static const char *const schemes[] = {"redis://", "rediss://", "unix://", NULL};
    for (const char *const *s = schemes; *s; s++) {
        if (strncasecmp(text, *s, strlen(*s)) == 0)
            return text[strlen(*s)] != '\0' && !strchr(text, ' ');
    }
    return false;
}

static bool is_pg_uri(const char *text)
{
    return strncmp(text, "postgresql://", 13) == 0 || strncmp(text, "postgres://", 11) == 0 ||
           strchr(text, '=');
}

/* "127.0.0.1:9787", "[::1]:9787", "localhost:9787", ":9787" (all addresses). The status port resolves it. */
static bool is_listen(const char *text)
{
    const char *colon = strrchr(text, ':');
    if (!colon || strchr(text, ' '))
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    if (digits == 0 || digits > 5 || colon[1 + digits] || strtol(colon + 1, NULL, 10) > 65535)
        return false;
    if (text[0] == '[')
        return colon - text > 2 && colon[-1] == ']';
    return !memchr(text, ':', (size_t)(colon - text));
}

static bool is_currency(const char *text)
{
    return strlen(text) == 3 && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 3;
}

static bool string_fits(enum kind kind, const char *text)
{
    static const char *const http[] = {"http://", "https://", NULL};
    switch (kind) {
    case HTTP_URL:
        return is_url(text, http);
    case SECRET_URL:
    case HEARTBEAT:
        return !text[0] || is_url(text, http);
    case REDIS_URL:
        return is_redis_url(text);
    case PG_URI:
        return is_pg_uri(text);
    case LISTEN:
        return is_listen(text);
    case CURRENCY:
        return is_currency(text);
    case PREFIX:
        return text[0] && strlen(text) <= PREFIX_MAX && !strpbrk(text, " |*?[]");
    case CHANNEL:
        return strlen(text) <= CHANNEL_MAX && !strchr(text, ' ');
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

/* "HH:MM" at the beginning of text, as minutes after 00:00. */
static bool clock_time(const char *text, int *out)
{
    bool digits = isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]) && text[2] == ':' &&
                  isdigit((unsigned char)text[3]) && isdigit((unsigned char)text[4]);
    if (!digits)
        return false;
    int hour = (text[0] - '0') * 10 + text[1] - '0', minute = (text[3] - '0') * 10 + text[4] - '0';
    *out = hour * 60 + minute;
    return hour < 24 && minute < 60;
}

static bool day_time(const char *text, int *out)
{
    if (strcmp(text, "off") == 0) {
        *out = -1;
        return true;
    }
    return clock_time(text, out) && text[5] == '\0';
}

/* "22:00-07:00"; "" is none. Hours that end when they begin may mean all or nothing. */
static bool quiet_hours(const char *text, struct bw_quiet_hours *out)
{
    if (text[0] == '\0') {
        *out = (struct bw_quiet_hours){0, 0};
        return true;
    }
    return clock_time(text, &out->from_min) && text[5] == '-' && clock_time(text + 6, &out->to_min) &&
           text[11] == '\0' && out->from_min != out->to_min;
}

static bool summaries(const char *text, bool out[BW_PERIOD_KINDS])
{
    memset(out, 0, BW_PERIOD_KINDS * sizeof(*out));
    for (;;) {
        size_t len = strcspn(text, ",");
        enum bw_period_kind kind = BW_DAILY;
        while (kind < BW_PERIOD_KINDS && (strlen(bw_period_kind_name(kind)) != len ||
                                          strncmp(text, bw_period_kind_name(kind), len) != 0))
            kind++;
        if (kind == BW_PERIOD_KINDS || out[kind])
            return false;
        out[kind] = true;
        if (text[len] == '\0')
            return true;
        text += len + 1;
        text += strspn(text, " ");
    }
}

static bool percent(const char *text, double *out)
{
    size_t whole = strspn(text, "0123456789");
    size_t len = whole;
    if (text[len] == '.')
        len += 1 + strspn(text + len + 1, "0123456789");
    if (whole == 0 || text[len - 1] == '.' || strcmp(text + len, "%") != 0)
        return false;
    double value = strtod(text, NULL);
    if (value > 90)
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
        long long size;
    } units[] = {{"B", 1}, {"KB", 1 << 10}, {"MB", 1 << 20}, {"GB", 1 << 30}};
    char *end = NULL;
    if (!isdigit((unsigned char)text[0]))
        return BW_ERR_SYNTAX;
    long long value = strtoll(text, &end, 10);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].name) != 0)
            continue;
        if (value == 0)
            return BW_ERR_INVALID;
        if (value > (1LL << 40) / units[i].size)
            return BW_ERR_TOO_BIG;
        *bytes = value * units[i].size;
        return BW_OK;
    }
    return BW_ERR_SYNTAX;
}

static bool duration(const char *text, int64_t least, int64_t most, int64_t *out)
{
    int64_t ms;
    if (bw_duration_parse(text, &ms) != BW_OK || ms < least || ms > most)
        return false;
    *out = ms;
    return true;
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
    case SUMMARIES:
        return summaries(text, member);
    case DURATION:
        return duration(text, 1000, INT64_MAX, member);
    case HEALTH:
        return duration(text, HEALTH_LEAST_MS, INT64_MAX, member);
    case RETENTION:
        return duration(text, RETENTION_LEAST_MS, INT64_MAX, member);
    case WINDOW:
        return duration(text, 1, WINDOW_MOST_MS, member);
    case CENTS:
        return set_int64(text, 0, 100000000, member);
    case CHANGES:
        return set_int64(text, 0, 30, member);
    case PERCENT:
        return percent(text, member);
    case UPDATE:
        if (strcmp(text, "auto") == 0) {
            *(int *)member = BW_UPDATE_AUTO;
            return true;
        }
        return set_int(text, -1, 8760, member);
    case CONCURRENCY:
        return set_int(text, 1, BW_CONCURRENCY_MAX, member);
    case BACKFILL:
        return backfill(text, member);
    case SIZE:
        return bw_size_parse(text, member) == BW_OK;
    case HOURS:
        return quiet_hours(text, member);
    case PRIORITY: /* "": all */
        *(int *)member = 0;
        return text[0] == '\0' || set_int(text, 1, 100, member);
    default:
        return false;
    }
}

bool setting_parse(const struct setting *s, const char *text, void *object)
{
    void *member = (char *)object + s->offset;
    if (!setting_is_string(s))
        return parse_number(s, text, member);
    if (!printable(text) || !string_fits(s->kind, text))
        return false;
    char **string = member;
    free(*string);
    *string = bw_strdup(text);
    return true;
}

bool setting_equal(const struct setting *s, const void *a, const void *b)
{
    const char *of_a = (const char *)a + s->offset, *of_b = (const char *)b + s->offset;
    if (!setting_is_string(s))
        return memcmp(of_a, of_b, s->size) == 0; /* numbers and lists of them, without padding */
    const char *const *text_a = (const void *)of_a, *const *text_b = (const void *)of_b;
    return strcmp(*text_a ? *text_a : "", *text_b ? *text_b : "") == 0;
}
