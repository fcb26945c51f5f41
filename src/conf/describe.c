/* The help text and the sample file, made from the one table. */
#include "values.h"

#include <stdio.h>
#include <string.h>

#define WIDTH 110

/* Words of text, in lines of WIDTH columns at most; at: the column already reached. Each further line begins with
 * margin. Ends with a newline. */
static void put_wrapped(struct bw_buf *out, const char *text, size_t at, const char *margin)
{
    bool first = true;
    while (*text) {
        size_t len = strcspn(text, " ");
        if (!first && at + 1 + len > WIDTH) {
            bw_buf_addf(out, "\n%s", margin);
            at = strlen(margin);
        } else if (!first) {
            bw_buf_addc(out, ' ');
            at++;
        }
        bw_buf_add(out, text, len);
        at += len;
        text += len + (text[len] == ' ');
        first = false;
    }
    bw_buf_addc(out, '\n');
}

/* What it is for, and what is expected. */
static void tell(const struct setting *s, bool in_file, char *out, size_t size)
{
    char name[SETTING_NAME_MAX];
    setting_name(s, in_file, true, name);
    const char *form = setting_is_secret(s) ? "" : s->form;
    snprintf(out, size, "%s%s%s%s.", s->text, form[0] ? " (" : "", form, form[0] ? ")" : "");
    size_t len = strlen(out);
    if (setting_has_file(s))
        snprintf(out + len, size - len, " Or %s, the path of a file that holds it.", name);
    len = strlen(out);
    if (s->at_restart)
        snprintf(out + len, size - len, " In force at the next start.");
}

static const char about_routes[] =
    "Routes tell some products' alerts elsewhere, at other hours, or not at all. They stand at the end of "
    "the "
    "file, below [route \"tag=NAME\"] for products that have the tag, or [route \"default\"] for those of no "
    "other route. A product has the first route, in the order of the file, whose tag it has.";

static void help_row(const struct setting *s, const char *margin, struct bw_buf *out)
{
    char text[400];
    tell(s, false, text, sizeof(text));
    bw_buf_addf(out, "%-30s %-24s ", s->name, s->fallback[0] ? s->fallback : "-");
    put_wrapped(out, text, strlen(margin), margin);
}

void bw_conf_help(struct bw_buf *out)
{
    bw_buf_adds(
        out,
        "Settings are taken from the environment, else from the file conf/badgewatch.conf (or --config FILE, "
        "or\n"
        "BADGEWATCH_CONFIG), else from the default. In the file a name stands in lower case and without\n"
        "BADGEWATCH_, as in: listen = 127.0.0.1:9787. Durations are 500ms, 30s, 15m, 8h, 7d; sizes 64KB, "
        "8MB,\n"
        "1GB.\n\n");
    char margin[58];
    snprintf(margin, sizeof(margin), "%56s", "");
    bw_buf_addf(out, "%-30s %-24s %s\n", "ENVIRONMENT", "DEFAULT", "WHAT IT IS FOR");
    for (size_t i = 0; i < SETTINGS_N; i++)
        help_row(&bw_settings[i], margin, out);
    bw_buf_addc(out, '\n');
    put_wrapped(out, about_routes, 0, "");
    bw_buf_addf(out, "\n%-30s %-24s %s\n", "OF A ROUTE", "DEFAULT", "WHAT IT IS FOR");
    for (size_t i = 0; i < ROUTE_SETTINGS_N; i++)
        help_row(&bw_route_settings[i], margin, out);
}

static void sample_row(const struct setting *s, struct bw_buf *out)
{
    char name[SETTING_NAME_MAX], text[400];
    tell(s, true, text, sizeof(text));
    bw_buf_adds(out, "\n; ");
    put_wrapped(out, text, 2, "; ");
    setting_name(s, true, false, name);
    bw_buf_addf(out, ";%s =%s%s\n", name, s->fallback[0] ? " " : "", s->fallback);
    setting_name(s, true, true, name);
    if (setting_has_file(s))
        bw_buf_addf(out, ";%s =\n", name);
}

void bw_conf_sample(struct bw_buf *out)
{
    bw_buf_adds(
        out,
        "; Settings of badgewatch. Copy this file to conf/badgewatch.conf and take away the ; of what you "
        "want to\n"
        "; change: each setting shows its default, and an empty one is not set. The environment wins over "
        "this\n"
        "; file. A ; after a blank begins a comment, in a value too. Lines hold 198 bytes at most.\n"
        "; Durations are 500ms, 30s, 15m, 8h, 7d; sizes 64KB, 8MB, 1GB. See also: badgewatch help config\n"
        "; A file with a secret in it must not be readable by everybody: chmod 600.\n");
    for (size_t i = 0; i < SETTINGS_N; i++) {
        if (bw_settings[i].kind != ENV_ONLY)
            sample_row(&bw_settings[i], out);
    }
    bw_buf_adds(out, "\n; ");
    put_wrapped(out, about_routes, 2, "; ");
    bw_buf_adds(out, ";[route \"tag=acme\"]\n");
    for (size_t i = 0; i < ROUTE_SETTINGS_N; i++)
        sample_row(&bw_route_settings[i], out);
}
