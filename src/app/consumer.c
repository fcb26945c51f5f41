/* XREADGROUP without BLOCK: a blocking read would hold up every other command of the connection (facts:
 * c-and-libraries 2.3). The stages that fill a stream tell its reader to look; a slow timer catches the rest. */
#include "consumer.h"

#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define READ_MOST 200

struct bw_consumer {
    const struct bw_context *cx;
    const char *stream, *turn;
    const char *group;
    bw_consumer_cb cb;
    void *ctx;
    void (*taken)(void *ctx);
    struct bw_script *script;
    bool reading;
    bool adopting;
    bool rewound;             /* while a read was under way */
    int count;                /* asked for by the reader */
    char first[48], last[48]; /* of what the reader has in memory; "" = nothing */
    char refused[256];        /* what Redis said last, so that it is logged once */
    char cursor[48];          /* last pending id seen; ">" once all were */
};

const char *bw_entry_field(const struct bw_entry *e, const char *name, size_t *len)
{
    for (size_t i = 0; i + 1 < e->fields->n; i += 2) {
        const struct bw_reply *f = &e->fields->elements[i];
        if (f->type != BW_REPLY_STRING || strcmp(f->str, name) != 0)
            continue;
        if (len)
            *len = e->fields->elements[i + 1].len;
        return e->fields->elements[i + 1].str;
    }
    return NULL;
}

/* ---- the group ---- */

static void make_group(struct bw_consumer *c)
{
    const char *argv[] = {"XGROUP", "CREATE", c->stream, c->group, "0", "MKSTREAM"};
    /* BUSYGROUP is fine: another daemon was first. Any other refusal shows at the next read. */
    enum bw_err err = bw_redis_command(c->cx->redis, 6, argv, NULL, NULL, NULL);
    if (err != BW_OK)
        bw_log_debug("redis", "the group of %s was not made: %s", c->stream, bw_err_text(err));
}

/* ---- reading ---- */

/* An entry that is pending and was deleted from the stream has no fields: nobody can finish it any more. */
static void forget_deleted(struct bw_consumer *c, const char *id)
{
    const char *argv[] = {"XACK", c->stream, c->group, id};
    if (bw_redis_command(c->cx->redis, 4, argv, NULL, NULL, NULL) != BW_OK)
        bw_log_debug("redis", "entry %s stays pending for now", id);
}

static size_t collect(struct bw_consumer *c, const struct bw_reply *reply, struct bw_entry **out)
{
    /* [[stream, [[id, [field, value, ...]], ...]]] */
    if (reply->type != BW_REPLY_ARRAY || reply->n == 0 || reply->elements[0].n < 2)
        return 0;
    const struct bw_reply *list = &reply->elements[0].elements[1];
    size_t n = 0;
    *out = bw_alloc_array(list->n + 1, sizeof(**out));
    for (size_t i = 0; i < list->n; i++) {
        const struct bw_reply *item = &list->elements[i];
        if (item->n < 2)
            continue;
        if (c->cursor[0] != '>' && !c->rewound)
            bw_text_copy(c->cursor, sizeof(c->cursor), item->elements[0].str);
        if (item->elements[1].type != BW_REPLY_ARRAY) {
            forget_deleted(c, item->elements[0].str);
            continue;
        }
        (*out)[n].id = item->elements[0].str;
        (*out)[n].fields = &item->elements[1];
        n++;
    }
    return n;
}

static void tell_taken(const struct bw_consumer *c, int64_t n)
{
    bw_log_info("redis", "%lld unfinished entries of %s taken over from a daemon that is gone", (long long)n,
                c->stream);
}

/* Another daemon's turn, or what was taken over at the beginning of ours. */
static enum bw_err turn_changed(struct bw_consumer *c, const struct bw_reply *reply)
{
    bw_consumer_rewind(c);
    if (reply->type != BW_REPLY_INTEGER)
        return BW_ERR_BUSY;
    tell_taken(c, reply->integer);
    return BW_OK;
}

