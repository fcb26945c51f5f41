/* Folders of backups: found by their names, which are times.
 *
 * How it fails: the path that could not be read, written or removed is named. */
#include "copies.h"

#include "badgewatch/core/change.h"
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool copy_complain(const char *path)
{
    failure("%s: %s", path, strerror(errno));
    return false;
}

void copy_path(char out[COPY_PATH], const char *folder, const char *name)
{
    snprintf(out, COPY_PATH, "%s/%s", folder, name);
}

bool copy_remove(const char *folder)
{
    char path[COPY_PATH];
    static const char *const files[] = {"dump", "manifest"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        copy_path(path, folder, files[i]);
        unlink(path);
    }
    return rmdir(folder) == 0 || errno == ENOENT || copy_complain(folder);
}

bool copy_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (!ok)
        copy_complain(path);
    if (fd >= 0)
        close(fd);
    return ok;
}

/* The file is mapped, not read: its size does not matter to our memory. */
bool copy_sum(const char *path, int64_t *size, char sum[COPY_SUM + 1])
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

/* Exactly a time: what a person has put beside them is not counted, and not removed. */
static int is_copy(const struct dirent *entry)
{
    static const char form[] = COPY_PREFIX "00000000T000000Z";
    const char *name = entry->d_name;
    if (strlen(name) != COPY_NAME)
        return 0;
    for (size_t i = 0; i < COPY_NAME; i++) {
        if (form[i] == '0' ? name[i] < '0' || name[i] > '9' : name[i] != form[i])
            return 0;
    }
    return 1;
}

/* Oldest first. */
static int copies_in(const char *dir, struct dirent ***list)
{
    int n = scandir(dir, list, is_copy, alphasort);
    if (n < 0)
        copy_complain(dir);
    return n;
}

/* Made while the clock was wrong. It would be restored and verified in place of all that come now, for years perhaps. */
static bool is_newest(const char *dir, const char *newest, const char *made)
{
    if (strcmp(newest, made) == 0)
        return true;
    failure(
        "%s/%s is dated after the backup that was made now, %s, and would be taken for the newest: move it "
        "away; no older one was removed",
        dir, newest, made);
    return false;
}

bool copies_keep(const char *dir, int keep, const char *made)
{
    struct dirent **list = NULL;
    char path[COPY_PATH];
    int n = copies_in(dir, &list);
    bool ok = n > 0 && is_newest(dir, list[n - 1]->d_name, made);
    bool removing = ok && keep > 0;
    for (int i = 0; i < n; i++) {
        copy_path(path, dir, list[i]->d_name);
        if (removing && i < n - keep)
            ok = copy_remove(path) && ok;
        free(list[i]);
    }
    free(list);
    return ok;
}

bool copies_choose(const char *dir, char out[COPY_PATH])
{
    struct dirent **list = NULL;
    copy_path(out, dir, "manifest");
    bool itself = access(out, F_OK) == 0;
    int n = itself ? 0 : copies_in(dir, &list);
    snprintf(out, COPY_PATH, "%s", dir);
    if (n > 0)
        copy_path(out, dir, list[n - 1]->d_name);
    else if (n == 0 && !itself)
        failure("%s: no backup is in it", dir);
    for (int i = 0; i < n; i++)
        free(list[i]);
    free(list);
    return itself || n > 0;
}
