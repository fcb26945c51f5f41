/* `badgewatch poll`: marks products in Redis; the running daemon asks Keepa about them at once. */
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "options.h"
#include "session.h"

#include <stdio.h>
#include <stdlib.h>

struct marked {
    long long n;
    bool refused;
};

static void on_marked(void *ctx, const struct bw_reply *reply)
{
    struct marked *m = ctx;
    if (reply->type != BW_REPLY_ARRAY || reply->n == 0)
        return;
    m->n = reply->elements[0].integer;
    m->refused = reply->n > 1;
    for (size_t i = 1; i < reply->n; i++)
        failure("%s is not tracked, or paused; nothing was asked for", reply->elements[i].str);
}

static bool mark(struct session *s, const struct bw_product_key *keys, int n, struct marked *m)
{
    const char **argv = bw_alloc_array((size_t)n + 3, sizeof(*argv));
    char(*members)[BW_PRODUCT_TEXT] = bw_alloc_array((size_t)n + 1, sizeof(*members));
    argv[0] = s->keys.due;
    argv[1] = s->keys.leased;
    argv[2] = s->keys.poll;
    for (int i = 0; i < n; i++) {
        bw_product_key_format(&keys[i], members[i]);
        argv[3 + i] = members[i];
    }
    bool ok = session_eval(s, &bw_script_poll, 3, (size_t)n + 3, argv, on_marked, m);
    free(members);
    free((void *)argv);
    return ok;
}

int run_poll(struct invocation *in)
{
    struct options o;
    struct bw_product_key *keys = NULL;
    struct session s;
    struct marked m = {0};
    if (!parse_options(in, "all", &o))
        return EXIT_USAGE;
    if (o.all && o.n_rest > 0)
        return usage_error(in->command, "products or --all were expected, not both");
    if (!parse_products(in, &o, o.all ? 0 : 1, &keys))
        return EXIT_USAGE;
    session_open(&s, in->conf);
    bool ok = mark(&s, keys, o.n_rest, &m);
    session_close(&s);
    free(keys);
    if (!ok || m.refused)
        return EXIT_FAILED;
    printf("%lld due now\n", m.n);
    return EXIT_OK;
}
