#include "sight.h"

#include "badgewatch/base/alloc.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096

static const struct bw_product_key key = {.domain = 1, .asin = "B0D8W1YVBX"};

int64_t sight_time(int64_t minutes)
{
    return SIGHT_EPOCH + minutes * 60;
}

static int64_t minutes_of(int64_t unix_s)
{
    return (unix_s - SIGHT_EPOCH) / 60;
}

/* ---- text to product ---- */

static void add_point(struct bw_series *s, int64_t at, int64_t value)
{
    s->points = bw_realloc_array(s->points, s->n + 1, sizeof(*s->points));
    s->points[s->n++] = (struct bw_point){at, value};
}

static const char *read_points(const char *text, struct bw_series *s)
{
    while (*text != '\0' && *text != ';') {
        char *end;
        if (*text == ' ') {
            text++;
            continue;
        }
        int64_t value = BW_UNRANKED;
        if (*text == '-') {
            text++;
        } else {
            value = strtoll(text, &end, 10);
            text = end;
        }
        assert(*text == '@');
        add_point(s, sight_time(strtoll(text + 1, &end, 10)), value);
        text = end;
    }
    return *text == ';' ? text + 1 : text;
}

static const char *read_update(const char *text, struct bw_product *p)
{
    char *end;
    if (text[2] == '-') {
        p->last_update = 0;
        text += 3;
    } else {
        p->last_update = sight_time(strtoll(text + 2, &end, 10));
        text = end;
    }
    return *text == ';' ? text + 1 : text;
}

void sight_product(struct bw_product *p, const char *text, int64_t at_min)
{
    *p = (struct bw_product){.key = key, .last_update = sight_time(at_min), .current_price = -1};
    while (*text != '\0') {
        char *end;
        if (*text == ' ') {
            text++;
        } else if (*text == 'u') {
            text = read_update(text, p);
        } else {
            p->ranks = bw_realloc_array(p->ranks, p->n_ranks + 1, sizeof(*p->ranks));
            struct bw_rank_series *r = &p->ranks[p->n_ranks++];
            *r = (struct bw_rank_series){.category_id = strtoll(text, &end, 10)};
            assert(*end == ':');
            text = read_points(end + 1, &r->series);
        }
    }
}

/* ---- checks ---- */

void sight_init(struct sight *s)
{
    *s = (struct sight){.others = true};
    bw_state_init(&s->state, &key);
}

void sight_fini(struct sight *s)
{
    bw_state_fini(&s->state);
    bw_detection_fini(&s->d);
}

static void take_state(struct sight *s)
{
    bw_state_fini(&s->state);
    s->state = s->d.next;
    memset(&s->d.next, 0, sizeof(s->d.next));
}

bool sight_settle(struct sight *s, int64_t later_ms)
{
    struct bw_detection d;
    if (!bw_detect_settle(&s->state, s->ill, s->now_ms + later_ms, &d))
        return false;
    bw_detection_fini(&s->d);
    s->d = d;
    take_state(s);
    return true;
}

static int compare_changes(const void *a, const void *b)
{
    const struct bw_change *x = a, *y = b;
    if (x->occurred_at != y->occurred_at)
        return x->occurred_at < y->occurred_at ? -1 : 1;
    if (x->category_id != y->category_id)
        return x->category_id < y->category_id ? -1 : 1;
    return (int)y->type - (int)x->type;
}

/* A reign that began in this check and ends by the decision is one. */
static void take_reign(struct bw_detection *all, struct bw_reign *r)
{
    for (size_t i = 0; i < all->n_reigns; i++) {
        if (strcmp(all->reigns[i].id, r->id) == 0) {
            bw_reign_fini(&all->reigns[i]);
            all->reigns[i] = *r;
            return;
        }
    }
    all->reigns = bw_realloc_array(all->reigns, all->n_reigns + 1, sizeof(*r));
    all->reigns[all->n_reigns++] = *r;
}

/* As if the decision were part of the check. */
static void settle_at_once(struct sight *s)
{
    struct bw_detection all = s->d;
    s->d = (struct bw_detection){.n_changes = 0};
    if (!sight_settle(s, 0)) {
        s->d = all;
        return;
    }
    size_t n = all.n_changes + s->d.n_changes;
    all.changes = bw_realloc_array(all.changes, n, sizeof(*all.changes));
    for (size_t i = 0; i < s->d.n_changes; i++)
        all.changes[all.n_changes++] = s->d.changes[i];
    qsort(all.changes, n, sizeof(*all.changes), compare_changes);
    for (size_t i = 0; i < s->d.n_reigns; i++)
        take_reign(&all, &s->d.reigns[i]);
    free(s->d.changes);
    free(s->d.reigns);
    free(s->d.unknowns);
    s->d = all;
}

