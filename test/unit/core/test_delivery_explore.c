/* All orders of steps, crashes and losses of one change on its way to Slack, walked one by one.
 *
 * The world: Slack's channel, Postgres, Redis, two daemons whose only mind is struct bw_delivery_progress, and requests
 * on the wire that outlive their daemon. An adversary with a small budget kills daemons, takes a live one's entries away
 * (it was stalled), empties Redis, stops Postgres, loses requests and answers. Every reachable state is visited once; in
 * each the channel must hold the change at most once (where nobody can look: once without a mark), and where nothing is
 * left to do it must be there and be recorded.
 *
 * What is assumed, and where the program sees to it: after the fence no earlier request can still be on its way
 * (BW_WAIT_FENCE: a request that has not begun in time is not begun any more, test_http_failures); the history shows what
 * was posted; a product whose state Postgres gave back is asked about again (rule 5 finds the same change, same id). */
#include "badgewatch/core/delivery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    NOBODY = -1,
    GONE = -2,
    PARKED = -3
}; /* owner of the entry: unread; there is none; it waits for quiet hours to end */
enum { DAEMONS = 2 };

struct world {
    /* Slack */
    int8_t unmarked, marked;
    bool no_threads; /* the rule chooses none */
    int8_t threaded; /* of these, in a thread: the history does not list them */
    /* Postgres */
    bool pg_up, pg_row, pg_intended, pg_told, pg_withheld, pg_thread;
    /* Redis */
    int8_t owner;
    bool quiet; /* for Slack: nothing may be sent */
    bool intention, intention_thread, doubt, lost, history_row, history_told, history_withheld;
    /* daemons and the wire */
    struct bw_delivery_progress p[DAEMONS];
    bool alive[DAEMONS];
    bool has[DAEMONS];     /* it holds the message in memory */
    bool expired[DAEMONS]; /* the fence has passed its request: it may not begin any more */
    bool wire[DAEMONS];    /* a request that Slack has not taken yet */
    bool wire_marked[DAEMONS];
    bool wire_thread[DAEMONS];
    bool thread[DAEMONS];  /* it knows of a thread that an attempt may have gone to, or is about to */
    bool waiting[DAEMONS]; /* the daemon waits for the answer to it */
    bool answered[DAEMONS];
    bool fenced[DAEMONS]; /* since its last request the fence has passed */
    /* what the adversary may still do */
    int8_t crashes, flushes, stops, losses, steals, refusals, reloads, nights;
};

struct edge {
    uint32_t from, to;
};

struct explorer {
    struct world *states; /* in the order of their discovery */
    bool *quiet;
    size_t n, cap, now;
    uint32_t *table; /* open addressing: index of the state + 1 */
    size_t table_cap;
    struct edge *edges;
    size_t n_edges, edges_cap;
    bool can_look, withheld;
};

/* ---- the set of states ---- */

static uint64_t hash_of(const struct world *w)
{
    const unsigned char *b = (const unsigned char *)w;
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < sizeof(*w); i++)
        h = (h ^ b[i]) * 1099511628211u;
    return h | 1;
}

/* Byte by byte: each world is a copy of one that was zeroed whole. Padding that differed would only make a state twice. */
static bool same(const struct world *a, const struct world *b)
{
    // NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c)
    return memcmp(a, b, sizeof(*a)) == 0;
}

static uint32_t *slot_of(const struct explorer *x, const struct world *w)
{
    size_t i = hash_of(w) & (x->table_cap - 1);
    while (x->table[i] != 0 && !same(&x->states[x->table[i] - 1], w))
        i = (i + 1) & (x->table_cap - 1);
    return &x->table[i];
}

static void *grown(void *list, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return list;
    *cap = *cap ? *cap * 2 : 1024;
    list = realloc(list, *cap * size);
    assert_non_null(list);
    return list;
}

static void grow_table(struct explorer *x)
{
    free(x->table);
    x->table_cap = x->table_cap ? x->table_cap * 2 : 1 << 16;
    x->table = calloc(x->table_cap, sizeof(*x->table));
    assert_non_null(x->table);
    for (size_t i = 0; i < x->n; i++)
        *slot_of(x, &x->states[i]) = (uint32_t)i + 1;
}

