/* Detection against the truth: thousands of made-up worlds, watched at arbitrary moments through arbitrary windows.
 *
 * Each case has a seed, printed on failure; BW_TEST_SEED=n runs that one alone, BW_TEST_WORLDS=n so many. */
#include "badgewatch/core/schedule.h"
#include "model.h"
#include "sight.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CHECKS_MAX 40
#define LINES_MAX  4000

struct lines { /* half a megabyte, of which a case needs little: emptied by its length alone */
    char text[LINES_MAX][112];
    size_t n;
};

struct kept { /* an answer that may be delivered again */
    struct bw_product product;
    int64_t at;
};

struct run {
    uint64_t seed;
    bool wild; /* categories stay away for long, the product may be delisted */
    struct world world;
    struct sight sight;
    struct model_check checks[CHECKS_MAX];
    size_t n_checks;
    int away[WORLD_CATEGORIES]; /* consecutive usable checks without it */
    bool known[WORLD_CATEGORIES];
    struct kept kept[CHECKS_MAX];
    size_t n_kept;
    void (*after)(void); /* each check */
};

static struct run run; /* large */
static struct lines said_changes, said_points, said_reigns;

#define FAIL(...)                                                                                            \
    do {                                                                                                     \
        print_error("BW_TEST_SEED=%" PRIu64 "%s: ", run.seed, run.wild ? " (wild)" : "");                    \
        fail_msg(__VA_ARGS__);                                                                               \
    } while (0)

static int64_t minute_of(int64_t unix_s)
{
    return unix_s == 0 ? -1 : (unix_s - SIGHT_EPOCH) / 60;
}

