/* The table of commands, and their help. */
#include "command.h"

#include <stdio.h>
#include <string.h>

#define PRODUCT_NOTE                                                                                         \
    "A product is B0D8W1YVBX (amazon.com) or DOMAIN:ASIN, such as 3:B0D8W1YVBX (amazon.de).\n"

static const struct command
    daemon_command = {"run",
                      "",
                      "the daemon, in the foreground; logs to stderr",
                      "Stops on SIGTERM or Ctrl-C within 10 s; SIGHUP reads the settings file again.\n",
                      run_daemon,
                      true},
    migrate_command = {"migrate",
                       "",
                       "bring the schema of the database to this version",
                       "Safe when several start at once. Needs the owner's rights (db/roles.sql).\n",
                       run_migrate,
                       true},
    check_command = {"check",
                     "",
                     "settings, Redis, Postgres, Keepa, Slack: one line each",
                     "Spends no Keepa token and posts nothing. Exit 1 if any of them fails.\n",
                     run_check,
                     true},
    asin_add =
        {"asin add",
         "A [A...] [--priority N] [--every MIN] [--label T] [--tag T] [--channel C]",
         "track products",
         PRODUCT_NOTE
         "Priority 1 is the highest, 5 the usual, 9 and more the lowest: it decides who waits when tokens\n"
         "are short. --every is in minutes; --tag may be given several times. A product that is tracked\n"
         "already gets what is given here and keeps the rest. What all products then cost is said.\n",
         run_asin_add,
         true},
    asin_remove = {"asin remove", "A [A...]",      "track them no more; their history stays",
                   PRODUCT_NOTE,  run_asin_remove, true},
    asin_pause = {"asin pause",
                  "A [A...] [--for 8h]",
                  "check them no more, until resumed or for a time",
                  PRODUCT_NOTE
                  "With --for the daemon resumes them then, also where it did not run meanwhile.\n",
                  run_asin_pause,
                  true},
    asin_resume = {"asin resume",
                   "A [A...]",
                   "check them again, and tell of them again",
                   PRODUCT_NOTE "Ends a pause and a mute. What moved during a pause is found.\n",
                   run_asin_resume,
                   true},
    asin_mute = {"asin mute",
                 "A [A...] [--for 8h]",
                 "record their changes, tell nobody",
                 PRODUCT_NOTE "Without --for until `asin resume`, or a new muted_until, ends it.\n",
                 run_asin_mute,
                 true},
    asin_list = {"asin list", "[--json]", "the products that are tracked", "", run_asin_list, true},
    asin_import = {"asin import",
                   "FILE|-",
                   "track the products of a CSV file",
                   "Header: asin,domain,priority,monitoring_frequency,label,tags,channel,is_active; only "
                   "asin is needed,\n"
                   "tags are separated by ';'. A wrong row is named by its line, and nothing is applied.\n",
                   run_asin_import,
                   true},
    asin_export = {"asin export", "", "the products as CSV, for asin import", "", run_asin_export, true},
    poll_command = {"poll",
                    "A [A...] | --all",
                    "ask Keepa about these products now",
                    PRODUCT_NOTE "They become due at once and the running daemon asks. Needs only Redis.\n",
                    run_poll,
                    true},
    show_command = {"show",
                    "A",
                    "live state of one product: ranks, badges, reigns, last change, next check",
                    PRODUCT_NOTE,
                    run_show,
                    true},
    changes_command =
        {"changes",
         "[--since T] [--asin A] [--timing] [--json]",
         "badges gained and lost",
         "T is a time (2026-05-10T04:19:28Z) or a duration (8h); default 24h.\n"
         "--timing: how long each took on its way, in seconds: KEEPA until we had its data,\n"
         "DETECT from the answer to the change, QUEUE into the queue, SLACK until it was accepted\n"
         "(quiet hours included), TOTAL of all; then the median, the 95th percentile and the most.\n",
         run_changes,
         true},
    summary_command = {"summary",
                       "[--date D] [--send]",
                       "the daily summary of day D (UTC), printed or sent",
                       "D is a day (2026-05-10), an ISO week (2026-W19) or a month (2026-05); default "
                       "yesterday. --send posts\n"
                       "it to Slack now, whether or not the daemon has sent it.\n",
                       run_summary,
                       true},
    reload_command = {"reload",
                      "",
                      "the running daemons read their settings again",
                      "As kill -HUP does, from wherever Redis is reached. Prints for each daemon what "
                      "changed, and what is\n"
                      "in force at its next start only. An invalid file is refused whole: exit 1.\n",
                      run_reload,
                      true},
    notify_test = {"notify-test",   "",  "a real message through the real path, marked TEST", "",
                   run_notify_test, true},
    backup_command =
        {"backup",
         "DIR [--keep N]",
         "a consistent copy of the database, in a folder of its own in DIR",
         "The daemon goes on meanwhile. Ctrl-C leaves nothing half; --keep N removes all but the newest "
         "N\n"
         "once the new one is whole. Needs pg_dump of the server's version or a newer one.\n",
         run_backup,
         true},
    restore_command =
        {"restore",
         "DIR [--into URL]",
         "a backup, or the newest one in DIR, into an empty database",
         "Refuses a damaged backup, and a database that holds tables. All or nothing: it can be "
         "repeated.\n"
         "Run db/roles.sql again behind it.\n",
         run_restore,
         true},
    verify_command =
        {"verify",
         "DIR",
         "restores a backup, or the newest one in DIR, into a scratch database and looks at it",
         "Each table must have as many rows as were counted in the backup's snapshot, and they must fit\n"
         "together. All that is wrong is named; the scratch database is dropped again. Needs CREATEDB.\n",
         run_verify,
         true},
    help_command = {"help", "[COMMAND | config]", "this, a command's help, or all settings", "", run_help,
                    false};

