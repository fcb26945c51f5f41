/* URLs of Redis servers: what they mean, and that no error text shows a password. */
#include "url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct good {
    const char *url;
    const char *host; /* or the path, with port 0 */
    int port;
    int db;
    const char *user;
    const char *password;
};

static const struct good good[] = {
    {"redis://127.0.0.1:6379/0", "127.0.0.1", 6379, 0, NULL, NULL},
    {"REDIS://example.org", "example.org", 6379, 0, NULL, NULL},
    {"redis://h:1/15", "h", 1, 15, NULL, NULL},
    {"redis://h/", "h", 6379, 0, NULL, NULL},
    {"redis://", "127.0.0.1", 6379, 0, NULL, NULL},
    {"redis://[::1]:7000/2", "::1", 7000, 2, NULL, NULL},
    {"redis://[fe80::1]", "fe80::1", 6379, 0, NULL, NULL},
    {"redis://:secret@h", "h", 6379, 0, NULL, "secret"},
    {"redis://ann:secret@h:65535/3", "h", 65535, 3, "ann", "secret"},
    {"redis://ann:@h", "h", 6379, 0, "ann", ""},
    {"redis://a%40b:p%2F%3a%25@h", "h", 6379, 0, "a@b", "p/:%"},
    {"redis://ann:p@ss@h", "h", 6379, 0, "ann", "p@ss"},
    {"redis://@h", "h", 6379, 0, NULL, NULL},
    {"redis://h?db=4", "h", 6379, 4, NULL, NULL},
    {"unix:///run/redis.sock", "/run/redis.sock", 0, 0, NULL, NULL},
    {"unix:///run/redis.sock?db=7", "/run/redis.sock", 0, 7, NULL, NULL},
    {"unix:///run/with%20space", "/run/with space", 0, 0, NULL, NULL},
    {"unix://ann:secret@/run/s", "/run/s", 0, 0, "ann", "secret"},
};

static void same(const char *got, const char *expected, const char *url)
{
    if ((got == NULL) != (expected == NULL) || (got && strcmp(got, expected) != 0))
        fail_msg("%s: '%s', expected '%s'", url, got ? got : "(none)", expected ? expected : "(none)");
}

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        const struct good *g = &good[i];
        struct redis_target t = {0};
        struct bw_error error = {0};
        if (bw_redis_target_parse(g->url, &t, &error))
            fail_msg("%s: %s", g->url, error.text);
        same(g->port > 0 ? t.host : t.path, g->host, g->url);
        same(g->port > 0 ? t.path : t.host, NULL, g->url);
        same(t.user, g->user, g->url);
        same(t.password, g->password, g->url);
        assert_int_equal(t.port, g->port);
        assert_int_equal(t.db, g->db);
        bw_redis_target_fini(&t);
    }
}

static const struct {
    const char *url;
    enum bw_err err;
    const char *says;
} bad[] = {
    {"", BW_ERR_INVALID, "redis://"},
    {NULL, BW_ERR_INVALID, "redis://"},
    {"localhost:6379", BW_ERR_INVALID, "redis://"},
    {"http://:hunter2@h", BW_ERR_INVALID, "redis://"},
    {"rediss://:hunter2@h", BW_ERR_UNSUPPORTED, "TLS"},
    {"redis://hunter2@h", BW_ERR_INVALID, ":password"},
    {"redis://ann:hunter2%zz@h", BW_ERR_INVALID, "escape"},
    {"redis://ann:hunter2%@h", BW_ERR_INVALID, "escape"},
    {"redis://ann:hunter2%4@h", BW_ERR_INVALID, "escape"},
    {"redis://ann:hunter2%00@h", BW_ERR_INVALID, "escape"},
    {"redis://:hunter2@h:0", BW_ERR_INVALID, "port"},
    {"redis://:hunter2@h:65536", BW_ERR_INVALID, "port"},
    {"redis://:hunter2@h:", BW_ERR_INVALID, "port"},
    {"redis://:hunter2@h:63x", BW_ERR_INVALID, "port"},
    {"redis://ann:hunter2/x@h", BW_ERR_INVALID, "port"},
    {"redis://:hunter2@h/-1", BW_ERR_INVALID, "database"},
    {"redis://:hunter2@h/one", BW_ERR_INVALID, "database"},
    {"redis://:hunter2@h/1/2", BW_ERR_INVALID, "database"},
    {"redis://:hunter2@h/1234567890", BW_ERR_INVALID, "database"},
    {"redis://h?db=", BW_ERR_INVALID, "database"},
    {"redis://h?password=hunter2", BW_ERR_INVALID, "db=N"},
    {"redis://h?db", BW_ERR_INVALID, "db=N"},
    {"redis://[::1", BW_ERR_INVALID, "IPv6"},
    {"redis://[::1]6379", BW_ERR_INVALID, "IPv6"},
    {"unix://", BW_ERR_INVALID, "path"},
    {"unix:///", BW_ERR_INVALID, "path"},
    {"unix://run/redis.sock", BW_ERR_INVALID, "path"},
    {"unix:///"
     "23456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
     "01234567",
     BW_ERR_INVALID, "longer"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct redis_target t = {0};
        struct bw_error error = {0};
        if (bw_redis_target_parse(bad[i].url, &t, &error) != bad[i].err)
            fail_msg("%s: wrong code, '%s'", bad[i].url, error.text);
        if (!strstr(error.text, bad[i].says))
            fail_msg("%s: '%s' does not say '%s'", bad[i].url, error.text, bad[i].says);
        assert_null(strstr(error.text, "hunter2"));
    }
}

static void test_too_long(void **state)
{
    char password[8000] = {0};
    char url[8100];
    struct redis_target t = {0};
    struct bw_error error = {0};

    (void)state;
    memset(password, 'a', sizeof password - 1);
    snprintf(url, sizeof url, "redis://:%s@h", password);
    assert_int_equal(bw_redis_target_parse(url, &t, &error), BW_ERR_INVALID);
    assert_non_null(strstr(error.text, "longer"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
