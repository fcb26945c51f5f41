/* What `badgewatch asin add` and `asin import` say about tokens and money. The plan is what Keepa told the daemon last
 * (bw:tokens); the products are those of the table, as they are after the change.
 *
 * How it fails: it never fails the command, whose work is done. What cannot be known is said. */
#include "forecast.h"

#include "badgewatch/core/bucket.h"
#include "badgewatch/core/forecast.h"
#include "command.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct plan {
    int64_t refill_rate, rate; /* 0 = not known */
};

struct tracked {
    long long products;
    double checks_per_hour;
};

static void read_tracked(void *ctx, const struct bw_pg_result *rows)
{
    struct tracked *t = ctx;
    t->products = strtoll(bw_pg_value(rows, 0, 0), NULL, 10);
    t->checks_per_hour = strtod(bw_pg_value(rows, 0, 1), NULL);
}

static void read_plan(void *ctx, const struct bw_reply *reply)
{
    struct plan *p = ctx;
    if (reply->type != BW_REPLY_ARRAY || reply->n != 2 || !reply->elements[0].str || !reply->elements[1].str)
        return;
    p->refill_rate = strtoll(reply->elements[0].str, NULL, 10);
    p->rate = strtoll(reply->elements[1].str, NULL, 10);
}

/* Tokens that a check costs at most, as the daemon will ask. */
static void cost_of_check(const struct bw_conf *conf, const struct plan *p, double checks_per_hour,
                          struct bw_forecast_input *in)
{
    struct bw_bucket full;
    bw_bucket_init(&full);
    struct bw_tokens tokens = {.left = p->refill_rate * 60,
                               .rate = p->refill_rate,
                               .flow_reduction = (double)(p->refill_rate - p->rate)};
    bw_bucket_told(&full, &tokens, (struct bw_mono){0});
    bool automatic = conf->keepa_update_h == BW_UPDATE_AUTO;
    bool live = conf->keepa_update_h == 0 ||
                (automatic && bw_bucket_affords(&full, conf->token_reserve, 2 * checks_per_hour));
    bool undecided = automatic && p->refill_rate <= 0;
    in->least = live ? 2 : 1;
    in->most = live || undecided ? 2 : 1;
}

/* 542, 8.07, 0.01: a product that is checked once a week counts, too. */
static int decimals(double checks)
{
    return checks >= 100 || checks == floor(checks) ? 0 : 2;
}

static void print_tokens(const struct tracked *t, const struct bw_forecast_input *in,
                         const struct bw_forecast *f)
{
    printf("%lld active product%s: %.*f checks an hour, ", t->products, t->products == 1 ? "" : "s",
           decimals(t->checks_per_hour), t->checks_per_hour);
    if (in->least != in->most)
        printf("%.0f to %.0f tokens an hour, %.0f to %.0f in a month of 31 days", ceil(f->least_hour),
               ceil(f->most_hour), ceil(f->least_month), ceil(f->most_month));
    else
        printf("%s%.0f tokens an hour, %.0f in a month of 31 days", in->most > 1 ? "at most " : "",
               ceil(f->most_hour), ceil(f->most_month));
    printf("\n");
}

static void print_plan(const struct bw_conf *conf, const struct plan *p, const struct bw_forecast *f)
{
    printf("the plan gives %lld tokens an hour: ", 60LL * (long long)p->rate);
    if (f->stretch > 0)
        printf("it does not keep up\n");
    else
        printf("%.1f %% of it, %s %.2f of %.2f a month\n", f->share * 100, conf->currency,
               f->month_cents / 100, (double)conf->monthly_cost_cents / 100);
    if (f->stretch > 0 && isfinite(f->stretch))
        fprintf(
            stderr,
            "badgewatch: the plan would not keep up: %.0f tokens an hour are wanted, %lld come; products of "
            "high priority go first, on average a check comes after %.1f times its interval\n",
            ceil(f->most_hour), 60LL * (long long)p->rate, f->stretch);
    else if (f->stretch > 0)
        fprintf(stderr, "badgewatch: the plan would not keep up: trackings at Keepa take all its tokens\n");
}

void print_forecast(struct session *s)
{
    static const char sql[] = "SELECT count(*), coalesce(sum(60.0 / monitoring_frequency), 0) FROM "
                              "tracked_asins WHERE is_active";
    struct tracked t = {0};
    struct plan p = {0};
    if (!session_query(s, sql, 0, NULL, read_tracked, &t))
        return;
    bool asked = session_try_redis(s);
    const char *argv[] = {"HMGET", s->keys.tokens, "refill_rate", "rate"};
    if (asked)
        asked = session_command(s, 4, argv, read_plan, &p);
    struct bw_forecast_input in = {.checks_per_hour = t.checks_per_hour,
                                   .plan_rate = p.refill_rate,
                                   .rate = p.rate,
                                   .monthly_cost_cents = s->conf->monthly_cost_cents};
    struct bw_forecast f;
    cost_of_check(s->conf, &p, t.checks_per_hour, &in);
    bw_forecast(&in, &f);
    print_tokens(&t, &in, &f);
    if (p.refill_rate > 0)
        print_plan(s->conf, &p, &f);
    else
        printf("whether the plan keeps up is not known yet: %s\n",
               asked ? "Keepa tells it with its first answer" : "Redis, where its figures are, is away");
}
