/* The help text and the sample file, made from the one table. */
#include "values.h"

#include <stdio.h>
#include <string.h>

void bw_conf_help(struct bw_buf *out)
{
    bw_buf_adds(
        out, "Settings: the environment first, then the file conf/badgewatch.conf (or --config FILE, or\n"
             "BADGEWATCH_CONFIG), then the default. In the file the key is the name in lower case without\n"
             "BADGEWATCH_, as in: listen = 127.0.0.1:9787. A secret X can be given as X_FILE, a path.\n"
             "Durations are 500ms, 30s, 15m, 8h, 7d; sizes 64KB, 8MB, 1GB.\n\n");
    for (size_t i = 0; i < bw_settings_n; i++) {
        const struct setting *s = &bw_settings[i];
        bw_buf_addf(out, "%s%s\n    %s. Expected: %s. Default: %s\n", s->name,
                    s->kind == SECRET ? " (or _FILE)" : "", s->text, s->form,
                    s->fallback[0] ? s->fallback : "none");
    }
}

void bw_conf_sample(struct bw_buf *out)
{
    bw_buf_adds(out,
                "; Settings of badgewatch. Copy to conf/badgewatch.conf and change what you need: each line "
                "below shows\n"
                "; its default. The environment wins over this file. All of it: badgewatch help config\n");
    for (size_t i = 0; i < bw_settings_n; i++) {
        const struct setting *s = &bw_settings[i];
        char name[64];
        setting_file_name(s->name, name, sizeof(name));
        bw_buf_addf(out, "\n; %s. Expected: %s.\n", s->text, s->form);
        bw_buf_addf(out, "; %s =%s%s\n", name, s->fallback[0] ? " " : "", s->fallback);
        if (s->kind == SECRET)
            bw_buf_addf(out, "; %s_file = /path\n", name);
    }
}