static void told_once(const struct explorer *x, const struct world *w)
{
    if (w->unmarked > 1 || (x->can_look && w->unmarked + w->marked > 1)) {
        fail_msg("told twice: %d unmarked, %d marked (crashes %d, flushes %d, losses %d left)", w->unmarked,
                 w->marked, w->crashes, w->flushes, w->losses);
    }
}

/* From the state that is being walked to this one; a new one will be walked from, too. */
static void reach(struct explorer *x, const struct world *w)
{
    told_once(x, w);
    if (x->n * 2 >= x->table_cap)
        grow_table(x);
    uint32_t *slot = slot_of(x, w);
    if (*slot == 0) {
        x->states = grown(x->states, x->n, &x->cap, sizeof(*x->states));
        x->states[x->n++] = *w;
        *slot = (uint32_t)x->n;
    }
    x->edges = grown(x->edges, x->n_edges, &x->edges_cap, sizeof(*x->edges));
    x->edges[x->n_edges++] = (struct edge){(uint32_t)x->now, *slot - 1};
}

/* ---- what daemons do ---- */

static void take(const struct explorer *x, struct world *w, int d)
{
    w->owner = (int8_t)d;
    w->has[d] = true;
    w->expired[d] = false;
    w->waiting[d] = w->answered[d] = w->thread[d] = w->fenced[d] = false;
    bw_delivery_begin(&w->p[d], x->can_look);
    bw_delivery_gathered(&w->p[d]);
}

static void forget(struct world *w, int d)
{
    w->has[d] = false;
    memset(&w->p[d], 0, sizeof(w->p[d]));
    w->expired[d] = w->waiting[d] = w->answered[d] = w->thread[d] = w->fenced[d] = false;
}

static enum bw_delivery_past past_of(const struct world *w)
{
    return w->intention ? BW_PAST_INTENDED : w->doubt ? BW_PAST_DOUBTFUL : BW_PAST_NONE;
}

static void confirm(struct explorer *x, struct world w, int d)
{
    if (!w.pg_up) {
        bw_delivery_confirmed(&w.p[d], BW_SAYS_NOTHING);
        reach(x, &w);
        return;
    }
    enum bw_delivery_says says = w.pg_told || w.pg_withheld ? BW_SAYS_TOLD
                                 : w.pg_intended            ? BW_SAYS_INTENDED
                                                            : BW_SAYS_NEW;
    w.pg_row = w.pg_intended = true;
    struct world unanswered = w;
    w.thread[d] = w.thread[d] || w.pg_thread;
    bw_delivery_confirmed(&w.p[d], says);
    reach(x, &w);
    if (unanswered.losses > 0) {
        unanswered.losses--;
        bw_delivery_confirmed(&unanswered.p[d], BW_SAYS_NOTHING);
        reach(x, &unanswered);
    }
}

/* The rule chooses either; what it chose is in Postgres, or it goes to the channel. */
static void place(struct explorer *x, struct world w, int d)
{
    struct world channel = w;
    channel.thread[d] = false;
    bw_delivery_placed(&channel.p[d]);
    reach(x, &channel);
    if (!w.pg_up || !x->can_look || w.no_threads)
        return;
    w.pg_thread = true;
    if (w.losses > 0) { /* recorded, and nobody knows */
        channel = w;
        channel.losses--;
        channel.thread[d] = false;
        bw_delivery_placed(&channel.p[d]);
        reach(x, &channel);
    }
    w.thread[d] = true;
    bw_delivery_placed(&w.p[d]);
    reach(x, &w);
}

