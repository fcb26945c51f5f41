/* Block Kit limits. See blocks.h. One table row for each member of each block and element. */
#include "blocks.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define MAX_BLOCKS   50
#define MAX_ALL_TEXT 13200
#define MAX_METADATA 16384

struct checker {
    struct json_object *messages;
    int64_t text; /* characters of all text objects */
    size_t errors;
};

enum kind { MRKDWN_OR_PLAIN, PLAIN, STRING, BOOLEAN, FIELDS, ELEMENTS, ACCESSORY, ANYTHING };

struct member {
    const char *block; /* type it belongs to */
    const char *name;
    int64_t max; /* characters, or items */
    enum kind kind;
    bool required;
};

static const struct member member_table[] = {
    {"section", "text", 3000, MRKDWN_OR_PLAIN, false},
    {"section", "fields", 10, FIELDS, false},
    {"section", "accessory", 0, ACCESSORY, false},
    {"section", "expand", 0, BOOLEAN, false},
    {"header", "text", 150, PLAIN, true},
    {"context", "elements", 10, ELEMENTS, true},
    {"actions", "elements", 25, ELEMENTS, true},
    {"image", "image_url", 3000, STRING, true},
    {"image", "alt_text", 2000, STRING, true},
    {"image", "title", 2000, PLAIN, false},
    {"markdown", "text", 12000, STRING, true},
    {"button", "text", 75, PLAIN, true},
    {"button", "url", 3000, STRING, false},
    {"button", "value", 2000, STRING, false},
    {"button", "action_id", 255, STRING, false},
    {"button", "style", 10, STRING, false},
    {"button", "accessibility_label", 75, STRING, false},
    {"button", "confirm", 0, ANYTHING, false},
};

static const char *const block_types[] = {"section", "header",   "context", "actions",
                                          "image",   "markdown", "divider"};

