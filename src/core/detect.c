/* Detection for one product: what kind of answer it is, and what follows for the product as a whole.
 *
 * Happy way: bw_detect copies the state, finds the answer usable, lets detect_category.c bring each category up to
 * date, takes over titles and values, and puts the changes in order. How it fails: it does not; an answer that cannot
 * be used is "unknown" and one older than the state is "stale", and both leave what is known as it is.
 *
 * The clock here is Keepa's, as the envelope of the answer told it: our own may be stepped, and comparing the two
 * would make moments out of order. */
#include "detect_p.h"

#include "badgewatch/base/alloc.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DAY_S       86400
#define STUB_CHECKS 3
#define STUB_S      86400
#define GAP_MARGIN_S                                                                                         \
    1800 /* a point may be shown this long after its time; less than the margin of bw_schedule_days */

static int64_t max64(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Neither before 1970 nor more than a day ahead of the answer. */
static bool believable(int64_t at, int64_t answered_at)
{
    return at > 0 && at - DAY_S <= answered_at;
}

struct bw_believable bw_believable_points(const struct bw_series *series, int64_t answered_at)
{
    struct bw_believable b = {.from = 0, .to = series->n};
    while (b.to > 0 && series->points[b.to - 1].at > 0 &&
           !believable(series->points[b.to - 1].at, answered_at))
        b.to--;
    while (b.from < b.to && series->points[b.from].at <= 0)
        b.from++;
    return b;
}

/* ---- a state from the future ---- */

static int64_t min64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* One answer may have come with a date far ahead; every true one after it would look overtaken, for years. Its date is
 * not believed any more where two clocks speak against it: ours, when it was taken in, and that of an answer which came
 * later. Either alone may be wrong; on its way an answer is for minutes, not for a day. A clock of ours that stood before
 * Keepa's own epoch was never set, and says nothing. */
static bool is_ahead(const struct bw_state *s, int64_t answered_at)
{
    int64_t latest = s->answered_at - DAY_S;
    int64_t came = s->checked_at_ms / 1000;
    return s->version > 0 && latest > answered_at && latest > came && came > bw_keepa_time(0);
}

/* What that answer dated itself is put to when it came; what it said stays. A point that was believed for its sake
 * counts as of that moment, so that the next move of the series is seen. */
static void bring_back(struct bw_state *s, int64_t answered_at)
{
    int64_t came = min64(s->checked_at_ms / 1000, answered_at);
    int64_t *dates[] = {&s->answered_at, &s->ok_at, &s->unknown_since, &s->stub_since, &s->last_change};
    for (size_t i = 0; i < sizeof(dates) / sizeof(*dates); i++)
        *dates[i] = min64(*dates[i], came);
    if (!believable(s->freshness, answered_at))
        s->freshness = 0;
    if (!believable(s->last_update, answered_at))
        s->last_update = 0;
    for (size_t kind = 0; kind < BW_VALUE_KINDS; kind++) {
        if (!believable(s->value_at[kind], answered_at))
            s->value_at[kind] = min64(s->value_at[kind], came);
    }
    for (size_t i = 0; i < s->n_categories; i++) {
        struct bw_category_state *c = &s->categories[i];
        c->confirmed_at = min64(c->confirmed_at, came);
        c->missing_since = min64(c->missing_since, came);
        if (!believable(c->at, answered_at))
            c->at = min64(c->at, came);
    }
}

/* ---- what kind of answer ---- */

static bool has_points(const struct bw_product *p, int64_t answered_at)
{
    for (size_t i = 0; i < p->n_ranks; i++) {
        struct bw_believable b = bw_believable_points(&p->ranks[i].series, answered_at);
        if (b.from < b.to && p->ranks[i].category_id > 0)
            return true;
    }
    return false;
}

/* The freshness that an answer must reach: of what is known, the part that this answer speaks about. A category that
 * was taken away often had the newest point of all; without it the answer looks older than the state while it is
 * not, and a removal would never be seen. */
static int64_t expected_freshness(const struct bw_state *prev, const struct bw_product *p)
{
    int64_t expected = p->last_update > 0 ? prev->last_update : 0;
    for (size_t i = 0; i < p->n_ranks; i++) {
        const struct bw_category_state *c = bw_state_category(prev, p->ranks[i].category_id);
        if (c && !c->removed)
            expected = max64(expected, c->at);
    }
    return expected;
}

/* Older than what is known (rule 5): dropped. An answer overtaken on its way (answered before the newest one) must
 * bring something fresher than all that was seen to be used at all. */
static bool is_stale(const struct bw_detect_input *in)
{
    const struct bw_state *prev = in->prev;
    bool overtaken = in->answered_at < prev->answered_at;
    if (in->product->unknown != BW_KNOWN)
        return overtaken;
    int64_t freshness = bw_product_freshness(in->product, in->answered_at);
    if (freshness <= 0 || prev->freshness <= 0)
        return false;
    if (overtaken)
        return freshness <= prev->freshness;
    return freshness < prev->freshness && freshness < expected_freshness(prev, in->product);
}

static enum bw_unknown classify(const struct bw_detect_input *in)
{
    if (is_stale(in))
        return BW_UNKNOWN_STALE;
    if (in->product->unknown == BW_KNOWN && !has_points(in->product, in->answered_at))
        return BW_UNKNOWN_MALFORMED; /* nothing but points that cannot be believed */
    return in->product->unknown;
}

/* ---- unknown (rules 2 and 4) ---- */

/* Rule 4, delisted: every badge is lost at the time of the first of these checks. */
static void delist(struct bw_check_work *w)
{
    struct bw_state *next = &w->out->next;
    for (size_t i = 0; i < next->n_categories; i++) {
        if (!next->categories[i].removed)
            bw_work_remove(w, &next->categories[i], BW_DELISTED, next->stub_since);
    }
}

/* Counts answers as a stub. Only as a stub: an answer with a title but no ranks ends the row; no answer at all
 * (absent, error, malformed) says nothing either way. */
static void count_stub(struct bw_check_work *w, enum bw_unknown unknown)
{
    struct bw_state *next = &w->out->next;
    int64_t now = w->in->answered_at;
    if (unknown == BW_UNKNOWN_NO_RANKS) {
        next->stub_checks = 0;
        next->stub_since = 0;
        return;
    }
    bool stub = unknown == BW_UNKNOWN_STUB || unknown == BW_UNKNOWN_INACCESSIBLE;
    if (!stub || !w->in->others_answer || now <= w->prev->answered_at)
        return;
    if (next->stub_checks == 0)
        next->stub_since = now;
    if (next->stub_checks < INT_MAX)
        next->stub_checks++;
    if (next->stub_checks >= STUB_CHECKS && now - next->stub_since >= STUB_S)
        delist(w);
}

/* Rule 2: the state stays; not knowing is itself recorded. */
static void unknown_check(struct bw_check_work *w, enum bw_unknown unknown)
{
    struct bw_state *next = &w->out->next;
    next->unknown = unknown;
    if (next->unknown_checks == 0) {
        next->unknown_since = next->ok_at;
        if (next->baseline)
            bw_work_unknown(w, 0, next->unknown_since, 0, bw_unknown_name(unknown));
    }
    if (next->unknown_checks < INT_MAX)
        next->unknown_checks++;
    count_stub(w, unknown);
}

/* ---- usable ---- */

static void end_unknown(struct bw_check_work *w)
{
    struct bw_state *next = &w->out->next;
    if (next->unknown_checks > 0 && next->baseline)
        bw_work_unknown(w, 0, next->unknown_since, w->in->answered_at, bw_unknown_name(w->prev->unknown));
    next->unknown = BW_KNOWN;
    next->unknown_checks = 0;
    next->unknown_since = 0;
    next->stub_checks = 0;
    next->stub_since = 0;
}

static void take_text(char **mine, const char *theirs)
{
    if (!theirs || (*mine && strcmp(*mine, theirs) == 0))
        return;
    free(*mine);
    *mine = bw_strdup(theirs);
}

static void take_values(struct bw_check_work *w)
{
    struct bw_state *next = &w->out->next;
    const struct bw_product *p = w->in->product;
    take_text(&next->title, p->title);
    take_text(&next->brand, p->brand);
    take_text(&next->parent_asin, p->parent_asin);
    if (believable(p->last_update, w->in->answered_at))
        next->last_update = p->last_update;
    next->current_price = max64(p->current_price, -1);
    next->availability_amazon = p->availability_amazon;
    next->monthly_sold = max64(p->monthly_sold, -1);
    next->rating = max64(p->rating, -1);
    next->review_count = max64(p->review_count, -1);
}

/* The other series: new is what is later than the newest known point of the kind. */
static void take_value_points(struct bw_check_work *w)
{
    struct bw_state *next = &w->out->next;
    for (size_t kind = 0; kind < BW_VALUE_KINDS; kind++) {
        const struct bw_series *s = &w->in->product->values[kind];
        struct bw_believable b = bw_believable_points(s, w->in->answered_at);
        size_t from = b.to;
        while (from > b.from && s->points[from - 1].at > next->value_at[kind])
            from--;
        if (from == b.to)
            continue;
        w->out->value_from[kind] = from;
        w->out->value_to[kind] = b.to;
        next->value_at[kind] = s->points[b.to - 1].at;
    }
}

static void usable_check(struct bw_check_work *w)
{
    struct bw_state *next = &w->out->next;
    w->out->first_sight = !w->prev->baseline;
    end_unknown(w);
    take_values(w);
    take_value_points(w);
    bw_work_categories(w);
    next->baseline = true;
    next->ok_at = max64(next->ok_at, w->in->answered_at);
    next->freshness = max64(next->freshness, bw_product_freshness(w->in->product, w->in->answered_at));
}

/* ---- bw_detect ---- */

static int compare_changes(const void *a, const void *b)
{
    const struct bw_change *x = a;
    const struct bw_change *y = b;
    if (x->occurred_at != y->occurred_at)
        return x->occurred_at < y->occurred_at ? -1 : 1;
    if (x->category_id != y->category_id)
        return x->category_id < y->category_id ? -1 : 1;
    return (int)y->type - (int)x->type; /* lost before gained */
}

static void finish_changes(struct bw_detection *out)
{
    if (out->n_changes == 0)
        return;
    qsort(out->changes, out->n_changes, sizeof(*out->changes), compare_changes);
    out->next.last_change = max64(out->next.last_change, out->changes[out->n_changes - 1].occurred_at);
}

static void detect(const struct bw_detect_input *in, struct bw_detection *out)
{
    struct bw_check_work w = {.in = in, .prev = in->prev, .out = out};
    *out = (struct bw_detection){.unknown = classify(in)};
    bw_state_copy(&out->next, in->prev);
    for (size_t kind = 0; kind < BW_VALUE_KINDS; kind++)
        out->value_from[kind] = out->value_to[kind] = in->product->values[kind].n;
    out->next.version++;
    out->next.checked_at_ms = in->detected_at_ms;
    if (out->unknown == BW_KNOWN)
        usable_check(&w);
    else if (out->unknown != BW_UNKNOWN_STALE)
        unknown_check(&w, out->unknown);
    else if (out->next.unknown_checks == 0)
        out->next.unknown = BW_UNKNOWN_STALE;
    out->next.answered_at = max64(out->next.answered_at, in->answered_at);
    finish_changes(out);
}

void bw_detect(const struct bw_detect_input *in, struct bw_detection *out)
{
    assert(in->answered_at > 0);
    if (!is_ahead(in->prev, in->answered_at)) {
        detect(in, out);
        return;
    }
    struct bw_state prev;
    struct bw_detect_input corrected = *in;
    bw_state_copy(&prev, in->prev);
    bring_back(&prev, in->answered_at);
    corrected.prev = &prev;
    detect(&corrected, out);
    bw_state_fini(&prev);
}

bool bw_detect_settle(const struct bw_state *prev, bool ill, int64_t now_ms, struct bw_detection *out)
{
    struct bw_detect_input in = {
        .prev = prev, .answered_at = prev->answered_at, .detected_at_ms = now_ms, .ill = ill};
    struct bw_check_work w = {.in = &in, .prev = prev, .out = out};
    size_t waiting, guarded;
    bw_state_holds(prev, &waiting, &guarded);
    if (waiting == 0)
        return false;
    *out = (struct bw_detection){.unknown = prev->unknown};
    bw_state_copy(&out->next, prev);
    out->next.version++;
    for (size_t i = 0; i < out->next.n_categories; i++)
        bw_work_settle(&w, &out->next.categories[i]);
    finish_changes(out);
    return true;
}

void bw_detection_fini(struct bw_detection *d)
{
    bw_state_fini(&d->next);
    for (size_t i = 0; i < d->n_changes; i++)
        bw_change_fini(&d->changes[i]);
    free(d->changes);
    for (size_t i = 0; i < d->n_reigns; i++)
        bw_reign_fini(&d->reigns[i]);
    free(d->reigns);
    free(d->unknowns);
    free(d->rank_points);
    *d = (struct bw_detection){0};
}

/* ---- gap ---- */

/* An answer to `days` holds, of each series, the points of the last N days and one anchor before: the value in force
 * when the window began. What is known of a category is complete up to the last check that showed it. So
 *   - a window that begins before that check leaves nothing out: no gap, whatever the series says;
 *   - else, a series whose oldest point is one that we know (not later than the newest known) joins what we have
 *     without a hole, since the source leaves out only what is older than the oldest point it gives;
 *   - else, between the newest known point and the oldest one given there may have been others, also where the latter
 *     is the anchor: 5 at noon, known; #1 at one o'clock, 4 at two o'clock = anchor. One cannot tell; ask again.
 * The check meant is the category's own: one that was missing for a while, or removed, may come back with points from
 * before the last usable check of its product. For a category new to us it is that usable check: before it all is
 * history, of which a part is enough. Asking once too often costs a request; it does not loop, since more days make
 * the window of the first kind. */
static bool has_gap(const struct bw_state *prev, const struct bw_rank_series *r, int64_t window,
                    int64_t answered_at)
{
    struct bw_believable b = bw_believable_points(&r->series, answered_at);
    const struct bw_category_state *c = bw_state_category(prev, r->category_id);
    if (b.from == b.to || window + GAP_MARGIN_S <= (c ? c->confirmed_at : prev->ok_at))
        return false;
    return r->series.points[b.from].at > (c ? c->at : prev->ok_at);
}

static bool any_gap(const struct bw_state *prev, const struct bw_product *product, int64_t window,
                    int64_t answered_at)
{
    for (size_t i = 0; i < product->n_ranks; i++) {
        if (has_gap(prev, &product->ranks[i], window, answered_at))
            return true;
    }
    return false;
}

bool bw_detect_gap(const struct bw_state *prev, const struct bw_product *product, int days,
                   int64_t answered_at)
{
    if (!prev->baseline || days <= 0 || product->unknown != BW_KNOWN)
        return false;
    int64_t window = answered_at - days * (int64_t)DAY_S;
    if (!is_ahead(prev, answered_at))
        return any_gap(prev, product, window, answered_at);
    struct bw_state corrected;
    bw_state_copy(&corrected, prev);
    bring_back(&corrected, answered_at);
    bool gap = any_gap(&corrected, product, window, answered_at);
    bw_state_fini(&corrected);
    return gap;
}