static void intend(struct explorer *x, struct world w, int d)
{
    enum bw_delivery_intent intent = w.lost         ? BW_INTENT_UNVERIFIED
                                     : w.owner == d ? BW_INTENT_RECORDED
                                                    : BW_INTENT_NOT_OURS;
    if (intent == BW_INTENT_RECORDED) {
        w.intention = true;
        w.intention_thread = w.thread[d];
    }
    struct world unanswered = w;
    bw_delivery_intended(&w.p[d], intent);
    if (w.p[d].step == BW_DELIVERY_DROP)
        forget(&w, d);
    reach(x, &w);
    if (unanswered.losses > 0) {
        unanswered.losses--;
        bw_delivery_intended(&unanswered.p[d], BW_INTENT_FAILED);
        reach(x, &unanswered);
    }
}

static void post(struct explorer *x, struct world w, int d)
{
    if (w.wire[d])
        return; /* there is room for one: the earlier one arrives first */
    w.fenced[d] = false;
    if (w.expired[d]) { /* too late to begin */
        w.expired[d] = false;
        bw_delivery_posted(&w.p[d], BW_POSTED_RETRY);
    } else {
        w.wire[d] = w.waiting[d] = true;
        w.wire_marked[d] = w.p[d].possible_repeat;
        w.wire_thread[d] = w.thread[d];
    }
    reach(x, &w);
}

static void look(struct explorer *x, struct world w, int d)
{
    w.fenced[d] = w.fenced[d] || w.p[d].wait == BW_WAIT_FENCE;
    for (int i = 0; w.fenced[d] && i < DAEMONS; i++) {
        if (w.wire[i])
            return; /* it waits */
        if (i != d && w.has[i] && w.p[i].step == BW_DELIVERY_POST && !w.waiting[i])
            w.expired[i] = true;
    }
    struct world later = w;
    int listed = w.unmarked + w.marked - (w.thread[d] ? 0 : w.threaded);
    bw_delivery_looked(&w.p[d], listed > 0 ? BW_SEEN : BW_SEEN_NOT);
    reach(x, &w);
    if (later.losses > 0) {
        later.losses--;
        bw_delivery_looked(&later.p[d], BW_SEEN_LATER);
        reach(x, &later);
    }
}

/* told.lua: one step, or none at all, or done without an answer. */
static void record(struct explorer *x, struct world w, int d)
{
    struct world before = w;
    if (w.p[d].outcome == BW_OUTCOME_WITHHELD)
        w.history_withheld = true;
    else if (w.p[d].outcome != BW_OUTCOME_ALREADY)
        w.history_told = true;
    w.owner = GONE;
    w.intention = w.intention_thread = false;
    struct world unanswered = w;
    bw_delivery_recorded(&w.p[d], true);
    forget(&w, d);
    reach(x, &w);
    if (before.losses > 0) {
        before.losses--;
        bw_delivery_recorded(&before.p[d], false);
        reach(x, &before);
        unanswered.losses--;
        bw_delivery_recorded(&unanswered.p[d], false);
        reach(x, &unanswered);
    }
}

/* park.lua: one step, or none at all, or done without an answer. */
static void park(struct explorer *x, struct world w, int d)
{
    struct world before = w;
    enum bw_delivery_intent parked = w.owner == d ? BW_INTENT_RECORDED : BW_INTENT_NOT_OURS;
    if (parked == BW_INTENT_RECORDED) {
        w.owner = PARKED;
        w.intention = w.intention && !bw_delivery_settled(&w.p[d]);
    }
    struct world unanswered = w;
    bw_delivery_parked(&w.p[d], parked);
    forget(&w, d);
    reach(x, &w);
    if (before.losses > 0) {
        before.losses--;
        bw_delivery_parked(&before.p[d], BW_INTENT_FAILED);
        reach(x, &before);
        unanswered.losses--;
        bw_delivery_parked(&unanswered.p[d], BW_INTENT_FAILED);
        reach(x, &unanswered);
    }
}

