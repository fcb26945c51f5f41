/* The table, the help and the sample file say the same; and the table has what users were promised. */
#include "fixture.h"

#include "values.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Names and defaults that users, compose files and unit files hold on to: they change with a major version only. */
static const struct {
    const char *name, *fallback;
    bool secret;
} promised[] = {
    {"BADGEWATCH_CONFIG", "", false},
    {"KEEPA_API_KEY", "", true},
    {"KEEPA_BASE_URL", "https://api.keepa.com", false},
    {"SLACK_BOT_TOKEN", "", true},
    {"SLACK_CHANNEL", "", false},
    {"SLACK_BASE_URL", "https://slack.com/api", false},
    {"SLACK_WEBHOOK_URL", "", true},
    {"REDIS_URL", "redis://127.0.0.1:6379/0", false},
    {"DATABASE_URL", "postgresql:///badgewatch", false},
    {"BADGEWATCH_LISTEN", "127.0.0.1:9787", false},
    {"BADGEWATCH_LOG_LEVEL", "info", false},
    {"BADGEWATCH_LOG_FORMAT", "text", false},
    {"BADGEWATCH_DEFAULT_FREQUENCY", "60", false},
    {"BADGEWATCH_SUMMARY_AT", "08:00", false},
    {"BADGEWATCH_SUMMARIES", "daily", false},
    {"BADGEWATCH_HEALTH_EVERY", "15m", false},
    {"BADGEWATCH_MONTHLY_COST_CENTS", "4900", false},
    {"BADGEWATCH_CURRENCY", "EUR", false},
    {"BADGEWATCH_TOKEN_RESERVE", "10%", false},
    {"BADGEWATCH_GROUP_WINDOW", "2s", false},
    {"BADGEWATCH_ALERT_FLAP_CHANGES", "3", false},
    {"BADGEWATCH_ALERT_FLAP_WINDOW", "24h", false},
    {"BADGEWATCH_ALERT_FLAP_SETTLE", "6h", false},
    {"BADGEWATCH_KEEPA_UPDATE", "auto", false},
    {"BADGEWATCH_STATUS_TOKEN", "", true},
    {"BADGEWATCH_STATUS_OPEN", "no", false},
    {"BADGEWATCH_HEARTBEAT_URL", "", false},
    {"BADGEWATCH_CONCURRENCY", "4", false},
    {"BADGEWATCH_BACKFILL", "full", false},
    {"BADGEWATCH_MAX_BODY", "256MB", false},
    {"BADGEWATCH_MAX_PRODUCT", "8MB", false},
    {"BADGEWATCH_STAGE_LIMIT", "512MB", false},
    {"BADGEWATCH_RAW_RETENTION", "90d", false},
    {"BADGEWATCH_REDIS_PREFIX", "bw:", false},
};

#define PROMISED (sizeof(promised) / sizeof(promised[0]))

static char *text_of(void (*describe)(struct bw_buf *))
{
    struct bw_buf out;
    bw_buf_init(&out, 100000);
    describe(&out);
    assert_false(out.overflow);
    return bw_buf_take(&out, NULL);
}

static const struct setting *named(const char *name)
{
    for (size_t i = 0; i < SETTINGS_N; i++) {
        if (strcmp(bw_settings[i].name, name) == 0)
            return &bw_settings[i];
    }
    return NULL;
}

static void test_table(void **state)
{
    (void)state;
    assert_int_equal(SETTINGS_N, PROMISED);
    for (size_t i = 0; i < PROMISED; i++) {
        const struct setting *s = named(promised[i].name);
        if (!s) {
            fail_msg("no setting %s", promised[i].name);
            return; /* the analyzer does not know that the line above does not come back */
        }
        assert_string_equal(s->fallback, promised[i].fallback);
        assert_int_equal(setting_is_secret(s), promised[i].secret);
        assert_true(strlen(s->text) > 10 && strlen(s->form) > 3);
    }
}

static bool next_line(const char **text, char line[300])
{
    size_t len = strcspn(*text, "\n");
    if (**text == '\0')
        return false;
    assert_true(len <= 110); /* a terminal's width, more or less */
    memcpy(line, *text, len);
    line[len] = '\0';
    *text += len + ((*text)[len] == '\n');
    return true;
}

/* Rows up to an empty line; gives how many. */
static size_t help_rows(const char **at, const struct setting *settings, size_t most)
{
    char line[300];
    size_t n = 0;
    while (next_line(at, line) && line[0]) {
        char name[100], fallback[100];
        if (line[0] == ' ') /* more of the text */
            continue;
        assert_true(n < most);
        assert_int_equal(sscanf(line, "%99s %99s", name, fallback), 2);
        assert_string_equal(name, settings[n].name);
        assert_string_equal(fallback, settings[n].fallback[0] ? settings[n].fallback : "-");
        n++;
    }
    return n;
}

