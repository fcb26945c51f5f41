/* One message for the changes of many products: a line each.
 *
 * Happy way: the same lines stand in `text` and, ten to a section, in the blocks; links follow each section, since what
 * strangers wrote stands in plain_text objects, which have none.
 *
 * Nothing fails. Slack takes 3,000 characters a text object, about 13,200 in all blocks, and wants at most 4,000 in `text`:
 * 40 lines of at most 95 characters fit (test_slack_group proves it), so a line names the first change and counts the
 * others; a stay that came and went is one. */
#include "slack_message_p.h"

#include <inttypes.h>
#include <string.h>

#define TITLE_MAX    26 /* characters, of a product's line */
#define CATEGORY_MAX 22
#define SECTION      10 /* products */

size_t bw_slack_run(const struct bw_change_entry *entries, size_t n, size_t begin)
{
    size_t end = begin + 1;
    while (end < n && bw_product_key_compare(&entries[begin].change.key, &entries[end].change.key) == 0)
        end++;
    return end - begin;
}

size_t bw_slack_group_products(const struct bw_change_entry *entries, size_t n)
{
    size_t products = 0;
    for (size_t i = 0; i < n; i += bw_slack_run(entries, n, i))
        products++;
    return products;
}

/* "🔀 12 BEST SELLER badge changes on 9 products: 8 gained, 4 lost" */
static void put_headline(const struct bw_change_entry *entries, size_t n, const struct bw_message_options *o,
                         struct bw_buf *out)
{
    size_t gained = 0, oldest = 0;
    for (size_t i = 0; i < n; i++) {
        gained += entries[i].change.type == BW_GAINED;
        if (entries[i].change.detected_at_ms < entries[oldest].change.detected_at_ms)
            oldest = i;
    }
    bw_buf_addf(out, "🔀 %zu BEST SELLER badge changes on %zu products: ", n,
                bw_slack_group_products(entries, n));
    if (gained > 0)
        bw_buf_addf(out, "%zu gained%s", gained, gained < n ? ", " : "");
    if (gained < n)
        bw_buf_addf(out, "%zu lost", n - gained);
    bw_slack_put_marks(&entries[oldest], o, out);
}

void bw_slack_put_asin(const struct bw_product_key *key, struct bw_buf *out)
{
    if (key->domain != 1)
        bw_buf_addf(out, "%d:", key->domain);
    bw_buf_adds(out, key->asin);
}

void bw_slack_put_item(const struct bw_change_entry *e, size_t max, struct bw_slack_words w)
{
    bw_buf_adds(w.out, "• ");
    bw_slack_put_asin(&e->change.key, w.out);
    bw_buf_addc(w.out, ' ');
    if (!bw_slack_put_foreign(e->title, max, w))
        bw_buf_adds(w.out, "(no title known)");
}

static const char *words_of(const struct bw_change *c, bool stay, bool standing)
{
    if (stay)
        return ": came and went in ";
    if (standing)
        return c->type == BW_GAINED ? ": now #1 in " : ": no more #1 in ";
    return c->type == BW_GAINED ? ": gained #1 in " : ": lost #1 in ";
}

/* "• B00DI7U88G Penetrex Joint & Muscle…: gained #1 in Pain Relief Rubs (+2)"; a variation of the product of the line
 * before, with the same changes, says only that. After a night of changes the last one says where things stand. */
