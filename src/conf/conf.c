/* Loading of settings: the layers are read, then each setting is parsed from the layer that counts or from its
 * default, then what must fit together is compared. A load succeeds whole or leaves nothing; nothing is in use before
 * it ends, so a refused file changes nothing (SIGHUP). */
#include "badgewatch/conf/conf.h"

#include "badgewatch/base/alloc.h"
#include "layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECRET_MAX 8192
/* Where Docker and its like lay a container's secrets, 0444 by default: nobody else is in there to read them. */
#define ENGINE_SECRETS "/run/secrets/"
#define DEFAULT_PATH   "conf/badgewatch.conf"

/* At most size bytes of a file (0 = ok, else errno). A pipe is fine, as in BADGEWATCH_X_FILE=/dev/fd/3. mode: of a file
 * that everybody may read, else 0. */
static int slurp(const char *path, char *text, size_t size, size_t *n, unsigned *mode)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    *mode = fd < 0 ? 0 : open_to_all(fd);
    ssize_t got = fd < 0 ? -1 : 1;
    for (*n = 0; got > 0 && *n<size; *n += got> 0 ? (size_t)got : 0) {
        do
            got = read(fd, text + *n, size - *n);
        while (got < 0 && errno == EINTR);
    }
    int failed = got < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    return failed;
}

/* The secret in the file that a _FILE setting names. */
static enum bw_err read_secret(const char *path, const char *place, char **out, struct bw_error *error)
{
    char text[SECRET_MAX + 1];
    size_t n = 0;
    unsigned mode;
    int failed = slurp(path, text, sizeof(text), &n, &mode);
    bool too_long = n == sizeof(text);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    enum bw_err err = BW_OK;
    if (failed)
        err = bw_error_set(error, BW_ERR_SYSTEM, "%s '%s': %s", place, path, strerror(failed));
    else if (mode != 0 && strncmp(path, ENGINE_SECRETS, sizeof(ENGINE_SECRETS) - 1) != 0)
        err =
            bw_error_set(error, BW_ERR_INVALID,
                         "%s '%s': everybody on this machine may read it (mode %04o): chmod 600 was expected",
                         place, path, mode);
    else if (too_long)
        err = bw_error_set(error, BW_ERR_TOO_BIG, "%s '%s': the file is longer than %d bytes", place, path,
                           SECRET_MAX);
    else if (n == 0)
        err = bw_error_set(error, BW_ERR_INVALID, "%s '%s': the file is empty", place, path);
    else if (memchr(text, '\0', n))
        err = bw_error_set(error, BW_ERR_INVALID, "%s '%s': the file is no text", place, path);
    else
        *out = bw_strndup(text, n);
    explicit_bzero(text, sizeof(text));
    return err;
}

/* A secret that stands in the settings file itself, or a URL with a password. */
static bool is_in_open_file(const struct layers *l, const struct setting *s, const struct given *g)
{
    if (l->open_mode == 0 || !g->text || g->line == 0 || g->is_file)
        return false;
    struct bw_buf shown;
    bw_buf_init(&shown, (size_t)1 << 16);
    bw_conf_redact_url(g->text, &shown);
    bool hides = strcmp(bw_buf_str(&shown), g->text) != 0;
    bw_buf_fini(&shown);
    return setting_is_secret(s) || hides;
}

/* Sets the member of object, a struct bw_conf or bw_route. place: where what is given stands. */
static enum bw_err apply(const struct layers *l, const struct setting *s, const struct given *g,
                         const char *place, void *object, struct bw_error *error)
{
    const char *text = g->text ? g->text : s->fallback;
    char *secret = NULL;
    if (is_in_open_file(l, s, g))
        return bw_error_set(
            error, BW_ERR_INVALID,
            "%s: everybody on this machine may read the file (mode %04o), and this is a secret: "
            "chmod 600 was expected",
            place, l->open_mode);
    if (g->is_file) {
        enum bw_err err = read_secret(text, place, &secret, error);
        if (err != BW_OK)
            return err;
        text = secret;
    }
    bool ok = setting_parse(s, text, object);
    wipe(secret);
    if (ok)
        return BW_OK;
    if (!setting_is_shown(s))
        return bw_error_set(error, BW_ERR_INVALID, "%s: %s was expected, without control characters", place,
                            s->form);
    return bw_error_set(error, BW_ERR_INVALID, "%s '%.100s': %s was expected", place, text, s->form);
}

static enum bw_err apply_settings(const struct layers *l, struct bw_conf *conf, struct bw_error *error)
{
    enum bw_err err = BW_OK;
    for (size_t i = 0; err == BW_OK && i < SETTINGS_N; i++) {
        char place[PLACE_MAX];
        layers_place(l, i, place);
        if (bw_settings[i].kind != ENV_ONLY)
            err = apply(l, &bw_settings[i], layers_of(l, i), place, conf, error);
    }
    return err;
}

/* Channels are the bot's: a webhook has one of its own, and that of the default route is SLACK_CHANNEL. */
static enum bw_err check_route(const struct layers *l, const struct given_route *given,
                               struct bw_error *error)
{
    char place[PLACE_MAX];
    layers_route_place(l, given, ROUTE_AT_channel, place);
    if (!given->values[ROUTE_AT_channel].text)
        return BW_OK;
    if (!given->tag[0])
        return bw_error_set(error, BW_ERR_INVALID, "%s: the channel of the default route is slack_channel",
                            place);
    if (layers_of(l, AT_slack_webhook_url)->text)
        return bw_error_set(
            error, BW_ERR_INVALID,
            "%s needs SLACK_BOT_TOKEN and SLACK_CHANNEL: a webhook has one channel of its own", place);
    return BW_OK;
}

