/* Runs a fuzz target once over each file of the folders given, without libFuzzer: every corpus is a regression test
 * of each compiler. Fails when a folder is missing or empty, since then nothing was tested. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX (16l << 20)

static int replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    long size = -1;

    if (!f)
        return -1;
    if (fseek(f, 0, SEEK_END) == 0)
        size = ftell(f);
    rewind(f);
    /* Exactly its size, on the heap: a read past the end is seen. */
    uint8_t *bytes = size >= 0 && size < FILE_MAX ? malloc(size > 0 ? (size_t)size : 1) : NULL;
    int ok = bytes && fread(bytes, 1, (size_t)size, f) == (size_t)size;
    fclose(f);
    if (ok)
        (void)LLVMFuzzerTestOneInput(bytes, (size_t)size);
    free(bytes);
    return ok ? 0 : -1;
}

static int replay_folder(const char *folder)
{
    DIR *d = opendir(folder);
    struct dirent *e;
    char path[4096];
    int n = 0;

    if (!d)
        return -1;
    while ((e = readdir(d))) {
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (replay_file(path) != 0) {
            (void)fprintf(stderr, "cannot read %s\n", path);
            closedir(d);
            return -1;
        }
        n++;
    }
    closedir(d);
    printf("%s: %d inputs\n", folder, n);
    return n > 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    for (int i = 1; i < argc; i++)
        if (replay_folder(argv[i]) != 0)
            return 1;
    return 0;
}
