/* Layers: what counts, and what is refused with which words. */
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_defaults(void **state)
{
    struct bw_conf c = load_ok(ENV("PATH=/bin", "NOTHING", "HOME="), NULL);
    (void)state;
    assert_string_equal(c.keepa_api_key, "");
    assert_string_equal(c.keepa_base_url, "https://api.keepa.com");
    assert_string_equal(c.slack_bot_token, "");
    assert_string_equal(c.slack_channel, "");
    assert_string_equal(c.slack_base_url, "https://slack.com/api");
    assert_string_equal(c.slack_webhook_url, "");
    assert_string_equal(c.redis_url, "redis://127.0.0.1:6379/0");
    assert_string_equal(c.redis_prefix, "bw:");
    assert_string_equal(c.database_url, "postgresql:///badgewatch");
    assert_string_equal(c.listen, "127.0.0.1:9787");
    assert_string_equal(c.status_token, "");
    assert_false(c.status_open);
    assert_int_equal(c.log_level, BW_LOG_INFO);
    assert_int_equal(c.log_format, BW_LOG_TEXT);
    assert_int_equal(c.default_frequency_min, 60);
    assert_int_equal(c.summary_at_min, 8 * 60);
    assert_true(c.summaries[BW_DAILY] && !c.summaries[BW_WEEKLY] && !c.summaries[BW_MONTHLY]);
    assert_int_equal(c.health_every_ms, 15 * 60000);
    assert_int_equal(c.monthly_cost_cents, 4900);
    assert_string_equal(c.currency, "EUR");
    assert_true(c.token_reserve > 0.0999 && c.token_reserve < 0.1001);
    assert_int_equal(c.group_window_ms, 2000);
    assert_int_equal(c.keepa_update_h, BW_UPDATE_AUTO);
    assert_string_equal(c.heartbeat_url, "");
    assert_int_equal(c.concurrency, 4);
    assert_int_equal(c.backfill_days, BW_BACKFILL_FULL);
    assert_int_equal(c.max_body, 256 << 20);
    assert_int_equal(c.max_product, 8 << 20);
    assert_int_equal(c.stage_limit, 512 << 20);
    assert_int_equal(c.raw_retention_ms, 90LL * 86400000);
    assert_string_equal(c.path, "");
    bw_conf_fini(&c);
}

static void test_environment_over_file(void **state)
{
    (void)state;
    put_text("conf/badgewatch.conf", "listen = 127.0.0.1:1\nconcurrency = 7\ncurrency = USD\n");
    struct bw_conf c =
        load_ok(ENV("BADGEWATCH_LISTEN=127.0.0.1:2", "BADGEWATCH_CURRENCY=", "BADGEWATCH_NONE="), NULL);
    assert_string_equal(c.listen, "127.0.0.1:2");
    assert_int_equal(c.concurrency, 7);
    assert_string_equal(c.currency, "USD"); /* set to nothing is not set */
    assert_string_equal(c.path, "conf/badgewatch.conf");
    bw_conf_fini(&c);
}

static void test_which_file(void **state)
{
    (void)state;
    put_text("conf/badgewatch.conf", "concurrency = 1\n");
    put_text("file.conf", "concurrency = 2\n");
    put_text("secret", "concurrency = 3\n");
    struct bw_conf c = load_ok(ENV("BADGEWATCH_CONFIG=file.conf"), NULL);
    assert_int_equal(c.concurrency, 2);
    assert_string_equal(c.path, "file.conf");
    bw_conf_fini(&c);
    c = load_ok(ENV("BADGEWATCH_CONFIG=file.conf"), "secret"); /* --config is nearer than the environment */
    assert_int_equal(c.concurrency, 3);
    bw_conf_fini(&c);
    c = load_ok(ENV("BADGEWATCH_CONFIG="), NULL);
    assert_int_equal(c.concurrency, 1);
    bw_conf_fini(&c);
}

static void test_file_form(void **state)
{
    (void)state;
    put_text("file.conf", "\xef\xbb\xbf; a comment after a byte order mark\r\n"
                          "\r\n"
                          "   # an indented comment\n"
                          "concurrency=5\r\n"
                          "\t currency   =   USD   ; why\n" /* no continuation of the line before */
                          "log_format: json\n"
                          "heartbeat_url =\n"
                          "keepa_api_key =\n"
                          "keepa_api_key_file =\n"
                          "   \n"
                          "max_body = 1MB"); /* no newline at the end */
    struct bw_conf c = load_ok(NO_ENV, "file.conf");
    assert_int_equal(c.concurrency, 5);
    assert_string_equal(c.currency, "USD");
    assert_int_equal(c.log_format, BW_LOG_JSON);
    assert_int_equal(c.max_body, 1 << 20);
    assert_string_equal(c.keepa_api_key, "");
    bw_conf_fini(&c);
}

