/* Log lines on stderr: text for people, or one JSON object a line. Lower-case start, no final period,
 * variable text in 'single quotes'. Never a secret: URLs are logged redacted by who owns them.
 * text:  2026-11-22T10:00:00.123Z info  keepa: 95 products in 812 ms, 1105 tokens left
 * json:  {"ts":"...","level":"info","part":"keepa","msg":"..."} */
#pragma once

#include "badgewatch/base/err.h"

#include <stdbool.h>

enum bw_log_level { BW_LOG_ERROR, BW_LOG_WARNING, BW_LOG_INFO, BW_LOG_DEBUG };
enum bw_log_format { BW_LOG_TEXT, BW_LOG_JSON };

/* Names: error, warning, info, debug / text, json. */
enum bw_err bw_log_level_parse(const char *name, enum bw_log_level *level) BW_MUSTCHECK;
enum bw_err bw_log_format_parse(const char *name, enum bw_log_format *format) BW_MUSTCHECK;
void bw_log_configure(enum bw_log_level level, enum bw_log_format format);
bool bw_log_enabled(enum bw_log_level level);

/* part: the subsystem ("redis", "postgres", "keepa", "slack", "scheduler", ...). */
void bw_log(enum bw_log_level level, const char *part, const char *fmt, ...) BW_PRINTF(3, 4);
#define bw_log_error(part, ...)   bw_log(BW_LOG_ERROR, (part), __VA_ARGS__)
#define bw_log_warning(part, ...) bw_log(BW_LOG_WARNING, (part), __VA_ARGS__)
#define bw_log_info(part, ...)    bw_log(BW_LOG_INFO, (part), __VA_ARGS__)
#define bw_log_debug(part, ...)   bw_log(BW_LOG_DEBUG, (part), __VA_ARGS__)
