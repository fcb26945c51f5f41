/* `badgewatch run` and `badgewatch migrate`. */
#include "badgewatch/app/daemon.h"
#include "badgewatch/app/migrate.h"
#include "command.h"
#include "session.h"

#include <stdio.h>

int run_daemon(struct invocation *in)
{
    if (in->argc > 0)
        return usage_error(in->command, "no arguments were expected");
    struct bw_conf *conf = in->conf;
    in->conf = NULL; /* the daemon owns it */
    return bw_daemon_run(conf, in->conf_path);
}

struct migration {
    bool done;
    bool ok;
};

static void on_migrated(void *ctx, enum bw_err err, int applied, const char *message)
{
    struct migration *m = ctx;
    m->done = true;
    m->ok = err == BW_OK;
    if (!m->ok)
        failure("migrate: %s", message);
    else if (applied == 0)
        printf("the schema is that of this version already\n");
    else
        printf("%d migration%s applied\n", applied, applied == 1 ? "" : "s");
}

/* Also before the first daemon begins, rows that SQL clients insert get the setting. */
static bool keep_default_frequency(struct session *s)
{
    char minutes[24];
    const char *const params[] = {minutes};
    snprintf(minutes, sizeof(minutes), "%lld", (long long)s->conf->default_frequency_min);
    return session_query(s, BW_KEEP_DEFAULT_FREQUENCY_SQL, 1, params, NULL, NULL);
}

int run_migrate(struct invocation *in)
{
    struct session s;
    struct migration m = {0};
    if (in->argc > 0)
        return usage_error(in->command, "no arguments were expected");
    session_open(&s, in->conf);
    if (session_postgres(&s)) {
        bw_migrate_start(s.pg, on_migrated, &m);
        session_wait(&s, &m.done, 600000);
        if (!m.done)
            failure("migrate: no answer in 10 minutes");
        m.ok = m.ok && keep_default_frequency(&s);
    }
    session_close(&s);
    return m.ok ? EXIT_OK : EXIT_FAILED;
}
