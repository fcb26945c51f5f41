/* What the connection string says: which hosts there are, and everything else, which is libpq's business.
 *
 * libpq's own messages about a bad string quote it, password and all, so only the part before the first quote is passed
 * on. A host with an '@' in it is the rest of a password that was not percent-encoded: it is refused before it can
 * appear in "cannot resolve ...". */
#include "pg_p.h"

#include "badgewatch/base/alloc.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MAX_S 86400L /* of one address: more is as good as for ever */

static const char *given(const struct pg_url *url, const char *name)
{
    for (const PQconninfoOption *o = url->options; o->keyword; o++) {
        if (strcmp(o->keyword, name) == 0 && o->val && o->val[0])
            return o->val;
    }
    return NULL;
}

/* As libpq does it: the string, else the environment; but a service's own file comes between the two, and that is read
 * by libpq only. */
static const char *option(const struct pg_url *url, const char *name, const char *variable)
{
    const char *value = given(url, name);
    if (value || given(url, "service") || getenv("PGSERVICE"))
        return value;
    value = getenv(variable);
    return value && value[0] ? value : NULL;
}

static size_t count(const char *list)
{
    size_t n = list ? 1 : 0;
    for (; list && *list; list++)
        n += *list == ',';
    return n;
}

/* The i-th of a comma separated list; NULL if it is empty or not there. */
static char *element(const char *list, size_t i)
{
    while (list && i-- > 0) {
        list = strchr(list, ',');
        list = list ? list + 1 : NULL;
    }
    size_t len = list ? strcspn(list, ",") : 0;
    return len > 0 ? bw_strndup(list, len) : NULL;
}

static bool is_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long port = strtol(text, NULL, 10);
    return digits > 0 && text[digits] == '\0' && digits <= 5 && port >= 1 && port <= 65535;
}

static enum bw_err read_hosts(struct pg_url *url, struct bw_error *error)
{
    const char *names = option(url, "host", "PGHOST");
    const char *addresses = option(url, "hostaddr", "PGHOSTADDR");
    const char *ports = option(url, "port", "PGPORT");
    size_t n = names ? count(names) : count(addresses);
    url->n_hosts = n > 0 ? n : 1;
    if (url->n_hosts > HOSTS_MAX)
        return bw_error_set(error, BW_ERR_INVALID, "at most %d hosts were expected", HOSTS_MAX);
    if ((names && addresses && count(addresses) != n) ||
        (ports && count(ports) > 1 && count(ports) != url->n_hosts))
        return bw_error_set(error, BW_ERR_INVALID, "hosts, addresses and ports differ in number");
    for (size_t i = 0; i < url->n_hosts; i++) {
        struct host *h = &url->hosts[i];
        h->name = element(names, i);
        h->address = element(addresses, i);
        h->port = element(ports, count(ports) > 1 ? i : 0);
        if (h->name && strchr(h->name + 1, '@'))
            return bw_error_set(error, BW_ERR_INVALID,
                                "a host holds an '@': in a user or password it is written %%40");
        if (h->port && !is_port(h->port))
            return bw_error_set(error, BW_ERR_INVALID, "a port is not a number from 1 to 65535");
    }
    return BW_OK;
}

/* libpq would find this out at each try only. */
static enum bw_err check_sslmode(const struct pg_url *url, struct bw_error *error)
{
    static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
    const char *mode = given(url, "sslmode");
    for (size_t i = 0; mode && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(mode, modes[i]) == 0)
            return BW_OK;
    }
    return mode ? bw_error_set(error, BW_ERR_INVALID,
                               "sslmode is none of disable, allow, prefer, require, verify-ca, verify-full")
                : BW_OK;
}

static enum bw_err refuse(const char *message, struct bw_error *error)
{
    size_t len = message ? strcspn(message, "\"\n") : 0;
    while (len > 0 && (isspace((unsigned char)message[len - 1]) || message[len - 1] == ':'))
        len--;
    return bw_error_set(error, BW_ERR_INVALID, "not a connection string that libpq understands (%.*s)",
                        (int)len, message ? message : "");
}

enum bw_err pg_url_init(struct pg_url *url, const char *text, struct bw_error *error)
{
    char *message = NULL;
    *url = (struct pg_url){.options = PQconninfoParse(text, &message)};
    enum bw_err err = url->options ? BW_OK : refuse(message, error);
    PQfreemem(message);
    if (err == BW_OK)
        err = read_hosts(url, error);
    if (err == BW_OK)
        err = check_sslmode(url, error);
    if (err == BW_OK) {
        const char *seconds = given(url, "connect_timeout");
        long n = seconds ? strtol(seconds, NULL, 10) : 0;
        n = n < TIMEOUT_MAX_S ? n : TIMEOUT_MAX_S;
        url->connect_timeout_ms = n > 0 ? n * 1000 : 0;
    } else {
        pg_url_fini(url);
    }
    return err;
}

void pg_url_fini(struct pg_url *url)
{
    for (size_t i = 0; i < url->n_hosts && i < HOSTS_MAX; i++) {
        free(url->hosts[i].name);
        free(url->hosts[i].address);
        free(url->hosts[i].port);
    }
    if (url->options)
        PQconninfoFree(url->options);
    *url = (struct pg_url){0};
}

bool bw_pg_url_environment(const char *url, void (*take)(void *ctx, const char *name, const char *value),
                           void *ctx)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &message);
    PQfreemem(message); /* quotes the text, and so perhaps a password */
    for (PQconninfoOption *o = options; o && o->keyword; o++) {
        if (o->envvar && o->val)
            take(ctx, o->envvar, o->val);
    }
    PQconninfoFree(options);
    return options != NULL;
}
