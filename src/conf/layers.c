/* The two layers of settings. In each a setting may stand once, as X or, for a secret, as X_FILE; a name that is not
 * known is told with the name that was probably meant, if any is near: in the file it is an error, in the environment, where others put
 * names too, a warning. Files of systemd's credentials count as the environment. An empty value is the same as none: that is how a compose file or a shell says "not set". The
 * first thing wrong ends the reading. */
#include "layers.h"

#include "badgewatch/base/alloc.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define OURS        "BADGEWATCH_"
#define STRANGE_MAX 4096
#define ADVICE_MAX  (SETTING_NAME_MAX + 20)
#define MARK        "\xef\xbb\xbf" /* byte order mark */
#define SECTION     "[route \"tag=NAME\"] or [route \"default\"] was expected"

void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

unsigned open_to_all(int fd)
{
    struct stat st;
    bool open = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH);
    return open ? st.st_mode & 07777 : 0;
}

void layers_init(struct layers *l)
{
    *l = (struct layers){0};
    bw_buf_init(&l->strange, STRANGE_MAX);
}

void layers_fini(struct layers *l)
{
    bw_buf_fini(&l->strange);
    for (size_t i = 0; i < SETTINGS_N; i++) {
        wipe(l->environment[i].text);
        wipe(l->file[i].text);
    }
    for (size_t i = 0; i < l->n_routes; i++) {
        for (size_t k = 0; k < ROUTE_SETTINGS_N; k++)
            free(l->routes[i].values[k].text);
        free(l->routes[i].tag);
    }
    free(l->routes);
    free(l->path);
    *l = (struct layers){0};
}

const struct given *layers_of(const struct layers *l, size_t i)
{
    return l->environment[i].text ? &l->environment[i] : &l->file[i];
}

static void place(const struct layers *l, int line, const char *name, char out[PLACE_MAX])
{
    if (line == 0)
        snprintf(out, PLACE_MAX, "environment: %s", name);
    else /* of a long path the end says more than the beginning */
        snprintf(out, PLACE_MAX, "%s:%d: %s",
                 strlen(l->path) > 200 ? l->path + strlen(l->path) - 200 : l->path, line, name);
}

void layers_place(const struct layers *l, size_t i, char out[PLACE_MAX])
{
    const struct given *g = layers_of(l, i);
    char name[SETTING_NAME_MAX];
    setting_name(&bw_settings[i], g->line > 0, g->is_file, name);
    place(l, g->line, name, out);
}

void layers_route_place(const struct layers *l, const struct given_route *r, size_t i, char out[PLACE_MAX])
{
    int line = r->values[i].line;
    place(l, line ? line : r->line, bw_route_settings[i].name, out);
}

/* ---- names ---- */

/* Settings that may stand in one place. */
struct table {
    const struct setting *list;
    size_t n;
    bool in_file;
};

static const struct table of_environment = {bw_settings, SETTINGS_N, false},
                          of_file = {bw_settings, SETTINGS_N, true},
                          of_route = {bw_route_settings, ROUTE_SETTINGS_N, true};

/* The setting that `name` means, and in which form; the table's n if none. */
static size_t find(const struct table *t, const char *name, bool *is_file)
{
    char known[SETTING_NAME_MAX];
    for (size_t i = 0; i < t->n; i++) {
        if (t->in_file && t->list[i].kind == ENV_ONLY)
            continue;
        for (int form = 0; form <= setting_has_file(&t->list[i]); form++) {
            *is_file = form == 1;
            setting_name(&t->list[i], t->in_file, *is_file, known);
            if (strcmp(name, known) == 0)
                return i;
        }
    }
    return t->n;
}

