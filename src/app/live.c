/* State to hash fields. Times are RFC 3339 in UTC and prices in the smallest unit of the currency, as Keepa has them. */
#include "live.h"

static void add_json(struct bw_args *args, const char *name, const struct bw_buf *text)
{
    bw_args_add(args, name);
    bw_args_add_bytes(args, bw_buf_str(text), text->len);
}

static void add_number(struct bw_args *args, const char *name, int64_t value)
{
    if (value < 0)
        bw_args_field(args, name, "");
    else
        bw_args_field_int(args, name, value);
}

static void add_product(const struct bw_state *state, struct bw_args *args)
{
    bw_args_field(args, "title", state->title);
    bw_args_field(args, "brand", state->brand);
    bw_args_field(args, "parent_asin", state->parent_asin);
    add_number(args, "current_price", state->current_price);
    if (state->availability_amazon == INT64_MIN)
        bw_args_field(args, "availability_amazon", "");
    else
        bw_args_field_int(args, "availability_amazon", state->availability_amazon);
    add_number(args, "monthly_sold", state->monthly_sold);
    add_number(args, "rating", state->rating);
    add_number(args, "review_count", state->review_count);
}

void bw_live_fields(const struct bw_state *state, const struct bw_state_text *text, struct bw_args *args)
{
    size_t begin = bw_args_begin(args);
    bw_args_field(args, "asin", state->key.asin);
    bw_args_field_int(args, "domain", state->key.domain);
    add_product(state, args);
    add_json(args, "ranks", &text->ranks);
    add_json(args, "badges", &text->badges);
    bw_args_field_int(args, "badges_held", (int64_t)bw_state_badges(state));
    bw_args_field(args, "data_state", state->unknown == BW_KNOWN ? "ok" : "unknown");
    bw_args_field(args, "data_reason", bw_unknown_name(state->unknown));
    bw_args_field_int(args, "unknown_checks", state->unknown_checks);
    bw_args_field_time(args, "checked_at", state->checked_at_ms / 1000);
    bw_args_field_time(args, "data_at", state->freshness);
    bw_args_field_time(args, "keepa_last_update", state->last_update);
    bw_args_field_time(args, "last_change_at", state->last_change);
    bw_args_field(args, "baseline", state->baseline ? "1" : "0");
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
