/* A command and what it is given. Private to this room. */
#pragma once

#include "badgewatch/conf/conf.h"

#define EXIT_OK     0
#define EXIT_FAILED 1
#define EXIT_USAGE  2

struct invocation {
    const struct command *command;
    int argc; /* arguments after the name of the command (and of the sub-command) */
    char **argv;
    struct bw_conf *conf; /* NULL where the command needs none */
    const char *conf_path;
};

struct command {
    const char *name;  /* "run", "asin add" */
    const char *usage; /* arguments, after the name */
    const char *summary;
    const char *details; /* for `help COMMAND`; may be "" */
    int (*run)(struct invocation *in);
    bool needs_conf;
};

extern const struct command *const bw_commands[]; /* ends with NULL; in the order of the help */
extern const char bw_help_about[];                /* the help's first line */

/* "badgewatch asin add: TEXT" and how it is called, on stderr; gives EXIT_USAGE. */
int usage_error(const struct command *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "badgewatch: TEXT" on stderr; gives EXIT_FAILED. */
int failure(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

int run_daemon(struct invocation *in);
int run_migrate(struct invocation *in);
int run_check(struct invocation *in);
int run_asin_add(struct invocation *in);
int run_asin_remove(struct invocation *in);
int run_asin_pause(struct invocation *in);
int run_asin_resume(struct invocation *in);
int run_asin_mute(struct invocation *in);
int run_asin_list(struct invocation *in);
int run_asin_import(struct invocation *in);
int run_asin_export(struct invocation *in);
int run_poll(struct invocation *in);
int run_show(struct invocation *in);
int run_changes(struct invocation *in);
int run_summary(struct invocation *in);
int run_reload(struct invocation *in);
int run_notify_test(struct invocation *in);
int run_backup(struct invocation *in);
int run_restore(struct invocation *in);
int run_verify(struct invocation *in);
int run_help(struct invocation *in);
