/* Each kind of value at its edges, sizes, and URLs without their secrets. */
#include "fixture.h"

#include "values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const struct setting *setting(const char *name)
{
    for (size_t i = 0; i < SETTINGS_N; i++) {
        if (strcmp(bw_settings[i].name, name) == 0)
            return &bw_settings[i];
    }
    fail_msg("no setting %s", name);
    return NULL;
}

static void check(const char *name, const char *text, bool ok)
{
    struct bw_conf conf = {0};
    if (setting_parse(setting(name), text, &conf) != ok)
        fail_msg("%s '%s' was %s", name, text, ok ? "refused" : "taken");
    bw_conf_fini(&conf);
}

static const struct {
    const char *name;
    const char *taken[8], *refused[16];
} values[] = {
    {"KEEPA_BASE_URL",
     {"http://127.0.0.1:8080", "https://h/p?q", "HTTPS://h", "http://[::1]:1/"},
     {"", "h", "ftp://h", "http://", "http:///x", "http://:80", "http://a b", "https:/h", "http://h\n"}},
    {"BADGEWATCH_HEARTBEAT_URL", {"", "https://hc-ping.com/x"}, {"h", "redis://h", "http://"}},
    {"REDIS_URL",
     {"redis://h", "redis://u:p@h:1/0", "redis://:p@h", "unix:///s?db=0", "rediss://h", "redis:///1"},
     {"", "h", "redis://", "http://h", "redis:h", "redis://a b"}},
    {"DATABASE_URL",
     {"postgresql:///b", "postgres://u:p@h/b?sslmode=require", "host=h dbname=b"},
     {"", "b", "mysql://h", "h:5432/b"}},
    {"BADGEWATCH_LISTEN",
     {"127.0.0.1:9787", "[::1]:0", ":9787", "localhost:65535", "[fe80::1%lo]:1"},
     {"", "9787", "127.0.0.1", "127.0.0.1:", "h:65536", "h:1x", "h:-1", "h:000080", "::1:9787", "[]:1",
      "a b:1", "[::1]"}},
    {"BADGEWATCH_STATUS_OPEN", {"yes", "no"}, {"", "1", "true", "YES", "yes "}},
    {"BADGEWATCH_LOG_LEVEL", {"error", "warning", "info", "debug"}, {"", "INFO", "trace"}},
    {"BADGEWATCH_LOG_FORMAT", {"text", "json"}, {"", "xml"}},
    {"BADGEWATCH_DEFAULT_FREQUENCY",
     {"1", "10080"},
     {"", "0", "10081", "60m", "1.5", "-1", "+5", " 5", "99999999999999999999"}},
    {"BADGEWATCH_SUMMARY_AT",
     {"00:00", "23:59", "off"},
     {"", "24:00", "12:60", "8:00", "08:00 ", "0800", "OFF", "08-00", "-1:00", "ab:cd"}},
    {"BADGEWATCH_SUMMARIES",
     {"daily", "weekly", "monthly", "monthly,daily,weekly", "daily, weekly"},
     {"", ",", "daily,", ",daily", "day", "Daily", "daily,daily", "daily weekly", "off", "daily;weekly",
      "yearly"}},
    {"BADGEWATCH_HEALTH_EVERY",
     {"500ms", "15m", "7d"},
     {"", "15", "0s", "15 m", "1y", "-15m", "1ms", "499ms"}},
    {"BADGEWATCH_MONTHLY_COST_CENTS", {"0", "4900", "100000000"}, {"", "-1", "100000001", "49.00", "49 EUR"}},
    {"BADGEWATCH_CURRENCY", {"EUR", "USD"}, {"", "eur", "EU", "EURO", "E1R", "\xe2\x82\xac"}},
    {"BADGEWATCH_TOKEN_RESERVE",
     {"0%", "10%", "2.5%", "90%"},
     {"", "10", "%", "91%", "-1%", "0x1%", "1e1%", "10 %", "10%%", "5.%", ".5%", "nan%", "inf%"}},
    {"BADGEWATCH_GROUP_WINDOW", {"1ms", "2s", "10m"}, {"", "2", "0s", "601s", "2h", "10d"}},
    {"BADGEWATCH_ALERT_FLAP_CHANGES", {"0", "3", "30"}, {"", "-1", "31", "3x"}},
    {"BADGEWATCH_ALERT_FLAP_WINDOW", {"24h", "1s"}, {"", "24", "999ms"}},
    {"BADGEWATCH_ALERT_FLAP_SETTLE", {"6h", "1s"}, {"", "6", "999ms"}},
    {"BADGEWATCH_RAW_RETENTION", {"1d", "90d", "24h", "3653d"}, {"", "90", "1ms", "23h", "3654d"}},
    {"BADGEWATCH_KEEPA_UPDATE", {"auto", "-1", "0", "8760"}, {"", "-2", "8761", "-1000", "live", "1h", "-"}},
    {"BADGEWATCH_CONCURRENCY", {"1", "64"}, {"", "0", "65", "4x"}},
    {"BADGEWATCH_BACKFILL", {"full", "off", "1", "36500"}, {"", "0", "36501", "-1", "30d", "Full"}},
    {"BADGEWATCH_MAX_BODY",
     {"1B", "8KB", "256MB", "1GB", "1024GB"},
     {"", "256", "0MB", "1TB", "1025GB", "8mb", "-1MB", "8 MB"}},
    {"BADGEWATCH_REDIS_PREFIX",
     {"bw:", "x", "0123456789012345678901234567890123456789"},
     {"", "01234567890123456789012345678901234567890", "b w", "b*", "b?", "[b]", "a|b", "b\t"}},
    {"SLACK_CHANNEL", {"", "C123", "#alerts"}, {"C1\n", "\x7f"}},
};

