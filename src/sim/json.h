/* Small helpers around json-c. Getters check the type first: json-c's own coerce ("12" becomes 12). */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

static inline const char *sim_json_str(struct json_object *o, const char *key, const char *otherwise)
{
    struct json_object *v = NULL;
    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v) ||
        !json_object_is_type(v, json_type_string))
        return otherwise;
    return json_object_get_string(v);
}

static inline int64_t sim_json_int(struct json_object *o, const char *key, int64_t otherwise)
{
    struct json_object *v = NULL;
    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v) ||
        !json_object_is_type(v, json_type_int))
        return otherwise;
    return json_object_get_int64(v);
}

static inline double sim_json_number(struct json_object *o, const char *key, double otherwise)
{
    struct json_object *v = NULL;
    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v) ||
        (!json_object_is_type(v, json_type_int) && !json_object_is_type(v, json_type_double)))
        return otherwise;
    return json_object_get_double(v);
}

static inline bool sim_json_bool(struct json_object *o, const char *key, bool otherwise)
{
    struct json_object *v = NULL;
    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v) ||
        !json_object_is_type(v, json_type_boolean))
        return otherwise;
    return json_object_get_boolean(v);
}

static inline struct json_object *sim_json_get(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;
    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, key, &v))
        return NULL;
    return v;
}

#define SIM_JSON_COMPACT (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)
