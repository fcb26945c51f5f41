/* `badgewatch backup`: a copy of the database in a folder.
 *
 * A backup is a folder DIR/badgewatch-20260510T041928Z with the dump of pg_dump (one snapshot of the database) and a
 * manifest: the schema's version, the rows of each table in that snapshot, the dump's size and SHA-256.
 *
 * Happy way: psql opens a snapshot and counts, pg_dump dumps the same one beside it; dump and manifest are written into
 * DIR/.partial, synced, and the folder gets its name; then the oldest beyond --keep go.
 *
 * How it fails: whatever fails or is interrupted takes .partial along, and kills leave it to the next backup; a folder with
 * a name is whole. A lock on DIR keeps two apart. */
#include "badgewatch/base/clock.h"
#include "command.h"
#include "manifest.h"
#include "options.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static bool dump_snapshot(const char *folder, const char *url, const char *snapshot)
{
    char path[COPY_PATH];
    copy_path(path, folder, "dump");
    const char *const argv[] = {"pg_dump",
                                "--format=custom",
                                "--no-owner",
                                "--no-privileges",
                                "--no-password",
                                "--snapshot",
                                snapshot,
                                "--file",
                                path,
                                NULL};
    return child_run(&(struct child_plan){.argv = argv, .url = url, .what = "backing up", .writes = path});
}

/* The counting goes on beside the dump. A snapshot lives as long as the transaction that exported it, so psql ends last. */
static bool dump(const char *folder, const char *url, struct bw_buf *said)
{
    static const char *const argv[] = {"psql", "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", NULL};
    const struct child_plan plan = {.argv = argv, .url = url, .script = manifest_script, .out = said};
    struct child psql;
    char snapshot[128];
    if (!child_start(&psql, &plan))
        return false;
    bool begun =
        child_first_line(&psql, snapshot, sizeof(snapshot)) && strncmp(snapshot, "snapshot ", 9) == 0;
    if (!begun) {
        if (child_end(&psql, true)) /* else it was said why */
            failure("psql gave no snapshot");
        return false;
    }
    bool ok = dump_snapshot(folder, url, snapshot + 9);
    return child_end(&psql, ok) && ok;
}

static bool fill(const char *folder, const char *url)
{
    struct manifest m;
    struct bw_buf said;
    manifest_init(&m);
    bw_buf_init(&said, m.rows.max);
    bool ok = dump(folder, url, &said) && manifest_take(&m, bw_buf_str(&said)) && manifest_write(&m, folder);
    bw_buf_fini(&said);
    manifest_fini(&m);
    return ok;
}

static bool make(const char *dir, const char *url, const char *name)
{
    char partial[COPY_PATH], made[COPY_PATH];
    copy_path(partial, dir, COPY_PARTIAL);
    copy_path(made, dir, name);
    if (!copy_remove(partial)) /* of one that was killed */
        return false;
    if (mkdir(partial, 0700) != 0)
        return copy_complain(partial);
    bool ok = fill(partial, url);
    if (ok && rename(partial, made) != 0)
        ok = copy_complain(made);
    if (!ok)
        copy_remove(partial);
    if (ok && (ok = copy_sync(dir)))
        printf("%s\n", made);
    return ok;
}

int run_backup(struct invocation *in)
{
    struct options o;
    if (!parse_options(in, "keep", &o))
        return EXIT_USAGE;
    if (o.n_rest != 1)
        return usage_error(in->command, "one folder was expected");
    const char *dir = o.rest[0];
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return failure("%s: %s", dir, strerror(errno));
    int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0)
        return failure("%s: %s", dir, strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        close(lock);
        return failure("%s: another backup is being written there", dir);
    }
    char name[COPY_NAME + 1];
    struct tm tm;
    time_t now = (time_t)(bw_wall_now().ms / 1000);
    strftime(name, sizeof(name), COPY_PREFIX "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    child_hold_signals();
    bool ok = make(dir, in->conf->database_url, name) && copies_keep(dir, o.keep, name);
    close(lock);
    return ok ? EXIT_OK : EXIT_FAILED;
}
