/* Makes the Nth call of one function fail, in a real program: for LD_PRELOAD; see nth.py.
 *
 * Happy way: BW_NTH_FILE names a file that is mapped: a row for each function here, with the calls so far and whether
 * the fault has happened, so that the test sees both while the program runs. BW_NTH is "function:N:how":
 *   ENAME   the call is not made; errno is that, and the function's own sign of failure comes back
 *   a number  the call is not made; the number comes back
 *   fail    the call is not made; the function's own sign of failure comes back
 *   short   the call is made for one byte
 *   cut     the function's socket is shut down, then the call is made: the library finds out by itself
 * Libraries call through here too, since the loader looks here first. Without BW_NTH_FILE it is not there.
 *
 * How it fails: what is wrong with its own settings ends the program with 99 before main. Calls that happen before that
 * (of sanitizers) pass uncounted.
 *
 * No header of a client library is included, but for the structs of hiredis: only the calling convention matters. */
#undef _FORTIFY_SOURCE   /* its inlines have the names of what is defined here */
#undef _FILE_OFFSET_BITS /* and this one makes open and open64 the same; hiredis asks for it */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define EXIT_SETTINGS 99

/* clang-format off */
#define FUNCTIONS(X) \
    X(read) X(write) X(writev) X(recv) X(recvfrom) X(recvmsg) X(send) X(sendto) X(sendmsg) X(poll) \
    X(socket) X(connect) X(accept4) X(bind) X(listen) X(setsockopt) X(getsockopt) X(getsockname) \
    X(getpeername) X(shutdown) X(close) X(fcntl) X(open) X(fopen) X(epoll_create1) X(epoll_ctl) \
    X(epoll_pwait) X(epoll_wait) X(eventfd) X(pipe2) X(socketpair) X(ioctl) X(gethostname) \
    X(opendir) X(getrlimit) X(getrusage) X(pthread_create) X(getaddrinfo) X(getnameinfo) X(uv_poll_init) \
    X(uv_poll_start) X(uv_getaddrinfo) X(curl_easy_init) X(curl_multi_add_handle) \
    X(curl_multi_socket_action) X(curl_multi_remove_handle) \
    X(redisConnectUnixNonBlock) X(redisConnectNonBlock) X(redisBufferRead) X(redisGetReplyFromReader) \
    X(redisEnableKeepAlive) X(PQconninfoParse) X(PQconnectStartParams) X(PQconnectPoll) \
    X(PQsetnonblocking) X(PQenterPipelineMode) X(PQexitPipelineMode) X(PQsendQueryParams) X(PQsendQuery) \
    X(PQsendFlushRequest) X(PQpipelineSync) X(PQflush) X(PQconsumeInput) X(PQgetResult) \
    X(PQescapeIdentifier) X(json_tokener_parse_ex) X(ini_parse_stream) X(MHD_start_daemon) X(MHD_run) \
    X(MHD_get_timeout) X(MHD_get_daemon_info) X(MHD_add_response_header) X(MHD_queue_response)
/* clang-format on */

enum function {
#define NUMBER(name) F_##name,
    FUNCTIONS(NUMBER)
#undef NUMBER
        F_COUNT
};

static const char *const names[] = {
#define NAME(name) #name,
    FUNCTIONS(NAME)
#undef NAME
};

/* A row of the file; nth.py knows the layout. */
struct row {
    char name[48];
    atomic_uint calls;
    atomic_uint fired;
};

static struct row *rows; /* NULL: everything passes */
static struct {
    enum function function; /* F_COUNT: none */
    unsigned n;
    int error;
    bool is_number, is_short, is_cut;
    long number;
} plan = {.function = F_COUNT};

/* ---- settings ---- */

_Noreturn static void refuse(const char *what, const char *text)
{
    dprintf(STDERR_FILENO, "nth_shim: %s: '%s'\n", what, text);
    _exit(EXIT_SETTINGS);
}

