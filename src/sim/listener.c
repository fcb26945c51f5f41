/* Listening sockets. See listener.h. */
#include "listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_loopback(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
    return a->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

/* Splits "host:port" and "[host]:port". */
static bool split(const char *text, char host[64], char port[8])
{
    const char *colon = strrchr(text, ':');
    if (!colon || strlen(colon + 1) == 0 || strlen(colon + 1) > 5)
        return false;
    size_t n = (size_t)(colon - text);
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n == 0 || n >= 64)
        return false;
    memcpy(host, text, n);
    host[n] = '\0';
    snprintf(port, 8, "%s", colon + 1);
    if (strcmp(host, "localhost") == 0)
        snprintf(host, 64, "127.0.0.1");
    return true;
}

static enum bw_err resolve(struct sim_listener *l, const char *text, bool open, struct bw_error *error)
{
    char host[64];
    char port[8];
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (!split(text, host, port) || getaddrinfo(host, port, &hints, &found) != 0)
        return bw_error_set(error, BW_ERR_INVALID, "--listen '%s': expected an address like 127.0.0.1:9788",
                            text);
    memcpy(&l->address, found->ai_addr, found->ai_addrlen);
    l->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    if (!open && !is_loopback(&l->address))
        return bw_error_set(error, BW_ERR_DENIED, "--listen '%s': the simulator listens on loopback only",
                            text);
    return BW_OK;
}

static bool open_socket(struct sim_listener *l)
{
    int one = 1;
    l->fd = socket(l->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        return false;
    setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(l->fd, (const struct sockaddr *)&l->address, l->address_len) == 0 && listen(l->fd, 512) == 0)
        return true;
    int saved = errno;
    sim_listener_close(l);
    errno = saved;
    return false;
}

enum bw_err sim_listener_open(struct sim_listener *l, const char *address, bool open, struct bw_error *error)
{
    *l = (struct sim_listener){.fd = -1};
    enum bw_err err = resolve(l, address, open, error);
    if (err != BW_OK)
        return err;
    if (!open_socket(l))
        return bw_error_set(error, BW_ERR_SYSTEM, "cannot listen on '%s': %s", address, strerror(errno));
    l->address_len = sizeof l->address; /* keeps the port that was chosen for port 0 */
    (void)getsockname(l->fd, (struct sockaddr *)&l->address, &l->address_len);
    return BW_OK;
}

void sim_listener_close(struct sim_listener *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

void sim_listener_refuse(struct sim_listener *l, int64_t until_ms)
{
    sim_listener_close(l);
    l->reopen_ms = until_ms;
}

void sim_listener_reopen(struct sim_listener *l, int64_t now_ms)
{
    if (l->fd >= 0 || now_ms < l->reopen_ms)
        return;
    if (!open_socket(l))
        l->reopen_ms = now_ms + 50;
}

int sim_listener_port(const struct sim_listener *l)
{
    return ntohs(l->address.ss_family == AF_INET ? ((const struct sockaddr_in *)&l->address)->sin_port
                                                 : ((const struct sockaddr_in6 *)&l->address)->sin6_port);
}

void sim_listener_url(const struct sim_listener *l, char out[80])
{
    char host[INET6_ADDRSTRLEN] = "";
    bool six = l->address.ss_family == AF_INET6;
    const void *address = six ? (const void *)&((const struct sockaddr_in6 *)&l->address)->sin6_addr
                              : (const void *)&((const struct sockaddr_in *)&l->address)->sin_addr;
    (void)inet_ntop(l->address.ss_family, address, host, sizeof host);
    snprintf(out, 80, six ? "http://[%s]:%d" : "http://%s:%d", host, sim_listener_port(l));
}
