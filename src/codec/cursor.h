/* A bounds-checked walk over JSON text, RFC 8259 to the letter: what the reader, the splitter's envelope and the
 * product decoder stand on. json-c alone takes NaN, single quotes and doubled keys for JSON even when told to be
 * strict, and needs 72 bytes for each integer of an array; so everything is judged here first.
 *
 * Happy way: each function looks at what is under the cursor, passes it and returns true. Failing: the first fault
 * stays in c->fault (a fixed text) and all later calls return false. Nothing is allocated, nothing recurses. UTF-8 is
 * not judged here: a product that holds a bad byte is still worth reading. */
#pragma once

#include "badgewatch/base/buf.h"

#include <stdint.h>

struct bw_cursor {
    const char *begin;
    const char *at;
    const char *end;
    const char *fault; /* NULL while all is well */
};

/* A string as it stands between its quotes. */
struct bw_span {
    const char *at;
    size_t len;
    bool escapes;
};

enum bw_number {
    BW_NUMBER_FAULT,
    BW_NUMBER_INT,  /* an integer of 64 bits */
    BW_NUMBER_HUGE, /* an integer past them; value is INT64_MAX or INT64_MIN */
    BW_NUMBER_REAL  /* with fraction or exponent, whatever its value */
};

#define BW_CURSOR_DEPTH 64 /* deepest nesting that bw_cursor_skip can follow: a bit for each level */

void bw_cursor_init(struct bw_cursor *c, const char *text, size_t len);
bool bw_cursor_fail(struct bw_cursor *c, const char *fault); /* always false */
/* Passes blanks; the byte that follows, 0 at the end or after a fault. */
static inline char bw_cursor_peek(struct bw_cursor *c)
{
    if (c->fault)
        return 0;
    while (c->at < c->end && (unsigned char)*c->at <= ' ' &&
           (*c->at == ' ' || *c->at == '\n' || *c->at == '\r' || *c->at == '\t'))
        c->at++;
    return c->at < c->end ? *c->at : 0;
}
/* Passes blanks and, if it follows, ch. */
static inline bool bw_cursor_take(struct bw_cursor *c, char ch)
{
    if (bw_cursor_peek(c) != ch || c->at == c->end)
        return false;
    c->at++;
    return true;
}
/* Nothing but blanks is left. */
bool bw_cursor_done(struct bw_cursor *c);

/* An object or array: if (first) do { [key] value } while (next). Both false after the closing bracket (passed) and
 * on a fault. */
bool bw_cursor_first(struct bw_cursor *c, char open, char close);
bool bw_cursor_next(struct bw_cursor *c, char close);
bool bw_cursor_key(struct bw_cursor *c, struct bw_span *key); /* and its colon */

bool bw_cursor_string(struct bw_cursor *c, struct bw_span *out);
enum bw_number bw_cursor_number(struct bw_cursor *c, int64_t *value);
bool bw_cursor_null(struct bw_cursor *c); /* passes a null; false without a fault if it is something else */
/* Passes one value of any kind, checked in full. depth: levels allowed, at most BW_CURSOR_DEPTH. */
bool bw_cursor_skip(struct bw_cursor *c, unsigned depth);

bool bw_span_is(const struct bw_span *s, const char *text); /* compared unescaped */
/* Appends the string's text as valid UTF-8 without NUL (U+FFFD for what cannot be). */
void bw_span_text(const struct bw_span *s, struct bw_buf *out);
bool bw_span_has_nul(const struct bw_span *s); /* holds \u0000 */
