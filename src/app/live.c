/* State to hash fields. Times are RFC 3339 in UTC and prices in the smallest unit of the currency, as Keepa has them. */
#include "live.h"

#include <string.h>

static void add_json(struct bw_args *args, const char *name, const struct bw_buf *text)
{
    bw_args_add(args, name);
    bw_args_add_bytes(args, bw_buf_str(text), text->len);
}

#define ALL_EVERY 16 /* checks */

/* What a state is held against; prev NULL: all differs. */
struct live {
    const struct bw_state *state, *prev;
    struct bw_args *args;
};

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void add_text(const struct live *l, const char *name, const char *value, const char *before)
{
    if (!l->prev || !same_text(value, before))
        bw_args_field(l->args, name, value);
}

static void add_int(const struct live *l, const char *name, int64_t value, int64_t before)
{
    if (!l->prev || value != before)
        bw_args_field_int(l->args, name, value);
}

/* "" below `least`. */
static void add_number(const struct live *l, const char *name, int64_t value, int64_t before, int64_t least)
{
    if (value >= least)
        add_int(l, name, value, before);
    else if (!l->prev || value != before)
        bw_args_field(l->args, name, "");
}

static void add_time(const struct live *l, const char *name, int64_t value, int64_t before)
{
    if (!l->prev || value != before)
        bw_args_field_time(l->args, name, value);
}

static void add_product(const struct live *l, const struct bw_state *s, const struct bw_state *p)
{
    add_text(l, "title", s->title, p->title);
    add_text(l, "brand", s->brand, p->brand);
    add_text(l, "parent_asin", s->parent_asin, p->parent_asin);
    add_number(l, "current_price", s->current_price, p->current_price, 0);
    add_number(l, "availability_amazon", s->availability_amazon, p->availability_amazon, INT64_MIN + 1);
    add_number(l, "monthly_sold", s->monthly_sold, p->monthly_sold, 0);
    add_number(l, "rating", s->rating, p->rating, 0);
    add_number(l, "review_count", s->review_count, p->review_count, 0);
}

/* Of all that the fields "ranks" and "badges" are made from. */
static bool same_categories(const struct bw_state *a, const struct bw_state *b)
{
    if (a->n_categories != b->n_categories)
        return false;
    for (size_t i = 0; i < a->n_categories; i++) {
        const struct bw_category_state *x = &a->categories[i], *y = &b->categories[i];
        if (x->category_id != y->category_id || x->rank != y->rank || x->at != y->at ||
            x->since != y->since || x->removed != y->removed || !same_text(x->name, y->name))
            return false;
    }
    return true;
}

static bool no_holds(const struct bw_state *a, const struct bw_state *b)
{
    size_t waiting[2], guarded[2];
    bw_state_holds(a, &waiting[0], &guarded[0]);
    bw_state_holds(b, &waiting[1], &guarded[1]);
    return waiting[0] + guarded[0] + waiting[1] + guarded[1] == 0;
}

/* "category:w" waits to be decided, "category:g" is under guard (lua/guard.lua). */
static void add_held_back(const struct live *l)
{
    const struct bw_state *state = l->state;
    struct bw_buf text;
    if (l->prev && no_holds(state, l->prev))
        return;
    bw_buf_init(&text, (size_t)4 << 20);
    for (size_t i = 0; i < state->n_categories; i++) {
        const struct bw_category_state *c = &state->categories[i];
        if (c->hold.at != 0)
            bw_buf_addf(&text, "%s%lld:%c", text.len > 0 ? " " : "", (long long)c->category_id,
                        c->hold.guarded ? 'g' : 'w');
    }
    add_json(l->args, "held_back", &text);
    bw_buf_fini(&text);
}

static void add_categories(const struct live *l, const struct bw_state_text *text)
{
    if (l->prev && same_categories(l->state, l->prev))
        return;
    add_json(l->args, "ranks", &text->ranks);
    add_json(l->args, "badges", &text->badges);
    bw_args_field_int(l->args, "badges_held", (int64_t)bw_state_badges(l->state));
}

static void add_data(const struct live *l, const struct bw_state *s, const struct bw_state *p)
{
    add_text(l, "data_state", s->unknown == BW_KNOWN ? "ok" : "unknown",
             p->unknown == BW_KNOWN ? "ok" : "unknown");
    add_text(l, "data_reason", bw_unknown_name(s->unknown), bw_unknown_name(p->unknown));
    add_int(l, "unknown_checks", s->unknown_checks, p->unknown_checks);
    add_time(l, "data_at", s->freshness, p->freshness);
    add_time(l, "keepa_last_update", s->last_update, p->last_update);
    add_time(l, "last_change_at", s->last_change, p->last_change);
    add_text(l, "baseline", s->baseline ? "1" : "0", p->baseline ? "1" : "0");
}

void bw_live_fields(const struct bw_state *state, const struct bw_state *prev,
                    const struct bw_state_text *text, struct bw_args *args)
{
    bool all = !prev || prev->version == 0 || state->version % ALL_EVERY == 0;
    struct live l = {.state = state, .prev = all ? NULL : prev, .args = args};
    size_t begin = bw_args_begin(args);
    if (all) {
        bw_args_field(args, "asin", state->key.asin);
        bw_args_field_int(args, "domain", state->key.domain);
    }
    if (!prev)
        prev = state;
    add_product(&l, state, prev);
    add_categories(&l, text);
    add_held_back(&l);
    add_data(&l, state, prev);
    bw_args_field_time(args, "checked_at", state->checked_at_ms / 1000);
    bw_args_field_int(args, "version", state->version);
    add_json(args, "state", &text->state);
    bw_args_end(args, begin);
}

void bw_live_badges(const struct bw_state *state, struct bw_args *args)
{
    size_t begin = bw_args_begin(args);
    for (size_t i = 0; i < state->n_categories; i++) {
        const struct bw_category_state *c = &state->categories[i];
        if (c->since == 0)
            continue;
        bw_args_add_int(args, c->category_id);
        bw_args_add_int(args, c->since);
    }
    bw_args_end(args, begin);
}
