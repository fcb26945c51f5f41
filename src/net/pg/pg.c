/* The client's life: wait -> resolve -> connect -> greet -> ready -> lost -> wait ... One timer serves whatever the state
 * is waiting for. The end of a connection that was ready passes through pg_drop, with its reason; one that never got so
 * far through pg_target_failed (connect.c). */
#include "pg_p.h"

#include "badgewatch/base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MS 3600000LL /* migrations may take long; they set their own limits */

static void on_timer(void *ctx);

static void tell(struct bw_pg *pg, bool ready)
{
    if (pg->closing || !pg->options.on_state)
        return;
    if (pg->told_any && pg->told_ready == ready && strcmp(pg->told, pg->reason) == 0)
        return;
    pg->told_any = true;
    pg->told_ready = ready;
    snprintf(pg->told, sizeof(pg->told), "%s", pg->reason);
    pg->options.on_state(pg->options.ctx, ready, pg->told);
}

/* ---- the socket ---- */

static void on_socket(void *ctx, int events, bool broken)
{
    struct bw_pg *pg = ctx;
    (void)events;
    if (pg->closing && pg->state != PG_READY) { /* the next address would take the timer that ends it */
        bw_watch_free(pg->watch);
        pg->watch = NULL;
    } else if (pg->state == PG_CONNECTING) {
        pg_connect_moved(pg);
    } else {
        pg_pump(pg, broken);
    }
}

bool pg_watch(struct bw_pg *pg, int events)
{
    int fd = PQsocket(pg->conn);
    if (!pg->watch && (fd < 0 || bw_watch_new(pg->loop, fd, on_socket, pg, &pg->watch) != BW_OK))
        return false;
    return bw_watch_set(pg->watch, events) == BW_OK;
}

/* ---- the timer ---- */

/* How long the server may say nothing while a statement runs: its own time-out should have ended it by then. */
static int64_t silence_ms(const struct bw_pg *pg)
{
    if (TAILQ_FIRST(&pg->sent)->script)
        return SCRIPT_MS;
    return pg->options.statement_timeout_ms + pg->options.statement_timeout_ms / 2 + 1000;
}

void pg_arm(struct bw_pg *pg)
{
    int64_t now = bw_mono_now().ms;
    bool pending = !TAILQ_EMPTY(&pg->sent);
    if (pg->broken) {
        bw_timer_start(pg->timer, 1); /* dropped from the loop, never from inside a call */
    } else if (pg->state != PG_READY) {
        return; /* waiting, connecting and greeting have armed it themselves */
    } else if (pg->closing) {
        bw_timer_start(pg->timer, pending ? pg->drain_until.ms - now : 1);
    } else if (pending) {
        bw_timer_start(pg->timer, pg->progress.ms + silence_ms(pg) - now);
    } else {
        bw_timer_stop(pg->timer);
    }
}

static void fail_all(struct bw_pg *pg, enum bw_err err, const char *why)
{
    struct batch *b;
    while ((b = TAILQ_FIRST(&pg->sent))) {
        TAILQ_REMOVE(&pg->sent, b, link);
        pg->n_sent--;
        batch_fail(b, err, why);
    }
}

void pg_disconnect(struct bw_pg *pg)
{
    bw_resolve_cancel(pg->resolve);
    pg->resolve = NULL;
    bw_watch_free(pg->watch); /* before PQfinish closes its socket */
    pg->watch = NULL;
    PQfinish(pg->conn);
    pg->conn = NULL;
    pg->broken = false;
    struct batch *b = TAILQ_FIRST(&pg->sent);
    if (b && b->greeting) { /* always alone */
        TAILQ_REMOVE(&pg->sent, b, link);
        pg->n_sent--;
        batch_free(b);
    }
}

static void finish_close(struct bw_pg *pg)
{
    void (*closed)(void *) = pg->closed;
    void *ctx = pg->closed_ctx;
    pg_disconnect(pg);
    pg->state = PG_CLOSED;
    fail_all(pg, BW_ERR_CLOSED, "closed");
    bw_timer_free(pg->timer);
    for (size_t i = 0; pg->listen[i]; i++)
        free(pg->listen[i]);
    free((void *)pg->listen);
    pg_url_fini(&pg->url);
    free(pg->application_name);
    free(pg);
    if (closed)
        closed(ctx);
}

