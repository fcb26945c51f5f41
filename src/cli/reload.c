/* `badgewatch reload`: asks the daemons, through Redis, to read their settings again, and prints what each answers. */
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "options.h"
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 10000
#define LOOK_MS 200

struct asked {
    char number[48];
    char **daemons; /* that are there */
    char **answers; /* NULL = not yet */
    size_t n, answered;
};

static void on_daemons(void *ctx, const struct bw_reply *reply)
{
    struct asked *a = ctx;
    if (reply->type != BW_REPLY_ARRAY)
        return;
    a->n = reply->n;
    a->daemons = bw_alloc_array(a->n + 1, sizeof(*a->daemons));
    a->answers = bw_alloc_array(a->n + 1, sizeof(*a->answers));
    for (size_t i = 0; i < a->n; i++)
        a->daemons[i] = bw_strdup(reply->elements[i].str);
}

static void on_answers(void *ctx, const struct bw_reply *reply)
{
    struct asked *a = ctx;
    size_t len = strlen(a->number);
    for (size_t at = 0; reply->type == BW_REPLY_ARRAY && at + 1 < reply->n; at += 2) {
        const char *text = reply->elements[at + 1].str;
        for (size_t i = 0; i < a->n; i++) {
            if (a->answers[i] || strcmp(a->daemons[i], reply->elements[at].str) != 0 ||
                strncmp(text, a->number, len) != 0)
                continue;
            a->answers[i] = bw_strdup(text + len + 1);
            a->answered++;
        }
    }
}

static bool ask(struct session *s, struct asked *a)
{
    snprintf(a->number, sizeof(a->number), "%ld.%lld", (long)getpid(), (long long)bw_wall_now().ms);
    const char *argv[] = {s->keys.reload, s->keys.changes, a->number, BW_GROUP_SLACK, s->keys.prefix};
    return session_eval(s, &bw_script_reload, 2, 5, argv, on_daemons, a);
}

static bool wait_for(struct session *s, struct asked *a)
{
    const char *look[] = {"HGETALL", s->keys.reload}, *forget[] = {"DEL", s->keys.reload};
    bool never = false;
    for (int64_t waited = 0; a->answered < a->n && waited < WAIT_MS; waited += LOOK_MS) {
        (void)session_wait(s, &never, LOOK_MS);
        if (!session_command(s, 2, look, on_answers, a))
            return false;
    }
    return session_command(s, 2, forget, NULL, NULL);
}

/* "ok text" or "refused text". */
static bool tell(const struct asked *a)
{
    bool ok = true;
    for (size_t i = 0; i < a->n; i++) {
        const char *text = a->answers[i] ? strchr(a->answers[i], ' ') : NULL;
        bool good = a->answers[i] && strncmp(a->answers[i], "ok ", 3) == 0;
        if (good)
            printf("%s: %s\n", a->daemons[i], text + 1);
        else
            failure("%s: %s", a->daemons[i],
                    text ? text + 1 : "no answer within 10 s; kill -HUP works without Redis");
        ok = ok && good;
    }
    return ok;
}

static bool run(struct session *s)
{
    struct asked a = {.n = 0};
    bool ok = ask(s, &a);
    if (ok && a.n == 0) {
        failure("no daemon runs on this Redis");
        ok = false;
    }
    ok = ok && wait_for(s, &a) && tell(&a);
    for (size_t i = 0; i < a.n; i++) {
        free(a.daemons[i]);
        free(a.answers[i]);
    }
    free((void *)a.daemons);
    free((void *)a.answers);
    return ok;
}

int run_reload(struct invocation *in)
{
    struct options o;
    struct session s;
    if (!parse_options(in, "", &o))
        return EXIT_USAGE;
    if (o.n_rest > 0)
        return usage_error(in->command, "'%s' was not expected", o.rest[0]);
    session_open(&s, in->conf);
    bool ok = run(&s);
    session_close(&s);
    return ok ? EXIT_OK : EXIT_FAILED;
}
