/* Log lines. One line is one write(2), so that lines of several processes on one terminal do not mix; a line that
 * does not fit is cut, never split. The level and format are the only global state of the program. */
#include "badgewatch/base/log.h"

#include "badgewatch/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192

static enum bw_log_level current_level = BW_LOG_INFO;
static enum bw_log_format current_format = BW_LOG_TEXT;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

enum bw_err bw_log_level_parse(const char *name, enum bw_log_level *level)
{
    for (size_t i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum bw_log_level)i;
            return BW_OK;
        }
    }
    return BW_ERR_INVALID;
}

enum bw_err bw_log_format_parse(const char *name, enum bw_log_format *format)
{
    if (strcmp(name, "text") == 0)
        *format = BW_LOG_TEXT;
    else if (strcmp(name, "json") == 0)
        *format = BW_LOG_JSON;
    else
        return BW_ERR_INVALID;
    return BW_OK;
}

void bw_log_configure(enum bw_log_level level, enum bw_log_format format)
{
    current_level = level;
    current_format = format;
}

bool bw_log_enabled(enum bw_log_level level)
{
    return level <= current_level;
}

struct line {
    char text[LINE_MAX_BYTES];
    size_t n;
};

static void put(struct line *l, const char *text)
{
    size_t len = strlen(text);
    if (len > sizeof(l->text) - 1 - l->n)
        len = sizeof(l->text) - 1 - l->n;
    memcpy(l->text + l->n, text, len);
    l->n += len;
}

/* Variable text may come from the network: control characters must not forge lines or drive the terminal. Whole
 * escapes only, and room is kept for the end of the line. */
static void put_escaped(struct line *l, const char *text, bool json)
{
    for (const unsigned char *p = (const unsigned char *)text; *p && l->n < sizeof(l->text) - 16; p++) {
        char escape[8] = "";
        if (*p == '\n')
            snprintf(escape, sizeof(escape), "\\n");
        else if (json && (*p == '"' || *p == '\\'))
            snprintf(escape, sizeof(escape), "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            snprintf(escape, sizeof(escape), json ? "\\u%04x" : "\\x%02x", *p);
        if (escape[0])
            put(l, escape);
        else
            l->text[l->n++] = (char)*p;
    }
}

static void emit(struct line *l)
{
    l->text[l->n++] = '\n';
    /* Nothing can be said about a log that cannot be written. */
    ssize_t written = write(STDERR_FILENO, l->text, l->n);
    (void)written;
}

void bw_log(enum bw_log_level level, const char *part, const char *fmt, ...)
{
    if (!bw_log_enabled(level))
        return;
    char message[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);

    char at[BW_TIME_TEXT];
    bw_time_format_ms(bw_wall_now().ms, at);
    struct line l = {.n = 0};
    bool json = current_format == BW_LOG_JSON;
    put(&l, json ? "{\"ts\":\"" : "");
    put(&l, at);
    put(&l, json ? "\",\"level\":\"" : " ");
    put(&l, level_names[level]);
    put(&l, json ? "\",\"part\":\"" : " ");
    put_escaped(&l, part, json);
    put(&l, json ? "\",\"msg\":\"" : ": ");
    put_escaped(&l, message, json);
    put(&l, json ? "\"}" : "");
    emit(&l);
}
