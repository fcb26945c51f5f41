/* One message for the variations of one product (children of one parent ASIN) whose badges changed in the same way.
 *
 * Amazon ranks a family as one: its children enter and leave #1 together, at the same minute. The message says what
 * happened once, as for a single product, and lists the children; each has its own change id and links.
 *
 * Nothing fails. The limits hold by sums of constants (test_slack_family proves them): at most BW_SLACK_GROUP_MAX
 * children of CHILD_MAX characters and LISTED_MAX changes. */
#include "slack_message_p.h"

#include <string.h>

#define LISTED_MAX 4  /* changes of each */
#define CHILD_MAX  26 /* characters of a child's title */
#define LINKED     20 /* children's links in a text object */

static bool same_change(const struct bw_change *a, const struct bw_change *b)
{
    return a->category_id == b->category_id && a->type == b->type && a->reason == b->reason &&
           a->occurred_at == b->occurred_at && a->new_rank == b->new_rank;
}

bool bw_slack_same_family(const struct bw_change_entry *a, size_t n_a, const struct bw_change_entry *b,
                          size_t n_b)
{
    if (n_a == 0 || n_a != n_b || !a->parent[0] || strcmp(a->parent, b->parent) != 0 ||
        a->change.key.domain != b->change.key.domain || strcmp(a->change.key.asin, b->change.key.asin) == 0)
        return false;
    size_t i = 0;
    while (i < n_a && same_change(&a[i].change, &b[i].change))
        i++;
    return i == n_a;
}

bool bw_slack_is_family(const struct bw_change_entry *entries, size_t n)
{
    size_t run = bw_slack_run(entries, n, 0), i = run;
    while (i < n && bw_slack_same_family(entries, run, &entries[i], bw_slack_run(entries, n, i)))
        i += bw_slack_run(entries, n, i);
    return run < n && i >= n;
}

/* ---- the message ---- */

/* "3 variations of B0D8W1YVBX:" and a line for each */
static void put_children(const struct bw_change_entry *entries, size_t n, struct bw_slack_words w)
{
    size_t run = bw_slack_run(entries, n, 0);
    bw_buf_addf(w.out, "%zu variations of %s:\n", n / run, entries[0].parent);
    for (size_t i = 0; i < n; i += run) {
        bw_slack_put_item(&entries[i], CHILD_MAX, w);
        bw_buf_addc(w.out, '\n');
    }
}

static void put_body(const struct bw_change_entry *entries, size_t n, const struct bw_message_options *o,
                     struct bw_slack_words w)
{
    bw_slack_put_title(&entries[0], w);
    bw_buf_addf(w.out, " and %zu more of its family\n", n / bw_slack_run(entries, n, 0) - 1);
    bw_slack_put_changes(entries, bw_slack_run(entries, n, 0), LISTED_MAX, w);
    bw_slack_put_remark(o, w.out);
}

void bw_slack_family_text(const struct bw_change_entry *entries, size_t n,
                          const struct bw_message_options *options, struct bw_buf *out)
{
    struct bw_slack_words w = {.markup = true, .out = out};
    bw_slack_put_headline(entries, bw_slack_run(entries, n, 0), options, w);
    bw_buf_addc(out, '\n');
    put_body(entries, n, options, w);
    put_children(entries, n, w);
    bw_slack_put_links(&entries[0], out);
}

static void write_links(struct bw_json *j, const struct bw_change_entry *entries, size_t n)
{
    struct bw_buf links;
    size_t run = bw_slack_run(entries, n, 0), in_object = 0;
    bw_buf_init(&links, BW_SLACK_TEXT_MAX);
    for (size_t i = 0; i < n; i += run) {
        bw_slack_put_product_links(&entries[i].change.key, in_object > 0 ? " · " : "", &links);
        if (++in_object == LINKED || i + run >= n) {
            bw_slack_write_context(j, &links);
            bw_buf_clear(&links);
            in_object = 0;
        }
    }
    bw_buf_fini(&links);
}

static void write_blocks(struct bw_json *j, const struct bw_change_entry *entries, size_t n,
                         const struct bw_message_options *o)
{
    struct bw_buf part;
    struct bw_slack_words w = {.markup = false, .out = &part};
    bw_buf_init(&part, BW_SLACK_TEXT_MAX);
    bw_json_array(j, "blocks");
    bw_slack_put_headline(entries, bw_slack_run(entries, n, 0), o, w);
    bw_slack_write_header(j, &part);
    bw_buf_clear(&part);
    put_body(entries, n, o, w);
    bw_slack_write_section(j, "plain_text", &part);
    bw_buf_clear(&part);
    put_children(entries, n, w);
    bw_slack_write_section(j, "plain_text", &part);
    write_links(j, entries, n);
    bw_json_array_end(j);
    bw_buf_fini(&part);
}

void bw_slack_family(const struct bw_change_entry *entries, size_t n,
                     const struct bw_message_options *options, struct bw_buf *out)
{
    struct bw_json j;
    struct bw_buf text;
    bw_buf_init(&text, BW_SLACK_TEXT_MAX);
    bw_slack_family_text(entries, n, options, &text);
    bw_slack_begin_message(&j, options, &text, out);
    if (!options->plain)
        write_blocks(&j, entries, n, options);
    if (options->metadata)
        bw_slack_write_metadata(&j, entries, n, false);
    bw_json_object_end(&j);
    bw_buf_fini(&text);
}
