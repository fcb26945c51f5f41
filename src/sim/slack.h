/* Slack's side: /api/<method> and the incoming webhook. */
#pragma once

#include "sim.h"

bool sim_slack_serves(const char *path);
void sim_slack_handle(struct sim *sim, struct sim_request *request, struct sim_response *response);

/* One call while it is answered. */
struct sim_slack_call {
    struct sim *sim;
    struct sim_request *request;
    struct sim_response *response;
    const struct sim_fault *fault; /* or NULL */
    const char *method;            /* "chat.postMessage", ...; "webhook" */
    struct json_object *args;      /* of body or query */
    struct json_object *out;       /* the answer of a method */
    const char *error;             /* NULL: ok */
};

/* Reads the arguments of a JSON or form body, or of the query. False: call->error says why. */
bool sim_slack_read_args(struct sim_slack_call *call);
/* A boolean argument: a JSON value or, in forms and queries, a text. */
bool sim_slack_flag(struct json_object *args, const char *name);
/* Checks and keeps a message (slack_post.c). Gives the error code, or NULL and *message, borrowed. */
const char *sim_slack_post(struct sim_slack_call *call, const char *channel, struct json_object **message);
/* conversations.history (slack_history.c). Fills call->out or call->error. */
void sim_slack_history(struct sim_slack_call *call);
/* conversations.replies: the thread of a message, itself first. */
void sim_slack_replies(struct sim_slack_call *call);
/* A message as Slack gives it back; a new reference. */
struct json_object *sim_slack_echo(struct json_object *message, bool all_metadata);
