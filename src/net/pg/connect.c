/* Finding a server: one host after the other, one address of it after the other, each with a PGconn and a time-out of
 * its own.
 *
 * Happy way: names are resolved in the loop's pool (PQconnectStart would do it in this thread, seconds long) and given as
 * hostaddr beside the host, which verify-full and .pgpass need; PQconnectPoll until it is done; then the greeting.
 *
 * How it fails: libpq would try a list of hosts by itself, but never gives up one that hangs (connect_timeout does not
 * hold with PQconnectPoll), and cannot go on from a server that turns out to be read-only: so the list is walked here.
 * The socket may change inside any PQconnectPoll (TLS refused, the next method), even to the same number: the watch is
 * freed before and made anew after each. SQLSTATEs of a refusal are nowhere but in the verbose text. Only when all
 * failed is the owner told, with the most telling reason. A host of a service file is resolved by libpq itself. */
#include "pg_p.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void next_address(struct bw_pg *pg);
static void poll_connection(struct bw_pg *pg);

/* ---- why not ---- */

/* "...: FATAL:  28P01: text" of PQERRORS_VERBOSE: where the five characters stand, or NULL. */
static const char *find_sqlstate(const char *text)
{
    for (const char *p = strstr(text, ":  "); p; p = strstr(p + 1, ":  ")) {
        const char *code = p + 3;
        size_t n = 0;
        while (n < 5 && (isdigit((unsigned char)code[n]) || (code[n] >= 'A' && code[n] <= 'Z')))
            n++;
        if (n == 5 && code[5] == ':' && code[6] == ' ')
            return code;
    }
    return NULL;
}

/* What a person must do differently, by the class of the refusal; these are tried again slowly. */
static const char *what_kind(const char *sqlstate)
{
    if (strncmp(sqlstate, "28", 2) == 0)
        return "credentials refused";
    if (strncmp(sqlstate, "3D", 2) == 0)
        return "no such database";
    return NULL;
}

/* The reason of this address, from libpq's text: one line, without the code's place in the server's source. */
static void read_refusal(struct bw_pg *pg, char out[REASON_MAX])
{
    const char *text = PQerrorMessage(pg->conn);
    int line = (int)strcspn(text, "\n");
    const char *code = find_sqlstate(text);
    const char *kind = NULL;
    if (PQconnectionNeedsPassword(pg->conn))
        kind = "credentials refused";
    if (code && code < text + line) {
        kind = what_kind(code);
        line -= (int)(code + 7 - text);
        text = code + 7;
    }
    pg->slow = pg->slow || kind;
    snprintf(out, REASON_MAX, "%s%s%.*s", kind ? kind : "", kind ? ": " : "", line, text);
}

static void round_failed(struct bw_pg *pg)
{
    int64_t delay = bw_backoff_next(&pg->backoff, bw_random());
    if (pg->slow && delay < pg->options.reconnect_max_ms)
        delay = pg->options.reconnect_max_ms;
    pg_wait(pg, delay, pg->failure);
}

/* This address will not do. A reason that a person can act on is kept over "refused" of the next host. */
void pg_target_failed(struct bw_pg *pg, const char *why)
{
    if (!pg->failure[0] || pg->slow == pg->failure_slow || pg->slow)
        snprintf(pg->failure, sizeof(pg->failure), "%s", why);
    pg->failure_slow = pg->slow;
    pg_disconnect(pg);
    next_address(pg);
}

void pg_target_timeout(struct bw_pg *pg)
{
    char why[REASON_MAX];
    const struct host *h = &pg->url.hosts[pg->host_at - 1];
    snprintf(why, sizeof(why), "no answer from '%s' in %lld ms", h->name ? h->name : "the server",
             (long long)pg->options.connect_timeout_ms);
    pg_target_failed(pg, why);
}

/* ---- one address ---- */

static void on_notice(void *ctx, const PGresult *result)
{
    struct bw_pg *pg = ctx;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    bw_log_debug("postgres", "%s", text ? text : "a notice without text");
    pg_note_fatal(pg, result); /* what ends an idle connection comes as a notice */
}

struct parameters {
    const char *keywords[PARAMETERS_MAX + 1], *values[PARAMETERS_MAX + 1];
    size_t n;
};

/* NULL and "" are "not said" to libpq. Of two with the same name the later one counts. */
static void add(struct parameters *p, const char *keyword, const char *value)
{
    if (!value || !value[0] || p->n == PARAMETERS_MAX)
        return;
    p->keywords[p->n] = keyword;
    p->values[p->n++] = value;
}

static bool is_ours(const char *keyword)
{
    return strcmp(keyword, "host") == 0 || strcmp(keyword, "hostaddr") == 0 || strcmp(keyword, "port") == 0;
}

static PGconn *start(const struct bw_pg *pg, const struct host *h, const char *address)
{
    struct parameters p = {.n = 0};
    add(&p, "fallback_application_name", pg->application_name);
    add(&p, "keepalives_idle", "30");
    add(&p, "keepalives_interval", "10");
    add(&p, "keepalives_count", "3");
    add(&p, "tcp_user_timeout", "30000");
    for (const PQconninfoOption *o = pg->url.options; o->keyword; o++) {
        if (!is_ours(o->keyword))
            add(&p, o->keyword, o->val);
    }
    add(&p, "host", h->name);
    add(&p, "hostaddr", address);
    add(&p, "port", h->port);
    add(&p, "client_encoding", "UTF8"); /* what the rest of the program reads and writes */
    return PQconnectStartParams(p.keywords, p.values, 0);
}

