/* The client's life: wait -> resolve -> connect -> greet -> ready -> lost -> wait ... One timer serves whatever the state
 * is waiting for. Every end of a connection passes through pg_drop, with its reason. */
#include "pg_p.h"

#include "badgewatch/base/alloc.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_GRACE_MS  10000     /* beyond statement_timeout: the server itself no longer answers */
#define SCRIPT_MS        3600000LL /* migrations may take long; they set their own limits */

static void on_timer(void *ctx);

/* One line, without libpq's line breaks. */
void pg_copy_reason(struct bw_pg *pg, const char *text)
{
    size_t n = 0;
    for (; *text && n + 1 < sizeof(pg->reason); text++) {
        bool blank = isspace((unsigned char)*text) != 0;
        if (blank && (n == 0 || pg->reason[n - 1] == ' '))
            continue;
        pg->reason[n++] = blank ? ' ' : *text;
    }
    while (n > 0 && pg->reason[n - 1] == ' ')
        n--;
    pg->reason[n] = '\0';
}

static void tell(struct bw_pg *pg, bool ready)
{
    if (pg->closing || !pg->options.on_state)
        return;
    if (pg->told_ready == ready && strcmp(pg->told, pg->reason) == 0)
        return;
    pg->told_ready = ready;
    snprintf(pg->told, sizeof(pg->told), "%s", pg->reason);
    pg->options.on_state(pg->options.ctx, ready, pg->reason);
}

/* ---- the socket ---- */

static void on_socket(void *ctx, int events, bool broken)
{
    struct bw_pg *pg = ctx;
    (void)events;
    if (pg->state == PG_CONNECTING)
        pg_connect_ready(pg);
    else if (pg->conn)
        pg_pump(pg, broken);
}

void pg_watch(struct bw_pg *pg, int events)
{
    int fd = PQsocket(pg->conn);
    if (!pg->watch && (fd < 0 || bw_watch_new(pg->loop, fd, on_socket, pg, &pg->watch) != BW_OK)) {
        pg->watch = NULL;
        pg->broken = true;
    } else if (bw_watch_set(pg->watch, events) != BW_OK) {
        pg->broken = true;
    }
    if (pg->broken && !pg->pumping)
        bw_timer_start(pg->timer, 1); /* dropped from the loop, never from inside a call */
}

/* ---- the timer ---- */

/* Arms the timer for the state that the client is in. */
void pg_arm(struct bw_pg *pg)
{
    const struct batch *oldest = TAILQ_FIRST(&pg->sent);
    int64_t now = bw_mono_now().ms;
    if (pg->state != PG_READY && pg->state != PG_GREETING)
        return; /* waiting and connecting arm it themselves */
    if (pg->broken) {
        bw_timer_start(pg->timer, 1);
    } else if (pg->closing) {
        int64_t left = oldest ? pg->drain_until.ms - now : 1;
        bw_timer_start(pg->timer, left < 1 ? 1 : left);
    } else if (oldest) {
        int64_t limit = oldest->script ? SCRIPT_MS : pg->options.statement_timeout_ms + ANSWER_GRACE_MS;
        bw_timer_start(pg->timer, oldest->sent.ms + limit - now);
    } else {
        bw_timer_stop(pg->timer);
    }
}

static void finish_close(struct bw_pg *pg)
{
    void (*closed)(void *) = pg->closed;
    void *ctx = pg->closed_ctx;
    bw_watch_free(pg->watch);
    pg->watch = NULL;
    pg_connect_forget(pg);
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->state = PG_CLOSED;
    pg_fail_all(pg, BW_ERR_CLOSED, "closed");
    bw_timer_free(pg->timer);
    for (size_t i = 0; pg->listen && pg->listen[i]; i++)
        free(pg->listen[i]);
    free((void *)pg->listen);
    free(pg->url);
    free(pg->application_name);
    free(pg);
    if (closed)
        closed(ctx);
}

static void on_timer(void *ctx)
{
    struct bw_pg *pg = ctx;
    if (pg->closing) {
        finish_close(pg);
    } else if (pg->state == PG_WAITING) {
        pg_connect_begin(pg);
    } else if (pg->broken) {
        pg_drop(pg, BW_ERR_UNAVAILABLE, pg->reason[0] ? pg->reason : "connection lost");
    } else if (pg->state == PG_CONNECTING) {
        pg_drop(pg, BW_ERR_TIMEOUT, "no connection in time");
    } else {
        pg_drop(pg, BW_ERR_TIMEOUT, "no answer in time");
    }
}

/* ---- state ---- */

