/* State that survives a restart. See state.h. */
#include "state.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"
#include "badgewatch/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum bw_err sim_state_load(const char *path, struct sim_saved *out, struct bw_error *error)
{
    *out = (struct sim_saved){.found = false};
    FILE *f = fopen(path, "re");
    if (!f)
        return errno == ENOENT
                   ? BW_OK
                   : bw_error_set(error, BW_ERR_SYSTEM, "cannot open '%s': %s", path, strerror(errno));
    char text[4096];
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    struct json_object *o = json_tokener_parse(text);
    if (!json_object_is_type(o, json_type_object) || !sim_json_get(o, "sim_ms")) {
        json_object_put(o);
        return bw_error_set(error, BW_ERR_SYNTAX, "'%s' is not a state of badgewatch-sim", path);
    }
    *out = (struct sim_saved){.found = true,
                              .sim_ms = sim_json_int(o, "sim_ms", 0),
                              .start_ms = sim_json_int(o, "start_ms", 0),
                              .bucket_left = sim_json_int(o, "bucket_left", 0),
                              .saved_real_ms = sim_json_int(o, "saved_real_ms", 0),
                              .keepa_requests = sim_json_int(o, "keepa_requests", 0),
                              .tokens_charged = sim_json_int(o, "tokens_charged", 0)};
    json_object_put(o);
    return BW_OK;
}

void sim_state_save(const struct sim *sim)
{
    if (!sim->args->state)
        return;
    char *temporary = bw_asprintf("%s.new", sim->args->state);
    FILE *f = fopen(temporary, "we");
    bool ok = f != NULL;
    if (f) {
        int n = fprintf(f,
                        "{\"sim_ms\":%" PRId64 ",\"start_ms\":%" PRId64 ",\"bucket_left\":%" PRId64
                        ",\"saved_real_ms\":%" PRId64 ",\"keepa_requests\":%" PRId64
                        ",\"tokens_charged\":%" PRId64 "}\n",
                        sim_now(sim), sim->clock.start_sim_ms, sim->bucket.left, bw_wall_now().ms,
                        sim->keepa_requests, sim->tokens_charged);
        ok = n > 0;
        ok = fclose(f) == 0 && ok;
    }
    if (!ok || rename(temporary, sim->args->state) != 0)
        bw_log_error("sim", "cannot write '%s': %s", sim->args->state, strerror(errno));
    free(temporary);
}
