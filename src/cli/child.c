/* Children of a command.
 *
 * Happy way: fork, exec with the settings of the database in the environment; the parent looks ten times a second whether
 * it has ended, and draws meanwhile how large its file is.
 *
 * How it fails: a program that is not there, or ends with another status than 0, is named. A signal to us is passed on, so
 * that the caller can clear up behind it. A parent that is killed takes the child along. */
#include "child.h"

#include "badgewatch/pg/pg.h"
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOT_THERE 127
#define LOOK_NS   100000000L

static volatile sig_atomic_t interrupted;

static void on_signal(int signum)
{
    interrupted = signum;
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
static void become(const struct child_plan *plan)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    int out = open(plan->out ? plan->out : "/dev/null", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (out < 0 || in < 0 || (!plan->speaks && dup2(out, STDOUT_FILENO) < 0) || dup2(in, STDIN_FILENO) < 0)
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

static void draw(const struct child_plan *plan)
{
    struct stat st;
    if (!plan->what || isatty(STDERR_FILENO) != 1)
        return;
    if (plan->watched && stat(plan->watched, &st) == 0)
        fprintf(stderr, "\r%s: %.1f MB ", plan->what, (double)st.st_size / 1e6);
    else
        fprintf(stderr, "\r%s ... ", plan->what);
}

static void undraw(const struct child_plan *plan)
{
    if (plan->what && isatty(STDERR_FILENO) == 1)
        fprintf(stderr, "\r%*s\r", 60, "");
}

static int wait_for(const struct child_plan *plan, pid_t pid)
{
    const struct timespec pause = {.tv_nsec = LOOK_NS};
    int status = 0;
    pid_t ended;
    while ((ended = waitpid(pid, &status, WNOHANG)) == 0 || (ended < 0 && errno == EINTR)) {
        if (interrupted && !plan->uninterrupted)
            kill(pid, SIGTERM);
        draw(plan);
        nanosleep(&pause, NULL);
    }
    undraw(plan);
    return status;
}

bool child_run(const struct child_plan *plan)
{
    if (interrupted && !plan->uninterrupted)
        return false;
    pid_t pid = fork();
    if (pid == 0)
        become(plan);
    if (pid < 0) {
        failure("%s could not be started: %s", plan->argv[0], strerror(errno));
        return false;
    }
    int status = wait_for(plan, pid);
    if (interrupted && !plan->uninterrupted)
        failure("interrupted; nothing half is left");
    else if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE)
        failure("%s is not there: apt install postgresql-client-15", plan->argv[0]);
    else if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        failure("%s failed (status %d)", plan->argv[0], WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    else
        return true;
    return false;
}