static void add_line(struct lines *l, const char *fmt, ...) BW_PRINTF(2, 3);
static void add_line(struct lines *l, const char *fmt, ...)
{
    va_list args;
    assert_true(l->n < LINES_MAX);
    va_start(args, fmt);
    vsnprintf(l->text[l->n++], sizeof(l->text[0]), fmt, args);
    va_end(args);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void sort_lines(struct lines *l)
{
    qsort(l->text, l->n, sizeof(l->text[0]), compare_lines);
}

static void expect_lines(const char *what, struct lines *is, struct lines *expected)
{
    sort_lines(is);
    sort_lines(expected);
    for (size_t i = 0; i < is->n || i < expected->n; i++) {
        const char *a = i < is->n ? is->text[i] : "(none)";
        const char *b = i < expected->n ? expected->text[i] : "(none)";
        if (strcmp(a, b) != 0)
            FAIL("%s: is '%s', expected '%s' (%zu and %zu in all)", what, a, b, is->n, expected->n);
    }
}

/* ---- lines of what was said, and of what should have been ---- */

static void change_line(struct lines *l, int64_t category, enum bw_reason reason, int64_t at,
                        int64_t previous, int64_t new_rank, int64_t held)
{
    add_line(l, "%" PRId64 " %s @%" PRId64 " %" PRId64 ">%" PRId64 " held %" PRId64, category,
             bw_reason_name(reason), at, previous, new_rank, held);
}

static void reign_line(struct lines *l, const struct model_reign *r)
{
    add_line(l, "%" PRId64 " %05" PRId64 "..%" PRId64 " %s [%" PRId64 ",%" PRId64 "]", r->category, r->start,
             r->end, r->end < 0 ? "" : bw_reason_name(r->ended_by), r->start_not_before, r->end_not_before);
}

/* The row of a reign: a later word about it replaces the earlier one. */
static void take_reign(struct lines *l, const struct bw_reign *r)
{
    struct model_reign m = {r->category_id, minute_of(r->started_at),       minute_of(r->ended_at),
                            r->ended_by,    minute_of(r->start_not_before), minute_of(r->end_not_before)};
    char head[32];
    snprintf(head, sizeof(head), "%" PRId64 " %05" PRId64 "..", m.category, m.start);
    for (size_t i = 0; i < l->n; i++) {
        if (strncmp(l->text[i], head, strlen(head)) != 0)
            continue;
        if (strncmp(l->text[i] + strlen(head), "-1", 2) != 0)
            FAIL("reign '%s' was ended already", l->text[i]);
        memmove(l->text[i], l->text[l->n - 1], sizeof(l->text[0]));
        l->n--;
        break;
    }
    reign_line(l, &m);
}

static void take_detection(const struct bw_product *p, int64_t ok_before)
{
    const struct bw_detection *d = &run.sight.d;
    for (size_t i = 0; i < d->n_changes; i++) {
        const struct bw_change *c = &d->changes[i];
        bool held_back = run.sight.waits && c->reason == BW_UNRANKED_LOSS;
        if ((c->type == BW_GAINED) != (c->reason == BW_REACHED_TOP) ||
            (c->previous_check_at != ok_before && !held_back))
            FAIL("change %s contradicts itself", c->id);
        change_line(&said_changes, c->category_id, c->reason, minute_of(c->occurred_at), c->previous_rank,
                    c->new_rank, minute_of(c->held_since));
    }
    for (size_t i = 0; i < d->n_reigns; i++)
        take_reign(&said_reigns, &d->reigns[i]);
    for (size_t i = 0; i < d->n_rank_points; i++) {
        const struct bw_rank_series *r = &p->ranks[d->rank_points[i].series];
        for (size_t j = d->rank_points[i].from; j < d->rank_points[i].to; j++)
            add_line(&said_points, "%" PRId64 " @%" PRId64, r->category_id,
                     minute_of(r->series.points[j].at));
    }
    if (run.after)
        run.after();
}

static void expect_model(void)
{
    static struct model m;
    static struct lines changes, reigns, points;
    changes.n = reigns.n = points.n = 0;
    model_make(&run.world, run.checks, run.n_checks, &m);
    for (size_t i = 0; i < m.n_changes; i++) {
        const struct model_change *c = &m.changes[i];
        change_line(&changes, c->category, c->reason, c->at, c->previous_rank, c->new_rank, c->held_since);
    }
    for (size_t i = 0; i < m.n_reigns; i++)
        reign_line(&reigns, &m.reigns[i]);
    for (size_t i = 0; i < m.n_points; i++)
        add_line(&points, "%" PRId64 " @%" PRId64, m.points[i].category, m.points[i].at);
    expect_lines("changes", &said_changes, &changes);
    expect_lines("reigns", &said_reigns, &reigns);
    expect_lines("points", &said_points, &points);
}

/* ---- nothing changes ---- */

static bool same_categories(const struct bw_state *a, const struct bw_state *b)
{
    if (a->n_categories != b->n_categories)
        return false;
    for (size_t i = 0; i < a->n_categories; i++) {
        const struct bw_category_state *x = &a->categories[i];
        const struct bw_category_state *y = &b->categories[i];
        if (x->category_id != y->category_id || x->rank != y->rank || x->at != y->at ||
            x->since != y->since || x->not_before != y->not_before || x->confirmed_at != y->confirmed_at ||
            x->missing != y->missing || x->missing_since != y->missing_since || x->removed != y->removed)
            return false;
    }
    return true;
}

/* Delivers an answer that brings nothing new: nothing is said, nothing moves. */
static void deliver_again(const char *what, const struct bw_product *p, int64_t answered_at)
{
    const struct bw_detection *d = &run.sight.d;
    struct bw_state before;
    bw_state_copy(&before, &run.sight.state);
    sight_check(&run.sight, p, answered_at);
    const struct bw_state *after = &run.sight.state;
    if (d->n_changes + d->n_reigns + d->n_unknowns + d->n_rank_points > 0)
        FAIL("%s: something was said: %s | %s | %s | %s", what, sight_changes(&run.sight),
             sight_reigns(&run.sight), sight_unknowns(&run.sight), sight_points(&run.sight));
    if (!same_categories(&before, after) || before.ok_at != after->ok_at ||
        before.freshness != after->freshness || before.unknown_checks != after->unknown_checks ||
        before.stub_checks != after->stub_checks || before.last_change != after->last_change)
        FAIL("%s: the state moved", what);
    if (after->version != before.version + 1)
        FAIL("%s: the version did not move", what);
    bw_state_fini(&before);
}

static void deliver_old_ones(void)
{
    if (run.n_kept == 0 || world_random(&run.world, 2) == 0)
        return;
    const struct kept *k = &run.kept[world_random(&run.world, (int64_t)run.n_kept)];
    deliver_again("an answer overtaken by others", &k->product, sight_time(k->at));
    /* The same old content under a new date, as a lagging copy of the source would give it. */
    if (k->product.last_update > 0 &&
        bw_product_freshness(&k->product, sight_time(k->at)) < run.sight.state.last_update)
        deliver_again("an old copy", &k->product, run.sight.state.ok_at + 1);
}

/* ---- one run ---- */

static void start(uint64_t seed, bool wild, bool simple)
{
    memset(&run, 0, sizeof(run));
    said_changes.n = said_points.n = said_reigns.n = 0;
    run.seed = seed;
    run.wild = wild;
    world_make(&run.world, seed, simple);
    sight_init(&run.sight);
    run.sight.waits = world_random(&run.world, 2) == 0;
}

/* Decides about what is held back, when it likes: in the end it comes to the same. */
static void settle(void)
{
    static const struct bw_product none;
    if (sight_settle(&run.sight, BW_HOLD_MS))
        take_detection(&none, 0);
}

static void stop(void)
{
    for (size_t i = 0; i < run.n_kept; i++)
        bw_product_fini(&run.kept[i].product);
    sight_fini(&run.sight);
}

/* Like the collector: asks for some days, and for the whole history where that leaves a gap. */
static int ask(int64_t at, const bool hidden[WORLD_CATEGORIES], struct bw_product *p)
{
    const struct bw_state *state = &run.sight.state;
    bool last_update = world_random(&run.world, 3) > 0;
    int64_t dice = world_random(&run.world, 3);
    int enough = bw_schedule_days(sight_time(at), state->ok_at);
    int days = state->baseline ? enough : (int)world_random(&run.world, 4);
    if (state->baseline && dice == 0)
        days = (int)world_random(&run.world, 3);
    world_answer(&run.world, at, days, hidden, last_update, p);
    if (!bw_detect_gap(state, p, days, sight_time(at)))
        return days;
    bool anybody_away = false;
    for (size_t i = 0; i < run.world.n; i++)
        anybody_away |= run.away[i] > 0 && run.known[i];
    if (!state->baseline || days == 0 || (days >= enough && !anybody_away))
        FAIL("minute %" PRId64 ": a gap in %d days, where %d are enough", at, days, enough);
    bw_product_fini(p);
    world_answer(&run.world, at, 0, hidden, last_update, p);
    return 0;
}

static void hide_some(bool hidden[WORLD_CATEGORIES])
{
    int most = run.wild ? 6 : 2; /* a third check without it is a removal, which the model does not know */
    for (size_t i = 0; i < run.world.n; i++) {
        bool hide = world_random(&run.world, run.away[i] > 0 && run.wild ? 2 : 6) == 0;
        hidden[i] = hide && (!run.known[i] || run.away[i] < most);
    }
}

static void note_check(int64_t at, int days, const bool hidden[WORLD_CATEGORIES])
{
    struct model_check *c = &run.checks[run.n_checks++];
    *c = (struct model_check){.at = at, .usable = true, .days = days};
    for (size_t i = 0; i < run.world.n; i++) {
        c->shown[i] = !hidden[i] && world_visible(&run.world.categories[i], at);
        run.known[i] |= c->shown[i];
        run.away[i] = c->shown[i] ? 0 : run.away[i] + 1;
    }
}

static void unknown_check(int64_t at)
{
    static const enum bw_unknown kinds[] = {BW_UNKNOWN_ABSENT, BW_UNKNOWN_NO_RANKS,  BW_UNKNOWN_STUB,
                                            BW_UNKNOWN_ERROR,  BW_UNKNOWN_MALFORMED, BW_UNKNOWN_INACCESSIBLE};
    struct bw_product none = {0};
    int64_t ok_before = run.sight.state.ok_at;
    run.sight.others = run.wild;
    sight_see_unknown(&run.sight, at, kinds[world_random(&run.world, 6)]);
    take_detection(&none, ok_before);
}

static void check(int64_t at, const bool hidden[WORLD_CATEGORIES])
{
    struct bw_product p;
    int64_t ok_before = run.sight.state.ok_at;
    int days = ask(at, hidden, &p);
    sight_check(&run.sight, &p, sight_time(at));
    take_detection(&p, ok_before);
    if (p.unknown != BW_KNOWN) {
        bw_product_fini(&p);
        return;
    }
    if (run.sight.d.unknown != BW_KNOWN)
        FAIL("minute %" PRId64 ": a true answer was taken for %s", at, bw_unknown_name(run.sight.d.unknown));
    note_check(at, days, hidden);
    deliver_again("the same answer", &p, sight_time(at));
    run.kept[run.n_kept++] = (struct kept){p, at};
}

static int64_t next_minute(int64_t at)
{
    static const int64_t steps[] = {3, 60, 600, 4000};
    return at + 1 + world_random(&run.world, steps[world_random(&run.world, 4)]);
}

static void watch(void)
{
    int64_t at = world_random(&run.world, WORLD_MINUTES / 2);
    for (size_t i = 0; i < CHECKS_MAX && at < WORLD_MINUTES; i++, at = next_minute(at)) {
        bool hidden[WORLD_CATEGORIES] = {false};
        if (world_random(&run.world, 6) == 0) {
            unknown_check(at);
        } else {
            hide_some(hidden);
            check(at, hidden);
        }
        if (world_random(&run.world, 2) == 0)
            settle();
        deliver_old_ones();
    }
    settle();
}

/* Says how many there were. */
static size_t for_seeds(void (*one)(uint64_t seed))
{
    const char *seed = getenv("BW_TEST_SEED");
    const char *worlds = getenv("BW_TEST_WORLDS");
    size_t n = worlds ? strtoull(worlds, NULL, 10) : 1000;
    if (seed) {
        one(strtoull(seed, NULL, 10));
        return 1;
    }
    assert_true(n >= 100); /* a misspelt number would test nothing */
    for (uint64_t i = 1; i <= n; i++)
        one(i);
    return n;
}

/* ---- the crossings of the truth, each once, with right times, ranks and reasons; the reigns; all points ---- */

static size_t seen_changes;

static void against_the_truth(uint64_t seed)
{
    start(seed, false, false);
    watch();
    seen_changes += said_changes.n;
    expect_model();
    stop();
}

static void test_truth(void **state)
{
    (void)state;
    seen_changes = 0;
    size_t n = for_seeds(against_the_truth);
    if (n > 1)
        assert_true(seen_changes > n * 6); /* the worlds are worth the name */
}

/* ---- however the checks are split, the changes are the same ---- */

static struct lines ids;

static void take_ids(void)
{
    for (size_t i = 0; i < run.sight.d.n_changes; i++)
        add_line(&ids, "%s", run.sight.d.changes[i].id);
}

static void split(uint64_t seed)
{
    static struct lines many;
    static const bool hidden[WORLD_CATEGORIES] = {false};
    int64_t first;
    start(seed, false, true);
    ids.n = 0;
    first = 100 + world_random(&run.world, WORLD_MINUTES / 2);
    for (size_t i = 0; i < run.world.n;
         i++) { /* a category that is born later is another matter, see above */
        if (!world_visible(&run.world.categories[i], first))
            run.world.categories[i].n = 0;
    }
    for (int64_t at = first; at < WORLD_MINUTES && run.n_checks < CHECKS_MAX - 1; at = next_minute(at)) {
        check(at, hidden);
        take_ids();
    }
    check(WORLD_MINUTES, hidden);
    take_ids();
    many = ids;
    stop();

    start(seed, false, true);
    ids.n = 0;
    first = 100 + world_random(&run.world, WORLD_MINUTES / 2);
    for (size_t i = 0; i < run.world.n; i++) {
        if (!world_visible(&run.world.categories[i], first))
            run.world.categories[i].n = 0;
    }
    check(first, hidden);
    take_ids();
    check(WORLD_MINUTES, hidden);
    take_ids();
    expect_lines("ids", &many, &ids);
    stop();
}

static void test_any_split_tells_the_same(void **state)
{
    (void)state;
    for_seeds(split);
}

/* ---- whatever happens, removals and all: what was told makes sense ---- */

static struct {
    int64_t since; /* of the badge held, by what was told; 0 = none */
    int64_t last;
} told[WORLD_CATEGORIES];

static const struct bw_reign *find_reign(int64_t category, int64_t started_at)
{
    for (size_t i = 0; i < run.sight.d.n_reigns; i++) {
        const struct bw_reign *r = &run.sight.d.reigns[i];
        if (r->category_id == category && r->started_at == started_at)
            return r;
    }
    return NULL;
}

static void follow_change(const struct bw_change *c)
{
    size_t i = (size_t)(c->category_id / 100 - 1);
    const struct bw_reign *r =
        find_reign(c->category_id, c->type == BW_GAINED ? c->occurred_at : c->held_since);
    if (c->occurred_at < told[i].last)
        FAIL("%s: told out of order", sight_changes(&run.sight));
    if (c->type == BW_GAINED ? told[i].since != 0 : told[i].since == 0 || told[i].since != c->held_since)
        FAIL("%s: does not follow from what was told before", sight_changes(&run.sight));
    if (!r || (c->type == BW_LOST && (r->ended_at != c->occurred_at || r->ended_by != c->reason)))
        FAIL("%s: no such reign in %s", sight_changes(&run.sight), sight_reigns(&run.sight));
    told[i].last = c->occurred_at;
    told[i].since = c->type == BW_GAINED ? c->occurred_at : 0;
}

static void follow(void)
{
    const struct bw_detection *d = &run.sight.d;
    for (size_t i = 0; i < d->n_changes; i++)
        follow_change(&d->changes[i]);
    for (size_t i = 0; i < d->n_reigns; i++) {
        const struct bw_reign *r = &d->reigns[i];
        if (r->start_not_before > r->started_at ||
            (r->ended_at != 0 && (r->ended_at < r->started_at || r->end_not_before > r->ended_at ||
                                  r->end_not_before < r->started_at)))
            FAIL("impossible reign in %s", sight_reigns(&run.sight));
    }
    for (size_t i = 0; i < run.sight.state.n_categories; i++) {
        const struct bw_category_state *c = &run.sight.state.categories[i];
        size_t index = (size_t)(c->category_id / 100 - 1);
        if (d->first_sight)
            told[index].since = c->since;
        if (told[index].since != c->since || (c->rank == 1 || c->hold.at != 0) != (c->since != 0))
            FAIL("state %s is not what was told", sight_state(&run.sight));
    }
}

static size_t removals;

static void in_the_wild(uint64_t seed)
{
    memset(told, 0, sizeof(told));
    start(seed, true, false);
    run.after = follow;
    watch();
    for (size_t i = 0; i < said_changes.n; i++)
        removals +=
            strstr(said_changes.text[i], "category_removed") || strstr(said_changes.text[i], "delisted");
    stop();
}

static void test_wild(void **state)
{
    (void)state;
    removals = 0;
    size_t n = for_seeds(in_the_wild);
    if (n > 1)
        assert_true(removals > n / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truth),
        cmocka_unit_test(test_any_split_tells_the_same),
        cmocka_unit_test(test_wild),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