static void step(struct explorer *x, struct world w, int d)
{
    switch (w.p[d].step) {
    case BW_DELIVERY_ADDRESS:
        w.thread[d] = w.thread[d] || (w.intention && w.intention_thread);
        bw_delivery_addressed(&w.p[d], past_of(&w), x->withheld, w.quiet);
        reach(x, &w);
        break;
    case BW_DELIVERY_PARK:
        park(x, w, d);
        break;
    case BW_DELIVERY_PLACE:
        place(x, w, d);
        break;
    case BW_DELIVERY_CONFIRM:
        confirm(x, w, d);
        break;
    case BW_DELIVERY_INTEND:
        intend(x, w, d);
        break;
    case BW_DELIVERY_POST:
        post(x, w, d);
        break;
    case BW_DELIVERY_LOOK:
        (w.p[d].blind ? confirm : look)(x, w, d);
        break;
    case BW_DELIVERY_RECORD:
        record(x, w, d);
        break;
    default:
        fail_msg("a daemon in step %d", (int)w.p[d].step);
    }
}

/* ---- the wire ---- */

static void wire(struct explorer *x, const struct world *now, int d)
{
    if (now->wire[d]) {
        struct world w = *now;
        w.wire[d] = false;
        if (w.wire_marked[d])
            w.marked++;
        else
            w.unmarked++;
        w.threaded = (int8_t)(w.threaded + w.wire_thread[d]);
        w.wire_marked[d] = w.wire_thread[d] = false;
        w.answered[d] = w.waiting[d];
        reach(x, &w);
        if (now->losses > 0) { /* never arrives */
            w = *now;
            w.losses--;
            w.wire[d] = w.wire_marked[d] = w.wire_thread[d] = false;
            reach(x, &w);
        }
        if (now->losses > 0 && now->waiting[d]) { /* cut off, and arrives later */
            w = *now;
            w.losses--;
            w.waiting[d] = false;
            bw_delivery_posted(&w.p[d], BW_POSTED_AMBIGUOUS);
            reach(x, &w);
        }
        if (now->refusals > 0 && now->waiting[d]) {
            static const enum bw_delivery_posted refusals[] = {BW_POSTED_RETRY, BW_POSTED_OPERATOR,
                                                               BW_POSTED_PAYLOAD};
            for (size_t i = 0; i < 3; i++) {
                w = *now;
                w.refusals--;
                w.wire[d] = w.wire_marked[d] = w.wire_thread[d] = w.waiting[d] = false;
                bw_delivery_posted(&w.p[d], refusals[i]);
                reach(x, &w);
            }
        }
    } else if (now->waiting[d]) { /* Slack has it, or it is lost */
        struct world w = *now;
        w.waiting[d] = w.answered[d] = false;
        bw_delivery_posted(&w.p[d], now->answered[d] ? BW_POSTED_OK : BW_POSTED_AMBIGUOUS);
        reach(x, &w);
        if (now->answered[d] && now->losses > 0) {
            w = *now;
            w.losses--;
            w.waiting[d] = w.answered[d] = false;
            bw_delivery_posted(&w.p[d], BW_POSTED_AMBIGUOUS);
            reach(x, &w);
        }
    }
}

/* ---- the stores ---- */

static void stores(struct explorer *x, const struct world *now)
{
    if (now->pg_up && (now->history_row || now->history_told || now->history_withheld)) { /* the writer */
        struct world w = *now;
        w.pg_row = true;
        w.pg_told = w.pg_told || w.history_told;
        w.pg_withheld = w.pg_withheld || w.history_withheld;
        w.history_row = w.history_told = w.history_withheld = false;
        reach(x, &w);
    }
    if (now->pg_up &&
        now->lost) { /* states verified; what is untold comes back, or Keepa's points tell it again */
        struct world w = *now;
        w.lost = false;
        if (!w.pg_told && !w.pg_withheld) {
            w.owner = NOBODY;
            w.doubt = true;
            w.history_row = !w.pg_row;
        }
        reach(x, &w);
    }
    if (!now->pg_up) {
        struct world w = *now;
        w.pg_up = true;
        reach(x, &w);
    }
    if (now->quiet) { /* morning */
        struct world w = *now;
        w.quiet = false;
        reach(x, &w);
    }
    if (now->owner == PARKED &&
        !now->quiet) { /* wake.lua; it gives them to a daemon, which may die at once */
        struct world w = *now;
        w.owner = NOBODY;
        reach(x, &w);
    }
}

/* ---- the adversary ---- */

