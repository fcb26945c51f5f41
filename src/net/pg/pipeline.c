/* Sending and receiving in pipeline mode. After any send libpq may keep bytes: PQflush says so, and then both directions
 * are watched, since the server may itself be waiting for us to read (manual 34.5.1.1). */
#include "pg_p.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <stdlib.h>
#include <string.h>

static void flush(struct bw_pg *pg)
{
    int left = PQflush(pg->conn);
    if (left < 0)
        pg->broken = true;
    pg_watch(pg, left > 0 ? BW_READABLE | BW_WRITABLE : BW_READABLE);
}

static void queue(struct bw_pg *pg, struct batch *b)
{
    b->sent = bw_mono_now();
    TAILQ_INSERT_TAIL(&pg->sent, b, link);
    pg->n_sent++;
    flush(pg);
    pg_arm(pg);
}

/* If a statement cannot even be handed to libpq, the connection is lost, and with it what was sent of this batch: without
 * its sync nothing of it commits. */
enum bw_err pg_send(struct bw_pg *pg, struct batch *b, const struct bw_pg_statement *statements)
{
    int ok = 1;
    for (size_t i = 0; ok && i < b->n; i++) {
        const struct bw_pg_statement *s = &statements[i];
        ok = PQsendQueryParams(pg->conn, s->sql, s->n_params, NULL, s->params, NULL, NULL, 0);
    }
    ok = ok && PQpipelineSync(pg->conn);
    if (!ok) {
        pg->broken = true;
        pg_copy_reason(pg, PQerrorMessage(pg->conn));
        pg_arm(pg);
        return BW_ERR_UNAVAILABLE;
    }
    queue(pg, b);
    return BW_OK;
}

enum bw_err pg_send_script(struct bw_pg *pg, struct batch *b, const char *sql)
{
    if (!PQexitPipelineMode(pg->conn) || !PQsendQuery(pg->conn, sql)) {
        pg->broken = true;
        pg_copy_reason(pg, PQerrorMessage(pg->conn));
        pg_arm(pg);
        return BW_ERR_UNAVAILABLE;
    }
    queue(pg, b);
    return BW_OK;
}

/* ---- the greeting ---- */

/* Session settings are set here and not in the start-up packet, because poolers refuse options there. */
void pg_greet(struct bw_pg *pg)
{
    char statement_ms[24];
    snprintf(statement_ms, sizeof(statement_ms), "%lld", (long long)pg->options.statement_timeout_ms);
    const char *const params[] = {statement_ms};
    struct bw_pg_statement statements[1 + 16] = {
        {"SELECT current_setting('transaction_read_only'), set_config('statement_timeout', $1, false),"
         " set_config('lock_timeout', '10000', false), set_config('idle_in_transaction_session_timeout', '60000', false),"
         " set_config('client_min_messages', 'warning', false), set_config('datestyle', 'ISO', false)",
         1, params}};
    char *sql[16] = {NULL};
    size_t n = 1;
    for (size_t i = 0; pg->listen && pg->listen[i] && i < 16; i++) {
        char *name = PQescapeIdentifier(pg->conn, pg->listen[i], strlen(pg->listen[i]));
        if (!name)
            continue;
        sql[i] = bw_asprintf("LISTEN %s", name);
        PQfreemem(name);
        statements[n++].sql = sql[i];
    }
    struct batch *b = batch_new(n, NULL, NULL);
    b->greeting = true;
    pg->state = PG_GREETING;
    if (pg_send(pg, b, statements) != BW_OK)
        batch_free(b);
    for (size_t i = 0; i < 16; i++)
        free(sql[i]);
}

static void greeted(struct bw_pg *pg, struct batch *b)
{
    if (b->answer.err != BW_OK) {
        pg->broken = true;
        pg_copy_reason(pg, b->message);
    } else if (pg->options.read_write && strcmp(PQgetvalue(b->results[0], 0, 0), "on") == 0) {
        pg->broken = true;
        pg_copy_reason(pg, "the server is read-only");
    } else {
        pg_became_ready(pg);
    }
    batch_free(b);
}

/* ---- receiving ---- */

/* The batch has all its results. Its callback may submit, or close the client. */
static void complete(struct bw_pg *pg, struct batch *b)
{
    TAILQ_REMOVE(&pg->sent, b, link);
    pg->n_sent--;
    if (b->script && !PQenterPipelineMode(pg->conn))
        pg->broken = true;
    if (b->answer.err != BW_OK && strcmp(b->answer.sqlstate, "25006") == 0 && pg->options.read_write) {
        pg->broken = true; /* look again at what it says of itself */
        pg_copy_reason(pg, "the server is read-only");
    }
    if (b->greeting)
        greeted(pg, b);
    else
        batch_deliver(b);
}

static void take_results(struct bw_pg *pg)
{
    while (!TAILQ_EMPTY(&pg->sent) && !PQisBusy(pg->conn)) {
        struct batch *b = TAILQ_FIRST(&pg->sent);
        PGresult *result = PQgetResult(pg->conn);
        if (!result && PQstatus(pg->conn) == CONNECTION_BAD)
            return;
        if (batch_take(b, result))
            complete(pg, b);
    }
}

static void take_notifications(struct bw_pg *pg)
{
    PGnotify *n;
    while ((n = PQnotifies(pg->conn))) {
        if (pg->options.on_notify && pg->state == PG_READY && !pg->closing)
            pg->options.on_notify(pg->options.ctx, n->relname, n->extra);
        PQfreemem(n);
    }
}

/* The socket moved. `broken`: libuv stopped the watch (POLLERR): reading makes libpq see why. Results that came before
 * the end of the connection are delivered first; a termination by the server shows only at the second read. */
void pg_pump(struct bw_pg *pg, bool broken)
{
    pg->pumping = true;
    bool more = true;
    for (int i = 0; i < 2 && more; i++) {
        if (!PQconsumeInput(pg->conn))
            pg->broken = true;
        take_results(pg);
        take_notifications(pg);
        more = broken;
    }
    if (!pg->broken && PQstatus(pg->conn) == CONNECTION_BAD)
        pg->broken = true;
    if (pg->broken && !pg->reason[0])
        pg_copy_reason(pg, PQerrorMessage(pg->conn));
    pg->pumping = false;
    if (pg->broken)
        pg_drop(pg, BW_ERR_UNAVAILABLE, pg->reason[0] ? pg->reason : "connection lost");
    else
        flush(pg);
    pg_arm(pg);
}

void pg_fail_all(struct bw_pg *pg, enum bw_err err, const char *why)
{
    struct batch *b;
    while ((b = TAILQ_FIRST(&pg->sent))) {
        TAILQ_REMOVE(&pg->sent, b, link);
        pg->n_sent--;
        if (b->greeting) {
            batch_free(b);
            continue;
        }
        b->answer = (struct bw_pg_answer){.err = err, .transient = true};
        snprintf(b->message, sizeof(b->message), "%s", why);
        batch_deliver(b);
    }
}