static void test_line_length(void **state)
{
    struct bw_buf text;
    (void)state;
    bw_buf_init(&text, 2000);
    bw_buf_addf(&text, "database_url = postgresql:///%0169d\n", 0); /* 198 bytes and the newline */
    assert_int_equal(text.len, 199);
    put_text("file.conf", bw_buf_str(&text));
    struct bw_conf c = load_ok(NO_ENV, "file.conf");
    assert_int_equal(strlen(c.database_url), 198 - strlen("database_url = "));
    bw_conf_fini(&c);
    bw_buf_clear(&text);
    bw_buf_addf(&text, "database_url = postgresql:///%0170d\n", 0);
    put_text("file.conf", bw_buf_str(&text));
    load_refused(
        NO_ENV, "file.conf",
        "file.conf:1: the line is too long; give this setting in the environment, or a secret as a file");
    bw_buf_clear(&text); /* a comment may be as long as it likes, and its rest is no line of its own */
    bw_buf_addf(&text, ";%0198d\tconcurrency = 9 %0300d\nconcurrency = 6\n", 0, 0);
    put_text("file.conf", bw_buf_str(&text));
    c = load_ok(NO_ENV, "file.conf");
    assert_int_equal(c.concurrency, 6);
    bw_conf_fini(&c);
    bw_buf_fini(&text);
}

static void test_routes(void **state)
{
    (void)state;
    put_text("file.conf", "concurrency = 5\n"
                          "[route \"tag=a tag with ] and 50 characters and more, to the end\"] ; why\n"
                          "  channel = C0ACME\n"
                          "quiet_hours = 22:00-07:30\n"
                          "\n"
                          "[route   \"default\"]\r\n"
                          "min_priority = 3\n"
                          "trigger_on_lost = no\n"
                          "quiet_hours =\n"
                          "[route \"tag=none\"]\n");
    struct bw_conf c = load_ok(NO_ENV, "file.conf");
    assert_int_equal(c.concurrency, 5);
    assert_int_equal(c.n_routes, 3);
    assert_string_equal(c.routes[0].tag, "a tag with ] and 50 characters and more, to the end");
    assert_string_equal(c.routes[0].channel, "C0ACME");
    assert_int_equal(c.routes[0].quiet.from_min, 22 * 60);
    assert_int_equal(c.routes[0].quiet.to_min, 7 * 60 + 30);
    assert_int_equal(c.routes[0].min_priority, 0);
    assert_true(c.routes[0].trigger_on_gained && c.routes[0].trigger_on_lost);
    assert_string_equal(c.routes[1].tag, "");
    assert_string_equal(c.routes[1].channel, "");
    assert_int_equal(c.routes[1].min_priority, 3);
    assert_true(c.routes[1].trigger_on_gained && !c.routes[1].trigger_on_lost);
    assert_int_equal(c.routes[1].quiet.from_min, c.routes[1].quiet.to_min);
    assert_string_equal(c.routes[2].tag, "none");
    bw_conf_fini(&c);
    put_text("file.conf", "\xef\xbb\xbf[route \"tag=x\"]\nchannel = C1\n"); /* after a byte order mark */
    c = load_ok(NO_ENV, "file.conf");
    assert_string_equal(c.routes[0].channel, "C1");
    bw_conf_fini(&c);
}

static void test_routes_capped(void **state)
{
    struct bw_buf text;
    (void)state;
    bw_buf_init(&text, 10000);
    for (int i = 0; i < 101; i++)
        bw_buf_addf(&text, "[route \"tag=%d\"]\n", i);
    put_text("file.conf", bw_buf_str(&text));
    load_refused(NO_ENV, "file.conf", "file.conf:101: at most 100 routes were expected");
    bw_buf_fini(&text);
}

#define SECTION "[route \"tag=NAME\"] or [route \"default\"] was expected"

