/* Children of a command.
 *
 * Happy way: fork, exec with the settings of the database in the environment; the parent looks ten times a second whether
 * it has ended, and draws meanwhile how large its file is, or how far it has read it. Its stdout goes to a file in memory,
 * so that it never waits for us to read.
 *
 * How it fails: a program that is not there, or ends with another status than 0, is named. A signal to us is passed on to
 * its group, so that the caller can clear up behind it; what ignores SIGTERM is killed after GRACE_MS. A parent that is
 * killed takes the child along. */
#include "child.h"

#include "badgewatch/base/clock.h"
#include "badgewatch/pg/pg.h"
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOT_THERE  127
#define LOOK_NS    100000000L
#define LOOK_FIRST 2000000L
#define GRACE_MS   3000
#define SCRIPT_MAX 4096 /* what each pipe takes without a reader */

static volatile sig_atomic_t interrupted; /* so many times */

static void on_signal(int signum)
{
    (void)signum;
    if (interrupted < 2)
        interrupted = interrupted + 1;
}

bool child_interrupted(void)
{
    return interrupted != 0;
}

void child_hold_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
}

static void set_variable(void *ctx, const char *name, const char *value)
{
    (void)ctx;
    setenv(name, value, 1);
}

/* In the child: a group of its own, so that the terminal's Ctrl-C reaches only us and we decide. */
static void become(const struct child_plan *plan, int in, int out)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
        _exit(1);
    if (!bw_pg_url_environment(plan->url, set_variable, NULL))
        _exit(1);
    if (plan->database)
        setenv("PGDATABASE", plan->database, 1);
    char *argv[16];
    size_t n = 0;
    for (; plan->argv[n] && n < 15; n++)
        argv[n] = strdup(plan->argv[n]);
    argv[n] = NULL;
    if (argv[0])
        execvp(argv[0], argv);
    _exit(NOT_THERE);
}

/* ---- on a terminal ---- */

/* How far it has read a file: the kernel knows. 0 before it has opened it. */
static long long position_in(pid_t pid, const struct stat *file)
{
    char path[64], line[64];
    long long at = 0;
    struct stat st;
    for (int fd = 3; fd < 32; fd++) {
        snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
        if (stat(path, &st) != 0 || st.st_dev != file->st_dev || st.st_ino != file->st_ino)
            continue;
        snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", (int)pid, fd);
        FILE *f = fopen(path, "re");
        if (f && fgets(line, sizeof(line), f) && strncmp(line, "pos:", 4) == 0)
            at = strtoll(line + 4, NULL, 10);
        if (f)
            fclose(f);
        break;
    }
    return at;
}

static void draw_bar(struct child *c)
{
    struct stat st;
    if (stat(c->plan->reads, &st) != 0)
        return;
    if (!c->bar.what)
        progress_begin(&c->bar, c->plan->what, (size_t)st.st_size);
    progress_at(&c->bar, (size_t)position_in(c->pid, &st));
}

static void draw(struct child *c)
{
    const struct child_plan *plan = c->plan;
    struct stat st;
    if (!plan->what || isatty(STDERR_FILENO) != 1)
        return;
    if (plan->reads)
        draw_bar(c);
    else if (plan->writes && stat(plan->writes, &st) == 0)
        fprintf(stderr, "\r%s: %.1f MB ", plan->what, (double)st.st_size / 1e6);
    else
        fprintf(stderr, "\r%s ... ", plan->what);
}

static void undraw(struct child *c)
{
    if (c->bar.what)
        progress_end(&c->bar);
    else if (c->plan->what && isatty(STDERR_FILENO) == 1)
        fprintf(stderr, "\r%*s\r", 60, "");
}

/* ---- start ---- */

/* The pipe that a script goes through; without one stdin is empty. The child's end stays open here until it has started, so
 * that a program that is not there gives no SIGPIPE. */
