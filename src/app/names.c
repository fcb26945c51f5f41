/* One tree of known and wanted names (tsearch(3)), keyed by domain and category. A wanted name that Keepa does not
 * know either is asked for again after six hours, not with each check. */
#include "names.h"

#include "args.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "badgewatch/codec/entry.h"
#include "history.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MOST     10 /* ids a token */
#define ASK_AGAIN_MS (6LL * 3600 * 1000)
#define NAMES_MAX    200000 /* Amazon has fewer ranked categories in a domain; more are not kept */

struct known {
    int domain;
    int64_t category_id;
    char *name; /* NULL while wanted */
    struct bw_mono next_ask;
};

struct bw_names {
    struct bw_context *cx;
    struct bw_keepa *keepa;
    void *tree;
    size_t count;
    struct known
        *wanted[ASK_MOST * 10]; /* waiting for a look-up; what does not fit asks again by itself later */
    size_t n_wanted;
    bool asking;
    int asked_domain;
};

static int compare(const void *a, const void *b)
{
    const struct known *x = a, *y = b;
    if (x->domain != y->domain)
        return x->domain < y->domain ? -1 : 1;
    return (x->category_id > y->category_id) - (x->category_id < y->category_id);
}

static struct known *lookup(const struct bw_names *n, int domain, int64_t category_id)
{
    struct known key = {.domain = domain, .category_id = category_id};
    struct known *const *found = tfind(&key, &n->tree, compare);
    return found ? *found : NULL;
}

static struct known *lookup_or_add(struct bw_names *n, int domain, int64_t category_id)
{
    struct known *e = lookup(n, domain, category_id);
    if (e || n->count >= NAMES_MAX)
        return e;
    e = bw_alloc(sizeof(*e));
    e->domain = domain;
    e->category_id = category_id;
    if (!tsearch(e, &n->tree, compare))
        abort(); /* out of memory */
    n->count++;
    return e;
}

const char *bw_names_find(const struct bw_names *n, int domain, int64_t category_id)
{
    const struct known *e = lookup(n, domain, category_id);
    return e ? e->name : NULL;
}

/* ---- Redis ---- */

static bool set_name(struct bw_names *n, int domain, int64_t category_id, const char *name)
{
    if (category_id <= 0 || !name || !name[0])
        return false;
    struct known *e = lookup_or_add(n, domain, category_id);
    if (!e || (e->name && strcmp(e->name, name) == 0))
        return false;
    free(e->name);
    e->name = bw_strdup(name);
    return true;
}

static void on_loaded(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_names *n = ctx;
    if (err != BW_OK || reply->type != BW_REPLY_ARRAY)
        return;
    for (size_t i = 0; i + 1 < reply->n; i += 2) {
        char *end = NULL;
        const char *field = reply->elements[i].str;
        long domain = strtol(field, &end, 10);
        if (end == field || *end != ':' || !bw_domain_valid((int)domain))
            continue;
        set_name(n, (int)domain, strtoll(end + 1, NULL, 10), reply->elements[i + 1].str);
    }
}

void bw_names_load(struct bw_names *n)
{
    const char *argv[] = {"HGETALL", n->cx->keys.names};
    if (bw_redis_command(n->cx->redis, 2, argv, NULL, on_loaded, n) != BW_OK)
        bw_log_debug("names", "not read: redis is away");
}

void bw_names_learn(struct bw_names *n, int domain, const struct bw_category_name *names, size_t count)
{
    struct bw_args args;
    bw_args_init(&args);
    bw_args_add(&args, "HSET");
    bw_args_add(&args, n->cx->keys.names);
    for (size_t i = 0; i < count; i++) {
        if (!set_name(n, domain, names[i].category_id, names[i].name))
            continue;
        char field[40];
        snprintf(field, sizeof(field), "%d:%lld", domain, (long long)names[i].category_id);
        bw_args_field(&args, field, names[i].name);
    }
    /* Lost while Redis is away, it is learnt again from the next answer after a restart. */
    if (args.n > 2 && bw_redis_command(n->cx->redis, args.n, args.values, args.lens, NULL, NULL) != BW_OK)
        bw_log_debug("names", "not stored: redis is away");
    bw_args_fini(&args);
}

/* ---- look-ups ---- */

void bw_names_want(struct bw_names *n, int domain, int64_t category_id)
{
    struct known *e = lookup_or_add(n, domain, category_id);
    struct bw_mono now = bw_mono_now();
    if (!e || e->name || now.ms < e->next_ask.ms || n->n_wanted == sizeof(n->wanted) / sizeof(n->wanted[0]))
        return;
    e->next_ask.ms = now.ms + ASK_AGAIN_MS;
    n->wanted[n->n_wanted++] = e;
}

static void on_answer(void *ctx, const struct bw_keepa_result *result)
{
    struct bw_names *n = ctx;
    n->asking = false;
    if (result->outcome != BW_KEEPA_OK || result->n_names == 0)
        return;
    bw_names_learn(n, n->asked_domain, result->names, result->n_names);
    struct bw_buf doc;
    bw_buf_init(&doc, (size_t)1 << 20);
    bw_names_encode(n->asked_domain, result->names, result->n_names, &doc);
    if (doc.overflow || bw_history_append(n->cx, "category", &doc) != BW_OK)
        bw_log_warning("names", "%zu names are not in the table categories yet", result->n_names);
    bw_buf_fini(&doc);
}

void bw_names_tick(struct bw_names *n)
{
    if (n->asking || n->n_wanted == 0 || bw_keepa_allowance(n->keepa) < 1)
        return;
    int64_t ids[ASK_MOST];
    size_t asked = 0, kept = 0;
    n->asked_domain = n->wanted[0]->domain;
    for (size_t i = 0; i < n->n_wanted; i++) {
        struct known *e = n->wanted[i];
        if (!e->name && e->domain == n->asked_domain && asked < ASK_MOST)
            ids[asked++] = e->category_id;
        else if (!e->name)
            n->wanted[kept++] = e;
    }
    n->n_wanted = kept;
    if (asked > 0)
        n->asking = bw_keepa_categories(n->keepa, n->asked_domain, ids, asked, on_answer, n) == BW_OK;
}

struct bw_names *bw_names_new(struct bw_context *context, struct bw_keepa *keepa)
{
    struct bw_names *n = bw_alloc(sizeof(*n));
    n->cx = context;
    n->keepa = keepa;
    return n;
}

static void free_entry(void *node)
{
    struct known *e = node;
    free(e->name);
    free(e);
}

void bw_names_free(struct bw_names *n)
{
    if (!n)
        return;
    tdestroy(n->tree, free_entry);
    free(n);
}
