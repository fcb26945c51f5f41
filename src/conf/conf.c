/* Reading of settings. Two layers, environment over file; in each a setting may stand once, as X or as X_FILE. Everything
 * is parsed before anything is used: a load succeeds whole or leaves nothing. */
#include "badgewatch/conf/conf.h"

#include "badgewatch/base/alloc.h"
#include "values.h"

#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SETTINGS_MAX 64
#define SECRET_MAX   8192
#define DEFAULT_PATH "conf/badgewatch.conf"

/* What a layer says of one setting. */
struct given {
    char *text;      /* the value, or the path of its file */
    bool is_file;    /* X_FILE */
    char where[300]; /* "environment", or "file:line" */
};

struct layers {
    struct given environment[SETTINGS_MAX];
    struct given file[SETTINGS_MAX];
    const char *path;
    FILE *stream;
    int line;     /* read last */
    int too_long; /* the first line that is; 0 = none */
    struct bw_error *error;
    enum bw_err err;
};

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static void drop(struct layers *l)
{
    for (size_t i = 0; i < SETTINGS_MAX; i++) {
        wipe(l->environment[i].text);
        wipe(l->file[i].text);
    }
}

/* ---- names ---- */

/* Index of the setting that `name` means; -1 if none. *is_file: it was its _FILE form. */
static int find(const char *name, bool in_file, bool *is_file)
{
    for (size_t i = 0; i < bw_settings_n; i++) {
        char want[80], want_file[96];
        if (in_file)
            setting_file_name(bw_settings[i].name, want, sizeof(want));
        else
            snprintf(want, sizeof(want), "%s", bw_settings[i].name);
        snprintf(want_file, sizeof(want_file), "%s%s", want, in_file ? "_file" : "_FILE");
        *is_file = bw_settings[i].kind == SECRET && strcmp(name, want_file) == 0;
        if (*is_file || strcmp(name, want) == 0)
            return (int)i;
    }
    return -1;
}

static size_t distance(const char *a, const char *b)
{
    size_t row[96];
    size_t n = strlen(b);
    if (n >= 95)
        return 95;
    for (size_t k = 0; k <= n; k++)
        row[k] = k;
    for (size_t i = 1; a[i - 1]; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= n; k++) {
            size_t change = diagonal + (a[i - 1] != b[k - 1]);
            size_t insert = row[k - 1] + 1, remove = row[k] + 1;
            diagonal = row[k];
            row[k] = change < insert ? change : insert;
            row[k] = row[k] < remove ? row[k] : remove;
        }
    }
    return row[n];
}

/* The known name nearest to a wrong one, for the message. */
static void nearest(const char *name, bool in_file, char *out, size_t size)
{
    size_t best = 1000;
    for (size_t i = 0; i < bw_settings_n; i++) {
        char known[80];
        if (in_file)
            setting_file_name(bw_settings[i].name, known, sizeof(known));
        else
            snprintf(known, sizeof(known), "%s", bw_settings[i].name);
        size_t d = distance(name, known);
        if (d < best) {
            best = d;
            snprintf(out, size, "%s", known);
        }
    }
}

/* ---- layers ---- */

static enum bw_err give(struct layers *l, struct given *layer, bool in_file, const char *where,
                        const char *name, const char *value)
{
    bool is_file = false;
    int i = find(name, in_file, &is_file);
    if (i < 0) {
        char known[80] = "";
        nearest(name, in_file, known, sizeof(known));
        return bw_error_set(l->error, BW_ERR_INVALID, "%s: unknown setting '%s'; did you mean '%s'?", where,
                            name, known);
    }
    struct given *g = &layer[i];
    if (g->text)
        return bw_error_set(l->error, BW_ERR_INVALID, "%s: '%s' is given twice (also at %s)", where, name,
                            g->where);
    g->text = bw_strdup(value);
    g->is_file = is_file;
    snprintf(g->where, sizeof(g->where), "%s", where);
    return BW_OK;
}

