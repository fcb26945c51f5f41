/* See week.h. */
#include "week.h"

#include "badgewatch/app/scripts.h"
#include "badgewatch/base/buf.h"
#include "badgewatch/core/schedule.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_S 1767225600 /* 2026-01-01T00:00:00Z */

/* ---- Redis ---- */

static redisContext *connect_to(const char *path)
{
    for (int64_t deadline = bw_mono_now().ms + WAIT_MS;;) {
        redisContext *c = redisConnectUnix(path);
        if (c && !c->err)
            return c;
        redisFree(c);
        assert_true(bw_mono_now().ms < deadline);
        poll(NULL, 0, 5);
    }
}

static redisReply *checked(struct week *w, redisReply *r)
{
    redisContext *c = w->redis;
    if (!r) {
        fail_msg("redis: %s", c->errstr);
        abort(); /* clang does not know that it was the end */
    }
    if (r->type == REDIS_REPLY_ERROR)
        fail_msg("redis: %s", r->str);
    return r;
}

static void command(struct week *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void command(struct week *w, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    freeReplyObject(checked(w, redisvCommand(w->redis, fmt, args)));
    va_end(args);
}

/* Many checks at once: the script as a function, called for each {member, version, next due} of the arguments. A week
 * has 200,000 of them. */
static const char each_check[] =
    "for i = 2, #ARGV, 3 do local p = 'bw:product:' .. ARGV[i]"
    " local r = script({'bw:due', 'bw:leased', 'bw:lease', 'bw:poll', 'bw:tracked', 'bw:badges', "
    "'bw:history',"
    " 'bw:changes', 'bw:staged_bytes', 'bw:untold', 'bw:guard', p}, {ARGV[1], '16', ARGV[i], ARGV[i + 1], "
    "ARGV[i + 2], "
    "'0', 'then', 'check', ARGV[i + 2] * 1000,"
    " '4', 'version', ARGV[i + 1] + 1, 'baseline', '1', '0', '{}', '', '0'})"
    " if r.err or not string.match(r[1], '^%d') then"
    " return redis.error_reply('not staged: ' .. ARGV[i] .. ' ' .. (r.err or r[1])) end end"
    " redis.call('DEL', 'bw:history') return redis.status_reply('ok')";

/* The script reads the world's clock where it would ask the server's. */
static void load(struct week *w, const struct bw_script *script, const char *driver, char sha[41])
{
    static const char asks[] = "redis.call('TIME')", reads[] = "redis.call('HMGET', 'clock', 's', 'us')";
    struct bw_buf text;
    const char *from = script->source;
    bw_buf_init(&text, (size_t)1 << 20);
    if (driver)
        bw_buf_adds(&text, "local function script(KEYS, ARGV) ");
    for (const char *at; (at = strstr(from, asks)); from = at + sizeof(asks) - 1) {
        bw_buf_add(&text, from, (size_t)(at - from));
        bw_buf_adds(&text, reads);
    }
    bw_buf_adds(&text, from);
    if (driver)
        bw_buf_addf(&text, " end\n%s", driver);
    assert_false(text.overflow);
    redisReply *r = checked(w, redisCommand(w->redis, "SCRIPT LOAD %s", bw_buf_str(&text)));
    snprintf(sha, 41, "%s", r->str);
    freeReplyObject(r);
    bw_buf_fini(&text);
}

static void set_clock(struct week *w)
{
    if (w->clock_ms == w->now_ms)
        return;
    w->clock_ms = w->now_ms;
    command(w, "HSET clock s %lld us %lld", (long long)(w->now_ms / 1000),
            (long long)(w->now_ms % 1000 * 1000));
}

int64_t week_due(struct week *w, const char *set, const struct watched *p)
{
    redisReply *r = checked(w, redisCommand(w->redis, "ZSCORE %s %s", set, p->member));
    int64_t score = r->type == REDIS_REPLY_STRING ? strtoll(r->str, NULL, 10) : -1;
    freeReplyObject(r);
    return score;
}

/* ---- the world ---- */

static int64_t random_below(struct week *w, int64_t n)
{
    w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((w->seed >> 33) % (uint64_t)n);
}

void week_begin(struct week *w, int64_t rate, int64_t left, size_t daemons)
{
    *w = (struct week){
        .now_ms = START_S * INT64_C(1000) + 123456, .seed = 7, .reserve = 0.1, .n_daemons = daemons};
    week_forget(w);
    server_open(&w->server);
    server_start(&w->server, NULL);
    w->redis = connect_to(w->server.socket_url + strlen("unix://"));
    static bool scripts;
    if (!scripts)
        bw_scripts_init();
    scripts = true;
    load(w, &bw_script_claim, NULL, w->claim);
    load(w, &bw_script_stage, each_check, w->stage);
    load(w, &bw_script_track, NULL, w->track);
    load(w, &bw_script_tokens, NULL, w->tokens);
    redisReply *info = checked(w, redisCommand(w->redis, "INFO server"));
    char run[41];
    assert_int_equal(sscanf(strstr(info->str, "run_id:"), "run_id:%40s", run), 1);
    freeReplyObject(info);
    command(w, "SET bw:epoch %s", run);
    sim_bucket_init(&w->keepa, w->now_ms - random_below(w, SIM_BUCKET_TICK_MS), rate, left);
    for (size_t i = 0; i < daemons; i++) {
        snprintf(w->daemons[i].id, sizeof(w->daemons[i].id), "daemon%zu", i);
        command(w, "SET bw:daemon:%s 1", w->daemons[i].id);
        w->daemons[i].seq = -1;
    }
}

void week_end(struct week *w)
{
    redisFree(w->redis);
    server_close(&w->server);
}

void week_forget(struct week *w)
{
    w->requests = w->refused = w->charged = w->told = 0;
    w->lowest = INT64_MAX;
    w->largest = 0;
    w->smallest = SIZE_MAX;
    for (size_t i = 0; i < w->n; i++)
        w->products[i].gap = w->products[i].late = w->products[i].checks = 0;
}

struct watched *week_track(struct week *w, int domain, int priority, int frequency)
{
    assert_true(w->n < PRODUCTS_MAX);
    struct watched *p = &w->products[w->n++];
    *p = (struct watched){.priority = priority, .frequency = frequency, .checked_at = w->now_ms / 1000};
    snprintf(p->member, sizeof(p->member), "%d:B0%08zu", domain, w->n);
    int64_t now = w->now_ms / 1000;
    set_clock(w);
    command(
        w,
        "EVALSHA %s 8 bw:tracked bw:due bw:leased bw:badges bw:lost bw:epoch bw:unconfirmed bw:guard bw: %lld"
        " %s 1 %lld 4 priority %d frequency %d 0 0 0",
        w->track, (long long)now, p->member, (long long)bw_schedule_next(now, frequency), priority,
        frequency);
    w->checks_per_hour += 60.0 / frequency;
    return p;
}

/* ---- a request ---- */

static struct watched *find(struct week *w, const char *member)
{
    size_t i = strtoul(member + 4, NULL, 10); /* "1:B000000017" is the 17th */
    assert_true(i >= 1 && i <= w->n);
    assert_string_equal(w->products[i - 1].member, member);
    return &w->products[i - 1];
}

/* In the middle of its time the source charges the request, whatever its balance then is. */
static void process(struct week *w, struct week_request *r)
{
    sim_bucket_refill(&w->keepa, w->now_ms);
    if (!sim_bucket_may_run(&w->keepa))
        w->refused++;
    for (size_t i = 0; i < r->n; i++)
        r->consumed += r->update == 0 ? 1 + random_below(w, 2) : 1;
    sim_bucket_charge(&w->keepa, r->consumed);
    w->charged += r->consumed;
    if (w->keepa.left < w->lowest)
        w->lowest = w->keepa.left;
    r->left = w->keepa.left;
    r->refill_in = sim_bucket_refill_in(&w->keepa, w->now_ms);
    r->stamp_ms = w->now_ms;
    r->processed = true;
}

static int64_t checked_now(struct week *w, struct watched *p, int64_t due)
{
    int64_t now = w->now_ms / 1000;
    if (p->checks++ > 0 && now - p->checked_at > p->gap)
        p->gap = now - p->checked_at;
    p->checked_at = now;
    p->version++;
    p->due = bw_schedule_after(now, due, false, p->frequency);
    return p->due;
}

static void stage(struct week *w, const struct week_daemon *d, struct week_request *r)
{
    struct bw_buf text;
    const char *argv[4 + 300] = {"EVALSHA", w->stage, "0", d->id};
    int n = 4;
    size_t at[300];
    bw_buf_init(&text, (size_t)1 << 16);
    for (size_t i = 0; i < r->n; i++) {
        struct watched *p = r->products[i];
        int64_t values[] = {p->version, checked_now(w, p, r->due[i])};
        argv[n++] = p->member;
        for (int v = 0; v < 2; v++) {
            at[n - 4] = text.len;
            argv[n++] = NULL;
            bw_buf_addf(&text, "%lld%c", (long long)values[v], 0);
        }
    }
    for (int i = 4; i < n; i++)
        argv[i] = argv[i] ? argv[i] : bw_buf_str(&text) + at[i - 4];
    set_clock(w);
    freeReplyObject(checked(w, redisCommandArgv(w->redis, n, argv, NULL)));
    bw_buf_fini(&text);
}

/* As keepa.c does when a request has ended. */
static void share(struct week *w, struct week_daemon *d, int64_t expected)
{
    const struct bw_bucket *b = &d->bucket;
    set_clock(w);
    redisReply *r =
        checked(w, redisCommand(w->redis,
                                "EVALSHA %s 2 bw:tokens bw:spending %s %lld %lld %lld %lld %lld left %lld "
                                "rate %lld refill_rate %lld"
                                " refill_in_ms %lld",
                                w->tokens, d->id, (long long)-expected, (long long)d->seq,
                                (long long)(w->now_ms - b->told.ms), (long long)(w->now_ms - b->asked.ms),
                                (long long)b->stamp_ms, (long long)b->left, (long long)b->rate,
                                (long long)b->plan_rate, (long long)b->refill_in_ms));
    d->seq = r->integer > 0 ? r->integer : d->seq;
    freeReplyObject(r);
}

static int64_t figure(const redisReply *reply, size_t i)
{
    return strtoll(reply->element[i]->str, NULL, 10);
}

/* And when claim.lua says that another daemon has changed the bucket. */
static void learn(struct week *w, struct week_daemon *d, const redisReply *reply)
{
    d->seq = reply->element[2]->integer;
    d->bucket.elsewhere = reply->element[3]->integer;
    if (reply->element[4]->len == 0)
        return;
    struct bw_mono at = {w->now_ms - (reply->element[1]->integer - figure(reply, 8))};
    struct bw_tokens tokens = {.left = figure(reply, 4),
                               .rate = figure(reply, 5),
                               .refill_in_ms = figure(reply, 7),
                               .stamp_ms = figure(reply, 9),
                               .asked = at};
    bw_bucket_told(&d->bucket, &tokens, at);
}

static void answer(struct week *w, struct week_daemon *d, struct week_request *r)
{
    struct bw_tokens tokens = {r->left, w->keepa.rate, 0, r->refill_in, r->stamp_ms, {r->asked_ms}};
    bw_bucket_finish(&d->bucket, r->expected);
    bw_bucket_told(&d->bucket, &tokens, (struct bw_mono){w->now_ms});
    bw_costs_learn(&d->costs, r->update, r->n, r->consumed);
    w->told += r->consumed;
    share(w, d, r->expected);
    stage(w, d, r);
    *r = (struct week_request){0};
}

static void ask(struct week *w, struct week_daemon *d, struct week_request *r, const struct bw_plan *plan,
                const redisReply *reply)
{
    *r = (struct week_request){.n = reply->elements - 3, .update = plan->update, .asked_ms = w->now_ms};
    for (size_t i = 0; i < r->n; i++) {
        redisReply **item = reply->element[i + 3]->element;
        struct watched *p = find(w, item[0]->str);
        r->products[i] = p;
        r->due[i] = strtoll(item[1]->str, NULL, 10);
        int64_t late = w->now_ms / 1000 - r->due[i];
        if (late > p->late)
            p->late = late;
        assert_int_equal(item[0]->str[0], reply->element[3]->element[0]->str[0]); /* one domain */
    }
    d->seq = reply->element[2]->integer;
    r->expected = (int64_t)r->n * plan->cost;
    bw_bucket_start(&d->bucket, r->expected);
    r->processed_ms = w->now_ms + 50 + random_below(w, 3000);
    r->answered_ms = r->processed_ms + 50 + random_below(w, 3000);
    w->requests++;
    w->largest = r->n > w->largest ? r->n : w->largest;
    w->smallest = r->n < w->smallest ? r->n : w->smallest;
}

/* ---- a look ---- */

static redisReply *run_claim(struct week *w, struct week_daemon *d, const struct bw_plan *plan)
{
    set_clock(w);
    return checked(
        w, redisCommand(
               w->redis,
               "EVALSHA %s 9 bw:due bw:leased bw:lease bw:poll bw:epoch bw:staged_bytes bw:turn bw:tokens"
               " bw:spending bw: %s 600000 %lld %lld 1000000000 20 1 %lld 0 %d %d %lld 0 %lld",
               w->claim, d->id, (long long)(plan->routine < 100 ? plan->routine : 100),
               (long long)(plan->polled < 100 ? plan->polled : 100), (long long)++d->claims, BW_AHEAD_PART,
               BW_AHEAD_MAX_S, (long long)d->seq, (long long)plan->cost));
}

static bool claim(struct week *w, struct week_daemon *d, struct week_request *r)
{
    struct bw_plan plan;
    struct bw_plan_input in = {.bucket = &d->bucket,
                               .costs = &d->costs,
                               .now = {w->now_ms},
                               .reserve = w->reserve,
                               .automatic = w->update == UPDATE_AUTOMATIC,
                               .update = w->update,
                               .checks_per_hour = w->checks_per_hour};
    bw_plan(&in, &plan);
    if (plan.routine < 1)
        return false;
    redisReply *reply = run_claim(w, d, &plan);
    const char *word = reply->element[0]->str;
    bool again = strcmp(word, "tokens") == 0, took = strcmp(word, "batch") == 0;
    if (again)
        learn(w, d, reply);
    else if (took)
        ask(w, d, r, &plan, reply);
    else
        assert_string_equal(word, "idle");
    freeReplyObject(reply);
    return again ? claim(w, d, r) : took;
}

static void look(struct week *w, struct week_daemon *d)
{
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
        if (d->requests[i].answered_ms == 0 && !claim(w, d, &d->requests[i]))
            return;
    }
}

static void step(struct week *w, struct week_daemon *d)
{
    for (size_t i = 0; i < IN_FLIGHT_MAX; i++) {
        struct week_request *r = &d->requests[i];
        if (r->answered_ms != 0 && !r->processed && w->now_ms >= r->processed_ms)
            process(w, r);
        if (r->processed && w->now_ms >= r->answered_ms)
            answer(w, d, r);
    }
    look(w, d);
}

void week_run(struct week *w, int64_t seconds, int64_t step_ms)
{
    for (int64_t end = w->now_ms + seconds * 1000; w->now_ms < end; w->now_ms += step_ms) {
        for (size_t i = 0; i < w->n_daemons; i++)
            step(w, &w->daemons[i]);
    }
}
