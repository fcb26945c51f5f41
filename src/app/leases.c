/* Handing back, and the sign of life that makes leases of dead daemons visible. */
#include "leases.h"

#include "args.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 4096 /* more than can be in flight; beyond it the leases run out by themselves */

struct kept {
    char member[BW_PRODUCT_TEXT];
    bool polled;
};

struct bw_leases {
    const struct bw_context *cx;
    struct kept kept[KEPT_MAX];
    size_t n;
    size_t sent; /* of them, the first so many are on their way */
};

void bw_batch_fini(struct bw_batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        bw_state_fini(&b->members[i].prev);
    free(b->members);
    *b = (struct bw_batch){0};
}

struct bw_leases *bw_leases_new(const struct bw_context *context)
{
    struct bw_leases *l = bw_alloc(sizeof(*l));
    l->cx = context;
    return l;
}

static void on_released(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_leases *l = ctx;
    size_t sent = l->sent;
    l->sent = 0;
    if (err != BW_OK || reply->type == BW_REPLY_ERROR)
        return; /* the next sign of life sends them again: what is no longer ours is left alone by the script */
    l->n -= sent;
    memmove(l->kept, l->kept + sent, l->n * sizeof(l->kept[0]));
    if (l->n > 0)
        bw_leases_flush(l);
}

void bw_leases_flush(struct bw_leases *l)
{
    if (l->n == 0 || l->sent > 0 || !bw_redis_ready(l->cx->redis))
        return;
    const struct bw_keys *k = &l->cx->keys;
    const char *const keys[] = {k->due, k->leased, k->lease, k->poll, k->tracked};
    struct bw_args args;
    bw_args_init(&args);
    for (size_t i = 0; i < 5; i++)
        bw_args_add(&args, keys[i]);
    bw_args_add(&args, k->prefix);
    bw_args_add(&args, l->cx->id);
    for (size_t i = 0; i < l->n; i++)
        bw_args_field(&args, l->kept[i].member, l->kept[i].polled ? "1" : "0");
    if (bw_redis_eval(l->cx->redis, &bw_script_release, 5, args.n, args.values, args.lens, on_released, l) ==
        BW_OK)
        l->sent = l->n;
    bw_args_fini(&args);
}

void bw_leases_release(struct bw_leases *l, const struct bw_member *members, size_t n)
{
    for (size_t i = 0; i < n && l->n < KEPT_MAX; i++) {
        struct kept *kept = &l->kept[l->n++];
        bw_product_key_format(&members[i].key, kept->member);
        kept->polled = members[i].polled;
    }
    bw_leases_flush(l);
}

/* It is also how a server that refused writes is found to take them again. */
static void on_alive(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_leases *l = ctx;
    if (err == BW_OK && reply->type != BW_REPLY_ERROR)
        bw_redis_accepted(l->cx->redis);
}

void bw_leases_alive(struct bw_leases *l)
{
    char key[BW_KEY_MAX], px[16];
    bw_keys_daemon(&l->cx->keys, l->cx->id, key);
    snprintf(px, sizeof(px), "%d", BW_ALIVE_MS);
    const char *argv[] = {"SET", key, "1", "PX", px};
    if (bw_redis_command(l->cx->redis, 5, argv, NULL, on_alive, l) != BW_OK)
        bw_log_debug("redis", "no sign of life: not connected");
}

void bw_leases_farewell(struct bw_leases *l)
{
    char key[BW_KEY_MAX];
    bw_keys_daemon(&l->cx->keys, l->cx->id, key);
    const char *argv[] = {"DEL", key};
    if (bw_redis_command(l->cx->redis, 2, argv, NULL, NULL, NULL) != BW_OK)
        bw_log_debug("redis", "no farewell: not connected");
}

void bw_leases_free(struct bw_leases *l)
{
    free(l);
}
