/* Posted messages. See channel.h. */
#include "channel.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/buf.h"
#include "badgewatch/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void keep(struct sim_channels *c, struct json_object *message)
{
    if (c->n == SIM_MAX_MESSAGES) {
        json_object_put(c->messages[0]);
        memmove(c->messages, c->messages + 1, (--c->n) * sizeof(struct json_object *));
    }
    if ((c->n & (c->n - 1)) == 0)
        c->messages = bw_realloc_array(c->messages, c->n ? c->n * 2 : 1, sizeof(struct json_object *));
    c->messages[c->n++] = message;
}

static int64_t ts_us(const char *ts)
{
    char *end = NULL;
    long long s = strtoll(ts, &end, 10);
    long long us = *end == '.' ? strtoll(end + 1, NULL, 10) : 0;
    return s * 1000000 + us;
}

static void load_line(struct sim_channels *c, const char *line, size_t n)
{
    struct json_tokener *t = json_tokener_new_ex(32);
    struct json_object *o = json_tokener_parse_ex(t, line, (int)n);
    bool whole =
        json_tokener_get_error(t) == json_tokener_success && json_object_is_type(o, json_type_object);
    json_tokener_free(t);
    if (!whole) {
        bw_log_warning("sim", "a damaged line among the messages was left out");
        json_object_put(o);
        return;
    }
    int64_t us = ts_us(sim_json_str(o, "ts", "0"));
    if (us > c->last_us)
        c->last_us = us;
    keep(c, o);
}

/* Gives the number of bytes that are whole lines. */
static size_t load_lines(struct sim_channels *c, const char *text, size_t len)
{
    size_t at = 0;
    const char *end;
    while ((end = memchr(text + at, '\n', len - at)) != NULL) {
        size_t n = (size_t)(end - (text + at));
        if (n > 0)
            load_line(c, text + at, n);
        at += n + 1;
    }
    return at;
}

enum bw_err sim_channels_open(struct sim_channels *c, const char *path, struct bw_error *error)
{
    *c = (struct sim_channels){.fd = -1};
    if (!path)
        return BW_OK;
    c->fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (c->fd < 0)
        return bw_error_set(error, BW_ERR_SYSTEM, "cannot open '%s': %s", path, strerror(errno));
    struct bw_buf text;
    bw_buf_init(&text, (size_t)1 << 30);
    char block[65536];
    ssize_t got;
    enum bw_err err = BW_OK;
    while (err == BW_OK && (got = read(c->fd, block, sizeof block)) > 0)
        err = bw_buf_add(&text, block, (size_t)got);
    size_t whole = text.len > 0 ? load_lines(c, text.data, text.len) : 0;
    if (err == BW_OK && whole < text.len && ftruncate(c->fd, (off_t)whole) != 0)
        err = BW_ERR_SYSTEM;
    bw_buf_fini(&text);
    if (err != BW_OK)
        bw_error_set(error, err, "cannot use '%s'", path);
    return err;
}

void sim_channels_fini(struct sim_channels *c)
{
    for (size_t i = 0; i < c->n; i++)
        json_object_put(c->messages[i]);
    free(c->messages);
    if (c->fd >= 0)
        close(c->fd);
    *c = (struct sim_channels){.fd = -1};
}

static void write_line(struct sim_channels *c, struct json_object *message)
{
    struct bw_buf line;
    bw_buf_init(&line, (size_t)16 << 20);
    (void)bw_buf_adds(&line, json_object_to_json_string_ext(message, SIM_JSON_COMPACT));
    (void)bw_buf_addc(&line, '\n');
    if (line.overflow || write(c->fd, line.data, line.len) != (ssize_t)line.len)
        bw_log_error("sim", "a message was not written to the state: %s", strerror(errno));
    bw_buf_fini(&line);
}

void sim_channels_post(struct sim_channels *c, struct json_object *message, int64_t now_ms)
{
    char ts[40];
    int64_t us = now_ms * 1000;
    if (us <= c->last_us)
        us = c->last_us + 1;
    c->last_us = us;
    snprintf(ts, sizeof ts, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
    json_object_object_add(message, "ts", json_object_new_string(ts));
    json_object_object_add(message, "received_ms", json_object_new_int64(now_ms));
    keep(c, message);
    if (c->fd >= 0)
        write_line(c, message);
}

struct json_object *sim_channels_find(const struct sim_channels *c, const char *channel, const char *ts)
{
    for (size_t i = c->n; i > 0; i--) {
        struct json_object *m = c->messages[i - 1];
        if (strcmp(sim_json_str(m, "ts", ""), ts) == 0 &&
            strcmp(sim_json_str(m, "channel", ""), channel) == 0)
            return m;
    }
    return NULL;
}

static struct sim_rate *rate_of(struct sim_channels *c, const char *channel, int64_t now_ms, int64_t burst)
{
    for (size_t i = 0; i < c->n_rates; i++)
        if (strcmp(c->rates[i].channel, channel) == 0)
            return &c->rates[i];
    if (c->n_rates == SIM_MAX_RATES)
        return &c->rates[SIM_MAX_RATES - 1];
    struct sim_rate *r = &c->rates[c->n_rates++];
    snprintf(r->channel, sizeof r->channel, "%s", channel);
    r->credit = (double)burst;
    r->at_ms = now_ms;
    return r;
}

bool sim_channels_admit(struct sim_channels *c, const char *channel, int64_t now_ms, double rate,
                        int64_t burst, int64_t *wait_ms)
{
    struct sim_rate *r = rate_of(c, channel, now_ms, burst);
    r->credit += (double)(now_ms - r->at_ms) * rate / 1000;
    r->at_ms = now_ms;
    if (r->credit > (double)burst)
        r->credit = (double)burst;
    if (r->credit >= 1) {
        r->credit -= 1;
        return true;
    }
    *wait_ms = (int64_t)((1 - r->credit) * 1000 / rate) + 1;
    return false;
}