static const struct {
    const char *name;
    int error;
} errors[] = {{"EINTR", EINTR},
              {"EAGAIN", EAGAIN},
              {"ECONNRESET", ECONNRESET},
              {"ECONNREFUSED", ECONNREFUSED},
              {"EPIPE", EPIPE},
              {"EMFILE", EMFILE},
              {"ENFILE", ENFILE},
              {"ENOBUFS", ENOBUFS},
              {"EIO", EIO},
              {"EACCES", EACCES},
              {"EADDRINUSE", EADDRINUSE},
              {"ENETUNREACH", ENETUNREACH},
              {"ENOSPC", ENOSPC},
              {"ECONNABORTED", ECONNABORTED},
              {"ETIMEDOUT", ETIMEDOUT},
              {"ENOTCONN", ENOTCONN},
              {"EINVAL", EINVAL}};

static void plan_how(const char *how)
{
    char *end = NULL;

    if (strcmp(how, "fail") == 0)
        return;
    plan.is_short = strcmp(how, "short") == 0;
    plan.is_cut = strcmp(how, "cut") == 0;
    if (plan.is_short || plan.is_cut)
        return;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (strcmp(how, errors[i].name) == 0) {
            plan.error = errors[i].error;
            return;
        }
    }
    plan.is_number = true;
    plan.number = strtol(how, &end, 10);
    if (end == how || *end)
        refuse("no such way to fail", how);
}

static void plan_fault(const char *text)
{
    const char *n = strchr(text, ':');
    char *how = NULL;

    if (!n)
        refuse("BW_NTH is function:N:how", text);
    for (int i = 0; i < F_COUNT; i++) {
        if (strlen(names[i]) == (size_t)(n - text) && strncmp(names[i], text, (size_t)(n - text)) == 0)
            plan.function = (enum function)i;
    }
    plan.n = (unsigned)strtoul(n + 1, &how, 10);
    if (plan.function == F_COUNT || plan.n == 0 || *how != ':')
        refuse("BW_NTH is function:N:how, of a function that is here", text);
    plan_how(how + 1);
}

__attribute__((constructor)) static void begin(void)
{
    const char *file = getenv("BW_NTH_FILE");
    const char *fault = getenv("BW_NTH");

    if (!file)
        return;
    int fd = open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0 || ftruncate(fd, F_COUNT * (off_t)sizeof(struct row)) != 0)
        refuse(strerror(errno), file);
    struct row *map = mmap(NULL, F_COUNT * sizeof(struct row), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        refuse(strerror(errno), file);
    close(fd);
    for (int i = 0; i < F_COUNT; i++)
        snprintf(map[i].name, sizeof map[i].name, "%s", names[i]);
    if (fault)
        plan_fault(fault);
    rows = map;
}

int shutdown(int, int);

/* ---- the fault ---- */

static bool hit(enum function f)
{
    if (!rows)
        return false;
    unsigned calls = atomic_fetch_add(&rows[f].calls, 1) + 1;
    if (f != plan.function || calls != plan.n)
        return false;
    atomic_store(&rows[f].fired, 1);
    return true;
}

static long failed(long own)
{
    if (plan.error)
        errno = plan.error;
    return plan.is_number ? plan.number : own;
}

static void *original(void **known, const char *name)
{
    if (!*known)
        *known = dlsym(RTLD_NEXT, name);
    if (!*known)
        refuse("no such function in any library", name);
    return *known;
}

#define ORIGINAL(name) ((__typeof__(real))original((void **)&real, #name))

