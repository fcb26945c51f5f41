/* The adapter between hiredis 0.14 and the loop.
 *
 * Happy way: a non-blocking hiredis context is opened and watched for writing; when the socket has no error
 * the link is up; what a turn of the loop queued is written at its end, replies are read and handed out one for
 * one, in order.
 *
 * How it fails: refused, reset, closed by the server, not Redis at all, or a reply over the cap: `down` once,
 * with the reason. What was in the queue stays there, for the owner to answer.
 *
 * Of hiredis this uses the connect calls, the reader and the protocol, not async.c. That one asserts, in
 * Debian's build too, when a peer sends a reply that nobody asked for; it frees itself below a running
 * callback, and twice if redisAsyncFree is called from onConnect or onDisconnect; its libuv adapter drops
 * errors, so that a refused connection never calls back; and it writes without MSG_NOSIGNAL.
 *
 * Two more traps are met here. The fd must leave the loop before redisFree closes it, else the number may be
 * watched by its next owner: bw_watch_free comes first. And the reader gives memory back only when the next
 * bytes come, so an idle connection would keep the size of its biggest reply: see shrink(). */
#include "link.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    READ_SIZE = 16 * 1024,  /* what redisBufferRead takes at a time */
    READS_A_TURN = 16,      /* then the rest of the loop has its turn */
    PIECES_A_WRITE = 64,    /* commands in one sendmsg */
    MAX_LINE = 64 * 1024,   /* of a status, an error, a number */
    KEEP_BUFFER = 64 * 1024 /* what an idle reader may keep */
};

#define TOO_BIG "a reply is over 256 MB"

static void on_turn_end(void *ctx);

void bw_redis_link_init(struct redis_link *l, struct bw_loop *loop, struct redis_queue *queue,
                        const struct redis_link_owner *owner, void *ctx)
{
    *l = (struct redis_link){.loop = loop, .owner = owner, .ctx = ctx, .queue = queue};
    l->turn_end = bw_turn_end_new(loop, BW_TURN_SEND, on_turn_end, l);
}

/* "Connection refused" -> "connection refused"; "ERR ..." and the like stay. */
static void reason_text(char reason[REDIS_REASON], const char *text)
{
    snprintf(reason, REDIS_REASON, "%s", text[0] != '\0' ? text : "connection failed");
    if (isupper((unsigned char)reason[0]) && islower((unsigned char)reason[1]))
        reason[0] = (char)tolower((unsigned char)reason[0]);
}

static void down(struct redis_link *l, const char *text)
{
    char reason[REDIS_REASON];

    reason_text(reason, text);
    l->owner->down(l->ctx, reason);
}

static void down_with_error(struct redis_link *l)
{
    const redisContext *c = l->c;

    if (l->budget.exceeded)
        down(l, TOO_BIG);
    else
        down(l, c->errstr);
}

