/* A message about a product whose title and category are any bytes: one byte for the number of changes, one of flags, then
 * the title, a NUL and the category. However they read, the limits of Slack hold, nobody is called, and no line begins
 * that is not ours. */
#include "fuzz.h"

#include "badgewatch/base/alloc.h"
#include "badgewatch/codec/json.h"
#include "badgewatch/codec/slack.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (1u << 20)

/* As JavaScript counts: the largest of the units that Slack may mean. */
static size_t units(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80 ? ((unsigned char)*s >= 0xf0 ? 2 : 1) : 0;
    return n;
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *p = strstr(text, part); p; p = strstr(p + 1, part))
        n++;
    return n;
}

/* An '&' stands only where an escape of three begins, whole. */
static bool is_escaped(const char *text)
{
    for (const char *p = strchr(text, '&'); p; p = strchr(p + 1, '&')) {
        if (strncmp(p, "&amp;", 5) != 0 && strncmp(p, "&lt;", 4) != 0 && strncmp(p, "&gt;", 4) != 0)
            return false;
    }
    return true;
}

static const char *block_text(const struct bw_json_node *root, size_t i)
{
    const struct bw_json_node *block = bw_json_at(bw_json_get(root, "blocks"), i);
    const struct bw_json_node *o =
        i == 2 ? bw_json_at(bw_json_get(block, "elements"), 0) : bw_json_get(block, "text");
    const char *text = NULL;
    FUZZ_REQUIRE(bw_json_get_string(o, "text", &text));
    return text;
}

static void require_body(const struct bw_json_node *root, size_t n)
{
    static const size_t most[] = {150, 3000, 3000};
    const char *text = NULL;
    size_t sum = 0, listed = n > 10 ? 10 : n;
    FUZZ_REQUIRE(bw_json_get_string(root, "text", &text) && units(text) < 4000);
    FUZZ_REQUIRE(is_escaped(text) && count(text, "<") == 2 && count(text, ">") == 2);
    FUZZ_REQUIRE(count(text, "\n") <= 3 + listed);
    for (size_t i = 0; i < 3; i++) {
        size_t len = units(block_text(root, i));
        FUZZ_REQUIRE(len > 0 && len <= most[i]);
        sum += len;
    }
    FUZZ_REQUIRE(sum < 10000 && !strchr(block_text(root, 0), '\n'));
}

static struct bw_change_entry entry_of(const char *title, const char *category, size_t i, uint8_t flags)
{
    struct bw_change_entry e = {.change = {.id = "6f0c3a52-0000-5000-8000-000000000001",
                                           .key = {12, "B0TEST0001"},
                                           .type = i % 2 ? BW_LOST : BW_GAINED,
                                           .reason = i % 2 ? BW_OUTRANKED : BW_REACHED_TOP,
                                           .category_id = (int64_t)(flags & 1 ? i / 2 : i) + 1,
                                           .previous_rank = INT32_MAX,
                                           .new_rank = INT32_MAX,
                                           .occurred_at = INT64_C(253402214400),
                                           .detected_at_ms = flags & 4 ? 0 : INT64_C(253402300799000),
                                           .held_since = 1},
                                .data_at = 1};
    e.change.category = bw_strdup(category);
    e.title = bw_strdup(title);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bw_json_doc *doc;
    struct bw_buf body;
    if (size < 2)
        return 0;
    size_t n = (size_t)data[0] + 1;
    struct bw_message_options o = {.channel = "C1",
                                   .possible_repeat = data[1] & 2,
                                   .after_quiet = data[1] & 4,
                                   .metadata = true,
                                   .now_ms = INT64_C(253402300799000)};
    char *title = bw_strndup((const char *)data + 2, size - 2);
    size_t used = strlen(title) + 3;
    char *category = used < size ? bw_strndup((const char *)data + used, size - used) : NULL;
    struct bw_change_entry *entries = bw_alloc_array(n, sizeof(*entries));
    for (size_t i = 0; i < n; i++)
        entries[i] = entry_of(title, category, i, data[1]);
    bw_buf_init(&body, BODY_MAX);
    bw_slack_changes(entries, n, &o, &body);
    FUZZ_REQUIRE(!body.overflow && bw_json_parse(bw_buf_str(&body), body.len, &doc, NULL) == BW_OK);
    require_body(bw_json_root(doc), n);
    bw_json_free(doc);
    bw_buf_fini(&body);
    for (size_t i = 0; i < n; i++)
        bw_change_entry_fini(&entries[i]);
    free(entries);
    free(title);
    free(category);
    return 0;
}
