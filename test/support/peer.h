/* A scripted server on 127.0.0.1 or a unix socket, for tests of how clients survive bad peers.
 *
 *     static const struct peer_step cut_off[] = {PEER_READ_REQUEST, PEER_SEND("HTTP/1.1 200 OK\r\n..."), PEER_RESET, PEER_END};
 *     struct peer *peer = peer_new_tcp();
 *     peer_script(peer, cut_off);              // first connection; the last script given serves all further ones
 *     ... peer_port(peer) ...
 *     assert_non_null(strstr(peer_received(peer, 0), "GET /"));
 *     peer_free(peer);                         // ends every connection and joins
 *
 * It runs in threads of its own, so it goes on while the loop under test is blocked. Every wait of a script ends
 * when the client closes, or at peer_free. A mistake in the test's set-up aborts. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum peer_op {
    PEER_OP_END = 0, /* close in order */
    PEER_OP_READ_UNTIL,
    PEER_OP_READ_REQUEST,
    PEER_OP_READ_MORE,
    PEER_OP_SEND,
    PEER_OP_PAUSE,
    PEER_OP_RESET,
    PEER_OP_HANG,
    PEER_OP_AGAIN
};

struct peer_step {
    enum peer_op op;
    const char *data; /* text to send or to read up to */
    size_t len;       /* 0: the length of the text */
    size_t chunk;     /* bytes sent at a time, 0 = all */
    int ms;           /* between chunks, or the pause */
};

// clang-format off
#define PEER_END              {.op = PEER_OP_END}
#define PEER_READ_UNTIL(text) {.op = PEER_OP_READ_UNTIL, .data = (text)} /* in what came after the last read */
#define PEER_READ_REQUEST     {.op = PEER_OP_READ_REQUEST} /* one HTTP request with its body (Content-Length) */
#define PEER_READ_MORE        {.op = PEER_OP_READ_MORE}    /* at least one more byte */
#define PEER_SEND(text)       {.op = PEER_OP_SEND, .data = (text)}
#define PEER_SEND_N(bytes, n) {.op = PEER_OP_SEND, .data = (bytes), .len = (n)}
#define PEER_DRIP(bytes, n, size, pause) {.op = PEER_OP_SEND, .data = (bytes), .len = (n), .chunk = (size), .ms = (pause)}
#define PEER_PAUSE(pause)     {.op = PEER_OP_PAUSE, .ms = (pause)}
#define PEER_RESET            {.op = PEER_OP_RESET} /* RST, by SO_LINGER 0 */
#define PEER_HANG             {.op = PEER_OP_HANG}  /* reads and records, says nothing, until the client closes */
#define PEER_AGAIN            {.op = PEER_OP_AGAIN} /* the script from its start, on the same connection */
// clang-format on

struct peer;

struct peer *peer_new_tcp(void);
struct peer *peer_new_unix(const char *path);
/* A port of 127.0.0.1 that is taken and does not listen: it refuses until peer_listen. */
struct peer *peer_new_refusing(void);
void peer_listen(struct peer *p);
/* The script of the next connection without one. Its steps (ended by PEER_END, PEER_RESET, PEER_HANG or
 * PEER_AGAIN) must outlive the peer. */
void peer_script(struct peer *p, const struct peer_step *steps);
int peer_port(const struct peer *p);
size_t peer_accepted(struct peer *p); /* connections so far */
size_t peer_ended(struct peer *p);    /* of these, how many are over, whoever closed */
/* What connection i sent so far, at most 4 MB of it, NUL-terminated; belongs to the peer until the next call for i, or peer_free. "" for
 * a connection that does not exist (yet). */
const char *peer_received(struct peer *p, size_t i);
size_t peer_received_len(struct peer *p, size_t i);
void peer_free(struct peer *p);
