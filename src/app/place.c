/* PLACE: whether a message stands in the channel or answers an earlier one, by the story of its product in each category
 * (core/flap.h). What was told lies in Postgres, so that restarts, other daemons and an emptied Redis know of it.
 *
 * Happy way: the story is read -> channel: done. -> thread: that is recorded first, since an attempt in a thread is found
 * only by who knows the thread.
 * Failing: Postgres does not answer, or another message is the story's last: the channel is told. */
#include "badgewatch/base/alloc.h"
#include "notifier_p.h"
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORIES_MAX 8  /* categories of one product that changed at once; with more the channel is told */
#define BEFORE_MAX  50 /* changes of a story that are looked at */

/* The new ones are not among them, nor what was detected later and waits behind. */
static const char select_story[] =
    "SELECT change_type, extract(epoch FROM occurred_at)::bigint,"
    " floor(extract(epoch FROM detected_at) * 1000)::bigint, settling_at IS NOT NULL,"
    " CASE WHEN notification_sent AND slack_channel = $5 THEN slack_ts END, slack_thread_ts"
    " FROM (SELECT * FROM bestseller_changes WHERE domain = $1::smallint AND asin = $2 AND category_id = "
    "$3::bigint"
    " AND detected_at < to_timestamp($4::bigint / 1000.0) ORDER BY detected_at DESC, occurred_at DESC LIMIT "
    "50) AS b"
    " ORDER BY detected_at, occurred_at";

static const char put_thread[] = "UPDATE bestseller_changes SET slack_thread_ts = $2"
                                 " WHERE id = ANY($1::uuid[]) AND NOT notification_sent";

static void placed(struct bw_message *m)
{
    bw_delivery_placed(&m->progress);
    bw_notifier_progressed(m);
}

static void into_channel(struct bw_message *m)
{
    m->thread[0] = '\0';
    m->broadcast = false;
    placed(m);
}

/* ---- the thread is recorded ---- */

static void on_put(struct bw_message *m, const struct bw_pg_answer *answer)
{
    if (answer && bw_pg_affected(answer->results[0]) == (int64_t)m->n)
        placed(m);
    else
        into_channel(m);
}

static void put(struct bw_message *m)
{
    struct bw_buf ids;
    bw_buf_init(&ids, (size_t)1 << 20);
    for (size_t i = 0; i < m->n; i++)
        bw_buf_addf(&ids, "%c%s", i ? ',' : '{', m->entries[i].change.id);
    bw_buf_addc(&ids, '}');
    const char *const params[] = {bw_buf_str(&ids), m->thread};
    const struct bw_pg_statement statement = {put_thread, 2, params};
    bw_message_note_thread(m, m->thread);
    bool asked = bw_deliver_ask(m, &statement, 1, on_put);
    bw_buf_fini(&ids);
    if (!asked)
        into_channel(m);
}

/* ---- the story ---- */

/* The changes of the first product: those of a family are alike. */
static size_t first_product(const struct bw_message *m)
{
    size_t n = 0;
    while (n < m->n && bw_product_key_compare(&m->entries[0].change.key, &m->entries[n].change.key) == 0)
        n++;
    return n;
}

/* Gives how many categories the message is about; more than STORIES_MAX are not listed. */
static size_t stories_of(const struct bw_message *m, int64_t categories[STORIES_MAX])
{
    size_t n = 0, run = first_product(m);
    for (size_t i = 0; i < run; i++) {
        int64_t category = m->entries[i].change.category_id;
        size_t k = 0;
        while (k < n && k < STORIES_MAX && categories[k] != category)
            k++;
        if (k == STORIES_MAX)
            return STORIES_MAX + 1;
        if (k == n)
            categories[n++] = category;
    }
    return n;
}

static int64_t number(const struct bw_pg_result *rows, size_t row, int column)
{
    return strtoll(bw_pg_value(rows, row, column), NULL, 10);
}

static const char *text_of(const struct bw_pg_result *rows, size_t row, int column)
{
    const char *text = bw_pg_value(rows, row, column);
    return text ? text : "";
}