static enum bw_err apply_routes(const struct layers *l, struct bw_conf *conf, struct bw_error *error)
{
    enum bw_err err = BW_OK;
    conf->routes = bw_alloc_array(l->n_routes, sizeof(*conf->routes));
    for (; err == BW_OK && conf->n_routes < l->n_routes;) {
        const struct given_route *given = &l->routes[conf->n_routes];
        struct bw_route *route = &conf->routes[conf->n_routes++];
        route->tag = bw_strdup(given->tag);
        for (size_t k = 0; err == BW_OK && k < ROUTE_SETTINGS_N; k++) {
            char place[PLACE_MAX];
            layers_route_place(l, given, k, place);
            err = apply(l, &bw_route_settings[k], &given->values[k], place, route, error);
        }
        if (err == BW_OK)
            err = check_route(l, given, error);
    }
    return err;
}

/* Slack is told by a bot token and a channel, or by a webhook. */
static enum bw_err check_slack(const struct layers *l, struct bw_error *error)
{
    bool has_token = layers_of(l, AT_slack_bot_token)->text,
         has_channel = layers_of(l, AT_slack_channel)->text;
    size_t token_or_channel = has_token ? AT_slack_bot_token : AT_slack_channel;
    char one[PLACE_MAX], two[PLACE_MAX];
    if (layers_of(l, AT_slack_webhook_url)->text && (has_token || has_channel)) {
        layers_place(l, AT_slack_webhook_url, one);
        layers_place(l, token_or_channel, two);
        return bw_error_set(
            error, BW_ERR_INVALID,
            "%s is used instead of SLACK_BOT_TOKEN and SLACK_CHANNEL, but there is also %s: one way "
            "was expected",
            one, two);
    }
    if (has_token == has_channel)
        return BW_OK;
    layers_place(l, token_or_channel, one);
    return bw_error_set(error, BW_ERR_INVALID, "%s needs %s, which is not set", one,
                        bw_settings[has_token ? AT_slack_channel : AT_slack_bot_token].name);
}

static enum bw_err load(struct layers *l, struct bw_conf *conf, char *const *envp, const char *path,
                        struct bw_error *error)
{
    enum bw_err err = layers_read_environment(l, envp, error);
    if (err != BW_OK)
        return err;
    if (!path)
        path = layers_of(l, AT_path)->text;
    err = layers_read_file(l, path ? path : DEFAULT_PATH, path != NULL, error);
    if (err == BW_OK)
        err = apply_settings(l, conf, error);
    if (err == BW_OK)
        err = check_slack(l, error);
    if (err == BW_OK)
        err = apply_routes(l, conf, error);
    conf->path = bw_strdup(l->path ? l->path : "");
    conf->warnings = bw_strdup(bw_buf_str(&l->strange));
    return err;
}

/* Names and values in a message are what somebody typed; it goes to a terminal. */
static void make_printable(char *text)
{
    for (char *p = text; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
}

enum bw_err bw_conf_load(struct bw_conf *conf, char *const *envp, const char *path, struct bw_error *error)
{
    struct layers layers;
    struct bw_conf fresh = {0};
    layers_init(&layers);
    enum bw_err err = load(&layers, &fresh, envp, path, error);
    layers_fini(&layers);
    if (err == BW_OK) {
        *conf = fresh;
    } else {
        bw_conf_fini(&fresh);
        if (error)
            make_printable(error->text);
    }
    return err;
}

static bool same_routes(const struct bw_conf *a, const struct bw_conf *b)
{
    if (a->n_routes != b->n_routes)
        return false;
    for (size_t i = 0; i < a->n_routes; i++) {
        if (strcmp(a->routes[i].tag, b->routes[i].tag) != 0)
            return false;
        for (size_t k = 0; k < ROUTE_SETTINGS_N; k++) {
            if (!setting_equal(&bw_route_settings[k], &a->routes[i], &b->routes[i]))
                return false;
        }
    }
    return true;
}

void bw_conf_differences(const struct bw_conf *a, const struct bw_conf *b, bool at_restart,
                         struct bw_buf *out)
{
    for (size_t i = 0; i < SETTINGS_N; i++) {
        const struct setting *s = &bw_settings[i];
        if (s->at_restart == at_restart && !setting_equal(s, a, b))
            bw_buf_addf(out, "%s%s", out->len ? ", " : "", s->name);
    }
    if (!at_restart && !same_routes(a, b))
        bw_buf_addf(out, "%sroutes", out->len ? ", " : "");
}

void bw_conf_warn(const struct bw_conf *conf)
{
    for (const char *line = conf->warnings; *line;) {
        size_t len = strcspn(line, "\n");
        char *text = bw_strndup(line, len);
        make_printable(text);
        bw_log_warning("settings", "%s", text);
        free(text);
        line += len + (line[len] == '\n');
    }
}

void bw_conf_fini(struct bw_conf *conf)
{
    for (size_t i = 0; i < SETTINGS_N; i++) {
        if (setting_is_string(&bw_settings[i]))
            wipe(*(char **)((char *)conf + bw_settings[i].offset));
    }
    for (size_t i = 0; i < conf->n_routes; i++)
        bw_route_fini(&conf->routes[i]);
    free(conf->routes);
    free(conf->warnings);
    *conf = (struct bw_conf){0};
}
