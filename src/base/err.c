/* Error codes and texts. */
#include "badgewatch/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *bw_err_text(enum bw_err err)
{
    switch (err) {
    case BW_OK:
        return "ok";
    case BW_ERR_INVALID:
        return "not what was expected";
    case BW_ERR_SYNTAX:
        return "cannot be parsed";
    case BW_ERR_TOO_BIG:
        return "too large";
    case BW_ERR_NOT_FOUND:
        return "not found";
    case BW_ERR_CONFLICT:
        return "changed meanwhile";
    case BW_ERR_UNAVAILABLE:
        return "not connected";
    case BW_ERR_TIMEOUT:
        return "no answer in time";
    case BW_ERR_CLOSED:
        return "closed";
    case BW_ERR_PROTOCOL:
        return "refused by the peer";
    case BW_ERR_DENIED:
        return "credentials refused";
    case BW_ERR_BUSY:
        return "queue is full";
    case BW_ERR_UNSUPPORTED:
        return "not supported";
    case BW_ERR_SYSTEM:
        return "system call failed";
    }
    return "unknown error";
}

enum bw_err bw_error_set(struct bw_error *error, enum bw_err code, const char *fmt, ...)
{
    if (!error)
        return code;
    char text[sizeof(error->text)]; /* the arguments may point into error->text */
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    memcpy(error->text, text, sizeof(text));
    error->code = code;
    return code;
}

enum bw_err bw_error_prefix(struct bw_error *error, const char *fmt, ...)
{
    if (!error)
        return BW_ERR_INVALID; /* the code is not known here, and it was no success */
    char old[sizeof(error->text)];
    memcpy(old, error->text, sizeof(old));
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(error->text, sizeof(error->text), fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(error->text))
        return error->code;
    snprintf(error->text + n, sizeof(error->text) - (size_t)n, ": %s", old);
    return error->code;
}
