/* Text of others (titles, names of categories, labels) where people read lines: in logs, on terminals, in summaries. What
 * drives a terminal, begins a line, turns the direction of writing or is no UTF-8 is spelled out, as \n, \x1b, \u202e. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define BW_PLAIN_CHAR 8

/* The next character of p (not at its end) as it is written; gives the bytes of p that it took. json: as inside a string of
 * JSON. */
size_t bw_plain_next(const unsigned char *p, bool json, char out[BW_PLAIN_CHAR]);
/* All of text, or as many whole characters as fit, NUL-terminated. Gives out. */
const char *bw_plain_copy(char *out, size_t size, const char *text);
