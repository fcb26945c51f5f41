/* Quiet hours of routes: alerts wait for their end in Redis, not in memory, and then go out together.
 *
 * Happy way: ADDRESS finds that it is quiet -> PARK (park.lua): the entries stay in bw:changes, pending for nobody, and
 * bw:quiet knows until when -> every second the daemon that tells asks for what is due (wake.lua), reads it with its other
 * pending entries, addresses it by the rules of that moment, and tells what goes to one channel in one message. Whatever
 * dies meanwhile, Redis has it; whatever Redis forgets comes back from Postgres as untold, and is parked again.
 *
 * How it fails: Redis takes no command: the step is tried again, the next second wakes. */
#include "badgewatch/app/scripts.h"
#include "badgewatch/base/log.h"
#include "due_clock.h"
#include "notifier_p.h"

#include <stdio.h>
#include <string.h>

#define WAKE_MOST 400  /* entries at once: other routes' alerts find room beside them */
#define ROOM      500  /* messages in memory at which no more are woken */
#define ASKED_MS  5000 /* clocks differ: what was addressed just now is right */

/* What follows of its product was perhaps addressed a moment before the quiet hours began: it waits behind it. */
static void turn_back_those_behind(const struct bw_message *m)
{
    struct bw_message *other;
    TAILQ_FOREACH (other, &m->notifier->list, link) {
        if (other != m && !other->under_way && !other->holds_channel && bw_message_shares_product(m, other))
            bw_delivery_readdress(&other->progress);
    }
}

static void on_parked(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_message *m = ctx;
    const char *word = err == BW_OK && reply->type != BW_REPLY_ERROR && reply->str ? reply->str : "";
    answered(m);
    bw_delivery_parked(&m->progress, strcmp(word, "ok") == 0       ? BW_INTENT_RECORDED
                                     : strcmp(word, "theirs") == 0 ? BW_INTENT_NOT_OURS
                                                                   : BW_INTENT_FAILED);
    if (m->progress.step == BW_DELIVERY_DONE)
        turn_back_those_behind(m);
    bw_notifier_progressed(m);
}

void bw_deliver_park(struct bw_message *m)
{
    struct bw_notifier *n = m->notifier;
    const struct bw_keys *k = &n->cx->keys;
    char member[BW_PRODUCT_TEXT];
    struct bw_args args;
    bw_product_key_format(&m->key, member);
    bw_args_init(&args);
    const char *const head[] = {m->stream, k->quiet, k->digest, k->delivery, BW_GROUP_SLACK, n->cx->id};
    for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
        bw_args_add(&args, head[i]);
    bw_args_add_int(&args, m->quiet_until_ms);
    bw_args_add(&args, member);
    bw_args_add(&args, bw_delivery_settled(&m->progress) ? "1" : "0");
    bw_deliver_add_checks(&args, m);
    for (size_t i = 0; i < m->n_refs; i++)
        bw_args_add(&args, m->refs[i].id);
    if (bw_redis_eval(n->cx->redis, &bw_script_park, 4, args.n, args.values, args.lens, on_parked, m) ==
        BW_OK)
        begun(m);
    else
        not_begun(m);
    bw_args_fini(&args);
}

static void on_woken(void *ctx, enum bw_err err, const struct bw_reply *reply)
{
    struct bw_notifier *n = ctx;
    n->waking = false;
    n->under_way--;
    if (err != BW_OK || reply->type != BW_REPLY_INTEGER || reply->integer < 0) {
        n->rules_changed = true; /* the question may have been lost, or another daemon tells; asked once too
                                    often, it does no harm */
        return;
    }
    if (reply->integer > 0 && !n->stopping) {
        bw_log_info("slack", "%lld changes waited for the end of quiet hours", (long long)reply->integer);
        bw_notifier_rewind(n);
    }
}

void bw_quiet_wake(struct bw_notifier *n)
{
    const struct bw_keys *k = &n->cx->keys;
    char most[16];
    if (n->waking || n->stopping || n->n > ROOM)
        return;
    snprintf(most, sizeof(most), "%d", WAKE_MOST);
    const char *argv[] = {k->changes,     k->quiet,  k->digest, k->teller,
                          BW_GROUP_SLACK, n->cx->id, most,      n->rules_changed ? "1" : "0"};
    if (bw_redis_eval(n->cx->redis, &bw_script_wake, 4, 8, argv, NULL, on_woken, n) != BW_OK)
        return;
    n->waking = true;
    n->under_way++;
    n->rules_changed = false;
}

static bool is_quiet(const struct bw_message *m, int64_t now_s)
{
    const struct bw_route route = {.quiet = m->quiet};
    return bw_route_quiet_until(&route, now_s) != 0;
}

bool bw_quiet_began(const struct bw_message *m)
{
    enum bw_delivery_step step = m->progress.step;
    const struct bw_message *other;
    bool may_turn_back =
        step == BW_DELIVERY_CONFIRM || step == BW_DELIVERY_PLACE || step == BW_DELIVERY_INTEND;
    if (!may_turn_back || m->holds_channel || m->notifier->now.ms - m->asked.ms <= ASKED_MS)
        return false;
    int64_t now_s = bw_due_now(m->notifier->cx);
    bool quiet = is_quiet(m, now_s);
    TAILQ_FOREACH (other, &m->company, link)
        quiet = quiet || is_quiet(other, now_s);
    return quiet;
}