static void connect_to(struct bw_pg *pg, const struct host *h, const char *address)
{
    pg->conn = start(pg, h, address);
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
        char why[REASON_MAX] = "libpq is out of memory";
        if (pg->conn)
            read_refusal(pg, why);
        pg_target_failed(pg, why);
        return;
    }
    pg->state = PG_CONNECTING;
    pg->broken = false;
    pg->fatal[0] = '\0';
    PQsetNoticeReceiver(pg->conn, on_notice, pg);
    PQsetErrorVerbosity(pg->conn, PQERRORS_VERBOSE);
    bw_timer_start(pg->timer,
                   pg->options.connect_timeout_ms); /* until ready: the greeting may hang as well */
    if (!pg_watch(pg,
                  BW_WRITABLE)) /* before the first poll behave as if it had asked to write (manual 34.1) */
        pg_target_failed(pg, "its socket cannot be watched");
}

/* A batch is hundreds of kB, and libpq tries to send, and then to read, at each message while the socket is full: a local
 * socket holds 200 kB where nobody asks for more. That of TCP grows by itself, as long as nobody sets it. */
static void widen_socket(const struct bw_pg *pg)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(address);
    int fd = PQsocket(pg->conn), size = 4 << 20; /* the kernel gives what it allows (net.core.wmem_max) */
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0 && address.ss_family == AF_UNIX)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); /* it only saves time */
}

static void connected(struct bw_pg *pg)
{
    widen_socket(pg);
    PQsetErrorVerbosity(pg->conn, PQERRORS_DEFAULT);
    if (PQsetnonblocking(pg->conn, 1) != 0 || !PQenterPipelineMode(pg->conn))
        pg_target_failed(pg, "pipeline mode was refused");
    else if (!pg_greet(pg))
        pg_target_failed(pg, "the first query could not be sent");
}

static void poll_connection(struct bw_pg *pg)
{
    char why[REASON_MAX];
    bool watched = true;
    bw_watch_free(pg->watch);
    pg->watch = NULL;
    switch (PQconnectPoll(pg->conn)) {
    case PGRES_POLLING_READING:
        watched = pg_watch(pg, BW_READABLE);
        break;
    case PGRES_POLLING_WRITING:
        watched = pg_watch(pg, BW_WRITABLE);
        break;
    case PGRES_POLLING_OK:
        connected(pg);
        return;
    default:
        read_refusal(pg, why);
        pg_target_failed(pg, why);
        return;
    }
    if (!watched)
        pg_target_failed(pg, "its socket cannot be watched");
}

/* Also after POLLERR: PQconnectPoll finds out why. */
void pg_connect_moved(struct bw_pg *pg)
{
    poll_connection(pg);
}

/* ---- one after the other ---- */

static void on_resolved(void *ctx, enum bw_err err, const char *address)
{
    struct bw_pg *pg = ctx;
    struct bw_resolve *resolve = pg->resolve;
    pg->resolve = NULL;
    (void)address;
    if (pg->closing) /* the timer ends it */
        return;
    if (err != BW_OK) {
        char why[REASON_MAX];
        snprintf(why, sizeof(why), "host '%s': %s", pg->url.hosts[pg->host_at - 1].name,
                 err == BW_ERR_TIMEOUT ? "its name was not resolved in time" : "its name cannot be resolved");
        pg_target_failed(pg, why);
        return;
    }
    const char *one;
    for (size_t i = 0; pg->n_addresses < ADDRESSES_MAX && (one = bw_resolve_address(resolve, i)); i++)
        snprintf(pg->addresses[pg->n_addresses++], sizeof(pg->addresses[0]), "%s", one);
    next_address(pg);
}

/* A path or '@abstract' is a unix socket; no name at all is libpq's default socket, or what a service file says. */
static bool is_name(const struct host *h)
{
    return h->name && h->name[0] != '/' && h->name[0] != '@';
}

static void next_address(struct bw_pg *pg)
{
    if (pg->address_at < pg->n_addresses) {
        connect_to(pg, &pg->url.hosts[pg->host_at - 1], pg->addresses[pg->address_at++]);
        return;
    }
    if (pg->host_at == pg->url.n_hosts) {
        round_failed(pg);
        return;
    }
    const struct host *h = &pg->url.hosts[pg->host_at++];
    pg->n_addresses = pg->address_at = 0;
    if (h->address || !is_name(h)) {
        connect_to(pg, h, h->address);
        return;
    }
    pg->state = PG_RESOLVING;
    if (!pg->closing)
        bw_timer_stop(pg->timer); /* of the address before; a lookup has its own */
    pg->resolve = bw_resolve_start(pg->loop, h->name, pg->options.connect_timeout_ms, on_resolved, pg);
}

void pg_connect_begin(struct bw_pg *pg)
{
    pg->host_at = 0;
    pg->n_addresses = pg->address_at = 0;
    pg->slow = pg->failure_slow = false;
    pg->failure[0] = '\0';
    next_address(pg);
}
