/* `badgewatch restore`: a backup (backup.c) into an empty database.
 *
 * Happy way: the manifest is read, the dump compared with it, the database seen to be empty; pg_restore works in one
 * transaction.
 *
 * How it fails: what is damaged is named before anything is touched; a restore that is interrupted leaves nothing. */
#include "restore.h"

#include "child.h"

#include <stdio.h>

#define IS_EMPTY                                                                                             \
    "DO $$DECLARE n bigint; BEGIN SELECT count(*) INTO n FROM pg_class c"                                    \
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')"       \
    " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema';"                                        \
    " IF n > 0 THEN RAISE 'the database is not empty, it holds % tables, views and sequences: restore into"  \
    " a new one (createdb), or drop what it holds', n; END IF; END$$"

bool restore_load(const char *folder, const char *url, const char *database)
{
    char path[COPY_PATH];
    copy_path(path, folder, "dump");
    const char *const argv[] = {"pg_restore", "--single-transaction",   "--exit-on-error",
                                "--no-owner", "--no-privileges",        "--no-password",
                                "--dbname",   database ? database : "", path,
                                NULL};
    return child_run(&(struct child_plan){
        .argv = argv, .url = url, .database = database, .what = "restoring", .reads = path});
}

bool restore_choose(struct invocation *in, const char *allowed, struct options *o, char folder[COPY_PATH],
                    struct manifest *m, int *code)
{
    *code = EXIT_USAGE;
    if (!parse_options(in, allowed, o))
        return false;
    if (o->n_rest != 1) {
        usage_error(in->command, "one folder was expected");
        return false;
    }
    *code = EXIT_FAILED;
    child_hold_signals();
    return copies_choose(o->rest[0], folder) && manifest_read(m, folder);
}

static bool is_empty(const char *url)
{
    const char *const argv[] = {"psql", "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-c", IS_EMPTY, NULL};
    return child_run(&(struct child_plan){.argv = argv, .url = url});
}

int run_restore(struct invocation *in)
{
    struct options o;
    struct manifest m;
    char folder[COPY_PATH];
    int code;
    manifest_init(&m);
    if (restore_choose(in, "into", &o, folder, &m, &code)) {
        const char *url = o.into ? o.into : in->conf->database_url;
        if (is_empty(url) && restore_load(folder, url, NULL)) {
            printf("restored %s\n", folder);
            code = EXIT_OK;
        }
    }
    manifest_fini(&m);
    return code;
}