static void test_files_refused(void **state)
{
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"\nlisten_on = 1\n", "file.conf:2: unknown setting 'listen_on'; did you mean 'listen'?"},
        {"KEEPA_API_KEY = x\n",
         "file.conf:1: unknown setting 'KEEPA_API_KEY'; did you mean 'keepa_api_key'?"},
        {"BADGEWATCH_LISTEN = x\n",
         "file.conf:1: unknown setting 'BADGEWATCH_LISTEN'; did you mean 'listen'?"},
        {"config = x\n", "file.conf:1: unknown setting 'config'; see badgewatch help config"},
        {"keepa_api_kye_file = x\n", "file.conf:1: unknown setting 'keepa_api_kye_file'; did you mean "
                                     "'keepa_api_key_file'?"},
        {"a\x1b[31m = x\n", "file.conf:1: unknown setting 'a?[31m'; see badgewatch help config"},
        {" = x\n", "file.conf:1: unknown setting ''; see badgewatch help config"},
        {"currency = EUR\n\nlisten = :1\ncurrency = EUR\n",
         "file.conf:4: currency is given twice, first in line 1"},
        {"keepa_api_key = x\nkeepa_api_key_file = secret\n",
         "file.conf:2: keepa_api_key_file and keepa_api_key are both given: one of them was expected"},
        {"concurrency = 4\n[keepa]\n", "file.conf:2: " SECTION},
        {"\xef\xbb\xbf[keepa]\nlisten = :1\n", "file.conf:1: " SECTION},
        {"[route]\n", "file.conf:1: " SECTION},
        {"[route \"\"]\n", "file.conf:1: " SECTION},
        {"[route \"tag=\"]\n", "file.conf:1: " SECTION},
        {"[route \"tag=a;b\"]\n", "file.conf:1: " SECTION},
        {"[route tag=a]\n", "file.conf:1: " SECTION},
        {"[route \"tag=a\"\n", "file.conf:1: " SECTION},
        {"[route \"tag=a\"] channel = C1\n", "file.conf:1: " SECTION},
        {"[route \"asin=a\"]\n", "file.conf:1: " SECTION},
        {"[route \"tag=a\"]\n\n[route \"tag=a\"]\n",
         "file.conf:3: this route is given twice, first in line 1"},
        {"[route \"tag=a\"]\nchanel = C1\n",
         "file.conf:2: unknown setting 'chanel' of a route; did you mean 'channel'?"},
        {"[route \"tag=a\"]\nlisten = :1\n",
         "file.conf:2: 'listen' is no setting of a route; it was expected before the first [route]"},
        {"[route \"tag=a\"]\nchannel = C1\nchannel = C1\n",
         "file.conf:3: channel is given twice, first in line 2"},
        {"[route \"tag=a\"]\nchannel = C 1\n", "file.conf:2: channel 'C 1': channel id was expected"},
        {"[route \"tag=a\"]\nquiet_hours = 22-7\n",
         "file.conf:2: quiet_hours '22-7': HH:MM-HH:MM in UTC was expected"},
        {"[route \"tag=a\"]\nquiet_hours = 07:00-07:00\n",
         "file.conf:2: quiet_hours '07:00-07:00': HH:MM-HH:MM in UTC was expected"},
        {"[route \"tag=a\"]\nmin_priority = 0\n",
         "file.conf:2: min_priority '0': number from 1 to 100 was expected"},
        {"[route \"tag=a\"]\ntrigger_on_lost = off\n",
         "file.conf:2: trigger_on_lost 'off': yes or no was expected"},
        {"[route \"default\"]\nchannel = C1\n",
         "file.conf:2: channel: the channel of the default route is slack_channel"},
        {"slack_webhook_url = https://h/x\n[route \"tag=a\"]\nchannel = C1\n",
         "file.conf:3: channel needs SLACK_BOT_TOKEN and SLACK_CHANNEL: a webhook has one channel of its "
         "own"},
        {"; fine\nconcurrency\n", "file.conf:2: 'name = value' was expected"},
        {"concurrency = 99\n", "file.conf:1: concurrency '99': number from 1 to 64 was expected"},
        {"log_level = loud\n", "file.conf:1: log_level 'loud': error, warning, info or debug was expected"},
        {"keepa_api_key_file = secret\n",
         "file.conf:1: keepa_api_key_file 'secret': No such file or directory"},
        {"listen_file = secret\n", "file.conf:1: unknown setting 'listen_file'; see badgewatch help config"},
        {"[route \"tag=a\"]\nwebhook = x\n",
         "file.conf:2: unknown setting 'webhook' of a route; see badgewatch help config"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put_text("file.conf", rows[i].text);
        load_refused(NO_ENV, "file.conf", rows[i].error);
    }
    put_file("file.conf", "concurrency = 4\nlisten = \0\n", 27);
    load_refused(NO_ENV, "file.conf", "file.conf:2: a zero byte: this is no text");
    load_refused(NO_ENV, "nowhere.conf", "settings file 'nowhere.conf': No such file or directory");
    load_refused(ENV("BADGEWATCH_CONFIG=nowhere.conf"), NULL,
                 "settings file 'nowhere.conf': No such file or directory");
    load_refused(NO_ENV, "conf", "settings file 'conf': Is a directory");
}

