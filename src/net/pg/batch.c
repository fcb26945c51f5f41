/* Results of a batch, kept until its sync. libpq gives, for each statement, one result and then NULL; the sync gives
 * PGRES_PIPELINE_SYNC without a NULL; after an error the statements that follow come as PGRES_PIPELINE_ABORTED. A NULL
 * that does not follow a result means that libpq has no work of ours left: going on would be a loop without an end. */
#include "pg_p.h"

#include "badgewatch/base/alloc.h"

#include <stdlib.h>
#include <string.h>

struct batch *batch_new(size_t n, bw_pg_cb cb, void *ctx)
{
    struct batch *b = bw_alloc(sizeof(*b));
    b->n = n;
    b->cb = cb;
    b->ctx = ctx;
    b->results = bw_alloc_array(n, sizeof(PGresult *));
    return b;
}

void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++)
        PQclear(b->results[i]);
    free(b->results);
    free(b);
}

/* 08 connection, 40 rollback, 53 resources (a full disk), 55 object not in the right state (locks), 57 operator
 * intervention; 25006 a server that became read-only. */
static bool is_transient(const char *sqlstate)
{
    static const char *const classes[] = {"08", "40", "53", "55", "57"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strncmp(sqlstate, classes[i], 2) == 0)
            return true;
    }
    return strcmp(sqlstate, "25006") == 0;
}

static void take_error(struct batch *b, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    if (b->answer.err != BW_OK || b->ending)
        return; /* the first one is the cause */
    b->answer.err = BW_ERR_PROTOCOL;
    /* An error of the commit itself (a deferred constraint) comes after the last statement. */
    b->answer.failed = b->at < b->n ? b->at : b->n - 1;
    snprintf(b->answer.sqlstate, sizeof(b->answer.sqlstate), "%s", sqlstate ? sqlstate : "");
    b->answer.transient = !sqlstate || is_transient(sqlstate);
    snprintf(b->message, sizeof(b->message), "%s%s%s%s%s%s", primary ? primary : PQresultErrorMessage(result),
             detail ? ": " : "", detail ? detail : "", sqlstate ? " (" : "", sqlstate ? sqlstate : "",
             sqlstate ? ")" : "");
}

/* COPY waits for data that nobody sends, and its result comes again and again. */
static void take_copy(struct batch *b)
{
    b->refused = true;
    b->answer = (struct bw_pg_answer){.err = BW_ERR_UNSUPPORTED, .failed = b->at < b->n ? b->at : b->n - 1};
    snprintf(b->message, sizeof(b->message), "COPY from or to a client is not possible here");
}

static enum taken take_null(struct batch *b)
{
    if (b->script) /* ends with the NULL after its last result */
        return TAKEN_ALL;
    if (!b->got)
        return TAKEN_OUT_OF_STEP;
    b->got = false;
    if (b->at < b->n)
        b->at++;
    return TAKEN_MORE;
}

enum taken batch_take(struct batch *b, PGresult *result)
{
    enum taken taken = TAKEN_MORE;
    if (!result)
        return take_null(b);
    b->got = true;
    switch (PQresultStatus(result)) {
    case PGRES_PIPELINE_SYNC:
        taken = b->at >= b->n ? TAKEN_ALL : TAKEN_OUT_OF_STEP;
        break;
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        if (b->script)
            break;
        if (b->at == b->n || b->results[b->at])
            taken = TAKEN_OUT_OF_STEP;
        else
            b->results[b->at] = result;
        if (taken == TAKEN_MORE)
            return taken;
        break;
    case PGRES_PIPELINE_ABORTED:
        break;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_COPY_BOTH:
        take_copy(b);
        taken = TAKEN_OUT_OF_STEP;
        break;
    default:
        take_error(b, result);
    }
    PQclear(result);
    return taken;
}

void batch_deliver(struct batch *b)
{
    b->answer.message = b->message;
    if (b->answer.err == BW_OK && !b->script) {
        b->answer.n = b->n;
        b->answer.results = (const struct bw_pg_result *const *)b->results;
    }
    if (b->cb)
        b->cb(b->ctx, &b->answer);
    batch_free(b);
}

void batch_fail(struct batch *b, enum bw_err err, const char *why)
{
    if (!b->refused) {
        b->answer = (struct bw_pg_answer){.err = err, .transient = true};
        snprintf(b->message, sizeof(b->message), "%s", why);
    }
    batch_deliver(b);
}

/* struct bw_pg_result is libpq's PGresult under a name that keeps its header in this room. */
static const PGresult *of(const struct bw_pg_result *result)
{
    return (const PGresult *)result;
}

size_t bw_pg_rows(const struct bw_pg_result *result)
{
    return (size_t)PQntuples(of(result));
}

const char *bw_pg_value(const struct bw_pg_result *result, size_t row, int column)
{
    return PQgetisnull(of(result), (int)row, column) ? NULL : PQgetvalue(of(result), (int)row, column);
}

size_t bw_pg_length(const struct bw_pg_result *result, size_t row, int column)
{
    return (size_t)PQgetlength(of(result), (int)row, column);
}

int64_t bw_pg_affected(const struct bw_pg_result *result)
{
    /* PQcmdTuples takes a non-const result and changes nothing of it */
    const char *text = PQcmdTuples((PGresult *)(uintptr_t)result);
    return text[0] ? strtoll(text, NULL, 10) : 0;
}