/* Letters to insert, remove or change to make b of a (Levenshtein); names past the longest known are all as far. */
static size_t distance(const char *a, const char *b)
{
    size_t row[SETTING_NAME_MAX];
    size_t len = strlen(b);
    for (size_t k = 0; k <= len; k++)
        row[k] = k;
    for (size_t i = 1; a[i - 1] && i < (size_t)2 * SETTING_NAME_MAX; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= len; k++) {
            size_t best = diagonal + (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[k - 1]));
            best = row[k - 1] + 1 < best ? row[k - 1] + 1 : best;
            best = row[k] + 1 < best ? row[k] + 1 : best;
            diagonal = row[k];
            row[k] = best;
        }
    }
    return row[len];
}

/* What to say of a wrong name: the known one nearest to it, where that is so near that it was probably meant. As with rustc and
 * cargo, a third of its letters may be wrong: what is suggested for just anything is not read. */
static void advise(const struct table *t, const char *name, char out[ADVICE_MAX])
{
    size_t prefix = sizeof(OURS) - 1, shared = 0;
    if (strncasecmp(name, OURS, prefix) == 0) {
        shared = t->in_file ? 0 : prefix;
        name += t->in_file ? prefix : 0; /* written as in the environment */
    }
    size_t letters = strnlen(name, SETTING_NAME_MAX) - shared;
    size_t best = (letters < 3 ? 3 : letters) / 3 + 1;
    snprintf(out, ADVICE_MAX, "see badgewatch help config");
    char known[SETTING_NAME_MAX];
    for (size_t i = 0; i < t->n; i++) {
        if (t->in_file && t->list[i].kind == ENV_ONLY)
            continue;
        for (int form = 0; form <= setting_has_file(&t->list[i]); form++) {
            setting_name(&t->list[i], t->in_file, form == 1, known);
            size_t d = distance(name, known);
            if (d >= best)
                continue;
            best = d;
            snprintf(out, ADVICE_MAX, "did you mean '%s'?", known);
        }
    }
}

static enum bw_err refuse_name(const struct layers *l, int line, const struct table *t, const char *name,
                               struct bw_error *error)
{
    bool is_file;
    char here[PLACE_MAX], advice[ADVICE_MAX];
    place(l, line, "", here);
    if (t == &of_route && find(&of_file, name, &is_file) < of_file.n)
        return bw_error_set(error, BW_ERR_INVALID,
                            "%s'%s' is no setting of a route; it was expected before the first [route]", here,
                            name);
    advise(t, name, advice);
    return bw_error_set(error, BW_ERR_INVALID, "%sunknown setting '%.60s'%s; %s", here, name,
                        t == &of_route ? " of a route" : "", advice);
}

/* One setting (line 0: of the environment) into its place among `given`. */
static enum bw_err give(struct layers *l, int line, const struct table *t, struct given *given,
                        const char *name, const char *value, struct bw_error *error)
{
    bool is_file = false, in_file = line > 0;
    char here[PLACE_MAX], other[SETTING_NAME_MAX];
    size_t i = find(t, name, &is_file);
    if (i == t->n)
        return refuse_name(l, line, t, name, error);
    struct given *g = &given[i];
    if (value[0] == '\0')
        return BW_OK;
    if (!g->text) {
        *g = (struct given){bw_strdup(value), is_file, line};
        return BW_OK;
    }
    place(l, line, name, here);
    if (g->is_file == is_file && in_file)
        return bw_error_set(error, BW_ERR_INVALID, "%s is given twice, first in line %d", here, g->line);
    if (g->is_file == is_file)
        return bw_error_set(error, BW_ERR_INVALID, "%s is given twice", here);
    setting_name(&t->list[i], in_file, g->is_file, other);
    return bw_error_set(error, BW_ERR_INVALID, "%s and %s are both given: one of them was expected", here,
                        other);
}

/* ---- environment ---- */

/* Kubernetes gives each container such names of each service beside it, so of one called "badgewatch" ours. */
static bool is_service_link(const char *name, const char *value)
{
    const char *port = strstr(name, "_PORT");
    return strstr(name, "_SERVICE_HOST") || strstr(name, "_SERVICE_PORT") ||
           (port && ((port[5] == '_' && isdigit((unsigned char)port[6])) || strstr(value, "://")));
}