static void on_timer(void *ctx)
{
    struct bw_pg *pg = ctx;
    if (pg->closing)
        finish_close(pg);
    else if (pg->state == PG_WAITING)
        pg_connect_begin(pg);
    else if (pg->state == PG_CONNECTING || pg->state == PG_GREETING)
        pg_target_timeout(pg);
    else if (pg->broken)
        pg_drop(pg, BW_ERR_UNAVAILABLE, pg->lost);
    else
        pg_drop(pg, BW_ERR_TIMEOUT, "the server did not answer in time");
}

/* ---- state ---- */

void pg_wait(struct bw_pg *pg, int64_t delay_ms, const char *why)
{
    pg->state = PG_WAITING;
    size_t len = strcspn(why, "\n");
    snprintf(pg->reason, sizeof(pg->reason), "%.*s", len > 0 ? (int)len : 4, len > 0 ? why : "lost");
    bw_timer_start(pg->timer, pg->closing ? 1 : delay_ms);
    tell(pg, false);
}

void pg_drop(struct bw_pg *pg, enum bw_err err, const char *why)
{
    TAILQ_HEAD(, batch) lost = TAILQ_HEAD_INITIALIZER(lost);
    char text[REASON_MAX];
    snprintf(text, sizeof(text), "%s", why); /* it may be the reason itself, or libpq's */
    pg_disconnect(pg);
    TAILQ_CONCAT(&lost, &pg->sent, link);
    pg->n_sent = 0;
    pg_wait(pg, bw_backoff_next(&pg->backoff, bw_random()), text);
    /* Callbacks last: they see the client as it is, and may close it. */
    struct batch *b;
    while ((b = TAILQ_FIRST(&lost))) {
        TAILQ_REMOVE(&lost, b, link);
        batch_fail(b, err, text);
    }
}

void pg_became_ready(struct bw_pg *pg)
{
    pg->state = PG_READY;
    pg->reason[0] = '\0';
    bw_backoff_reset(&pg->backoff);
    tell(pg, true);
}

struct bw_loop *bw_pg_loop(const struct bw_pg *pg)
{
    return pg->loop;
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

size_t bw_pg_answered(const struct bw_pg *pg)
{
    const struct batch *b = TAILQ_FIRST(&pg->sent);
    return b ? b->at : 0;
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

enum bw_err bw_pg_submit(struct bw_pg *pg, const struct bw_pg_statement *statements, size_t n, bw_pg_cb cb,
                         void *ctx)
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
    assert(n <= LISTEN_MAX);
    char **copy = bw_alloc_array(n + 1, sizeof(*copy));
    for (size_t i = 0; i < n; i++)
        copy[i] = bw_strdup(list[i]);
    return copy;
}

static void defaults(struct bw_pg_options *o, const struct pg_url *url)
{
    if (o->connect_timeout_ms == 0) /* libpq's own has no effect here; 0 and less are "for ever" to it */
        o->connect_timeout_ms = url->connect_timeout_ms > 0 ? url->connect_timeout_ms : 10000;
    o->statement_timeout_ms = o->statement_timeout_ms ? o->statement_timeout_ms : 30000;
    o->reconnect_min_ms = o->reconnect_min_ms ? o->reconnect_min_ms : 200;
    o->reconnect_max_ms = o->reconnect_max_ms ? o->reconnect_max_ms : 10000;
    o->max_batches = o->max_batches ? o->max_batches : 64;
}

enum bw_err bw_pg_new(struct bw_loop *loop, const struct bw_pg_options *options, struct bw_pg **out,
                      struct bw_error *error)
{
    struct bw_pg *pg = bw_alloc(sizeof(*pg));
    enum bw_err err = pg_url_init(&pg->url, options->url, error);
    if (err != BW_OK) {
        free(pg);
        return err;
    }
    pg->loop = loop;
    pg->options = *options;
    defaults(&pg->options, &pg->url);
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
