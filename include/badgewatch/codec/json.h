/* A small JSON writer on bw_buf, and a reader of flat objects; for what is not worth a codec of its own. */
#pragma once

#include "badgewatch/base/buf.h"

#include <stdbool.h>
#include <stdint.h>

/* Writer: commas are put by itself. Invalid UTF-8 in strings becomes U+FFFD. */
struct bw_json {
    struct bw_buf *out;
    bool comma;
};
void bw_json_init(struct bw_json *j, struct bw_buf *out);
void bw_json_object(struct bw_json *j, const char *key); /* key NULL inside arrays and at the top */
void bw_json_object_end(struct bw_json *j);
void bw_json_array(struct bw_json *j, const char *key);
void bw_json_array_end(struct bw_json *j);
void bw_json_string(struct bw_json *j, const char *key, const char *value); /* NULL gives null */
void bw_json_stringn(struct bw_json *j, const char *key, const char *value, size_t len);
void bw_json_int(struct bw_json *j, const char *key, int64_t value);
void bw_json_double(struct bw_json *j, const char *key, double value); /* %.10g; nan and inf give null */
void bw_json_bool(struct bw_json *j, const char *key, bool value);
void bw_json_null(struct bw_json *j, const char *key);
void bw_json_raw(struct bw_json *j, const char *key, const char *json); /* already JSON; not checked */
void bw_json_time(struct bw_json *j, const char *key, int64_t unix_s);  /* RFC 3339 UTC; 0 gives null */
void bw_json_time_ms(struct bw_json *j, const char *key, int64_t unix_ms);

/* Reader: a parsed document; nodes are borrowed from it. Strict JSON (RFC 8259), depth <= 32, valid UTF-8, at most
 * 64 MB, no two members of one name. A null has no node: it is NULL, like what is absent. */
struct bw_json_doc;
struct bw_json_node;
enum bw_err bw_json_parse(const char *text, size_t len, struct bw_json_doc **out,
                          struct bw_error *error) BW_MUSTCHECK;
void bw_json_free(struct bw_json_doc *doc);
const struct bw_json_node *bw_json_root(const struct bw_json_doc *doc);
/* NULL if the parent is NULL, not an object/array, or has no such member. */
const struct bw_json_node *bw_json_get(const struct bw_json_node *parent, const char *key);
const struct bw_json_node *bw_json_at(const struct bw_json_node *array, size_t i);
size_t bw_json_count(const struct bw_json_node *array); /* array: elements; else 0 */
/* false (and *out untouched) if absent or of another type; numbers in strings are not numbers. */
bool bw_json_get_string(const struct bw_json_node *parent, const char *key,
                        const char **out); /* no embedded NUL */
bool bw_json_get_int(const struct bw_json_node *parent, const char *key,
                     int64_t *out); /* 2^63 and more: false */
bool bw_json_get_double(const struct bw_json_node *parent, const char *key, double *out);
bool bw_json_get_bool(const struct bw_json_node *parent, const char *key, bool *out);
bool bw_json_is_string(const struct bw_json_node *node, const char **out);
bool bw_json_is_int(const struct bw_json_node *node, int64_t *out);
bool bw_json_is_object(const struct bw_json_node *node);
bool bw_json_is_array(const struct bw_json_node *node);
/* Calls cb for each member of an object. */
void bw_json_each(const struct bw_json_node *object,
                  void (*cb)(void *ctx, const char *key, const struct bw_json_node *value), void *ctx);
