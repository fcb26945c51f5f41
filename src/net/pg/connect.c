/* Connecting: names are resolved in the loop's pool (PQconnectStart would do it in this thread, seconds long), each
 * address becomes one entry of libpq's host lists, then PQconnectPoll. The socket may change inside any call of it, even
 * to the same number: the watch is freed before and made anew after each. */
#include "pg_p.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX 4096

static void resolve_next(struct bw_pg *pg);

/* ---- what the URL says ---- */

enum bw_err pg_check_url(const char *url, struct bw_error *error)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &message);
    if (options) {
        PQconninfoFree(options);
        return BW_OK;
    }
    /* libpq may quote the text it could not read, password included: only its kind of complaint is passed on */
    enum bw_err err = bw_error_set(error, BW_ERR_INVALID, "not a connection string that libpq understands%s",
                                   message && strstr(message, "invalid port") ? " (invalid port number)" : "");
    PQfreemem(message);
    return err;
}

static const char *option(const PQconninfoOption *options, const char *name, const char *variable)
{
    for (; options->keyword; options++) {
        if (strcmp(options->keyword, name) == 0 && options->val)
            return options->val;
    }
    return getenv(variable);
}

static char *element(const char *list, size_t i)
{
    while (i-- > 0) {
        list = strchr(list, ',');
        if (!list)
            return NULL;
        list++;
    }
    return bw_strndup(list, strcspn(list, ","));
}

void pg_connect_forget(struct bw_pg *pg)
{
    bw_resolve_cancel(pg->resolve);
    pg->resolve = NULL;
    for (size_t i = 0; i < pg->n_hosts; i++) {
        free(pg->hosts[i].name);
        free(pg->hosts[i].port);
    }
    pg->n_hosts = 0;
    bw_buf_fini(&pg->list_host);
    bw_buf_fini(&pg->list_hostaddr);
    bw_buf_fini(&pg->list_port);
}

static void read_hosts(struct bw_pg *pg, const PQconninfoOption *options)
{
    const char *hosts = option(options, "host", "PGHOST");
    const char *ports = option(options, "port", "PGPORT");
    for (size_t i = 0; hosts && i < HOSTS_MAX; i++) {
        char *name = element(hosts, i);
        if (!name)
            break;
        char *port = ports ? element(ports, i) : NULL;
        if (!port && ports)
            port = element(ports, 0); /* one port for all hosts */
        pg->hosts[pg->n_hosts++] = (struct host){name, port ? port : bw_strdup("")};
    }
}

/* ---- addresses ---- */

static void add_address(struct bw_pg *pg, const struct host *h, const char *address)
{
    const char *comma = pg->n_addresses > 0 ? "," : "";
    if (pg->n_addresses == ADDRESSES_MAX)
        return;
    bw_buf_addf(&pg->list_host, "%s%s", comma, h->name);
    bw_buf_addf(&pg->list_hostaddr, "%s%s", comma, address);
    bw_buf_addf(&pg->list_port, "%s%s", comma, h->port);
    pg->n_addresses++;
}

static bool is_numeric(const char *name)
{
    struct in6_addr address;
    return inet_pton(AF_INET, name, &address) == 1 || inet_pton(AF_INET6, name, &address) == 1;
}

static void fail(struct bw_pg *pg, const char *why)
{
    pg_drop(pg, BW_ERR_UNAVAILABLE, why);
}

static void on_notice(void *ctx, const PGresult *result)
{
    (void)ctx;
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    bw_log_debug("postgres", "%s", text ? text : "a notice without text");
}

#define KEYWORDS_MAX 48

struct keywords {
    const char *names[KEYWORDS_MAX + 1];
    const char *values[KEYWORDS_MAX + 1];
    size_t n;
};

static void put(struct keywords *k, const char *name, const char *value)
{
    if (k->n == KEYWORDS_MAX || !value)
        return;
    k->names[k->n] = name;
    k->values[k->n++] = value;
}

