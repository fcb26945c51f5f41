/* Days are counted from 1970-01-01, a Thursday; all else follows from that and from base's time texts. */
#include "badgewatch/core/period.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS      INT64_C(86400000)
#define CATCH_UP_MS (4 * INT64_C(3600000))

const char *bw_period_kind_name(enum bw_period_kind kind)
{
    static const char *const names[BW_PERIOD_KINDS] = {"daily", "weekly", "monthly"};
    return names[kind];
}

void bw_day_of(struct bw_wall at, char day[BW_DAY_TEXT])
{
    char text[BW_TIME_TEXT];
    bw_time_format(at.ms / 1000, text);
    snprintf(day, BW_DAY_TEXT, "%.10s", text);
}

static void day_text(int64_t day, char out[BW_DAY_TEXT])
{
    bw_day_of((struct bw_wall){day * DAY_MS}, out);
}

/* -1: there is no such day. */
static int64_t day_number(const char *text)
{
    char time[32], back[BW_DAY_TEXT];
    int64_t ms;
    if (strlen(text) != BW_DAY_TEXT - 1)
        return -1;
    snprintf(time, sizeof(time), "%.10sT00:00:00Z", text);
    if (bw_time_parse(time, &ms) != BW_OK || ms < 0)
        return -1;
    bw_day_of((struct bw_wall){ms}, back);
    return strcmp(back, text) == 0 ? ms / DAY_MS : -1;
}

static int64_t monday_of(int64_t day)
{
    return day - (day + 3) % 7;
}

static int64_t first_of_month(int64_t day)
{
    char text[BW_DAY_TEXT], first[32];
    day_text(day, text);
    snprintf(first, sizeof(first), "%.7s-01", text);
    return day_number(first);
}

/* A week belongs to the year of its Thursday, and is as manieth in it as that Thursday. */
static void name_week(int64_t monday, char name[BW_PERIOD_TEXT])
{
    char text[BW_DAY_TEXT], new_year[BW_DAY_TEXT];
    day_text(monday + 3, text);
    snprintf(new_year, sizeof(new_year), "%.4s-01-01", text);
    snprintf(name, BW_PERIOD_TEXT, "%.4s-W%02d", text, (int)((monday + 3 - day_number(new_year)) / 7 + 1));
}

static void make(int64_t day, enum bw_period_kind kind, struct bw_period *out)
{
    int64_t first = day, last = day;
    *out = (struct bw_period){.kind = kind};
    if (kind == BW_WEEKLY) {
        first = monday_of(day);
        last = first + 6;
    } else if (kind == BW_MONTHLY) {
        first = first_of_month(day);
        last = first_of_month(first + 31) - 1;
    }
    day_text(first, out->first);
    day_text(last, out->last);
    if (kind == BW_WEEKLY)
        name_week(first, out->name);
    else
        snprintf(out->name, sizeof(out->name), "%.*s", kind == BW_DAILY ? 10 : 7, out->first);
}

void bw_period_at(struct bw_wall at, enum bw_period_kind kind, struct bw_period *out)
{
    make(at.ms / DAY_MS, kind, out);
}

/* A day in the period that the name would be of. */
static int64_t day_within(const char *name, enum bw_period_kind *kind)
{
    char day[32];
    size_t len = strlen(name);
    *kind = len == 10 ? BW_DAILY : len == 8 ? BW_WEEKLY : BW_MONTHLY;
    if (len == 10)
        return day_number(name);
    if (len == 7) {
        snprintf(day, sizeof(day), "%s-01", name);
        return day_number(day);
    }
    if (len != 8 || name[5] != 'W' || strspn(name + 6, "0123456789") != 2)
        return -1;
    snprintf(day, sizeof(day), "%.4s-01-04", name); /* always in the first week */
    int64_t first = day_number(day);
    return first < 0 ? -1 : monday_of(first) + 7 * (strtol(name + 6, NULL, 10) - 1) + 3;
}

bool bw_period_parse(const char *name, struct bw_period *out)
{
    enum bw_period_kind kind;
    int64_t day = day_within(name, &kind);
    if (day < 0 || strncmp(name, "9999", 4) >= 0) /* its end may have no name */
        return false;
    make(day, kind, out);
    return strcmp(out->name, name) == 0; /* "2026-W54", "1970-W01" */
}

bool bw_period_due(struct bw_wall now, int at_min, enum bw_period_kind kind, struct bw_period *out)
{
    int64_t since = (now.ms - at_min * INT64_C(60000)) % DAY_MS; /* the last time that it was that minute */
    char today[BW_DAY_TEXT];
    struct bw_period current;
    if (at_min < 0 || now.ms < 62 * DAY_MS || since >= CATCH_UP_MS)
        return false;
    int64_t day = (now.ms - since) / DAY_MS;
    make(day, kind, &current);
    day_text(day, today);
    make(day - 1, kind, out);
    return strcmp(current.first, today) == 0;
}
