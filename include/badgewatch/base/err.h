/* Errors of the whole program.
 *
 * A function that can fail for a reason outside the program returns enum bw_err; values travel by
 * out-parameters that are set only on success. Where a person will read why, the caller passes a
 * struct bw_error that is filled on failure. Our own mistakes are assertions; out of memory aborts. */
#pragma once

#include <stddef.h>

#define BW_MUSTCHECK         __attribute__((warn_unused_result))
#define BW_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum bw_err {
    BW_OK = 0,
    BW_ERR_INVALID,     /* a value does not fit what was expected */
    BW_ERR_SYNTAX,      /* text that cannot be parsed */
    BW_ERR_TOO_BIG,     /* a cap was reached */
    BW_ERR_NOT_FOUND,   /* the thing asked for does not exist */
    BW_ERR_CONFLICT,    /* the state changed since it was read */
    BW_ERR_UNAVAILABLE, /* the peer is not connected or refused the connection */
    BW_ERR_TIMEOUT,     /* no answer in time */
    BW_ERR_CLOSED,      /* cancelled, or the object is closing */
    BW_ERR_PROTOCOL,    /* the peer broke the protocol, or answered with an error */
    BW_ERR_DENIED,      /* the peer refused our credentials */
    BW_ERR_BUSY,        /* a queue is full; try again later */
    BW_ERR_UNSUPPORTED, /* not offered by this build */
    BW_ERR_SYSTEM       /* a system call failed; the text says which */
};

/* A fixed text for each code, in lower case, without a final period. */
const char *bw_err_text(enum bw_err err);

struct bw_error {
    enum bw_err code;
    char text[512];
};

/* Fills *error (may be NULL) and returns code. Longer texts are cut. */
enum bw_err bw_error_set(struct bw_error *error, enum bw_err code, const char *fmt, ...) BW_PRINTF(3, 4);
/* Puts "<prefix>: " before the text that is there and returns the code; with error NULL, where no code is known,
 * BW_ERR_INVALID. */
enum bw_err bw_error_prefix(struct bw_error *error, const char *fmt, ...) BW_PRINTF(2, 3);
