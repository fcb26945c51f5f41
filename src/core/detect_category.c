/* Rules 3 to 7 of detection: what one answer says about each category of one product.
 *
 * Happy way: the categories known and the series that came, both ascending, are merged; each pair goes to the one
 * rule that fits it (first sight, new, known, returned, missing). All rules but the last walk points in time order
 * with step(), which is the only place where a badge is entered or left because of a point.
 *
 * How it fails: it does not. Points that cannot be believed are left out (bw_believable_points), a value below 1 is
 * "no rank". */
#include "detect_p.h"

#include "badgewatch/base/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISSING_CHECKS 3
#define GUARD_S        86400 /* still without a rank after so long: lost, ill source or not */
#define NONE           SIZE_MAX

/* One category while its points are walked. */
struct walk {
    struct bw_check_work *w;
    struct bw_category_state *c;
    bool tell;             /* crossings are changes; false: they are history */
    int64_t confirmed;     /* check that confirmed the standing before the next point; 0 = none */
    int64_t previous_rank; /* before the reign in force began */
    size_t reign;          /* index of the newest reign begun in this walk, else NONE */
};

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t rank_of(int64_t value)
{
    return value >= 1 ? value : BW_UNRANKED;
}

static void *grown(void *items, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return items;
    *cap = *cap > 0 ? *cap * 2 : 4;
    return bw_realloc_array(items, *cap, size);
}

/* ---- what is said ---- */

static void say_change(struct bw_check_work *w, const struct bw_category_state *c, enum bw_reason reason,
                       int64_t previous_rank, int64_t new_rank, int64_t occurred_at)
{
    struct bw_detection *out = w->out;
    out->changes = grown(out->changes, out->n_changes, &w->cap_changes, sizeof(*out->changes));
    struct bw_change *change = &out->changes[out->n_changes++];
    *change = (struct bw_change){
        .key = w->prev->key,
        .type = reason == BW_REACHED_TOP ? BW_GAINED : BW_LOST,
        .reason = reason,
        .category_id = c->category_id,
        .category = bw_strdup(c->name),
        .previous_rank = previous_rank,
        .new_rank = new_rank,
        .occurred_at = occurred_at,
        .received_at_ms = w->in->received_at_ms,
        .detected_at_ms = w->in->detected_at_ms,
        .previous_check_at = w->prev->ok_at,
        .held_since = reason == BW_REACHED_TOP ? 0 : c->since,
    };
    bw_change_id(&change->key, change->category_id, change->type, occurred_at, change->id);
}

/* The reign in force of c, as it is so far; returns its index. */
static size_t say_reign(struct bw_check_work *w, const struct bw_category_state *c)
{
    struct bw_detection *out = w->out;
    out->reigns = grown(out->reigns, out->n_reigns, &w->cap_reigns, sizeof(*out->reigns));
    struct bw_reign *reign = &out->reigns[out->n_reigns];
    *reign = (struct bw_reign){
        .category_id = c->category_id,
        .category = bw_strdup(c->name),
        .started_at = c->since,
        .start_not_before = c->not_before,
    };
    bw_reign_id(&w->prev->key, c->category_id, c->since, reign->id);
    return out->n_reigns++;
}

static void end_reign(struct bw_reign *reign, enum bw_reason reason, int64_t at, int64_t not_before)
{
    reign->ended_at = at;
    reign->ended_by = reason;
    reign->end_not_before = not_before;
}

static void say_points(struct bw_check_work *w, size_t series, size_t from, size_t to)
{
    struct bw_detection *out = w->out;
    if (from >= to)
        return;
    out->rank_points =
        grown(out->rank_points, out->n_rank_points, &w->cap_rank_points, sizeof(*out->rank_points));
    out->rank_points[out->n_rank_points++] = (struct bw_new_points){.series = series, .from = from, .to = to};
}

void bw_work_unknown(struct bw_check_work *w, int64_t category_id, int64_t from_at, int64_t to_at,
                     const char *reason)
{
    struct bw_detection *out = w->out;
    if (from_at <= 0)
        return;
    out->unknowns = grown(out->unknowns, out->n_unknowns, &w->cap_unknowns, sizeof(*out->unknowns));
    struct bw_unknown_period *u = &out->unknowns[out->n_unknowns++];
    *u = (struct bw_unknown_period){.category_id = category_id, .from_at = from_at};
    u->to_at = to_at == 0 ? 0 : max64(to_at, from_at);
    snprintf(u->reason, sizeof(u->reason), "%s", reason);
}

static void say_missing(struct bw_check_work *w, const struct bw_category_state *c, int64_t to_at)
{
    bw_work_unknown(w, c->category_id, c->confirmed_at, to_at, "category_missing");
}

