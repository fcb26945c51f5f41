/* The listening socket, made here and not by libmicrohttpd, which says only that it could not start.
 *
 * Happy way: "host:port" is cut at its last colon, the host must be a numeric address, and the socket is bound
 * and listens.
 *
 * How it fails: BW_ERR_INVALID for a text that is no address and port; BW_ERR_SYSTEM with the reason of the
 * system ("Address already in use"). ":port" means both families; where the kernel has no IPv6, IPv4 alone. */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128, MAX_HOST = 64 };

static bool is_loopback(const struct listen_address *a)
{
    if (a->at.any.sa_family == AF_INET)
        return ntohl(a->at.v4.sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *v6 = &a->at.v6.sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

/* -1 when it is not 0 to 65535. */
static int parse_port(const char *text)
{
    int port = 0;

    if (text[0] == '\0' || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
        return -1;
    for (; *text; text++)
        port = port * 10 + (*text - '0');
    return port <= 65535 ? port : -1;
}

static bool parse_host(const char *host, size_t len, in_port_t port, struct listen_address *a)
{
    char text[MAX_HOST];
    bool bracketed = len >= 2 && host[0] == '[' && host[len - 1] == ']';

    if (bracketed) {
        host++;
        len -= 2;
    }
    if (len >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", (int)len, host);
    if (!bracketed && strcasecmp(text, "localhost") == 0)
        snprintf(text, sizeof text, "127.0.0.1");
    if (bracketed || len == 0) {
        a->every = len == 0;
        a->at.v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = port};
        return bracketed ? inet_pton(AF_INET6, text, &a->at.v6.sin6_addr) == 1 : true;
    }
    a->at.v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = port};
    return inet_pton(AF_INET, text, &a->at.v4.sin_addr) == 1;
}

enum bw_err bw_listen_parse(const char *text, struct listen_address *out, struct bw_error *error)
{
    struct listen_address a = {0};
    const char *colon = text ? strrchr(text, ':') : NULL;
    int port = colon ? parse_port(colon + 1) : -1;

    if (port < 0 || !parse_host(text, (size_t)(colon - text), htons((in_port_t)port), &a))
        return bw_error_set(error, BW_ERR_INVALID,
                            "'%s' is not an address and port, such as 127.0.0.1:9787, [::1]:9787 or :9787",
                            text ? text : "");
    a.loopback = is_loopback(&a);
    *out = a;
    return BW_OK;
}

static int open_socket(const struct listen_address *a)
{
    const int on = 1;
    const int off = 0;
    bool v6 = a->at.any.sa_family == AF_INET6;
    int fd = socket(a->at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!a->every || !v6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0) &&
        bind(fd, &a->at.any, v6 ? sizeof a->at.v6 : sizeof a->at.v4) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int port_of(int fd)
{
    struct listen_address a = {0};
    socklen_t len = sizeof a.at;

    if (getsockname(fd, &a.at.any, &len) != 0)
        return 0;
    return ntohs(a.at.any.sa_family == AF_INET6 ? a.at.v6.sin6_port : a.at.v4.sin_port);
}

enum bw_err bw_listen_open(const struct listen_address *a, const char *text, int *fd, int *port,
                           struct bw_error *error)
{
    int got = open_socket(a);

    if (got < 0 && a->every && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        struct listen_address v4 = {.at.v4 = {.sin_family = AF_INET, .sin_port = a->at.v6.sin6_port}};
        got = open_socket(&v4);
    }
    if (got >= 0 && (*port = port_of(got)) == 0) { /* nobody would know where to ask */
        int why = errno;
        close(got);
        errno = why;
        got = -1;
    }
    if (got < 0)
        return bw_error_set(error, BW_ERR_SYSTEM, "cannot listen on %s: %s", text, strerror(errno));
    *fd = got;
    return BW_OK;
}