static void test_taken_and_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS(values); i++) {
        for (size_t k = 0; k < ROWS(values[i].taken) && values[i].taken[k]; k++)
            check(values[i].name, values[i].taken[k], true);
        for (size_t k = 0; k < ROWS(values[i].refused) && values[i].refused[k]; k++)
            check(values[i].name, values[i].refused[k], false);
    }
}

static void test_meaning(void **state)
{
    struct bw_conf c =
        load_ok(ENV("BADGEWATCH_STATUS_OPEN=yes", "BADGEWATCH_LOG_LEVEL=debug", "BADGEWATCH_LOG_FORMAT=json",
                    "BADGEWATCH_DEFAULT_FREQUENCY=30", "BADGEWATCH_SUMMARY_AT=23:59",
                    "BADGEWATCH_SUMMARIES=monthly, weekly", "BADGEWATCH_HEALTH_EVERY=500ms",
                    "BADGEWATCH_MONTHLY_COST_CENTS=1900", "BADGEWATCH_TOKEN_RESERVE=2.5%",
                    "BADGEWATCH_GROUP_WINDOW=3s", "BADGEWATCH_KEEPA_UPDATE=-1", "BADGEWATCH_CONCURRENCY=9",
                    "BADGEWATCH_BACKFILL=off", "BADGEWATCH_MAX_BODY=1KB", "BADGEWATCH_MAX_PRODUCT=2KB",
                    "BADGEWATCH_STAGE_LIMIT=3KB", "BADGEWATCH_RAW_RETENTION=1d",
                    "BADGEWATCH_HEARTBEAT_URL=https://h/x"),
                NULL);
    (void)state;
    assert_true(c.status_open);
    assert_int_equal(c.log_level, BW_LOG_DEBUG);
    assert_int_equal(c.log_format, BW_LOG_JSON);
    assert_int_equal(c.default_frequency_min, 30);
    assert_int_equal(c.summary_at_min, 23 * 60 + 59);
    assert_true(!c.summaries[BW_DAILY] && c.summaries[BW_WEEKLY] && c.summaries[BW_MONTHLY]);
    assert_int_equal(c.health_every_ms, 500);
    assert_int_equal(c.monthly_cost_cents, 1900);
    assert_true(c.token_reserve > 0.02499 && c.token_reserve < 0.02501);
    assert_int_equal(c.group_window_ms, 3000);
    assert_int_equal(c.keepa_update_h, -1);
    assert_int_equal(c.concurrency, 9);
    assert_int_equal(c.backfill_days, 1);
    assert_int_equal(c.max_body, 1024);
    assert_int_equal(c.max_product, 2048);
    assert_int_equal(c.stage_limit, 3072);
    assert_int_equal(c.raw_retention_ms, 86400000);
    assert_string_equal(c.heartbeat_url, "https://h/x");
    bw_conf_fini(&c);
    c = load_ok(ENV("BADGEWATCH_SUMMARY_AT=off", "BADGEWATCH_BACKFILL=30"), NULL);
    assert_int_equal(c.summary_at_min, -1);
    assert_int_equal(c.backfill_days, 30);
    bw_conf_fini(&c);
}

