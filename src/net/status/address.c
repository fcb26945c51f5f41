/* Where to listen. Numeric addresses only: a name could change its meaning, and loopback is a promise. */
#include "status_p.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static enum bw_err wrong(const char *listen, struct bw_error *error)
{
    return bw_error_set(error, BW_ERR_INVALID,
                        "'%s': ADDRESS:PORT was expected, such as 127.0.0.1:9787 or [::1]:9787", listen);
}

static bool parse_port(const char *text, in_port_t *out)
{
    char *end = NULL;
    if (!isdigit((unsigned char)text[0]))
        return false;
    long port = strtol(text, &end, 10);
    if (*end != '\0' || port > 65535)
        return false;
    *out = htons((in_port_t)port);
    return true;
}

enum bw_err address_parse(const char *listen, struct sockaddr_storage *out, bool *dual,
                          struct bw_error *error)
{
    char host[64];
    in_port_t port;
    const char *colon = strrchr(listen, ':');
    if (!colon || (size_t)(colon - listen) >= sizeof(host) || !parse_port(colon + 1, &port))
        return wrong(listen, error);
    size_t len = (size_t)(colon - listen);
    memcpy(host, listen, len);
    host[len] = '\0';
    *out = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    *dual = len == 0;
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    if (strcmp(host, "localhost") == 0)
        memcpy(host, "127.0.0.1", 10);
    if (len == 0) {
        v6->sin6_family = AF_INET6;
        v6->sin6_addr = in6addr_any;
        v6->sin6_port = port;
    } else if (host[0] == '[' && host[len - 1] == ']') {
        host[len - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &v6->sin6_addr) != 1)
            return wrong(listen, error);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
    } else {
        if (inet_pton(AF_INET, host, &v4->sin_addr) != 1)
            return wrong(listen, error);
        v4->sin_family = AF_INET;
        v4->sin_port = port;
    }
    return BW_OK;
}

bool address_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET)
        return (ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24) == 127;
    return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}