/* The oldest point of the answer is later than all that we know of the category: what lies between, nobody can tell any
 * more. bw_detect_gap has seen to it that the source was asked for all it has. */
static void say_hole(struct bw_check_work *w, const struct bw_category_state *c, int64_t oldest)
{
    int64_t known = max64(c->at, c->confirmed_at);
    if (oldest > known)
        bw_work_unknown(w, c->category_id, known, oldest, "outage");
}

/* ---- crossings ---- */

/* The latest moment before `at` at which the standing before it is sure: the point before, or the check that
 * showed it, where that check is not later (the source shows a point some minutes after its time). */
static int64_t sure_before(const struct walk *k, int64_t at)
{
    int64_t check = k->confirmed < at ? k->confirmed : 0;
    return min64(max64(k->c->at, check), at);
}

static void enter(struct walk *k, int64_t at)
{
    struct bw_category_state *c = k->c;
    k->previous_rank = c->rank;
    c->not_before = sure_before(k, at);
    c->since = at;
    k->reign = say_reign(k->w, c);
    if (k->tell)
        say_change(k->w, c, BW_REACHED_TOP, c->rank, 1, at);
}

static void leave(struct walk *k, int64_t at, int64_t rank, int64_t not_before)
{
    struct bw_category_state *c = k->c;
    enum bw_reason reason = rank == BW_UNRANKED ? BW_UNRANKED_LOSS : BW_OUTRANKED;
    size_t reign = k->reign != NONE ? k->reign : say_reign(k->w, c);
    end_reign(&k->w->out->reigns[reign], reason, at, max64(not_before, c->since));
    if (k->tell)
        say_change(k->w, c, reason, 1, rank, at);
    c->since = 0;
    c->not_before = 0;
}

/* ---- rule 8: losses that are held back ---- */

static void guard(struct bw_check_work *w, struct bw_category_state *c)
{
    c->hold.guarded = true;
    bw_work_unknown(w, c->category_id, c->hold.at, 0, "guard");
}

/* What was not known is known from `at` on. */
static void end_hold(struct bw_check_work *w, struct bw_category_state *c, int64_t at)
{
    if (c->hold.guarded)
        bw_work_unknown(w, c->category_id, c->hold.at, at, "guard");
    c->hold = (struct bw_hold){.at = 0};
}

static void hold_back(struct walk *k, int64_t at)
{
    k->c->hold = (struct bw_hold){
        .at = at,
        .seen_ms = k->w->in->detected_at_ms,
        .not_before = sure_before(k, at),
        .previous_check_at = k->w->prev->ok_at,
    };
    if (k->w->in->ill)
        guard(k->w, k->c);
}

/* It was lost when the source said so; detected it is only now, by the decision. */
static void lose_held(struct walk *k)
{
    struct bw_hold hold = k->c->hold;
    struct bw_detection *out = k->w->out;
    leave(k, hold.at, BW_UNRANKED, hold.not_before);
    out->changes[out->n_changes - 1].previous_check_at = hold.previous_check_at;
    end_hold(k->w, k->c, hold.at);
}

static bool is_ill(const struct walk *k)
{
    return k->w->in->ill || k->c->hold.guarded;
}

/* The next point after it: at #1 it was never lost; at another rank it is lost now, unless the source is well: then it was
 * lost before. */
static void point_after_hold(struct walk *k, int64_t at, int64_t rank)
{
    struct bw_category_state *c = k->c;
    if (!is_ill(k)) {
        lose_held(k);
        return;
    }
    if (!c->hold.guarded) /* found ill since: what is not told as lost is at least told as unknown */
        guard(k->w, c);
    if (rank == BW_UNRANKED)
        return;
    if (rank != 1)
        leave(k, at, rank, c->hold.not_before);
    end_hold(k->w, c, at);
    c->rank = rank;
}

/* No further point: the source has had its time. */
static void still_held(struct walk *k)
{
    const struct bw_detect_input *in = k->w->in;
    const struct bw_hold *h = &k->c->hold;
    int64_t waited = in->detected_at_ms - h->seen_ms;
    if (is_ill(k) && !h->guarded)
        guard(k->w, k->c);
    if (is_ill(k) ? in->answered_at - h->at >= GUARD_S : waited < 0 || waited >= BW_HOLD_MS)
        lose_held(k);
}

void bw_work_settle(struct bw_check_work *w, struct bw_category_state *c)
{
    struct walk k = {.w = w, .c = c, .tell = true, .reign = NONE};
    if (c->hold.at == 0 || c->hold.guarded)
        return;
    if (w->in->ill)
        guard(w, c);
    else
        lose_held(&k);
}