static int64_t characters(const char *s)
{
    int64_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

__attribute__((format(printf, 3, 4))) static void fail(struct checker *c, const char *pointer,
                                                       const char *fmt, ...)
{
    char what[200];
    char line[480];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    snprintf(line, sizeof line, "[ERROR] %s [json-pointer:%s]", what, pointer);
    json_object_array_add(c->messages, json_object_new_string(line));
    c->errors++;
}

static void check_length(struct checker *c, const char *text, int64_t max, const char *pointer)
{
    int64_t n = characters(text);
    c->text += n;
    if (n > max)
        fail(c, pointer, "must be less than %" PRId64 " characters", max + 1);
    if (n == 0)
        fail(c, pointer, "must be more than 0 characters");
}

static void check_text_object(struct checker *c, struct json_object *o, bool mrkdwn, int64_t max,
                              const char *pointer)
{
    char at[256];
    const char *type = sim_json_str(o, "type", "");
    bool plain = strcmp(type, "plain_text") == 0;
    if (!json_object_is_type(o, json_type_object) || (!plain && (!mrkdwn || strcmp(type, "mrkdwn") != 0))) {
        fail(c, pointer, "must be a %s object", mrkdwn ? "text" : "plain_text");
        return;
    }
    json_object_object_foreach(o, key, value)
    {
        (void)value;
        bool known = strcmp(key, "type") == 0 || strcmp(key, "text") == 0 ||
                     strcmp(key, plain ? "emoji" : "verbatim") == 0;
        if (!known)
            fail(c, pointer, "no more properties are allowed: %s", key);
    }
    snprintf(at, sizeof at, "%s/text", pointer);
    check_length(c, sim_json_str(o, "text", ""), max, at);
}

static void check_members(struct checker *c, struct json_object *o, const char *type, bool element,
                          const char *pointer);

static bool is_text_type(const char *type)
{
    return strcmp(type, "mrkdwn") == 0 || strcmp(type, "plain_text") == 0;
}

static void check_element(struct checker *c, struct json_object *o, const char *block, const char *pointer)
{
    const char *type = sim_json_str(o, "type", "");
    bool context = strcmp(block, "context") == 0;
    bool button = strcmp(type, "button") == 0;
    bool image = strcmp(type, "image") == 0;
    if (context && is_text_type(type))
        check_text_object(c, o, true, 3000, pointer);
    else if ((context && image) || (strcmp(block, "actions") == 0 && button) ||
             (strcmp(block, "section") == 0 && (button || image)))
        check_members(c, o, type, true, pointer);
    else
        fail(c, pointer, "unsupported element type: %s", type);
}

static void check_list(struct checker *c, struct json_object *list, const char *block, const struct member *m,
                       const char *pointer)
{
    size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
    if (n == 0 || (int64_t)n > m->max) {
        fail(c, pointer, "must provide 1 to %" PRId64 " items", m->max);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        char at[256];
        snprintf(at, sizeof at, "%s/%zu", pointer, i);
        if (m->kind == FIELDS)
            check_text_object(c, json_object_array_get_idx(list, i), true, 2000, at);
        else
            check_element(c, json_object_array_get_idx(list, i), block, at);
    }
}

static void check_member(struct checker *c, struct json_object *value, const char *block,
                         const struct member *m, const char *pointer)
{
    switch (m->kind) {
    case MRKDWN_OR_PLAIN:
    case PLAIN:
        check_text_object(c, value, m->kind == MRKDWN_OR_PLAIN, m->max, pointer);
        break;
    case STRING:
        if (json_object_is_type(value, json_type_string))
            check_length(c, json_object_get_string(value), m->max, pointer);
        else
            fail(c, pointer, "must be a string");
        break;
    case BOOLEAN:
        if (!json_object_is_type(value, json_type_boolean))
            fail(c, pointer, "must be a boolean");
        break;
    case FIELDS:
    case ELEMENTS:
        check_list(c, value, block, m, pointer);
        break;
    case ACCESSORY:
        check_element(c, value, block, pointer);
        break;
    case ANYTHING:
        break;
    }
}

static const struct member *find_member(const char *type, const char *name)
{
    for (size_t i = 0; i < sizeof member_table / sizeof member_table[0]; i++)
        if (strcmp(member_table[i].block, type) == 0 && strcmp(member_table[i].name, name) == 0)
            return &member_table[i];
    return NULL;
}

/* element: an image inside a context has no title and no block_id. */
static void check_members(struct checker *c, struct json_object *o, const char *type, bool element,
                          const char *pointer)
{
    char at[256];
    json_object_object_foreach(o, key, value)
    {
        if (strcmp(key, "type") == 0 || (!element && strcmp(key, "block_id") == 0))
            continue;
        const struct member *m = find_member(type, key);
        snprintf(at, sizeof at, "%s/%s", pointer, key);
        if (!m || (element && strcmp(key, "title") == 0))
            fail(c, pointer, "no more properties are allowed: %s", key);
        else
            check_member(c, value, type, m, at);
    }
    for (size_t i = 0; i < sizeof member_table / sizeof member_table[0]; i++)
        if (member_table[i].required && strcmp(member_table[i].block, type) == 0 &&
            !sim_json_get(o, member_table[i].name))
            fail(c, pointer, "missing required field: %s", member_table[i].name);
    if (strcmp(type, "section") == 0 && !sim_json_get(o, "text") && !sim_json_get(o, "fields"))
        fail(c, pointer, "missing required field: text or fields");
}

static void check_block_id(struct checker *c, struct json_object *blocks, size_t i, const char *pointer)
{
    const char *id = sim_json_str(json_object_array_get_idx(blocks, i), "block_id", NULL);
    if (!id)
        return;
    if (characters(id) > 255)
        fail(c, pointer, "block_id must be less than 256 characters");
    for (size_t j = 0; j < i; j++)
        if (strcmp(sim_json_str(json_object_array_get_idx(blocks, j), "block_id", ""), id) == 0)
            fail(c, pointer, "block_id is not unique: %.100s", id);
}

static void check_block(struct checker *c, struct json_object *block, const char *pointer)
{
    const char *type = sim_json_str(block, "type", "");
    for (size_t i = 0; i < sizeof block_types / sizeof block_types[0]; i++) {
        if (strcmp(type, block_types[i]) == 0) {
            check_members(c, block, type, false, pointer);
            return;
        }
    }
    fail(c, pointer, "unsupported type: %.100s", type);
}

const char *sim_blocks_check(struct json_object *blocks, struct json_object *messages)
{
    struct checker c = {.messages = messages};
    if (!json_object_is_type(blocks, json_type_array))
        return "invalid_blocks_format";
    size_t n = json_object_array_length(blocks);
    if (n > MAX_BLOCKS)
        fail(&c, "/blocks", "no more than %d items allowed", MAX_BLOCKS);
    for (size_t i = 0; i < n; i++) {
        char at[64];
        snprintf(at, sizeof at, "/blocks/%zu", i);
        check_block(&c, json_object_array_get_idx(blocks, i), at);
        check_block_id(&c, blocks, i, at);
    }
    if (c.errors > 0)
        return "invalid_blocks";
    return c.text > MAX_ALL_TEXT ? "msg_blocks_too_long" : NULL;
}

static bool scalar(struct json_object *v)
{
    return json_object_is_type(v, json_type_string) || json_object_is_type(v, json_type_int) ||
           json_object_is_type(v, json_type_double) || json_object_is_type(v, json_type_boolean);
}

static bool flat(struct json_object *v)
{
    if (!json_object_is_type(v, json_type_object))
        return scalar(v);
    json_object_object_foreach(v, key, value)
    {
        (void)key;
        if (!scalar(value))
            return false;
    }
    return true;
}

static bool payload_value(struct json_object *v)
{
    if (!json_object_is_type(v, json_type_array))
        return flat(v);
    for (size_t i = 0; i < json_object_array_length(v); i++)
        if (!flat(json_object_array_get_idx(v, i)))
            return false;
    return true;
}

const char *sim_metadata_check(struct json_object *metadata)
{
    const char *type = sim_json_str(metadata, "event_type", NULL);
    struct json_object *payload = sim_json_get(metadata, "event_payload");
    if (!type || !*type || !json_object_is_type(payload, json_type_object))
        return "invalid_metadata_format";
    json_object_object_foreach(payload, key, value)
    {
        (void)key;
        if (!payload_value(value))
            return "invalid_metadata_schema";
    }
    if (strlen(json_object_to_json_string_ext(metadata, JSON_C_TO_STRING_PLAIN)) > MAX_METADATA)
        return "metadata_too_large";
    return NULL;
}
