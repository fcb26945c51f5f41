/* The log of requests. See requests_log.h. */
#include "requests_log.h"

#include <string.h>

void sim_log_fini(struct sim_log *log)
{
    for (size_t i = 0; i < SIM_LOG_MAX; i++) {
        json_object_put(log->entries[i]);
        log->entries[i] = NULL;
    }
}

void sim_log_add(struct sim_log *log, struct json_object *entry)
{
    struct json_object **slot = &log->entries[log->n % SIM_LOG_MAX];
    json_object_put(*slot);
    *slot = entry;
    json_object_object_add(entry, "number", json_object_new_int64(log->n));
    log->n++;
}

struct json_object *sim_log_json(const struct sim_log *log, int64_t since, const char *service)
{
    int64_t oldest = log->n > SIM_LOG_MAX ? log->n - SIM_LOG_MAX : 0;
    struct json_object *list = json_object_new_array();
    for (int64_t i = since > oldest ? since : oldest; i < log->n; i++) {
        struct json_object *e = log->entries[i % SIM_LOG_MAX];
        if (strcmp(service, "all") == 0 || strcmp(sim_json_str(e, "service", ""), service) == 0)
            json_object_array_add(list, json_object_get(e));
    }
    return list;
}
