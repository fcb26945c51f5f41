/* `badgewatch backup`, `restore`, `verify`: copies of the database in a folder.
 *
 * A backup is a folder DIR/badgewatch-20260510T041928Z with the dump of pg_dump (one snapshot of the database) and a
 * manifest: the schema's version, the dump's size and SHA-256.
 *
 * Happy way: dump and manifest are written into DIR/.partial, synced, and the folder gets its name; then the oldest beyond
 * --keep go. A restore reads the manifest, compares the dump with it, sees that the database is empty, and restores in one
 * transaction. verify does that with a scratch database, asks for rows that do not fit together, and drops it.
 *
 * How it fails: whatever fails or is interrupted takes .partial along, and kills leave it to the next backup; a folder with
 * a name is whole. A lock on DIR keeps two apart. */
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/clock.h"
#include "badgewatch/core/change.h"
#include "child.h"
#include "command.h"
#include "options.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PREFIX      "badgewatch-"
#define PARTIAL     ".partial"
#define NAME_LENGTH (sizeof(PREFIX "20260510T041928Z") - 1)
#define PATH_SIZE   2048
#define SUM_LENGTH  64

#define IS_EMPTY                                                                                             \
    "DO $$BEGIN IF EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"             \
    " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema') THEN"                                 \
    " RAISE 'the database is not empty: restore into a new one (createdb), or drop what it holds'; END IF; " \
    "END$$"

/* What the daemon's own writing keeps true, whatever else happens. */
#define FITS                                                                                                 \
    "DO $$DECLARE n bigint; BEGIN "                                                                          \
    "SELECT count(*) INTO n FROM reigns WHERE ended_at < started_at;"                                        \
    "IF n > 0 THEN RAISE '% reigns end before they begin', n; END IF;"                                       \
    "SELECT count(*) INTO n FROM (SELECT FROM reigns WHERE ended_at IS NULL"                                 \
    " GROUP BY domain, asin, category_id HAVING count(*) > 1) r;"                                            \
    "IF n > 0 THEN RAISE '% badges have two open reigns', n; END IF;"                                        \
    "SELECT count(*) INTO n FROM (SELECT started_at, lag(ended_at) OVER"                                     \
    " (PARTITION BY domain, asin, category_id ORDER BY started_at, ended_at) AS before FROM reigns) r"       \
    " WHERE before > started_at;"                                                                            \
    "IF n > 0 THEN RAISE '% reigns overlap', n; END IF;"                                                     \
    "SELECT count(*) INTO n FROM bestseller_changes c WHERE c.change_type = 'gained' AND NOT EXISTS (SELECT" \
    " FROM reigns r WHERE (r.domain, r.asin, r.category_id) = (c.domain, c.asin, c.category_id)"             \
    " AND r.started_at = c.occurred_at);"                                                                    \
    "IF n > 0 THEN RAISE '% gains have no reign', n; END IF; END$$"

static const char count_rows[] =
    "SELECT format('%s products, %s changes, %s reigns, %s checks', (SELECT count(*) FROM tracked_asins),"
    " (SELECT count(*) FROM bestseller_changes), (SELECT count(*) FROM reigns),"
    " (SELECT count(*) FROM checks))";

/* ---- files ---- */

static bool complain(const char *path)
{
    failure("%s: %s", path, strerror(errno));
    return false;
}

static void path_of(char out[PATH_SIZE], const char *folder, const char *name)
{
    snprintf(out, PATH_SIZE, "%s/%s", folder, name);
}

/* A backup's folder and its two files; nothing else is ever in it. False: it is still there. */
static bool remove_backup(const char *folder)
{
    char path[PATH_SIZE];
    static const char *const files[] = {"dump", "manifest", "schema"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        path_of(path, folder, files[i]);
        unlink(path);
    }
    return rmdir(folder) == 0 || errno == ENOENT || complain(folder);
}

static bool sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        complain(path);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* The file is mapped, not read: its size does not matter to our memory. */
static bool sum_of(const char *path, int64_t *size, char sum[SUM_LENGTH + 1])
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *data = MAP_FAILED;
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
        data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (fd >= 0)
        close(fd);
    if (data == MAP_FAILED) {
        failure("%s cannot be read, or is empty", path);
        return false;
    }
    *size = st.st_size;
    bw_sha256_hex(data, (size_t)st.st_size, sum);
    munmap(data, (size_t)st.st_size);
    return true;
}