static enum bw_err read_environment(struct layers *l, char *const *envp)
{
    for (; *envp; envp++) {
        const char *equals = strchr(*envp, '=');
        bool is_file;
        if (!equals || equals[1] == '\0') /* set to nothing counts as not set */
            continue;
        char name[96];
        size_t len = (size_t)(equals - *envp);
        bool ours = strncmp(*envp, "BADGEWATCH_", 11) == 0;
        if (len >= sizeof(name)) {
            if (ours)
                return bw_error_set(l->error, BW_ERR_INVALID, "environment: unknown setting '%.40s...'",
                                    *envp);
            continue;
        }
        memcpy(name, *envp, len);
        name[len] = '\0';
        if (strcmp(name, "BADGEWATCH_CONFIG") == 0 || (!ours && find(name, false, &is_file) < 0))
            continue;
        enum bw_err err = give(l, l->environment, false, "environment", name, equals + 1);
        if (err != BW_OK)
            return err;
    }
    return BW_OK;
}

/* Debian's libinih is built without line numbers for its handler: the reader below counts, and at each call the line
 * it gave last is the one in hand. */
static int on_ini(void *user, const char *section, const char *name, const char *value)
{
    struct layers *l = user;
    char where[300];
    snprintf(where, sizeof(where), "%s:%d", l->path, l->line);
    if (l->err != BW_OK)
        return 1;
    if (section[0])
        l->err =
            bw_error_set(l->error, BW_ERR_INVALID, "%s: section '[%s]' was not expected", where, section);
    else
        l->err = give(l, l->file, true, where, name, value);
    return l->err == BW_OK;
}

/* libinih hands over lines cut at its buffer and would take the rest for another line: such a file is refused. */
static char *read_line(char *text, int size, void *stream)
{
    struct layers *l = stream;
    char *got = fgets(text, size, l->stream);
    l->line++;
    if (got && strlen(got) == (size_t)size - 1 && got[size - 2] != '\n' && !feof(l->stream) && !l->too_long)
        l->too_long = l->line;
    return got;
}

static enum bw_err read_file(struct layers *l, const char *path, bool must_exist)
{
    l->stream = fopen(path, "re");
    if (!l->stream && errno == ENOENT && !must_exist)
        return BW_OK;
    if (!l->stream)
        return bw_error_set(l->error, BW_ERR_SYSTEM, "settings file '%s': %s", path, strerror(errno));
    l->path = path;
    int bad = ini_parse_stream(read_line, l, on_ini, l);
    fclose(l->stream);
    if (l->too_long)
        return bw_error_set(l->error, BW_ERR_TOO_BIG,
                            "%s:%d: the line is longer than 198 bytes (use the environment, or a file)", path,
                            l->too_long);
    if (l->err != BW_OK)
        return l->err;
    if (bad != 0)
        return bw_error_set(l->error, BW_ERR_SYNTAX, "%s:%d: 'name = value' was expected", path, bad);
    return BW_OK;
}

/* ---- values ---- */

static enum bw_err read_secret(struct layers *l, const struct setting *s, const struct given *g, char **out)
{
    char text[SECRET_MAX];
    FILE *f = fopen(g->text, "re");
    if (!f)
        return bw_error_set(l->error, BW_ERR_SYSTEM, "%s: %s_FILE '%s': %s", g->where, s->name, g->text,
                            strerror(errno));
    size_t n = fread(text, 1, sizeof(text) - 1, f);
    bool failed = ferror(f) != 0;
    fclose(f);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    text[n] = '\0';
    enum bw_err err = BW_OK;
    if (failed)
        err = bw_error_set(l->error, BW_ERR_SYSTEM, "%s: %s_FILE '%s' cannot be read", g->where, s->name,
                           g->text);
    else if (n == 0)
        err = bw_error_set(l->error, BW_ERR_INVALID, "%s: %s_FILE '%s' is empty", g->where, s->name, g->text);
    else if (n == sizeof(text) - 1 || strlen(text) != n)
        err = bw_error_set(l->error, BW_ERR_INVALID, "%s: %s_FILE '%s' does not hold a secret", g->where,
                           s->name, g->text);
    else
        *out = bw_strdup(text);
    explicit_bzero(text, sizeof(text));
    return err;
}

