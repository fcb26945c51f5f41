/* Clocks and their texts. Calendar arithmetic is done in integers (days from civil, as in Howard Hinnant's published
 * algorithm), because gmtime and mktime bring locale and time zone state that nothing here needs. */
#include "badgewatch/base/clock.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400LL

struct bw_mono bw_mono_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (struct bw_mono){(int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000};
}

struct bw_wall bw_wall_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (struct bw_wall){(int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000};
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* Days since 1970-01-01 of a date of the proleptic Gregorian calendar; years begin in March so that the leap day is
 * the last. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = yoe + era * 400 + (*month <= 2);
}

static void two_digits(char *out, int64_t value)
{
    out[0] = (char)('0' + value / 10);
    out[1] = (char)('0' + value % 10);
}

/* The first 19 characters. Not by printf: each check has a dozen of them. */
static bool format(int64_t unix_s, char out[BW_TIME_TEXT])
{
    int64_t year, month, day;
    int64_t days = floor_div(unix_s, DAY_S);
    int64_t s = (unix_s % DAY_S + DAY_S) % DAY_S;
    civil_from_days(days, &year, &month, &day);
    out[0] = '\0';
    if (year < 1 || year > 9999)
        return false;
    memcpy(out, "0000-00-00T00:00:00", 20);
    two_digits(out, year / 100);
    two_digits(out + 2, year % 100);
    two_digits(out + 5, month);
    two_digits(out + 8, day);
    two_digits(out + 11, s / 3600);
    two_digits(out + 14, s / 60 % 60);
    two_digits(out + 17, s % 60);
    return true;
}

void bw_time_format(int64_t unix_s, char out[BW_TIME_TEXT])
{
    if (format(unix_s, out))
        memcpy(out + 19, "Z", 2);
}

void bw_time_format_ms(int64_t unix_ms, char out[BW_TIME_TEXT])
{
    int64_t s = floor_div(unix_ms, 1000);
    if (format(s, out))
        snprintf(out + 19, BW_TIME_TEXT - 19, ".%03dZ", (int)(unix_ms - s * 1000));
}

void bw_time_words(int64_t unix_s, char out[BW_TIME_TEXT])
{
    if (!format(unix_s, out)) {
        snprintf(out, BW_TIME_TEXT, "an unknown time");
        return;
    }
    out[10] = ' ';
    memcpy(out + 16, " UTC", 5);
}

/* ---- parsing ---- */

/* Reads exactly n digits; moves *p. */
static bool digits(const char **p, int n, int64_t *out)
{
    int64_t value = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (!isdigit((unsigned char)**p))
            return false;
        value = value * 10 + (**p - '0');
    }
    *out = value;
    return true;
}

static bool skip(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

static bool parse_date(const char **p, int64_t *days)
{
    int64_t year, month, day, y, m, d;
    if (!digits(p, 4, &year) || !skip(p, '-') || !digits(p, 2, &month) || !skip(p, '-') ||
        !digits(p, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1)
        return false;
    *days = days_from_civil(year, month, day);
    civil_from_days(*days, &y, &m, &d); /* 30 February comes back as another day */
    return y == year && m == month && d == day;
}

static bool parse_fraction(const char **p, int64_t *ms)
{
    *ms = 0;
    if (!skip(p, '.'))
        return true;
    int64_t unit = 100;
    if (!isdigit((unsigned char)**p))
        return false;
    for (; isdigit((unsigned char)**p); (*p)++, unit /= 10)
        *ms += (**p - '0') * unit;
    return true;
}

static bool parse_clock(const char **p, int64_t *ms)
{
    int64_t h, m, s = 0, fraction = 0;
    if (!digits(p, 2, &h) || !skip(p, ':') || !digits(p, 2, &m))
        return false;
    if (skip(p, ':') && (!digits(p, 2, &s) || !parse_fraction(p, &fraction)))
        return false;
    if (h > 23 || m > 59 || s > 59)
        return false;
    *ms = ((h * 60 + m) * 60 + s) * 1000 + fraction;
    return true;
}

static bool parse_zone(const char **p, int64_t *offset_ms)
{
    *offset_ms = 0;
    if (**p == '\0' || skip(p, 'Z'))
        return true;
    int64_t sign = **p == '-' ? -1 : 1;
    int64_t h, m;
    if (!skip(p, '+') && !skip(p, '-'))
        return false;
    if (!digits(p, 2, &h) || !skip(p, ':') || !digits(p, 2, &m) || h > 23 || m > 59)
        return false;
    *offset_ms = sign * (h * 60 + m) * 60000;
    return true;
}

enum bw_err bw_time_parse(const char *text, int64_t *unix_ms)
{
    const char *p = text;
    int64_t days, ms = 0, offset = 0;
    if (!parse_date(&p, &days))
        return BW_ERR_SYNTAX;
    if (*p != '\0') {
        if (!skip(&p, 'T') && !skip(&p, ' '))
            return BW_ERR_SYNTAX;
        if (!parse_clock(&p, &ms) || !parse_zone(&p, &offset) || *p != '\0')
            return BW_ERR_SYNTAX;
    }
    *unix_ms = days * DAY_S * 1000 + ms - offset;
    return BW_OK;
}

/* ---- durations ---- */

static const struct {
    const char *name;
    int64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define UNITS (sizeof(units) / sizeof(units[0]))

enum bw_err bw_duration_parse(const char *text, int64_t *ms)
{
    const int64_t most = 3653 * 86400000LL;
    int64_t value = 0;
    const char *p = text;
    for (; isdigit((unsigned char)*p); p++) {
        value = value * 10 + (*p - '0');
        if (value > most)
            return BW_ERR_TOO_BIG;
    }
    if (p == text || value == 0)
        return BW_ERR_SYNTAX;
    for (size_t i = 0; i < UNITS; i++) {
        if (strcmp(p, units[i].name) != 0)
            continue;
        if (value > most / units[i].ms)
            return BW_ERR_TOO_BIG;
        *ms = value * units[i].ms;
        return BW_OK;
    }
    return BW_ERR_SYNTAX;
}

void bw_duration_format(int64_t ms, char out[BW_TIME_TEXT])
{
    for (size_t i = 0; i < UNITS; i++) {
        if (ms % units[i].ms != 0 || ms / units[i].ms == 0)
            continue;
        snprintf(out, BW_TIME_TEXT, "%lld%s", (long long)(ms / units[i].ms), units[i].name);
        return;
    }
    snprintf(out, BW_TIME_TEXT, "0s");
}

void bw_duration_words(int64_t s, char out[BW_TIME_TEXT])
{
    long long n = s < 0 ? 0 : (long long)s;
    if (n >= 86400)
        snprintf(out, BW_TIME_TEXT, n % 86400 >= 3600 ? "%lld d %lld h" : "%lld d", n / 86400, n / 3600 % 24);
    else if (n >= 3600)
        snprintf(out, BW_TIME_TEXT, n % 3600 >= 60 ? "%lld h %lld min" : "%lld h", n / 3600, n / 60 % 60);
    else if (n >= 60)
        snprintf(out, BW_TIME_TEXT, "%lld min", n / 60);
    else
        snprintf(out, BW_TIME_TEXT, "%lld s", n);
}