/* ---- the backups in a folder ---- */

static int is_backup(const struct dirent *entry)
{
    return strncmp(entry->d_name, PREFIX, sizeof(PREFIX) - 1) == 0 && strlen(entry->d_name) == NAME_LENGTH;
}

/* Oldest first: the names are times. */
static int backups_in(const char *dir, struct dirent ***list)
{
    int n = scandir(dir, list, is_backup, alphasort);
    if (n < 0)
        complain(dir);
    return n;
}

static bool keep_newest(const char *dir, int keep)
{
    struct dirent **list = NULL;
    char path[PATH_SIZE];
    int n = backups_in(dir, &list);
    bool ok = n >= 0;
    for (int i = 0; i < n; i++) {
        path_of(path, dir, list[i]->d_name);
        if (keep > 0 && i < n - keep)
            ok = remove_backup(path) && ok;
        free(list[i]);
    }
    free(list);
    return ok;
}

/* The folder itself where it is a backup, else the newest in it. */
static bool choose(const char *dir, char out[PATH_SIZE])
{
    struct dirent **list = NULL;
    path_of(out, dir, "manifest");
    bool itself = access(out, F_OK) == 0;
    int n = itself ? 0 : backups_in(dir, &list);
    snprintf(out, PATH_SIZE, "%s", dir);
    if (n > 0)
        path_of(out, dir, list[n - 1]->d_name);
    else if (n == 0 && !itself)
        failure("%s: no backup is in it", dir);
    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
    return itself || n > 0;
}

/* ---- making one ---- */

static bool write_manifest(const char *folder, int schema)
{
    char path[PATH_SIZE], sum[SUM_LENGTH + 1];
    int64_t size = 0;
    path_of(path, folder, "dump");
    if (!sum_of(path, &size, sum) || !sync_path(path))
        return false;
    path_of(path, folder, "manifest");
    FILE *f = fopen(path, "we");
    if (!f)
        return complain(path);
    fprintf(f, "badgewatch backup 1\nschema %d\nbytes %" PRId64 "\nsha256 %s\n", schema, size, sum);
    bool ok = !ferror(f);
    ok = fclose(f) == 0 && ok;
    return ok ? sync_path(path) && sync_path(folder) : complain(path);
}

/* Before the dump: where a migration runs between the two, the dump is the newer one, and that is safe to restore. */
static bool read_schema(const char *folder, const char *url, int *schema)
{
    char path[PATH_SIZE], text[32] = "";
    const char *const argv[] = {"psql",
                                "-X",
                                "-A",
                                "-t",
                                "-q",
                                "-v",
                                "ON_ERROR_STOP=1",
                                "-c",
                                "SELECT max(version) FROM schema_migrations",
                                NULL};
    path_of(path, folder, "schema");
    if (!child_run(&(struct child_plan){.argv = argv, .url = url, .out = path}))
        return false;
    FILE *f = fopen(path, "re");
    bool ok = f && fgets(text, sizeof(text), f);
    if (f)
        fclose(f);
    unlink(path);
    *schema = (int)strtol(text, NULL, 10);
    if (!ok || *schema < 1)
        failure("the database has no schema of badgewatch");
    return ok && *schema >= 1;
}

static bool dump(const char *folder, const char *url)
{
    char path[PATH_SIZE];
    int schema = 0;
    path_of(path, folder, "dump");
    const char *const argv[] = {"pg_dump",       "--format=custom", "--no-owner", "--no-privileges",
                                "--no-password", "--file",          path,         NULL};
    return read_schema(folder, url, &schema) &&
           child_run(&(struct child_plan){.argv = argv, .url = url, .what = "backing up", .watched = path}) &&
           write_manifest(folder, schema);
}

