/* One product's arguments, in the order in which stage.lua takes them. */
#include "stage_args.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/entry.h"
#include "badgewatch/core/schedule.h"
#include "due_clock.h"
#include "entries.h"
#include "guard.h"
#include "live.h"

#include <stdlib.h>

#define DAY_S    86400
#define DOC_KEPT ((size_t)64 << 10) /* of the memory for one */

static void add_changes(const struct bw_detection *d, struct bw_args *args, const char *member)
{
    char *check = bw_asprintf("%s:%lld", member, (long long)d->next.version);
    for (size_t i = 0; i < d->n_changes; i++) {
        struct bw_change_entry entry = {
            .change = d->changes[i], .title = d->next.title, .data_at = d->next.freshness};
        if (d->next.parent_asin)
            bw_text_copy(entry.parent, sizeof(entry.parent), d->next.parent_asin);
        bw_entries_change(args, &entry, check, d->n_changes);
    }
    free(check);
}

static void add_history(const struct bw_staging *s, struct bw_args *args)
{
    const struct bw_check *c = s->check;
    struct bw_buf *doc = s->doc;
    bw_buf_clear(doc);
    bw_check_encode(s->detection, &c->product, bw_buf_str(&s->text->state), s->detection->next.checked_at_ms,
                    c->batch_id, s->hash, s->mended, doc);
    bw_args_add_bytes(args, bw_buf_str(doc), doc->len);
    bw_args_lend(args, c->raw ? c->raw : "", c->raw ? c->raw_len : 0);
    if (doc->cap > DOC_KEPT)
        bw_buf_fini(doc);
}

static int64_t next_due(const struct bw_staging *s)
{
    int64_t now = bw_due_now(s->cx);
    const struct bw_member *m = &s->check->member;
    const struct bw_detection *d = s->detection;
    size_t waiting, guarded;
    bw_state_holds(&d->next, &waiting, &guarded);
    if (s->settles)
        return guarded > 0 ? now + BW_GUARD_AGAIN_S : 0;
    int64_t due = bw_schedule_after(now, m->due, m->polled, m->frequency);
    if (d->unknown != BW_KNOWN && d->next.unknown_checks > 0)
        due = bw_schedule_retry(now, m->frequency, d->next.unknown_checks);
    return guarded > 0 && due > now + BW_GUARD_AGAIN_S ? now + BW_GUARD_AGAIN_S : due;
}

/* A product that never gave an answer, or none for a day, says nothing about the source. */
static const char *what_it_is(const struct bw_staging *s)
{
    const struct bw_state *next = &s->detection->next;
    if (s->settles)
        return s->ill ? "ill" : "well";
    bool unknown = s->detection->unknown != BW_KNOWN && s->detection->unknown != BW_UNKNOWN_STALE;
    if (!unknown || !next->baseline || next->answered_at - next->unknown_since >= DAY_S)
        return "check";
    return next->unknown_checks > 1 ? "again" : "unknown";
}

static bool badges_differ(const struct bw_state *a, const struct bw_state *b)
{
    if (!a->baseline || bw_state_badges(a) != bw_state_badges(b))
        return true;
    for (size_t i = 0; i < b->n_categories; i++) {
        const struct bw_category_state *c = bw_state_category(a, b->categories[i].category_id);
        if ((c ? c->since : 0) != b->categories[i].since)
            return true;
    }
    return false;
}

void bw_stage_args(const struct bw_staging *s, struct bw_args *keys, struct bw_args *args)
{
    const struct bw_member *m = &s->check->member;
    const struct bw_state *next = &s->detection->next;
    char product[BW_KEY_MAX], member[BW_PRODUCT_TEXT], text[BW_TIME_TEXT];
    int64_t due = next_due(s);
    bw_keys_product(&s->cx->keys, &m->key, product);
    bw_product_key_format(&m->key, member);
    bw_time_format(due, text);
    bw_args_add(keys, product);
    size_t begin = bw_args_begin(args);
    bw_args_add(args, member);
    bw_args_add_int(args, m->prev.version);
    if (due != 0)
        bw_args_add_int(args, due);
    else
        bw_args_add(args, "");
    bw_args_add(args, badges_differ(&m->prev, next) ? "1" : "0");
    bw_args_add(args, text);
    bw_args_add(args, what_it_is(s));
    bw_args_add_int(args, next->answered_at * 1000);
    bw_live_fields(next, &m->prev, s->text, args);
    bw_live_badges(next, args);
    add_history(s, args);
    bw_args_add_int(args, (int64_t)s->detection->n_changes);
    add_changes(s->detection, args, member);
    bw_args_end(args, begin);
}