static enum bw_err apply(struct layers *l, size_t i, struct bw_conf *conf)
{
    const struct setting *s = &bw_settings[i];
    const struct given *g = l->environment[i].text ? &l->environment[i] : &l->file[i];
    const char *text = g->text && g->text[0] ? g->text : s->fallback;
    char *secret = NULL;
    if (g->text && g->is_file) {
        enum bw_err err = read_secret(l, s, g, &secret);
        if (err != BW_OK)
            return err;
        text = secret;
    }
    bool ok = setting_parse(s, text, conf);
    wipe(secret);
    if (ok)
        return BW_OK;
    if (s->kind == SECRET) /* never shown */
        return bw_error_set(l->error, BW_ERR_INVALID, "%s: %s: a printable text was expected", g->where,
                            s->name);
    struct bw_buf shown;
    bw_buf_init(&shown, 4096);
    bw_conf_redact_url(text, &shown);
    enum bw_err err = bw_error_set(l->error, BW_ERR_INVALID, "%s: %s '%s': %s was expected", g->where,
                                   s->name, bw_buf_str(&shown), s->form);
    bw_buf_fini(&shown);
    return err;
}

static enum bw_err check_slack(const struct bw_conf *c, struct bw_error *error)
{
    bool token = c->slack_bot_token[0], channel = c->slack_channel[0], hook = c->slack_webhook_url[0];
    if (hook && (token || channel))
        return bw_error_set(
            error, BW_ERR_INVALID,
            "SLACK_WEBHOOK_URL is instead of SLACK_BOT_TOKEN and SLACK_CHANNEL: one way was expected");
    if (token && !channel)
        return bw_error_set(error, BW_ERR_INVALID,
                            "SLACK_CHANNEL was expected, since SLACK_BOT_TOKEN is set");
    if (channel && !token)
        return bw_error_set(error, BW_ERR_INVALID,
                            "SLACK_BOT_TOKEN was expected, since SLACK_CHANNEL is set");
    if (hook && strncmp(c->slack_webhook_url, "https://", 8) != 0 &&
        strncmp(c->slack_webhook_url, "http://", 7) != 0)
        return bw_error_set(error, BW_ERR_INVALID, "SLACK_WEBHOOK_URL: a URL was expected");
    return BW_OK;
}

static enum bw_err load(struct layers *l, struct bw_conf *conf, char *const *envp, const char *path)
{
    enum bw_err err = read_environment(l, envp);
    if (err != BW_OK)
        return err;
    const char *named = path;
    for (char *const *e = envp; !named && *e; e++) {
        if (strncmp(*e, "BADGEWATCH_CONFIG=", 18) == 0 && (*e)[18])
            named = *e + 18;
    }
    err = read_file(l, named ? named : DEFAULT_PATH, named != NULL);
    for (size_t i = 0; err == BW_OK && i < bw_settings_n; i++)
        err = apply(l, i, conf);
    if (err == BW_OK)
        err = check_slack(conf, l->error);
    conf->path = bw_strdup(l->path);
    return err;
}

enum bw_err bw_conf_load(struct bw_conf *conf, char *const *envp, const char *path, struct bw_error *error)
{
    struct layers l = {.path = "", .error = error};
    *conf = (struct bw_conf){0};
    enum bw_err err = load(&l, conf, envp, path);
    drop(&l);
    if (err != BW_OK)
        bw_conf_fini(conf);
    return err;
}

void bw_conf_fini(struct bw_conf *conf)
{
    for (size_t i = 0; i < bw_settings_n; i++) {
        if (setting_is_string(&bw_settings[i]))
            wipe(*(char **)((char *)conf + bw_settings[i].offset));
    }
    free(conf->path);
    *conf = (struct bw_conf){0};
}