static bool make(const char *dir, const char *url)
{
    char partial[PATH_SIZE], made[PATH_SIZE], name[NAME_LENGTH + 1];
    struct tm tm;
    time_t now = (time_t)(bw_wall_now().ms / 1000);
    strftime(name, sizeof(name), PREFIX "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
    path_of(partial, dir, PARTIAL);
    path_of(made, dir, name);
    if (!remove_backup(partial)) /* of one that was killed */
        return false;
    if (mkdir(partial, 0700) != 0)
        return complain(partial);
    bool ok = dump(partial, url);
    if (ok && rename(partial, made) != 0)
        ok = complain(made);
    if (!ok)
        remove_backup(partial);
    if (ok && (ok = sync_path(dir)))
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
    child_hold_signals();
    bool ok = make(dir, in->conf->database_url) && keep_newest(dir, o.keep);
    close(lock);
    return ok ? EXIT_OK : EXIT_FAILED;
}

/* ---- using one ---- */

static bool is_whole(const char *folder)
{
    char path[PATH_SIZE], wanted[SUM_LENGTH + 1] = "", sum[SUM_LENGTH + 1] = "", line[128];
    int64_t bytes = -1, size = 0;
    path_of(path, folder, "manifest");
    FILE *f = fopen(path, "re");
    if (!f)
        return complain(path);
    while (fgets(line, sizeof(line), f)) {
        if (strncmp(line, "bytes ", 6) == 0)
            bytes = strtoll(line + 6, NULL, 10);
        else if (strncmp(line, "sha256 ", 7) == 0)
            snprintf(wanted, sizeof(wanted), "%.*s", SUM_LENGTH, line + 7);
    }
    fclose(f);
    path_of(path, folder, "dump");
    if (!sum_of(path, &size, sum))
        return false;
    if (size == bytes && strcmp(sum, wanted) == 0)
        return true;
    failure("%s is damaged: it has %" PRId64 " bytes of %" PRId64 "%s; nothing was touched", path, size,
            bytes, size == bytes ? ", others than were written" : "");
    return false;
}

static bool psql(const char *url, const char *database, const char *sql, bool uninterrupted)
{
    const char *const argv[] = {"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql, NULL};
    return child_run(
        &(struct child_plan){.argv = argv, .url = url, .database = database, .uninterrupted = uninterrupted});
}

static bool load(const char *folder, const char *url, const char *database)
{
    char path[PATH_SIZE];
    path_of(path, folder, "dump");
    const char *const argv[] = {"pg_restore", "--single-transaction",   "--exit-on-error",
                                "--no-owner", "--no-privileges",        "--no-password",
                                "--dbname",   database ? database : "", path,
                                NULL};
    return child_run(
        &(struct child_plan){.argv = argv, .url = url, .database = database, .what = "restoring"});
}

static bool chosen(struct invocation *in, const char *allowed, struct options *o, char folder[PATH_SIZE],
                   int *code)
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
    return choose(o->rest[0], folder) && is_whole(folder);
}

int run_restore(struct invocation *in)
{
    struct options o;
    char folder[PATH_SIZE];
    int code;
    if (!chosen(in, "into", &o, folder, &code))
        return code;
    const char *url = o.into ? o.into : in->conf->database_url;
    if (!psql(url, NULL, IS_EMPTY, false) || !load(folder, url, NULL))
        return EXIT_FAILED;
    printf("restored %s\n", folder);
    return EXIT_OK;
}

int run_verify(struct invocation *in)
{
    struct options o;
    char folder[PATH_SIZE], scratch[48], sql[96];
    int code;
    const char *url = in->conf->database_url;
    if (!chosen(in, "", &o, folder, &code))
        return code;
    snprintf(scratch, sizeof(scratch), "badgewatch_verify_%d", (int)getpid());
    snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0", scratch);
    if (!psql(url, NULL, sql, false))
        return EXIT_FAILED;
    const char *const counts[] = {"psql", "-X", "-q", "-A", "-t", "-c", count_rows, NULL};
    bool ok =
        load(folder, url, scratch) && psql(url, scratch, FITS, false) &&
        child_run(&(struct child_plan){.argv = counts, .url = url, .database = scratch, .speaks = true});
    snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", scratch);
    ok = psql(url, NULL, sql, true) && ok;
    if (ok)
        printf("%s is good\n", folder);
    return ok ? EXIT_OK : EXIT_FAILED;
}
