/* See pgserver.h. */
#include "pgserver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { START_MS = 60000, LOOK_MS = 20 };

struct pgserver {
    char folder[64];
    char bin[256];
    int port;
    pid_t pid; /* 0: not running */
};

__attribute__((format(printf, 2, 3))) static _Noreturn void die(const struct pgserver *s, const char *fmt,
                                                                ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "test server: ");
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\n");
    va_end(args);
    if (s) {
        char line[256], path[128];
        snprintf(path, sizeof(path), "%s/log", s->folder);
        FILE *log = fopen(path, "r");
        while (log && fgets(line, sizeof(line), log))
            fputs(line, stderr);
        if (log)
            fclose(log);
    }
    abort();
}

static void find_programs(struct pgserver *s)
{
    FILE *out = popen("pg_config --bindir", "r"); // NOLINT(cert-env33-c): a fixed command of a test
    if (!out || !fgets(s->bin, sizeof(s->bin), out))
        die(NULL, "pg_config does not run: libpq-dev is needed");
    pclose(out);
    s->bin[strcspn(s->bin, "\n")] = '\0';
    char path[300];
    snprintf(path, sizeof(path), "%s/initdb", s->bin);
    if (access(path, X_OK) != 0)
        die(NULL, "%s is not there: PostgreSQL's server is needed", path);
}

static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die(NULL, "no free port: %s", strerror(errno));
    close(fd);
    return ntohs(address.sin_port);
}

