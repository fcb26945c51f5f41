/* Log lines. One line is one write(2), so that lines of several processes on one terminal do not mix; a line that
 * does not fit is cut and ends in "...", never split. The level and format are the only global state of the program. */
#include "badgewatch/base/log.h"

#include "badgewatch/base/clock.h"
#include "badgewatch/base/plain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
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

#define LINE_END 16 /* kept free for "..." and what closes the line */

static void put(struct line *l, const char *text)
{
    size_t len = strlen(text);
    if (len > sizeof(l->text) - 1 - l->n)
        len = sizeof(l->text) - 1 - l->n;
    memcpy(l->text + l->n, text, len);
    l->n += len;
}

/* Variable text may come from the network: it must not forge lines, drive the terminal or break the JSON. Only whole
 * escapes and characters are written. False: the rest did not fit. */
static bool put_escaped(struct line *l, const char *text, bool json)
{
    const unsigned char *p = (const unsigned char *)text;
    while (*p) {
        char out[BW_PLAIN_CHAR];
        size_t len = bw_plain_next(p, json, out);
        if (l->n + strlen(out) > sizeof(l->text) - LINE_END)
            return false;
        put(l, out);
        p += len;
    }
    return true;
}

static void emit(struct line *l)
{
    l->text[l->n++] = '\n';
    ssize_t written;
    do
        written = write(STDERR_FILENO, l->text, l->n);
    while (written < 0 && errno == EINTR);
    /* Otherwise: nothing can be said about a log that cannot be written. */
}

void bw_log(enum bw_log_level level, const char *part, const char *fmt, ...)
{
    if (!bw_log_enabled(level))
        return;
    int saved = errno; /* callers log first and look at errno afterwards */
    char message[LINE_MAX_BYTES];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(message, sizeof(message), fmt, args);
    va_end(args);

    char at[BW_TIME_TEXT];
    bw_time_format_ms(bw_wall_now().ms, at);
    struct line l = {.n = 0};
    bool json = current_format == BW_LOG_JSON;
    put(&l, json ? "{\"ts\":\"" : "");
    put(&l, at);
    put(&l, json ? "\",\"level\":\"" : " ");
    put(&l, level_names[level]);
    if (json)
        put(&l, "\",\"part\":\"");
    else
        put(&l, strlen(level_names[level]) < 5 ? "  " : " ");
    put_escaped(&l, part, json);
    put(&l, json ? "\",\"msg\":\"" : ": ");
    bool whole = put_escaped(&l, message, json);
    if (!whole || n < 0 || (size_t)n >= sizeof(message))
        put(&l, "...");
    put(&l, json ? "\"}" : "");
    emit(&l);
    errno = saved;
}
