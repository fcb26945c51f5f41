#include "fixture.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/bw-conf-XXXXXX";

int folder_set_up(void **state)
{
    (void)state;
    memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
    if (!mkdtemp(folder) || chdir(folder) != 0)
        return -1;
    return mkdir("conf", 0700);
}

int folder_tear_down(void **state)
{
    static const char *const names[] = {"conf/badgewatch.conf",
                                        "conf/badgewatch_database_url",
                                        "conf/badgewatch_keepa_api_key",
                                        "conf/badgewatch_status_token",
                                        "conf/badgewatch_listen",
                                        "file.conf",
                                        "secret",
                                        "secret2"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(names[i]);
    if (rmdir("conf") != 0 || chdir("/") != 0)
        return -1;
    return rmdir(folder);
}

void put_file(const char *name, const char *text, size_t len)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                  0600); /* no stdio: its memory would keep the text */
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(close(fd), 0);
}

void put_text(const char *name, const char *text)
{
    put_file(name, text, strlen(text));
}

/* bw_conf_load takes an environment as main gets it, whose strings are not const. */
static enum bw_err load(struct bw_conf *conf, const char *const *envp, const char *path,
                        struct bw_error *error)
{
    char *copy[32] = {NULL};
    for (size_t i = 0; envp[i]; i++) {
        assert_true(i + 1 < sizeof(copy) / sizeof(copy[0]));
        copy[i] = strdup(envp[i]);
    }
    enum bw_err err = bw_conf_load(conf, copy, path, error);
    for (size_t i = 0; copy[i]; i++)
        free(copy[i]);
    return err;
}

struct bw_conf load_ok(const char *const *envp, const char *path)
{
    struct bw_conf conf;
    struct bw_error error = {0};
    if (load(&conf, envp, path, &error) != BW_OK)
        fail_msg("refused: %s", error.text);
    return conf;
}

void load_refused(const char *const *envp, const char *path, const char *text)
{
    struct bw_conf conf;
    struct bw_error error = {0};
    memset(&conf, 0x55, sizeof(conf));
    enum bw_err err = load(&conf, envp, path, &error);
    if (err == BW_OK)
        fail_msg("taken, but expected: %s", text);
    assert_string_equal(error.text, text);
    assert_int_equal(err, error.code);
    for (size_t i = 0; i < sizeof(conf); i++) /* the old settings stay */
        assert_int_equal(((unsigned char *)&conf)[i], 0x55);
    assert_int_equal(load(&conf, envp, path, NULL), err); /* also where nobody reads the text */
}
