/* Category ids and names, as they come in more than one kind of answer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A decimal id as Keepa writes its object keys: 1 .. INT64_MAX, no sign, no leading zero. */
bool bw_category_id_parse(const char *text, size_t len, int64_t *out);
/* A copy for keeping: at most 200 bytes of it, cut between characters. text is valid UTF-8. */
char *bw_category_name_dup(const char *text, size_t len);