static void put_line(const struct bw_change_entry *entries, size_t n, const struct bw_change_entry *before,
                     size_t n_before, bool after_quiet, struct bw_slack_words w)
{
    const struct bw_change *c = &entries[0].change;
    bw_slack_put_item(&entries[0], TITLE_MAX, w);
    if (bw_slack_same_family(before, n_before, entries, n)) {
        bw_buf_addf(w.out, ": the same (family of %s)\n", before->change.key.asin);
        return;
    }
    bool stay = n == 2 && c->type == BW_GAINED && entries[1].change.type == BW_LOST &&
                entries[1].change.category_id == c->category_id;
    bool standing = after_quiet && n > 1 && !stay;
    if (standing)
        c = &entries[n - 1].change;
    bw_buf_adds(w.out, words_of(c, stay, standing));
    if (!bw_slack_put_foreign(c->category, CATEGORY_MAX, w))
        bw_buf_addf(w.out, "Category %" PRId64, c->category_id);
    if (n > 1 && !stay)
        bw_buf_addf(w.out, " (+%zu)", n - 1);
    bw_buf_addc(w.out, '\n');
}

/* Lines of up to `most` products, from entry `begin` on; gives the entry behind them. */
static size_t put_lines(const struct bw_change_entry *entries, size_t n, size_t begin, size_t most,
                        bool after_quiet, struct bw_slack_words w)
{
    size_t i = begin, before = begin, n_before = 0;
    for (size_t products = 0; i < n && products < most; products++) {
        size_t run = bw_slack_run(entries, n, i);
        put_line(&entries[i], run, &entries[before], n_before, after_quiet, w);
        before = i;
        n_before = run;
        i += run;
    }
    return i;
}

void bw_slack_group_text(const struct bw_change_entry *entries, size_t n,
                         const struct bw_message_options *options, struct bw_buf *out)
{
    struct bw_slack_words w = {.markup = true, .out = out};
    put_headline(entries, n, options, out);
    bw_buf_addc(out, '\n');
    put_lines(entries, n, 0, n, options->after_quiet, w);
}

void bw_slack_put_product_links(const struct bw_product_key *key, const char *before, struct bw_buf *out)
{
    char amazon[128], keepa[128];
    bw_slack_put_urls(key, amazon, keepa);
    bw_buf_addf(out, "%s<%s|%s> (<%s|Keepa>)", before, amazon, key->asin, keepa);
}

/* Lines of up to SECTION products, then their links; gives the entry behind them. */
static size_t write_part(struct bw_json *j, const struct bw_change_entry *entries, size_t n, size_t begin,
                         bool after_quiet)
{
    struct bw_buf lines, links;
    bw_buf_init(&lines, BW_SLACK_TEXT_MAX);
    bw_buf_init(&links, BW_SLACK_TEXT_MAX);
    size_t end = put_lines(entries, n, begin, SECTION, after_quiet, (struct bw_slack_words){.out = &lines});
    for (size_t i = begin; i < end; i += bw_slack_run(entries, n, i))
        bw_slack_put_product_links(&entries[i].change.key, i > begin ? " · " : "", &links);
    bw_slack_write_section(j, "plain_text", &lines);
    bw_slack_write_context(j, &links);
    bw_buf_fini(&lines);
    bw_buf_fini(&links);
    return end;
}

static void write_blocks(struct bw_json *j, const struct bw_change_entry *entries, size_t n,
                         const struct bw_message_options *o)
{
    struct bw_buf headline;
    bw_buf_init(&headline, BW_SLACK_TEXT_MAX);
    put_headline(entries, n, o, &headline);
    bw_json_array(j, "blocks");
    bw_slack_write_header(j, &headline);
    for (size_t i = 0; i < n;)
        i = write_part(j, entries, n, i, o->after_quiet);
    bw_json_array_end(j);
    bw_buf_fini(&headline);
}

void bw_slack_group(const struct bw_change_entry *entries, size_t n, const struct bw_message_options *options,
                    struct bw_buf *out)
{
    struct bw_json j;
    struct bw_buf text;
    bw_buf_init(&text, BW_SLACK_TEXT_MAX);
    bw_slack_group_text(entries, n, options, &text);
    bw_slack_begin_message(&j, options, &text, out);
    if (!options->plain)
        write_blocks(&j, entries, n, options);
    if (options->metadata)
        bw_slack_write_metadata(&j, entries, n, false);
    bw_json_object_end(&j);
    bw_buf_fini(&text);
}