/* ---- points ---- */

/* One point; `at` is its time, or later where a reign began only after it (see walk). */
static void step(struct walk *k, const struct bw_point *point, int64_t at, bool newest)
{
    int64_t rank = rank_of(point->value);
    if (k->c->hold.at != 0)
        point_after_hold(k, at, rank);
    if (k->c->rank != 1 && rank == 1)
        enter(k, at);
    else if (k->c->rank == 1 && rank == BW_UNRANKED && k->tell && (newest || k->w->in->ill))
        hold_back(k, at);
    else if (k->c->rank == 1 && rank != 1)
        leave(k, at, rank, sure_before(k, at));
    k->c->rank = rank;
    k->c->at = point->at;
    k->confirmed = 0;
}

/* Walks points [from, to). A reign may have begun, or ended, later than its newest point: a category that came back with old
 * points only, or went, is dated by the check that saw it. Points of before that which the source adds afterwards cannot
 * undo it in the past: the last of them alone counts, and a loss by it is dated at the beginning of the reign. */
static void walk(struct walk *k, const struct bw_series *s, size_t from, size_t to)
{
    int64_t floor = k->c->since != 0 ? k->c->since : k->c->not_before;
    for (size_t i = from; i < to; i++) {
        if (i + 1 < to && s->points[i + 1].at <= floor)
            continue;
        step(k, &s->points[i], max64(s->points[i].at, floor), i + 1 == to);
    }
    if (k->c->hold.at != 0)
        still_held(k);
}

/* Index in [b.from, b.to] of the first point later than `at`. From the end: new points are few. */
static size_t later_than(const struct bw_series *s, struct bw_believable b, int64_t at)
{
    size_t i = b.to;
    while (i > b.from && s->points[i - 1].at > at)
        i--;
    return i;
}

/* ---- one rule each; c is the category in next ---- */

/* Rule 6, first sight of the product: all is history. */
static void first_sight(struct bw_check_work *w, struct bw_category_state *c, size_t series,
                        struct bw_believable b)
{
    struct walk k = {.w = w, .c = c, .reign = NONE};
    walk(&k, &w->in->product->ranks[series].series, b.from, b.to);
    c->confirmed_at = w->in->answered_at;
    say_points(w, series, b.from, b.to);
}

/* Rule 6, category new to a known product. "The previous check" is the previous usable one: an unknown check saw
 * nothing, so a stay at #1 that began and ended around it has still to be told. */
static void new_category(struct bw_check_work *w, struct bw_category_state *c, size_t series,
                         struct bw_believable b)
{
    const struct bw_series *s = &w->in->product->ranks[series].series;
    struct walk k = {.w = w, .c = c, .reign = NONE};
    size_t later = later_than(s, b, w->prev->ok_at);

    walk(&k, s, b.from, later);
    if (c->rank == 1)
        say_change(w, c, BW_REACHED_TOP, k.previous_rank, 1, c->since);
    k.tell = true;
    walk(&k, s, later, b.to);
    c->confirmed_at = w->in->answered_at;
    say_points(w, series, b.from, b.to);
}

/* Rule 5, and the end of a time of missing that did not last (rule 4). */
static void known_category(struct bw_check_work *w, struct bw_category_state *c, size_t series,
                           struct bw_believable b)
{
    const struct bw_series *s = &w->in->product->ranks[series].series;
    struct walk k = {.w = w, .c = c, .reign = NONE, .tell = true, .confirmed = c->confirmed_at};
    size_t from = later_than(s, b, c->at);

    if (c->missing > 0)
        say_missing(w, c, w->in->answered_at);
    else
        say_hole(w, c, s->points[b.from].at);
    c->missing = 0;
    c->missing_since = 0;
    walk(&k, s, from, b.to);
    /* An answer whose newest point is another one than ours shows something else than what is known. */
    if (s->points[b.to - 1].at == c->at && rank_of(s->points[b.to - 1].value) == c->rank)
        c->confirmed_at = max64(c->confirmed_at, w->in->answered_at);
    say_points(w, series, from, b.to);
}

/* Rules 4 and 7: a removed category is back. Newer points say what happened; without any, standing at #1 is a gain
 * at the time of this check. All its points are given as new, since some may have come while it was away. */
static void returned_category(struct bw_check_work *w, struct bw_category_state *c, size_t series,
                              struct bw_believable b)
{
    const struct bw_series *s = &w->in->product->ranks[series].series;
    const struct bw_point *last = &s->points[b.to - 1];
    struct walk k = {.w = w, .c = c, .reign = NONE, .tell = true, .confirmed = w->prev->ok_at};
    int64_t loss = c->at; /* or its newest point, where it held no badge */
    size_t from = later_than(s, b, c->at);

