/* Sending and receiving in pipeline mode.
 *
 * Happy way: statements, a flush request after each, one sync; results in the same order. After any send libpq may keep
 * bytes: PQflush says so, and then both directions are watched, since the server may itself be waiting for us to read
 * (manual 34.5.1.1).
 *
 * How it fails: nothing here ends a connection while libpq or a caller's callback is on the stack; `broken` is set, and
 * the end of the pump, or the timer, drops it. The flush requests make a long batch show its progress: without them the
 * server would keep all answers until the sync, and a server that stands still could not be told from one that works. */
#include "pg_p.h"

#include "badgewatch/base/alloc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX     32
#define PARAMETER_BYTES ((size_t)1000 << 20) /* of one statement; a message of the protocol ends at 1 GB */

static void mark_broken(struct bw_pg *pg, const char *why)
{
    if (!pg->broken)
        snprintf(pg->lost, sizeof(pg->lost), "%s", why);
    pg->broken = true;
}

static void flush(struct bw_pg *pg)
{
    int left = PQflush(pg->conn);
    if (left < 0 || !pg_watch(pg, left > 0 ? BW_READABLE | BW_WRITABLE : BW_READABLE))
        mark_broken(pg, PQerrorMessage(pg->conn));
}

static void queue(struct bw_pg *pg, struct batch *b)
{
    if (TAILQ_EMPTY(&pg->sent))
        pg->progress = bw_mono_now();
    TAILQ_INSERT_TAIL(&pg->sent, b, link);
    pg->n_sent++;
    flush(pg);
    pg_arm(pg);
}

/* What was handed over of this batch has no sync and never commits; what was sent before shares the connection's end. */
static enum bw_err cannot_send(struct bw_pg *pg)
{
    mark_broken(pg, PQerrorMessage(pg->conn));
    pg_arm(pg);
    return BW_ERR_UNAVAILABLE;
}

static bool fits(const struct bw_pg_statement *s)
{
    assert(s->sql);
    size_t bytes = strlen(s->sql);
    for (int i = 0; i < s->n_params && bytes <= PARAMETER_BYTES; i++)
        bytes += !s->params[i] ? 0 : s->lens ? (size_t)s->lens[i] : strlen(s->params[i]);
    return bytes <= PARAMETER_BYTES;
}

static bool send_statement(PGconn *conn, const struct bw_pg_statement *s)
{
    int binary[COLUMNS_MAX];
    assert(s->n_params <= COLUMNS_MAX);
    for (int i = 0; i < s->n_params; i++)
        binary[i] = 1;
    return PQsendQueryParams(conn, s->sql, s->n_params, NULL, s->params, s->lens, s->lens ? binary : NULL,
                             0) &&
           PQsendFlushRequest(conn);
}

enum bw_err pg_send(struct bw_pg *pg, struct batch *b, const struct bw_pg_statement *statements)
{
    for (size_t i = 0; i < b->n; i++) {
        if (!fits(&statements[i]))
            return BW_ERR_TOO_BIG;
    }
    for (size_t i = 0; i < b->n; i++) {
        if (!send_statement(pg->conn, &statements[i]))
            return cannot_send(pg);
    }
    if (!PQpipelineSync(pg->conn))
        return cannot_send(pg);
    queue(pg, b);
    return BW_OK;
}

enum bw_err pg_send_script(struct bw_pg *pg, struct batch *b, const char *sql)
{
    if (!PQexitPipelineMode(pg->conn) || !PQsendQuery(pg->conn, sql))
        return cannot_send(pg);
    queue(pg, b);
    return BW_OK;
}

/* ---- the greeting ---- */

/* Settings are set here and not in the start-up packet, because poolers refuse options there. */
static const char settings_sql[] =
    "SELECT current_setting('transaction_read_only'), set_config('statement_timeout', $1, false),"
    " set_config('lock_timeout', $2, false), set_config('idle_in_transaction_session_timeout', '60000', "
    "false),"
    " set_config('client_min_messages', 'warning', false), set_config('datestyle', 'ISO, MDY', false),"
    " set_config('timezone', 'UTC', false)";

bool pg_greet(struct bw_pg *pg)
{
    int64_t timeout = pg->options.statement_timeout_ms;
    char statement_ms[24], lock_ms[24], *sql[LISTEN_MAX] = {NULL};
    snprintf(statement_ms, sizeof(statement_ms), "%lld", (long long)timeout);
    snprintf(lock_ms, sizeof(lock_ms), "%lld", (long long)(timeout < 10000 ? timeout : 10000));
    const char *const params[] = {statement_ms, lock_ms};
    struct bw_pg_statement statements[1 + LISTEN_MAX] = {{settings_sql, 2, params}};
    size_t n = 1;
    for (size_t i = 0; pg->listen[i]; i++) {
        char *name = PQescapeIdentifier(pg->conn, pg->listen[i], strlen(pg->listen[i]));
        sql[i] = bw_asprintf("LISTEN %s", name ? name : "");
        PQfreemem(name);
        statements[n++].sql = sql[i];
    }
    struct batch *b = batch_new(n, NULL, NULL);
    b->greeting = true;
    pg->state = PG_GREETING;
    enum bw_err err = pg_send(pg, b, statements);
    if (err != BW_OK)
        batch_free(b);
    for (size_t i = 0; i < LISTEN_MAX; i++)
        free(sql[i]);
    return err == BW_OK && !pg->broken;
}

