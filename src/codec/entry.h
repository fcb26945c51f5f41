/* Members that several kinds of stream entries share. Private to this room. */
#pragma once

#include "badgewatch/codec/entry.h"
#include "badgewatch/codec/json.h"

void change_write(struct bw_json *j, const char *key, const struct bw_change *c);
/* Takes memory only on success. */
enum bw_err change_read(const struct bw_json_node *o, struct bw_change *out, struct bw_error *error);

enum bw_err bad_member(struct bw_error *error, const char *name);
/* A member that must be there; the text is cut to size only where it fits, else it is an error. */
bool read_text(const struct bw_json_node *o, const char *name, char *out, size_t size);
/* Optional: NULL stays NULL. False if it is there and no string. */
bool read_optional(const struct bw_json_node *o, const char *name, char **out);
bool read_uuid(const struct bw_json_node *o, const char *name, char out[BW_UUID_TEXT]);
bool read_key(const struct bw_json_node *o, struct bw_product_key *out);
void write_names(struct bw_json *j, const struct bw_category_name *names, size_t n);
enum bw_err read_names(const struct bw_json_node *list, struct bw_category_name **names, size_t *n,
                       struct bw_error *error);