    if (from < b.to && s->points[from].at <= k.confirmed) /* it moved before it was missed */
        k.confirmed = c->confirmed_at;
    c->removed = false;
    c->missing = 0;
    c->missing_since = 0;
    walk(&k, s, from, b.to);
    if (from == b.to && rank_of(last->value) == 1)
        enter(&k, w->in->answered_at);
    c->rank = rank_of(last->value);
    if (c->since == 0 && loss > last->at)
        c->not_before = loss;
    c->at = last->at;
    c->confirmed_at = max64(c->confirmed_at, w->in->answered_at);
    say_points(w, series, b.from, b.to);
}

void bw_work_remove(struct bw_check_work *w, struct bw_category_state *c, enum bw_reason reason, int64_t at)
{
    at = max64(at, max64(c->since, c->hold.at));
    /* The period of not knowing ends where the decision dates the loss, not where it was taken: from there on the
     * category is said to be gone, and a time cannot be both told and unknown. */
    if (c->missing > 0)
        say_missing(w, c, at);
    if (c->since != 0) {
        say_change(w, c, reason, 1, BW_NO_RANK, at);
        size_t reign = say_reign(w, c); /* may move the array: first the index, then the place */
        end_reign(&w->out->reigns[reign], reason, at, min64(max64(c->confirmed_at, c->since), at));
        c->at = max64(c->at, at); /* points of before that loss cannot tell a gain after it */
    }
    end_hold(w, c, at);
    c->rank = BW_NO_RANK;
    c->since = 0;
    c->not_before = 0;
    c->removed = true;
}

/* Rule 4. An answer not later than the newest usable one (the same again, or one overtaken) is no further check. */
static void missing_category(struct bw_check_work *w, struct bw_category_state *c)
{
    if (c->removed || w->in->answered_at <= w->prev->ok_at)
        return;
    if (c->missing == 0) {
        c->missing_since = w->in->answered_at;
        say_missing(w, c, 0);
    }
    if (++c->missing >= MISSING_CHECKS)
        bw_work_remove(w, c, BW_CATEGORY_REMOVED, c->missing_since);
}

/* ---- all of them ---- */

static void name_category(const struct bw_product *p, struct bw_category_state *c)
{
    for (size_t i = 0; i < p->n_tree; i++) {
        if (p->tree[i].category_id != c->category_id || !p->tree[i].name)
            continue;
        if (c->name && strcmp(c->name, p->tree[i].name) == 0)
            return;
        free(c->name);
        c->name = bw_strdup(p->tree[i].name);
        return;
    }
}

static void shown_category(struct bw_check_work *w, struct bw_category_state *c, bool known, size_t series,
                           struct bw_believable b)
{
    name_category(w->in->product, c);
    if (known && c->removed)
        returned_category(w, c, series, b);
    else if (known)
        known_category(w, c, series, b);
    else if (w->prev->baseline)
        new_category(w, c, series, b);
    else
        first_sight(w, c, series, b);
}

/* Takes the first series from *i on that can be used; false at the end. */
static bool next_series(const struct bw_check_work *w, size_t *i, struct bw_believable *b)
{
    const struct bw_product *p = w->in->product;
    for (; *i < p->n_ranks; (*i)++) {
        *b = bw_believable_points(&p->ranks[*i].series, w->in->answered_at);
        if (b->from < b->to && p->ranks[*i].category_id > 0)
            return true;
    }
    return false;
}

void bw_work_categories(struct bw_check_work *w)
{
    struct bw_state *next = &w->out->next;
    const struct bw_product *p = w->in->product;
    struct bw_category_state *known = next->categories;
    size_t n_known = next->n_categories;
    struct bw_category_state *merged = bw_alloc_array(n_known + p->n_ranks, sizeof(*merged));
    struct bw_believable b;
    size_t n = 0;
    size_t i = 0;

    for (size_t s = 0; next_series(w, &s, &b); s++) {
        int64_t id = p->ranks[s].category_id;
        while (i < n_known && known[i].category_id < id) {
            merged[n] = known[i++];
            missing_category(w, &merged[n++]);
        }
        bool is_known = i < n_known && known[i].category_id == id;
        merged[n] = is_known ? known[i++] : (struct bw_category_state){.category_id = id};
        shown_category(w, &merged[n++], is_known, s, b);
    }
    while (i < n_known) {
        merged[n] = known[i++];
        missing_category(w, &merged[n++]);
    }
    free(known);
    next->categories = merged;
    next->n_categories = n;
}
