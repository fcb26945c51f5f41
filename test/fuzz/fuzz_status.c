/* Any bytes sent to the status port. The first byte says how they come: in one piece or in two, then closed or left open,
 * with a token needed or not. What gets to the handler is a path; what comes back is an HTTP answer of ours or of
 * libmicrohttpd, of the 5xx only its 505; and the port still answers afterwards. */
#include "fuzz.h"

#include "badgewatch/status/status.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUIET_TURNS 4 /* so many without a byte: nothing more comes */
#define TURNS_MAX   2000
#define LIFE_MS     5000
#define TOKEN       "open sesame"

enum { IN_TWO = 1, HALF_CLOSED = 2, WITH_TOKEN = 4 };

struct answer {
    char text[65536];
    size_t len;
    bool ended;
};

static struct bw_loop *loop;
static struct bw_status *ports[2]; /* without and with a token */
static struct bw_exchange *owed;   /* answered in the next turn */

static void handle(void *ctx, struct bw_exchange *e, const char *path)
{
    static const char *const names[] = {"limit", "after", "since", "q", ""};
    char body[512];
    int len = 0;
    (void)ctx;
    FUZZ_REQUIRE(path[0] == '/');
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = bw_exchange_query(e, names[i]);
        len += snprintf(body + len, 100, "%.90s\n", value ? value : "-");
    }
    if (strcmp(path, "/later") == 0 && !owed)
        owed = e;
    else if (strcmp(path, "/now") == 0)
        bw_exchange_reply(e, 200, "text/plain", body, (size_t)len);
    else
        bw_exchange_error(e, 404, "nothing at %s", path);
}

static void open_ports(void)
{
    loop = bw_loop_new();
    for (int i = 0; i < 2; i++) {
        struct bw_error error;
        struct bw_status_options o = {
            .listen = "127.0.0.1:0", .token = i == 1 ? TOKEN : "", .timeout_ms = 60000, .handler = handle};
        if (bw_status_new(loop, &o, &ports[i], &error) != BW_OK)
            abort();
    }
}

static int connect_to(struct bw_status *port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons((in_port_t)bw_status_port(port))};
    /* where thousands of connections stay in TIME_WAIT, the ports of one address come to an end */
    const struct linger gone = {1, 0};
    static uint32_t n;
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK + n++ % 0xffff)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), late = 1;
    FUZZ_REQUIRE(fd >= 0 && setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof(late)) == 0);
    FUZZ_REQUIRE(bind(fd, (struct sockaddr *)&from, sizeof(from)) == 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) { /* libFuzzer's alarm */
        struct pollfd connected = {.fd = fd, .events = POLLOUT};
        FUZZ_REQUIRE(errno == EINTR && poll(&connected, 1, LIFE_MS) == 1);
    }
    FUZZ_REQUIRE(setsockopt(fd, SOL_SOCKET, SO_LINGER, &gone, sizeof(gone)) == 0);
    return fd;
}

static bool turn(int fd, struct answer *a)
{
    if (owed) {
        struct bw_exchange *e = owed;
        owed = NULL;
        bw_exchange_reply(e, 200, "text/plain", "late", 4);
    }
    bw_loop_turn(loop, false);
    ssize_t n = recv(fd, a->text + a->len, sizeof(a->text) - 1 - a->len, MSG_DONTWAIT);
    a->ended = n == 0 || (n < 0 && errno != EAGAIN);
    a->len += n > 0 ? (size_t)n : 0;
    return n > 0;
}

static void turns(int fd, struct answer *a)
{
    int quiet = 0;
    for (int i = 0; i < TURNS_MAX && quiet < QUIET_TURNS && !a->ended && a->len < sizeof(a->text) - 1; i++)
        quiet = turn(fd, a) ? 0 : quiet + 1;
}

static void require_answers(struct answer *a)
{
    a->text[a->len] = '\0';
    if (a->len < 12)
        return;
    FUZZ_REQUIRE(strncmp(a->text, "HTTP/1.", 7) == 0);
    FUZZ_REQUIRE((a->text[9] >= '1' && a->text[9] <= '4') || strncmp(a->text + 9, "505", 3) == 0);
}

static void exchange(struct bw_status *port, const char *text, size_t size, int flags, struct answer *a)
{
    int fd = connect_to(port);
    size_t first = flags & IN_TWO ? size / 2 : size;
    *a = (struct answer){.len = 0};
    if (send(fd, text, first, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        turns(fd, a);
    if (first < size && send(fd, text + first, size - first, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        turns(fd, a);
    if (flags & HALF_CLOSED && shutdown(fd, SHUT_WR) == 0)
        turns(fd, a);
    require_answers(a);
    close(fd);
    for (int i = 0; i < QUIET_TURNS; i++)
        bw_loop_turn(loop, false);
}

/* libmicrohttpd may want a moment of its own: this answer is waited for. */
static void require_life(struct bw_status *port, struct answer *a)
{
    static const char request[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
    int64_t until = bw_mono_now().ms + LIFE_MS;
    int fd = connect_to(port);
    *a = (struct answer){.len = 0};
    FUZZ_REQUIRE(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) == sizeof(request) - 1);
    while (!strstr(a->text, "nothing at /healthz") && bw_mono_now().ms < until && !a->ended)
        turn(fd, a);
    FUZZ_REQUIRE(strncmp(a->text, "HTTP/1.1 404 ", 13) == 0); /* the handler was asked, and needs no token */
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct answer answer;
    if (!loop)
        open_ports();
    if (size < 2)
        return 0;
    struct bw_status *port = ports[data[0] & WITH_TOKEN ? 1 : 0];
    exchange(port, (const char *)data + 1, size - 1, data[0], &answer);
    require_life(port, &answer);
    return 0;
}
