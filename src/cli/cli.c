/* Finds the command, reads the settings, runs it. */
#include "badgewatch/cli/cli.h"

#include "badgewatch/app/scripts.h"
#include "command.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int usage_error(const struct command *c, const char *fmt, ...)
{
    va_list args;
    fprintf(stderr, "badgewatch %s: ", c->name);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\nusage: badgewatch %s%s%s\n", c->name, c->usage[0] ? " " : "", c->usage);
    return EXIT_USAGE;
}

int failure(const char *fmt, ...)
{
    va_list args;
    fprintf(stderr, "badgewatch: ");
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    return EXIT_FAILED;
}

/* Takes `--config FILE` (or --config=FILE) out of the arguments, wherever it stands. False: no FILE. */
static bool take_config(int *argc, char **argv, const char **path)
{
    int kept = 1;
    for (int i = 1; i < *argc; i++) {
        if (strncmp(argv[i], "--config=", 9) == 0) {
            *path = argv[i] + 9;
        } else if (strcmp(argv[i], "--config") == 0) {
            if (i + 1 == *argc)
                return false;
            *path = argv[++i];
        } else {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    return true;
}

/* Words of the command's name that the arguments begin with; 0 = another command. */
static int matches(const struct command *c, int argc, char **argv)
{
    const char *space = strchr(c->name, ' ');
    size_t first = space ? (size_t)(space - c->name) : strlen(c->name);
    if (argc < 1 || strlen(argv[0]) != first || strncmp(argv[0], c->name, first) != 0)
        return 0;
    if (!space)
        return 1;
    return argc >= 2 && strcmp(argv[1], space + 1) == 0 ? 2 : 0;
}

static int unknown_command(int argc, char **argv)
{
    if (strcmp(argv[0], "asin") == 0 && argc > 1 && strcmp(argv[1], "--help") == 0)
        return run_help(&(struct invocation){.argc = 1, .argv = argv});
    if (strcmp(argv[0], "asin") == 0)
        fprintf(stderr,
                "badgewatch asin: %s; one of add, remove, pause, resume, mute, list, import, export was "
                "expected\n",
                argc > 1 ? argv[1] : "what");
    else
        fprintf(stderr, "badgewatch: '%s' is no command; see badgewatch help\n", argv[0]);
    return EXIT_USAGE;
}

static int run(const struct command *c, int argc, char **argv, const char *path)
{
    struct bw_conf conf;
    struct bw_error error;
    struct invocation in = {.command = c, .argc = argc, .argv = argv, .conf_path = path};
    if (!c->needs_conf)
        return c->run(&in);
    if (bw_conf_load(&conf, environ, path, &error) != BW_OK) {
        fprintf(stderr, "badgewatch: %s\n", error.text);
        return EXIT_USAGE;
    }
    bw_log_configure(conf.log_level, conf.log_format);
    bw_conf_warn(&conf);
    bw_scripts_init();
    in.conf = &conf;
    int code = c->run(&in);
    if (in.conf) /* the daemon took it */
        bw_conf_fini(&conf);
    return code;
}

/* What could not be written is no success: an export to a full disk would be believed. A reader that has had enough
 * (`| head`) is none of our failures; SIGPIPE is off. */
static int written(int code)
{
    struct pollfd out = {.fd = STDOUT_FILENO};
    const char *why = fflush(stdout) == 0 ? "not all could be written" : strerror(errno);
    if (!ferror(stdout) || (poll(&out, 1, 0) == 1 && (out.revents & POLLERR)))
        return code;
    return failure("standard output: %s", why);
}

static int dispatch(int argc, char **argv)
{
    const char *path = NULL;
    if (!take_config(&argc, argv, &path)) {
        fprintf(stderr, "badgewatch: --config needs a file\n");
        return EXIT_USAGE;
    }
    if (argc < 2) {
        fprintf(stderr, "badgewatch: which command? See badgewatch help\n");
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0 && argc > 2) {
        fprintf(stderr, "badgewatch --version: '%s' was not expected\n", argv[2]);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("badgewatch %s\n", BW_VERSION);
        return EXIT_OK;
    }
    static char help[] = "help";
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        argv[1] = help;
    for (size_t i = 0; bw_commands[i]; i++) {
        int words = matches(bw_commands[i], argc - 1, argv + 1);
        if (words == 0)
            continue;
        for (int k = 1 + words; k < argc; k++) { /* `badgewatch show --help` */
            if (strcmp(argv[k], "--help") == 0) {
                struct invocation in = {.command = bw_commands[i], .argc = words, .argv = argv + 1};
                return run_help(&in);
            }
        }
        return run(bw_commands[i], argc - 1 - words, argv + 1 + words, path);
    }
    return unknown_command(argc - 1, argv + 1);
}

int bw_cli_main(int argc, char **argv)
{
    return written(dispatch(argc, argv));
}
