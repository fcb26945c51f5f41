/* No copy of a secret is left in freed memory. free() is replaced by the linker (--wrap=free): whatever this program
 * and our libraries give back is searched first. */
#include "fixture.h"

#include "badgewatch/base/alloc.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MARK "HUSH-HUSH"

void __real_free(void *p);
void __wrap_free(void *p);

static volatile unsigned leaked,
    freed; /* volatile: the compiler knows that free() changes no variable of ours */

void __wrap_free(void *p)
{
    freed++;
    if (p && memmem(p, malloc_usable_size(p), MARK, sizeof(MARK) - 1)) {
        leaked++;
        explicit_bzero(p, malloc_usable_size(p)); /* or who gets this memory next is blamed as well */
    }
    __real_free(p);
}

static void test_search_works(void **state)
{
    char *secret = bw_strdup("xx" MARK);
    (void)state;
    leaked = 0;
    free(secret);
    assert_int_equal(leaked, 1);
}

static char key[] = "KEEPA_API_KEY=" MARK, redis[] = "REDIS_URL=redis://:" MARK "@h",
            database[] = "DATABASE_URL=postgresql://u:" MARK "@h/b", key_file[] = "KEEPA_API_KEY_FILE=secret",
            wrong[] = "BADGEWATCH_REDIS_PREFIX=*";

static void test_nothing_left(void **state)
{
    char *const env[] = {key, redis, database, NULL};
    struct bw_conf c;
    (void)state;
    put_text("secret", MARK "\n");
    put_text("file.conf", "status_token = " MARK "\n"
                          "slack_bot_token_file = secret\n"
                          "slack_channel = C1\n"
                          "heartbeat_url = https://h/" MARK "\n");
    leaked = freed = 0;
    assert_int_equal(bw_conf_load(&c, env, "file.conf", NULL), BW_OK);
    assert_string_equal(c.slack_bot_token, MARK);
    assert_int_equal(leaked, 0); /* the layers are gone */
    bw_conf_fini(&c);
    assert_int_equal(leaked, 0);
    assert_true(freed > 20);
    assert_null(c.slack_bot_token);
}

static void test_nothing_left_after_a_refusal(void **state)
{
    char *const by_value[] = {key, wrong, NULL}, *const by_file[] = {key_file, NULL};
    struct bw_conf conf;
    (void)state;
    put_text("secret", MARK "\001");
    leaked = freed = 0;
    assert_int_equal(bw_conf_load(&conf, by_value, NULL, NULL), BW_ERR_INVALID);
    assert_int_equal(bw_conf_load(&conf, by_file, NULL, NULL), BW_ERR_INVALID);
    assert_int_equal(leaked, 0);
    assert_true(freed > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search_works),
        cmocka_unit_test_setup_teardown(test_nothing_left, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_left_after_a_refusal, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
