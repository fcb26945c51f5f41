/* Fields for people with redis-cli, and "doc" for the notifier. */
#include "entries.h"

#include <stdio.h>

#define DOC_MAX 65536 /* titles and names are cut long before */

void bw_entries_change(struct bw_args *args, const struct bw_change_entry *entry, const char *check,
                       size_t of)
{
    const struct bw_change *c = &entry->change;
    char member[BW_PRODUCT_TEXT];
    struct bw_buf doc;
    bw_product_key_format(&c->key, member);
    bw_args_add(args, c->id);
    size_t begin = bw_args_begin(args);
    bw_args_field(args, "type", bw_change_type_name(c->type));
    bw_args_field(args, "product", member);
    bw_args_field(args, "title", entry->title);
    bw_args_field(args, "category", c->category);
    bw_args_field_int(args, "category_id", c->category_id);
    if (c->previous_rank > 0)
        bw_args_field_int(args, "previous_rank", c->previous_rank);
    if (c->new_rank > 0)
        bw_args_field_int(args, "new_rank", c->new_rank);
    bw_args_field(args, "reason", bw_reason_name(c->reason));
    bw_args_field_time(args, "occurred_at", c->occurred_at);
    bw_args_field_time(args, "detected_at", c->detected_at_ms / 1000);
    bw_args_field(args, "id", c->id);
    bw_args_field(args, "check", check);
    bw_args_field_int(args, "of", (int64_t)of);
    bw_buf_init(&doc, DOC_MAX);
    bw_change_entry_encode(entry, &doc);
    bw_args_add(args, "doc");
    bw_args_add_bytes(args, bw_buf_str(&doc), doc.len);
    bw_buf_fini(&doc);
    bw_args_end(args, begin);
}
