/* What is said first on a connection: AUTH, SELECT, CLIENT SETNAME, INFO replication (where a replica will not do), PING,
 * in one write.
 *
 * Happy way: each is answered without an error, and the client is ready. No command of a user is sent before,
 * since it would be answered with NOAUTH or run on another database.
 *
 * How it fails: the first error ends the connection, and its reason is told in plain words. PING is last
 * because those before it succeed while a server loads its data or asks for a password. Two refusals do
 * not matter: an ACL that forbids CLIENT SETNAME or PING says nothing against the work to be done.
 *
 * A server that does not know AUTH puts the arguments into its error, so of an answer to AUTH nothing is shown
 * but its first word. */
#include "client_p.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLICA "a replica, which takes no writes"

static const struct {
    const char *begin;
    const char *words;
    bool later; /* may also come once we are connected */
} known[] = {
    {"WRONGPASS", "wrong password, or the user is disabled", false},
    {"NOAUTH", "a password is needed", true},
    {"LOADING", "loading its data", true},
    {"MASTERDOWN", "a replica without its master", true},
    {"READONLY", REPLICA, true},
    {"ERR invalid password", "wrong password", false},
    {"ERR max number of clients", "the server has too many clients", false},
    {"ERR AUTH <password> called without any password", "a password was given, but the server has none set",
     false},
    {"ERR Client sent AUTH, but no password is set", "a password was given, but the server has none set",
     false},
};

static const char *words_of(const char *text, bool later)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].later >= later && strncmp(text, known[i].begin, strlen(known[i].begin)) == 0)
            return known[i].words;
    return NULL;
}

const char *bw_redis_unfit(const char *error)
{
    return words_of(error, true);
}

static void refuse(struct bw_redis *r, const char *command, const char *text, bool secret)
{
    char reason[REDIS_REASON];
    const char *words = words_of(text, false);
    int shown = secret || words ? (int)strcspn(text, " ") : (int)strlen(text);

    if (words)
        snprintf(reason, sizeof reason, "%s (%.*s)", words, shown, text);
    else
        snprintf(reason, sizeof reason, "%s refused: %.*s", command, shown, text);
    bw_redis_lose(r, BW_ERR_UNAVAILABLE, reason);
}

static bool is_error(const struct bw_reply *reply, const char *begin)
{
    return reply->type == BW_REPLY_ERROR && strncmp(reply->str, begin, strlen(begin)) == 0;
}

static void auth_answered(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    if (!err && reply->type == BW_REPLY_ERROR)
        refuse(ctx, "AUTH", reply->str, true);
}

static void select_answered(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    if (!err && reply->type == BW_REPLY_ERROR)
        refuse(ctx, "SELECT", reply->str, false);
}

static void setname_answered(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    if (!err && reply->type == BW_REPLY_ERROR && !is_error(reply, "NOPERM"))
        refuse(ctx, "CLIENT SETNAME", reply->str, false);
}

/* A replica that may be written to is somebody's wish, and what is written there is lost at its next sync. */
static void role_answered(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    if (!err && reply->type == BW_REPLY_STRING && strstr(reply->str, "role:slave"))
        bw_redis_lose(ctx, BW_ERR_UNAVAILABLE, REPLICA);
}

static void ping_answered(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_redis *r = ctx;

    if (err)
        return;
    if (reply->type == BW_REPLY_ERROR && !is_error(reply, "NOPERM")) {
        refuse(r, "PING", reply->str, false);
        return;
    }
    bw_backoff_reset(&r->backoff);
    bw_timer_stop(r->timer);
    bw_redis_set_state(r, REDIS_READY, "");
}

static void send_words(struct bw_redis *r, size_t n, const char *const *words, bw_redis_cb cb)
{
    struct redis_command *c = NULL;
    const struct redis_args args = {.argc = n, .argv = words};

    enum bw_err err = bw_redis_command_new(&args, NULL, &c);
    assert(!err && "the words come from a URL, whose length is limited");
    if (!err)
        bw_redis_send(r, c, cb, r);
}

void bw_redis_greet(struct bw_redis *r)
{
    char db[16];

    if (r->target.user)
        send_words(r, 3, (const char *[]){"AUTH", r->target.user, r->target.password}, auth_answered);
    else if (r->target.password)
        send_words(r, 2, (const char *[]){"AUTH", r->target.password}, auth_answered);
    snprintf(db, sizeof db, "%d", r->target.db);
    if (r->target.db != 0)
        send_words(r, 2, (const char *[]){"SELECT", db}, select_answered);
    if (r->client_name)
        send_words(r, 3, (const char *[]){"CLIENT", "SETNAME", r->client_name}, setname_answered);
    if (r->read_write)
        send_words(r, 2, (const char *[]){"INFO", "replication"}, role_answered);
    send_words(r, 1, (const char *[]){"PING"}, ping_answered);
}
