/* badgewatch-man: prints badgewatch(1), or with the argument `conf` badgewatch.conf(5), from the tables that `badgewatch help`
 * and `badgewatch help config` print, so that the three cannot differ. Run when badgewatch is built; not installed. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/conf/conf.h"
#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text as roff has it: no request at the begin of a line, no escape, and a minus that can be copied to a shell. */
static void put(const char *text)
{
    for (const char *p = text; *p; p++) {
        bool first = p == text || p[-1] == '\n';
        if (first && (*p == '.' || *p == '\''))
            fputs("\\&", stdout);
        if (*p == '-')
            fputs("\\-", stdout);
        else if (*p == '\\')
            fputs("\\e", stdout);
        else
            putchar(*p);
    }
}

static void put_command(const struct command *c)
{
    fputs(".TP\n.B ", stdout);
    put(c->name);
    fputs(c->usage[0] ? " " : "", stdout);
    put(c->usage);
    putchar('\n');
    put(c->summary);
    fputs(".\n", stdout);
    put(c->details);
}

static void page_of_program(void)
{
    fputs(".TH BADGEWATCH 1 \"\" \"badgewatch " BW_VERSION "\" \"User Commands\"\n"
          ".SH NAME\n"
          "badgewatch \\- watch Amazon products through Keepa, tell Slack who gained or lost the #1 badge\n"
          ".SH SYNOPSIS\n"
          ".B badgewatch\n[\\-\\-config\n.IR FILE ]\n.I COMMAND\n"
          ".SH DESCRIPTION\n",
          stdout);
    put(bw_help_about);
    fputs("Data goes to standard output, messages to standard error.\n.SH COMMANDS\n", stdout);
    for (size_t i = 0; bw_commands[i]; i++)
        put_command(bw_commands[i]);
    fputs(".TP\n.B \\-\\-version\nThe version.\n"
          ".SH EXIT STATUS\n0 ok, 1 failed, 2 wrong usage or wrong settings.\n"
          ".SH FILES\n.TP\n.I conf/badgewatch.conf\nThe settings, unless \\-\\-config or BADGEWATCH_CONFIG "
          "names "
          "another file.\n"
          ".SH ENVIRONMENT\nEach setting of\n.BR badgewatch.conf (5)\nis a variable too, and the variable "
          "wins.\n"
          ".SH SEE ALSO\n.BR badgewatch.conf (5)\n",
          stdout);
}

/* A line of the sample file: a comment is text, what can be uncommented is a setting. */
static void put_sample_line(const char *line)
{
    if (line[0] == '\0') {
        fputs(".PP\n", stdout);
    } else if (strncmp(line, "; ", 2) == 0) {
        put(line + 2);
        putchar('\n');
    } else {
        fputs(".RS 4\n.B ", stdout);
        put(line + 1);
        fputs("\n.RE\n", stdout);
    }
}

static void page_of_settings(void)
{
    struct bw_buf sample;
    bw_buf_init(&sample, (size_t)1 << 20);
    bw_conf_sample(&sample);
    fputs(".TH BADGEWATCH.CONF 5 \"\" \"badgewatch " BW_VERSION "\" \"File Formats\"\n"
          ".SH NAME\n"
          "badgewatch.conf \\- settings of badgewatch\n"
          ".SH DESCRIPTION\n",
          stdout);
    for (const char *at = bw_buf_str(&sample); *at;) {
        size_t len = strcspn(at, "\n");
        char *line = bw_strndup(at, len);
        put_sample_line(line);
        free(line);
        at += len + (at[len] == '\n');
    }
    fputs(".SH SEE ALSO\n.BR badgewatch (1)\n", stdout);
    bw_buf_fini(&sample);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "conf") == 0)
        page_of_settings();
    else
        page_of_program();
    return ferror(stdout) || fflush(stdout) != 0;
}