static size_t read_before(const struct bw_pg_result *rows, struct bw_flap_change *list)
{
    size_t n = bw_pg_rows(rows) < BEFORE_MAX ? bw_pg_rows(rows) : BEFORE_MAX;
    for (size_t i = 0; i < n; i++) {
        list[i] = (struct bw_flap_change){.occurred_at = number(rows, i, 1),
                                          .detected_at_ms = number(rows, i, 2),
                                          .settled = text_of(rows, i, 3)[0] == 't',
                                          .told = text_of(rows, i, 4)[0] != '\0',
                                          .ts = text_of(rows, i, 4),
                                          .root = text_of(rows, i, 5)};
        (void)bw_change_type_parse(text_of(rows, i, 0), &list[i].type); /* of a column that holds no other */
    }
    return n;
}

static size_t add_new(const struct bw_message *m, int64_t category, struct bw_flap_change *list)
{
    size_t n = 0, run = first_product(m);
    for (size_t i = 0; i < run; i++) {
        const struct bw_change *c = &m->entries[i].change;
        if (c->category_id == category)
            list[n++] = (struct bw_flap_change){.type = c->type,
                                                .occurred_at = c->occurred_at,
                                                .detected_at_ms = c->detected_at_ms,
                                                .ts = "",
                                                .root = ""};
    }
    return n;
}

/* Quiet only where each of its stories is; in the thread of the first that has one. */
static enum bw_place decide(struct bw_message *m, const struct bw_pg_answer *answer)
{
    int64_t categories[STORIES_MAX];
    size_t stories = stories_of(m, categories);
    struct bw_flap_change *list = bw_alloc_array(BEFORE_MAX + m->n, sizeof(*list));
    struct bw_flap_rule rule = bw_notifier_flap_rule(m->notifier);
    enum bw_place place = BW_PLACE_THREAD;
    m->flap = BW_FLAP_NO;
    for (size_t s = 0; s < stories; s++) {
        const char *root = NULL;
        size_t n = read_before(answer->results[s], list);
        size_t n_new = add_new(m, categories[s], list + n);
        enum bw_flap flap = bw_flap_judge(&rule, list, n + n_new, n_new);
        enum bw_place one = bw_flap_place(flap, list, n + n_new, n_new, &root);
        if (flap == BW_FLAP_BEGINS)
            m->flap = flap;
        if (root && !m->thread[0])
            snprintf(m->thread, sizeof(m->thread), "%s", root);
        if (one != BW_PLACE_THREAD)
            place = BW_PLACE_BROADCAST;
    }
    free(list);
    return m->thread[0] ? place : BW_PLACE_CHANNEL;
}

static void on_story(struct bw_message *m, const struct bw_pg_answer *answer)
{
    enum bw_place place = answer ? decide(m, answer) : BW_PLACE_CHANNEL;
    m->broadcast = place == BW_PLACE_BROADCAST;
    if (place == BW_PLACE_CHANNEL)
        into_channel(m);
    else
        put(m);
}

struct story_params {
    char domain[16], category[STORIES_MAX][24], detected[24];
    const char *list[STORIES_MAX][5];
};

static bool ask(struct bw_message *m)
{
    int64_t categories[STORIES_MAX];
    size_t n = stories_of(m, categories);
    const struct bw_change *c = &m->entries[0].change;
    struct story_params p;
    struct bw_pg_statement statements[STORIES_MAX];
    if (n > STORIES_MAX)
        return false;
    snprintf(p.domain, sizeof(p.domain), "%d", c->key.domain);
    snprintf(p.detected, sizeof(p.detected), "%lld", (long long)c->detected_at_ms);
    for (size_t i = 0; i < n; i++) {
        snprintf(p.category[i], sizeof(p.category[i]), "%lld", (long long)categories[i]);
        p.list[i][0] = p.domain;
        p.list[i][1] = c->key.asin;
        p.list[i][2] = p.category[i];
        p.list[i][3] = p.detected;
        p.list[i][4] = m->channel;
        statements[i] = (struct bw_pg_statement){select_story, 5, p.list[i]};
    }
    return bw_deliver_ask(m, statements, n, on_story);
}

/* A group is many stories, and a line each. */
void bw_deliver_place(struct bw_message *m)
{
    bool one = m->n > 0 && (first_product(m) == m->n || bw_slack_is_family(m->entries, m->n));
    m->thread[0] = '\0';
    m->flap = BW_FLAP_NO;
    if (!one || m->progress.plain || bw_slack_mode(m->notifier->cx->conf) != BW_SLACK_BOT || !ask(m))
        into_channel(m);
}