/* Each setting has its row with its default, in the table's order, and each row is a setting. */
static void test_help(void **state)
{
    char *help = text_of(bw_conf_help), line[300];
    size_t n = 0;
    (void)state;
    const char *at = strstr(help, "ENVIRONMENT");
    assert_non_null(at);
    assert_true(next_line(&at, line));
    n = help_rows(&at, bw_settings, SETTINGS_N);
    assert_int_equal(n, SETTINGS_N);
    at = strstr(at, "OF A ROUTE");
    assert_non_null(at);
    assert_true(next_line(&at, line));
    assert_int_equal(help_rows(&at, bw_route_settings, ROUTE_SETTINGS_N), ROUTE_SETTINGS_N);
    assert_string_equal(at, "");
    for (size_t i = 0; i < SETTINGS_N; i++) {
        char file_form[SETTING_NAME_MAX];
        setting_name(&bw_settings[i], false, true, file_form);
        assert_int_equal(strstr(help, file_form) != NULL, setting_has_file(&bw_settings[i]));
    }
    free(help);
}

/* Each setting has its line with its default, in the table's order, and each line is a setting. */
static void test_sample(void **state)
{
    char *sample = text_of(bw_conf_sample), line[300];
    const char *at = sample;
    size_t n = 0;
    bool file_form = false;
    (void)state;
    while (next_line(&at, line)) {
        char want[300], name[SETTING_NAME_MAX];
        assert_true(line[0] == '\0' || line[0] == ';');
        if (line[0] == '\0' || line[1] == ' ')
            continue;
        if (line[1] == '[')
            break;
        while (n < SETTINGS_N && bw_settings[n].kind == ENV_ONLY)
            n++;
        assert_true(n < SETTINGS_N);
        const struct setting *s = &bw_settings[n];
        setting_name(s, true, file_form, name);
        snprintf(want, sizeof(want), ";%s =%s%s", name, s->fallback[0] && !file_form ? " " : "",
                 file_form ? "" : s->fallback);
        assert_string_equal(line, want);
        file_form = !file_form && setting_has_file(s);
        n += !file_form;
    }
    assert_int_equal(n, SETTINGS_N);
    assert_string_equal(line, ";[route \"tag=acme\"]");
    for (n = 0; next_line(&at, line);) {
        char want[300];
        if (line[0] == '\0' || line[1] == ' ')
            continue;
        assert_true(n < ROUTE_SETTINGS_N);
        const struct setting *s = &bw_route_settings[n++];
        snprintf(want, sizeof(want), ";%s =%s%s", s->name, s->fallback[0] ? " " : "", s->fallback);
        assert_string_equal(line, want);
    }
    assert_int_equal(n, ROUTE_SETTINGS_N);
    free(sample);
}

static void test_sample_on_disk(void **state)
{
    char *sample = text_of(bw_conf_sample), text[20000];
    (void)state;
    FILE *f = fopen(BW_SOURCE_DIR "/conf/badgewatch.conf.sample", "re");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[n] = '\0';
    assert_string_equal(text, sample);
    free(sample);
}

/* With every ; taken away the sample loads, and gives the defaults. */
static void test_sample_loads(void **state)
{
    char *sample = text_of(bw_conf_sample), line[300];
    const char *at = sample;
    struct bw_buf file;
    (void)state;
    bw_buf_init(&file, 100000);
    while (next_line(&at, line)) {
        bool is_setting = line[0] == ';' && line[1] != ' ';
        assert_int_equal(bw_buf_addf(&file, "%s\n", line + is_setting), BW_OK);
    }
    put_text("file.conf", bw_buf_str(&file));
    struct bw_conf a = load_ok(NO_ENV, NULL), b = load_ok(NO_ENV, "file.conf");
    for (size_t i = 0; i < SETTINGS_N; i++) {
        const char *x = (const char *)&a + bw_settings[i].offset,
                   *y = (const char *)&b + bw_settings[i].offset;
        if (bw_settings[i].kind == ENV_ONLY)
            continue;
        if (setting_is_string(&bw_settings[i])) {
            assert_string_equal(*(char *const *)x, *(char *const *)y);
            free(*(char **)((char *)&b + bw_settings[i].offset));
            *(char **)((char *)&b + bw_settings[i].offset) =
                *(char *const *)x; /* the rest is compared as bytes */
        }
    }
    free(b.path);
    b.path = a.path;
    free(b.warnings);
    b.warnings = a.warnings;
    assert_int_equal(b.n_routes, 1);
    assert_string_equal(b.routes[0].tag, "acme");
    assert_string_equal(b.routes[0].channel, "");
    assert_int_equal(b.routes[0].quiet.from_min, b.routes[0].quiet.to_min);
    assert_int_equal(b.routes[0].min_priority, 0);
    assert_true(b.routes[0].trigger_on_gained && b.routes[0].trigger_on_lost);
    bw_route_fini(&b.routes[0]);
    free(b.routes);
    b.routes = a.routes;
    b.n_routes = a.n_routes;
    assert_memory_equal(&a, &b, sizeof(a));
    bw_conf_fini(&a);
    bw_buf_fini(&file);
    free(sample);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_sample_on_disk),
        cmocka_unit_test_setup_teardown(test_sample_loads, folder_set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