static void adversary(struct explorer *x, const struct world *now)
{
    struct world w;
    for (int d = 0; d < DAEMONS; d++) {
        if (now->crashes > 0 && now->alive[d]) {
            w = *now;
            w.crashes--;
            w.alive[d] = false;
            forget(&w, d); /* what is on the wire stays there */
            reach(x, &w);
        }
        int other = 1 - d;
        if (now->steals > 0 && now->alive[d] && !now->has[d] && now->owner == other) {
            w = *now;
            w.steals--;
            take(x, &w, d);
            reach(x, &w);
        }
    }
    if (now->flushes > 0) {
        w = *now;
        w.flushes--;
        w.owner = GONE;
        w.intention = w.intention_thread = w.doubt = w.history_row = w.history_told = w.history_withheld =
            false;
        w.lost = true;
        reach(x, &w);
    }
    for (int d = 0; d < DAEMONS && now->reloads > 0; d++) { /* the settings changed */
        w = *now;
        w.reloads--;
        if (w.has[d] && !w.waiting[d])
            bw_delivery_readdress(&w.p[d]);
        reach(x, &w);
    }
    if (now->nights > 0 &&
        !now->quiet) { /* what was addressed before them is addressed anew, sooner or later */
        w = *now;
        w.nights--;
        w.quiet = true;
        reach(x, &w);
    }
    for (int d = 0; d < DAEMONS; d++) {
        w = *now;
        if (w.quiet && w.has[d] && !w.waiting[d] &&
            (w.p[d].step == BW_DELIVERY_CONFIRM || w.p[d].step == BW_DELIVERY_INTEND)) {
            bw_delivery_readdress(&w.p[d]);
            reach(x, &w);
        }
    }
    if (now->stops > 0 && now->pg_up) {
        w = *now;
        w.stops--;
        w.pg_up = false;
        reach(x, &w);
    }
}

/* ---- the walk ---- */

static void fair(struct explorer *x, const struct world *now)
{
    stores(x, now);
    for (int d = 0; d < DAEMONS; d++) {
        wire(x, now, d);
        if (!now->alive[d]) {
            struct world w = *now;
            w.alive[d] = true; /* started again */
            reach(x, &w);
        } else if (now->has[d] && !now->waiting[d]) {
            step(x, *now, d);
        } else if (!now->has[d] && !now->lost &&
                   (now->owner == NOBODY || (now->owner >= 0 && !now->alive[now->owner]) ||
                    now->owner == d)) {
            struct world w = *now;
            take(x, &w, d);
            reach(x, &w);
        }
    }
}

static bool is_quiet(const struct world *w)
{
    for (int d = 0; d < DAEMONS; d++) {
        if (!w->alive[d] || w->has[d] || w->wire[d])
            return false;
    }
    return w->pg_up && !w->lost && !w->quiet && w->owner == GONE && !w->history_row && !w->history_told &&
           !w->history_withheld;
}

static void is_recorded(const struct world *w, bool withheld)
{
    if (withheld ? !w->pg_withheld && !w->pg_told : w->unmarked + w->marked == 0)
        fail_msg("nothing is left to do, and nobody was told");
    if (!withheld && !w->pg_told)
        fail_msg("told, and Postgres will never know");
}

static int by_target(const void *a, const void *b)
{
    uint32_t x = ((const struct edge *)a)->to, y = ((const struct edge *)b)->to;
    return x < y ? -1 : x > y;
}

/* From each state some end can be reached: nothing is ever stuck. Backwards from the ends, over sorted edges. */
static size_t states_that_end(struct explorer *x)
{
    size_t *first = calloc(x->n + 1, sizeof(*first));
    uint32_t *todo = malloc((x->n + 1) * sizeof(*todo));
    assert_non_null(first);
    assert_non_null(todo);
    qsort(x->edges, x->n_edges, sizeof(*x->edges), by_target);
    for (size_t i = 0; i < x->n_edges; i++)
        first[x->edges[i].to + 1] = i + 1;
    for (size_t i = 1; i <= x->n; i++)
        first[i] = first[i] ? first[i] : first[i - 1];
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++) {
        if (x->quiet[i])
            todo[n++] = (uint32_t)i;
    }
    for (size_t done = 0; done < n; done++) {
        for (size_t e = first[todo[done]]; e < first[todo[done] + 1]; e++) {
            uint32_t from = x->edges[e].from;
            if (!x->quiet[from])
                todo[n++] = from;
            x->quiet[from] = true;
        }
    }
    free(first);
    free(todo);
    return n;
}