static void test_environment_refused(void **state)
{
    (void)state;
    load_refused(
        ENV("KEEPA_API_KEY=x", "KEEPA_API_KEY_FILE=secret"), NULL,
        "environment: KEEPA_API_KEY_FILE and KEEPA_API_KEY are both given: one of them was expected");
    load_refused(ENV("BADGEWATCH_CURRENCY=EUR", "BADGEWATCH_CURRENCY=EUR"), NULL,
                 "environment: BADGEWATCH_CURRENCY is given twice");
    load_refused(ENV("BADGEWATCH_HEALTH_EVERY=15"), NULL,
                 "environment: BADGEWATCH_HEALTH_EVERY '15': duration like 15m, at least 500ms was expected");
}

static void expect_warnings(const char *const *envp, const char *warnings)
{
    struct bw_conf c = load_ok(envp, NULL);
    assert_string_equal(c.warnings, warnings);
    bw_conf_fini(&c);
}

/* Others give names to processes too: what is no setting of ours is told, and does not keep the daemon from starting. */
static void test_environment_warned_about(void **state)
{
    char name[400], want[300];
    (void)state;
    expect_warnings(ENV("BADGEWATCH_LISTN=127.0.0.1:1"),
                    "environment: 'BADGEWATCH_LISTN' is no setting, it has no effect; did you mean "
                    "'BADGEWATCH_LISTEN'?\n");
    expect_warnings(
        ENV("BADGEWATCH_CONFG=x", "BADGEWATCH_PORT=8080", "BADGEWATCH_STATUS_TOKN_FILE=x"),
        "environment: 'BADGEWATCH_CONFG' is no setting, it has no effect; did you mean 'BADGEWATCH_CONFIG'?\n"
        "environment: 'BADGEWATCH_PORT' is no setting, it has no effect; see badgewatch help config\n"
        "environment: 'BADGEWATCH_STATUS_TOKN_FILE' is no setting, it has no effect; did you mean "
        "'BADGEWATCH_STATUS_TOKEN_FILE'?\n");
    snprintf(name, sizeof(name), "BADGEWATCH_%0350d=1", 0);
    snprintf(want, sizeof(want),
             "environment: 'BADGEWATCH_%049d' is no setting, it has no effect; see badgewatch help config\n",
             0);
    expect_warnings(ENV(name), want);
}

/* What Kubernetes tells each container about a service named badgewatch, and about one named badgewatch-redis. */
static void test_service_links(void **state)
{
    (void)state;
    expect_warnings(ENV("BADGEWATCH_SERVICE_HOST=10.0.0.1", "BADGEWATCH_SERVICE_PORT=9787",
                        "BADGEWATCH_SERVICE_PORT_STATUS=9787", "BADGEWATCH_PORT=tcp://10.0.0.1:9787",
                        "BADGEWATCH_PORT_9787_TCP=tcp://10.0.0.1:9787", "BADGEWATCH_PORT_9787_TCP_PROTO=tcp",
                        "BADGEWATCH_PORT_9787_TCP_PORT=9787", "BADGEWATCH_PORT_9787_TCP_ADDR=10.0.0.1",
                        "BADGEWATCH_REDIS_PORT_6379_TCP_ADDR=10.0.0.2",
                        "BADGEWATCH_REDIS_SERVICE_HOST=10.0.0.2"),
                    "");
}