static void test_sizes(void **state)
{
    int64_t bytes = 77;
    (void)state;
    assert_int_equal(bw_size_parse("512B", &bytes), BW_OK);
    assert_int_equal(bytes, 512);
    assert_int_equal(bw_size_parse("1GB", &bytes), BW_OK);
    assert_int_equal(bytes, 1 << 30);
    assert_int_equal(bw_size_parse("99999999999999999999GB", &bytes), BW_ERR_TOO_BIG);
    assert_int_equal(bw_size_parse("MB", &bytes), BW_ERR_SYNTAX);
    assert_int_equal(bytes, 1 << 30);
}

/* Two values of one setting differ in it and in nothing else. */
static void test_differences(void **state)
{
    static const char *const at_restart[] = {"REDIS_URL", "DATABASE_URL", "BADGEWATCH_LISTEN",
                                             "BADGEWATCH_STATUS_OPEN", "BADGEWATCH_REDIS_PREFIX"};
    (void)state;
    for (size_t i = 0; i < ROWS(values); i++) {
        struct bw_conf a = {0}, b = {0};
        struct bw_buf live, later;
        bool restart = false;
        if (!values[i].taken[1])
            continue;
        bw_buf_init(&live, 4096);
        bw_buf_init(&later, 4096);
        for (size_t k = 0; k < ROWS(at_restart); k++)
            restart = restart || strcmp(values[i].name, at_restart[k]) == 0;
        assert_true(setting_parse(setting(values[i].name), values[i].taken[0], &a));
        assert_true(setting_parse(setting(values[i].name), values[i].taken[1], &b));
        bw_conf_differences(&a, &b, false, &live);
        bw_conf_differences(&a, &b, true, &later);
        assert_string_equal(bw_buf_str(restart ? &later : &live), values[i].name);
        assert_string_equal(bw_buf_str(restart ? &live : &later), "");
        bw_buf_clear(&live);
        bw_conf_differences(&a, &a, restart, &live);
        assert_string_equal(bw_buf_str(&live), "");
        bw_buf_fini(&live);
        bw_buf_fini(&later);
        bw_conf_fini(&a);
        bw_conf_fini(&b);
    }
}

static void test_redaction(void **state)
{
    static const struct {
        const char *url, *shown;
    } rows[] = {
        {"", ""},
        {"redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"},
        {"redis://u:p@h", "redis://u:***@h"},
        {"redis://:hush@h:6379/1", "redis://:***@h:6379/1"},
        {"redis://user@h", "redis://user@h"},
        {"redis://:hu/sh@h", "redis://:***@h"}, /* not encoded: hidden all the same */
        {"redis://:hu@sh@h", "redis://:***@h"},
        {"redis://:hu?sh@h", "redis://***"},
        {"redis://u:hu:sh@h:6379/1", "redis://u:***@h:6379/1"},
        {"postgresql://u:hu@:sh:@h1:5432,h2:5433/b?target_session_attrs=any",
         "postgresql://u:***@h1:5432,h2:5433/b?target_session_attrs=any"},
        {"postgresql://u:hu#sh@[::1]:5432/b", "postgresql://u:***@[::1]:5432/b"},
        {"unix:///path?db=0&password=hush", "unix:///path?db=0&password=***"},
        {"postgresql://u:hush@h:5432/b?sslmode=require&sslpassword=hush",
         "postgresql://u:***@h:5432/b?sslmode=require&sslpassword=***"},
        {"postgresql:///b?user=u&PASSWORD=hush", "postgresql:///b?user=u&PASSWORD=***"},
        {"https://api.keepa.com/product?key=hush&domain=1", "https://api.keepa.com/product?key=***&domain=1"},
        {"http://h/?token=hush", "http://h/?token=***"},
        {"http://h/?monkey=1&key", "http://h/?monkey=1&key"},
        {"http://h/?key=", "http://h/?key=***"},
        {"host=h password=hush user=u", "host=h password=*** user=u"},
        {"sslpassword=hush password=hush", "sslpassword=*** password=***"},
        {"password = 'hu sh' host=h", "password = *** host=h"},
        {"password='hu\\'sh x' host=h", "password=*** host=h"},
        {"host=h password=postgres://hush@x", "host=h password=***"},
        {"password='hush", "password=***"},
        {"just words", "just words"},
    };
    (void)state;
    for (size_t i = 0; i < ROWS(rows); i++) {
        struct bw_buf out;
        bw_buf_init(&out, 1000);
        bw_conf_redact_url(rows[i].url, &out);
        assert_string_equal(bw_buf_str(&out), rows[i].shown);
        bw_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken_and_refused),
        cmocka_unit_test(test_differences),
        cmocka_unit_test_setup_teardown(test_meaning, folder_set_up, folder_tear_down),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_redaction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