void pg_drop(struct bw_pg *pg, enum bw_err err, const char *why)
{
    if (why != pg->reason)
        pg_copy_reason(pg, why);
    bw_watch_free(pg->watch);
    pg->watch = NULL;
    pg_connect_forget(pg);
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->broken = false;
    pg->state = PG_WAITING;
    if (pg->closing)
        bw_timer_start(pg->timer, 1);
    else
        bw_timer_start(pg->timer, bw_backoff_next(&pg->backoff, bw_random()));
    /* callbacks last: they may close the client, and see it as it is */
    char text[sizeof(pg->reason)];
    memcpy(text, pg->reason, sizeof(text));
    pg_fail_all(pg, err, text);
    tell(pg, false);
}

void pg_became_ready(struct bw_pg *pg)
{
    pg->state = PG_READY;
    pg->reason[0] = '\0';
    bw_backoff_reset(&pg->backoff);
    tell(pg, true);
}

bool bw_pg_ready(const struct bw_pg *pg)
{
    return pg->state == PG_READY && !pg->broken && !pg->closing;
}

const char *bw_pg_reason(const struct bw_pg *pg)
{
    if (bw_pg_ready(pg))
        return "";
    return pg->reason[0] ? pg->reason : "not connected yet";
}

size_t bw_pg_pending(const struct bw_pg *pg)
{
    return pg->n_sent;
}

/* ---- work ---- */

static enum bw_err admit(const struct bw_pg *pg)
{
    if (!bw_pg_ready(pg))
        return BW_ERR_UNAVAILABLE;
    const struct batch *b = TAILQ_FIRST(&pg->sent);
    if (pg->n_sent >= pg->options.max_batches || (b && b->script))
        return BW_ERR_BUSY;
    return BW_OK;
}

enum bw_err bw_pg_submit(struct bw_pg *pg, const struct bw_pg_statement *statements, size_t n, bw_pg_cb cb, void *ctx)
{
    enum bw_err err = admit(pg);
    assert(n > 0);
    if (err != BW_OK)
        return err;
    struct batch *b = batch_new(n, cb, ctx);
    err = pg_send(pg, b, statements);
    if (err != BW_OK)
        batch_free(b);
    return err;
}

enum bw_err bw_pg_script(struct bw_pg *pg, const char *sql, bw_pg_cb cb, void *ctx)
{
    enum bw_err err = admit(pg);
    if (err == BW_OK && pg->n_sent > 0)
        err = BW_ERR_BUSY;
    if (err != BW_OK)
        return err;
    struct batch *b = batch_new(1, cb, ctx);
    b->script = true;
    err = pg_send_script(pg, b, sql);
    if (err != BW_OK)
        batch_free(b);
    return err;
}

/* ---- life ---- */

static char **copy_list(const char *const *list)
{
    size_t n = 0;
    while (list && list[n])
        n++;
    char **copy = bw_alloc_array(n + 1, sizeof(*copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = bw_strdup(list[i]);
    return copy;
}

static void defaults(struct bw_pg_options *o)
{
    o->connect_timeout_ms = o->connect_timeout_ms ? o->connect_timeout_ms : 10000;
    o->statement_timeout_ms = o->statement_timeout_ms ? o->statement_timeout_ms : 30000;
    o->reconnect_min_ms = o->reconnect_min_ms ? o->reconnect_min_ms : 200;
    o->reconnect_max_ms = o->reconnect_max_ms ? o->reconnect_max_ms : 10000;
    o->max_batches = o->max_batches ? o->max_batches : 64;
}

enum bw_err bw_pg_new(struct bw_loop *loop, const struct bw_pg_options *options, struct bw_pg **out, struct bw_error *error)
{
    enum bw_err err = pg_check_url(options->url, error);
    if (err != BW_OK)
        return err;
    struct bw_pg *pg = bw_alloc(sizeof(*pg));
    pg->loop = loop;
    pg->options = *options;
    defaults(&pg->options);
    pg->url = bw_strdup(options->url);
    pg->application_name = bw_strdup(options->application_name ? options->application_name : "badgewatch");
    pg->listen = copy_list(options->listen);
    pg->options.url = NULL; /* the caller's strings are not kept */
    pg->options.application_name = NULL;
    pg->options.listen = NULL;
    TAILQ_INIT(&pg->sent);
    bw_backoff_init(&pg->backoff, pg->options.reconnect_min_ms, pg->options.reconnect_max_ms);
    pg->timer = bw_timer_new(loop, on_timer, pg);
    bw_timer_start(pg->timer, 1);
    *out = pg;
    return BW_OK;
}

void bw_pg_close(struct bw_pg *pg, int64_t drain_ms, void (*closed)(void *ctx), void *ctx)
{
    assert(!pg->closing);
    pg->closing = true;
    pg->closed = closed;
    pg->closed_ctx = ctx;
    pg->drain_until.ms = bw_mono_now().ms + drain_ms;
    if (pg->state == PG_READY && pg->n_sent > 0 && !pg->broken)
        pg_arm(pg);
    else
        bw_timer_start(pg->timer, 1);
}
