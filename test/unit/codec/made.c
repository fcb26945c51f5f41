/* Made-up records of the tests of entries. */
#include "made.h"

#include "badgewatch/base/alloc.h"

#include <stdio.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof *(a))

uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Often an end of the range. */
int64_t random_number(uint32_t *seed, int64_t min, int64_t max)
{
    uint64_t width = (uint64_t)max - (uint64_t)min;
    switch (next_random(seed) % 4) {
    case 0:
        return min;
    case 1:
        return max;
    default:
        return min + (int64_t)(next_random(seed) % (width > 16777216 ? 16777216 : width + 1));
    }
}

const char *random_text(uint32_t *seed)
{
    static const char *const texts[] = {"", "Plain", "Quote \" and \\ and \n\x01\x7f",
                                        "\xC3\xBC\xF0\x9F\x8E\x89 \xE2\x80\xA8", "{\"a\":1}"};
    return texts[next_random(seed) % COUNT(texts)];
}

char *random_name(uint32_t *seed)
{
    return next_random(seed) % 4 == 0 ? NULL : bw_strdup(random_text(seed));
}

void random_uuid(uint32_t *seed, char out[BW_UUID_TEXT])
{
    (void)snprintf(out, BW_UUID_TEXT, "%08x-%04x-5%03x-8%03x-%06x%06x", next_random(seed),
                   next_random(seed) & 0xffff, next_random(seed) & 0xfff, next_random(seed) & 0xfff,
                   next_random(seed) & 0xffffff, next_random(seed) & 0xffffff);
}

static int64_t random_rank(uint32_t *seed)
{
    return random_number(seed, BW_UNRANKED, INT32_MAX);
}

struct bw_change random_change(uint32_t *seed)
{
    struct bw_change c = {.key = made_key,
                          .type = next_random(seed) % 2 ? BW_GAINED : BW_LOST,
                          .category_id = random_number(seed, 1, INT64_MAX),
                          .category = random_name(seed),
                          .previous_rank = random_rank(seed),
                          .new_rank = random_rank(seed),
                          .occurred_at = random_number(seed, 1, TIME_MAX),
                          .received_at_ms =
                              random_number(seed, 0, 2) ? random_number(seed, 0, TIME_MAX * 1000 + 999) : 0,
                          .detected_at_ms = random_number(seed, 0, TIME_MAX * 1000 + 999),
                          .previous_check_at = random_number(seed, 0, TIME_MAX),
                          .held_since = random_number(seed, 0, TIME_MAX)};
    c.reason =
        c.type == BW_GAINED ? BW_REACHED_TOP : (enum bw_reason)(1 + next_random(seed) % (BW_REASONS - 1));
    random_uuid(seed, c.id);
    return c;
}

void made_init(struct made *m, uint32_t *seed)
{
    *m = (struct made){.text = "Serums \xF0\x9F\x8E\x89"};
    bw_state_init(&m->d.next, &made_key);
    m->d.next.version = 17;
    m->d.next.title = bw_strdup("Title \"x\"");
    m->d.next.freshness = 1755101612;
    m->d.unknown = (enum bw_unknown)(next_random(seed) % (BW_UNKNOWN_STALE + 1));
    for (int i = 0; i < 8; i++)
        m->points[i] =
            (struct bw_point){1755100000 + i, i % 3 == 0 ? BW_UNRANKED : random_number(seed, 1, INT32_MAX)};
    for (int i = 0; i < 3; i++) {
        m->values[i] = (struct bw_point){1755100000 + i, random_number(seed, INT64_MIN, INT64_MAX)};
        m->ranks[i] = (struct bw_rank_series){i == 2 ? INT64_MAX : i + 1, {m->points, 8}};
        m->new[i] = (struct bw_new_points){.series = (size_t)i, .from = next_random(seed) % 8, .to = 8};
        m->changes[i] = random_change(seed);
        m->reigns[i] = (struct bw_reign){.category_id = random_number(seed, 1, INT64_MAX),
                                         .category = i == 0 ? NULL : m->text,
                                         .started_at = random_number(seed, 1, TIME_MAX),
                                         .ended_at = i == 1 ? 0 : random_number(seed, 1, TIME_MAX),
                                         .ended_by = i == 1 ? BW_REACHED_TOP : BW_DELISTED,
                                         .start_not_before = random_number(seed, 0, TIME_MAX),
                                         .end_not_before = random_number(seed, 0, TIME_MAX)};
        random_uuid(seed, m->reigns[i].id);
    }
    m->unknowns[0] = (struct bw_unknown_period){0, 1755100000, 0, "category_missing"};
    m->unknowns[1] = (struct bw_unknown_period){INT64_MAX, 0, TIME_MAX, "no_ranks"};
    m->tree[0] = (struct bw_category_name){1, 0, m->text};
    m->tree[1] = (struct bw_category_name){INT64_MAX, 1, m->text};
    m->d.changes = m->changes;
    m->d.n_changes = next_random(seed) % 4;
    m->d.reigns = m->reigns;
    m->d.n_reigns = next_random(seed) % 4;
    m->d.unknowns = m->unknowns;
    m->d.n_unknowns = next_random(seed) % 3;
    m->d.rank_points = m->new;
    m->d.n_rank_points = next_random(seed) % 4;
    m->p = (struct bw_product){.key = made_key, .ranks = m->ranks, .n_ranks = 3, .tree = m->tree};
    m->p.n_tree = next_random(seed) % 3;
    m->p.values[BW_VALUE_RATING] = (struct bw_series){m->values, 3};
    m->p.values[BW_VALUE_AMAZON] = (struct bw_series){m->values, 3};
    m->d.value_from[BW_VALUE_RATING] = next_random(seed) % 4;
    m->d.value_to[BW_VALUE_RATING] = 3;
    m->d.value_from[BW_VALUE_AMAZON] = 1;
    m->d.value_to[BW_VALUE_AMAZON] = 2;
}

void made_fini(struct made *m)
{
    for (int i = 0; i < 3; i++)
        bw_change_fini(&m->changes[i]);
    bw_state_fini(&m->d.next);
}

void made_encode(const struct made *m, struct bw_buf *json)
{
    bw_check_encode(&m->d, &m->p, NULL, 1755101612345, BATCH, HASH, true, json);
}
