/* What every Keepa answer says about itself, read from its parsed text. */
#pragma once

#include "badgewatch/codec/json.h"
#include "badgewatch/codec/keepa.h"

void bw_envelope_read(const struct bw_json_node *root, struct bw_keepa_envelope *out);
/* bw_json_parse for text of Keepa's: bad UTF-8 (in an error message, a name) is mended first, not refused. The root is
 * an object. */
enum bw_err bw_envelope_parse(const char *text, size_t len, struct bw_json_doc **out,
                              struct bw_error *error) BW_MUSTCHECK;