/* Our defaults, all of the URL's own options, then the addresses: the last of a name wins (manual 34.1). */
static PGconn *start(struct bw_pg *pg, const PQconninfoOption *options)
{
    struct keywords k = {.n = 0};
    put(&k, "fallback_application_name", pg->application_name);
    put(&k, "keepalives_idle", "30");
    put(&k, "keepalives_interval", "10");
    put(&k, "keepalives_count", "3");
    put(&k, "tcp_user_timeout", "30000");
    for (const PQconninfoOption *o = options; o->keyword; o++)
        put(&k, o->keyword, o->val);
    if (pg->n_addresses > 0) {
        put(&k, "host", bw_buf_str(&pg->list_host));
        put(&k, "hostaddr", bw_buf_str(&pg->list_hostaddr));
        put(&k, "port", bw_buf_str(&pg->list_port));
    }
    return PQconnectStartParams(k.names, k.values, 0);
}

static void connect_now(struct bw_pg *pg)
{
    PQconninfoOption *options = PQconninfoParse(pg->url, NULL);
    if (!options) { /* it could be read when the client was made */
        fail(pg, "not a connection string that libpq understands");
        return;
    }
    pg->conn = start(pg, options);
    PQconninfoFree(options);
    pg->state = PG_CONNECTING;
    if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
        pg_copy_reason(pg, pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
        fail(pg, pg->reason);
        return;
    }
    PQsetNoticeReceiver(pg->conn, on_notice, NULL);
    /* One time-out for each address that may have to be tried. */
    size_t tries = pg->n_addresses > 0 ? pg->n_addresses : 1;
    bw_timer_start(pg->timer, pg->options.connect_timeout_ms * (int64_t)tries);
    pg_watch(pg, BW_WRITABLE); /* before the first poll behave as if it had asked to write (manual 34.1) */
}

void pg_connect_ready(struct bw_pg *pg)
{
    bw_watch_free(pg->watch);
    pg->watch = NULL;
    switch (PQconnectPoll(pg->conn)) {
    case PGRES_POLLING_READING:
        pg_watch(pg, BW_READABLE);
        return;
    case PGRES_POLLING_WRITING:
        pg_watch(pg, BW_WRITABLE);
        return;
    case PGRES_POLLING_OK:
        break;
    default:
        pg_copy_reason(pg, PQerrorMessage(pg->conn));
        fail(pg, pg->reason);
        return;
    }
    if (PQsetnonblocking(pg->conn, 1) != 0 || !PQenterPipelineMode(pg->conn)) {
        fail(pg, "pipeline mode was refused");
        return;
    }
    pg_connect_forget(pg);
    pg_greet(pg);
}

/* ---- names ---- */

static void on_resolved(void *ctx, enum bw_err err, const char *address)
{
    struct bw_pg *pg = ctx;
    struct bw_resolve *resolve = pg->resolve;
    const struct host *h = &pg->hosts[pg->resolving++];
    if (err == BW_OK) {
        for (size_t i = 0; bw_resolve_address(resolve, i); i++)
            add_address(pg, h, bw_resolve_address(resolve, i));
        (void)address;
    } else {
        snprintf(pg->resolve_error, sizeof(pg->resolve_error), "host '%s': %s", h->name,
                 err == BW_ERR_TIMEOUT ? "its name was not resolved in time" : "its name cannot be resolved");
    }
    pg->resolve = NULL;
    resolve_next(pg);
}

static void resolve_next(struct bw_pg *pg)
{
    while (pg->resolving < pg->n_hosts) {
        const struct host *h = &pg->hosts[pg->resolving];
        if (h->name[0] != '\0' && h->name[0] != '/' && h->name[0] != '@' && !is_numeric(h->name)) {
            pg->resolve = bw_resolve_start(pg->loop, h->name, pg->options.connect_timeout_ms, on_resolved, pg);
            return;
        }
        add_address(pg, h, is_numeric(h->name) ? h->name : "");
        pg->resolving++;
    }
    if (pg->n_hosts > 0 && pg->n_addresses == 0)
        fail(pg, pg->resolve_error);
    else
        connect_now(pg);
}

void pg_connect_begin(struct bw_pg *pg)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(pg->url, &message);
    PQfreemem(message);
    pg->state = PG_RESOLVING;
    pg->resolving = 0;
    pg->n_addresses = 0;
    pg->reason[0] = '\0';
    bw_buf_init(&pg->list_host, LIST_MAX);
    bw_buf_init(&pg->list_hostaddr, LIST_MAX);
    bw_buf_init(&pg->list_port, LIST_MAX);
    if (options && !option(options, "hostaddr", "PGHOSTADDR"))
        read_hosts(pg, options);
    if (options)
        PQconninfoFree(options);
    resolve_next(pg);
}
