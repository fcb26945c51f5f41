/* Page by page in the order of detection: rows of bestseller_changes become entries of bw:changes. A change that is
 * queued already is left alone (requeue.lua), so it does no harm to begin again. */
#include "untold.h"

#include "args.h"
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/alloc.h"
#include "badgewatch/base/log.h"
#include "entries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 200

struct bw_untold {
    const struct bw_context *cx;
    void (*done)(void *ctx, bool ok);
    void *ctx;
    char after_at[40]; /* of the last row read */
    char after_id[BW_UUID_TEXT];
    bool last_page;
    int64_t back;
};

/* Changes of one check have one time of detection. */
static const char select_untold[] =
    "SELECT id, b.domain, b.asin, change_type, reason, category_id, category, previous_rank, new_rank,"
    " extract(epoch FROM occurred_at)::bigint, (extract(epoch FROM detected_at) * 1000)::bigint,"
    " extract(epoch FROM previous_check_at)::bigint, extract(epoch FROM held_since)::bigint, title,"
    " extract(epoch FROM data_at)::bigint, count(*) OVER (PARTITION BY b.domain, b.asin, detected_at),"
    " detected_at, parent_asin, (extract(epoch FROM received_at) * 1000)::bigint"
    " FROM bestseller_changes b LEFT JOIN asin_current_state s USING (domain, asin) WHERE NOT "
    "notification_sent AND withheld IS NULL"
    " AND (detected_at, id) > ($1::timestamptz, $2::uuid) ORDER BY detected_at, id LIMIT $3::int";

static void ask(struct bw_untold *u);

static void end(struct bw_untold *u, bool ok)
{
    if (ok && u->back > 0)
        bw_log_info("tracker", "%lld changes that nobody was told of are queued again", (long long)u->back);
    u->done(u->ctx, ok);
}

static void on_requeued(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_untold *u = ctx;
    if (err != BW_OK || reply->type != BW_REPLY_INTEGER) {
        if (err == BW_OK && reply->str && bw_redis_writable(u->cx->redis))
            bw_log_warning("tracker", "redis refused: %s", reply->str);
        end(u, false);
        return;
    }
    u->back += reply->integer;
    if (u->last_page)
        end(u, true);
    else
        ask(u);
}

static int64_t number(const struct bw_pg_result *rows, size_t row, int column)
{
    const char *value = bw_pg_value(rows, row, column);
    return value ? strtoll(value, NULL, 10) : 0;
}

static void add_row(struct bw_args *args, const struct bw_pg_result *rows, size_t row)
{
    struct bw_change_entry e = {.title = bw_strdup(bw_pg_value(rows, row, 13)),
                                .data_at = number(rows, row, 14)};
    struct bw_change *c = &e.change;
    snprintf(c->id, sizeof(c->id), "%s", bw_pg_value(rows, row, 0));
    c->key.domain = (int)number(rows, row, 1);
    snprintf(c->key.asin, sizeof(c->key.asin), "%s", bw_pg_value(rows, row, 2));
    c->category = bw_strdup(bw_pg_value(rows, row, 6));
    if (bw_pg_value(rows, row, 17))
        snprintf(e.parent, sizeof(e.parent), "%s", bw_pg_value(rows, row, 17));
    if (bw_change_type_parse(bw_pg_value(rows, row, 3), &c->type) &&
        bw_reason_parse(bw_pg_value(rows, row, 4), &c->reason)) {
        char member[BW_PRODUCT_TEXT];
        bw_product_key_format(&c->key, member);
        c->category_id = number(rows, row, 5);
        c->previous_rank = number(rows, row, 7);
        c->new_rank = number(rows, row, 8);
        c->occurred_at = number(rows, row, 9);
        c->detected_at_ms = number(rows, row, 10);
        c->received_at_ms = number(rows, row, 18);
        c->previous_check_at = number(rows, row, 11);
        c->held_since = number(rows, row, 12);
        char *check = bw_asprintf("%s:q%lld", member, (long long)c->detected_at_ms);
        bw_entries_change(args, &e, check, (size_t)number(rows, row, 15));
        free(check);
    }
    bw_change_entry_fini(&e);
}

static void on_rows(void *ctx, const struct bw_pg_answer *answer)
{
    struct bw_untold *u = ctx;
    if (answer->err != BW_OK) {
        if (answer->err != BW_ERR_CLOSED)
            bw_log_warning("tracker", "cannot read what is untold: %s", answer->message);
        end(u, false);
        return;
    }
    const struct bw_pg_result *rows = answer->results[0];
    const struct bw_keys *k = &u->cx->keys;
    size_t n = bw_pg_rows(rows);
    u->last_page = n < PAGE;
    if (n == 0) {
        end(u, true);
        return;
    }
    struct bw_args args;
    bw_args_init(&args);
    bw_args_add(&args, k->changes);
    bw_args_add(&args, k->untold);
    bw_args_add(&args, k->lost);
    for (size_t i = 0; i < n; i++)
        add_row(&args, rows, i);
    snprintf(u->after_at, sizeof(u->after_at), "%s", bw_pg_value(rows, n - 1, 16));
    snprintf(u->after_id, sizeof(u->after_id), "%s", bw_pg_value(rows, n - 1, 0));
    if (bw_redis_eval(u->cx->redis, &bw_script_requeue, 3, args.n, args.values, args.lens, on_requeued, u) !=
        BW_OK)
        end(u, false);
    bw_args_fini(&args);
}

static void ask(struct bw_untold *u)
{
    char page[16];
    snprintf(page, sizeof(page), "%d", PAGE);
    const char *const params[] = {u->after_at, u->after_id, page};
    struct bw_pg_statement statement = {select_untold, 3, params};
    if (bw_pg_submit(u->cx->pg, &statement, 1, on_rows, u) != BW_OK)
        end(u, false);
}

struct bw_untold *bw_untold_new(const struct bw_context *context)
{
    struct bw_untold *u = bw_alloc(sizeof(*u));
    u->cx = context;
    return u;
}

void bw_untold_start(struct bw_untold *u, void (*done)(void *ctx, bool ok), void *ctx)
{
    u->done = done;
    u->ctx = ctx;
    u->back = 0;
    snprintf(u->after_at, sizeof(u->after_at), "-infinity");
    snprintf(u->after_id, sizeof(u->after_id), "00000000-0000-0000-0000-000000000000");
    ask(u);
}

void bw_untold_free(struct bw_untold *u)
{
    free(u);
}
