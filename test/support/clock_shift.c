/* A wall clock that a test can step: preloaded into a program (LD_PRELOAD), it adds the seconds that are in the file
 * CLOCK_SHIFT_FILE to all that the program reads of CLOCK_REALTIME. The other clocks go on as they are, as when a real
 * clock is stepped.
 *
 * libfaketime does the same and more, but hangs at the start of a program with AddressSanitizer. This asks the kernel
 * itself, so that it needs nothing that is not there yet then. How it fails: without the file, or with one that holds no
 * number, nothing is added. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int shifted_clock_gettime(clockid_t id, struct timespec *ts) __asm__("clock_gettime");
int shifted_gettimeofday(struct timeval *tv, void *zone) __asm__("gettimeofday");
time_t shifted_time(time_t *out) __asm__("time");

/* Read anew each time: some microseconds, and no state that could be wrong. */
static long shift_s(void)
{
    const char *path = getenv("CLOCK_SHIFT_FILE");
    char text[32] = "";
    int fd = path ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return 0;
    if (syscall(SYS_read, fd, text, sizeof(text) - 1) < 0)
        text[0] = '\0';
    syscall(SYS_close, fd);
    return strtol(text, NULL, 10);
}

int shifted_clock_gettime(clockid_t id, struct timespec *ts)
{
    int failed = (int)syscall(SYS_clock_gettime, id, ts);
    if (!failed && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        ts->tv_sec += shift_s();
    return failed;
}

int shifted_gettimeofday(struct timeval *tv, void *zone)
{
    struct timespec ts;
    (void)zone;
    if (shifted_clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return -1;
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

time_t shifted_time(time_t *out)
{
    struct timespec ts;
    if (shifted_clock_gettime(CLOCK_REALTIME, &ts) != 0)
        return -1;
    if (out)
        *out = ts.tv_sec;
    return ts.tv_sec;
}