static void greeted(struct bw_pg *pg, struct batch *b)
{
    if (b->answer.err != BW_OK)
        mark_broken(pg, b->message);
    else if (pg->options.read_write && strcmp(PQgetvalue(b->results[0], 0, 0), "on") == 0)
        mark_broken(pg, "the server is read-only");
    else
        pg_became_ready(pg);
    batch_free(b);
}

/* ---- receiving ---- */

/* The server's last words: the result of the statement under way, or a notice when there is none. */
void pg_note_fatal(struct bw_pg *pg, const PGresult *result)
{
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (severity && text && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0))
        snprintf(pg->fatal, sizeof(pg->fatal), "%s", text);
}

/* A script that stopped inside its own transaction must not leave it to the next user of the connection. True: the
 * roll-back is under way, the script not yet over. */
static bool roll_back(struct bw_pg *pg, struct batch *b)
{
    if (b->ending || PQtransactionStatus(pg->conn) == PQTRANS_IDLE)
        return false;
    b->ending = true;
    if (b->answer.err == BW_OK) {
        b->answer.err = BW_ERR_INVALID;
        snprintf(b->message, sizeof(b->message), "the script left its transaction open: it is rolled back");
    }
    if (!PQsendQuery(pg->conn, "ROLLBACK"))
        mark_broken(pg, PQerrorMessage(pg->conn));
    return true;
}

/* The batch has all its results. Its callback may submit, or close the client. */
static void complete(struct bw_pg *pg, struct batch *b)
{
    TAILQ_REMOVE(&pg->sent, b, link);
    pg->n_sent--;
    if (b->script && !PQenterPipelineMode(pg->conn))
        mark_broken(pg, PQerrorMessage(pg->conn));
    if (pg->options.read_write && strcmp(b->answer.sqlstate, "25006") == 0)
        mark_broken(pg, "the server is read-only"); /* look for one that is not */
    if (b->greeting)
        greeted(pg, b);
    else
        batch_deliver(b);
}

static void take_results(struct bw_pg *pg)
{
    while (!pg->broken && !TAILQ_EMPTY(&pg->sent) && !PQisBusy(pg->conn)) {
        struct batch *b = TAILQ_FIRST(&pg->sent);
        PGresult *result = PQgetResult(pg->conn);
        if (result)
            pg_note_fatal(pg, result);
        switch (batch_take(b, result)) {
        case TAKEN_MORE:
            break;
        case TAKEN_ALL:
            if (!b->script || !roll_back(pg, b))
                complete(pg, b);
            break;
        case TAKEN_OUT_OF_STEP:
            mark_broken(pg, b->refused ? b->message : PQerrorMessage(pg->conn));
            return;
        }
    }
}

/* The callback may close the client, which happens later. */
static void take_notifications(struct bw_pg *pg)
{
    PGnotify *n;
    while ((n = PQnotifies(pg->conn))) {
        if (pg->options.on_notify && pg->state == PG_READY && !pg->closing)
            pg->options.on_notify(pg->options.ctx, n->relname, n->extra);
        PQfreemem(n);
    }
}

static void give_up(struct bw_pg *pg)
{
    char why[REASON_MAX];
    const char *text = pg->fatal[0] ? pg->fatal : pg->lost;
    snprintf(why, sizeof(why), "%.*s", (int)strcspn(text, "\n"), text);
    if (!why[0])
        snprintf(why, sizeof(why), "the connection was lost");
    if (pg->state == PG_GREETING)
        pg_target_failed(pg, why);
    else
        pg_drop(pg, BW_ERR_UNAVAILABLE, why);
}

/* The socket moved. One read may not be enough: after POLLERR (`broken`) the first may give data and only the second the
 * error; a termination by the server shows only at the second; and TLS may keep the rest of a record in itself, for
 * which no socket ever becomes readable (a record has at most 16 kB, a read takes at least 8). */
void pg_pump(struct bw_pg *pg, bool broken)
{
    int reads = broken || PQsslInUse(pg->conn) ? 2 : 1;
    pg->progress = bw_mono_now();
    for (int i = 0; i < reads && !pg->broken; i++) {
        bool alive = PQconsumeInput(pg->conn) != 0;
        take_results(pg); /* first what came before the end */
        take_notifications(pg);
        if (!alive || PQstatus(pg->conn) == CONNECTION_BAD)
            mark_broken(pg, PQerrorMessage(pg->conn));
    }
    if (!pg->broken && broken) { /* the watch has stopped by itself; the next may tell more */
        bw_watch_free(pg->watch);
        pg->watch = NULL;
    }
    if (!pg->broken)
        flush(pg);
    if (pg->broken)
        give_up(pg);
    else
        pg_arm(pg);
}
