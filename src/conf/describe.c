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
    if (setting_is_secret(s))
        snprintf(out, size, "%s. Or %s, the path of a file that holds it.", s->text, name);
    else
        snprintf(out, size, "%s (%s).", s->text, s->form);
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
    for (size_t i = 0; i < SETTINGS_N; i++) {
        const struct setting *s = &bw_settings[i];
        char text[400];
        tell(s, false, text, sizeof(text));
        bw_buf_addf(out, "%-30s %-24s ", s->name, s->fallback[0] ? s->fallback : "-");
        put_wrapped(out, text, strlen(margin), margin);
    }
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
        const struct setting *s = &bw_settings[i];
        char name[SETTING_NAME_MAX], text[400];
        if (s->kind == ENV_ONLY)
            continue;
        tell(s, true, text, sizeof(text));
        bw_buf_adds(out, "\n; ");
        put_wrapped(out, text, 2, "; ");
        setting_name(s, true, false, name);
        bw_buf_addf(out, ";%s =%s%s\n", name, s->fallback[0] ? " " : "", s->fallback);
        setting_name(s, true, true, name);
        if (setting_is_secret(s))
            bw_buf_addf(out, ";%s =\n", name);
    }
}
