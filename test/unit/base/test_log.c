/* Log lines: stderr is a datagram socket here, so one datagram is one write(2), and a line in two writes fails. */
#include "badgewatch/base/log.h"

#include "badgewatch/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static int sockets[2];
static int real_stderr;
static char got[70000];

static int set_up(void **state)
{
    (void)state;
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets) != 0)
        return -1;
    real_stderr = dup(STDERR_FILENO);
    return dup2(sockets[1], STDERR_FILENO) < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(sockets[0]);
    close(sockets[1]);
    bw_log_configure(BW_LOG_INFO, BW_LOG_TEXT);
    return 0;
}

/* The one line that was written, without its newline; "" if there was none. */
static const char *line(void)
{
    ssize_t n = recv(sockets[0], got, sizeof(got) - 1, 0);
    if (n < 0)
        return "";
    assert_true(n > 0);
    assert_int_equal(got[n - 1], '\n');
    got[n - 1] = '\0';
    assert_int_equal(strlen(got), n - 1);
    assert_null(strchr(got, '\n'));
    return got;
}

static const char *after_time(const char *text)
{
    char at[BW_TIME_TEXT];
    int64_t ms = 0;
    memcpy(at, text, 24);
    at[24] = '\0';
    assert_int_equal(bw_time_parse(at, &ms), BW_OK);
    assert_true(bw_wall_now().ms - ms >= 0 && bw_wall_now().ms - ms < 60000);
    return text + 24;
}

static void test_text(void **state)
{
    (void)state;
    bw_log_info("keepa", "%d products in %d ms", 95, 812);
    assert_string_equal(after_time(line()), " info  keepa: 95 products in 812 ms");
    bw_log_error("redis", "away");
    assert_string_equal(after_time(line()), " error redis: away");
    bw_log_warning("redis", "slow");
    assert_string_equal(after_time(line()), " warning redis: slow");
    assert_string_equal(line(), "");
}

static void test_levels(void **state)
{
    enum bw_log_level level;
    enum bw_log_format format;
    (void)state;
    bw_log_debug("x", "not shown");
    assert_string_equal(line(), "");
    assert_false(bw_log_enabled(BW_LOG_DEBUG));
    bw_log_configure(BW_LOG_ERROR, BW_LOG_TEXT);
    bw_log_warning("x", "not shown");
    assert_string_equal(line(), "");
    bw_log_configure(BW_LOG_DEBUG, BW_LOG_TEXT);
    bw_log_debug("x", "shown");
    assert_string_equal(after_time(line()), " debug x: shown");
    assert_int_equal(bw_log_level_parse("warning", &level), BW_OK);
    assert_int_equal(level, BW_LOG_WARNING);
    assert_int_not_equal(bw_log_level_parse("warn", &level), BW_OK);
    assert_int_equal(bw_log_format_parse("json", &format), BW_OK);
    assert_int_equal(format, BW_LOG_JSON);
    assert_int_not_equal(bw_log_format_parse("JSON", &format), BW_OK);
}

struct row {
    const char *in, *text, *json;
};

/* Not as a literal: clang-tidy would rightly take it for a trick on the reader. */
static const char turned[] = {'\xe2', '\x80', '\xae', '\0'};

static const struct row rows[] = {
    {"two\nlines\r\t", "two\\nlines\\r\\t", "two\\nlines\\r\\t"},
    {"\x1b[31mred", "\\x1b[31mred", "\\u001b[31mred"},
    {"\x7f", "\\x7f", "\\u007f"},
    {"say \"x\" \\ y", "say \"x\" \\ y", "say \\\"x\\\" \\\\ y"},
    {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\x89", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\x89",
     "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\x89"},
    {"\xc2\x9b"
     "31m",
     "\\x9b31m", "\\u009b31m"},                      /* C1: a terminal takes it for ESC [ */
    {turned, "\\u202e", "\\u202e"},                  /* turns the direction of writing */
    {"\xe2\x80\xa8", "\\u2028", "\\u2028"},          /* line separator */
    {"\xff|\xc3", "\\xff|\\xc3", "\\ufffd|\\ufffd"}, /* no UTF-8; cut at the end */
    {"\xc0\xaf", "\\xc0\\xaf", "\\ufffd\\ufffd"},    /* overlong */
    {"\xe0\x80\xaf", "\\xe0\\x80\\xaf", "\\ufffd\\ufffd\\ufffd"},
    {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\ufffd\\ufffd\\ufffd"}, /* a surrogate */
    {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"},
    {"\xe2\x82", "\\xe2\\x82", "\\ufffd\\ufffd"},
};

static void test_escapes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char want[200];
        bw_log_configure(BW_LOG_INFO, BW_LOG_TEXT);
        bw_log_info("p", "%s", rows[i].in);
        snprintf(want, sizeof(want), " info  p: %s", rows[i].text);
        assert_string_equal(after_time(line()), want);
        bw_log_configure(BW_LOG_INFO, BW_LOG_JSON);
        bw_log_info("p", "%s", rows[i].in);
        snprintf(want, sizeof(want), "\",\"level\":\"info\",\"part\":\"p\",\"msg\":\"%s\"}", rows[i].json);
        const char *json = line();
        assert_memory_equal(json, "{\"ts\":\"", 7);
        assert_string_equal(after_time(json + 7), want);
    }
}

static void test_long_lines(void **state)
{
    char text[20001];
    (void)state;
    for (size_t shift = 0; shift < 8; shift++) {
        memset(text, 'a', shift);
        for (size_t i = shift; i < 20000; i++)
            text[i] = "\xe2\x82\xac"[(i - shift) % 3];
        text[20000] = '\0';
        bw_log_configure(BW_LOG_INFO, BW_LOG_TEXT);
        bw_log_info("p", "%s", text);
        const char *out = line();
        size_t n = strlen(out);
        assert_true(n > 8000 && n < 8192);
        assert_string_equal(out + n - 3, "...");
        bw_log_configure(BW_LOG_INFO, BW_LOG_JSON);
        memset(text, '\n', 20000);
        bw_log_info("p", "%s", text);
        out = line();
        n = strlen(out);
        assert_true(n > 8000 && n < 8192);
        assert_string_equal(out + n - 7, "\\n...\"}"); /* a whole escape, and the object is closed */
    }
}

static void test_errno_survives(void **state)
{
    (void)state;
    errno = ENOSPC;
    close(STDERR_FILENO); /* the write fails with EBADF, and nobody hears of it */
    bw_log_info("p", "lost");
    assert_int_equal(errno, ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_levels, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_escapes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_errno_survives, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