static bool open_stdin(const struct child_plan *plan, int ends[2])
{
    size_t len = plan->script ? strlen(plan->script) : 0;
    ends[1] = -1;
    if (!plan->script)
        return (ends[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;
    return len <= SCRIPT_MAX && pipe2(ends, O_CLOEXEC) == 0 &&
           write(ends[1], plan->script, len) == (ssize_t)len;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

bool child_start(struct child *c, const struct child_plan *plan)
{
    *c = (struct child){.plan = plan, .pid = -1, .in = -1, .out = -1};
    if (interrupted && !plan->uninterrupted)
        return false;
    int ends[2] = {-1, -1};
    c->out = memfd_create("stdout", MFD_CLOEXEC);
    bool ok = c->out >= 0 && open_stdin(plan, ends);
    if (ok && (c->pid = fork()) == 0)
        become(plan, ends[0], c->out);
    if (c->pid > 0)
        setpgid(c->pid, c->pid); /* whoever of the two is first: a signal to the group finds it */
    else
        failure("%s could not be started: %s", plan->argv[0], strerror(errno));
    c->in = ends[1];
    close_fd(&ends[0]);
    if (c->pid < 0) {
        close_fd(&c->in);
        close_fd(&c->out);
    }
    return c->pid > 0;
}

/* ---- end ---- */

/* Waits a moment, longer each time: most of them end soon. */
static void pause_for(long *ns)
{
    const struct timespec pause = {.tv_nsec = *ns};
    nanosleep(&pause, NULL);
    *ns = *ns * 2 < LOOK_NS ? *ns * 2 : LOOK_NS;
}

/* asked_ms: when it was asked to end; 0 = not yet. */
static void ask_to_end(pid_t pid, int64_t *asked_ms)
{
    int64_t now = bw_mono_now().ms;
    if (*asked_ms == 0) {
        *asked_ms = now;
        kill(-pid, SIGTERM);
    } else if (now - *asked_ms >= GRACE_MS || interrupted > 1) {
        kill(-pid, SIGKILL);
    }
}

static int wait_for(struct child *c, bool wanted)
{
    const struct child_plan *plan = c->plan;
    int status = 0;
    int64_t asked_ms = 0;
    long ns = LOOK_FIRST;
    pid_t ended;
    while ((ended = waitpid(c->pid, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (!wanted || (interrupted && !plan->uninterrupted))
            ask_to_end(c->pid, &asked_ms);
        draw(c);
        pause_for(&ns);
    }
    undraw(c);
    return status;
}

bool child_first_line(struct child *c, char *line, size_t size)
{
    long ns = LOOK_FIRST;
    siginfo_t info = {0};
    while (!interrupted) {
        bool ended = waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
        ssize_t n = pread(c->out, line, size - 1, 0);
        line[n > 0 ? n : 0] = '\0';
        char *end = strchr(line, '\n');
        if (end) {
            *end = '\0';
            return true;
        }
        if (ended || n == (ssize_t)size - 1)
            return false;
        pause_for(&ns);
    }
    return false;
}

static bool read_out(const struct child *c)
{
    char part[4096];
    ssize_t n;
    off_t at = 0;
    while ((n = pread(c->out, part, sizeof(part), at)) > 0) {
        bw_buf_add(c->plan->out, part, (size_t)n);
        at += n;
    }
    if (n < 0 || c->plan->out->overflow)
        failure("%s said more than was expected", c->plan->argv[0]);
    return n == 0 && !c->plan->out->overflow;
}

bool child_end(struct child *c, bool wanted)
{
    const struct child_plan *plan = c->plan;
    if (c->pid < 0)
        return false;
    close_fd(&c->in);
    int status = wait_for(c, wanted);
    bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0 && wanted;
    if (interrupted && !plan->uninterrupted) {
        if (wanted)
            failure("interrupted; nothing half is left");
        ok = false;
    } else if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE) {
        failure("%s is not there: apt install postgresql-client-15", plan->argv[0]);
    } else if (!ok && wanted) {
        failure("%s failed (status %d)", plan->argv[0], WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    }
    if (ok && plan->out)
        ok = read_out(c);
    close_fd(&c->out);
    c->pid = -1;
    return ok;
}

bool child_run(const struct child_plan *plan)
{
    struct child c;
    return child_start(&c, plan) && child_end(&c, true);
}
