/* The JSON reader: strict, for documents that are kept whole.
 *
 * Happy way: the text is judged by the cursor, then json-c builds the tree, and its members are counted against those
 * that were read. How it fails: BW_ERR_TOO_BIG over 64 MB; BW_ERR_SYNTAX with the position for everything else.
 *
 * Why not json-c alone (0.16, even with JSON_TOKENER_STRICT): it takes NaN and 'single quotes'; of two members of one
 * name the last wins in silence; integers past 64 bits are clamped with errno 0; a key is cut at its NUL; getters turn
 * "12" into 12. Each of these is refused here. */
#include "cursor.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/keepa.h"

#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  (64u << 20)
#define DEPTH_MAX 32

struct bw_json_doc {
    struct json_object *root;
};

/* Judges the value under the cursor and counts the members of all objects in it. */
static bool check(struct bw_cursor *c, unsigned depth, size_t *members)
{
    struct bw_span text;
    int64_t number;
    char first = bw_cursor_peek(c);

    if (first == '{' || first == '[') {
        char close = first == '{' ? '}' : ']';

        if (depth == 0)
            return bw_cursor_fail(c, "nested too deep");
        for (bool more = bw_cursor_first(c, first, close); more; more = bw_cursor_next(c, close)) {
            if (first == '{') {
                if (!bw_cursor_key(c, &text))
                    return false;
                if (bw_span_has_nul(&text))
                    return bw_cursor_fail(c, "a key holds a NUL");
                (*members)++;
            }
            if (!check(c, depth - 1, members))
                return false;
        }
        return !c->fault;
    }
    if (first == '-' || (first >= '0' && first <= '9')) {
        /* Below INT64_MIN json-c gives INT64_MIN, which could not be told from the real one any more. */
        if (bw_cursor_number(c, &number) == BW_NUMBER_HUGE && number < 0)
            return bw_cursor_fail(c, "a number is out of range");
        return !c->fault;
    }
    return bw_cursor_skip(c, 0);
}

static size_t count_members(struct json_object *o)
{
    size_t n = 0;

    if (json_object_is_type(o, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(o); i++)
            n += count_members(json_object_array_get_idx(o, i));
    } else if (json_object_is_type(o, json_type_object)) {
        n = (size_t)json_object_object_length(o);
        json_object_object_foreach(o, key, member)
        {
            (void)key;
            n += count_members(member);
        }
    }
    return n;
}

/* json-c cannot know that "12" is over, and wants to go on: a NUL tells it. */
static struct json_object *build(const char *text, size_t len, enum json_tokener_error *why)
{
    struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX + 2);

    if (!tok)
        abort(); /* out of memory */
    struct json_object *root = json_tokener_parse_ex(tok, text, (int)len);
    if (json_tokener_get_error(tok) == json_tokener_continue)
        root = json_tokener_parse_ex(tok, "", 1);
    *why = json_tokener_get_error(tok);
    json_tokener_free(tok);
    return root;
}

enum bw_err bw_json_parse(const char *text, size_t len, struct bw_json_doc **out, struct bw_error *error)
{
    enum json_tokener_error why;
    struct bw_cursor c;
    size_t members = 0;

    if (len > TEXT_MAX)
        return bw_error_set(error, BW_ERR_TOO_BIG, "JSON of %zu bytes, at most %u are read", len, TEXT_MAX);
    bw_cursor_init(&c, text, len);
    if (!bw_utf8_valid(c.begin, len))
        return bw_error_set(error, BW_ERR_SYNTAX, "not valid UTF-8");
    if (check(&c, DEPTH_MAX, &members) && !bw_cursor_done(&c))
        (void)bw_cursor_fail(&c, "more bytes after the end");
    if (c.fault)
        return bw_error_set(error, BW_ERR_SYNTAX, "not JSON at byte %zu: %s", (size_t)(c.at - c.begin),
                            c.fault);
    struct json_object *root = build(c.begin, len, &why);
    if (why != json_tokener_success)
        return bw_error_set(error, BW_ERR_SYNTAX, "not JSON: %s", json_tokener_error_desc(why));
    if (count_members(root) != members) {
        json_object_put(root);
        return bw_error_set(error, BW_ERR_SYNTAX, "an object has two members of one name");
    }
    *out = bw_alloc(sizeof **out);
    (*out)->root = root;
    return BW_OK;
}

