/* Messages about no change: the daily summary, and what the system has to say of itself.
 *
 * Happy way: headline and lines stand in `text` and in two blocks; links, where it is about a product, in a third. Nothing
 * fails; what is too long is cut: a section takes 3,000 characters. */
#include "slack_escape.h"
#include "slack_message_p.h"

#include <stdio.h>
#include <string.h>

#define HEADLINE_MAX 130 /* of a header's 150: an ellipsis and the mark of a repeat follow */
#define LINES_MAX    2900
#define LINE_MAX     600 /* characters of one: a category's name pushes no other figure out */

/* A line of ours; names that bw_slack_put_name isolated in it stay isolated. */
static void put_line(const char *line, size_t max, bool markup, struct bw_buf *out)
{
    const char *begin, *end;
    size_t mark = strlen(bw_slack_isolate);
    struct bw_buf part;
    bw_buf_init(&part, strlen(line) + 1);
    while (strlen(line) <= max && (begin = strstr(line, bw_slack_isolate)) != NULL && /* long: no name's */
           (end = strstr(begin, bw_slack_isolate_end)) != NULL) {
        bw_buf_clear(&part);
        bw_buf_add(&part, line, (size_t)(begin - line));
        bw_slack_put_clean(bw_buf_str(&part), max, markup, out);
        bw_buf_clear(&part);
        bw_buf_add(&part, begin + mark, (size_t)(end - begin) - mark);
        bw_slack_put_foreign(bw_buf_str(&part), max, (struct bw_slack_words){.markup = markup, .out = out});
        line = end + mark;
    }
    bw_slack_put_clean(line, max, markup, out);
    bw_buf_fini(&part);
}

static void put_lines(const char *lines, bool markup, struct bw_buf *out)
{
    struct bw_buf line;
    size_t left = LINES_MAX;
    bw_buf_init(&line, strlen(lines) + 1);
    while (*lines && left > 0) {
        size_t len = strcspn(lines, "\n"), before = out->len;
        bw_buf_clear(&line);
        bw_buf_add(&line, lines, len);
        /* a line break would become a blank */
        put_line(bw_buf_str(&line), left < LINE_MAX ? left : LINE_MAX, markup, out);
        bw_buf_addc(out, '\n');
        left -= out->len - before < left ? out->len - before : left;
        lines += len + (lines[len] == '\n');
    }
    bw_buf_fini(&line);
}

static void put_headline(const char *headline, const struct bw_message_options *o, bool markup,
                         struct bw_buf *out)
{
    put_line(headline, HEADLINE_MAX, markup, out);
    if (o->possible_repeat)
        bw_buf_adds(out, " (possible repeat)");
}

static void write_id(struct bw_json *j, const char *id)
{
    bw_json_object(j, "metadata");
    bw_json_string(j, "event_type", "badgewatch_changes");
    bw_json_object(j, "event_payload");
    bw_json_array(j, "change_ids");
    bw_json_string(j, NULL, id);
    bw_json_array_end(j);
    bw_json_object_end(j);
    bw_json_object_end(j);
}

bool bw_slack_put_name(const char *text, size_t max, struct bw_buf *out)
{
    return bw_slack_put_foreign(text, max, (struct bw_slack_words){.out = out});
}

static void write_blocks(struct bw_json *j, const char *headline, const char *lines,
                         const struct bw_product_key *about, const struct bw_message_options *o)
{
    struct bw_buf part;
    bw_buf_init(&part, BW_SLACK_TEXT_MAX);
    bw_json_array(j, "blocks");
    put_headline(headline, o, false, &part);
    bw_slack_write_header(j, &part);
    bw_buf_clear(&part);
    put_lines(lines, false, &part);
    bw_slack_write_section(j, "plain_text", &part);
    bw_buf_clear(&part);
    if (about) {
        bw_slack_put_pages(about, &part);
        bw_slack_write_context(j, &part);
    }
    bw_json_array_end(j);
    bw_buf_fini(&part);
}

void bw_slack_note(const char *headline, const char *lines, const char *id,
                   const struct bw_product_key *about, const struct bw_message_options *options,
                   struct bw_buf *out)
{
    struct bw_json j;
    struct bw_buf part;
    bw_buf_init(&part, BW_SLACK_TEXT_MAX);
    put_headline(headline, options, true, &part);
    bw_buf_addc(&part, '\n');
    put_lines(lines, true, &part);
    if (about)
        bw_slack_put_pages(about, &part);
    bw_slack_begin_message(&j, options, &part, out);
    if (!options->plain)
        write_blocks(&j, headline, lines, about, options);
    if (options->metadata)
        write_id(&j, id);
    bw_json_object_end(&j);
    bw_buf_fini(&part);
}