const struct command *const bw_commands[] = {&daemon_command,  &migrate_command,
                                             &check_command,   &asin_add,
                                             &asin_remove,     &asin_pause,
                                             &asin_resume,     &asin_mute,
                                             &asin_list,       &asin_import,
                                             &asin_export,     &poll_command,
                                             &show_command,    &changes_command,
                                             &summary_command, &reload_command,
                                             &notify_test,     &backup_command,
                                             &restore_command, &verify_command,
                                             &help_command,    NULL};

const char bw_help_about[] =
    "badgewatch watches Amazon products through Keepa and tells Slack about #1 badges gained and lost.\n";

static void print_all(void)
{
    printf("%s\nusage: badgewatch [--config FILE] COMMAND\n\n", bw_help_about);
    for (size_t i = 0; bw_commands[i]; i++)
        printf("  %-12s %s\n", bw_commands[i]->name, bw_commands[i]->summary);
    printf("\n  badgewatch help COMMAND   a command's options\n"
           "  badgewatch help config    all settings\n"
           "  badgewatch --version\n");
}

static int print_config(void)
{
    struct bw_buf text;
    bw_buf_init(&text, (size_t)1 << 20);
    bw_conf_help(&text);
    fputs(bw_buf_str(&text), stdout);
    bw_buf_fini(&text);
    return EXIT_OK;
}

/* Prints each command whose name begins with the words. */
static bool print_commands(int argc, char **argv)
{
    char name[64];
    bool found = false;
    snprintf(name, sizeof(name), "%s%s%s", argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
    size_t len = strlen(name);
    for (size_t i = 0; bw_commands[i]; i++) {
        const struct command *c = bw_commands[i];
        if (strncmp(c->name, name, len) != 0 || (c->name[len] != '\0' && c->name[len] != ' '))
            continue;
        printf("%susage: badgewatch %s%s%s\n\n%s\n%s", found ? "\n" : "", c->name, c->usage[0] ? " " : "",
               c->usage, c->summary, c->details);
        found = true;
    }
    return found;
}

int run_help(struct invocation *in)
{
    if (in->argc == 0) {
        print_all();
        return EXIT_OK;
    }
    bool config = strcmp(in->argv[0], "config") == 0;
    int most = config ? 1 : 2; /* words */
    if (in->argc > most)
        return usage_error(&help_command, "'%s' was not expected", in->argv[most]);
    if (config)
        return print_config();
    if (print_commands(in->argc, in->argv))
        return EXIT_OK;
    bool two = in->argc == 2;
    return usage_error(&help_command, "'%s%s%s' is no command", in->argv[0], two ? " " : "",
                       two ? in->argv[1] : "");
}
