/* A question to Postgres for a message. An alert does not wait for Postgres: it has ANSWER_MS. */
#include "badgewatch/base/alloc.h"
#include "notifier_p.h"

#include <stdlib.h>

#define ANSWER_MS 1000

/* The question outlives the message's patience: the answer may come when nobody waits for it any more. */
struct question {
    struct bw_message *m; /* NULL once it was given up, or answered */
    struct bw_timer *timer;
    bw_question_cb cb;
};

static void end(struct question *q, const struct bw_pg_answer *answer)
{
    struct bw_message *m = q->m;
    q->m = NULL;
    bw_timer_free(q->timer);
    q->timer = NULL;
    answered(m);
    q->cb(m, answer);
}

static void on_time(void *ctx)
{
    end(ctx, NULL);
}

static void on_answer(void *ctx, const struct bw_pg_answer *answer)
{
    struct question *q = ctx;
    if (q->m)
        end(q, answer->err == BW_OK ? answer : NULL);
    free(q);
}

bool bw_deliver_ask(struct bw_message *m, const struct bw_pg_statement *statements, size_t n,
                    bw_question_cb cb)
{
    const struct bw_context *cx = m->notifier->cx;
    if (!bw_postgres_usable(cx))
        return false;
    struct question *q = bw_alloc(sizeof(*q));
    *q = (struct question){.m = m, .cb = cb};
    if (bw_pg_submit(cx->pg, statements, n, on_answer, q) != BW_OK) {
        free(q);
        return false;
    }
    q->timer = bw_timer_new(cx->loop, on_time, q);
    bw_timer_start(q->timer, ANSWER_MS);
    begun(m);
    return true;
}
