/* TLS: a certificate that no authority signed, one for another name or past its time, and a protocol too old, end the call
 * before anything is sent.
 *
 * The other side is openssl(1) s_server with a key made for the run. */
#include "http_fixture.h"

#include "badgewatch/base/alloc.h"

#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
    pid_t pid;
    FILE *output;
    char url[128];
};

static bool run_openssl(const char *const args[], int output, pid_t *pid)
{
    char *argv[24] = {NULL}; /* posix_spawn wants texts that it might change */
    posix_spawn_file_actions_t actions;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", 1, 0);
    if (output >= 0)
        posix_spawn_file_actions_adddup2(&actions, output, 1);
    for (size_t i = 0; args[i]; i++)
        argv[i] = bw_strdup(args[i]);
    bool ok = posix_spawnp(pid, "openssl", &actions, NULL, argv, environ) == 0;
    for (size_t i = 0; argv[i]; i++)
        free(argv[i]);
    posix_spawn_file_actions_destroy(&actions);
    return ok;
}

static bool openssl(const char *const args[])
{
    pid_t pid;
    int status;
    return run_openssl(args, -1, &pid) && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool make_certificate(const char *key, const char *cert)
{
    const char *const args[] = {
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
        "-out",    cert,  "-days", "2",       "-subj",    "/CN=me", "-addext", "subjectAltName=IP:127.0.0.1",
        NULL};
    return openssl(args);
}

/* In the working folder: authority.crt, and server.crt that it signed for this name, valid until `days` from now. */
static void make_signed_certificate(const char *name, const char *days)
{
    const char *const authority[] = {"openssl", "req",           "-x509", "-newkey",       "rsa:2048",
                                     "-nodes",  "-days",         "2",     "-keyout",       "authority.key",
                                     "-out",    "authority.crt", "-subj", "/CN=authority", NULL};
    const char *const request[] = {"openssl",    "req",  "-newkey",    "rsa:2048", "-nodes",     "-keyout",
                                   "server.key", "-out", "server.csr", "-subj",    "/CN=server", NULL};
    const char *const sign[] = {"openssl",       "x509",   "-req",          "-in",   "server.csr", "-CA",
                                "authority.crt", "-CAkey", "authority.key", "-days", days,         "-extfile",
                                "names",         "-out",   "server.crt",    NULL};
    FILE *names = fopen("names", "w");
    assert_non_null(names);
    fprintf(names, "subjectAltName=%s\n", name);
    assert_int_equal(fclose(names), 0);
    assert_true(openssl(authority) && openssl(request) && openssl(sign));
}

/* version: "-tls1_1" and so on, or "-www" once more for any. */
static void start_server(struct server *s, const char *key, const char *cert, const char *version)
{
    const char *const args[] = {"openssl", "s_server",        "-accept", "127.0.0.1:0", "-key",
                                key,       "-cert",           cert,      "-www",        version,
                                "-cipher", "ALL:@SECLEVEL=0", NULL};
    int out[2], port = 0;
    char line[256];

    assert_int_equal(pipe(out), 0);
    assert_true(run_openssl(args, out[1], &s->pid));
    close(out[1]);
    s->output = fdopen(out[0], "r");
    while (port == 0 && fgets(line, sizeof line, s->output)) {
        if (strncmp(line, "ACCEPT ", 7) == 0 && strrchr(line, ':'))
            port = (int)strtol(strrchr(line, ':') + 1, NULL, 10);
    }
    assert_true(port > 0);
    snprintf(s->url, sizeof s->url, "https://127.0.0.1:%d/?key=s3cr3tkey", port);
}

static void stop_server(struct server *s)
{
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    fclose(s->output);
}

static void peer_that_cannot_be_trusted(void **state)
{
    struct client *c = *state;
    char folder[] = "/tmp/bw-test-tls-XXXXXX", key[64], cert[64];
    const struct {
        const char *version;
        const char *reason;
    } cases[] = {{"-www", "certificate"}, {"-tls1_2", "certificate"}, {"-tls1_1", "TLS"}};

    assert_non_null(mkdtemp(folder));
    snprintf(key, sizeof key, "%s/key.pem", folder);
    snprintf(cert, sizeof cert, "%s/cert.pem", folder);
    if (!make_certificate(key, cert)) {
        rmdir(folder);
        skip();
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server server;
        struct got got;
        start_server(&server, key, cert, cases[i].version);
        fetch(c, &(struct bw_http_request){.method = BW_HTTP_POST, .url = server.url}, &got);
        stop_server(&server);
        assert_int_equal(got.r.err, BW_ERR_UNAVAILABLE);
        assert_false(got.r.sent);
        if (!strcasestr(got.r.reason, cases[i].reason) || strstr(got.r.reason, "s3cr3tkey"))
            fail_msg("%s: reason '%s'", cases[i].version, got.r.reason);
    }
    unlink(key);
    unlink(cert);
    rmdir(folder);
}

static void fetch_once(const char *url, struct got *got)
{
    void *state = NULL;
    assert_int_equal(client_setup(&state), 0);
    fetch(state, &(struct bw_http_request){.method = BW_HTTP_GET, .url = url}, got);
    assert_int_equal(client_teardown(&state), 0);
}

static void name_and_time_of_a_certificate(void **state)
{
    static const struct {
        const char *name, *days, *reason; /* NULL: it is trusted */
    } cases[] = {{"IP:127.0.0.1", "1", NULL},
                 {"DNS:api.keepa.com", "1", "subject name"},
                 {"IP:127.0.0.1", "-1", "certificate"}};
    static const char *const files[] = {"authority.key", "authority.crt", "server.key",
                                        "server.csr",    "server.crt",    "names"};
    char folder[] = "/tmp/bw-test-tls-XXXXXX";

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    setenv("SSL_CERT_FILE", "authority.crt", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct server server;
        struct got got;
        make_signed_certificate(cases[i].name, cases[i].days);
        start_server(&server, "server.key", "server.crt", "-www");
        fetch_once(server.url, &got);
        stop_server(&server);
        assert_int_equal(got.r.sent, cases[i].reason == NULL);
        if (cases[i].reason)
            assert_int_equal(got.r.err, BW_ERR_UNAVAILABLE);
        if (cases[i].reason && !strcasestr(got.r.reason, cases[i].reason))
            fail_msg("%s, %s days: reason '%s'", cases[i].name, cases[i].days, got.r.reason);
    }
    unsetenv("SSL_CERT_FILE");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        unlink(files[i]);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_and_time_of_a_certificate),
        cmocka_unit_test_setup_teardown(peer_that_cannot_be_trusted, client_setup, client_teardown),
    };
    return cmocka_run_group_tests_name("http_tls", tests, NULL, NULL);
}