static void walk(bool can_look, bool withheld, struct world begin)
{
    struct explorer x = {.can_look = can_look, .withheld = withheld};
    size_t ends = 0;
    reach(&x, &begin);
    for (x.now = 0; x.now < x.n; x.now++) {
        struct world now = x.states[x.now];
        if (is_quiet(&now))
            is_recorded(&now, withheld);
        else
            fair(&x, &now);
        adversary(&x, &now);
    }
    x.quiet = calloc(x.n + 1, sizeof(*x.quiet));
    assert_non_null(x.quiet);
    for (size_t i = 0; i < x.n; i++) {
        x.quiet[i] = is_quiet(&x.states[i]);
        ends += x.quiet[i];
    }
    size_t ending = states_that_end(&x);
    print_message("%zu states, %zu steps between them, %zu ends\n", x.n, x.n_edges, ends);
    assert_int_equal(ending, x.n);
    free(x.states);
    free(x.quiet);
    free(x.table);
    free(x.edges);
}

static struct world staged(void)
{
    struct world w;
    memset(&w, 0, sizeof(w)); /* states are compared byte by byte */
    w.pg_up = true;
    w.owner = NOBODY;
    w.history_row = true;
    w.alive[0] = w.alive[1] = true;
    return w;
}

static void test_crashes_and_losses(void **state)
{
    (void)state;
    for (int can_look = 0; can_look < 2; can_look++) {
        struct world w = staged();
        w.crashes = 2;
        w.losses = 2;
        w.refusals = 1;
        walk(can_look == 1, false, w);
    }
}

static void test_reloads(void **state)
{
    (void)state;
    for (int can_look = 0; can_look < 2; can_look++) {
        struct world w = staged();
        w.reloads = 2;
        w.crashes = 1;
        w.losses = 1;
        w.refusals = 1;
        walk(can_look == 1, false, w);
    }
}

static void test_quiet_hours(void **state)
{
    (void)state;
    for (int can_look = 0; can_look < 2; can_look++) {
        struct world w = staged();
        w.nights = 2;
        w.crashes = 1;
        w.losses = 1;
        w.refusals = 1;
        walk(can_look == 1, false, w);
        w.refusals = w.losses = 0;
        w.flushes = w.stops = 1;
        w.no_threads = true; /* they have their own walks; with both there are a million states */
        walk(can_look == 1, false, w);
    }
}

static void test_stalled_daemons(void **state)
{
    (void)state;
    struct world w = staged();
    w.steals = 2;
    w.crashes = 1;
    w.losses = 1;
    walk(true, false, w);
}

static void test_stores_lost(void **state)
{
    (void)state;
    struct world w = staged();
    w.flushes = 1;
    w.stops = 1;
    w.crashes = 1;
    w.losses = 1;
    walk(true, false, w);
}

/* Where nobody can look, a store that lost its memory costs a mark, never a silent repeat. */
static void test_stores_lost_webhook(void **state)
{
    (void)state;
    struct world w = staged();
    w.flushes = 1;
    w.stops = 1;
    w.crashes = 1;
    walk(false, false, w);
}

static void test_withheld(void **state)
{
    (void)state;
    struct world w = staged();
    w.flushes = 1;
    w.crashes = 1;
    w.losses = 1;
    w.stops = 1;
    walk(true, true, w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crashes_and_losses), cmocka_unit_test(test_stalled_daemons),
        cmocka_unit_test(test_stores_lost),        cmocka_unit_test(test_stores_lost_webhook),
        cmocka_unit_test(test_withheld),           cmocka_unit_test(test_reloads),
        cmocka_unit_test(test_quiet_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
