/* badgewatch: watches Amazon products through Keepa and tells Slack who gained or lost the #1 badge. The commands are in
 * src/cli, the daemon in src/app. */
#include "badgewatch/cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* jemalloc(3) reads it. One arena: nearly all is allocated by the loop's thread, and the few others may wait for it. With
 * 100,000 products due at once, glibc's malloc and free took a quarter of the time, in a heap of tens of MB full of holes. */
extern const char *malloc_conf;
const char *malloc_conf = "narenas:1";

/* The first socket would take the place of an output that is closed, and get what is printed. Read-only: printing fails. */
static bool fill_standard_places(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDONLY) != fd) {
            perror("badgewatch: /dev/null");
            return false;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    if (!fill_standard_places())
        return EXIT_FAILURE;
    /* A peer that closes its end must be an error of write(2), not the end of the program: hiredis 0.14 uses plain
     * write, and libuv leaves the signal alone. */
    signal(SIGPIPE, SIG_IGN);
    /* Name look-ups run in libuv's pool and at most half of its threads take them; read at the first use. */
    setenv("UV_THREADPOOL_SIZE", "8", 0);
    /* Keys and tokens are in memory, and no core file should have them. */
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0)
        perror("badgewatch: core dumps cannot be switched off");
    return bw_cli_main(argc, argv);
}
