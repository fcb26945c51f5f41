/* A simulator without HTTP: arguments as on the command line, requests handed to it directly. */
#pragma once

#include "sim.h"

struct sim_fixture {
    struct sim_args args;
    struct sim *sim;
    char *words[33];
    int n_words;
};

/* Up to 31 words; ends with NULL. Fails the test if the simulator does not start. */
void fixture_start(struct sim_fixture *f, const char *const *words);
void fixture_stop(struct sim_fixture *f);
/* One request; query like "a=1&b=2", body NULL for none. *status is set, the parsed answer is the caller's. */
struct json_object *fixture_call(struct sim_fixture *f, const char *method, const char *path,
                                 const char *query, const char *body, int *status);
/* The same, for the whole response; the caller ends it. */
void fixture_raw(struct sim_fixture *f, const char *method, const char *path, const char *query,
                 const char *body, const char *authorization, struct sim_response *response);