static void on_read(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_consumer *c = ctx;
    struct bw_entry *entries = NULL;
    size_t n = 0;
    c->reading = false;
    if (err == BW_OK && reply->type == BW_REPLY_ERROR) {
        if (strncmp(reply->str, "NOGROUP", 7) == 0)
            make_group(c);
        else if (bw_redis_writable(c->cx->redis) && strcmp(c->refused, reply->str) != 0)
            bw_log_warning("redis", "reading %s: %s", c->stream, reply->str);
        snprintf(c->refused, sizeof(c->refused), "%s", reply->str);
        bw_consumer_rewind(c);
        err = BW_ERR_PROTOCOL;
    } else if (err == BW_OK && (reply->type == BW_REPLY_INTEGER || reply->type == BW_REPLY_STRING)) {
        err = turn_changed(c, reply);
        c->rewound = false;
        if (err == BW_OK && bw_consumer_read(c, c->count))
            return;
    } else if (err == BW_OK) {
        bool was_pending = c->cursor[0] != '>';
        c->refused[0] = '\0';
        n = collect(c, reply, &entries);
        if (n == 0 && was_pending && !c->rewound && c->count > 0)
            snprintf(c->cursor, sizeof(c->cursor), ">");
        c->rewound = false;
        if (n == 0 && was_pending && c->count > 0 && bw_consumer_read(c, c->count)) {
            free(entries);
            return; /* pending ones are through: the new ones answer this read */
        }
    }
    c->cb(c->ctx, err, entries, n);
    free(entries);
}

void bw_consumer_have(struct bw_consumer *c, const char *first, const char *last)
{
    snprintf(c->first, sizeof(c->first), "%s", first);
    snprintf(c->last, sizeof(c->last), "%s", last);
}

bool bw_consumer_read(struct bw_consumer *c, int count)
{
    if (c->reading || !bw_redis_ready(c->cx->redis))
        return false;
    char most[16];
    c->count = count < READ_MOST ? count : READ_MOST;
    snprintf(most, sizeof(most), "%d", c->count);
    const char *argv[] = {c->stream,          c->turn,  c->group, c->cx->id, most, c->cursor,
                          c->cx->keys.prefix, c->first, c->last};
    c->reading = bw_redis_eval(c->cx->redis, c->script, 2, 9, argv, NULL, on_read, c) == BW_OK;
    return c->reading;
}

void bw_consumer_rewind(struct bw_consumer *c)
{
    snprintf(c->cursor, sizeof(c->cursor), "0");
    c->rewound = c->reading;
}

/* ---- taking over ---- */

static void on_adopted(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_consumer *c = ctx;
    c->adopting = false;
    if (err != BW_OK || reply->type != BW_REPLY_INTEGER || reply->integer == 0)
        return;
    tell_taken(c, reply->integer);
    bw_consumer_rewind(c);
    c->taken(c->ctx);
}

void bw_consumer_adopt(struct bw_consumer *c, void (*taken)(void *ctx))
{
    if (c->adopting || !bw_redis_ready(c->cx->redis))
        return;
    c->taken = taken;
    const char *argv[] = {c->stream, c->cx->keys.prefix, c->group, c->cx->id};
    c->adopting = bw_redis_eval(c->cx->redis, &bw_script_adopt, 1, 4, argv, NULL, on_adopted, c) == BW_OK;
}

bool bw_consumer_catching_up(const struct bw_consumer *c)
{
    return c->cursor[0] != '>';
}

bool bw_consumer_busy(const struct bw_consumer *c)
{
    return c->reading || c->adopting;
}

struct bw_consumer *bw_consumer_new(const struct bw_context *context, const char *stream, const char *turn,
                                    const char *group, struct bw_script *script, bw_consumer_cb cb, void *ctx)
{
    struct bw_consumer *c = bw_alloc(sizeof(*c));
    c->cx = context;
    c->stream = stream;
    c->turn = turn;
    c->group = group;
    c->script = script;
    c->cb = cb;
    c->ctx = ctx;
    snprintf(c->cursor, sizeof(c->cursor), "0");
    return c;
}

void bw_consumer_free(struct bw_consumer *c)
{
    free(c);
}