static void note_strange(struct layers *l, const char *name)
{
    char advice[ADVICE_MAX];
    advise(&of_environment, name, advice);
    bw_buf_addf(&l->strange, "environment: '%.60s' is no setting, it has no effect; %s\n", name, advice);
}

/* What systemd's LoadCredential=badgewatch:FOLDER makes of the files of that folder: each is as a NAME_FILE. */
static void take_credentials(struct layers *l, const char *folder)
{
    char name[SETTING_NAME_MAX];
    for (size_t i = 0; i < SETTINGS_N; i++) {
        if (!setting_has_file(&bw_settings[i]) || l->environment[i].text)
            continue;
        setting_name(&bw_settings[i], true, false, name);
        char *path = bw_asprintf("%s/badgewatch_%s", folder, name);
        if (access(path, F_OK) == 0)
            l->environment[i] = (struct given){path, true, 0};
        else
            free(path);
    }
}

enum bw_err layers_read_environment(struct layers *l, char *const *envp, struct bw_error *error)
{
    enum bw_err err = BW_OK;
    const char *credentials = NULL;
    for (; *envp && err == BW_OK; envp++) {
        const char *equals = strchr(*envp, '=');
        if (!equals || equals[1] == '\0')
            continue;
        bool is_file;
        char *name = bw_strndup(*envp, (size_t)(equals - *envp));
        bool ours = strncmp(name, OURS, sizeof(OURS) - 1) == 0;
        if (strcmp(name, "CREDENTIALS_DIRECTORY") == 0)
            credentials = equals + 1;
        else if (find(&of_environment, name, &is_file) < of_environment.n)
            err = give(l, 0, &of_environment, l->environment, name, equals + 1, error);
        else if (ours && !is_service_link(name, equals + 1)) /* others' are none of our business */
            note_strange(l, name);
        free(name);
    }
    if (err == BW_OK && credentials)
        take_credentials(l, credentials);
    return err;
}

/* ---- file ---- */

struct reader {
    struct layers *layers;
    struct bw_error *error;
    FILE *stream;
    int line; /* read last; Debian's libinih is built without line numbers for its handler */
    enum bw_err err;
};

static bool refuse(struct reader *r, const char *why)
{
    r->err = bw_error_set(r->error, BW_ERR_SYNTAX, "%s:%d: %s", r->layers->path, r->line, why);
    return false;
}

static int on_ini(void *user, const char *section, const char *name, const char *value)
{
    struct reader *r = user;
    struct layers *l = r->layers;
    (void)section; /* take_line has read it */
    if (r->err == BW_OK && l->n_routes > 0)
        r->err = give(l, r->line, &of_route, l->routes[l->n_routes - 1].values, name, value, r->error);
    else if (r->err == BW_OK)
        r->err = give(l, r->line, &of_file, l->file, name, value, r->error);
    return r->err == BW_OK;
}

static bool add_route(struct reader *r, const char *tag, size_t len)
{
    struct layers *l = r->layers;
    char why[128];
    for (size_t i = 0; i < l->n_routes; i++) {
        if (strlen(l->routes[i].tag) != len || memcmp(l->routes[i].tag, tag, len) != 0)
            continue;
        snprintf(why, sizeof(why), "this route is given twice, first in line %d", l->routes[i].line);
        return refuse(r, why);
    }
    if (l->n_routes == ROUTES_MAX)
        return refuse(r, "at most 100 routes were expected");
    l->routes = bw_realloc_array(l->routes, l->n_routes + 1, sizeof(*l->routes));
    l->routes[l->n_routes++] = (struct given_route){.tag = bw_strndup(tag, len), .line = r->line};
    return true;
}