static int pending_error(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

static void rearm(struct redis_link *l)
{
    int events = BW_READABLE | (l->queue->unwritten ? BW_WRITABLE : 0);

    if (bw_watch_set(l->watch, events))
        down(l, "the socket cannot be watched");
}

static void finish_connect(struct redis_link *l)
{
    int error = pending_error(l->c->fd);

    if (error != 0) {
        down(l, strerror(error));
        return;
    }
    l->connected = true;
    l->owner->up(l->ctx);
}

static void write_some(struct redis_link *l)
{
    struct iovec pieces[PIECES_A_WRITE];
    struct msghdr message = {.msg_iov = pieces};

    for (struct redis_command *c = l->queue->unwritten; c && message.msg_iovlen < PIECES_A_WRITE; c = c->next)
        pieces[message.msg_iovlen++] = (struct iovec){c->bytes + c->written, c->len - c->written};
    if (message.msg_iovlen == 0)
        return;
    ssize_t n = sendmsg(l->c->fd, &message, MSG_NOSIGNAL);
    if (n >= 0)
        bw_redis_queue_wrote(l->queue, (size_t)n);
    else if (errno != EAGAIN && errno != EINTR)
        down(l, strerror(errno));
}

/* Epoll is asked for room only where the socket has none: the watch stays as it is otherwise. */
static void flush(struct redis_link *l)
{
    const redisContext *c = l->c;

    write_some(l);
    if (l->c == c)
        rearm(l);
}

static void on_turn_end(void *ctx)
{
    struct redis_link *l = ctx;

    if (l->c && l->connected)
        flush(l);
}

/* A reply without a command is what a server says before it hangs up (too many clients), or nonsense. */
static void unexpected(struct redis_link *l, const struct bw_reply *reply)
{
    down(l, reply->type == BW_REPLY_ERROR ? reply->str : "the server sent a reply that nobody asked for");
}

/* Hands out the replies that are complete. false: the link is gone. */
static bool take_replies(struct redis_link *l)
{
    redisContext *c = l->c;

    for (;;) {
        void *object = NULL;
        if (redisGetReplyFromReader(c, &object) != REDIS_OK) {
            down_with_error(l);
            return false;
        }
        struct bw_reply *reply = object;
        if (!reply)
            return true;
        struct redis_command *command = bw_redis_queue_pop(l->queue);
        if (command)
            l->owner->answered(l->ctx, command, reply);
        else
            unexpected(l, reply);
        bw_redis_command_free(command);
        bw_redis_reply_free(reply);
        if (l->c != c)
            return false;
    }
}

/* Between replies a reader that has grown is exchanged for a new one. (One that looked for the next reply in
 * vain has a task on its stack, of a type it does not know yet.) */
static void shrink(struct redis_link *l)
{
    redisReader *reader = l->c->reader;
    bool idle = reader->pos == reader->len &&
                (reader->ridx == -1 || (reader->ridx == 0 && reader->rstack[0].type < 0));

    if (!idle || sdsalloc(reader->buf) <= KEEP_BUFFER)
        return;
    redisReaderFree(reader);
    l->c->reader = bw_redis_reader_new(&l->budget);
}

/* Of a string the length is known before its bytes come; every other piece is one short line. */
static bool unfinished_is_too_big(const redisReader *reader)
{
    if (reader->ridx < 0)
        return false;
    if (reader->rstack[reader->ridx].type == REDIS_REPLY_STRING)
        return strtoll(reader->buf + reader->pos, NULL, 10) > REDIS_MAX_REPLY; /* sds end with a NUL */
    return reader->len - reader->pos > MAX_LINE;
}

static void read_some(struct redis_link *l)
{
    for (int i = 0; i < READS_A_TURN; i++) {
        size_t before = l->c->reader->len;
        if (redisBufferRead(l->c) != REDIS_OK) {
            down_with_error(l);
            return;
        }
        size_t got = l->c->reader->len - before;
        if (!take_replies(l))
            return;
        if (unfinished_is_too_big(l->c->reader)) {
            down(l, TOO_BIG);
            return;
        }
        if (got < READ_SIZE)
            break;
    }
    shrink(l);
}

/* broken: epoll reported an error and libuv has stopped the watch. The read or the SO_ERROR says which. */
static void on_fd(void *ctx, int events, bool broken)
{
    struct redis_link *l = ctx;
    const redisContext *c = l->c;

    if (!l->connected) {
        finish_connect(l);
        if (l->c != c)
            return;
    }
    if (broken || (events & BW_READABLE))
        read_some(l);
    if (l->c == c)
        flush(l);
}

static redisContext *connect_context(struct redis_link *l, const char *path, const char *address, int port)
{
    redisContext *c = path ? redisConnectUnixNonBlock(path) : redisConnectNonBlock(address, port);

    if (!c)
        abort();
    redisReaderFree(c->reader);
    c->reader = bw_redis_reader_new(&l->budget);
    if (!c->err) {
        fcntl(c->fd, F_SETFD, FD_CLOEXEC); /* hiredis does not */
        if (!path)
            redisEnableKeepAlive(c); /* an idle connection to a machine that went away */
    }
    return c;
}

bool bw_redis_link_open(struct redis_link *l, const char *path, const char *address, int port,
                        char reason[REDIS_REASON])
{
    redisContext *c = connect_context(l, path, address, port);
    bool ok = !c->err;

    if (!ok)
        reason_text(reason, c->errstr);
    else if (bw_watch_new(l->loop, c->fd, on_fd, l, &l->watch) || bw_watch_set(l->watch, BW_WRITABLE)) {
        reason_text(reason, "the socket cannot be watched");
        ok = false;
    }
    l->connected = false;
    l->c = c;
    if (!ok)
        bw_redis_link_close(l);
    return ok;
}

void bw_redis_link_kick(struct redis_link *l)
{
    if (l->c && l->connected && l->queue->unwritten) /* not now: a failure is not told from inside a call */
        bw_turn_end_ask(l->turn_end);
}

void bw_redis_link_close(struct redis_link *l)
{
    bw_watch_free(l->watch);
    l->watch = NULL;
    redisFree(l->c);
    l->c = NULL;
    l->connected = false;
}

void bw_redis_link_fini(struct redis_link *l)
{
    bw_turn_end_free(l->turn_end);
    l->turn_end = NULL;
}
