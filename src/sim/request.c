/* Requests and responses. See request.h. */
#include "request.h"

#include "badgewatch/base/alloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sim_request_init(struct sim_request *r, const char *method, const char *path)
{
    *r = (struct sim_request){.method = bw_strdup(method)};
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    r->path = bw_strndup(path, n);
    bw_buf_init(&r->body, SIM_MAX_REQUEST_BODY);
}

void sim_request_fini(struct sim_request *r)
{
    for (size_t i = 0; i < r->n_args; i++) {
        free(r->args[i].name);
        free(r->args[i].value);
    }
    free(r->method);
    free(r->path);
    free(r->authorization);
    free(r->content_type);
    bw_buf_fini(&r->body);
    *r = (struct sim_request){.n_args = 0};
}

void sim_request_add_arg(struct sim_request *r, const char *name, const char *value)
{
    if (r->n_args == SIM_MAX_ARGS)
        return;
    r->args[r->n_args++] = (struct sim_pair){bw_strdup(name), bw_strdup(value ? value : "")};
}

const char *sim_request_arg(const struct sim_request *r, const char *name)
{
    for (size_t i = 0; i < r->n_args; i++)
        if (strcmp(r->args[i].name, name) == 0)
            return r->args[i].value;
    return NULL;
}

bool sim_request_int(const struct sim_request *r, const char *name, int64_t otherwise, int64_t *out)
{
    const char *text = sim_request_arg(r, name);
    if (!text) {
        *out = otherwise;
        return true;
    }
    char *end = NULL;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0)
        return false;
    *out = v;
    return true;
}

void sim_response_init(struct sim_response *r)
{
    *r = (struct sim_response){.status = 200, .content_type = "application/json;charset=UTF-8"};
    bw_buf_init(&r->body, (size_t)1 << 30);
}

void sim_response_fini(struct sim_response *r)
{
    bw_buf_fini(&r->body);
}

void sim_response_header(struct sim_response *r, const char *name, const char *value)
{
    if (r->n_headers == SIM_MAX_HEADERS)
        return;
    snprintf(r->headers[r->n_headers].name, sizeof r->headers[0].name, "%s", name);
    snprintf(r->headers[r->n_headers].value, sizeof r->headers[0].value, "%s", value);
    r->n_headers++;
}

void sim_response_text(struct sim_response *r, int status, const char *content_type, const char *text)
{
    r->status = status;
    r->content_type = content_type;
    bw_buf_clear(&r->body);
    (void)bw_buf_adds(&r->body, text);
}