/* In the child: not root, dies with the test, writes to the log. */
static void become_server(const struct pgserver *s, const struct passwd *user, pid_t parent)
{
    char path[128];
    snprintf(path, sizeof(path), "%s/log", s->folder);
    if (user && (initgroups(user->pw_name, user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
                 setuid(user->pw_uid) != 0))
        _exit(120);
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* after setuid, which clears it */
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (getppid() != parent || log < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0 || chdir(s->folder) != 0)
        _exit(121);
    setenv("LC_ALL", "C", 1); /* messages that tests can read */
}

/* argv[0] becomes the full path: by it Postgres's programs find each other, where they are not in the PATH. */
static pid_t run(const struct pgserver *s, const char *program, char *argv[])
{
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    pid_t parent = getpid();
    char path[300];
    if (geteuid() == 0 && !user)
        die(NULL, "there is no user postgres to run the server as");
    snprintf(path, sizeof(path), "%s/%s", s->bin, program);
    pid_t pid = fork();
    if (pid < 0)
        die(s, "fork: %s", strerror(errno));
    if (pid == 0) {
        become_server(s, user, parent);
        argv[0] = path;
        execv(path, argv);
        _exit(122);
    }
    return pid;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

__attribute__((format(printf, 4, 5))) static void write_file(const struct pgserver *s, const char *name,
                                                             const char *mode, const char *fmt, ...)
{
    char path[128];
    va_list args;
    snprintf(path, sizeof(path), "%s/data/%s", s->folder, name);
    FILE *file = fopen(path, mode);
    if (!file)
        die(s, "%s: %s", path, strerror(errno));
    va_start(args, fmt);
    vfprintf(file, fmt, args);
    va_end(args);
    fclose(file);
}

static void make_cluster(struct pgserver *s)
{
    char data[96];
    snprintf(data, sizeof(data), "%s/data", s->folder);
    char *argv[] = {(char[]){"initdb"},
                    (char[]){"-D"},
                    data,
                    (char[]){"-U"},
                    (char[]){"postgres"},
                    (char[]){"-A"},
                    (char[]){"trust"},
                    (char[]){"-E"},
                    (char[]){"UTF8"},
                    (char[]){"--locale=C"},
                    (char[]){"--no-sync"},
                    (char[]){"--no-instructions"},
                    NULL};
    int status = wait_for(run(s, "initdb", argv));
    if (status != 0)
        die(s, "initdb failed (%d)", status);
    /* wal_level minimal would be quicker still, but a test may want a standby */
    write_file(s, "postgresql.conf", "a",
               "\nlisten_addresses = '127.0.0.1'\nport = %d\nunix_socket_directories = '%s'\nfsync = off\n"
               "synchronous_commit = off\nshared_buffers = 16MB\nmax_connections = 40\nautovacuum = off\n",
               s->port, s->folder);
    write_file(s, "pg_hba.conf", "w",
               "local all locked scram-sha-256\nlocal all all trust\n"
               "host all locked 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n");
}

struct pgserver *pgserver_new(void)
{
    struct pgserver *s = calloc(1, sizeof(*s));
    if (!s)
        die(NULL, "out of memory");
    snprintf(s->folder, sizeof(s->folder), "/tmp/bw-pg-XXXXXX");
    if (!mkdtemp(s->folder))
        die(NULL, "%s: %s", s->folder, strerror(errno));
    const struct passwd *user = geteuid() == 0 ? getpwnam("postgres") : NULL;
    if (user && chown(s->folder, user->pw_uid, user->pw_gid) != 0)
        die(NULL, "chown: %s", strerror(errno));
    if (chmod(s->folder, 0755) != 0)
        die(NULL, "chmod: %s", strerror(errno));
    find_programs(s);
    s->port = free_port();
    make_cluster(s);
    pgserver_start(s);
    pgserver_exec(s, "postgres", "CREATE ROLE locked LOGIN PASSWORD 'geheim'");
    return s;
}

static void nap(void)
{
    const struct timespec time = {.tv_nsec = LOOK_MS * 1000000L};
    nanosleep(&time, NULL);
}

void pgserver_start(struct pgserver *s)
{
    char data[96], url[PGSERVER_URL];
    int waited = 0;
    snprintf(data, sizeof(data), "%s/data", s->folder);
    char *argv[] = {(char[]){"postgres"}, (char[]){"-D"}, data, NULL};
    s->pid = run(s, "postgres", argv);
    pgserver_url(s, "postgres", "", url);
    while (PQping(url) != PQPING_OK) {
        int status;
        if (waitpid(s->pid, &status, WNOHANG) == s->pid || waited > START_MS)
            die(s, "it does not start");
        nap();
        waited += LOOK_MS;
    }
}

void pgserver_stop(struct pgserver *s, int signum)
{
    if (s->pid == 0)
        return;
    if (kill(s->pid, signum) != 0)
        die(s, "kill: %s", strerror(errno));
    wait_for(s->pid);
    s->pid = 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void pgserver_free(struct pgserver *s)
{
    if (!s)
        return;
    pgserver_stop(s, SIGQUIT);
    if (nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "test server: %s stays: %s\n", s->folder, strerror(errno));
    free(s);
}

int pgserver_port(const struct pgserver *s)
{
    return s->port;
}

const char *pgserver_folder(const struct pgserver *s)
{
    return s->folder;
}

void pgserver_url(const struct pgserver *s, const char *database, const char *more, char out[PGSERVER_URL])
{
    snprintf(out, PGSERVER_URL, "postgresql:///%s?host=%s&port=%d&user=postgres%s", database, s->folder,
             s->port, more);
}

void pgserver_tcp_url(const struct pgserver *s, const char *user, const char *host, const char *database,
                      char out[PGSERVER_URL])
{
    snprintf(out, PGSERVER_URL, "postgresql://%s@%s:%d/%s", user, host, s->port, database);
}

static PGresult *query(struct pgserver *s, const char *database, const char *sql, PGconn **conn)
{
    char url[PGSERVER_URL];
    pgserver_url(s, database, "&options=-cclient_min_messages%3Dwarning", url);
    *conn = PQconnectdb(url);
    if (PQstatus(*conn) != CONNECTION_OK)
        die(s, "%s", PQerrorMessage(*conn));
    PGresult *result = PQexec(*conn, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK)
        die(s, "%s: %s", sql, PQerrorMessage(*conn));
    return result;
}

void pgserver_exec(struct pgserver *s, const char *database, const char *sql)
{
    PGconn *conn;
    PQclear(query(s, database, sql, &conn));
    PQfinish(conn);
}

char *pgserver_ask(struct pgserver *s, const char *database, const char *sql)
{
    PGconn *conn;
    PGresult *result = query(s, database, sql, &conn);
    char *text = strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
    if (!text)
        die(s, "out of memory");
    return text;
}

void pgserver_database(struct pgserver *s, const char *name)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", name);
    pgserver_exec(s, "postgres", sql);
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s", name);
    pgserver_exec(s, "postgres", sql);
}

/* The file is copied first: the server's user may not be able to reach the source tree. */
void pgserver_psql(struct pgserver *s, const char *database, const char *file, const char *option)
{
    char url[PGSERVER_URL], bytes[65536], copy[128];
    FILE *in = fopen(file, "r");
    size_t n = in ? fread(bytes, 1, sizeof(bytes), in) : 0;
    if (!in || n == sizeof(bytes))
        die(NULL, "%s cannot be read", file);
    fclose(in);
    write_file(s, "test.sql", "w", "%.*s", (int)n, bytes);
    snprintf(copy, sizeof(copy), "%s/data/test.sql", s->folder);
    if (chmod(copy, 0644) != 0)
        die(s, "%s: %s", copy, strerror(errno));
    pgserver_url(s, database, "", url);
    char *argv[] = {(char[]){"psql"},
                    (char[]){"-Xq"},
                    (char[]){"-vON_ERROR_STOP=1"},
                    (char[]){"-f"},
                    copy,
                    (char[]){"-d"},
                    url,
                    option ? strdup(option) : NULL,
                    NULL};
    int status = wait_for(run(s, "psql", argv));
    free(argv[7]);
    if (status != 0)
        die(s, "psql -f %s failed (%d)", file, status);
}