void sight_check(struct sight *s, const struct bw_product *p, int64_t answered_at)
{
    struct bw_detect_input in = {.prev = &s->state,
                                 .product = p,
                                 .answered_at = answered_at,
                                 .detected_at_ms = answered_at < 1000000000000 ? answered_at * 1000 + 7 : 7,
                                 .others_answer = s->others};
    in.ill = s->ill;
    if (in.detected_at_ms < s->now_ms) /* an old answer that comes late is seen now */
        in.detected_at_ms = s->now_ms;
    s->now_ms = in.detected_at_ms;
    bw_detection_fini(&s->d);
    bw_detect(&in, &s->d);
    take_state(s);
    if (!s->waits)
        settle_at_once(s);
}

void sight_see(struct sight *s, int64_t at_min, const char *text)
{
    struct bw_product p;
    sight_product(&p, text, at_min);
    sight_check(s, &p, sight_time(at_min));
    bw_product_fini(&p);
}

void sight_see_unknown(struct sight *s, int64_t at_min, enum bw_unknown unknown)
{
    struct bw_product p = {.key = key, .unknown = unknown};
    sight_check(s, &p, sight_time(at_min));
}

/* ---- what was said ---- */

/* Appends; texts longer than the buffer are cut. */
#define put(text, ...) snprintf((text) + strlen(text), TEXT_MAX - strlen(text), __VA_ARGS__)

static void put_separator(char *text)
{
    if (text[0] != '\0')
        put(text, "; ");
}

static void put_time(char *text, int64_t unix_s)
{
    if (unix_s == 0)
        put(text, "?");
    else
        put(text, "%" PRId64, minutes_of(unix_s));
}

static void put_rank(char *text, int64_t rank)
{
    if (rank == BW_NO_RANK)
        put(text, "?");
    else if (rank == BW_UNRANKED)
        put(text, "-");
    else
        put(text, "%" PRId64, rank);
}

const char *sight_changes(const struct sight *s)
{
    static char text[TEXT_MAX];
    text[0] = '\0';
    for (size_t i = 0; i < s->d.n_changes; i++) {
        const struct bw_change *c = &s->d.changes[i];
        put_separator(text);
        put(text, "%s %" PRId64 "@", bw_change_type_name(c->type), c->category_id);
        put_time(text, c->occurred_at);
        put(text, " ");
        put_rank(text, c->previous_rank);
        put(text, ">");
        put_rank(text, c->new_rank);
        put(text, " %s", bw_reason_name(c->reason));
        if (c->type == BW_LOST) {
            put(text, " held ");
            put_time(text, c->held_since);
        }
    }
    return text;
}

const char *sight_reigns(const struct sight *s)
{
    static char text[TEXT_MAX];
    text[0] = '\0';
    for (size_t i = 0; i < s->d.n_reigns; i++) {
        const struct bw_reign *r = &s->d.reigns[i];
        put_separator(text);
        put(text, "%" PRId64 ": ", r->category_id);
        put_time(text, r->started_at);
        put(text, "..");
        if (r->ended_at != 0) {
            put_time(text, r->ended_at);
            put(text, " %s", bw_reason_name(r->ended_by));
        }
        put(text, " [");
        put_time(text, r->start_not_before);
        put(text, ",");
        put_time(text, r->end_not_before);
        put(text, "]");
    }
    return text;
}

const char *sight_unknowns(const struct sight *s)
{
    static char text[TEXT_MAX];
    text[0] = '\0';
    for (size_t i = 0; i < s->d.n_unknowns; i++) {
        const struct bw_unknown_period *u = &s->d.unknowns[i];
        put_separator(text);
        put(text, "%" PRId64 ": ", u->category_id);
        put_time(text, u->from_at);
        put(text, "..");
        if (u->to_at != 0)
            put_time(text, u->to_at);
        else
            put(text, "-");
        put(text, " %s", u->reason);
    }
    return text;
}

const char *sight_points(const struct sight *s)
{
    static char text[TEXT_MAX];
    text[0] = '\0';
    for (size_t i = 0; i < s->d.n_rank_points; i++) {
        put_separator(text);
        put(text, "%zu: %zu..%zu", s->d.rank_points[i].series, s->d.rank_points[i].from,
            s->d.rank_points[i].to);
    }
    return text;
}

const char *sight_state(const struct sight *s)
{
    static char text[TEXT_MAX];
    text[0] = '\0';
    for (size_t i = 0; i < s->state.n_categories; i++) {
        const struct bw_category_state *c = &s->state.categories[i];
        put_separator(text);
        put(text, "%" PRId64 ": ", c->category_id);
        if (c->removed) {
            put(text, "removed");
            continue;
        }
        put_rank(text, c->rank);
        put(text, "@");
        put_time(text, c->at);
        if (c->since != 0) {
            put(text, " since ");
            put_time(text, c->since);
        }
        if (c->missing > 0)
            put(text, " missing %d", c->missing);
    }
    return text;
}