/* The usual one: a prototype of its own, the real one behind it, `own` is the sign of failure. */
#define DEFINE(type, name, parameters, arguments, own)                                                       \
    type name parameters;                                                                                    \
    type name parameters                                                                                     \
    {                                                                                                        \
        static type(*real) parameters;                                                                       \
        if (hit(F_##name))                                                                                   \
            return (type)failed((long)(own));                                                                \
        return ORIGINAL(name) arguments;                                                                     \
    }

/* Of pipes, eventfds and files only EINTR is a fault of this world: else it is that of the next call. */
static bool hit_bytes(enum function f, int fd)
{
    bool socket_only = plan.error != EINTR;
    struct stat st;

    if (!hit(f))
        return false;
    if (!socket_only || (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)))
        return true;
    atomic_store(&rows[f].fired, 0);
    plan.n++;
    return false;
}

/* A peer that is gone stays gone: libpq remembers a failed send and waits for its next read to tell of it. */
static long failed_bytes(int fd)
{
    if (plan.error == ECONNRESET || plan.error == EPIPE)
        shutdown(fd, 2);
    return failed(-1);
}

/* Bytes in or out: may also be cut to one. */
#define DEFINE_BYTES(name, parameters, arguments, len)                                                       \
    ssize_t name parameters;                                                                                 \
    ssize_t name parameters                                                                                  \
    {                                                                                                        \
        static ssize_t(*real) parameters;                                                                    \
        if (hit_bytes(F_##name, fd)) {                                                                       \
            if (!plan.is_short)                                                                              \
                return (ssize_t)failed_bytes(fd);                                                            \
            len = len > 1 ? 1 : len;                                                                         \
        }                                                                                                    \
        return ORIGINAL(name) arguments;                                                                     \
    }

/* ---- the system ---- */

DEFINE_BYTES(read, (int fd, void *b, size_t n), (fd, b, n), n)
DEFINE_BYTES(write, (int fd, const void *b, size_t n), (fd, b, n), n)
DEFINE_BYTES(recv, (int fd, void *b, size_t n, int flags), (fd, b, n, flags), n)
DEFINE_BYTES(send, (int fd, const void *b, size_t n, int flags), (fd, b, n, flags), n)
DEFINE_BYTES(recvfrom, (int fd, void *b, size_t n, int flags, void *a, void *l), (fd, b, n, flags, a, l), n)
DEFINE_BYTES(sendto, (int fd, const void *b, size_t n, int flags, const void *a, unsigned l),
             (fd, b, n, flags, a, l), n)
DEFINE(ssize_t, writev, (int fd, const void *v, int n), (fd, v, n), -1)
DEFINE(ssize_t, recvmsg, (int fd, void *m, int flags), (fd, m, flags), -1)
DEFINE(int, poll, (void *fds, unsigned long n, int ms), (fds, n, ms), -1)
DEFINE(int, socket, (int family, int type, int protocol), (family, type, protocol), -1)
DEFINE(int, connect, (int fd, const void *a, unsigned l), (fd, a, l), -1)
DEFINE(int, accept4, (int fd, void *a, void *l, int flags), (fd, a, l, flags), -1)
DEFINE(int, bind, (int fd, const void *a, unsigned l), (fd, a, l), -1)
DEFINE(int, listen, (int fd, int n), (fd, n), -1)
DEFINE(int, setsockopt, (int fd, int level, int o, const void *v, unsigned l), (fd, level, o, v, l), -1)
DEFINE(int, getsockopt, (int fd, int level, int o, void *v, void *l), (fd, level, o, v, l), -1)
DEFINE(int, getsockname, (int fd, void *a, void *l), (fd, a, l), -1)
DEFINE(int, getpeername, (int fd, void *a, void *l), (fd, a, l), -1)
DEFINE(int, shutdown, (int fd, int how), (fd, how), -1)
DEFINE(int, epoll_create1, (int flags), (flags), -1)
DEFINE(int, epoll_ctl, (int ep, int op, int fd, void *e), (ep, op, fd, e), -1)
DEFINE(int, epoll_pwait, (int ep, void *e, int n, int ms, const void *s), (ep, e, n, ms, s), -1)
DEFINE(int, epoll_wait, (int ep, void *e, int n, int ms), (ep, e, n, ms), -1)
DEFINE(int, eventfd, (unsigned n, int flags), (n, flags), -1)
DEFINE(int, pipe2, (int fds[2], int flags), (fds, flags), -1)
DEFINE(int, socketpair, (int family, int type, int protocol, int fds[2]), (family, type, protocol, fds), -1)
DEFINE(int, gethostname, (char *b, size_t n), (b, n), -1)
DEFINE(void *, opendir, (const char *path), (path), 0)
DEFINE(int, getrlimit, (int what, void *out), (what, out), -1)
DEFINE(int, getrusage, (int who, void *out), (who, out), -1)
DEFINE(int, pthread_create, (void *t, const void *a, void *(*f)(void *), void *x), (t, a, f, x), EAGAIN)
DEFINE(int, getaddrinfo, (const char *h, const char *s, const void *hints, void *out), (h, s, hints, out), -3)
DEFINE(int, getnameinfo, (const void *a, unsigned l, char *h, unsigned hl, char *s, unsigned sl, int flags),
       (a, l, h, hl, s, sl, flags), -3)

/* iovec of sendmsg: one byte of the first piece that is not empty. */
struct piece {
    void *base;
    size_t len;
};
struct message {
    void *name;
    unsigned name_len;
    struct piece *pieces;
    size_t n;
    void *control;
    size_t control_len;
    int flags;
};

ssize_t sendmsg(int fd, const struct message *m, int flags);
ssize_t sendmsg(int fd, const struct message *m, int flags)
{
    static ssize_t (*real)(int, const struct message *, int);
    if (!hit(F_sendmsg))
        return ORIGINAL(sendmsg)(fd, m, flags);
    if (!plan.is_short)
        return (ssize_t)failed_bytes(fd);
    struct message cut = *m;
    struct piece one = m->n > 0 ? m->pieces[0] : (struct piece){NULL, 0};
    one.len = one.len > 1 ? 1 : one.len;
    cut.pieces = &one;
    cut.n = 1;
    return ORIGINAL(sendmsg)(fd, &cut, flags);
}

/* The number is free again even when the kernel tells of a failure. */
int close(int fd)
{
    static int (*real)(int);
    int result = ORIGINAL(close)(fd);
    return hit(F_close) ? (int)failed(-1) : result;
}

static long third(va_list list)
{
    return va_arg(list, long);
}

#define DEFINE_CONTROL(name, symbol, request_type)                                                           \
    int symbol(int fd, request_type request, ...);                                                           \
    int symbol(int fd, request_type request, ...)                                                            \
    {                                                                                                        \
        static int (*real)(int, request_type, ...);                                                          \
        va_list list;                                                                                        \
        va_start(list, request);                                                                             \
        long argument = third(list);                                                                         \
        va_end(list);                                                                                        \
        return hit(F_##name) ? (int)failed(-1) : ORIGINAL(symbol)(fd, request, argument);                    \
    }
DEFINE_CONTROL(fcntl, fcntl, int)
DEFINE_CONTROL(fcntl, fcntl64, int)
DEFINE_CONTROL(ioctl, ioctl, unsigned long)

#define DEFINE_OPEN(symbol)                                                                                  \
    int symbol(const char *path, int flags, ...);                                                            \
    int symbol(const char *path, int flags, ...)                                                             \
    {                                                                                                        \
        static int (*real)(const char *, int, ...);                                                          \
        va_list list;                                                                                        \
        va_start(list, flags);                                                                               \
        long mode = third(list);                                                                             \
        va_end(list);                                                                                        \
        return hit(F_open) ? (int)failed(-1) : ORIGINAL(symbol)(path, flags, mode);                          \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_FOPEN(symbol)                                                                                 \
    FILE *symbol(const char *path, const char *mode);                                                        \
    FILE *symbol(const char *path, const char *mode)                                                         \
    {                                                                                                        \
        static FILE *(*real)(const char *, const char *);                                                    \
        return hit(F_fopen) ? (FILE *)failed(0) : ORIGINAL(symbol)(path, mode);                              \
    }
DEFINE_FOPEN(fopen)
DEFINE_FOPEN(fopen64)

/* ---- libuv: failures are negative errno values ---- */

DEFINE(int, uv_poll_init, (void *loop, void *handle, int fd), (loop, handle, fd), -ENOMEM)
DEFINE(int, uv_poll_start, (void *handle, int events, void *cb), (handle, events, cb), -ENOMEM)
DEFINE(int, uv_getaddrinfo, (void *l, void *r, void *cb, const char *h, const char *s, const void *hints),
       (l, r, cb, h, s, hints), -ENOMEM)

/* ---- libcurl: 3 is CURLM_OUT_OF_MEMORY, 4 CURLM_INTERNAL_ERROR ---- */

DEFINE(void *, curl_easy_init, (void), (), 0)
DEFINE(int, curl_multi_add_handle, (void *m, void *e), (m, e), 3)
DEFINE(int, curl_multi_socket_action, (void *m, int fd, int what, int *running), (m, fd, what, running), 4)

/* It is taken out all the same: a handle that stayed inside would be freed inside. */
int curl_multi_remove_handle(void *m, void *e);
int curl_multi_remove_handle(void *m, void *e)
{
    static int (*real)(void *, void *);
    int result = ORIGINAL(curl_multi_remove_handle)(m, e);
    return hit(F_curl_multi_remove_handle) ? (int)failed(4) : result;
}

/* ---- hiredis: its own error state is part of a failure ---- */

static void spoil(redisContext *c, int type, const char *text)
{
    c->err = type;
    snprintf(c->errstr, sizeof c->errstr, "%s", text);
}

redisContext *redisConnectUnixNonBlock(const char *path)
{
    static redisContext *(*real)(const char *);
    return ORIGINAL(redisConnectUnixNonBlock)(hit(F_redisConnectUnixNonBlock) ? "/nowhere/at/all" : path);
}

redisContext *redisConnectNonBlock(const char *address, int port)
{
    static redisContext *(*real)(const char *, int);
    return ORIGINAL(redisConnectNonBlock)(address, hit(F_redisConnectNonBlock) ? 1 : port);
}

int redisBufferRead(redisContext *c)
{
    static int (*real)(redisContext *);
    if (hit(F_redisBufferRead)) {
        if (!plan.is_cut) {
            spoil(c, REDIS_ERR_IO, "injected");
            return (int)failed(REDIS_ERR);
        }
        shutdown(c->fd, 2);
    }
    return ORIGINAL(redisBufferRead)(c);
}

int redisGetReplyFromReader(redisContext *c, void **reply)
{
    static int (*real)(redisContext *, void **);
    if (!hit(F_redisGetReplyFromReader))
        return ORIGINAL(redisGetReplyFromReader)(c, reply);
    spoil(c, REDIS_ERR_PROTOCOL, "injected");
    return (int)failed(REDIS_ERR);
}

DEFINE(int, redisEnableKeepAlive, (redisContext * c), (c), REDIS_ERR)

/* ---- libpq ---- */

int PQsocket(const void *conn);
void *PQmakeEmptyPGresult(void *conn, int status);
void PQclear(void *result);

DEFINE(void *, PQconninfoParse, (const char *text, char **error), (text, error), 0)
DEFINE(int, PQconnectPoll, (void *c), (c), 0)
DEFINE(int, PQsetnonblocking, (void *c, int on), (c, on), -1)
DEFINE(int, PQenterPipelineMode, (void *c), (c), 0)
DEFINE(int, PQexitPipelineMode, (void *c), (c), 0)
DEFINE(int, PQsendQueryParams,
       (void *c, const char *sql, int n, const void *types, const void *values, const void *lengths,
        const void *formats, int format),
       (c, sql, n, types, values, lengths, formats, format), 0)
DEFINE(int, PQsendQuery, (void *c, const char *sql), (c, sql), 0)
DEFINE(int, PQsendFlushRequest, (void *c), (c), 0)
DEFINE(int, PQpipelineSync, (void *c), (c), 0)
DEFINE(int, PQflush, (void *c), (c), -1)
DEFINE(char *, PQescapeIdentifier, (void *c, const char *text, size_t n), (c, text, n), 0)

void *PQconnectStartParams(const char *const *keywords, const char *const *values, int expand);
void *PQconnectStartParams(const char *const *keywords, const char *const *values, int expand)
{
    static void *(*real)(const char *const *, const char *const *, int);
    static const char *const host[] = {"host", NULL};
    static const char *const nowhere[] = {"/nowhere/at/all", NULL};
    if (hit(F_PQconnectStartParams))
        return ORIGINAL(PQconnectStartParams)(host, nowhere, 0);
    return ORIGINAL(PQconnectStartParams)(keywords, values, expand);
}

int PQconsumeInput(void *conn);
int PQconsumeInput(void *conn)
{
    static int (*real)(void *);
    if (hit(F_PQconsumeInput)) {
        if (!plan.is_cut)
            return (int)failed(0);
        shutdown(PQsocket(conn), 2);
    }
    return ORIGINAL(PQconsumeInput)(conn);
}

/* fail: no memory for the result; libpq throws away what the server said and gives an empty one. */
void *PQgetResult(void *conn);
void *PQgetResult(void *conn)
{
    static void *(*real)(void *);
    bool now = hit(F_PQgetResult);
    if (now && plan.is_cut)
        shutdown(PQsocket(conn), 2);
    void *result = ORIGINAL(PQgetResult)(conn);
    if (!now || plan.is_cut || !result)
        return result;
    PQclear(result);
    return PQmakeEmptyPGresult(conn, 7 /* PGRES_FATAL_ERROR */);
}

/* ---- json-c, inih ---- */

void *json_tokener_parse_ex(void *tokener, const char *text, int len);
void *json_tokener_parse_ex(void *tokener, const char *text, int len)
{
    static void *(*real)(void *, const char *, int);
    if (hit(F_json_tokener_parse_ex))
        return ORIGINAL(json_tokener_parse_ex)(tokener, "}", 1);
    return ORIGINAL(json_tokener_parse_ex)(tokener, text, len);
}

DEFINE(int, ini_parse_stream, (void *reader, void *stream, void *handler, void *user),
       (reader, stream, handler, user), -2)

/* ---- libmicrohttpd: 0 is MHD_NO ---- */

/* Its options are a list of up to so many words; the daemon gives an array of them and an end. */
void *MHD_start_daemon(unsigned flags, unsigned short port, void *a, void *ac, void *d, void *dc, ...);
void *MHD_start_daemon(unsigned flags, unsigned short port, void *a, void *ac, void *d, void *dc, ...)
{
    static void *(*real)(unsigned, unsigned short, void *, void *, void *, void *, ...);
    enum { WORDS = 32 };
    long w[WORDS];
    va_list list;

    va_start(list, dc);
    for (int i = 0; i < WORDS; i++)
        w[i] = va_arg(list, long);
    va_end(list);
    if (hit(F_MHD_start_daemon))
        return (void *)failed(0);
    return ORIGINAL(MHD_start_daemon)(flags, port, a, ac, d, dc, w[0], w[1], w[2], w[3], w[4], w[5], w[6],
                                      w[7], w[8], w[9], w[10], w[11], w[12], w[13], w[14], w[15], w[16],
                                      w[17], w[18], w[19], w[20], w[21], w[22], w[23], w[24], w[25], w[26],
                                      w[27], w[28], w[29], w[30], w[31]);
}

DEFINE(int, MHD_run, (void *d), (d), 0)
DEFINE(int, MHD_get_timeout, (void *d, void *ms), (d, ms), 0)
DEFINE(void *, MHD_get_daemon_info, (void *d, int what), (d, what), 0)
DEFINE(int, MHD_add_response_header, (void *r, const char *name, const char *value), (r, name, value), 0)
DEFINE(int, MHD_queue_response, (void *c, unsigned status, void *r), (c, status, r), 0)
