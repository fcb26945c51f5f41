/* See support.h. */
#include "support.h"

#include "badgewatch/base/alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void fixture_start(struct sim_fixture *f, const char *const *words)
{
    char *argv[33] = {bw_strdup("badgewatch-sim")};
    int argc = 1;
    struct bw_error error = {.code = BW_OK};
    for (; *words; words++)
        argv[argc++] = bw_strdup(*words);
    argv[argc] = NULL;
    assert_int_equal(sim_args_parse(argc, argv, &f->args), SIM_RUN);
    if (sim_new(&f->args, &f->sim, &error) != BW_OK)
        fail_msg("%s", error.text);
    /* the arguments borrow the words */
    for (int i = 0; i < argc; i++)
        f->words[i] = argv[i];
    f->n_words = argc;
}

void fixture_stop(struct sim_fixture *f)
{
    sim_free(f->sim);
    for (int i = 0; i < f->n_words; i++)
        free(f->words[i]);
}

void fixture_raw(struct sim_fixture *f, const char *method, const char *path, const char *query,
                 const char *body, const char *authorization, struct sim_response *response)
{
    struct sim_request request;
    char *copy = bw_strdup(query ? query : "");
    char *rest = copy;
    sim_request_init(&request, method, path);
    for (char *pair; (pair = strsep(&rest, "&")) != NULL;) {
        char *value = pair;
        char *name = strsep(&value, "=");
        if (*name)
            sim_request_add_arg(&request, name, value);
    }
    free(copy);
    if (body)
        assert_int_equal(bw_buf_adds(&request.body, body), BW_OK);
    request.content_type = bw_strdup("application/json; charset=utf-8");
    request.authorization = bw_strdup(authorization);
    sim_response_init(response);
    sim_handle(f->sim, &request, response);
    sim_request_fini(&request);
}

struct json_object *fixture_call(struct sim_fixture *f, const char *method, const char *path,
                                 const char *query, const char *body, int *status)
{
    struct sim_response response;
    fixture_raw(f, method, path, query, body, "Bearer xoxb-demo", &response);
    struct json_object *o = json_tokener_parse(bw_buf_str(&response.body));
    if (status)
        *status = response.status;
    sim_response_fini(&response);
    assert_non_null(o);
    return o;
}