static void test_secret_files(void **state)
{
    (void)state;
    put_text("secret", "from a file\r\n\n");
    put_text("secret2", "another");
    put_text("file.conf", "keepa_api_key_file = secret\nstatus_token = in the file\n");
    struct bw_conf c = load_ok(NO_ENV, "file.conf");
    assert_string_equal(c.keepa_api_key, "from a file");
    assert_string_equal(c.status_token, "in the file");
    bw_conf_fini(&c);
    /* The environment wins in either form over either form. */
    c = load_ok(ENV("KEEPA_API_KEY=direct", "BADGEWATCH_STATUS_TOKEN_FILE=secret2"), "file.conf");
    assert_string_equal(c.keepa_api_key, "direct");
    assert_string_equal(c.status_token, "another");
    bw_conf_fini(&c);
    /* Empty is not set, in either form. */
    c = load_ok(ENV("KEEPA_API_KEY=", "KEEPA_API_KEY_FILE=secret2", "BADGEWATCH_STATUS_TOKEN_FILE="),
                "file.conf");
    assert_string_equal(c.keepa_api_key, "another");
    assert_string_equal(c.status_token, "in the file");
    bw_conf_fini(&c);
}

/* URLs that may hold a password can be files too, and what systemd's LoadCredential lays down counts as such files. */
static void test_urls_and_credentials(void **state)
{
    (void)state;
    put_text("secret", "redis://u:p@h:1/2\n");
    struct bw_conf c = load_ok(ENV("REDIS_URL_FILE=secret"), NULL);
    assert_string_equal(c.redis_url, "redis://u:p@h:1/2");
    bw_conf_fini(&c);
    put_text("conf/badgewatch_database_url", "postgresql://u:p@h/b\n");
    put_text("conf/badgewatch_keepa_api_key", "from a credential\n");
    put_text("conf/badgewatch_status_token", "from a credential\n");
    put_text("conf/badgewatch_listen", "no secret, no credential\n");
    put_text("file.conf", "keepa_api_key = in the file\n");
    c = load_ok(ENV("CREDENTIALS_DIRECTORY=conf", "BADGEWATCH_STATUS_TOKEN=direct"), "file.conf");
    assert_string_equal(c.database_url, "postgresql://u:p@h/b");
    assert_string_equal(c.keepa_api_key, "from a credential");
    assert_string_equal(c.status_token, "direct");
    assert_string_equal(c.listen, "127.0.0.1:9787");
    bw_conf_fini(&c);
    put_text("conf/badgewatch_database_url", "nonsense\n");
    load_refused(
        ENV("CREDENTIALS_DIRECTORY=conf"), NULL,
        "environment: DATABASE_URL_FILE: postgresql:// URI was expected, without control characters");
}

static void test_secret_files_refused(void **state)
{
    char text[9000];
    static const char *const env[] = {"KEEPA_API_KEY_FILE=secret", NULL};
    (void)state;
    load_refused(env, NULL, "environment: KEEPA_API_KEY_FILE 'secret': No such file or directory");
    load_refused(ENV("KEEPA_API_KEY_FILE=conf"), NULL,
                 "environment: KEEPA_API_KEY_FILE 'conf': Is a directory");
    put_text("secret", "\n\n");
    load_refused(env, NULL, "environment: KEEPA_API_KEY_FILE 'secret': the file is empty");
    put_file("secret", "a\0b", 3);
    load_refused(env, NULL, "environment: KEEPA_API_KEY_FILE 'secret': the file is no text");
    put_text("secret", "hidden\nsecond line\n");
    load_refused(env, NULL, "environment: KEEPA_API_KEY_FILE: text was expected, without control characters");
    memset(text, 'x', sizeof(text));
    put_file("secret", text, 8193);
    load_refused(env, NULL, "environment: KEEPA_API_KEY_FILE 'secret': the file is longer than 8192 bytes");
    put_file("secret", text, 8192);
    struct bw_conf c = load_ok(env, NULL);
    assert_int_equal(strlen(c.keepa_api_key), 8192);
    bw_conf_fini(&c);
}