void bw_json_free(struct bw_json_doc *doc)
{
    if (!doc)
        return;
    json_object_put(doc->root);
    free(doc);
}

/* Nodes are json-c's objects under a name of ours; json-c's getters take no const. */
static struct json_object *inner(const struct bw_json_node *node)
{
    union {
        const struct bw_json_node *node;
        struct json_object *object;
    } u = {.node = node};

    return u.object;
}

static const struct bw_json_node *outer(const struct json_object *o)
{
    return (const struct bw_json_node *)o;
}

const struct bw_json_node *bw_json_root(const struct bw_json_doc *doc)
{
    return outer(doc->root);
}

const struct bw_json_node *bw_json_get(const struct bw_json_node *parent, const char *key)
{
    struct json_object *o = inner(parent), *member = NULL;

    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &member))
        return NULL;
    return outer(member);
}

const struct bw_json_node *bw_json_at(const struct bw_json_node *array, size_t i)
{
    return i < bw_json_count(array) ? outer(json_object_array_get_idx(inner(array), i)) : NULL;
}

size_t bw_json_count(const struct bw_json_node *array)
{
    struct json_object *o = inner(array);

    return json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
}

bool bw_json_get_string(const struct bw_json_node *parent, const char *key, const char **out)
{
    return bw_json_is_string(bw_json_get(parent, key), out);
}

bool bw_json_get_int(const struct bw_json_node *parent, const char *key, int64_t *out)
{
    return bw_json_is_int(bw_json_get(parent, key), out);
}

bool bw_json_get_double(const struct bw_json_node *parent, const char *key, double *out)
{
    struct json_object *o = inner(bw_json_get(parent, key));

    if (!json_object_is_type(o, json_type_double) && !json_object_is_type(o, json_type_int))
        return false;
    double v = json_object_get_double(o);
    if (!isfinite(v)) /* 1e999 */
        return false;
    *out = v;
    return true;
}

bool bw_json_get_bool(const struct bw_json_node *parent, const char *key, bool *out)
{
    struct json_object *o = inner(bw_json_get(parent, key));

    if (!json_object_is_type(o, json_type_boolean))
        return false;
    *out = json_object_get_boolean(o);
    return true;
}

bool bw_json_is_string(const struct bw_json_node *node, const char **out)
{
    struct json_object *o = inner(node);

    if (!json_object_is_type(o, json_type_string))
        return false;
    const char *s = json_object_get_string(o);
    if (strlen(s) != (size_t)json_object_get_string_len(o))
        return false;
    *out = s;
    return true;
}

bool bw_json_is_int(const struct bw_json_node *node, int64_t *out)
{
    struct json_object *o = inner(node);

    /* get_int64 clamps 2^63 and more with errno 0; get_uint64 shows them (and gives 0 for negative numbers). */
    if (!json_object_is_type(o, json_type_int) || json_object_get_uint64(o) > INT64_MAX)
        return false;
    *out = json_object_get_int64(o);
    return true;
}

bool bw_json_is_object(const struct bw_json_node *node)
{
    return json_object_is_type(inner(node), json_type_object);
}

bool bw_json_is_array(const struct bw_json_node *node)
{
    return json_object_is_type(inner(node), json_type_array);
}

void bw_json_each(const struct bw_json_node *object,
                  void (*cb)(void *ctx, const char *key, const struct bw_json_node *value), void *ctx)
{
    struct json_object *o = inner(object);

    if (!json_object_is_type(o, json_type_object))
        return;
    json_object_object_foreach(o, key, member) cb(ctx, key, outer(member));
}
