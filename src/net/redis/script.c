/* Scripts: EVALSHA, and EVAL where the server does not know the script.
 *
 * Happy way: the first use of a script asks the server for its SHA-1 with SCRIPT LOAD (which also keeps it
 * there) and sends EVAL right behind; every later use is one EVALSHA.
 *
 * How it fails: a server that was restarted or flushed answers NOSCRIPT; the same keys and arguments are then
 * sent once more with EVAL, which teaches it the script again. That repeat is queued at the end, so it runs
 * after commands that were sent behind the first try: the order among pipelined commands holds only while no
 * script is unknown. A NOSCRIPT says that nothing ran, so nothing runs twice.
 *
 * The request is kept until its answer, for the repeat. Computing SHA-1 here instead of asking would be more
 * code for the sake of one command in a process' life. */
#include "client_p.h"

#include "badgewatch/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct evaluation {
    struct bw_redis *r;
    const struct bw_script *script;
    const struct redis_command *command; /* alive until it is answered */
    size_t argc;
    size_t head; /* bytes of the request before the number of keys */
    bw_redis_cb cb;
    void *ctx;
};

static void script_loaded(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_script *script = ctx;

    if (!err && reply->type == BW_REPLY_STRING && reply->len == sizeof script->sha - 1)
        memcpy(script->sha, reply->str, sizeof script->sha);
}

/* Reads the arguments of a request back: their texts stand in it. */
static void request_args(const struct redis_command *c, size_t from, const char **argv, size_t *lens,
                         size_t n)
{
    const char *at = c->bytes + from;

    for (size_t i = 0; i < n; i++) {
        char *end = NULL;
        lens[i] = strtoul(at + 1, &end, 10); /* "$len\r\n" */
        argv[i] = end + 2;
        at = argv[i] + lens[i] + 2;
    }
}

static void repeat_as_text(const struct evaluation *e)
{
    const struct redis_args first = {.argc = 2, .argv = (const char *[]){"EVAL", e->script->source}};
    const char **argv = bw_alloc_array(e->argc, sizeof *argv);
    size_t *lens = bw_alloc_array(e->argc, sizeof *lens);
    struct redis_command *c = NULL;

    request_args(e->command, e->head, argv, lens, e->argc);
    if (bw_redis_command_new(&first, &(struct redis_args){e->argc, argv, lens}, &c) == BW_OK)
        bw_redis_send(e->r, c, e->cb, e->ctx);
    else if (e->cb) /* a request just under the cap, and a long script */
        e->cb(e->ctx, BW_ERR_TOO_BIG, NULL);
    free(argv);
    free(lens);
}

static void evaluated(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct evaluation *e = ctx;

    if (!err && reply->type == BW_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0)
        repeat_as_text(e);
    else if (e->cb)
        e->cb(e->ctx, err, reply);
    free(e);
}

static void send_with_repeat(struct bw_redis *r, const struct bw_script *script, struct redis_command *c,
                             size_t argc, bw_redis_cb cb, void *ctx)
{
    struct evaluation *e = bw_alloc(sizeof *e);
    const char *sha = memmem(c->bytes, c->len, script->sha, strlen(script->sha));

    *e = (struct evaluation){.r = r, .script = script, .command = c, .argc = argc, .cb = cb, .ctx = ctx};
    e->head = (size_t)(sha - c->bytes) + strlen(script->sha) + 2;
    c->keep = true;
    bw_redis_send(r, c, evaluated, e);
}

static enum bw_err load_script(struct bw_redis *r, struct bw_script *script)
{
    const char *const words[] = {"SCRIPT", "LOAD", script->source};
    struct redis_command *c = NULL;
    enum bw_err err = bw_redis_command_new(&(struct redis_args){.argc = 3, .argv = words}, NULL, &c);

    if (!err)
        bw_redis_send(r, c, script_loaded, script);
    return err;
}

enum bw_err bw_redis_eval(struct bw_redis *r, struct bw_script *script, size_t n_keys, size_t argc,
                          const char *const *argv, const size_t *lens, bw_redis_cb cb, void *ctx)
{
    bool known = script->sha[0] != '\0';
    char keys[24];
    snprintf(keys, sizeof keys, "%zu", n_keys);
    const char *const words[] = {known ? "EVALSHA" : "EVAL", known ? script->sha : script->source, keys};
    const struct redis_args first = {.argc = 3, .argv = words};
    const struct redis_args rest = {.argc = argc, .argv = argv, .lens = lens};
    struct redis_command *c = NULL;
    enum bw_err err = bw_redis_can_send(r);

    if (!err)
        err = bw_redis_command_new(&first, &rest, &c);
    if (!err && !known)
        err = load_script(r, script);
    if (err) {
        bw_redis_command_free(c);
        return err;
    }
    if (known)
        send_with_repeat(r, script, c, argc + 1, cb, ctx);
    else
        bw_redis_send(r, c, cb, ctx);
    return BW_OK;
}
