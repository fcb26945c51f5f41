/* One step of a UTF-8 decoder, shared by the checks, the mending and the JSON writer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BW_UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Length of the sequence at s (left > 0 bytes may be read). *ok false: it is not UTF-8, and the length is that of the
 * longest beginning that could have been one (at least 1), so each bad sequence is replaced once. */
size_t bw_utf8_step(const unsigned char *s, size_t left, bool *ok);
/* Writes code point cp (a scalar value) to out; returns 1 to 4. */
size_t bw_utf8_put(uint32_t cp, char out[4]);
/* The largest n <= max at which s (valid UTF-8) may be cut without splitting a character. */
size_t bw_utf8_cut(const char *s, size_t len, size_t max);
/* Copies text (valid UTF-8) into a field of a fixed size, cut between characters, control characters as blanks. */
void bw_utf8_field(char *out, size_t size, const char *text);