static void test_secrets_that_everybody_may_read(void **state)
{
    (void)state;
    put_text("secret", "hidden");
    assert_int_equal(chmod("secret", 0644), 0);
    load_refused(
        ENV("KEEPA_API_KEY_FILE=secret"), NULL,
        "environment: KEEPA_API_KEY_FILE 'secret': everybody on this machine may read it (mode 0644): chmod "
        "600 was expected");
    assert_int_equal(chmod("secret", 0640), 0);
    struct bw_conf c = load_ok(ENV("KEEPA_API_KEY_FILE=secret"), NULL);
    bw_conf_fini(&c);
    static const char *const secrets[][2] = {{"keepa_api_key = hidden\n", "keepa_api_key"},
                                             {"database_url = postgresql://u:hidden@h/b\n", "database_url"},
                                             {"redis_url = redis://u:hidden@h\n", "redis_url"}};
    for (size_t i = 0; i < 3; i++) {
        char text[200];
        put_text("file.conf", secrets[i][0]);
        assert_int_equal(chmod("file.conf", 0604), 0);
        snprintf(
            text, sizeof(text),
            "file.conf:1: %s: everybody on this machine may read the file (mode 0604), and this is a secret: "
            "chmod 600 was expected",
            secrets[i][1]);
        load_refused(NO_ENV, "file.conf", text);
        assert_int_equal(chmod("file.conf", 0600), 0);
        c = load_ok(NO_ENV, "file.conf");
        bw_conf_fini(&c);
    }
    put_text("file.conf", "keepa_api_key_file = secret\ndatabase_url = postgresql://u@h/b\n");
    assert_int_equal(chmod("file.conf", 0644), 0);
    c = load_ok(NO_ENV, "file.conf"); /* no secret in it */
    bw_conf_fini(&c);
}

static void test_slack(void **state)
{
    (void)state;
    put_text("file.conf", "slack_bot_token = xoxb-1\nslack_channel = C1\n");
    struct bw_conf c = load_ok(NO_ENV, "file.conf");
    assert_string_equal(c.slack_channel, "C1");
    bw_conf_fini(&c);
    load_refused(ENV("SLACK_WEBHOOK_URL=https://h/x"), "file.conf",
                 "environment: SLACK_WEBHOOK_URL is used instead of SLACK_BOT_TOKEN and SLACK_CHANNEL, but "
                 "there is also "
                 "file.conf:1: slack_bot_token: one way was expected");
    load_refused(ENV("SLACK_WEBHOOK_URL=https://h/x", "SLACK_CHANNEL=C1"), NULL,
                 "environment: SLACK_WEBHOOK_URL is used instead of SLACK_BOT_TOKEN and SLACK_CHANNEL, but "
                 "there is also "
                 "environment: SLACK_CHANNEL: one way was expected");
    load_refused(ENV("SLACK_BOT_TOKEN=xoxb-1"), NULL,
                 "environment: SLACK_BOT_TOKEN needs SLACK_CHANNEL, which is not set");
    load_refused(ENV("SLACK_CHANNEL=C1"), NULL,
                 "environment: SLACK_CHANNEL needs SLACK_BOT_TOKEN, which is not set");
    load_refused(
        ENV("SLACK_WEBHOOK_URL=h/x"), NULL,
        "environment: SLACK_WEBHOOK_URL: http:// or https:// URL was expected, without control characters");
    c = load_ok(ENV("SLACK_WEBHOOK_URL=https://h/x"), NULL);
    assert_string_equal(c.slack_webhook_url, "https://h/x");
    bw_conf_fini(&c);
}

/* Whatever is wrong with them: these values may hold a secret, so no message shows any of it. */
static void test_messages_hold_no_secret(void **state)
{
    static char rows[][48] = {
        "KEEPA_API_KEY=hush\x01",
        "SLACK_WEBHOOK_URL=hush",
        "BADGEWATCH_STATUS_TOKEN=hush\n",
        "REDIS_URL=:hush@127.0.0.1",
        "REDIS_URL=http://:hush@h",
        "DATABASE_URL=u:hush@h/db",
        "DATABASE_URL=postgresql://u:hush@h\n",
        "BADGEWATCH_HEARTBEAT_URL=//ping/hush",
        "KEEPA_BASE_URL=htp://u:hush@h",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *const env[] = {rows[i], NULL};
        struct bw_conf conf;
        struct bw_error error = {0};
        assert_int_not_equal(bw_conf_load(&conf, env, NULL, &error), BW_OK);
        assert_null(strstr(error.text, "hush"));
        assert_memory_equal(error.text, "environment: ", 13);
        assert_memory_equal(error.text + 13, rows[i], strcspn(rows[i], "="));
        assert_null(strpbrk(error.text, "\n\x01"));
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_environment_over_file),
        TEST(test_which_file),
        TEST(test_file_form),
        TEST(test_line_length),
        TEST(test_routes),
        TEST(test_routes_capped),
        TEST(test_files_refused),
        TEST(test_environment_refused),
        TEST(test_environment_warned_about),
        TEST(test_service_links),
        TEST(test_secret_files),
        TEST(test_urls_and_credentials),
        TEST(test_secret_files_refused),
        TEST(test_secrets_that_everybody_may_read),
        TEST(test_slack),
        TEST(test_messages_hold_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