/* [route "tag=acme"]. Read here: libinih cuts the name of a section after 49 bytes without a word. */
static bool begin_section(struct reader *r, const char *text)
{
    static const char head[] = "[route", tag[] = "tag=";
    if (strncmp(text, head, sizeof(head) - 1) != 0)
        return refuse(r, SECTION);
    text += sizeof(head) - 1;
    text += strspn(text, " \t");
    const char *name = text + 1, *end = text[0] == '"' ? strchr(name, '"') : NULL;
    if (!end || end[1] != ']')
        return refuse(r, SECTION);
    const char *rest = end + 2 + strspn(end + 2, " \t\r\n");
    size_t len = (size_t)(end - name);
    if (*rest && *rest != ';' && *rest != '#')
        return refuse(r, SECTION);
    if (len == strlen("default") && memcmp(name, "default", len) == 0)
        return add_route(r, "", 0);
    if (len < sizeof(tag) || memcmp(name, tag, sizeof(tag) - 1) != 0 || memchr(name, ';', len))
        return refuse(r, SECTION);
    return add_route(r, name + sizeof(tag) - 1, len - (sizeof(tag) - 1));
}

static void skip_line(FILE *stream)
{
    int c;
    do
        c = getc(stream);
    while (c != EOF && c != '\n');
}

/* One line without the blanks at its front, into text; false if it cannot be a line of ours. libinih would take the
 * rest of a line longer than its buffer for a line of its own, and a line that begins with a blank for more of the
 * value before it. Both give wrong settings without a word, so neither gets there. */
static bool take_line(struct reader *r, int c, char *text, size_t size)
{
    size_t n = 0;
    bool comment = c == ';' || c == '#';
    for (; c != EOF && c != '\n' && !comment; c = getc(r->stream)) {
        if (c == '\0')
            return refuse(r, "a zero byte: this is no text");
        if (n + 2 >= size)
            return refuse(
                r, "the line is too long; give this setting in the environment, or a secret as a file");
        text[n++] = (char)c;
    }
    if (comment)
        skip_line(r->stream);
    text[n++] = '\n';
    text[n] = '\0';
    char *first = r->line == 1 && strncmp(text, MARK, sizeof(MARK) - 1) == 0 ? text + sizeof(MARK) - 1 : text;
    if (*first != '[')
        return true;
    snprintf(text, size, "%s", begin_section(r, first) ? "\n" : "");
    return r->err == BW_OK;
}

static char *read_line(char *text, int size, void *stream)
{
    struct reader *r = stream;
    int c = r->err == BW_OK ? getc(r->stream) : EOF;
    if (c == EOF)
        return NULL;
    r->line++;
    while (c == ' ' || c == '\t')
        c = getc(r->stream);
    return take_line(r, c, text, (size_t)size) ? text : NULL;
}

enum bw_err layers_read_file(struct layers *l, const char *path, bool must_exist, struct bw_error *error)
{
    char memory[4096];
    struct reader r = {.layers = l, .error = error, .stream = fopen(path, "re")};
    if (!r.stream && !must_exist && (errno == ENOENT || errno == ENOTDIR))
        return BW_OK;
    if (!r.stream)
        return bw_error_set(error, BW_ERR_SYSTEM, "settings file '%s': %s", path, strerror(errno));
    l->path = bw_strdup(path);
    l->open_mode = open_to_all(fileno(r.stream));
    setvbuf(r.stream, memory, _IOFBF,
            sizeof(memory)); /* memory that can be wiped: the file may hold secrets */
    errno = 0;
    int bad = ini_parse_stream(read_line, &r, on_ini, &r);
    if (ferror(r.stream)) /* a folder opens like a file, and fails here */
        r.err = bw_error_set(error, BW_ERR_SYSTEM, "settings file '%s': %s", path, strerror(errno));
    else if (r.err == BW_OK && bad != 0)
        r.err = bw_error_set(error, BW_ERR_SYNTAX, "%s:%d: 'name = value' was expected", path, bad);
    fclose(r.stream);
    explicit_bzero(memory, sizeof(memory));
    return r.err;
}
