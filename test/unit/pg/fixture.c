/* See fixture.h. */
#include "fixture.h"

#include "badgewatch/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_state(void *ctx, bool ready, const char *reason)
{
    struct client *c = ctx;
    assert_false(c->closed);
    assert_int_equal(ready, bw_pg_ready(c->pg));
    if (!ready)
        assert_true(reason[0] != '\0');
    if (c->states > 0)
        assert_false(c->ready == ready && strcmp(c->reason, reason) == 0); /* never twice the same */
    c->ready = ready;
    c->states++;
    snprintf(c->reason, sizeof(c->reason), "%s", reason);
}

static void on_notify(void *ctx, const char *channel, const char *payload)
{
    struct client *c = ctx;
    assert_true(c->n_notes < NOTES_MAX);
    snprintf(c->notes[c->n_notes++], sizeof(c->notes[0]), "%s %s", channel, payload);
}

void client_open(struct client *c, struct bw_loop *loop, const char *url, const struct bw_pg_options *options)
{
    struct bw_pg_options o =
        options ? *options : (struct bw_pg_options){.reconnect_min_ms = 5, .reconnect_max_ms = 50};
    struct bw_error error;
    *c = (struct client){.loop = loop};
    o.url = url;
    o.on_state = on_state;
    o.on_notify = on_notify;
    o.ctx = c;
    if (bw_pg_new(loop, &o, &c->pg, &error) != BW_OK)
        fail_msg("bw_pg_new: %s", error.text);
    assert_false(bw_pg_ready(c->pg));
    assert_int_equal(c->states, 0); /* nothing is told from inside the call */
}

static void on_closed(void *ctx)
{
    struct client *c = ctx;
    assert_false(c->closed);
    c->closed = true;
    c->pg = NULL;
}

void client_close_start(struct client *c, int64_t drain_ms)
{
    bw_pg_close(c->pg, drain_ms, on_closed, c);
    assert_false(c->closed);
}

void client_close(struct client *c)
{
    if (c->pg)
        client_close_start(c, 0);
    LOOP_RUN_UNTIL(c->loop, c->closed, WAIT_MS);
}

static void keep_last_result(struct answer *a, const struct bw_pg_answer *answer)
{
    const struct bw_pg_result *last = answer->n > 0 ? answer->results[answer->n - 1] : NULL;
    a->n = answer->n;
    if (!last)
        return;
    a->rows = bw_pg_rows(last);
    a->affected = bw_pg_affected(last);
    if (a->rows == 0)
        return;
    const char *value = bw_pg_value(last, 0, 0);
    a->length = bw_pg_length(last, 0, 0);
    a->value = value ? bw_strndup(value, a->length) : NULL;
}

void on_answer(void *ctx, const struct bw_pg_answer *answer)
{
    static int order;
    struct answer *a = ctx;
    a->calls++;
    a->order = ++order;
    a->err = answer->err;
    a->transient = answer->transient;
    a->failed = answer->failed;
    snprintf(a->sqlstate, sizeof(a->sqlstate), "%s", answer->sqlstate);
    assert_non_null(answer->message);
    snprintf(a->message, sizeof(a->message), "%s", answer->message);
    if (answer->err == BW_OK)
        assert_string_equal(answer->message, "");
    keep_last_result(a, answer);
    if (a->close_inside)
        client_close_start(a->client, 0);
}

enum bw_err submit_all(struct client *c, struct answer *a, const struct bw_pg_statement *statements, size_t n)
{
    *a = (struct answer){.client = c, .close_inside = a->close_inside};
    enum bw_err err = bw_pg_submit(c->pg, statements, n, on_answer, a);
    assert_int_equal(a->calls, 0); /* never from inside the call */
    return err;
}

enum bw_err submit(struct client *c, struct answer *a, const char *sql)
{
    const struct bw_pg_statement statement = {.sql = sql};
    return submit_all(c, a, &statement, 1);
}

void answer_free(struct answer *a)
{
    free(a->value);
    a->value = NULL;
}

void ask(struct client *c, struct answer *a, const char *sql)
{
    *a = (struct answer){0};
    assert_int_equal(submit(c, a, sql), BW_OK);
    LOOP_RUN_UNTIL(c->loop, a->calls > 0, WAIT_MS);
    if (a->err != BW_OK)
        fail_msg("%s: %s", sql, a->message);
}
